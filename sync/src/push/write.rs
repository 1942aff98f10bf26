//! What a push writes: an incident, or what differs of one that is there.

use super::due::Due;
use super::note::Note;
use super::outcome::{self, Wrote};
use super::said::Said;
use super::{Push, Pushing, references};
use crate::bindings::push::{NoteResult, PushOutcome};
use crate::mapping::{Column, pairs};
use servicenow_core::bindings::incidents::{Made, Stored};
use servicenow_core::bindings::types::{Reason, WriteHappened};
use servicenow_core::failure::{CallError, failure};
use servicenow_core::incidents::body::Body;
use servicenow_core::incidents::create::{Created, ValidCreate};
use servicenow_core::incidents::stored::compare;
use servicenow_core::incidents::update::ValidUpdate;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::incident_table;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;

/// The field of a warning about columns that were left alone.
const NOT_REMEMBERED: &str = "not-remembered";

/// What is to be written to an incident that is there.
pub struct Change {
    columns: Vec<(String, String)>,
    /// Columns that the record does not have at all: sending them would be in vain each time.
    unknown: Vec<String>,
    note: NoteResult,
}

impl Push<'_> {
    /// What differs between the columns that are due and the incident.
    pub(super) fn change(&mut self, record: &Record, due: Due, session: &mut Session<'_>) -> Result<Change, CallError> {
        let is_known = |name: &str| record.cell(name).is_some() || incident_table::column(name).is_some();
        let differs = |column: &Column| compare(&column.name, &column.value, record, false) != Stored::Stored;
        let withheld = due.not_remembered.iter().filter(|column| column.lookup.is_none() && differs(column));
        let withheld: Vec<_> = withheld.map(|column| column.name.as_str()).collect();
        if !withheld.is_empty() {
            self.mapped.warnings.add(
                NOT_REMEMBERED,
                &withheld.join(", "),
                "a ledger that knows what the last event said: these columns were left alone",
            );
        }
        let (known, unknown): (Vec<_>, Vec<_>) = due.columns.into_iter().partition(|column| is_known(&column.name));
        let resolved = references::resolved(known, session, &mut self.mapped.warnings)?;
        let columns = pairs(&resolved.into_iter().filter(differs).collect::<Vec<_>>());
        let unknown = unknown.into_iter().map(|column| column.name).collect();
        let note = match &mut self.note {
            None => NoteResult::None,
            Some(note) => {
                let sys_id = record.text("sys_id");
                let is_followed = self.last.is_whole(&sys_id);
                note.decide(&sys_id, columns.is_empty(), is_followed, self.ledger, session)?
            }
        };
        Ok(Change { columns, unknown, note })
    }

    pub(super) fn create(&mut self, earlier: Option<&SysId>, session: &mut Session<'_>) -> Result<Pushing, CallError> {
        if self.mapped.columns.is_empty() {
            let mut violations = Violations::default();
            violations.add("rules.body", "nothing", "a column that comes to something: an incident is made of it");
            return Err(CallError::InvalidData(violations.list));
        }
        let resolved = references::resolved(self.mapped.columns.clone(), session, &mut self.mapped.warnings)?;
        let note = self.note.as_ref();
        let mut body = Body { columns: pairs(&resolved) };
        body.columns.extend(note.map(Note::column));
        let correlation_id = &self.mapped.correlation_id;
        let scope = earlier.map_or(self.call.authorization.as_str(), SysId::as_str);
        let key = SysId::derive(scope, correlation_id);
        let create = ValidCreate::new(body, key.clone(), correlation_id.clone())?;
        // If its answer is lost, the incident is known to be this host's, and whatever is said of it next is written.
        self.last = Said::begun(key.as_str());
        self.ledger.remember(correlation_id, &self.last.to_text());
        let Created { receipt, was_lost } = create.run(session)?;
        if receipt.made == Made::Found {
            return Ok(Pushing::Found { was_lost });
        }
        let note = if note.is_some() { NoteResult::Added } else { NoteResult::None };
        // A rule that runs after the insert may have changed the record already.
        let version = outcome::version(&receipt.response_payload).filter(|version| *version == 0);
        Ok(Wrote::Created.with(receipt, version, note, Vec::new()).into())
    }

    pub(super) fn update(
        &mut self,
        record: &Record,
        change: Change,
        wrote: Wrote,
        session: &mut Session<'_>,
    ) -> Result<PushOutcome, CallError> {
        let Change { mut columns, unknown, note } = change;
        let wrote = if columns.is_empty() { Wrote::Note } else { wrote };
        let is_written = matches!(note, NoteResult::Added | NoteResult::MayBeTwice);
        columns.extend(self.note.iter().filter(|_| is_written).map(Note::column));
        if columns.is_empty() {
            return Ok(PushOutcome::Unchanged(self.unchanged(record, session, note, unknown)));
        }
        let sys_id = SysId::parse(&record.text("sys_id")).ok_or_else(|| {
            let message = "ServiceNow answered with an incident without its sys_id".to_string();
            CallError::Rejected(failure(Reason::UnexpectedAnswer, message, WriteHappened::No))
        })?;
        // If its answer is lost, what it says anew is in doubt, and an event that says it again writes it.
        let before = self.last.clone();
        if before.is_of(sys_id.as_str()) {
            self.last = before.without_news(sys_id.as_str(), self.mapped.said(), self.mapped.says_end());
            self.ledger.remember(&self.mapped.correlation_id, &self.last.to_text());
        }
        let receipt = match ValidUpdate::new(Body { columns }, sys_id.clone())?.run(session) {
            Ok(receipt) => receipt,
            Err(error) => {
                let outcome = outcome::of_update(error);
                let wrote_nothing =
                    outcome.failure().is_some_and(|failure| failure.write_happened == WriteHappened::No);
                if wrote_nothing && before.is_of(sys_id.as_str()) {
                    self.ledger.remember(&self.mapped.correlation_id, &before.to_text());
                }
                return Ok(outcome);
            }
        };
        let unchanged = outcome::version(&receipt.response_payload)
            .is_some_and(|version| Some(version.to_string().as_str()) == record.value("sys_mod_count"));
        let is_stored =
            |name: &str| receipt.columns.iter().all(|column| column.name != name || column.stored != Stored::NotStored);
        let wrote = match wrote {
            // What ServiceNow drops each time it is sent changes nothing.
            _ if unchanged && !is_written => Wrote::Nothing,
            Wrote::Resolved | Wrote::Reopened if !is_stored("state") => Wrote::Updated,
            wrote => wrote,
        };
        let version = outcome::own_version(record, &receipt);
        Ok(wrote.with(receipt, version, note, unknown))
    }
}

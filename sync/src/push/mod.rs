//! Push: finds the incident that belongs to an event, and makes it what the event says.
//!
//! Only what differs is written, and of that only what the last event did not say already: a repeated event changes nothing, and
//! what people changed stays. A note is written once. A create is safe by its primary key, like any create of the core; the
//! incident that follows a closed one gets a key that the closed one's goes into.
//!
//! An event that says something else sets its columns: the last writer wins. Where changes do not come back, one thing it never does
//! is move an incident back to New: that somebody works on it is then the instance's knowledge alone.

mod closed;
mod due;
mod find;
mod headers;
mod journal;
mod note;
mod outcome;
mod references;
mod said;
mod write;

pub use journal::plain;
pub use note::{claim_end, decided};

use crate::bindings::push::{NoteResult, PushOutcome, Pushed};
use crate::callbacks::seen;
use crate::ledger::Ledger;
use crate::mapping::{Mapped, Mapping, map, pairs};
use crate::rules::{Direction, OnClosed, Rules, Write};
use closed::{ClosedRules, Decision};
use due::{Due, Known, due, due_again};
use find::Found;
use headers::WithHeaders;
use note::Note;
use outcome::Wrote;
use said::Said;
use servicenow_core::bindings::types::{Call, Reason, WriteHappened};
use servicenow_core::failure::{CallError, failure};
use servicenow_core::host::Host;
use servicenow_core::incidents::call::{self, ValidCall};
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::requests::record_page;
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;

/// Pushes an event.
pub fn push(
    call: &Call,
    rules: &str,
    event: &str,
    manual: bool,
    ledger: &mut dyn Ledger,
    host: &mut dyn Host,
) -> PushOutcome {
    let started_ms = host.now_ms();
    let mut violations = Violations::default();
    let checked = call::check(call, &mut violations);
    let rules = Rules::parse(rules, &mut violations);
    let mapping = rules.as_ref().and_then(|rules| map(rules, event, manual, &[], &mut violations));
    let parsed = match (checked, rules, mapping) {
        (Some(checked), Some(rules), Some(mapping)) => Some((checked, rules, mapping)),
        _ => None,
    };
    let (checked, rules, mut mapped) = match violations.or_invalid_data(parsed) {
        Ok((_, _, Mapping::FilteredOut(why))) => return PushOutcome::FilteredOut(why),
        Ok((checked, rules, Mapping::Mapped(mapped))) => (checked, rules, mapped),
        Err(end) => return end.into(),
    };
    let mut host = WithHeaders { host, headers: &rules.headers };
    let note = mapped.note.take().map(Note::new);
    let last = Said::read(ledger.last_event(&mapped.correlation_id).as_deref());
    let (closed, direction) = (ClosedRules::of(&rules), rules.direction);
    let done = rules.done();
    let mut push =
        Push { call: checked, closed, done, direction, mapped, note, last, is_said: true, ledger, started_ms };
    let outcome = push.run(&mut host).unwrap_or_else(|end| end.into()).about(&push.mapped.correlation_id);
    push.conclude(&outcome);
    outcome.warned(push.mapped.warnings.list)
}

/// A push whose inputs are in order.
struct Push<'p> {
    call: ValidCall,
    closed: ClosedRules,
    /// States in which an incident is done.
    done: Vec<String>,
    direction: Direction,
    mapped: Mapped,
    note: Option<Note>,
    /// What the last event said.
    last: Said,
    /// Whether the incident is what this event says, in the end.
    is_said: bool,
    ledger: &'p mut dyn Ledger,
    started_ms: u64,
}

impl Push<'_> {
    fn run(&mut self, host: &mut dyn Host) -> Result<PushOutcome, CallError> {
        let outcome = self.once(host)?;
        // Another push made the incident at the same moment, with what its event said and not with what this one says; or this one
        // did, and the answer was lost.
        match outcome {
            Pushing::Done(outcome) => Ok(*outcome),
            Pushing::Found { was_lost: false } => self.after_another(host),
            // Whatever ends the rest: the incident may be this push's own.
            Pushing::Found { was_lost: true } => Ok(match self.after_another(host).unwrap_or_else(|end| end.into()) {
                PushOutcome::Unchanged(pushed) => {
                    // Version 0 is the insert's, whoever made it: the same event did.
                    let version = pushed.version.filter(|version| *version == 0);
                    PushOutcome::Created(Pushed { version, ..pushed })
                }
                outcome => outcome.in_doubt(),
            }),
        }
    }

    /// Goes on with an incident that was there when it was to be made. It has the key that this push would have made it with, so that
    /// what this event says is news of it.
    fn after_another(&mut self, host: &mut dyn Host) -> Result<PushOutcome, CallError> {
        match self.once(host)? {
            Pushing::Done(outcome) => Ok(*outcome),
            Pushing::Found { .. } => {
                let message = "the incident was made by another push, and is not to be found".to_string();
                Err(CallError::Rejected(failure(Reason::Conflict, message, WriteHappened::No)))
            }
        }
    }

    fn once(&mut self, host: &mut dyn Host) -> Result<Pushing, CallError> {
        let now = host.unix_seconds();
        let mut session = Session::open(&self.call, self.started_ms, host)?;
        let found = find::by_correlation_id(&mut session, &self.mapped.correlation_id, &self.done)?;
        if let Found::Open(record) | Found::Closed(record) = &found {
            self.is_believed(&record.text("sys_id"));
        }
        match found {
            Found::Nothing if self.mapped.recovers => {
                Ok(PushOutcome::FilteredOut("the event recovered, and it has no incident".to_string()).into())
            }
            Found::Nothing if !self.mapped.creates => {
                Ok(PushOutcome::FilteredOut("it has no incident, and the rules make none".to_string()).into())
            }
            Found::Nothing => self.create(None, &mut session),
            Found::Closed(record) if self.mapped.recovers => {
                let note = self.left_out();
                Ok(PushOutcome::Unchanged(self.unchanged(&record, &session, note, Vec::new())).into())
            }
            Found::Closed(record) if self.mapped.keeps && self.closed.action != Some(OnClosed::Comment) => {
                self.goes_on(&record.text("sys_id"));
                Ok(PushOutcome::FilteredOut("its incident is closed, and the event leaves the state alone".to_string())
                    .into())
            }
            Found::Closed(record) => self.after_closed(&record, now, &mut session),
            Found::Open(record) => {
                let sys_id = record.text("sys_id");
                let known = Known { sys_id: &sys_id, state: record.value("state"), last: &self.last };
                let due = due(&self.mapped.columns, &known, self.mapped.recovers, self.direction);
                let change = self.change(&record, due, &mut session)?;
                let wrote = if self.mapped.recovers { Wrote::Resolved } else { Wrote::Updated };
                self.update(&record, change, wrote, &mut session).map(Into::into)
            }
        }
    }

    /// What the event does to an incident that is closed.
    fn after_closed(&mut self, record: &Record, now: u64, session: &mut Session<'_>) -> Result<Pushing, CallError> {
        let sys_id = record.text("sys_id");
        // What is written only when an incident is made is no news of this one.
        let lasting = self.mapped.columns.iter().filter(|column| column.write != Write::Create);
        let is_repeated = self.last.has_all(&sys_id, lasting, self.mapped.says_end());
        match self.closed.decide(record, is_repeated, now) {
            Decision::Repeated => {
                let note = self.left_out();
                Ok(PushOutcome::Unchanged(self.unchanged(record, session, note, Vec::new())).into())
            }
            Decision::Quiet(why) => {
                self.goes_on(&sys_id);
                Ok(PushOutcome::FilteredOut(why).into())
            }
            Decision::Act(OnClosed::Create) if !self.mapped.creates => {
                Ok(PushOutcome::FilteredOut("its incident is closed, and the rules make none".to_string()).into())
            }
            Decision::Act(OnClosed::Create) => self.create(SysId::parse(&sys_id).as_ref(), session),
            Decision::Act(OnClosed::Reopen) => {
                let known = Known { sys_id: &sys_id, state: record.value("state"), last: &self.last };
                let due = due_again(&self.mapped.columns, &known, self.direction);
                // The state that it is opened in counts as said: the next end is news.
                let state = due.columns.iter().filter(|column| column.name == "state").cloned().collect::<Vec<_>>();
                self.mapped.columns.retain(|column| column.name != "state");
                self.mapped.columns.extend(state);
                let change = self.change(record, due, session)?;
                self.update(record, change, Wrote::Reopened, session).map(Into::into)
            }
            Decision::Act(OnClosed::Comment) => {
                self.is_said = false;
                let change = self.change(record, Due::default(), session)?;
                self.update(record, change, Wrote::Updated, session).map(Into::into)
            }
        }
    }

    /// Has the ledger remember what the event says, whatever comes of the push: another value is news to whoever sent it.
    fn is_believed(&mut self, sys_id: &str) {
        let columns = pairs(&self.mapped.columns);
        seen::change(self.ledger, sys_id, |seen| seen.with_values(&columns));
    }

    /// Has the ledger remember what was written.
    fn conclude(&mut self, outcome: &PushOutcome) {
        if let Some(note) = &self.note {
            note.end(outcome, self.ledger);
        }
        let Some(pushed) = outcome.pushed() else { return };
        // Its delivery is then known as an echo.
        if let Some(version) = pushed.version.filter(|_| !matches!(outcome, PushOutcome::Unchanged(_))) {
            self.ledger.settle(&pushed.sys_id, version);
        }
        self.is_believed(&pushed.sys_id);
        let known = self.ledger.last_event(&self.mapped.correlation_id);
        // What another push said meanwhile, and what a closed incident was not made, is in doubt.
        let is_last = known.as_deref() == Some(&*self.last.to_text()) || !self.last.is_of(&pushed.sys_id);
        let columns = &self.mapped.columns;
        let said = match self.is_said && is_last {
            true => self.last.with(&pushed.sys_id, columns, self.mapped.says_end(), &pushed.not_stored),
            false => Said::read(known.as_deref()),
        };
        // What was written is known by now. What was not, the next event says anew.
        let said = said.without_news(&pushed.sys_id, self.mapped.said(), self.mapped.says_end());
        self.ledger.remember(&self.mapped.correlation_id, &said.to_text());
    }

    /// Has the ledger remember that the problem of a closed incident lasts, though the event is left out.
    fn goes_on(&mut self, sys_id: &str) {
        if self.last.has_recovered(sys_id) && self.mapped.has_status {
            self.last = self.last.resumed();
            self.ledger.remember(&self.mapped.correlation_id, &self.last.to_text());
        }
    }

    /// What becomes of the note of an event whose closed incident stays as it is.
    fn left_out(&self) -> NoteResult {
        if self.note.is_some() { NoteResult::Withheld } else { NoteResult::None }
    }

    fn unchanged(&self, record: &Record, session: &Session<'_>, note: NoteResult, not_stored: Vec<String>) -> Pushed {
        Pushed {
            number: record.text("number"),
            sys_id: record.text("sys_id"),
            correlation_id: self.mapped.correlation_id.clone(),
            version: record.value("sys_mod_count").and_then(|count| count.parse().ok()),
            written: Vec::new(),
            not_stored,
            note,
            warnings: Vec::new(),
            url: record
                .value("sys_id")
                .and_then(SysId::parse)
                .map_or_else(String::new, |key| record_page(&session.origin, &key)),
            response_payload: String::new(),
        }
    }
}

/// How far a push came.
enum Pushing {
    Done(Box<PushOutcome>),
    /// The incident was there when it was to be made, or when the answer was lost.
    Found {
        was_lost: bool,
    },
}

impl From<PushOutcome> for Pushing {
    fn from(outcome: PushOutcome) -> Self {
        Pushing::Done(Box::new(outcome))
    }
}

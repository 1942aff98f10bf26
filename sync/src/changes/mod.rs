//! What deliveries missed: records in the order of their changes, page by page.
//!
//! A pass walks by key over (`sys_updated_on`, `sys_id`), so that updates in the same second are neither skipped nor repeated. It
//! starts an overlap before the latest change that the last pass saw, because rows are committed out of order, and what comes
//! twice by that is told apart by its version.

mod comments;
pub mod cursor;
mod zone;

use crate::bindings::changes::{ChangePage, ChangesOutcome, Selection};
use crate::callbacks::payload::Payload;
use crate::callbacks::seen::Source;
use crate::callbacks::{Judged, Wants, judged, overtaken_comments, wants};
use crate::ledger::Ledger;
use crate::rules::Rules;
use cursor::{Cursor, Position};
use servicenow_core::bindings::types::{Call, Reason, WriteHappened};
use servicenow_core::failure::{CallError, failure};
use servicenow_core::host::Host;
use servicenow_core::incidents::call::{self, ValidCall};
use servicenow_core::incidents::violations::Violations;
use servicenow_core::outcome_of_errors;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;
use servicenow_core::set_up::TABLES;
use zone::Zone;

/// The columns that every task has. Those of one table alone come with deliveries only.
const COLUMNS: &str = "sys_id,number,sys_class_name,sys_mod_count,sys_updated_on,sys_created_on,short_description,\
    description,state,priority,urgency,impact,assignment_group,assigned_to,company";

/// How many records a page has where nothing is said: some 300 KB.
const DEFAULT_LIMIT: u32 = 200;

/// How many rows are looked at for the latest change: those the user may not see are left out of them.
const LATEST: u32 = 20;

/// The most that a page may have.
const MAX_LIMIT: u32 = 1_000;

/// A transaction may take 60 seconds before it commits; twice that is read again.
const DEFAULT_OVERLAP: u32 = 120;

/// A day: more is a mistake.
const MAX_OVERLAP: u32 = 86_400;

/// A reading whose inputs are in order.
struct Reading {
    call: ValidCall,
    tables: Vec<String>,
    zone: Option<Zone>,
    overlap: u32,
    limit: u32,
    rules: Option<Rules>,
    cursor: Option<Cursor>,
}

/// Reads the changes since a cursor.
pub fn since(
    call: &Call,
    selection: &Selection,
    rules: Option<&str>,
    cursor: Option<&str>,
    ledger: &mut dyn Ledger,
    host: &mut dyn Host,
) -> ChangesOutcome {
    let started_ms = host.now_ms();
    let read = check(call, selection, rules, cursor).and_then(|reading| reading.run(started_ms, ledger, host));
    read.map_or_else(ChangesOutcome::from, ChangesOutcome::ChangesPage)
}

fn check(call: &Call, selection: &Selection, rules: Option<&str>, cursor: Option<&str>) -> Result<Reading, CallError> {
    let mut violations = Violations::default();
    let checked = call::check(call, &mut violations);
    for table in selection.tables.iter().filter(|table| !TABLES.contains(&table.as_str())) {
        violations.add("tables", table, &format!("one of: {}", TABLES.join(", ")));
    }
    let zone = selection.time_zone.as_deref().map(|name| Zone::named("time_zone", name, &mut violations));
    let mut within = |field: &str, given: Option<u32>, usual: u32, least: u32, most: u32| {
        let given = given.unwrap_or(usual);
        if !(least..=most).contains(&given) {
            violations.add(field, &given.to_string(), &format!("a number from {least} to {most}"));
        }
        given
    };
    let overlap = within("overlap_seconds", selection.overlap_seconds, DEFAULT_OVERLAP, 0, MAX_OVERLAP);
    let limit = within("limit", selection.limit, DEFAULT_LIMIT, 1, MAX_LIMIT);
    let rules = rules.map(|rules| Rules::parse(rules, &mut violations));
    let cursor = cursor.map(|cursor| Cursor::parse(cursor, &mut violations));
    let call = violations.or_invalid_data(checked)?;
    let tables = match selection.tables.is_empty() {
        true => TABLES.map(str::to_string).to_vec(),
        false => selection.tables.clone(),
    };
    let (zone, rules, cursor) = (zone.flatten(), rules.flatten(), cursor.flatten());
    Ok(Reading { call, tables, zone, overlap, limit, rules, cursor })
}

impl Reading {
    fn run(self, started_ms: u64, ledger: &mut dyn Ledger, host: &mut dyn Host) -> Result<ChangePage, CallError> {
        let mut session = Session::open(&self.call, started_ms, host)?;
        let Some(cursor) = &self.cursor else {
            let cursor = Cursor::at(&self.latest(&mut session)?);
            return Ok(ChangePage {
                changes: Vec::new(),
                known: 0,
                shows_comments: false,
                cursor: cursor.to_text(),
                more: false,
            });
        };
        let zone = match self.zone.clone() {
            Some(zone) => zone,
            None => zone::of_user(&mut session)?,
        };
        let position = cursor.position(self.overlap);
        let (records, more) = self.page(&position, &zone, &mut session)?;
        let last = records.last().map(Position::of);
        let last = last.unwrap_or(position);
        let next = match more {
            false => cursor.after_pass(last),
            true if cursor.is_in_pass() => cursor.in_pass(last, None),
            true => cursor.in_pass(last, Some(self.latest(&mut session)?)),
        };
        let payloads: Vec<_> = records.iter().filter_map(Payload::of_record).collect();
        if payloads.is_empty() && !records.is_empty() {
            return Err(rejected(Reason::Forbidden, "ServiceNow shows no sys_mod_count: the user may not read it"));
        }
        let from = zone.floor(&cursor.start(self.overlap).at)?.0;
        let mut payloads: Vec<_> = payloads.into_iter().map(|payload| (wants(&payload, ledger), payload)).collect();
        let mut wanting: Vec<_> = payloads.iter_mut().filter(|(wants, _)| *wants != Wants::Nothing).collect();
        let shows_comments = comments::add(&mut wanting, &from, &mut session)?;
        let mut page = ChangePage { changes: Vec::new(), known: 0, shows_comments, cursor: next.to_text(), more };
        let authorization = &self.call.authorization;
        for (wants, payload) in payloads {
            let accepted = match wants {
                Wants::Overtaken => overtaken_comments(payload, self.rules.as_ref(), authorization, ledger),
                Wants::Comments | Wants::Nothing => {
                    match judged(payload, self.rules.as_ref(), Source::Table, authorization, ledger) {
                        Judged::Accepted(accepted) | Judged::Late(accepted) => Some(accepted),
                        Judged::Duplicate | Judged::Stale | Judged::Echo => None,
                        Judged::Ignored(_) => continue,
                    }
                }
            };
            page.known += u32::from(accepted.is_none());
            page.changes.extend(accepted);
        }
        Ok(page)
    }

    /// When the latest change was.
    fn latest(&self, session: &mut Session<'_>) -> Result<String, CallError> {
        let query = format!("{}^ORDERBYDESCsys_updated_on", self.of_tables());
        let mut offset = 0_u64;
        loop {
            let parameters = [
                ("sysparm_query", query.as_str()),
                ("sysparm_fields", "sys_updated_on"),
                ("sysparm_limit", &LATEST.to_string()),
                ("sysparm_offset", &offset.to_string()),
            ];
            let rows = session.fetch(&requests::list(&session.origin, "task", &parameters))?;
            if let Some(record) = rows.records.first() {
                return Ok(record.text("sys_updated_on"));
            }
            offset += u64::from(LATEST);
            match rows.total {
                Some(total) if total >= offset => {}
                Some(total) if total > 0 => return Err(hidden()),
                _ => return Ok(cursor::EPOCH.to_string()),
            }
        }
    }

    /// The records after a position, and whether more follow.
    fn page(
        &self,
        position: &Position,
        zone: &Zone,
        session: &mut Session<'_>,
    ) -> Result<(Vec<Record>, bool), CallError> {
        let (from, is_exact) = zone.floor(&position.at)?;
        let of_tables = self.of_tables();
        let after = match (&position.after, is_exact) {
            (Some(after), true) => {
                format!("sys_updated_on>{from}^{of_tables}^NQsys_updated_on={from}^sys_id>{after}^{of_tables}")
            }
            _ => format!("sys_updated_on>={from}^{of_tables}"),
        };
        let query = format!("{after}^ORDERBYsys_updated_on^ORDERBYsys_id");
        let (mut limit, mut offset) = (self.limit, 0_u64);
        // A page is cut before rows that the user may not see are left out, so that one may be empty with more behind it. And in
        // the hour that clocks repeat, a time of day says two instants, and the reading starts before both: then pages of what was
        // read already are passed over.
        loop {
            let parameters = [
                ("sysparm_query", query.as_str()),
                ("sysparm_fields", COLUMNS),
                ("sysparm_exclude_reference_link", "true"),
                ("sysparm_limit", &limit.to_string()),
                ("sysparm_offset", &offset.to_string()),
            ];
            let mut rows = match session.fetch(&requests::list(&session.origin, "task", &parameters)) {
                // A page that is too large for the host is read in halves: the cursor would stay before it for ever.
                Err(end) if limit > 1 && is_too_large(&end) => {
                    limit /= 2;
                    continue;
                }
                rows => rows?,
            };
            let read = offset + u64::from(limit);
            let more = match rows.total {
                Some(total) => total > read,
                None => rows.records.len() as u64 >= u64::from(limit),
            };
            self.refuse_others(&rows.records)?;
            let before = rows.records.len();
            rows.records.retain(|record| position.is_before(record));
            if is_exact && rows.records.len() < before {
                return Err(wrong("ServiceNow answered with records before the ones asked for"));
            }
            if !rows.records.is_empty() || !more {
                return Ok((rows.records, more));
            }
            offset = read;
        }
    }

    fn of_tables(&self) -> String {
        format!("sys_class_nameIN{}", self.tables.join(","))
    }

    /// An instance drops a condition that it does not understand: what comes back is checked.
    fn refuse_others(&self, records: &[Record]) -> Result<(), CallError> {
        let is_asked_for = |record: &Record| {
            record.value("sys_class_name").is_some_and(|class| self.tables.iter().any(|table| table == class))
        };
        let is_ordered = records.is_sorted_by_key(Position::of);
        match records.iter().all(is_asked_for) && is_ordered {
            true => Ok(()),
            false => Err(wrong("ServiceNow answered with other records than the ones asked for, or in another order")),
        }
    }
}

fn is_too_large(end: &CallError) -> bool {
    matches!(end, CallError::Error(failure) | CallError::Rejected(failure) if failure.reason == Reason::TooLarge)
}

/// Nothing that counts is shown.
fn hidden() -> CallError {
    rejected(Reason::Forbidden, "ServiceNow counts changes and shows none: the user may not read these tables")
}

fn wrong(message: &str) -> CallError {
    rejected(Reason::WrongRecord, message)
}

fn rejected(reason: Reason, message: &str) -> CallError {
    let mut failure = failure(reason, message.to_string(), WriteHappened::No);
    failure.status = Some(200);
    CallError::Rejected(failure)
}

outcome_of_errors!(ChangesOutcome {
    choice => InvalidData,
    no_credential => AuthorizationFail,
    401 => AuthorizationFail,
    rejected => ChangesFailure,
});

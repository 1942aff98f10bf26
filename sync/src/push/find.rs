//! Finds the incident of an event.

use servicenow_core::bindings::types::{Reason, WriteHappened};
use servicenow_core::failure::{CallError, failure};
use servicenow_core::servicenow::query::is_alike;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::requests::{self, INCIDENT};
use servicenow_core::servicenow::session::Session;

/// The latest incidents of an event are looked at. More than this were closed before, and are of no interest.
const LIMIT: &str = "20";

/// What was found.
pub enum Found {
    /// No incident has the correlation id.
    Nothing,
    /// One is open.
    Open(Record),
    /// None is open; this is the latest.
    Closed(Record),
}

/// The incident with this correlation id. `done` are the states in which one is done. Rows are checked: an instance drops a condition that it does not understand, and
/// then everything matches.
pub fn by_correlation_id(session: &mut Session<'_>, correlation_id: &str, done: &[String]) -> Result<Found, CallError> {
    let query = format!("correlation_id={correlation_id}^ORDERBYDESCsys_created_on^ORDERBYDESCnumber");
    let parameters = [("sysparm_query", query.as_str()), ("sysparm_limit", LIMIT)];
    let rows = session.fetch(&requests::list(&session.origin, INCIDENT, &parameters))?;
    let judged = |reason, message: &str| {
        let mut failure = failure(reason, message.to_string(), WriteHappened::No);
        failure.status = Some(200);
        Err(CallError::Rejected(failure))
    };
    // Databases compare without regard to case and accents; another case is another event's.
    let is_same = |record: &Record| record.value("correlation_id") == Some(correlation_id);
    let is_like = |record: &Record| record.value("correlation_id").is_some_and(|id| is_alike(id, correlation_id));
    if !rows.records.iter().all(is_like) {
        return judged(Reason::WrongRecord, "ServiceNow answered with another incident than the one asked for");
    }
    if rows.records.is_empty() && rows.total.is_some_and(|total| total > 0) {
        return judged(Reason::Forbidden, "ServiceNow counts a match and shows none: the user may not read it");
    }
    // An instance's own states are closed ones where the record is not active.
    let is_done = |record: &Record| {
        record.value("active") == Some("false")
            || record.value("state").is_some_and(|state| done.iter().any(|done| done == state))
    };
    let (done, mut open): (Vec<_>, Vec<_>) = rows.records.into_iter().filter(is_same).partition(is_done);
    match open.len() {
        0 => Ok(done.into_iter().next().map_or(Found::Nothing, Found::Closed)),
        1 => Ok(Found::Open(open.remove(0))),
        several => judged(Reason::Ambiguous, &format!("{several} open incidents have this correlation id")),
    }
}

//! Reads a record back after a write whose result is unknown.

use crate::failure::CallError;
use crate::servicenow::record::Record;
use crate::servicenow::requests::{self, INCIDENT};
use crate::servicenow::session::Session;
use crate::servicenow::sys_id::SysId;

/// A record that was read back, and the text it came in.
pub struct Found {
    /// The record.
    pub record: Record,
    /// The answer's text.
    pub payload: String,
}

/// The incident that a create with this key and correlation id made, if there is one.
///
/// Only the key proves that it is this create's: correlation ids are not unique, and another integration may use the same.
/// Nothing found proves nothing, for a row may commit later, and an instance may ignore the key that a client chose.
pub fn created(session: &mut Session<'_>, sys_id: &SysId, correlation_id: &str) -> Result<Option<Found>, CallError> {
    let found = by_key(session, sys_id)?;
    Ok(found.filter(|found| found.record.value("correlation_id") == Some(correlation_id)))
}

/// The incident with this key, if there is one.
pub fn by_key(session: &mut Session<'_>, sys_id: &SysId) -> Result<Option<Found>, CallError> {
    let query = format!("sys_id={sys_id}");
    let request = requests::list(&session.origin, INCIDENT, &[("sysparm_query", &query), ("sysparm_limit", "2")]);
    let rows = session.fetch(&request)?;
    let payload = rows.payload;
    Ok(rows
        .records
        .into_iter()
        .find(|record| record.value("sys_id") == Some(sys_id.as_str()))
        .map(|record| Found { record, payload }))
}

//! The comments that deliveries missed, from the journal of the records that changed.

use crate::callbacks::payload::{Comment, Payload};
use servicenow_core::bindings::types::Reason;
use servicenow_core::failure::CallError;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;

/// How many records are named in one query: an address of some 2 KB, which every proxy takes.
const RECORDS: usize = 50;

/// How many comments of so many records are read.
const LIMIT: &str = "1000";

/// Adds the comments made since a time, which is said in the user's zone. Whether the user was shown any.
pub fn add(payloads: &mut [Payload], from: &str, session: &mut Session<'_>) -> Result<bool, CallError> {
    let mut are_shown = false;
    for payloads in payloads.chunks_mut(RECORDS) {
        let keys: Vec<_> = payloads.iter().map(|payload| payload.sys_id.to_string()).collect();
        let query = format!(
            "element_idIN{}^element=comments^sys_created_on>={from}^ORDERBYsys_created_on^ORDERBYsys_id",
            keys.join(",")
        );
        let parameters = [
            ("sysparm_query", query.as_str()),
            ("sysparm_fields", "sys_id,element_id,element,value"),
            ("sysparm_limit", LIMIT),
        ];
        let rows = match session.fetch(&requests::list(&session.origin, "sys_journal_field", &parameters)) {
            Ok(rows) => rows,
            Err(end) if is_hidden(&end) => return Ok(are_shown),
            Err(end) => return Err(end),
        };
        are_shown |= !rows.records.is_empty();
        // An instance drops a condition that it does not understand: what comes back is checked.
        for row in rows.records.iter().filter(|row| row.value("element") == Some("comments")) {
            let of_row = |payload: &&mut Payload| Some(payload.sys_id.as_str()) == row.value("element_id");
            let (Some(payload), Some(text)) = (payloads.iter_mut().find(of_row), row.value("value")) else { continue };
            let entry = row.value("sys_id").and_then(SysId::parse).map(|key| key.to_string());
            payload.comments.push(Comment { entry, text: text.to_string() });
        }
    }
    Ok(are_shown)
}

/// Whether the journal may not be read, or is too large to be read at once.
fn is_hidden(end: &CallError) -> bool {
    match end {
        CallError::Rejected(failure) | CallError::Error(failure) => {
            matches!(failure.reason, Reason::Forbidden | Reason::DeniedByHost | Reason::TooLarge)
        }
        _ => false,
    }
}

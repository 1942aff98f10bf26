//! The comments that deliveries missed, from the journal of the records that changed.

use crate::callbacks::Wants;
use crate::callbacks::payload::{Comment, Payload};
use servicenow_core::bindings::types::Reason;
use servicenow_core::failure::CallError;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;

/// How many records are named in one query: an address of some 4 KB, which every proxy takes. A page of 1000 records then needs
/// ten requests, and a call has 20.
const RECORDS: usize = 100;

/// How many comments of so many records are read.
const LIMIT: usize = 1_000;

/// Adds the comments made since a time, which is said in the user's zone. Whether those are all, as far as can be told: a journal that
/// shows none may be hidden.
pub fn add(wanting: &mut [&mut (Wants, Payload)], from: &str, session: &mut Session<'_>) -> Result<bool, CallError> {
    let (mut are_shown, mut are_all) = (false, true);
    let mut chunks: Vec<_> = wanting.chunks_mut(RECORDS).collect();
    while let Some(chunk) = chunks.pop() {
        let found = match comments(chunk, from, session) {
            Ok(found) => found,
            Err(end) if is_too_much(&end) => None,
            Err(end) if is_hidden(&end) => return Ok(false),
            Err(end) => return Err(end),
        };
        match found {
            Some(found) => are_shown |= found,
            // More than an answer holds: half of the records are asked for at a time.
            None if chunk.len() > 1 => {
                let (first, second) = chunk.split_at_mut(chunk.len() / 2);
                chunks.extend([first, second]);
            }
            None => are_all = false,
        }
    }
    Ok(are_shown && are_all)
}

/// Adds the comments of some records. Whether there were any; `None` where there are more than an answer holds.
fn comments(
    wanting: &mut [&mut (Wants, Payload)],
    from: &str,
    session: &mut Session<'_>,
) -> Result<Option<bool>, CallError> {
    let keys: Vec<_> = wanting.iter().map(|(_, payload)| payload.sys_id.to_string()).collect();
    let query = format!(
        "element_idIN{}^element=comments^sys_created_on>={from}^ORDERBYsys_created_on^ORDERBYsys_id",
        keys.join(",")
    );
    let parameters = [
        ("sysparm_query", query.as_str()),
        ("sysparm_fields", "sys_id,element_id,element,value"),
        ("sysparm_limit", &LIMIT.to_string()),
    ];
    let rows = session.fetch(&requests::list(&session.origin, "sys_journal_field", &parameters))?;
    if rows.records.len() >= LIMIT && wanting.len() > 1 {
        return Ok(None);
    }
    // An instance drops a condition that it does not understand: what comes back is checked.
    for row in rows.records.iter().filter(|row| row.value("element") == Some("comments")) {
        let mut of_row =
            wanting.iter_mut().filter(|(_, payload)| Some(payload.sys_id.as_str()) == row.value("element_id"));
        let (Some((_, payload)), Some(text)) = (of_row.next(), row.value("value")) else { continue };
        let entry = row.value("sys_id").and_then(SysId::parse).map(|key| key.to_string());
        payload.comments.push(Comment { entry, text: text.to_string() });
    }
    Ok((rows.records.len() < LIMIT).then_some(!rows.records.is_empty()))
}

fn is_too_much(end: &CallError) -> bool {
    matches!(end, CallError::Rejected(failure) | CallError::Error(failure) if failure.reason == Reason::TooLarge)
}

/// Whether the journal may not be read, by the instance's word or the host's.
fn is_hidden(end: &CallError) -> bool {
    let hides = |reason: Reason| matches!(reason, Reason::Forbidden | Reason::DeniedByHost);
    matches!(end, CallError::Rejected(failure) | CallError::Error(failure) if hides(failure.reason))
}

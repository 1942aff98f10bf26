//! What stands in a journal: its column reads back empty, its entries are rows of `sys_journal_field`.

use crate::rules::Journal;
use servicenow_core::bindings::types::Reason;
use servicenow_core::failure::CallError;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;

/// The latest entries are looked at: an event is repeated soon, if at all.
const LIMIT: &str = "100";

/// Whether a journal has a text. `None` where the user may not read it.
pub fn has(session: &mut Session<'_>, sys_id: &str, journal: Journal, text: &str) -> Result<Option<bool>, CallError> {
    let column = journal.column();
    let query = format!("element_id={sys_id}^element={column}^ORDERBYDESCsys_created_on");
    let parameters =
        [("sysparm_query", query.as_str()), ("sysparm_fields", "element_id,element,value"), ("sysparm_limit", LIMIT)];
    let request = requests::list(&session.origin, "sys_journal_field", &parameters);
    let rows = match session.fetch(&request) {
        Ok(rows) => rows,
        Err(CallError::Rejected(failure)) if failure.reason == Reason::Forbidden => return Ok(None),
        Err(CallError::Error(failure)) if failure.reason == Reason::DeniedByHost => return Ok(None),
        Err(end) => return Err(end),
    };
    let entries = rows.records.iter().filter(|row| row.value("element_id") == Some(sys_id));
    let mut entries = entries.filter(|row| row.value("element") == Some(column)).peekable();
    if entries.peek().is_none() && rows.total != Some(0) {
        return Ok(None);
    }
    let is_it = |stored: &str| lines(stored).eq(lines(text));
    Ok(Some(entries.any(|row| row.value("value").is_some_and(is_it))))
}

/// Lines without what a form or a rule may trim.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.trim().lines().map(str::trim_end)
}

//! What is there of a set-up.

use super::version_in;
use servicenow_core::bindings::types::{Reason, WriteHappened};
use servicenow_core::failure::{CallError, failure};
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;
use servicenow_core::set_up::{Kind, Legacy, SetUp, Wanted, by_key, shipped_query};

/// More of one name than anybody makes.
const LIMIT: &str = "20";
const MAX_ROWS: u64 = 20;

/// What the host puts in the place of each byte of a secret.
const STRUCK_OUT: u8 = b'*';

/// What stands where a record is wanted.
pub enum Present {
    /// Nothing.
    Nothing,
    /// A record that carries the product's mark.
    Ours(Kept),
    /// A record of that name that somebody else made.
    Foreign,
}

/// A record of the set-up.
pub struct Kept {
    /// Its key.
    pub key: SysId,
    /// Whether it is active; `true` where it cannot be switched off.
    pub active: String,
    /// The version that it says; empty where somebody edited the text that says it.
    pub version: String,
    /// Further records that carry the mark and the name: somebody copied it.
    pub copies: Vec<SysId>,
    record: Record,
}

/// The tables whose rows the user was shown.
#[derive(Default)]
pub struct Seen(Vec<&'static str>);

impl Seen {
    /// Whether the user is shown rows of a table: an instance answers without rows both where there are none and where the user may
    /// see none. Each of the tables of a set-up has rows on every instance.
    pub fn sees(&mut self, table: &'static str, session: &mut Session<'_>) -> Result<bool, CallError> {
        if !self.0.contains(&table) {
            let parameters =
                [("sysparm_query", shipped_query(table)), ("sysparm_fields", "sys_id"), ("sysparm_limit", "1")];
            if session.fetch(&requests::list(&session.origin, table, &parameters))?.records.is_empty() {
                return Ok(false);
            }
            self.note(table);
        }
        Ok(true)
    }

    /// Notes that rows of a table were shown.
    pub fn note(&mut self, table: &'static str) {
        if !self.0.contains(&table) {
            self.0.push(table);
        }
    }
}

/// The user is shown no rows of a table, so that nothing is known of what is in it.
pub fn hidden(table: &str) -> CallError {
    let message = format!(
        "the user is shown no rows of {table}, so that a record may be there that is not seen: give the user the role {}",
        role(table)
    );
    let mut failure = failure(Reason::Forbidden, message, WriteHappened::No);
    failure.status = Some(200);
    CallError::Rejected(failure)
}

/// The roles that show a table's rows.
pub fn role(table: &str) -> &'static str {
    match table {
        "sys_script" => "business_rule_admin or admin",
        "sys_ui_action" => "ui_action_admin or admin",
        _ => "admin",
    }
}

/// Looks for a record by its name, and by the key it was made with: somebody may have given it another name.
///
/// That there is none is said only where the user is shown other rows of the table.
pub fn find(wanted: &Wanted, set_up: &SetUp, seen: &mut Seen, session: &mut Session<'_>) -> Result<Present, CallError> {
    let key = wanted.key(set_up);
    let mut named = rows(wanted.table, &wanted.query(set_up), seen, session)?;
    named.retain(|record| {
        record.value("name") == Some(wanted.name.as_str()) || record.value("sys_id") == Some(key.as_str())
    });
    let is_foreign = !named.is_empty();
    // The one with the key comes first.
    named.sort_by_key(|record| record.value("sys_id") != Some(key.as_str()));
    let mut ours = named.into_iter().filter_map(|record| {
        let marked = record.text(wanted.mark_column);
        if !wanted.is_own(set_up, &record.text("sys_id"), &record.text("name"), &marked) {
            return None;
        }
        let version = version_in(&marked, set_up).unwrap_or_default().to_string();
        let active = if wanted.can_rest() { record.text("active") } else { "true".to_string() };
        Some(Kept { key: SysId::parse(record.value("sys_id")?)?, active, version, copies: Vec::new(), record })
    });
    Ok(match ours.next() {
        Some(kept) => Present::Ours(Kept { copies: ours.map(|copy| copy.key).collect(), ..kept }),
        None if is_foreign => Present::Foreign,
        None => Present::Nothing,
    })
}

/// What there is of a record of an earlier kind.
pub struct LegacyRows {
    /// The keys of those that have its name.
    pub keys: Vec<SysId>,
    /// The names that differ from it in case alone.
    pub others: Vec<String>,
}

/// Looks for the records of an earlier kind. There may be more than a page of them.
pub fn legacy(record: &Legacy, seen: &mut Seen, session: &mut Session<'_>) -> Result<LegacyRows, CallError> {
    let query = format!("name={}^ORDERBYsys_created_on", record.name);
    let found = rows(record.table, &query, seen, session)?;
    let (named, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| found.value("name") == Some(&record.name));
    let others = others.iter().map(|other| other.text("name")).collect();
    Ok(LegacyRows { keys: keys(&named), others })
}

fn keys(records: &[Record]) -> Vec<SysId> {
    records.iter().filter_map(|record| SysId::parse(record.value("sys_id")?)).collect()
}

/// Whether a record of this key is there.
pub fn is_there(
    table: &'static str,
    key: &SysId,
    seen: &mut Seen,
    session: &mut Session<'_>,
) -> Result<bool, CallError> {
    let found = rows(table, &by_key(key), seen, session)?;
    Ok(found.iter().any(|record| record.value("sys_id") == Some(key.as_str())))
}

fn rows(from: &'static str, query: &str, seen: &mut Seen, session: &mut Session<'_>) -> Result<Vec<Record>, CallError> {
    let parameters = [("sysparm_query", query), ("sysparm_limit", LIMIT)];
    let rows = session.fetch(&requests::list(&session.origin, from, &parameters))?;
    // A count says that there are rows, whoever is shown them.
    let shown = rows.records.len() as u64;
    let are_some_hidden = shown < MAX_ROWS && rows.total.is_some_and(|total| total > shown);
    if shown > 0 {
        seen.note(from);
    }
    if are_some_hidden || shown == 0 && !seen.sees(from, session)? {
        return Err(hidden(from));
    }
    Ok(rows.records)
}

/// The columns that differ from what is wanted. A secret does not come back: the host strikes out those that it knows, and what it does
/// not strike out is another's.
pub fn drifted(wanted: &Wanted, kept: &Kept) -> Vec<&'static str> {
    let is_secret = |column: &str| wanted.kind == Kind::CallbackSecret && column == "value";
    let differs = |column: &str, value: &str| !same_text(&kept.record.text(column), value);
    let mut drifted: Vec<_> = wanted
        .columns
        .iter()
        .filter(|(column, value)| !is_secret(column) && differs(column, value))
        .map(|(column, _)| *column)
        .collect();
    let is_struck_out = |value: &str| !value.is_empty() && value.bytes().all(|byte| byte == STRUCK_OUT);
    let is_another = kept.record.value("value").is_some_and(|value| !is_struck_out(value));
    if wanted.kind == Kind::CallbackSecret && (drifted.contains(&wanted.mark_column) || is_another) {
        drifted.push("value");
    }
    drifted
}

/// An instance may change how lines end, and what stands after the last.
fn same_text(stored: &str, wanted: &str) -> bool {
    stored.trim_end().lines().eq(wanted.trim_end().lines())
}

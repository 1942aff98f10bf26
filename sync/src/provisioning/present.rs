//! What is there of a set-up.

use super::version_in;
use servicenow_core::failure::CallError;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;
use servicenow_core::set_up::{Kind, SetUp, Wanted};

/// More of one name than anybody makes.
const LIMIT: &str = "20";

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
    /// The version that it says.
    pub version: String,
    record: Record,
}

/// Looks for a record by its name, and by the key it was made with: somebody may have given it another name.
pub fn find(wanted: &Wanted, set_up: &SetUp, session: &mut Session<'_>) -> Result<Present, CallError> {
    let key = wanted.key(set_up);
    let mut named = rows(wanted.table, &wanted.query(set_up), session)?;
    named.retain(|record| {
        record.value("name") == Some(wanted.name.as_str()) || record.value("sys_id") == Some(key.as_str())
    });
    let is_foreign = !named.is_empty();
    let ours = named.into_iter().find_map(|record| {
        let version = version_in(record.value(wanted.mark_column)?, set_up)?.to_string();
        let active = if wanted.can_rest() { record.text("active") } else { "true".to_string() };
        Some(Kept { key: SysId::parse(record.value("sys_id")?)?, active, version, record })
    });
    Ok(match ours {
        Some(kept) => Present::Ours(kept),
        None if is_foreign => Present::Foreign,
        None => Present::Nothing,
    })
}

/// The keys of the business rules of a name.
pub fn rules_named(name: &str, session: &mut Session<'_>) -> Result<Vec<SysId>, CallError> {
    let named = by_name("sys_script", name, session)?;
    Ok(named.iter().filter_map(|record| SysId::parse(record.value("sys_id")?)).collect())
}

fn by_name(from: &str, name: &str, session: &mut Session<'_>) -> Result<Vec<Record>, CallError> {
    let mut named = rows(from, &format!("name={name}^ORDERBYsys_created_on"), session)?;
    named.retain(|record| record.value("name") == Some(name));
    Ok(named)
}

fn rows(from: &str, query: &str, session: &mut Session<'_>) -> Result<Vec<Record>, CallError> {
    let parameters = [("sysparm_query", query), ("sysparm_limit", LIMIT)];
    session.fetch(&requests::list(&session.origin, from, &parameters)).map(|rows| rows.records)
}

/// The columns that differ from what is wanted. A secret does not come back: the mark's version tells whether it is to be
/// written again.
pub fn drifted(wanted: &Wanted, kept: &Kept) -> Vec<&'static str> {
    let is_secret = |column: &str| wanted.kind == Kind::CallbackSecret && column == "value";
    let differs = |column: &str, value: &str| !same_text(&kept.record.text(column), value);
    let mut drifted: Vec<_> = wanted
        .columns
        .iter()
        .filter(|(column, value)| !is_secret(column) && differs(column, value))
        .map(|(column, _)| *column)
        .collect();
    let was_emptied = kept.record.value("value").is_some_and(str::is_empty);
    if wanted.kind == Kind::CallbackSecret && (drifted.contains(&wanted.mark_column) || was_emptied) {
        drifted.push("value");
    }
    drifted
}

/// An instance may change how lines end, and what stands after the last.
fn same_text(stored: &str, wanted: &str) -> bool {
    stored.trim_end().lines().eq(wanted.trim_end().lines())
}

//! The names behind a record's references.

use crate::bindings::callbacks::NamesOutcome;
use servicenow_core::bindings::types::{Call, Reason, WriteHappened};
use servicenow_core::failure::{CallError, failure};
use servicenow_core::host::Host;
use servicenow_core::incidents::call;
use servicenow_core::incidents::inputs::check_sys_id;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::outcome_of_errors;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;
use servicenow_core::set_up::TABLES;

/// Reads a record's references by name.
pub fn names(call: &Call, table: &str, sys_id: &str, host: &mut dyn Host) -> NamesOutcome {
    read(call, table, sys_id, host).map_or_else(NamesOutcome::from, NamesOutcome::Names)
}

fn read(call: &Call, table: &str, sys_id: &str, host: &mut dyn Host) -> Result<Vec<(String, String)>, CallError> {
    let started_ms = host.now_ms();
    let mut violations = Violations::default();
    let checked = call::check(call, &mut violations);
    let known = TABLES.contains(&table).then_some(table);
    let table = known.or_else(|| violations.refuse("table", table, &format!("one of: {}", TABLES.join(", "))));
    let sys_id = check_sys_id(sys_id, &mut violations);
    let parsed = match (checked, table, sys_id) {
        (Some(checked), Some(table), Some(sys_id)) => Some((checked, table, sys_id)),
        _ => None,
    };
    let (checked, table, sys_id) = violations.or_invalid_data(parsed)?;
    let mut session = Session::open(&checked, started_ms, host)?;
    let query = format!("sys_id={sys_id}");
    let parameters = [("sysparm_query", query.as_str()), ("sysparm_limit", "1"), ("sysparm_display_value", "all")];
    let rows = session.fetch(&requests::list(&session.origin, table, &parameters))?;
    let record = rows.records.into_iter().find(|record| record.value("sys_id") == Some(sys_id.as_str()));
    let record = record.ok_or_else(|| {
        let message = "no such record, or none that the user may read".to_string();
        CallError::Rejected(failure(Reason::NotFound, message, WriteHappened::No))
    })?;
    let refers = record.0.into_iter().filter(|(_, cell)| cell.link.is_some());
    Ok(refers.filter_map(|(name, cell)| Some((name, cell.display_value?))).collect())
}

outcome_of_errors!(NamesOutcome {
    choice => InvalidData,
    no_credential => AuthorizationFail,
    401 => AuthorizationFail,
    rejected => NamesFailure,
});

//! Finds the records that columns refer to by a name, an e-mail address or a number.

use crate::mapping::{Column, Lookup};
use crate::rules::field::Unknown;
use servicenow_core::bindings::types::Reason;
use servicenow_core::failure::CallError;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::query::is_value;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;

/// One record is expected. A second one proves that a name is not enough; those of another case come with them.
const LIMIT: &str = "20";

/// Columns with each name replaced by the key of its record. What is left out is told among the warnings; what is refused ends the
/// push before anything is written.
pub fn resolved(
    columns: Vec<Column>,
    session: &mut Session<'_>,
    warnings: &mut Violations,
) -> Result<Vec<Column>, CallError> {
    let (mut resolved, mut refused) = (Vec::with_capacity(columns.len()), Violations::default());
    for mut column in columns {
        let Some(lookup) = column.lookup.take() else {
            resolved.push(column);
            continue;
        };
        let expected = match find(&column.value, &lookup, session)? {
            Ok(sys_id) => {
                resolved.push(Column { value: sys_id.to_string(), ..column });
                continue;
            }
            Err(expected) => expected,
        };
        let fallback = lookup.fallback.as_deref().map(|fallback| find(fallback, &lookup, session)).transpose()?;
        match fallback {
            Some(Ok(sys_id)) => {
                warnings.add(&column.name, &column.value, &format!("{expected}; the fallback was taken"));
                resolved.push(Column { value: sys_id.to_string(), ..column });
            }
            _ if lookup.unknown == Unknown::Refused => refused.add(&column.name, &column.value, &expected),
            _ => warnings.add(&column.name, &column.value, &format!("{expected}; the column was left out")),
        }
    }
    if refused.list.is_empty() { Ok(resolved) } else { Err(CallError::InvalidData(refused.list)) }
}

/// The key of the one record, or what would have been one.
fn find(value: &str, lookup: &Lookup, session: &mut Session<'_>) -> Result<Result<SysId, String>, CallError> {
    let Lookup { table, by, .. } = lookup;
    let column = by.column();
    if !is_value(value) {
        return Ok(Err(format!("a {column} that a query can have")));
    }
    let query = format!("{column}={value}");
    let fields = format!("sys_id,{column}");
    let parameters = [("sysparm_query", query.as_str()), ("sysparm_fields", &fields), ("sysparm_limit", LIMIT)];
    let rows = match session.fetch(&requests::list(&session.origin, table, &parameters)) {
        Ok(rows) => rows,
        Err(CallError::Rejected(failure) | CallError::Error(failure))
            if matches!(
                failure.reason,
                Reason::Forbidden | Reason::DeniedByHost | Reason::NotFound | Reason::BadRequest
            ) =>
        {
            return Ok(Err(format!(
                "a {column} of a record of {table}, which the user may not read: {}",
                failure.message
            )));
        }
        Err(end) => return Err(end),
    };
    // An instance drops a condition that it does not understand, and then everything matches.
    let is_exact = |record: &&Record| record.value(column) == Some(value);
    let is_alike =
        |record: &&Record| record.value(column).is_some_and(|found| found.to_lowercase() == value.to_lowercase());
    let exact: Vec<_> = rows.records.iter().filter(is_exact).collect();
    let found = if exact.is_empty() { rows.records.iter().filter(is_alike).collect() } else { exact };
    let has_more = rows.total.is_some_and(|total| total > rows.records.len() as u64);
    Ok(match found.as_slice() {
        _ if has_more => {
            Err(format!("the {column} of one record of {table}, and there are more than the user is shown"))
        }
        [one] => {
            one.value("sys_id").and_then(SysId::parse).ok_or_else(|| format!("a record of {table} with its sys_id"))
        }
        [] => Err(format!("the {column} of a record of {table} that the user may read")),
        several => Err(format!("the {column} of one record of {table}, and {} have it", several.len())),
    })
}

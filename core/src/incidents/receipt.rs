//! The receipt of a write.

use super::body::Body;
use super::stored::compare;
use crate::bindings::incidents::{ColumnResult, Made, Receipt};
use crate::servicenow::origin::Origin;
use crate::servicenow::record::Record;
use crate::servicenow::requests::record_page;
use crate::servicenow::sys_id::SysId;

/// The receipt for a record, `None` where the record lacks its number or key.
pub fn receipt(
    origin: &Origin,
    record: &Record,
    payload: String,
    made: Made,
    body: &Body,
    display_values: bool,
) -> Option<Receipt> {
    let number = record.value("number").filter(|number| !number.is_empty())?;
    let sys_id = SysId::parse(record.value("sys_id")?)?;
    let columns = body
        .columns
        .iter()
        .map(|(name, sent)| ColumnResult { name: name.clone(), stored: compare(name, sent, record, display_values) });
    Some(Receipt {
        number: number.to_string(),
        sys_id: sys_id.to_string(),
        task_effective_number: effective_number(record),
        correlation_id: record.text("correlation_id"),
        made,
        columns: columns.collect(),
        url: record_page(origin, &sys_id),
        response_payload: payload,
    })
}

/// The number to show: a virtual column, equal to the number where the instance does not have it.
pub fn effective_number(record: &Record) -> String {
    match record.value("task_effective_number") {
        Some(number) if !number.is_empty() => number.to_string(),
        _ => record.text("number"),
    }
}

//! What the simulator holds, page by page.

use serde_json::{Value, json};
use servicenow_simulator::Simulator;

/// A table as the page shows it: what heads a column, and the column.
const TABLES: [(&str, &[(&str, &str)]); 3] = [
    (
        "incident",
        &[
            ("Number", "number"),
            ("Short description", "short_description"),
            ("State", "state"),
            ("Urgency", "urgency"),
            ("Correlation id", "correlation_id"),
            ("Updates", "sys_mod_count"),
            ("Updated", "sys_updated_on"),
        ],
    ),
    (
        "sys_journal_field",
        &[
            ("When", "sys_created_on"),
            ("Who", "sys_created_by"),
            ("Journal", "element"),
            ("Text", "value"),
            ("Record", "element_id"),
        ],
    ),
    (
        "sys_outbound_http_log",
        &[("When", "sys_created_on"), ("Method", "method"), ("To", "url"), ("Status", "response_status")],
    ),
];

/// The most rows of a page.
const MAX_ROWS: usize = 200;

/// A page of a table, the latest first, or nothing where it is not shown.
pub fn page(simulator: &Simulator, table: &str, offset: usize, limit: usize) -> Option<Value> {
    let limit = limit.min(MAX_ROWS);
    if table == "requests" {
        let requests = simulator.requests();
        let rows: Vec<_> = requests.iter().rev().skip(offset).take(limit).map(|line| json!([line])).collect();
        return Some(json!({"heads": ["Request"], "rows": rows, "total": requests.len()}));
    }
    let (_, columns) = TABLES.iter().find(|(name, _)| *name == table)?;
    let all = simulator.rows(table);
    let row =
        |row: &servicenow_simulator::Row| columns.iter().map(|(_, name)| row[*name].to_string()).collect::<Value>();
    let rows: Vec<_> = all.iter().rev().skip(offset).take(limit).map(row).collect();
    let heads: Vec<_> = columns.iter().map(|(head, _)| *head).collect();
    Some(json!({"heads": heads, "rows": rows, "total": all.len()}))
}

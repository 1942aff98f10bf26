//! What an event offers to templates and filters.

use super::read_event;
use crate::bindings::mapping::{Path, PathsOutcome};
use crate::template::{as_text, step};
use serde_json::Value;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::text::excerpt;

/// More places than anybody reads; it keeps an event of millions from filling the memory.
const MAX_PATHS: usize = 10_000;

/// Lists the places of an event.
pub fn paths(event: &str) -> PathsOutcome {
    let mut violations = Violations::default();
    let event = read_event(event, &mut violations);
    match violations.or_invalid_data(event) {
        Ok(event) => {
            let mut paths = Vec::new();
            list("", &event, &mut paths);
            PathsOutcome::Paths(paths)
        }
        Err(error) => PathsOutcome::InvalidData(error.into_violations()),
    }
}

fn list(above: &str, value: &Value, paths: &mut Vec<Path>) {
    let below = |step: &str| if above.is_empty() { step.to_string() } else { format!("{above}.{step}") };
    if !above.is_empty() && paths.len() < MAX_PATHS {
        paths.push(Path {
            path: above.to_string(),
            kind: kind(value).to_string(),
            sample: as_text(value).map(|text| excerpt(&text)).unwrap_or_default(),
        });
    }
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| list(&below(&step(name)), value, paths)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| list(&below(&format!("[{at}]")), item, paths));
        }
        _ => {}
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

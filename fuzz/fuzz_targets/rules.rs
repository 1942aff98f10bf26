//! Any rules, and any event: the rules as they come, and usual ones with any texts in them.
#![no_main]

#[path = "../../sync/tests/properties/templates.rs"]
mod templates;

use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (rules, event, text, path) = input;
    templates::an_event_is_mapped(rules, event);
    let usual = json!({
        "name": "R", "correlation_id": text, "for_each": {"path": path}, "body": {"short_description": text},
        "severity": {"value": text}, "status": {"path": path}, "note": {"text": text},
        "fields": [{"column": "u_a", "path": path}, {"column": "due_date", "value": text}]
    });
    templates::an_event_is_mapped(&usual.to_string(), event);
});

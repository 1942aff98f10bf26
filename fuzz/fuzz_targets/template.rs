//! Any template over any event.
#![no_main]

#[path = "../../sync/tests/properties/templates.rs"]
mod templates;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|input: (&str, &str)| {
    let (template, event) = input;
    let read: Value = serde_json::from_str(event).unwrap_or_default();
    let event = if read.is_object() { read } else { json!({"id": event, "list": [event, {"a": event}], "none": null}) };
    templates::a_template_is_rendered(template, &event);
});

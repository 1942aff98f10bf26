//! What holds for any template and any rules over any event: tests try it on made-up ones, and a fuzzer on what it finds.

use serde_json::Value;
use servicenow_sync::bindings::mapping::{ItemsOutcome, PreviewOutcome};
use servicenow_sync::mapping::{items, preview};
use servicenow_sync::template::{Mode, Templates};

/// The longest key: a longer one may be cut by the instance.
const MAX_KEY: usize = 100;

/// A template is rendered or refused. What is taken by a stricter mode comes to the same in the others, and a value of the event is
/// never rendered again.
pub fn a_template_is_rendered(template: &str, event: &Value) {
    let templates = Templates::new(event, vec!["Critical".to_string(), "Warning".to_string()]);
    let [lenient, strict, key] = [Mode::Lenient, Mode::Strict, Mode::Key].map(|mode| templates.render(template, mode));
    if let Ok(strict) = &strict {
        assert_eq!(lenient.as_ref().map(|lenient| &lenient.text), Ok(&strict.text), "{template}");
    }
    if let (Ok(key), Ok(strict)) = (&key, &strict) {
        assert_eq!(key.text, strict.text, "{template}");
    }
    assert_eq!(lenient, templates.render(template, Mode::Lenient), "{template}");
}

/// Rules take an event, leave it out, or refuse it with a reason. What is sent is an object of texts with each planned column once,
/// and each event of many is one that the same rules take.
pub fn an_event_is_mapped(rules: &str, event: &str) {
    match preview(rules, event, true, &[]) {
        PreviewOutcome::Mapped(mapped) => {
            let body: Value = serde_json::from_str(&mapped.body).expect("the body is JSON");
            let sent = body.as_object().expect("the body is an object");
            assert!(sent.values().all(Value::is_string), "{body}");
            let planned = mapped.columns.iter().all(|column| sent[&column.name] == *column.value);
            assert!(planned && !mapped.correlation_id.trim().is_empty(), "{mapped:?}");
            assert!(mapped.correlation_id.chars().count() <= MAX_KEY, "{}", mapped.correlation_id);
        }
        PreviewOutcome::FilteredOut(why) => assert!(!why.is_empty()),
        PreviewOutcome::InvalidData(violations) => assert!(!violations.is_empty()),
    }
    if let ItemsOutcome::Items(events) = items(rules, event) {
        assert!(events.len() <= 500, "{}", events.len());
        let refused = events.iter().filter_map(|event| match preview(rules, event, true, &[]) {
            PreviewOutcome::InvalidData(violations) => {
                violations.into_iter().find(|one| one.expected.contains("mapping.items"))
            }
            _ => None,
        });
        assert_eq!(refused.count(), 0, "an item is no event of many");
    }
}

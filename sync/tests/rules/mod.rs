//! Rules of which a test names what matters, and what they come to.

use serde_json::{Value, json};
use servicenow_sync::bindings::mapping::{Mapped, PreviewOutcome};
use servicenow_sync::mapping::preview;

/// Rules with these members.
pub fn rules(members: Value) -> String {
    let mut rules = json!({"name": "R", "correlation_id": "k-{{ id }}", "body": {"short_description": "{{ title }}"}});
    rules.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    rules.to_string()
}

/// What they make of an event.
pub fn mapped(members: Value, event: &Value) -> Mapped {
    match preview(&rules(members), &event.to_string(), false, &[]) {
        PreviewOutcome::Mapped(mapped) => mapped,
        other => panic!("{other:?}"),
    }
}

/// The one violation that an event is refused with: its field, and what is expected.
pub fn refused(members: Value, event: &Value) -> (String, String) {
    match preview(&rules(members.clone()), &event.to_string(), false, &[]) {
        PreviewOutcome::InvalidData(violations) if violations.len() == 1 => {
            (violations[0].field.clone(), violations[0].expected.clone())
        }
        other => panic!("{members} {event}: {other:?}"),
    }
}

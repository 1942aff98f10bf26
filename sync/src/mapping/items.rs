//! Events that hold many alerts: one event is made of each.

use super::left_out::left_out;
use super::read_event;
use crate::bindings::mapping::ItemsOutcome;
use crate::rules::{ForEach, Rules};
use crate::template::{at, kind, take};
use serde_json::Value;
use servicenow_core::incidents::violations::Violations;

/// How many alerts of one event are pushed: Alertmanager's groups and the batches of log pipelines have fewer.
const MAX_ITEMS: usize = 500;

/// How much all of the events may come to together: each has a copy of what surrounds the list.
const MAX_ITEMS_BYTES: usize = 16 * 1024 * 1024;

/// The events that an event holds: one for each item of the rules' list, or the event itself.
pub fn items(rules: &str, event: &str) -> ItemsOutcome {
    let mut violations = Violations::default();
    let rules = Rules::parse(rules, &mut violations);
    let read = read_event(event, &mut violations);
    let items = match (rules, read) {
        (Some(rules @ Rules { for_each: Some(_), .. }), Some(read)) => split(&rules, read, event, &mut violations),
        (Some(_), Some(_)) => Some(vec![event.to_string()]),
        _ => None,
    };
    match violations.or_invalid_data(items) {
        Ok(items) => ItemsOutcome::Items(items),
        Err(error) => ItemsOutcome::InvalidData(error.into_violations()),
    }
}

fn split(rules: &Rules, mut event: Value, text: &str, violations: &mut Violations) -> Option<Vec<String>> {
    let ForEach { path, name } = rules.for_each.as_ref()?;
    if at(&event, path).is_none() && left_out(rules, &event, false, &mut Violations::default()).is_some() {
        // An event of another kind: a push leaves it out, and says why.
        return Some(vec![text.to_string()]);
    }
    let Some(Value::Array(items)) = take(&mut event, path) else {
        return violations.refuse(path, "no list", "a list of alerts, as rules.for_each says");
    };
    if items.len() > MAX_ITEMS {
        return violations.refuse(
            path,
            &format!("{} items", items.len()),
            &format!("a list of at most {MAX_ITEMS} items"),
        );
    }
    if event.get(name).is_some() {
        let expected = "a name that the event has no member of, as rules.for_each.as";
        return violations.refuse("rules.for_each.as", name, expected);
    }
    let (mut events, mut bytes) = (Vec::with_capacity(items.len()), 0);
    for item in items {
        // An event is an object; that is checked before.
        event.as_object_mut()?.insert(name.clone(), item);
        let text = event.to_string();
        bytes += text.len();
        if bytes > MAX_ITEMS_BYTES {
            let given = format!("more than {MAX_ITEMS_BYTES} bytes");
            return violations.refuse(
                path,
                &given,
                "fewer items, or less beside the list: each item comes with all of it",
            );
        }
        events.push(text);
    }
    Some(events)
}

/// Whether an event still has the list that the rules push the items of.
pub fn are_many(each: Option<&ForEach>, event: &Value) -> bool {
    each.is_some_and(|each| at(event, &each.path).is_some_and(Value::is_array))
}

/// Checks that an event is one item, where the rules push items.
pub fn check_item(each: Option<&ForEach>, event: &Value, violations: &mut Violations) {
    let Some(ForEach { path, name }) = each else { return };
    match (event.get(name), at(event, path)) {
        (_, Some(Value::Array(_))) => {
            violations.add("event", "all items at once", "one of the events that mapping.items makes by these rules");
        }
        (Some(_), _) => {}
        (None, Some(other)) => violations.add(path, kind(other), "a list of alerts, as rules.for_each says"),
        (None, None) => violations.add(path, "nothing", "a list of alerts, as rules.for_each says"),
    }
}

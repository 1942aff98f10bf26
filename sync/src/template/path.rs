//! Places in an event, such as `data.access_groups.[0].id`.

use serde_json::Value;

/// What a place must be.
pub const EXPECTED_PATH: &str = "a place in the event such as data.access_groups.[0].id";

/// The steps of a place: parted by dots, or in brackets, in which a dot is a dot. `None` where it is none.
fn steps(path: &str) -> Option<Vec<&str>> {
    let (mut steps, mut rest) = (Vec::new(), path);
    loop {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        let is_bare = !rest.starts_with('[');
        if step.is_empty() || is_bare && step.contains(|c: char| c.is_whitespace() || c == '[' || c == ']') {
            return None;
        }
        steps.push(step);
        rest = match after.strip_prefix('.') {
            Some(rest) => rest,
            None if after.is_empty() => return Some(steps),
            None => return None,
        };
    }
}

/// Whether a text is a place.
pub fn is_path(path: &str) -> bool {
    steps(path).is_some()
}

/// A member's name as a step: in brackets where it could not stand without.
pub fn step(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_plain) { name.to_string() } else { format!("[{name}]") }
}

/// What stands at a place.
pub fn at<'v>(event: &'v Value, path: &str) -> Option<&'v Value> {
    steps(path)?.into_iter().try_fold(event, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The same, and null below a null: the event has the place, and says nothing there.
pub fn at_or_null<'v>(event: &'v Value, path: &str) -> Option<&'v Value> {
    steps(path)?.into_iter().try_fold(event, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Null => Some(value),
        _ => None,
    })
}

/// Takes out what stands at a place, from the object that holds it.
pub fn take(event: &mut Value, path: &str) -> Option<Value> {
    let mut steps = steps(path)?;
    let last = steps.pop()?;
    let holder = steps.into_iter().try_fold(event, |value, step| match value {
        Value::Object(members) => members.get_mut(step),
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    })?;
    holder.as_object_mut()?.shift_remove(last)
}

/// A value as text, as a template renders it. Objects and lists are no text.
pub fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value with the members of its objects in one order, whichever the sender has today.
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            names.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// Whether there is nothing to see in a value: null, blanks, or an object or a list of nothing else.
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_blank),
        Value::Object(members) => members.values().all(is_blank),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_place_is_found_with_and_without_brackets() {
        let event = json!({"a": [{"b c": 1, "d": {"e": null}}], "labels": {"app.kubernetes.io/name": "x"}});
        assert!(at(&event, "labels.[app.kubernetes.io/name]").is_some() && at(&event, "a.[0].[b c]").is_some());
        for bad in ["", ".", "a.", ".a", "a..b", "a[0]", "a.[", "a.[]", "a b"] {
            assert!(!is_path(bad), "{bad:?}");
        }
        for (path, found) in [("a.[0].d.e", true), ("a.0.d", true), ("a.[1]", false), ("a.x", false), ("b", false)] {
            assert_eq!(at(&event, path).is_some(), found, "{path}");
        }
    }

    #[test]
    fn below_a_null_there_is_null_and_below_a_text_nothing() {
        let event = json!({"bundle": null, "title": "x"});
        assert_eq!(at_or_null(&event, "bundle.name.first"), Some(&Value::Null));
        assert_eq!((at_or_null(&event, "title.first"), at_or_null(&event, "other.name")), (None, None));
        assert_eq!(at(&event, "bundle.name"), None);
    }

    #[test]
    fn what_is_taken_out_is_gone_and_the_rest_stays_in_its_order() {
        let mut event = json!({"z": 1, "a": {"list": [1], "more": 2}, "b": [{"c": 3}]});
        assert_eq!(take(&mut event, "a.list"), Some(json!([1])));
        assert_eq!(take(&mut event, "b.[0].c"), Some(json!(3)));
        assert_eq!((take(&mut event, "b.[0]"), take(&mut event, "nothing")), (None, None));
        assert_eq!(event.to_string(), r#"{"z":1,"a":{"more":2},"b":[{}]}"#);
    }

    #[test]
    fn blank_is_what_shows_nothing() {
        for (value, blank) in [
            (json!(null), true),
            (json!("  \n"), true),
            (json!({"a": "", "b": [null]}), true),
            (json!([]), true),
            (json!(0), false),
            (json!(false), false),
            (json!({"a": "x"}), false),
        ] {
            assert_eq!(is_blank(&value), blank, "{value}");
        }
    }
}

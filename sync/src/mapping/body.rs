//! The body of the rules: a template for each column.

use super::render as render_text;
use crate::rules::template::{Templates, as_text, has_expressions};
use serde_json::{Map, Value};
use servicenow_core::incidents::violations::Violations;

/// Renders each column. What has expressions and comes to nothing is left out, so that it overwrites nothing.
pub fn render(body: &Map<String, Value>, templates: &Templates, violations: &mut Violations) -> Vec<(String, String)> {
    let mut columns = Vec::new();
    for (name, value) in body {
        let place = format!("rules.body.{name}");
        let rendered = match nested(value) {
            Some(nested) => inside(&place, &nested, templates, violations).map(|value| value.to_string()),
            None => {
                let text = as_text(value).unwrap_or_default();
                render_text(&place, &text, templates, violations).filter(|to| !to.is_empty() || !has_expressions(&text))
            }
        };
        columns.extend(rendered.map(|text| (name.clone(), text)));
    }
    columns
}

/// A value that is JSON inside the column: written as such, or as a text that is an object or a list before anything is
/// rendered.
fn nested(value: &Value) -> Option<Value> {
    let read = |text: &String| serde_json::from_str(text).ok();
    let nested = match value {
        Value::String(text) if has_expressions(text) => read(text)?,
        Value::String(_) => return None,
        other => other.clone(),
    };
    (nested.is_object() || nested.is_array()).then_some(nested)
}

/// Renders each text inside, so that none can end another. Names of members are taken as they are.
fn inside(place: &str, value: &Value, templates: &Templates, violations: &mut Violations) -> Option<Value> {
    Some(match value {
        Value::String(text) => render_text(place, text, templates, violations)?.into(),
        Value::Array(items) => {
            items.iter().map(|item| inside(place, item, templates, violations)).collect::<Option<Vec<_>>>()?.into()
        }
        Value::Object(members) => {
            let rendered = members.iter().map(|(name, value)| {
                Some((name.clone(), inside(&format!("{place}.{name}"), value, templates, violations)?))
            });
            Value::Object(rendered.collect::<Option<Map<_, _>>>()?)
        }
        other => other.clone(),
    })
}

/// A value as text: an object or a list as one line for each of its members.
pub fn lines(value: &Value) -> String {
    let line = |name: &str, value: &Value| format!("{name}: {}", as_text(value).unwrap_or_else(|| value.to_string()));
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| line(name, value)).collect::<Vec<_>>().join("\n"),
        Value::Array(items) => {
            let item = |item: &Value| as_text(item).unwrap_or_else(|| item.to_string());
            items.iter().map(item).collect::<Vec<_>>().join("\n")
        }
        other => as_text(other).unwrap_or_default(),
    }
}

//! The body of the rules: a template for each column.

use super::Renderer;
use crate::rules::nested as nested_text;
use crate::template::{as_text, has_expressions};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Renders each column. What has expressions and comes to nothing is left out, so that it overwrites nothing.
pub fn render(body: &Map<String, Value>, renderer: &mut Renderer<'_>) -> Vec<(String, String)> {
    let mut columns = Vec::new();
    for (name, value) in body {
        let place = format!("rules.body.{name}");
        let rendered = match nested(value) {
            Some(nested) => inside(&place, &nested, renderer).map(|value| value.to_string()),
            None => {
                let text = as_text(value).unwrap_or_default();
                renderer.text(&place, &text).filter(|to| !to.trim().is_empty() || !has_expressions(&text))
            }
        };
        columns.extend(rendered.map(|text| (name.clone(), text)));
    }
    columns
}

/// A value that is JSON inside the column: written as such, or as a text that is an object or a list before anything is
/// rendered.
fn nested(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => nested_text(text),
        Value::Object(_) | Value::Array(_) => Some(value.clone()),
        _ => None,
    }
}

/// Renders each text inside, so that none can end another. Names of members are taken as they are.
fn inside(place: &str, value: &Value, renderer: &mut Renderer<'_>) -> Option<Value> {
    Some(match value {
        Value::String(text) => match nested_text(text) {
            Some(nested) => inside(place, &nested, renderer)?.to_string().into(),
            None => renderer.text(place, text)?.into(),
        },
        Value::Array(items) => {
            items.iter().map(|item| inside(place, item, renderer)).collect::<Option<Vec<_>>>()?.into()
        }
        Value::Object(members) => {
            let rendered = members
                .iter()
                .map(|(name, value)| Some((name.clone(), inside(&format!("{place}.{name}"), value, renderer)?)));
            Value::Object(rendered.collect::<Option<Map<_, _>>>()?)
        }
        other => other.clone(),
    })
}

/// A value as text: an object or a list as one line for each of its members.
pub fn lines(value: &Value) -> String {
    let text = |value: &Value| as_text(value).unwrap_or_else(|| value.to_string());
    let lines: Vec<String> = match value {
        Value::Object(members) => {
            // In one order, whichever the sender has today.
            let sorted: BTreeMap<_, _> = members.iter().collect();
            sorted.into_iter().map(|(name, value)| format!("{name}: {}", text(value))).collect()
        }
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    };
    lines.join("\n")
}

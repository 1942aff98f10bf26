//! An event made from a JSON Schema: of its examples, defaults and choices, and otherwise of the types.

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};

/// How deep a schema may refer to itself.
const MAX_DEPTH: usize = 16;

/// An event as a schema describes it. Each member is there, also those that need not be.
pub fn of(schema: &Value) -> anyhow::Result<Value> {
    let event = sample(schema, schema, 0)?;
    ensure!(event.is_object(), "the schema describes no object, and an event is one");
    Ok(event)
}

fn sample(schema: &Value, root: &Value, depth: usize) -> anyhow::Result<Value> {
    ensure!(depth < MAX_DEPTH, "the schema refers to itself, or is deeper than {MAX_DEPTH} levels");
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').with_context(|| format!("{reference} is in another file"))?;
        let found = root.pointer(pointer).with_context(|| format!("the schema has no {reference}"))?;
        return sample(found, root, depth + 1);
    }
    let given = [&schema["const"], &schema["examples"][0], &schema["example"], &schema["default"], &schema["enum"][0]];
    if let Some(value) = given.into_iter().find(|value| !value.is_null()) {
        return Ok(value.clone());
    }
    let alternatives = ["oneOf", "anyOf"].iter().find_map(|key| schema[*key].as_array());
    if let Some(first) = alternatives.and_then(|all| all.iter().find(|one| one["type"] != "null")) {
        return sample(first, root, depth + 1);
    }
    let mut members = Map::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        if let Value::Object(more) = sample(part, root, depth + 1)? {
            members.extend(more);
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        members.insert(name.clone(), sample(property, root, depth + 1)?);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    Ok(match kind {
        Some("object") => members.into(),
        None if !members.is_empty() => members.into(),
        Some("array") => json!([sample(&schema["items"], root, depth + 1)?]),
        Some("integer" | "number") => schema["minimum"].as_f64().map_or(json!(1), |least| json!(least)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ => text(schema["format"].as_str()).into(),
    })
}

fn text(format: Option<&str>) -> &'static str {
    match format {
        Some("date-time") => "2026-01-02T03:04:05Z",
        Some("date") => "2026-01-02",
        Some("email") => "someone@example.com",
        Some("uri" | "url") => "https://example.com/",
        Some("uuid") => "00000000-0000-4000-8000-000000000001",
        _ => "sample",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_each_member_that_the_schema_describes() {
        let schema = json!({
            "type": "object",
            "$defs": {"person": {"type": "object", "properties": {"email": {"type": "string", "format": "email"}}}},
            "properties": {
                "kind": {"enum": ["Created", "Closed"]},
                "id": {"type": ["string", "null"]},
                "who": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/person"}]},
                "alerts": {"type": "array", "items": {"type": "object", "properties": {"level": {"type": "integer", "minimum": 3}}}},
                "on": {"type": "boolean"},
                "at": {"type": "string", "format": "date-time"},
                "title": {"type": "string", "examples": ["Disk full"]}
            }
        });
        let expected = json!({"kind": "Created", "id": "sample", "who": {"email": "someone@example.com"},
            "alerts": [{"level": 3.0}], "on": true, "at": "2026-01-02T03:04:05Z", "title": "Disk full"});
        assert_eq!(of(&schema).unwrap(), expected);
    }

    #[test]
    fn a_schema_that_cannot_be_followed_is_told() {
        for (schema, part) in [
            (json!({"type": "string"}), "no object"),
            (json!({"$ref": "#/nothing"}), "has no #/nothing"),
            (json!({"$ref": "other.json"}), "another file"),
            (json!({"properties": {"a": {"$ref": "#"}}}), "refers to itself"),
        ] {
            let error = of(&schema).unwrap_err().to_string();
            assert!(error.contains(part), "{schema}: {error}");
        }
    }
}

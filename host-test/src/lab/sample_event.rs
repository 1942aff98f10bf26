//! An event made from a JSON Schema: of its examples, defaults and choices, and otherwise of the types.

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};

/// How deep an event is made: below that, members that may be absent are.
const MAX_DEPTH: usize = 12;

/// How many values an event has at most. A schema that refers to itself in several places would make any number.
const MAX_VALUES: usize = 5_000;

/// An event as a schema describes it. Each member is there, also those that need not be.
pub fn of(schema: &Value) -> anyhow::Result<Value> {
    let mut left = MAX_VALUES;
    let event = sample(schema, schema, 0, &mut left)?.unwrap_or_default();
    ensure!(left > 0, "the schema describes an event of more than {MAX_VALUES} values; write one by hand");
    ensure!(event.is_object(), "the schema describes no object, and an event is one");
    Ok(event)
}

/// A value, or nothing where it would be too deep.
fn sample(schema: &Value, root: &Value, depth: usize, left: &mut usize) -> anyhow::Result<Option<Value>> {
    *left = left.saturating_sub(1);
    if depth > MAX_DEPTH || *left == 0 {
        return Ok(None);
    }
    let given = [&schema["const"], &schema["examples"][0], &schema["example"], &schema["default"]];
    let choice = schema["enum"].as_array().and_then(|all| all.iter().find(|one| !one.is_null()));
    if let Some(value) = given.into_iter().chain(choice).find(|value| !value.is_null()) {
        return Ok(Some(value.clone()));
    }
    let mut members = Map::new();
    let mut other = None;
    let mut take = |part: Option<Value>| match part {
        Some(Value::Object(more)) => members.extend(more),
        Some(value) => other = Some(value),
        None => {}
    };
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').with_context(|| format!("{reference} is in another file"))?;
        let found = root.pointer(pointer).with_context(|| format!("the schema has no {reference}"))?;
        take(sample(found, root, depth + 1, left)?);
    }
    let alternatives = ["oneOf", "anyOf"].into_iter().filter_map(|key| schema[key].as_array());
    let first = alternatives.filter_map(|all| all.iter().find(|one| one["type"] != "null" && says_what_it_is(one)));
    for part in first.chain(schema["allOf"].as_array().into_iter().flatten()) {
        take(sample(part, root, depth + 1, left)?);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = sample(property, root, depth + 1, left)? {
            members.insert(name.clone(), value);
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    Ok(Some(match (kind, other) {
        (Some("object"), _) => members.into(),
        (None, _) if !members.is_empty() => members.into(),
        (None, Some(other)) => other,
        (Some("array"), _) => sample(&schema["items"], root, depth + 1, left)?.into_iter().collect(),
        (Some("integer"), _) => schema["minimum"].as_i64().unwrap_or(1).into(),
        (Some("number"), _) => schema["minimum"].as_f64().map_or(json!(1), |least| json!(least)),
        (Some("boolean"), _) => json!(true),
        (Some("null"), _) => Value::Null,
        _ => text(schema["format"].as_str()).into(),
    }))
}

/// Whether a part of a schema describes a value, and not only what has to be there.
fn says_what_it_is(schema: &Value) -> bool {
    ["type", "$ref", "properties", "enum", "const", "oneOf", "anyOf", "allOf"]
        .iter()
        .any(|key| schema.get(*key).is_some())
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
            "alerts": [{"level": 3}], "on": true, "at": "2026-01-02T03:04:05Z", "title": "Disk full"});
        assert_eq!(of(&schema).unwrap(), expected);
    }

    #[test]
    fn a_schema_that_cannot_be_followed_is_told() {
        for (schema, part) in [
            (json!({"type": "string"}), "no object"),
            (json!({"$ref": "#/nothing"}), "has no #/nothing"),
            (json!({"$ref": "other.json"}), "another file"),
        ] {
            let error = of(&schema).unwrap_err().to_string();
            assert!(error.contains(part), "{schema}: {error}");
        }
    }

    #[test]
    fn schemas_that_refer_to_themselves_or_say_things_twice_make_an_event() {
        let tree = json!({"type": "object", "properties": {"id": {"enum": [null, "a"]}, "children": {"type": "array", "items": {"$ref": "#"}}}});
        assert_eq!(of(&tree).unwrap()["children"][0]["id"], "a");
        let required = json!({"properties": {"id": {"type": "integer", "minimum": 7}}, "anyOf": [{"required": ["id"]}, {"required": ["x"]}]});
        assert_eq!(of(&required).unwrap(), json!({"id": 7}));
        let both = json!({"$defs": {"a": {"properties": {"b": {"type": "boolean"}}}}, "$ref": "#/$defs/a", "properties": {"c": {"type": "number"}}});
        assert_eq!(of(&both).unwrap(), json!({"b": true, "c": 1}));
        let members: Map<String, Value> = (0..12).map(|at| (format!("m{at}"), json!({"$ref": "#"}))).collect();
        let wide = json!({"type": "object", "properties": members});
        assert!(of(&wide).unwrap_err().to_string().contains("more than"));
    }
}

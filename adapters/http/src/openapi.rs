//! A description of this server in OpenAPI 3.1, made from the node's own.
//!
//! Generators of clients want a name for each alternative, and a property that tells which it is: without them they make types that
//! read no answer.

use crate::bindings::manifest::{Method, Node, Outcome};
use crate::inputs::MAX_TIMEOUT_MS;
use crate::route::{CALLBACK_SECRET, HEALTH};
use serde_json::{Map, Value, json};
use servicenow_json::{SCHEMAS, tagged};

/// What the outcomes of each method carry, and the schemas of the types in it: made from the interface by the build script.
const CARRIED: &str = include_str!(concat!(env!("OUT_DIR"), "/schemas.json"));

/// The description.
pub fn openapi(node: &Node) -> Value {
    // The build script wrote it.
    let mut carried: Value = serde_json::from_str(CARRIED).unwrap_or_default();
    let Value::Object(mut schemas) = carried["schemas"].take() else { return Value::Null };
    schemas.insert("problem".to_string(), problem());
    let mut paths = Map::new();
    for method in &node.methods {
        let operation = operation(method, &carried["outcomes"][&method.name], &mut schemas);
        paths.insert(format!("/v1/{}", method.name), json!({"post": operation}));
    }
    for method in of_events() {
        let operation = operation_of_events(&method, &carried["outcomes"][method.name], &mut schemas);
        paths.insert(format!("/v1/{}", method.name), json!({"post": operation}));
    }
    paths.insert(
        "/v1/manifest".to_string(),
        document("manifest", "The node's description", &carried["returns"]["describe"]),
    );
    paths.insert("/openapi.json".to_string(), document("openapi", "This document", &json!({"type": "object"})));
    paths.insert(HEALTH.to_string(), json!({"get": health()}));
    paths.insert("/v1/callbacks/{authorization}".to_string(), json!({"post": callback()}));
    json!({
        "openapi": "3.1.0",
        "info": {"title": node.title, "version": node.version, "description": node.description},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "callback-secret": {"type": "apiKey", "in": "header", "name": CALLBACK_SECRET},
            },
            "schemas": schemas,
        },
    })
}

fn operation(method: &Method, carried: &Value, schemas: &mut Map<String, Value>) -> Value {
    let name = &method.name;
    let outcomes = method.outcomes.iter().map(|known| (known.case_name.clone(), outcome(carried, known))).collect();
    let outcome = one_of(name, outcomes, schemas);
    let inputs = inputs(method, schemas);
    schemas.insert(format!("{name}-outcome"), outcome);
    schemas.insert(format!("{name}-inputs"), inputs);
    let mut responses = refusals(&[400, 401, 413, 500, 503]);
    let content = json!({"application/json": {"schema": {"$ref": format!("{SCHEMAS}{name}-outcome")}}});
    responses
        .insert("200".to_string(), json!({"description": "How the call ended, whichever way", "content": content}));
    let content = json!({"application/json": {"schema": {"$ref": format!("{SCHEMAS}{name}-inputs")}}});
    json!({
        "operationId": name,
        "summary": method.title,
        "description": method.description,
        "requestBody": {"required": true, "content": content},
        "responses": responses,
    })
}

/// The columns to write, as a plain object.
fn columns() -> Value {
    json!({
        "type": "object",
        "description": "Columns and their values. A column named `case` is given by the other form.",
        "not": {"required": ["case"]},
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    })
}

/// A method that is none of the node's, by its inputs.
struct OfEvents {
    name: &'static str,
    summary: &'static str,
    description: &'static str,
    properties: Value,
    required: &'static [&'static str],
}

/// The methods that are none of the node's: bringing an event in, and splitting one that holds many.
fn of_events() -> [OfEvents; 2] {
    let text = |description: &str| json!({"type": "string", "description": description});
    let document = |description: &str| json!({"type": ["object", "string"], "description": description});
    let (rules, event) = ("The rules document, as an object or its text.", "The event, as an object or its text.");
    [
        OfEvents {
            name: "push",
            summary: "Push an event",
            description: "Brings an event into ServiceNow by rules. The server keeps no ledger.",
            properties: json!({
                "authorization": text("The name of an authorization that the server knows."),
                "instance": text("The instance: an id, a host name or an origin."),
                "timeout_ms": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_TIMEOUT_MS},
                "rules": document(rules),
                "event": document(event),
                "manual": {"type": ["boolean", "null"], "description": "Push whatever triggers and filters say."},
            }),
            required: &["authorization", "instance", "rules", "event"],
        },
        OfEvents {
            name: "items",
            summary: "Split an event",
            description: "The events that an event holds, by the for_each of the rules: each is pushed by itself.",
            properties: json!({"rules": document(rules), "event": document(event)}),
            required: &["rules", "event"],
        },
    ]
}

fn operation_of_events(method: &OfEvents, carried: &Value, schemas: &mut Map<String, Value>) -> Value {
    let OfEvents { name, summary, description, properties, required } = method;
    let cases = carried.as_object().into_iter().flatten();
    let cases = cases.map(|(case, held)| (case.clone(), tagged(case, held.clone()))).collect();
    let outcome = one_of(name, cases, schemas);
    schemas.insert(format!("{name}-outcome"), outcome);
    let inputs =
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    schemas.insert(format!("{name}-inputs"), inputs);
    let json_of = |part: &str| json!({"application/json": {"schema": {"$ref": format!("{SCHEMAS}{name}-{part}")}}});
    let mut responses = refusals(&[400, 401, 413, 500, 503]);
    let ended = json!({"description": "How the call ended, whichever way", "content": json_of("outcome")});
    responses.insert("200".to_string(), ended);
    json!({
        "operationId": name,
        "summary": summary,
        "description": description,
        "requestBody": {"required": true, "content": json_of("inputs")},
        "responses": responses,
    })
}

/// One outcome: its case, and what it carries.
fn outcome(carried: &Value, outcome: &Outcome) -> Value {
    let case = outcome.case_name.as_str();
    let mut described = tagged(case, carried[case].clone());
    described["description"] = outcome.description.clone().into();
    described
}

/// The inputs of a method.
fn inputs(method: &Method, schemas: &mut Map<String, Value>) -> Value {
    // The component wrote it, so it is JSON.
    let mut inputs: Value = serde_json::from_str(&method.input_schema).unwrap_or_default();
    // A schema within a document has the document's dialect.
    inputs.as_object_mut().and_then(|inputs| inputs.remove("$schema"));
    inputs["properties"]["timeout_ms"]["maximum"] = MAX_TIMEOUT_MS.into();
    if let Some(body) = inputs["properties"].get_mut("request_body") {
        let Value::Array(cases) = body["oneOf"].take() else { return Value::Null };
        let case = |mut schema: Value| {
            let name = schema["properties"]["case"]["const"].as_str().unwrap_or_default().to_string();
            schema["properties"]["case"]["type"] = "string".into();
            (name, schema)
        };
        let alternatives = one_of("request-body", cases.into_iter().map(case).collect(), schemas);
        schemas.insert("request-body".to_string(), alternatives);
        schemas.insert("columns".to_string(), columns());
        body.as_object_mut().and_then(|body| body.remove("oneOf"));
        body["anyOf"] = ["request-body", "columns"].map(|name| json!({"$ref": format!("{SCHEMAS}{name}")})).into();
    }
    inputs
}

/// Alternatives that `case` tells apart, each a schema with a name of its own.
fn one_of(prefix: &str, cases: Vec<(String, Value)>, schemas: &mut Map<String, Value>) -> Value {
    let (mut references, mut mapping) = (Vec::new(), Map::new());
    for (case, schema) in cases {
        let reference = format!("{SCHEMAS}{prefix}-{case}");
        schemas.insert(format!("{prefix}-{case}"), schema);
        references.push(json!({"$ref": reference}));
        mapping.insert(case, reference.into());
    }
    json!({"oneOf": references, "discriminator": {"propertyName": "case", "mapping": mapping}})
}

fn document(id: &str, summary: &str, schema: &Value) -> Value {
    let mut responses = refusals(&[401, 503]);
    let content = json!({"application/json": {"schema": schema}});
    responses.insert("200".to_string(), json!({"description": summary, "content": content}));
    json!({"get": {"operationId": id, "summary": summary, "responses": responses}})
}

fn health() -> Value {
    let schema = json!({"type": "object", "properties": {"status": {"const": "pass"}}, "required": ["status"]});
    let answer = json!({"description": "The server is there", "content": {"application/json": {"schema": schema}}});
    json!({
        "operationId": "health",
        "summary": "Whether the server is there",
        "security": [],
        "responses": {"200": answer},
    })
}

fn callback() -> Value {
    let mut responses = refusals(&[400, 401, 413, 502, 503]);
    responses.insert("204".to_string(), json!({"description": "Forwarded, or nothing to forward"}));
    json!({
        "operationId": "callback",
        "summary": "A delivery of an instance, forwarded as a CloudEvent",
        "description": "Authenticated by the authorization's callback secret, and not by the token.",
        "security": [{"callback-secret": []}],
        "parameters": [{"name": "authorization", "in": "path", "required": true, "schema": {"type": "string"}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": responses,
    })
}

/// The refusals of an address. Only those that a client of this document can meet.
fn refusals(statuses: &[u16]) -> Map<String, Value> {
    let refusal = |status: &u16| {
        let description = match status {
            400 => "The body is not what this address takes",
            401 => "The token or the secret is missing or wrong",
            413 => "The body is too large",
            // Not this server's: what runs it ended it, and says what it likes.
            500 => {
                let told = "The server was ended in the middle of a call: repeat a create with the same correlation id, \
                            and look up what an update should have changed";
                return (status.to_string(), json!({"description": told}));
            }
            502 => "The sink did not take the event: deliver it again",
            _ => "The server is not set up for this; the detail says what is missing",
        };
        let content = json!({"application/problem+json": {"schema": {"$ref": format!("{SCHEMAS}problem")}}});
        (status.to_string(), json!({"description": description, "content": content}))
    };
    statuses.iter().map(refusal).collect()
}

fn problem() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "description": "A request that made no call (RFC 9457).",
        "properties": {"type": text, "title": text, "status": {"type": "integer"}, "detail": text},
        "required": ["type", "title", "status", "detail"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use servicenow_core::bindings::manifest as described;
    use servicenow_core::manifest;

    /// The component's node, in this crate's types.
    fn node() -> Node {
        let node = manifest::describe();
        let outcome = |outcome: described::Outcome| Outcome {
            case_name: outcome.case_name,
            node_name: outcome.node_name,
            description: outcome.description,
        };
        let method = |method: described::Method| Method {
            name: method.name,
            title: method.title,
            description: method.description,
            inputs: Vec::new(),
            input_schema: method.input_schema,
            outputs: Vec::new(),
            outcomes: method.outcomes.into_iter().map(outcome).collect(),
        };
        Node {
            name: node.name,
            title: node.title,
            version: node.version,
            description: node.description,
            methods: node.methods.into_iter().map(method).collect(),
        }
    }

    /// Every place in a document that refers to another, and every null.
    fn places<'a>(value: &'a Value, references: &mut Vec<&'a str>, nulls: &mut usize) {
        match value {
            Value::Null => *nulls += 1,
            Value::Array(items) => items.iter().for_each(|item| places(item, references, nulls)),
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) if name == "$ref" => references.push(text),
                        Value::Object(mapping) if name == "mapping" => {
                            references.extend(mapping.values().filter_map(Value::as_str))
                        }
                        _ => places(member, references, nulls),
                    }
                }
            }
            _ => {}
        }
    }

    #[test]
    fn every_outcome_of_the_node_has_a_schema_and_every_reference_a_place() {
        let node = node();
        let document = openapi(&node);
        let (mut references, mut nulls) = (Vec::new(), 0);
        places(&document, &mut references, &mut nulls);
        assert_eq!(nulls, 0, "a schema is missing");
        for reference in &references {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        for method in &node.methods {
            for outcome in &method.outcomes {
                let reference = format!("{SCHEMAS}{}-{}", method.name, outcome.case_name);
                assert!(references.contains(&reference.as_str()), "{reference}");
            }
        }
        let update = &document["components"]["schemas"]["update-inputs"];
        assert_eq!(update["properties"]["request_body"]["anyOf"][0]["$ref"], "#/components/schemas/request-body");
        assert_eq!(update["properties"]["timeout_ms"]["maximum"], 60_000);
    }
}

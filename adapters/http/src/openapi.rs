//! A description of this server in OpenAPI 3.1, made from the node's own.

use crate::bindings::manifest::{Method, Node, Outcome};
use serde_json::{Map, Value, json};

/// The description.
pub fn openapi(node: &Node) -> Value {
    let mut paths: Map<String, Value> = node
        .methods
        .iter()
        .map(|method| (format!("/v1/{}", method.name), json!({"post": operation(method)})))
        .collect();
    let manifest = json!({"summary": "The node's description", "responses": responses(&json!({"type": "object"}))});
    paths.insert("/v1/manifest".to_string(), json!({"get": manifest}));
    paths.insert("/v1/callbacks/{authorization}".to_string(), json!({"post": callback()}));
    json!({
        "openapi": "3.1.0",
        "info": {"title": node.title, "version": node.version, "description": node.description},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"problem": problem()},
        },
    })
}

fn operation(method: &Method) -> Value {
    let outcome = |outcome: &Outcome| {
        json!({
            "type": "object",
            "description": outcome.description,
            "properties": {"case": {"const": outcome.case_name}, "value": {}},
            "required": ["case", "value"],
        })
    };
    let outcomes: Vec<_> = method.outcomes.iter().map(outcome).collect();
    // The component wrote it, so it is JSON.
    let inputs: Value = serde_json::from_str(&method.input_schema).unwrap_or_default();
    json!({
        "operationId": method.name,
        "summary": method.title,
        "description": method.description,
        "requestBody": {"required": true, "content": {"application/json": {"schema": inputs}}},
        "responses": responses(&json!({"oneOf": outcomes})),
    })
}

fn callback() -> Value {
    json!({
        "operationId": "callback",
        "summary": "A delivery of an instance, forwarded as a CloudEvent",
        "description": "Authenticated by the authorization's callback secret in x-callback-secret.",
        "security": [],
        "parameters": [{"name": "authorization", "in": "path", "required": true, "schema": {"type": "string"}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "204": {"description": "Forwarded, or nothing to forward"},
            "400": refusal("No delivery of a known form"),
            "401": refusal("The secret is missing or wrong"),
            "502": refusal("The sink did not take it: deliver it again"),
            "503": refusal("No sink is set"),
        },
    })
}

fn responses(schema: &Value) -> Value {
    json!({
        "200": {"description": "How the call ended", "content": {"application/json": {"schema": schema}}},
        "400": refusal("The inputs are not the method's"),
        "401": refusal("The token is missing or wrong"),
    })
}

fn refusal(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/problem"});
    json!({"description": description, "content": {"application/problem+json": {"schema": schema}}})
}

fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    })
}

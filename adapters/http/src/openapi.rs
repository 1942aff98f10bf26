//! A description of this server in OpenAPI 3.1, made from the node's own.

use crate::bindings::manifest::{Method, Node, Outcome};
use crate::inputs::MAX_TIMEOUT_MS;
use serde_json::{Map, Value, json};
use servicenow_json::tagged;

/// What the outcomes of each method carry, and the schemas of the types in it: made from the interface by the build script.
const CARRIED: &str = include_str!(concat!(env!("OUT_DIR"), "/schemas.json"));

/// The description.
pub fn openapi(node: &Node) -> Value {
    // The build script wrote it.
    let mut carried: Value = serde_json::from_str(CARRIED).unwrap_or_default();
    let mut paths: Map<String, Value> = node
        .methods
        .iter()
        .map(|method| {
            (format!("/v1/{}", method.name), json!({"post": operation(method, &carried["outcomes"][&method.name])}))
        })
        .collect();
    let document = |id: &str, summary: &str| {
        let content = json!({"application/json": {"schema": {"type": "object"}}});
        let mut responses = refusals(&[401, 405, 503]);
        responses.insert("200".to_string(), json!({"description": summary, "content": content}));
        json!({"get": {"operationId": id, "summary": summary, "responses": responses}})
    };
    paths.insert("/v1/manifest".to_string(), document("manifest", "The node's description"));
    paths.insert("/openapi.json".to_string(), document("openapi", "This document"));
    paths.insert("/v1/callbacks/{authorization}".to_string(), json!({"post": callback()}));
    json!({
        "openapi": "3.1.0",
        "info": {"title": node.title, "version": node.version, "description": node.description},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(carried["schemas"].take()),
        },
    })
}

fn operation(method: &Method, carried: &Value) -> Value {
    let outcomes: Vec<_> = method.outcomes.iter().map(|known| outcome(carried, known)).collect();
    // The component wrote it, so it is JSON.
    let mut inputs: Value = serde_json::from_str(&method.input_schema).unwrap_or_default();
    inputs["properties"]["timeout_ms"]["maximum"] = MAX_TIMEOUT_MS.into();
    let content = json!({"application/json": {"schema": {"oneOf": outcomes}}});
    let mut responses = refusals(&[400, 401, 404, 405, 413, 503]);
    responses
        .insert("200".to_string(), json!({"description": "How the call ended, whichever way", "content": content}));
    json!({
        "operationId": method.name,
        "summary": method.title,
        "description": method.description,
        "requestBody": {"required": true, "content": {"application/json": {"schema": inputs}}},
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

fn callback() -> Value {
    let mut responses = refusals(&[400, 401, 405, 413, 502, 503]);
    responses.insert("204".to_string(), json!({"description": "Forwarded, or nothing to forward"}));
    json!({
        "operationId": "callback",
        "summary": "A delivery of an instance, forwarded as a CloudEvent",
        "description": "Authenticated by the authorization's callback secret in x-callback-secret.",
        "security": [],
        "parameters": [{"name": "authorization", "in": "path", "required": true, "schema": {"type": "string"}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": responses,
    })
}

/// The refusals of an address.
fn refusals(statuses: &[u16]) -> Map<String, Value> {
    let schema = json!({"$ref": "#/components/schemas/problem"});
    let refusal = |status: &u16| {
        let description = match status {
            400 => "The body is not what this address takes",
            401 => "The token or the secret is missing or wrong",
            404 => "There is no such address",
            405 => "The address takes another method",
            413 => "The body is too large",
            502 => "The sink did not take the event: deliver it again",
            _ => "The server is not set up for this; the detail says what is missing",
        };
        let content = json!({"application/problem+json": {"schema": schema}});
        (status.to_string(), json!({"description": description, "content": content}))
    };
    statuses.iter().map(refusal).collect()
}

/// The schemas that others refer to.
fn schemas(mut named: Value) -> Value {
    let text = json!({"type": "string"});
    named["problem"] = json!({
        "type": "object",
        "description": "A request that made no call (RFC 9457).",
        "properties": {"type": text, "title": text, "status": {"type": "integer"}, "detail": text},
        "required": ["type", "title", "status", "detail"],
    });
    named
}

//! An HTTP client of an instance that knows nothing of this project.

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use http::HeaderMap;
use http::request::Builder;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// The simulator's integration user and password.
pub const INTEGRATION: (&str, &str) = ("flow.integration", "simulated-password");

/// The media type of JSON.
pub const JSON: &str = "application/json";

/// The header of a JSON body.
pub const AS_JSON: (&str, &str) = ("content-type", JSON);

async fn exchange(request: Builder, body: String) -> (u16, HeaderMap, Bytes) {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request.body(Full::from(body)).unwrap()).await.unwrap().into_parts();
    (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes())
}

/// Sends a request with these headers as this user to a path of the instance, and reads status, headers and body.
pub async fn ask(
    base_url: &str,
    (user, password): (&str, &str),
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, HeaderMap, Vec<u8>) {
    let user = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let request = http::Request::builder().method(method).uri(format!("{base_url}{path}"));
    let request = request.header("authorization", format!("Basic {user}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let (status, headers, body) = exchange(request, body.to_string()).await;
    (status, headers, body.into())
}

/// Sends a request to a URL as the integration user, and reads status and text.
pub async fn send(method: &str, url: &str, media_type: &str, body: String) -> (u16, String) {
    let (status, _, body) = ask(url, INTEGRATION, method, "", &[("content-type", media_type)], &body).await;
    (status, String::from_utf8(body).unwrap())
}

/// The simulator's OAuth client, as fields of a form.
const CLIENT: &str = "client_id=3f6c0f0e8d1b4c55a1d2c3b4a5968778&client_secret=simulated-client-secret";

/// Posts a form with the client's fields to a token URL, and reads the answer's JSON.
pub async fn token(token_url: &str, form: &str) -> Value {
    let request = http::Request::post(token_url).header("content-type", "application/x-www-form-urlencoded");
    serde_json::from_slice(&exchange(request, format!("{form}&{CLIENT}")).await.2).unwrap()
}

/// The rows of an answer.
pub fn results(body: &[u8]) -> Vec<Value> {
    serde_json::from_slice::<Value>(body).unwrap()["result"].as_array().unwrap().clone()
}

/// Writes a record as the integration user, and returns status and answer. `path` is a table, or a table and a sys_id.
pub async fn write(base_url: &str, method: &str, path: &str, columns: Value) -> (u16, Value) {
    let url = format!("{base_url}/api/now/table/{path}");
    let (status, body) = send(method, &url, JSON, columns.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

/// Adds a business rule for whatever is done to a table.
pub async fn rule(base_url: &str, table: &str, when: &str, script: &str) {
    let rule = json!({"name": format!("{when} {table}"), "collection": table, "when": when, "advanced": true,
        "active": true, "action_insert": true, "action_update": true, "action_delete": true, "script": script});
    assert_eq!(write(base_url, "POST", "sys_script", rule).await.0, 201);
}

//! A client of the simulator that knows nothing of this project.

use base64::prelude::{BASE64_STANDARD, Engine};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use servicenow_host::simulator::Simulator;

/// Sends a request with these headers as this user, and reads status, headers and body.
pub async fn ask(
    simulator: &Simulator,
    (user, password): (&str, &str),
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, http::HeaderMap, Vec<u8>) {
    let client: Client<_, Full<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let user = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let request = http::Request::builder().method(method).uri(format!("{}{path}", simulator.access().base_url));
    let request = request.header("authorization", format!("Basic {user}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = client.request(request.body(Full::from(body.to_string())).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes().into())
}

/// The integration user.
pub const INTEGRATION: (&str, &str) = ("flow.integration", "simulated-password");
/// A body of JSON.
pub const AS_JSON: (&str, &str) = ("content-type", "application/json");

/// The rows of an answer.
pub fn results(body: &[u8]) -> Vec<Value> {
    serde_json::from_slice::<Value>(body).unwrap()["result"].as_array().unwrap().clone()
}

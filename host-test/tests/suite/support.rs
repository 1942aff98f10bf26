//! What several tests need.

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use servicenow_host::Exchange;

/// Long enough for any answer on loopback.
pub const PATIENT_MS: u32 = 10_000;

/// How many exchanges used a method.
pub fn count(exchanges: &[Exchange], method: &str) -> usize {
    exchanges.iter().filter(|exchange| exchange.method == method).count()
}

/// Posts a body as a client that knows nothing of this project, and reads the answer as JSON.
pub async fn post(url: &str, media_type: &str, body: String) -> serde_json::Value {
    let client: Client<_, Full<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = http::Request::post(url).header("content-type", media_type).body(Full::from(body)).unwrap();
    let body = client.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

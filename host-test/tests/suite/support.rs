//! What several tests need.

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use servicenow_host::{Authorizations, Exchange, Host, Limits};
use std::path::Path;
use std::sync::LazyLock;

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

/// A host with the authorizations of a file's text. The component is compiled once for all tests: compiling it beside
/// them would take the time from those that measure time.
pub fn host(authorizations: &str) -> Host {
    host_with(Authorizations::parse(authorizations, Path::new("a.toml")).unwrap(), Limits::default())
}

/// A host with authorizations and limits.
pub fn host_with(authorizations: Authorizations, limits: Limits) -> Host {
    static LOADED: LazyLock<Host> = LazyLock::new(|| Host::builder().build().unwrap());
    LOADED.with(authorizations, limits).unwrap()
}

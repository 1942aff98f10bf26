//! What several tests need.

use base64::prelude::{BASE64_STANDARD, Engine};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use servicenow_host::simulator::{Access, Simulator};
use servicenow_host::{Authorizations, Exchange, Host, Limits, Proxy};
use std::path::Path;
use std::sync::LazyLock;

/// Long enough for any answer on loopback.
pub const PATIENT_MS: u32 = 10_000;

/// How many exchanges used a method.
pub fn count(exchanges: &[Exchange], method: &str) -> usize {
    exchanges.iter().filter(|exchange| exchange.method == method).count()
}

/// Sends a request as a client that knows nothing of this project, as the simulator's integration user, and reads the
/// answer's status and body.
pub async fn send(method: &str, url: &str, media_type: &str, body: String) -> (u16, String) {
    let client: Client<_, Full<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let user = BASE64_STANDARD.encode("flow.integration:simulated-password");
    let request = http::Request::builder().method(method).uri(url).header("content-type", media_type);
    let request = request.header("authorization", format!("Basic {user}")).body(Full::from(body)).unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

/// A token answer of the simulator, for a form without the client's own fields.
pub async fn token(simulator: &Simulator, form: &str) -> serde_json::Value {
    let Access { token_url, client_id, client_secret, .. } = simulator.access();
    let request = http::Request::post(token_url).header("content-type", "application/x-www-form-urlencoded");
    let form = format!("{form}&client_id={client_id}&client_secret={client_secret}");
    let client: Client<_, Full<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request.body(Full::from(form)).unwrap()).await.unwrap();
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// A host with the authorizations of a file's text. The component is compiled once for all tests: compiling it beside
/// them would take the time from those that measure time.
pub fn host(authorizations: &str) -> Host {
    host_with(Authorizations::parse(authorizations, Path::new("a.toml")).unwrap(), Limits::default())
}

/// A host with authorizations and limits.
pub fn host_with(authorizations: Authorizations, limits: Limits) -> Host {
    static LOADED: LazyLock<Host> = LazyLock::new(|| Host::builder().proxy(Proxy::default()).build().unwrap());
    LOADED.with(authorizations, limits).unwrap()
}

/// The values of futures that run at once.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    use futures_util::stream::{FuturesOrdered, StreamExt};
    FuturesOrdered::from_iter(futures).collect().await
}

//! The instance without sockets, for tests that ask it much and often.

use super::{Instance, Options, router};
use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::Value;
use std::sync::Arc;

/// Where an instance without sockets is.
const ORIGIN: &str = "http://simulator.invalid";

/// An instance that is asked directly.
pub struct InProcess(Arc<Instance>);

impl InProcess {
    /// A new instance. Where to listen and TLS are of no account.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Instance::new(ORIGIN.to_string(), options.settings, options.seed)))
    }

    /// The status that a request by the integration user is answered with. `None` where it is no request.
    pub fn ask(&self, method: &str, address: &str, body: &[u8]) -> Option<u16> {
        self.answer(method, address, body).map(|(status, _)| status)
    }

    /// The same with the body; null where that is no JSON.
    pub fn answer(&self, method: &str, address: &str, body: &[u8]) -> Option<(u16, Value)> {
        let api_key = self.0.settings().api_key.clone();
        let request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).ok()?)
            .uri(address)
            .header("x-sn-apikey", api_key)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::copy_from_slice(body))
            .ok()?;
        let answer = router::answer(&self.0, &request);
        Some((answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default()))
    }
}

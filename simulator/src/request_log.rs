//! The requests that were made, to be looked at afterwards.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

/// How much of a body is kept: what clients of tables send is smaller, and a test that sends megabytes knows what it sent.
const KEPT_BYTES: usize = 64 * 1024;

/// A request.
#[derive(Clone, Debug)]
pub struct Logged {
    /// `METHOD /path?query`.
    pub line: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Logged {
    /// Of a request.
    pub fn of(request: &Request<Bytes>) -> Self {
        let address = request.uri().path_and_query().map_or(request.uri().path(), |address| address.as_str());
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            line: format!("{} {address}", request.method()),
            headers: request.headers().iter().map(header).collect(),
            // A copy: a part would keep the whole of it.
            body: Bytes::copy_from_slice(&request.body()[..request.body().len().min(KEPT_BYTES)]),
        }
    }

    /// With headers and body. Credentials are there as they were sent: a test may want to see them.
    pub fn whole(&self) -> Value {
        let (method, address) = self.line.split_once(' ').unwrap_or_default();
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| json!([name, value])).collect();
        json!({"method": method, "address": address, "headers": headers, "body": String::from_utf8_lossy(&self.body)})
    }
}

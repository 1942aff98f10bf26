//! What scripts send: HTTP to this machine alone, for a simulator that called others would be a surprise.

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use tokio::runtime::Handle;

/// The platform's own time-out where a script sets none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most of an answer that a script is shown.
const MAX_ANSWER_BYTES: usize = 5 << 20;

/// A request as a script describes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// The method, in lower case.
    pub method: String,
    /// The address.
    pub endpoint: String,
    headers: HashMap<String, String>,
    /// The body.
    pub body: String,
    timeout: Option<f64>,
    #[serde(default)]
    basic: Option<(String, String)>,
    /// Whether it goes on to where an answer sends it; the platform's default.
    #[serde(default = "follows")]
    follows: bool,
}

fn follows() -> bool {
    true
}

/// How often an answer may send a request on.
const MAX_REDIRECTS: usize = 5;

/// The answer, as a script is shown it.
#[derive(Debug, Default, Serialize)]
pub struct Response {
    /// The status; 0 where there was no answer.
    pub status: u16,
    headers: HashMap<String, String>,
    /// The body.
    pub body: String,
    /// What went wrong, where there was no answer.
    pub error: Option<String>,
}

/// The way out.
pub struct Outbound(Option<(Handle, Client<HttpConnector, Full<Bytes>>)>);

impl Outbound {
    /// By the runtime of this thread. Where there is none, nothing is sent.
    pub fn new() -> Self {
        let client = || Client::builder(TokioExecutor::new()).build_http();
        Self(Handle::try_current().ok().map(|handle| (handle, client())))
    }

    /// Sends a request and waits for its answer. Not for threads that drive a runtime.
    pub fn send(&self, message: &Message, left: Duration) -> Response {
        let Some((runtime, client)) = &self.0 else { return failed("there is no network here") };
        let request = match request(message) {
            Ok(request) => request,
            Err(problem) => return failed(&problem),
        };
        let within = message.timeout.filter(|ms| ms.is_finite() && *ms >= 0.0);
        let within = within.map_or(DEFAULT_TIMEOUT, |ms| Duration::from_millis(ms as u64)).min(left);
        let exchange = async {
            let mut answer = client.request(request).await.map_err(|error| error.to_string())?;
            for _ in 0..MAX_REDIRECTS {
                let location = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                let Some(endpoint) = location.filter(|_| message.follows && answer.status().is_redirection()) else {
                    break;
                };
                // With all headers: whoever sends a secret in one sends it on.
                let on = self::request(&Message { endpoint: endpoint.to_string(), ..message.clone() })?;
                answer = client.request(on).await.map_err(|error| error.to_string())?;
            }
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|error| error.to_string())?;
            let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            Ok(Response {
                status: head.status.as_u16(),
                headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
                body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
                error: None,
            })
        };
        let sent = runtime.block_on(async { tokio::time::timeout(within, exchange).await });
        sent.unwrap_or_else(|_| Err("Read timed out".to_string())).unwrap_or_else(|problem: String| failed(&problem))
    }
}

fn failed(problem: &str) -> Response {
    Response { error: Some(problem.to_string()), ..Response::default() }
}

fn request(message: &Message) -> Result<Request<Full<Bytes>>, String> {
    let url = url::Url::parse(&message.endpoint).map_err(|error| format!("{}: {error}", message.endpoint))?;
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    if url.scheme() != "http" || !is_here {
        return Err(format!("{url}: the simulator sends to http on loopback alone"));
    }
    let method = message.method.to_ascii_uppercase();
    let mut request = Request::builder().method(method.as_str()).uri(url.as_str());
    for (name, value) in &message.headers {
        request = request.header(name, value);
    }
    if let Some((name, password)) = &message.basic {
        let pair = BASE64_STANDARD.encode(format!("{name}:{password}"));
        request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
    }
    request.body(Full::from(message.body.clone())).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_sends_to_this_machine_alone_and_its_values_end_no_header() {
        let message = |endpoint: &str, header: &str| Message {
            method: "post".to_string(),
            endpoint: endpoint.to_string(),
            headers: HashMap::from([("x-secret".to_string(), header.to_string())]),
            body: String::new(),
            timeout: None,
            basic: None,
            follows: true,
        };
        for (endpoint, header, passes) in [
            ("http://127.0.0.1:9/hook", "s", true),
            ("http://localhost:9/hook", "s", true),
            ("http://[::1]:9/hook", "s", true),
            ("http://10.0.0.1/", "s", false),
            ("http://example.com/", "s", false),
            ("https://127.0.0.1/", "s", false),
            ("file:///etc/passwd", "s", false),
            ("no address", "s", false),
            ("http://127.0.0.1:9/hook", "a\r\nx: y", false),
        ] {
            assert_eq!(request(&message(endpoint, header)).is_ok(), passes, "{endpoint} {header:?}");
        }
    }
}

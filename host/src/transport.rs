//! The interface `transport`: the way out that `wasi:http` leads to as well, for components that import nothing of WASI.

use crate::bindings::servicenow::plugin::transport::{
    Body, Broken, BrokenReason, Header, Host, Method, Request, Response,
};
use crate::call_state::CallState;
use crate::egress::{CallEgress, TOO_LARGE, is_shown, may_leave};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use http_body_util::Full;
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;
use wasmtime::{Error as Trap, Result as Trapped};
use wasmtime_wasi_http::Error;

/// What the clock counts from: a component compares its readings with each other alone.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Host for CallState {
    async fn send(&mut self, request: Request) -> Result<Response, Broken> {
        let call = Arc::clone(&self.egress);
        let wish = Instant::now().checked_add(Duration::from_millis(request.within_ms));
        let deadline = wish.map_or(call.deadline, |wish| wish.min(call.deadline));
        let request = to_http(request, &call)?;
        let admitted = call.admit(&request);
        let exchange = async move { call.exchange(admitted, request, deadline).await };
        let answered = self.beside.run(exchange).await.map_err(|error| broken(&error))?;
        Ok(from_http(answered, &self.egress))
    }

    fn now_ms(&mut self) -> u64 {
        u64::try_from(EPOCH.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn unix_seconds(&mut self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    async fn wait_ms(&mut self, ms: u64) {
        sleep(Duration::from_millis(ms)).await;
    }

    fn random(&mut self) -> Trapped<(u64, u64)> {
        let (mut high, mut low) = ([0; 8], [0; 8]);
        let random = SystemRandom::new();
        let filled = random.fill(&mut high).and_then(|()| random.fill(&mut low));
        filled.map_err(|_| Trap::msg("the system has no random bytes"))?;
        Ok((u64::from_ne_bytes(high), u64::from_ne_bytes(low)))
    }
}

/// A request as the client sends it. Headers that may not leave are refused as `wasi:http` refuses them.
pub fn to_http(request: Request, call: &CallEgress) -> Result<http::Request<Full<Bytes>>, Broken> {
    let denied = |why: &str| broken(&call.deny(&why));
    // Each header takes room of its own, also an empty one.
    let size = |header: &Header| header.name.len() + header.value.len() + size_of::<HeaderValue>();
    if request.headers.iter().map(size).sum::<usize>() > call.limits.max_header_bytes {
        return Err(denied("the headers are larger than a request may have"));
    }
    let body: Bytes = match request.body {
        None => Bytes::new(),
        Some(Body::Text(text)) => text.into(),
        Some(Body::Bytes(bytes)) => bytes.into(),
    };
    if body.len() > call.limits.max_request_bytes {
        return Err(denied(TOO_LARGE));
    }
    let method = match request.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    };
    let mut head = http::Request::builder().method(method).uri(request.url);
    if let Some(headers) = head.headers_mut() {
        for Header { name, value } in request.headers {
            let name = HeaderName::try_from(name).map_err(|_| denied("a header has no name"))?;
            // The length is the host's to say.
            if name == header::CONTENT_LENGTH || !may_leave(&name, &call.headers, call.guest_authorizes) {
                return Err(denied("a header is none that a component may set"));
            }
            headers.append(name, HeaderValue::try_from(value).map_err(|_| denied("a header has no value"))?);
        }
        if !body.is_empty() {
            headers.insert(header::CONTENT_LENGTH, body.len().into());
        }
    }
    head.body(Full::new(body)).map_err(|_| denied("the address is none"))
}

/// An answer with the headers that a guest may see.
fn from_http(response: http::Response<Bytes>, call: &CallEgress) -> Response {
    let (head, body) = response.into_parts();
    let is_seen = |(name, _): &(&HeaderName, &HeaderValue)| is_shown(name, &call.headers, call.guest_authorizes);
    let header = |(name, value): (&HeaderName, &HeaderValue)| Header {
        name: name.to_string(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    Response {
        status: head.status.as_u16(),
        headers: head.headers.iter().filter(is_seen).map(header).collect(),
        // Without a copy, where nobody else holds the answer.
        body: String::from_utf8(body.into()).map_or_else(|error| Body::Bytes(error.into_bytes()), Body::Text),
    }
}

/// What an error of an exchange proves: the same as the component of `wasi:http` reads from it.
fn broken(error: &Error) -> Broken {
    let (reason, not_sent) = proof(error);
    Broken { reason, status: None, not_sent }
}

/// Why an exchange brought no whole answer.
pub fn reason_of(error: &Error) -> BrokenReason {
    proof(error).0
}

/// The reason, and whether nothing was sent.
fn proof(error: &Error) -> (BrokenReason, bool) {
    match error {
        Error::DnsError { .. } => (BrokenReason::Dns, true),
        Error::ConnectionRefused => (BrokenReason::Connect, true),
        Error::ConnectionLimitReached => (BrokenReason::Limit, true),
        Error::ConnectionTimeout => (BrokenReason::Deadline, true),
        Error::TlsCertificateError => (BrokenReason::Tls, true),
        Error::HttpRequestDenied | Error::DestinationIpProhibited => (BrokenReason::DeniedByHost, true),
        Error::HttpResponseTimeout => (BrokenReason::Deadline, false),
        Error::HttpResponseBodySize(_) | Error::HttpResponseHeaderSectionSize(_) => (BrokenReason::TooLarge, false),
        _ => (BrokenReason::Lost, false),
    }
}

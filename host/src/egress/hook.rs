//! The hook that every request of the guest passes. It decides nothing itself: `call.rs` does, by the policy.

use super::call::{CallEgress, carries_credential};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use std::sync::Arc;
use std::time::Instant;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Headers that a guest may neither set nor see: they carry or stand for credentials, change what is called, or would have
/// an answer in a form in which no secret is found.
const FORBIDDEN: [&str; 9] = [
    "authorization",
    "cookie",
    "set-cookie",
    "x-sn-apikey",
    "x-http-method-override",
    "www-authenticate",
    "accept-encoding",
    "range",
    "te",
];

/// The egress of one call.
pub struct Egress(pub Arc<CallEgress>);

type Sending = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(Response<WasiBody>, Sending), Error>;

impl WasiHttpHooks for Egress {
    fn forbidden_header_filter(&mut self) -> Arc<dyn Fn(&HeaderName) -> bool + Send + Sync> {
        let guest_authorizes = self.0.guest_authorizes;
        Arc::new(move |name| {
            DEFAULT_FORBIDDEN_HEADERS.contains(name)
                || FORBIDDEN.contains(&name.as_str()) && !(guest_authorizes && carries_credential(name))
        })
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Sending,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let call = Arc::clone(&self.0);
        let admitted = call.admit(&request);
        let wish = options.and_then(|options| options.first_byte_timeout.max(options.connect_timeout));
        let wish = wish.and_then(|wish| Instant::now().checked_add(wish));
        let deadline = wish.map_or(call.deadline, |wish| wish.min(call.deadline));
        Box::new(async move { call.exchange(admitted, request, deadline).await.map(answered) })
    }
}

/// An answer, and a request that needs no more watching.
fn answered(mut response: Response<Bytes>) -> (Response<WasiBody>, Sending) {
    // The whole answer is here, however it came: the guest can make room for it at once.
    let length = HeaderValue::from(response.body().len());
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    let body = |bytes| Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
    (response.map(body), Box::new(async { Ok(()) }))
}

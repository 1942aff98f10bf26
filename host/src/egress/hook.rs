//! The hook that every request of the guest passes. It decides nothing itself: `call.rs` does, by the policy.

use super::call::CallEgress;
use super::headers::is_shown;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use std::sync::Arc;
use std::time::Instant;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The egress of one call.
pub struct Egress(pub Arc<CallEgress>);

type Sending = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(Response<WasiBody>, Sending), Error>;

impl WasiHttpHooks for Egress {
    fn forbidden_header_filter(&mut self) -> Arc<dyn Fn(&HeaderName) -> bool + Send + Sync> {
        let (guest_authorizes, more) = (self.0.guest_authorizes, self.0.headers.clone());
        Arc::new(move |name| !is_shown(name, &more, guest_authorizes))
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

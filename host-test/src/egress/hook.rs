//! The hook that every request of the guest passes: the policy decides, the host adds the credential, and the client
//! sends. Nothing else of the host is reachable from here.

use super::client::{Clients, Sent};
use super::journal::Journal;
use super::policy::{Policy, Target};
use super::rate_limit::{RateLimits, refusal};
use crate::limits::Limits;
use crate::secret::HandedOut;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::time::{sleep_until, timeout_at};
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Headers that a guest may neither set nor see: they carry or stand for credentials, or change what is called.
const FORBIDDEN: [&str; 6] =
    ["authorization", "cookie", "set-cookie", "x-sn-apikey", "x-http-method-override", "www-authenticate"];

/// The header that the host adds to requests for the instance; shared with the credentials of the same call.
#[derive(Clone, Default)]
pub struct Injected(Arc<Mutex<Option<(HeaderName, HeaderValue)>>>);

impl Injected {
    /// Sets the header for the requests to come.
    pub fn set(&self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(true);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, value));
    }

    fn get(&self) -> Option<(HeaderName, HeaderValue)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The egress of one call.
pub struct Egress {
    /// The authorization that the call was made with.
    pub authorization: String,
    /// What it may reach. Nothing where the host does not know the authorization.
    pub policy: Option<Policy>,
    /// Whether the guest adds the credential itself.
    pub guest_authorizes: bool,
    /// The header that the host adds otherwise.
    pub injected: Injected,
    /// What the guest was handed out of the credential.
    pub handed_out: HandedOut,
    /// The pooled clients.
    pub clients: Clients,
    /// What the instance said about its rate limit.
    pub rate_limits: RateLimits,
    /// What is noted.
    pub journal: Journal,
    /// When the call ends.
    pub deadline: Instant,
    /// What a call may use.
    pub limits: Limits,
    /// How many requests are left.
    pub requests_left: u32,
}

type Sending = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(Response<WasiBody>, Sending), Error>;

impl WasiHttpHooks for Egress {
    fn forbidden_header_filter(&mut self) -> Arc<dyn Fn(&HeaderName) -> bool + Send + Sync> {
        let guest_authorizes = self.guest_authorizes;
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
        let started = Instant::now();
        let allowed = self.admit(&request);
        let wish = options.and_then(|options| options.first_byte_timeout.max(options.connect_timeout));
        let deadline =
            wish.and_then(|wish| started.checked_add(wish)).map_or(self.deadline, |at| at.min(self.deadline));
        let injected = self.injected.get().filter(|_| !self.guest_authorizes);
        let (clients, rate_limits, journal) = (self.clients.clone(), self.rate_limits.clone(), self.journal.clone());
        let (authorization, handed_out) = (self.authorization.clone(), self.handed_out.clone());
        let (max_request_bytes, max_response_bytes) = (self.limits.max_request_bytes, self.limits.max_response_bytes);
        Box::new(async move {
            let (mut head, body) = request.into_parts();
            // The body is taken in before anything is decided: a guest that is refused sees the refusal and not a broken
            // stream, and a request goes out in one piece.
            let body = timeout_at(deadline.into(), Limited::new(body, max_request_bytes).collect());
            let body = match body.await {
                Ok(Ok(body)) => body.to_bytes(),
                Ok(Err(_)) => return Err(Error::HttpRequestBodySize(None)),
                Err(_) => return Err(Error::ConnectionTimeout),
            };
            let target = allowed?;
            // A token request carries what was handed out: that is what it is for.
            if target == Target::Instance && handed_out.is_in(&body) {
                return Err(leaking(&authorization));
            }
            if let Some(until) = rate_limits.pause(&authorization).filter(|_| target == Target::Instance) {
                if until >= deadline {
                    return Ok(answered(refusal(until)));
                }
                sleep_until(until.into()).await;
            }
            let (method, uri) = (head.method.clone(), head.uri.clone());
            if let (Target::Instance, Some((name, value))) = (target, injected) {
                head.headers.insert(name, value);
            }
            let sent = Sent::default();
            let is_write = target == Target::Instance && method != Method::GET;
            if is_write && !journal.watch_write(sent.clone()) {
                return Err(Error::ConnectionTimeout);
            }
            let exchange = async {
                let response = clients.send(&authorization, Request::from_parts(head, body), &sent).await?;
                if target == Target::Instance {
                    rate_limits.learn(&authorization, response.status(), response.headers());
                }
                receive(response, max_response_bytes).await
            };
            let result = timeout_at(deadline.into(), exchange).await.unwrap_or(Err(Error::HttpResponseTimeout));
            // What never left is told as a failure to connect: that proves to the guest that nothing was written.
            let result = result.map_err(|error| match (&error, is_write && !sent.revoke()) {
                (Error::HttpResponseTimeout, true) => Error::ConnectionTimeout,
                (Error::ConnectionTerminated, true) => Error::ConnectionRefused,
                _ => error,
            });
            let status = result.as_ref().map(|response| response.status().as_u16());
            journal.note(&method, &uri, status.map_err(describe), started.elapsed());
            result.map(answered)
        })
    }
}

/// An answer, and a request that needs no more watching.
fn answered(response: Response<Bytes>) -> (Response<WasiBody>, Sending) {
    let body = |bytes| Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
    (response.map(body), Box::new(async { Ok(()) }))
}

fn carries_credential(name: &HeaderName) -> bool {
    *name == header::AUTHORIZATION || name == "x-sn-apikey"
}

fn leaking(authorization: &str) -> Error {
    tracing::warn!(
        authorization,
        "denied: the component put the credential it was handed into an address, a body or another header"
    );
    Error::HttpRequestDenied
}

impl Egress {
    fn admit(&mut self, request: &Request<WasiBody>) -> Result<Target, Error> {
        let policy = self.policy.as_ref().ok_or(Error::HttpRequestDenied)?;
        let target = policy.check(request.method(), request.uri()).map_err(|denied| {
            tracing::warn!(authorization = self.authorization, "denied: {denied}");
            Error::HttpRequestDenied
        })?;
        let is_elsewhere = |(name, value): (&HeaderName, &HeaderValue)| {
            !carries_credential(name) && self.handed_out.is_in(value.as_bytes())
        };
        if self.handed_out.is_in(request.uri().to_string().as_bytes()) || request.headers().iter().any(is_elsewhere) {
            return Err(leaking(&self.authorization));
        }
        self.requests_left = self.requests_left.checked_sub(1).ok_or_else(|| {
            tracing::warn!(authorization = self.authorization, "denied: the call made too many requests");
            Error::HttpRequestDenied
        })?;
        Ok(target)
    }
}

/// Takes in the whole answer before the guest sees any of it: an answer that breaks or is too large then ends as an error
/// of the exchange, with its reason. In a stream that reason would be lost, for wasmtime 48 does not pass it on.
async fn receive(response: Response<Incoming>, max_bytes: usize) -> Result<Response<Bytes>, Error> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, max_bytes).collect().await.map_err(|error| {
        let too_large = error.is::<LengthLimitError>();
        if too_large { Error::HttpResponseBodySize(None) } else { Error::HttpResponseIncomplete }
    })?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

fn describe(error: &Error) -> String {
    match error {
        Error::DnsError { .. } => "the host name could not be resolved",
        Error::DestinationIpProhibited => "the address may not be reached",
        Error::TlsCertificateError => "the TLS handshake failed",
        Error::ConnectionRefused => "no connection could be made",
        Error::ConnectionTimeout => "the deadline passed before anything was sent",
        Error::HttpResponseTimeout => "the deadline passed before an answer came",
        Error::HttpResponseBodySize(_) | Error::HttpResponseHeaderSectionSize(_) => "the answer is larger than allowed",
        _ => "the connection broke",
    }
    .to_string()
}

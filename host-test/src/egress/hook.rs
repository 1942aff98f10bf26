//! The hook that every request of the guest passes: the policy decides, the host adds the credential, and the client
//! sends. Nothing else of the host is reachable from here.

use super::client::{Clients, Sent};
use super::journal::Journal;
use super::policy::{Denied, Policy, Target};
use crate::limits::MAX_REQUEST_BYTES;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::time::timeout_at;
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
    /// The pooled clients.
    pub clients: Clients,
    /// What is noted.
    pub journal: Journal,
    /// When the call ends.
    pub deadline: Instant,
    /// The largest response body.
    pub max_response_bytes: usize,
    /// How many requests are left.
    pub requests_left: u32,
}

type Answer = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Egress {
    fn forbidden_header_filter(&mut self) -> Arc<dyn Fn(&HeaderName) -> bool + Send + Sync> {
        let guest_authorizes = self.guest_authorizes;
        Arc::new(move |name| {
            let carries_credential = *name == header::AUTHORIZATION || name == "x-sn-apikey";
            DEFAULT_FORBIDDEN_HEADERS.contains(name)
                || FORBIDDEN.contains(&name.as_str()) && !(guest_authorizes && carries_credential)
        })
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let started = Instant::now();
        let allowed = self.admit(request.method(), request.uri());
        let wish = options.and_then(|options| options.first_byte_timeout.max(options.connect_timeout));
        let deadline =
            wish.and_then(|wish| started.checked_add(wish)).map_or(self.deadline, |at| at.min(self.deadline));
        let injected = self.injected.get().filter(|_| !self.guest_authorizes);
        let (clients, journal, authorization) =
            (self.clients.clone(), self.journal.clone(), self.authorization.clone());
        let max_response_bytes = self.max_response_bytes;
        Box::new(async move {
            let (mut head, body) = request.into_parts();
            // The body is taken in before anything is decided: a guest that is refused sees the refusal and not a broken
            // stream, and a request goes out in one piece.
            let body = timeout_at(deadline.into(), Limited::new(body, MAX_REQUEST_BYTES).collect());
            let body = match body.await {
                Ok(Ok(body)) => body.to_bytes(),
                Ok(Err(_)) => return Err(Error::HttpRequestBodySize(None)),
                Err(_) => return Err(Error::ConnectionTimeout),
            };
            let target = allowed?;
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
            let response = result?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}

impl Egress {
    fn admit(&mut self, method: &Method, uri: &http::Uri) -> Result<Target, Error> {
        let policy = self.policy.as_ref().ok_or(Error::HttpRequestDenied)?;
        let target = policy.check(method, uri).map_err(|denied| {
            log_denial(&self.authorization, &denied);
            Error::HttpRequestDenied
        })?;
        self.requests_left = self.requests_left.checked_sub(1).ok_or_else(|| {
            tracing::warn!(authorization = self.authorization, "denied: the call made too many requests");
            Error::HttpRequestDenied
        })?;
        Ok(target)
    }
}

fn log_denial(authorization: &str, denied: &Denied) {
    match denied {
        Denied::Origin(asked, _) => tracing::warn!(
            authorization,
            "denied: {denied}; to allow it, add an authorization with instance = {asked:?} and name it in the call"
        ),
        Denied::Call(..) | Denied::Address(_) => {
            tracing::warn!(authorization, "denied: {denied}; nothing would allow it")
        }
    }
}

/// Takes in the whole answer before the guest sees any of it: an answer that breaks or is too large then ends as an error
/// of the exchange, with its reason. In a stream that reason would be lost, for wasmtime 48 does not pass it on.
async fn receive(response: Response<Incoming>, max_bytes: usize) -> Result<Response<WasiBody>, Error> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, max_bytes).collect().await.map_err(|error| {
        let too_large = error.is::<LengthLimitError>();
        if too_large { Error::HttpResponseBodySize(None) } else { Error::HttpResponseIncomplete }
    })?;
    let body = Full::new(body.to_bytes()).map_err(|never| match never {}).boxed_unsync();
    Ok(Response::from_parts(head, body))
}

fn describe(error: &Error) -> String {
    match error {
        Error::DnsError { .. } => "the host name could not be resolved",
        Error::TlsCertificateError => "the TLS handshake failed",
        Error::ConnectionRefused => "no connection could be made",
        Error::ConnectionTimeout => "the deadline passed before anything was sent",
        Error::HttpResponseTimeout => "the deadline passed before an answer came",
        Error::HttpResponseBodySize(_) => "the answer is larger than allowed",
        _ => "the connection broke",
    }
    .to_string()
}

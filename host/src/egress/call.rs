//! What one call has for its requests, and how one of them is exchanged for an answer.

use super::callback_secret;
use super::client::Clients;
use super::fault::{describe, unless_sent};
use super::headers::{carries_credential, may_leave, shown};
use super::journal::Journal;
use super::policy::{Allowed, Denied, Policy, Target};
use super::rate_limit::{RateLimits, Turn, refusal};
use super::tracked::Sent;
use crate::authorizations::{Authorization, CredentialMode};
use crate::budget::Held;
use crate::call_state::Budgets;
use crate::guest_log::GuestLog;
use crate::intent::Intent;
use crate::limits::Limits;
use crate::secret::Secret;
use crate::secrets::{NoRoom, Room, Secrets, TooMany};
use crate::telemetry::{ExchangeSpan, TraceContext};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::{sleep_until, timeout_at};
use tracing::{Instrument, Span};
use wasmtime_wasi_http::Error;

/// A pause that ends this short before the deadline is not worth waiting for: what is sent then may be cut off, and a
/// certain no would become an unknown. The component keeps as much.
const LEFT_AFTER_PAUSE: Duration = Duration::from_millis(200);

/// A token response is below 1 KB, or a few KB with a JWT.
const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// Why a request with a body does not leave.
pub const TOO_LARGE: &str = "the body is larger than a request may have, or than there is memory for";

/// What one call has for its requests. It is shared with the credentials of the call.
pub struct CallEgress {
    /// The authorization that the call was made with.
    pub authorization: String,
    /// What it may reach. Nothing where the host does not know the authorization.
    pub policy: Option<Policy>,
    /// Whether the guest adds the credential itself.
    pub guest_authorizes: bool,
    /// Headers that the operator's rules let requests have.
    pub headers: Vec<HeaderName>,
    /// The pooled clients.
    pub clients: Clients,
    /// What the instance said about its rate limit.
    pub rate_limits: RateLimits,
    /// Where denials are logged.
    pub log: GuestLog,
    /// What is noted.
    pub journal: Journal,
    /// When the call ends.
    pub deadline: Instant,
    /// What a call may use.
    pub limits: Limits,
    /// The span of the call.
    span: Span,
    /// What tells the instance of its trace, where the authorization wants that.
    trace: Option<TraceContext>,
    /// What the instance is to send with its deliveries.
    callback_secret: Option<Secret>,
    injected: Mutex<Option<(HeaderName, HeaderValue)>>,
    /// The value of the header that the guest was handed.
    handed_out: Mutex<Option<Secret>>,
    /// The secrets of the authorization.
    secrets: Secrets,
    requests: AtomicU32,
    max_requests: u32,
    in_flight: Semaphore,
    bytes: AtomicUsize,
    budgets: Budgets,
    /// Memory for bodies, until the call ends.
    held: Mutex<Option<Held>>,
    unauthorized: AtomicBool,
}

impl CallEgress {
    /// What a new call has. `authorization` is the one it was made with; where there is none it reaches nothing.
    pub fn new(
        name: &str,
        authorization: Option<&Authorization>,
        intent: &Intent,
        (budgets, clients, rate_limits, log, journal): (&Budgets, Clients, RateLimits, GuestLog, Journal),
        (span, trace): (Span, Option<&TraceContext>),
        deadline: Instant,
        limits: Limits,
    ) -> Self {
        Self {
            authorization: name.to_string(),
            policy: authorization.map(|known| Policy::new(known).for_intent(intent)),
            guest_authorizes: authorization.is_some_and(|known| known.credential != CredentialMode::HostInjected),
            headers: intent.headers.clone(),
            clients,
            rate_limits,
            log,
            journal,
            deadline,
            span,
            trace: trace.filter(|_| authorization.is_some_and(|known| known.trace_context)).cloned(),
            callback_secret: authorization.and_then(|known| known.callback_secrets.first().cloned()),
            injected: Mutex::default(),
            handed_out: Mutex::default(),
            secrets: authorization.map(|known| known.secrets.clone()).unwrap_or_default(),
            requests: AtomicU32::new(0),
            max_requests: if intent.set_up.is_some() { limits.max_set_up_requests } else { limits.max_requests },
            in_flight: Semaphore::new(limits.max_requests_in_flight.max(1)),
            bytes: AtomicUsize::new(0),
            budgets: budgets.clone(),
            held: Mutex::default(),
            limits,
            unauthorized: AtomicBool::new(false),
        }
    }

    /// What a path is called where operators see it.
    fn route(&self, target: Target, path: &str) -> String {
        match (target, &self.policy) {
            (Target::Instance, Some(policy)) => policy.route(path),
            // The operator's own.
            _ => path.to_string(),
        }
    }

    /// Sets the header that the host adds to the requests to come.
    pub fn inject(&self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(true);
        *self.injected.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, value));
    }

    /// Notes the value of the header that the guest is handed.
    pub fn hand_out(&self, value: &Secret) {
        *self.handed_out.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.clone());
    }

    /// Whether a text holds a secret of the authorization.
    pub fn leaks(&self, text: &[u8]) -> bool {
        self.secrets.are_in(text)
    }

    /// Whether the instance refused the credential since this was asked last.
    pub fn was_unauthorized(&self) -> bool {
        self.unauthorized.swap(false, Ordering::AcqRel)
    }

    /// Whether a request may leave, before its body is known.
    pub fn admit<B>(&self, request: &Request<B>) -> Result<Allowed, Error> {
        // Denied requests count too: each costs the host as much.
        if self.requests.fetch_add(1, Ordering::AcqRel) >= self.max_requests {
            return Err(self.deny(&"the call made too many requests"));
        }
        // Before anything of the request can be logged.
        let is_elsewhere = |(name, value): (&HeaderName, &HeaderValue)| {
            self.secrets.are_in_name(name.as_str()) || !carries_credential(name) && self.leaks(value.as_bytes())
        };
        let head = format!("{} {}", request.method(), request.uri());
        if self.leaks(head.as_bytes()) || request.headers().iter().any(is_elsewhere) {
            return Err(self.deny(&"the component put a secret of the authorization into an address or a header"));
        }
        let policy = self.policy.as_ref().ok_or(Error::HttpRequestDenied)?;
        let allowed = policy.check(request.method(), request.uri()).map_err(|denied: Denied| self.deny(&denied))?;
        Ok(allowed)
    }

    /// Refuses a request, and says why in the log.
    pub fn deny(&self, why: &dyn std::fmt::Display) -> Error {
        self.log.warn(&self.authorization, &format_args!("denied: {why}"));
        Error::HttpRequestDenied
    }

    /// Sends a request that was admitted or denied, and takes in its whole answer.
    pub async fn exchange<B: Body<Data = Bytes> + Unpin>(
        &self,
        admitted: Result<Allowed, Error>,
        request: Request<B>,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Error> {
        let started = Instant::now();
        // A call has few requests in flight: a component cannot take the sockets that other calls need.
        let turn = timeout_at(deadline.into(), self.in_flight.acquire()).await;
        let _turn = turn.map_err(|_| Error::ConnectionLimitReached)?.map_err(|_| Error::ConnectionLimitReached)?;
        let (mut head, body) = request.into_parts();
        // The body is taken in whatever was decided: a guest that is refused sees the refusal and not a broken stream. And
        // a request goes out in one piece.
        let kept = admitted.is_ok();
        let body = timeout_at(deadline.into(), self.gather(body, self.limits.max_request_bytes, kept)).await;
        let body = body.map_err(|_| Error::ConnectionTimeout)?.map_err(|_| self.deny(&TOO_LARGE))?;
        let Allowed { target, uri } = admitted?;
        let to_instance = target == Target::Instance;
        // A token request carries what was handed out: that is what it is for.
        let found = self.secrets.are_within(body.clone(), self.room());
        if to_instance && found.await.map_err(|NoRoom| self.deny(&TOO_LARGE))? {
            return Err(self.deny(&"the component put a secret of the authorization into a body"));
        }
        let set_up =
            self.policy.as_ref().and_then(Policy::set_up).filter(|_| to_instance && head.method != Method::GET);
        if set_up.is_some_and(|check| !check.allows_write(&head.method, uri.path(), &body)) {
            return Err(self.deny(&"the operator's set-up has no such record, or it is to hold something else"));
        }
        let body = callback_secret::fill(&head.method, uri.path(), body, self.callback_secret.as_ref())
            .map_err(|unfilled| self.deny(&unfilled))?;
        // The guest counted what it sent.
        if head.headers.contains_key(header::CONTENT_LENGTH) {
            head.headers.insert(header::CONTENT_LENGTH, body.len().into());
        }
        let is_probe = to_instance
            && loop {
                match self.rate_limits.turn(&self.authorization) {
                    Turn::Go { is_probe } => break is_probe,
                    Turn::Wait { until, next } if next + LEFT_AFTER_PAUSE >= deadline => return Ok(refusal(until)),
                    Turn::Wait { next, .. } => sleep_until(next.into()).await,
                }
            };
        let injected = self.injected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((name, value)) = injected.filter(|_| to_instance && !self.guest_authorizes) {
            head.headers.insert(name, value);
        }
        // Where the guest adds the credential, only a 401 to the very header that it was handed says anything about that.
        let tells = to_instance && (!self.guest_authorizes || self.carries_handed_out(&head.headers));
        head.uri = uri.clone();
        // Of the guest's headers those that a request may have. The address is the policy's own, so that no spelling of the host
        // that the guest chose is sent.
        let surplus: Vec<_> =
            head.headers.keys().filter(|name| !may_leave(name, &self.headers, true)).cloned().collect();
        surplus.into_iter().for_each(|name| drop(head.headers.remove(name)));
        let (sent, method) = (Sent::default(), head.method.clone());
        let shown = shown(&head.headers);
        let is_write = to_instance && method != Method::GET;
        if is_write && !self.journal.watch_write(sent.clone()) {
            return Err(Error::ConnectionTimeout);
        }
        let span = ExchangeSpan::begin(&self.span, &method, &uri, self.route(target, uri.path()));
        if let Some(trace) = self.trace.as_ref().filter(|_| to_instance) {
            span.span.in_scope(|| trace.add_to(&mut head.headers));
        }
        let exchange = async {
            let request = Request::from_parts(head, body);
            let (response, connection) =
                self.clients.send(&self.authorization, request, &sent, deadline).await?.into_parts();
            self.unauthorized.fetch_or(tells && response.status() == StatusCode::UNAUTHORIZED, Ordering::AcqRel);
            let received = self.receive(response, (target, is_probe), uri.path()).await?;
            connection.keep();
            Ok(received)
        };
        let exchange = timeout_at(deadline.into(), exchange.instrument(span.span.clone()));
        let result = exchange.await.unwrap_or(Err(Error::HttpResponseTimeout));
        let result = result.map_err(|error| unless_sent(error, is_write && !sent.revoke()));
        span.end(result.as_ref().map(|answer| answer.status().as_u16()));
        let answer = result.as_ref().map_err(describe);
        self.journal.note(&method, &uri, shown, answer, to_instance, started.elapsed());
        result
    }

    /// Takes in the whole answer before the guest sees any of it: an answer that breaks or is too large then ends as an
    /// error of the exchange, with its reason. In a stream that reason would be lost, for wasmtime 48 does not pass it on.
    async fn receive(
        &self,
        response: Response<hyper::body::Incoming>,
        (target, is_probe): (Target, bool),
        path: &str,
    ) -> Result<Response<Bytes>, Error> {
        let (mut head, body) = response.into_parts();
        if target == Target::Instance {
            self.rate_limits.learn(&self.authorization, is_probe, head.status, &head.headers);
        }
        let max = if target == Target::TokenService { MAX_TOKEN_BYTES } else { self.limits.max_response_bytes };
        let body = self.gather(body, max, true).await.map_err(|error| match error {
            Ungathered::TooLarge => Error::HttpResponseBodySize(None),
            Ungathered::Broken => Error::HttpResponseIncomplete,
        })?;
        if target == Target::TokenService {
            // The guest obtains it itself, so from here on it has it.
            if head.status.is_success() {
                let added = self.secrets.add_token_response(&body).await;
                added.map_err(|TooMany| Error::HttpResponseBodySize(None))?;
            }
            return Ok(Response::from_parts(head, body));
        }
        let is_secret = |(name, value): (&HeaderName, &HeaderValue)| {
            self.secrets.are_in_name(name.as_str()) || self.leaks(value.as_bytes())
        };
        let secret: Vec<_> =
            head.headers.iter().filter(|header| is_secret(*header)).map(|(name, _)| name.clone()).collect();
        secret.into_iter().for_each(|name| drop(head.headers.remove(name)));
        if is_encoded(&head.headers) {
            // Nothing secret is found in it. The component sees that it is encoded, and refuses it by that.
            return Ok(Response::from_parts(head, Bytes::new()));
        }
        if let Some(set_up) = self.policy.as_ref().and_then(Policy::set_up) {
            set_up.learn(path, &body);
        }
        let body = self.secrets.redacted(body, self.room()).await;
        let body = body.map_err(|NoRoom| Error::HttpResponseBodySize(None))?;
        Ok(Response::from_parts(head, body))
    }

    fn carries_handed_out(&self, headers: &HeaderMap) -> bool {
        let handed_out = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(name, value): (&HeaderName, &HeaderValue)| {
            let handed_out = handed_out.as_ref().map(|secret| secret.expose().as_bytes());
            carries_credential(name) && Some(value.as_bytes()) == handed_out
        };
        headers.iter().any(is_it)
    }

    /// A whole body, or nothing of it where it is not kept. What is kept counts against the call's own limit.
    async fn gather<B: Body<Data = Bytes> + Unpin>(
        &self,
        mut body: B,
        max: usize,
        kept: bool,
    ) -> Result<Bytes, Ungathered> {
        let (mut whole, mut length) = (BytesMut::new(), 0_usize);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Ungathered::Broken)?.into_data() else { continue };
            length += data.len();
            if kept {
                let all = self.bytes.fetch_add(data.len(), Ordering::AcqRel) + data.len();
                if all > self.limits.max_call_bytes {
                    return Err(Ungathered::TooLarge);
                }
                self.charge(data.len()).await?;
                if whole.is_empty() && body.is_end_stream() {
                    return if length > max { Err(Ungathered::TooLarge) } else { Ok(data) };
                }
                whole.extend_from_slice(&data);
            }
            if length > max {
                return Err(Ungathered::TooLarge);
            }
        }
        Ok(whole.freeze())
    }
}

impl CallEgress {
    /// Takes memory for a part of a body, or waits for it inside the deadline of the exchange.
    async fn charge(&self, bytes: usize) -> Result<(), Ungathered> {
        let more = self.budgets.memory.take(&self.authorization, bytes).await.ok_or(Ungathered::TooLarge)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *held {
            Some(held) => held.add(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

impl CallEgress {
    fn room(&self) -> Room<'_> {
        Room { budgets: &self.budgets, who: &self.authorization }
    }
}

/// Why a body was not taken in.
enum Ungathered {
    TooLarge,
    Broken,
}

/// Whether a body is compressed, or encoded in another way.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

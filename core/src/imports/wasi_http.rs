//! The only code that touches `wasi:http`, `wasi:io`, `wasi:clocks` and `wasi:random`: it carries a request out and a
//! response in, within a time.
//!
//! A request carries its `content-length`, so that hosts do not send it chunked (but see the feature `placeholders`). Three
//! clocks watch it: the request's own time-outs, which a host honours while it connects and waits, and a timer that this code polls
//! beside every stream, which also ends an answer that drips in.

use crate::bindings::credentials::{self, CredentialError, Granted, Header};
use crate::bindings::types::Reason;
use crate::host::{Host, Method, Request, Response, TransportError};
use crate::servicenow::oauth::FORM;
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method as HttpMethod, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasip2::io::poll::{self, Pollable};
use wasip2::io::streams::StreamError;
use wasip2::random::random;

const NS_PER_MS: u64 = 1_000_000;

/// How much of an answer without a length is read at a time.
const CHUNK: usize = 256 * 1024;

/// More than any host should pass on; it keeps an answer without an end from filling the memory.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// The timer runs a little longer than the request's own time-outs, so that the host's word on what was sent wins.
const TIMER_GRACE_MS: u64 = 15;

/// The host behind the component's imports.
pub struct ImportedHost;

impl Host for ImportedHost {
    fn send(
        &mut self,
        request: &Request,
        credential: Option<&Header>,
        within_ms: u64,
    ) -> Result<Response, TransportError> {
        let timer = Timer::within_ms(within_ms.saturating_add(TIMER_GRACE_MS));
        let response = exchange(request, credential, within_ms, &timer)?;
        receive(&response, &timer)
    }

    fn now_ms(&self) -> u64 {
        monotonic_clock::now() / NS_PER_MS
    }

    fn unix_seconds(&self) -> u64 {
        wall_clock::now().seconds
    }

    fn wait_ms(&mut self, ms: u64) {
        monotonic_clock::subscribe_duration(ms.saturating_mul(NS_PER_MS)).block();
    }

    fn random(&mut self) -> [u8; 16] {
        let bytes = random::get_random_bytes(16);
        let mut seed = [0; 16];
        seed.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        seed
    }

    fn credential(&mut self, authorization: &str) -> Result<Granted, CredentialError> {
        credentials::get(authorization)
    }

    fn fresh_credential(&mut self, authorization: &str) -> Result<Granted, CredentialError> {
        credentials::refused(authorization)
    }
}

/// When an exchange has to end.
struct Timer {
    at_ns: u64,
    over: Pollable,
}

impl Timer {
    fn within_ms(ms: u64) -> Self {
        let at_ns = monotonic_clock::now().saturating_add(ms.saturating_mul(NS_PER_MS));
        Self { at_ns, over: monotonic_clock::subscribe_instant(at_ns) }
    }

    /// Looks at the clock, which costs a host less than a poll.
    fn is_over(&self) -> bool {
        monotonic_clock::now() >= self.at_ns
    }
}

fn transport_error(reason: Reason, not_sent: bool) -> TransportError {
    TransportError { reason, status: None, not_sent }
}

/// A request that this host's `wasi:http` would not even take.
fn refused<E>(_: E) -> TransportError {
    transport_error(Reason::DeniedByHost, true)
}

fn exchange(
    request: &Request,
    credential: Option<&Header>,
    within_ms: u64,
    timer: &Timer,
) -> Result<IncomingResponse, TransportError> {
    let outgoing = prepare(request, credential)?;
    let body = outgoing.body().map_err(refused)?;
    let options = RequestOptions::new();
    let within_ns = Some(within_ms.saturating_mul(NS_PER_MS));
    // A host that supports none of the options still has the timer below.
    let _ = options.set_connect_timeout(within_ns);
    let _ = options.set_first_byte_timeout(within_ns);
    let _ = options.set_between_bytes_timeout(within_ns);
    let future = outgoing_handler::handle(outgoing, Some(options)).map_err(|code| from_code(&code))?;
    let answered = future.subscribe();
    // A body that cannot be written shows in the answer, which says why: a host that refuses the request closes it.
    let _ = write(body, request.body.as_deref().unwrap_or_default().as_bytes(), &answered, timer);
    loop {
        poll::poll(&[&answered, &timer.over]);
        if let Some(answer) = future.get() {
            return match answer {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(code)) => Err(from_code(&code)),
                Err(()) => Err(transport_error(Reason::Lost, false)),
            };
        }
        if timer.is_over() {
            return Err(transport_error(Reason::Deadline, false));
        }
    }
}

fn prepare(request: &Request, credential: Option<&Header>) -> Result<OutgoingRequest, TransportError> {
    let mut headers: Vec<(String, Vec<u8>)> = Vec::with_capacity(request.headers.len() + 2);
    let mut add = |name: &str, value: &str| headers.push((name.to_string(), value.into()));
    for (name, value) in &request.headers {
        add(name, value);
    }
    let is_unsized = cfg!(feature = "placeholders") && request.headers.iter().any(|(_, value)| value == FORM);
    if let Some(body) = request.body.as_ref().filter(|_| !is_unsized) {
        add("content-length", &body.len().to_string());
    }
    if let Some(header) = credential {
        add(&header.name, &header.value);
    }
    let fields = Fields::from_list(&headers).map_err(refused)?;
    let (scheme, rest) = request.url.split_once(':').ok_or_else(|| transport_error(Reason::DeniedByHost, true))?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
    let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
    let method = match request.method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    };
    let outgoing = OutgoingRequest::new(fields);
    outgoing.set_method(&method).map_err(refused)?;
    outgoing.set_scheme(Some(&scheme)).map_err(refused)?;
    outgoing.set_authority(Some(authority)).map_err(refused)?;
    outgoing.set_path_with_query(Some(path)).map_err(refused)?;
    Ok(outgoing)
}

/// Writes the body, unless the answer comes first.
fn write(body: OutgoingBody, mut bytes: &[u8], answered: &Pollable, timer: &Timer) -> Result<(), StreamError> {
    if !bytes.is_empty() {
        let stream = body.write().map_err(|()| StreamError::Closed)?;
        while !bytes.is_empty() {
            let permitted = stream.check_write()?;
            if permitted == 0 {
                if answered.ready() || timer.is_over() {
                    return Ok(());
                }
                poll::poll(&[&stream.subscribe(), answered, &timer.over]);
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(usize::try_from(permitted).unwrap_or(usize::MAX)));
            stream.write(now)?;
            bytes = later;
        }
    }
    OutgoingBody::finish(body, None).map_err(|_| StreamError::Closed)
}

fn receive(response: &IncomingResponse, timer: &Timer) -> Result<Response, TransportError> {
    let status = response.status();
    let fail = |reason| TransportError { reason, status: Some(status), not_sent: false };
    let entries = response.headers().entries().into_iter();
    let header =
        |(name, value): (String, Vec<u8>)| (name.to_ascii_lowercase(), String::from_utf8(value).unwrap_or_default());
    let mut answer = Response { status, headers: entries.map(header).collect(), body: Vec::new() };
    let body = response.consume().map_err(|()| fail(Reason::Lost))?;
    let length = answer.header("content-length").and_then(|length| length.parse::<u64>().ok());
    answer.body = read(&body, length.unwrap_or_default(), timer).map_err(fail)?;
    Ok(answer)
}

/// Reads a body to its end. What is expected is asked for at once, and has its room from the start.
fn read(body: &IncomingBody, length: u64, timer: &Timer) -> Result<Vec<u8>, Reason> {
    let expected = (length as usize).min(MAX_ANSWER_BYTES);
    let asked = expected.max(CHUNK) as u64;
    let stream = body.stream().map_err(|()| Reason::Lost)?;
    let mut bytes = Vec::new();
    loop {
        match stream.read(asked) {
            Ok(_) if timer.is_over() => return Err(Reason::Deadline),
            Ok(chunk) if chunk.is_empty() => drop(poll::poll(&[&stream.subscribe(), &timer.over])),
            Ok(chunk) if bytes.len() + chunk.len() > MAX_ANSWER_BYTES => return Err(Reason::TooLarge),
            Ok(chunk) if bytes.is_empty() && chunk.len() >= expected => bytes = chunk,
            Ok(chunk) => {
                if bytes.is_empty() {
                    bytes.reserve(expected);
                }
                bytes.extend_from_slice(&chunk);
            }
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) if timer.is_over() => return Err(Reason::Deadline),
            // Hosts differ in what they tell of a stream that broke; that it broke is sure.
            Err(StreamError::LastOperationFailed(_)) => return Err(Reason::Lost),
        }
    }
}

/// What an error code of `wasi:http` proves. A request left the machine unless the code says that it did not.
fn from_code(code: &ErrorCode) -> TransportError {
    match code {
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => transport_error(Reason::Dns, true),
        ErrorCode::ConnectionRefused | ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            transport_error(Reason::Connect, true)
        }
        ErrorCode::ConnectionLimitReached => transport_error(Reason::Limit, true),
        ErrorCode::ConnectionTimeout | ErrorCode::DnsTimeout => transport_error(Reason::Deadline, true),
        ErrorCode::TlsCertificateError => transport_error(Reason::Tls, true),
        // These may come after the handshake too.
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => transport_error(Reason::Tls, false),
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            transport_error(Reason::DeniedByHost, true)
        }
        ErrorCode::ConnectionReadTimeout | ErrorCode::ConnectionWriteTimeout | ErrorCode::HttpResponseTimeout => {
            transport_error(Reason::Deadline, false)
        }
        ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_) => transport_error(Reason::TooLarge, false),
        _ => transport_error(Reason::Lost, false),
    }
}

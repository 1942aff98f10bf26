//! The only code that touches `wasi:http`, `wasi:io`, `wasi:clocks` and `wasi:random`: it carries a request out and a
//! response in, within a time.
//!
//! A request carries its `content-length`, so that hosts do not send it chunked. Three clocks watch it: the request's
//! own time-outs, which a host honours while it connects and waits, and a timer that this code polls beside every
//! stream, which also ends an answer that drips in.

use crate::bindings::credentials::{self, CredentialError, Granted, Header};
use crate::bindings::types::Reason;
use crate::host::{Broken, Host, Method, Request, Response};
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

/// How much of an answer is read at a time. Large enough that a usual answer arrives in one piece.
const CHUNK: u64 = 256 * 1024;

/// More than any host should pass on; it keeps an answer without an end from filling the memory.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// The timer runs a little longer than the request's own time-outs, so that the host's word on what was sent wins.
const TIMER_GRACE_MS: u64 = 15;

/// The host behind the component's imports.
pub struct Wasi;

impl Host for Wasi {
    fn send(&mut self, request: &Request, credential: Option<&Header>, within_ms: u64) -> Result<Response, Broken> {
        let timer =
            monotonic_clock::subscribe_duration(within_ms.saturating_add(TIMER_GRACE_MS).saturating_mul(NS_PER_MS));
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

fn broken(reason: Reason, nothing_sent: bool) -> Broken {
    Broken { reason, status: None, nothing_sent }
}

/// A request that this host's `wasi:http` would not even take.
fn refused<E>(_: E) -> Broken {
    broken(Reason::DeniedByHost, true)
}

fn exchange(
    request: &Request,
    credential: Option<&Header>,
    within_ms: u64,
    timer: &Pollable,
) -> Result<IncomingResponse, Broken> {
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
        if let Some(answer) = future.get() {
            return match answer {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(code)) => Err(from_code(&code)),
                Err(()) => Err(broken(Reason::Lost, false)),
            };
        }
        if timer.ready() {
            return Err(broken(Reason::Deadline, false));
        }
        poll::poll(&[&answered, timer]);
    }
}

fn prepare(request: &Request, credential: Option<&Header>) -> Result<OutgoingRequest, Broken> {
    let fields = Fields::new();
    let length = request.body.as_ref().map(|body| ("content-length".to_string(), body.len().to_string()));
    let credential = credential.map(|header| (header.name.clone(), header.value.clone()));
    for (name, value) in request.headers.iter().chain(&length).chain(&credential) {
        fields.append(name, value.as_bytes()).map_err(refused)?;
    }
    let (scheme, rest) = request.url.split_once(':').ok_or_else(|| broken(Reason::DeniedByHost, true))?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
    let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
    let method = match request.method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Patch => HttpMethod::Patch,
    };
    let outgoing = OutgoingRequest::new(fields);
    outgoing.set_method(&method).map_err(refused)?;
    outgoing.set_scheme(Some(&scheme)).map_err(refused)?;
    outgoing.set_authority(Some(authority)).map_err(refused)?;
    outgoing.set_path_with_query(Some(path)).map_err(refused)?;
    Ok(outgoing)
}

/// Writes the body, unless the answer comes first.
fn write(body: OutgoingBody, mut bytes: &[u8], answered: &Pollable, timer: &Pollable) -> Result<(), StreamError> {
    if !bytes.is_empty() {
        let stream = body.write().map_err(|()| StreamError::Closed)?;
        let ready = stream.subscribe();
        while !bytes.is_empty() {
            let permitted = stream.check_write()?;
            if permitted == 0 {
                if answered.ready() || timer.ready() {
                    return Ok(());
                }
                poll::poll(&[&ready, answered, timer]);
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(usize::try_from(permitted).unwrap_or(usize::MAX)));
            stream.write(now)?;
            bytes = later;
        }
    }
    OutgoingBody::finish(body, None).map_err(|_| StreamError::Closed)
}

fn receive(response: &IncomingResponse, timer: &Pollable) -> Result<Response, Broken> {
    let status = response.status();
    let fail = |reason| Broken { reason, status: Some(status), nothing_sent: false };
    let headers = response
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8(value).unwrap_or_default()))
        .collect();
    let body = response.consume().map_err(|()| fail(Reason::Lost))?;
    let bytes = read(&body, timer).map_err(fail)?;
    Ok(Response { status, headers, body: bytes })
}

fn read(body: &IncomingBody, timer: &Pollable) -> Result<Vec<u8>, Reason> {
    let stream = body.stream().map_err(|()| Reason::Lost)?;
    let ready = stream.subscribe();
    let mut bytes = Vec::new();
    loop {
        match stream.read(CHUNK) {
            Ok(_) if timer.ready() => return Err(Reason::Deadline),
            Ok(chunk) if chunk.is_empty() => drop(poll::poll(&[&ready, timer])),
            Ok(chunk) if bytes.len() + chunk.len() > MAX_ANSWER_BYTES => return Err(Reason::TooLarge),
            Ok(chunk) if bytes.is_empty() => bytes = chunk,
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasip2::http::types::http_error_code(&error);
                return Err(code.map_or(Reason::Lost, |code| from_code(&code).reason));
            }
        }
    }
}

/// What an error code of `wasi:http` proves. A request left the machine unless the code says that it did not.
fn from_code(code: &ErrorCode) -> Broken {
    match code {
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => broken(Reason::Dns, true),
        ErrorCode::ConnectionRefused
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionLimitReached => broken(Reason::Connect, true),
        ErrorCode::ConnectionTimeout | ErrorCode::DnsTimeout => broken(Reason::Deadline, true),
        ErrorCode::TlsCertificateError => broken(Reason::Tls, true),
        // These may come after the handshake too.
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => broken(Reason::Tls, false),
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => broken(Reason::DeniedByHost, true),
        ErrorCode::ConnectionReadTimeout | ErrorCode::ConnectionWriteTimeout | ErrorCode::HttpResponseTimeout => {
            broken(Reason::Deadline, false)
        }
        ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_) => broken(Reason::TooLarge, false),
        _ => broken(Reason::Lost, false),
    }
}

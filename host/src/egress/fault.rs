//! What goes wrong with an exchange: from the client's error to the guest's `wasi:http` error, the journal's words, and the
//! reason for which there is no token.

use super::connect::{Prohibited, Unresolved};
use crate::bindings::servicenow::plugin::credentials::UnreachableReason;
use rustix::io::Errno;
use std::error::Error as StdError;
use std::io;
use wasmtime_wasi_http::Error;

/// What the system says where a process or the machine has no descriptor, memory or port left for a socket. It says nothing of
/// the instance.
const EXHAUSTED: [Errno; 5] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ADDRNOTAVAIL];

/// A connection that broke. The request's [`Sent`](super::Sent) marker decides what is known of a write.
pub fn broken(authorization: &str, error: &hyper::Error) -> Error {
    tracing::debug!(authorization, error = error as &dyn StdError, "an exchange brought no answer");
    match error.is_parse_too_large() {
        true => Error::HttpResponseHeaderSectionSize(None),
        false => Error::ConnectionTerminated,
    }
}

/// Whether a connection was not made for want of something that this machine has too little of.
pub fn is_exhausted(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        let number = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        number.is_some_and(|number| EXHAUSTED.iter().any(|known| known.raw_os_error() == number))
    })
}

/// An error, what caused it, and so on.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |cause: &&'e (dyn StdError + 'static)| {
        let cause: &'e (dyn StdError + 'static) = *cause;
        // An `io::Error` shows the cause inside it only this way.
        let nested = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        nested.map(|nested| nested as &(dyn StdError + 'static)).or_else(|| cause.source())
    })
}

/// A connection that was not made, which proves that nothing was sent.
pub fn unconnected(authorization: &str, error: &(dyn StdError + 'static)) -> Error {
    tracing::debug!(authorization, error, "no connection was made");
    for inner in causes(error) {
        if let Some(prohibited) = inner.downcast_ref::<Prohibited>() {
            tracing::warn!(authorization, "denied: {prohibited}");
            return Error::DestinationIpProhibited;
        }
        if inner.is::<Unresolved>() {
            return Error::DnsError { rcode: None, info_code: None };
        }
        if inner.is::<rustls::Error>() {
            return Error::TlsCertificateError;
        }
    }
    Error::ConnectionRefused
}

/// The error of a write that never left, where `is_unsent`: a failure to connect proves to the guest that nothing was
/// written.
pub fn unless_sent(error: Error, is_unsent: bool) -> Error {
    match (&error, is_unsent) {
        (Error::HttpResponseTimeout, true) => Error::ConnectionTimeout,
        (Error::ConnectionTerminated, true) => Error::ConnectionRefused,
        _ => error,
    }
}

/// Why a token service could not be asked.
pub fn unreachable_reason(error: &Error) -> UnreachableReason {
    match error {
        Error::DnsError { .. } => UnreachableReason::Dns,
        Error::TlsCertificateError => UnreachableReason::Tls,
        Error::DestinationIpProhibited => UnreachableReason::DeniedByHost,
        Error::ConnectionRefused | Error::ConnectionLimitReached => UnreachableReason::Connect,
        _ => UnreachableReason::Lost,
    }
}

/// The words of an exchange's journal entry.
pub fn describe(error: &Error) -> String {
    match error {
        Error::DnsError { .. } => "the host name could not be resolved",
        Error::DestinationIpProhibited => "the address may not be reached",
        Error::TlsCertificateError => "the TLS handshake failed",
        Error::ConnectionRefused => "no connection could be made",
        Error::ConnectionLimitReached => "no socket was free before the deadline",
        Error::ConnectionTimeout => "the deadline passed before anything was sent",
        Error::HttpResponseTimeout => "the deadline passed before an answer came",
        Error::HttpResponseBodySize(_) | Error::HttpResponseHeaderSectionSize(_) => "the answer is larger than allowed",
        _ => "the connection broke",
    }
    .to_string()
}

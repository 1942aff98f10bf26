//! What goes wrong with an exchange: from the client's error to the guest's `wasi:http` error, the journal's words, and the
//! reason for which there is no token.

use super::connect::{Prohibited, Unresolved};
use crate::bindings::servicenow::plugin::credentials::UnreachableReason;
use std::error::Error as StdError;
use std::io;
use wasmtime_wasi_http::Error;

/// Maps a client error to a `wasi:http` error. A connect error proves that nothing was sent; otherwise the request's
/// [`Sent`](super::Sent) marker decides.
pub fn classify(authorization: &str, error: &hyper_util::client::legacy::Error) -> Error {
    tracing::debug!(authorization, error = error as &dyn StdError, "an exchange brought no answer");
    if !error.is_connect() {
        let parsing = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
        let too_large = parsing.is_some_and(hyper::Error::is_parse_too_large);
        return if too_large { Error::HttpResponseHeaderSectionSize(None) } else { Error::ConnectionTerminated };
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(inner) = cause {
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
        // An `io::Error` shows the cause inside it only this way.
        let nested = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = nested.map(|nested| nested as &(dyn StdError + 'static)).or_else(|| inner.source());
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
        Error::ConnectionRefused => UnreachableReason::Connect,
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
        Error::ConnectionTimeout => "the deadline passed before anything was sent",
        Error::HttpResponseTimeout => "the deadline passed before an answer came",
        Error::HttpResponseBodySize(_) | Error::HttpResponseHeaderSectionSize(_) => "the answer is larger than allowed",
        _ => "the connection broke",
    }
    .to_string()
}

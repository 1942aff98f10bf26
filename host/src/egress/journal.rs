//! The journal of one call: what was sent, what came back, and whether a write may have left.

use super::tracked::Sent;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use serde::{Serialize, Serializer};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One HTTP exchange. Nothing secret can be in it: headers are shown that describe a request, and of answers that tell of a
/// failure the start. A request that was refused or held back is none, nor one that was cut off with its call.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The address, query included.
    pub url: String,
    /// The headers of the request. Of those that do not describe it there is the name alone.
    #[serde(serialize_with = "as_pairs")]
    pub request_headers: Vec<(HeaderName, HeaderValue)>,
    /// The status of the answer, where one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong, where something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long the answer's body is.
    pub response_bytes: u64,
    /// The start of the instance's answer where it tells of a failure, as the component saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    /// From the guest's request to the end of the answer, a wait for a rate limit included, in microseconds.
    pub elapsed_us: u64,
}

/// How much of an answer is kept that tells of a failure: ServiceNow's longest have a few hundred characters, and a proxy's page has
/// its reason at the start.
const MAX_BODY_BYTES: usize = 2_000;

fn start_of(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(MAX_BODY_BYTES)]).into_owned()
}

fn as_pairs<S: Serializer>(headers: &[(HeaderName, HeaderValue)], serializer: S) -> Result<S::Ok, S::Error> {
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())));
    serializer.collect_seq(pairs)
}

/// The journal of one call. It outlives the store, so that a killed call can still be told from its journal.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    exchanges: Mutex<Vec<Exchange>>,
    writes: Mutex<Writes>,
}

#[derive(Debug, Default)]
struct Writes {
    sent: Vec<Sent>,
    closed: bool,
}

impl Journal {
    /// Notes an exchange.
    pub fn note(
        &self,
        method: &http::Method,
        url: &http::Uri,
        request_headers: Vec<(HeaderName, HeaderValue)>,
        result: Result<&Response<Bytes>, String>,
        is_of_instance: bool,
        elapsed: Duration,
    ) {
        let failed = result
            .as_ref()
            .ok()
            // A token service's answer may repeat what it was sent, and what is secret in it is not struck out.
            .filter(|answer| {
                is_of_instance && (answer.status().is_client_error() || answer.status().is_server_error())
            });
        let exchange = Exchange {
            method: method.to_string(),
            url: url.to_string(),
            request_headers,
            status: result.as_ref().ok().map(|answer| answer.status().as_u16()),
            response_bytes: result.as_ref().map_or(0, |answer| answer.body().len() as u64),
            response_body: failed.map(|answer| start_of(answer.body())),
            error: result.err(),
            elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        };
        self.0.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    }

    /// Watches a write that is about to be sent. Whether it may be: not after the call was ended.
    pub fn watch_write(&self, sent: Sent) -> bool {
        let mut writes = self.0.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.sent.push(sent);
        !writes.closed
    }

    /// Ends the call: no write leaves from here on. Whether the bytes of one may have left before.
    pub fn close(&self) -> bool {
        let mut writes = self.0.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.closed = true;
        // Each is given up, not only those up to the first that left.
        writes.sent.iter().filter(|sent| sent.revoke()).count() > 0
    }

    /// The exchanges so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.0.exchanges.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

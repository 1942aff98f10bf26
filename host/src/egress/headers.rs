//! The headers of guests, by name: which may leave, and which of an answer a guest may see.

use http::{HeaderName, header};

/// Headers that a guest may set: what describes a request and its body. Any other could change what is called, or carry
/// something out.
const REQUEST: [&str; 5] = ["accept", "accept-language", "content-length", "content-type", "user-agent"];

/// Headers that a guest may see, beside those it may set: what describes an answer and its body, and ServiceNow's counts,
/// limits and times.
pub const RESPONSE: [&str; 16] = [
    "cache-control",
    "content-encoding",
    "content-language",
    "date",
    "expires",
    "link",
    "location",
    "pragma",
    "retry-after",
    "server",
    "server-timing",
    "x-is-logged-in",
    "x-ratelimit-limit",
    "x-ratelimit-reset",
    "x-ratelimit-rule",
    "x-total-count",
];

/// Whether a request may leave with this header of the guest's.
pub fn may_leave(name: &HeaderName, guest_authorizes: bool) -> bool {
    REQUEST.contains(&name.as_str()) || guest_authorizes && carries_credential(name)
}

/// Whether a header is one that carries credentials of the kinds there are.
pub fn carries_credential(name: &HeaderName) -> bool {
    *name == header::AUTHORIZATION || name == "x-sn-apikey"
}

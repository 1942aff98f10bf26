//! The headers of guests, by name: which may leave, and which of an answer a guest may see.

use http::{HeaderMap, HeaderName, HeaderValue, header};
#[cfg(feature = "sync")]
use servicenow_core::headers::may_be_added;

/// Headers that a guest may set: what describes a request and its body. Any other could change what is called, or carry
/// something out.
const REQUEST: [&str; 5] = ["accept", "accept-language", "content-length", "content-type", "user-agent"];

/// Headers that a guest may see, beside those it may set: what describes an answer and its body, and ServiceNow's counts,
/// limits and times.
const RESPONSE: [&str; 16] = [
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

/// The headers that an operator's rules add to requests, but for those that none may.
#[cfg(feature = "sync")]
pub fn of_rules(rules: &str) -> Vec<HeaderName> {
    let rules: serde_json::Value = serde_json::from_str(rules).unwrap_or_default();
    let names = rules.get("headers").and_then(serde_json::Value::as_object).into_iter().flatten();
    let names = names.filter_map(|(name, _)| name.parse::<HeaderName>().ok());
    names.filter(|name| may_be_added(name.as_str())).collect()
}

/// Whether a request may leave with this header of the guest's. `more` are the operator's.
pub fn may_leave(name: &HeaderName, more: &[HeaderName], guest_authorizes: bool) -> bool {
    REQUEST.contains(&name.as_str()) || more.contains(name) || guest_authorizes && carries_credential(name)
}

/// Whether a guest may see a header of an answer.
pub fn is_shown(name: &HeaderName, more: &[HeaderName], guest_authorizes: bool) -> bool {
    may_leave(name, more, guest_authorizes) || RESPONSE.contains(&name.as_str())
}

/// Headers as a report shows them: of those that do not describe a request the name alone.
pub fn shown(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let shown = |name: &HeaderName, value: &HeaderValue| match REQUEST.contains(&name.as_str()) {
        true => value.clone(),
        false => HeaderValue::from_static("(not shown)"),
    };
    headers.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
}

/// Whether a header is one that carries credentials of the kinds there are.
pub fn carries_credential(name: &HeaderName) -> bool {
    *name == header::AUTHORIZATION || name == "x-sn-apikey"
}

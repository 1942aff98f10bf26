//! Headers that a rules document may add to requests: what the component refuses in one, no host lets leave either.

/// Headers that no document of an operator adds to requests: they change what is called or by whom, or how a body is read.
pub const NEVER: [&str; 24] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-sn-apikey",
];

/// Whether a document may add this header, by its name in lower case.
pub fn may_be_added(name: &str) -> bool {
    !NEVER.contains(&name) && !name.starts_with("x-forwarded-")
}

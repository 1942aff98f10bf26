//! Answers: JSON bodies, the error envelope and the headers that every answer carries.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use std::io::Write;

/// An answer as the instance gives it.
pub type Answer = Response<Bytes>;

/// A JSON answer.
pub fn json(status: u16, body: &Value) -> Answer {
    typed(status, "application/json;charset=UTF-8", body.to_string())
}

/// The error envelope. An empty detail is null.
pub fn error(status: u16, message: &str, detail: &str) -> Answer {
    let detail = if detail.is_empty() { Value::Null } else { detail.into() };
    let mut answer = json(status, &json!({"error": {"message": message, "detail": detail}, "status": "failure"}));
    if status == 401 {
        let realm = HeaderValue::from_static("BASIC realm=\"Service-now\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
    }
    answer
}

/// The answer to a transaction that took longer than its quota (docs/servicenow-api.md 3).
pub fn cancelled() -> Answer {
    error(
        500,
        "Transaction cancelled: maximum execution time exceeded",
        "Check logs for error trace or enable glide.rest.debug property to verify REST request processing",
    )
}

/// The page of a hibernating instance: 200 on every address.
pub fn hibernating() -> Answer {
    let page = "<html><body class=\"instance-hibernating-page\"><h1>Your instance is hibernating</h1></body></html>";
    typed(200, "text/html;charset=UTF-8", page.to_string())
}

/// The answer, compressed where the caller takes that (docs/servicenow-api.md 2.5).
pub fn compressed(mut answer: Answer, accepted: &HeaderMap) -> Answer {
    let accepts = accepted.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    if answer.body().is_empty() || !accepts.flat_map(|codings| codings.split(',')).any(is_gzip) {
        return answer;
    }
    *answer.body_mut() = gzip(answer.body()).into();
    answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    answer
}

/// Bytes, compressed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Memory takes everything.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

fn is_gzip(coding: &str) -> bool {
    let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
    matches!(name.trim(), "gzip" | "*") && !matches!(weight.trim(), "q=0" | "q=0.0")
}

/// An answer of some media type.
pub fn typed(status: u16, media_type: &str, body: String) -> Answer {
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let media_type = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("text/plain"));
    answer.headers_mut().insert(header::CONTENT_TYPE, media_type);
    for (name, value) in [
        ("server", "ServiceNow"),
        ("cache-control", "no-cache,no-store,must-revalidate,max-age=-1"),
        ("pragma", "no-store,no-cache"),
        ("expires", "0"),
        ("x-content-type-options", "nosniff"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

//! Answers: JSON bodies, the error envelope and the headers that every answer carries.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

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

/// The page of a hibernating instance: 200 on every address.
pub fn hibernating() -> Answer {
    let page = "<html><body class=\"instance-hibernating-page\"><h1>Your instance is hibernating</h1></body></html>";
    typed(200, "text/html;charset=UTF-8", page.to_string())
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

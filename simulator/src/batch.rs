//! The batch API: several requests in one, each answered as if it had come alone.

use super::admin;
use super::answer::{Answer, error, json};
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use serde::Deserialize;
use serde_json::{Value, json};

/// Where it is.
pub const PATHS: [&str; 2] = ["/api/now/v1/batch", "/api/now/batch"];

#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    batch_request_id: Value,
    rest_requests: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    id: Value,
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    value: String,
}

/// Answers a batch. A part that cannot be read is not serviced; one that is a batch itself neither.
pub fn answer(request: &Request<Bytes>, answer_one: impl Fn(&Request<Bytes>) -> Answer) -> Answer {
    let Ok(batch) = serde_json::from_slice::<Batch>(request.body()) else {
        return error(400, "Exception while reading request", "The payload is not a batch");
    };
    let (mut serviced, mut unserviced) = (Vec::new(), Vec::new());
    for part in &batch.rest_requests {
        match part.request(request.headers()) {
            Some(inner) if is_of_the_instance(inner.uri().path()) => {
                serviced.push(serviced_as(&part.id, &answer_one(&inner)));
            }
            _ => unserviced.push(text(&part.id)),
        }
    }
    json(
        200,
        &json!({
            "batch_request_id": text(&batch.batch_request_id),
            "serviced_requests": serviced,
            "unserviced_requests": unserviced,
        }),
    )
}

/// Whether a batch may ask for it: not for another batch, and nothing of the simulator itself.
fn is_of_the_instance(path: &str) -> bool {
    !PATHS.contains(&path) && !path.starts_with(admin::PREFIX)
}

impl Part {
    /// The request, on behalf of whoever sent the batch.
    fn request(&self, outer: &HeaderMap) -> Option<Request<Bytes>> {
        let body = self.body.as_deref().unwrap_or_default();
        let body = BASE64_STANDARD.decode(body).ok()?;
        let mut request = Request::builder().method(self.method.as_str()).uri(self.url.as_str());
        let credentials = [header::AUTHORIZATION.as_str(), "x-sn-apikey", header::COOKIE.as_str()];
        for Pair { name, value } in &self.headers {
            if !credentials.iter().any(|credential| name.eq_ignore_ascii_case(credential)) {
                request = request.header(name, value);
            }
        }
        for name in credentials {
            if let Some(value) = outer.get(name) {
                request = request.header(name, value);
            }
        }
        request.body(body.into()).ok()
    }
}

/// An id as text: whatever was sent, the answer has text.
fn text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_string)
}

fn serviced_as(id: &Value, answer: &Answer) -> Value {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| json!({"name": name.as_str(), "value": String::from_utf8_lossy(value.as_bytes())});
    json!({
        "id": text(id),
        "body": BASE64_STANDARD.encode(answer.body()),
        "status_code": answer.status().as_u16(),
        "status_text": answer.status().canonical_reason().unwrap_or_default(),
        "headers": answer.headers().iter().map(header).collect::<Vec<_>>(),
        "execution_time": 1,
        "redirect_url": null,
        "error_message": null,
    })
}

//! Judges an answer of the Table API: the records of a success, or why it is none.
//!
//! ServiceNow's statuses alone do not tell: a hibernating instance answers 200 with HTML, a cancelled transaction 200
//! with cut-off JSON or with an `error` beside the rows. A success needs the status expected, JSON in UTF-8 and no
//! top-level `error`.

use super::record::Record;
use super::server_error::{ServerError, reason_without_envelope};
use crate::bindings::types::Reason;
use crate::host::Response;
use crate::json;
use crate::text::{contains, said};

/// How much of an unexpected text a message quotes.
const QUOTE_CHARS: usize = 120;

/// The records of a success.
#[derive(Debug, PartialEq)]
pub struct Rows {
    /// The rows, or the one record of a write.
    pub records: Vec<Record>,
    /// `X-Total-Count`: how many rows match in all.
    pub total: Option<u64>,
    /// The answer's text.
    pub payload: String,
}

/// Why an answer is no success.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// Why.
    pub reason: Reason,
    /// ServiceNow's message, or one sentence of ours.
    pub message: String,
    /// ServiceNow's detail.
    pub detail: Option<String>,
    /// The waiting time that a 429 names.
    pub retry_after_ms: Option<u32>,
}

#[derive(Default)]
struct Envelope {
    result: Option<Vec<Record>>,
    error: Option<ServerError>,
}

impl Envelope {
    /// `None` where the text is not JSON, or not an object.
    fn read(payload: &str) -> Option<Self> {
        let mut envelope = Self::default();
        let is_object = json::read_object(payload, &mut |name, reader| {
            match &*name {
                "result" => envelope.result = Record::read_all(reader)?,
                "error" => envelope.error = ServerError::read(reader)?,
                _ => drop(reader.text()?),
            }
            Ok(())
        });
        is_object.is_ok_and(|is_object| is_object).then_some(envelope)
    }
}

/// Reads an answer whose success has the status `expected`.
pub fn read(response: Response, expected: u16, unix_now: u64) -> Result<Rows, ApiError> {
    let status = response.status;
    let refuse = |reason, message: &str| {
        Err(ApiError { status, reason, message: message.to_string(), detail: None, retry_after_ms: None })
    };
    if response.header("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return refuse(Reason::Encoded, "the answer is compressed although nothing was asked for");
    }
    if (300..400).contains(&status) {
        return refuse(Reason::Redirected, "ServiceNow answered with a redirect, which is never followed");
    }
    let total = response.header("x-total-count").and_then(|count| count.trim().parse().ok());
    let retry_after_ms = (status == 429).then(|| retry_after_ms(&response, unix_now)).flatten();
    let is_json = response.header("content-type").is_some_and(is_json_type);
    let payload = match String::from_utf8(response.body) {
        Ok(text) => text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text),
        Err(_) => return refuse(reason_without_envelope(status), "the answer is not text in UTF-8"),
    };
    if !is_json && is_hibernating(&payload) {
        return refuse(Reason::Hibernating, "the instance is hibernating: open it in a browser to wake it");
    }
    let envelope = if is_json { Envelope::read(&payload) } else { None };
    let success = (200..300).contains(&status);
    let unexpected = success && status != expected && (envelope.is_some() || payload.is_empty());
    match envelope {
        Some(Envelope { error: Some(error), .. }) => {
            let reason = if success { Reason::Cancelled } else { error.reason(status) };
            Err(ApiError {
                status,
                reason,
                message: said(error.message),
                detail: error.detail.map(said),
                retry_after_ms,
            })
        }
        None if status == expected && status == 204 => Ok(Rows { records: Vec::new(), total, payload }),
        Some(Envelope { result: Some(records), .. }) if status == expected => Ok(Rows { records, total, payload }),
        _ if unexpected => {
            refuse(Reason::UnexpectedStatus, &format!("ServiceNow answered {status} where {expected} was expected"))
        }
        Some(_) if success => refuse(Reason::UnexpectedAnswer, "the answer has no result member"),
        _ if success && contains(&payload, "Transaction cancelled") => {
            refuse(Reason::Cancelled, "ServiceNow cancelled the transaction in the middle of the answer")
        }
        _ => Err(ApiError {
            status,
            reason: reason_without_envelope(status),
            message: describe(status, &payload),
            detail: None,
            retry_after_ms,
        }),
    }
}

/// Whether a page is the one that a hibernating developer instance answers every request with.
pub fn is_hibernating(page: &str) -> bool {
    contains(page, "instance-hibernating-page") || contains(page, "Your instance is hibernating")
}

/// Whether a media type is JSON.
pub fn is_json_type(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// How long to wait after a 429: `Retry-After` in seconds, or `X-RateLimit-Reset` as a time of day.
pub fn retry_after_ms(response: &Response, unix_now: u64) -> Option<u32> {
    let number = |name| response.header(name).and_then(|value| value.trim().parse::<u64>().ok());
    let seconds =
        number("retry-after").or_else(|| number("x-ratelimit-reset").map(|at| at.saturating_sub(unix_now)))?;
    Some(u32::try_from(seconds.saturating_mul(1000)).unwrap_or(u32::MAX))
}

fn describe(status: u16, payload: &str) -> String {
    let start: String = payload.chars().filter(|c| !c.is_control()).take(QUOTE_CHARS).collect();
    if start.trim().is_empty() {
        format!("ServiceNow answered {status} without a body")
    } else {
        format!("ServiceNow answered {status} without its JSON envelope; the answer starts with: {start}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: vec![("content-type".into(), "application/json;charset=UTF-8".into())],
            body: body.into(),
        }
    }

    fn page(status: u16, body: &str) -> Response {
        Response { headers: vec![("content-type".into(), "text/html".into())], ..json(status, body) }
    }

    fn envelope(message: &str, detail: &str) -> String {
        format!(r#"{{"error":{{"message":"{message}","detail":"{detail}"}},"status":"failure"}}"#)
    }

    #[test]
    fn every_refusal_has_its_reason() {
        let data_policy = envelope(
            "Operation Failed",
            "Data Policy Exception: \\n\\tThe following fields are mandatory: Resolution code, Close notes",
        );
        let rule =
            envelope("Operation Failed", "Operation against file 'incident' was aborted by Business Rule 'x^1'.");
        for (response, reason) in [
            (json(400, &envelope("Invalid table x", "")), Reason::BadRequest),
            (
                json(
                    400,
                    &envelope(
                        "Exception while reading request",
                        "Rejected large REST payload with content-length = 1 bytes.",
                    ),
                ),
                Reason::RequestTooLarge,
            ),
            (
                json(401, &envelope("User is not authenticated", "Required to provide Auth information")),
                Reason::Unauthorized,
            ),
            (page(401, "<html>"), Reason::Unauthorized),
            (
                json(403, &envelope("Operation Failed", "ACL Exception Insert Failed due to security constraints")),
                Reason::Forbidden,
            ),
            (
                json(403, &envelope("User Not Authorized", "Access to unscoped api is not allowed")),
                Reason::UnscopedClient,
            ),
            (json(403, &data_policy), Reason::DataPolicy),
            (json(403, &rule), Reason::BusinessRule),
            (
                json(403, &envelope("Operation Failed", "Unique Key violation detected by database (x)")),
                Reason::Conflict,
            ),
            (
                json(403, &envelope("Operation Failed", "aborted by Business Rule 'Unique Key violation guard^1'.")),
                Reason::BusinessRule,
            ),
            (json(404, &envelope("No Record found", "Record doesn't exist")), Reason::NotFound),
            (page(404, "<html>"), Reason::NotJson),
            (page(400, ""), Reason::NotJson),
            (json(405, &envelope("x", "")), Reason::UnsupportedRequest),
            (json(429, &envelope("Rate limit exceeded", "x")), Reason::RateLimited),
            (json(500, &envelope("Transaction cancelled: maximum execution time exceeded", "x")), Reason::Cancelled),
            (page(502, "<html>snow_adc</html>"), Reason::ServerError),
            (json(302, ""), Reason::Redirected),
            (json(418, &envelope("x", "")), Reason::UnexpectedStatus),
            (json(500, "{}"), Reason::ServerError),
            (page(200, "<div class=\"instance-hibernating-page\">"), Reason::Hibernating),
            (page(200, "<html>login</html>"), Reason::NotJson),
            (page(200, r#"{"result":[]}"#), Reason::NotJson),
            (
                json(
                    200,
                    r#"{"result":[{"number":"INC1"}],"error":{"message":"Transaction cancelled"},"status":"failure"}"#,
                ),
                Reason::Cancelled,
            ),
            (
                json(200, r#"{"result":[{"number":"INC1"},{"nu"error":{"message":"Transaction cancelled"#),
                Reason::Cancelled,
            ),
            (json(200, r#"{"result":[{"number":"IN"#), Reason::NotJson),
            (json(200, r#"{"result":[],"more":[{"a":"\q"}]}"#), Reason::NotJson),
            (json(200, ""), Reason::NotJson),
            (json(200, "{}"), Reason::UnexpectedAnswer),
            (json(201, r#"{"result":{}}"#), Reason::UnexpectedStatus),
            (json(204, ""), Reason::UnexpectedStatus),
            (Response { body: b"{\"result\":[\"\xff\"]}".to_vec(), ..json(200, "") }, Reason::NotJson),
        ] {
            let refusal = read(response.clone(), 200, 0).expect_err("a refusal");
            assert_eq!(refusal.reason, reason, "{response:?} -> {refusal:?}");
            assert_eq!(refusal.status, response.status);
        }
    }

    #[test]
    fn an_incident_about_hibernation_is_no_hibernating_instance() {
        let rows = read(json(200, r#"{"result":[{"description":"Your instance is hibernating"}]}"#), 200, 0);
        assert_eq!(rows.unwrap().records.len(), 1);
    }

    #[test]
    fn an_encoded_answer_is_refused_by_name() {
        let mut response = json(200, "{}");
        response.headers.push(("content-encoding".into(), "gzip".into()));
        assert_eq!(read(response, 200, 0).expect_err("encoded").reason, Reason::Encoded);
    }

    #[test]
    fn a_success_brings_rows_count_and_text() {
        let mut response = json(200, "\u{feff}{\"result\":[{\"number\":\"INC1\"}]}");
        response.headers.push(("x-total-count".into(), "7".into()));
        let rows = read(response, 200, 0).unwrap();
        assert_eq!(rows.records[0].value("number"), Some("INC1"));
        assert_eq!(rows.total, Some(7));
        assert_eq!(rows.payload, "{\"result\":[{\"number\":\"INC1\"}]}");
    }

    #[test]
    fn a_removal_is_answered_without_a_body() {
        let answer = read(Response { status: 204, ..Response::default() }, 204, 0).unwrap();
        assert_eq!((answer.records.len(), answer.payload.as_str()), (0, ""));
        let unasked = read(Response { status: 204, ..Response::default() }, 200, 0).expect_err("a refusal");
        assert_eq!(unasked.reason, Reason::UnexpectedStatus);
    }

    #[test]
    fn an_error_may_be_a_text_and_an_empty_one_is_none() {
        let refusal = read(json(400, r#"{"error":"Bad thing"}"#), 200, 0).expect_err("a refusal");
        assert_eq!((refusal.reason, refusal.message.as_str()), (Reason::BadRequest, "Bad thing"));
        for none in [r#"{"error":"","result":[]}"#, r#"{"error":null,"result":[]}"#] {
            assert!(read(json(200, none), 200, 0).is_ok(), "{none}");
        }
    }

    #[test]
    fn servicenow_s_own_words_are_kept() {
        let refusal = read(
            json(401, r#"{"error":{"message":"User Not Authenticated","detail":null},"status":"failure"}"#),
            200,
            0,
        );
        let refusal = refusal.expect_err("a refusal");
        assert_eq!((refusal.message.as_str(), refusal.detail), ("User Not Authenticated", None));
    }

    #[test]
    fn a_429_names_its_waiting_time_in_three_forms() {
        let limited = |name: &str, value: &str| {
            let mut response = json(429, &envelope("Rate limit exceeded", "x"));
            response.headers.push((name.into(), value.into()));
            read(response, 200, 1_000).expect_err("limited").retry_after_ms
        };
        assert_eq!(limited("retry-after", "30"), Some(30_000));
        assert_eq!(limited("x-ratelimit-reset", "1060"), Some(60_000));
        assert_eq!(limited("x-ratelimit-reset", "10"), Some(0));
        assert_eq!(limited("retry-after", "99999999999"), Some(u32::MAX));
        assert_eq!(limited("retry-after", "soon"), None);
    }
}

//! What must hold for any input. `core/tests/random.rs` tries some on every run of the tests, and the fuzz targets in
//! `fuzz/` as many as there is time for.

use serde::de::IgnoredAny;
use servicenow_core::bindings::credentials::{Credential, CredentialError, GrantType, Granted, Header};
use servicenow_core::bindings::incidents::{
    CreateOptions, CreateOutcome, GetOutcome, IncidentRef, Made, RequestBody, UpdateOptions, UpdateOutcome,
};
use servicenow_core::bindings::types::{Call, Failure, WriteHappened};
use servicenow_core::host::{Host, Method, Request, Response, TransportError};
use servicenow_core::incidents::{create::create, get::get, update::update};
use servicenow_core::servicenow::oauth;
use std::cell::RefCell;
use std::collections::VecDeque;

const ORIGIN: &str = "https://dev12345.service-now.com";
const SYS_ID: &str = "189d7fc183a51210d81dc590ceaad387";

/// A host that notes what is sent and answers everything with the same response.
struct Echo {
    answer: Response,
    sent: Vec<Request>,
    /// What the clock shows, one reading after the other, and then the last for good.
    clock: RefCell<VecDeque<u64>>,
}

impl Echo {
    fn new(status: u16, media_type: &str, body: &[u8]) -> Self {
        let headers = vec![("content-type".to_string(), media_type.to_string())];
        let answer = Response { status, headers, body: body.to_vec() };
        Self { answer, sent: Vec::new(), clock: RefCell::default() }
    }
}

impl Host for Echo {
    fn send(&mut self, request: &Request, _: Option<&Header>, _: u64) -> Result<Response, TransportError> {
        self.sent.push(request.clone());
        Ok(self.answer.clone())
    }

    fn now_ms(&self) -> u64 {
        let mut clock = self.clock.borrow_mut();
        let next = if clock.len() > 1 { clock.pop_front() } else { clock.front().copied() };
        next.unwrap_or_default()
    }

    fn unix_seconds(&self) -> u64 {
        0
    }

    fn wait_ms(&mut self, _: u64) {}

    fn random(&mut self) -> [u8; 16] {
        [7; 16]
    }

    fn credential(&mut self, _: &str) -> Result<Granted, CredentialError> {
        Ok(Granted {
            origin: ORIGIN.to_string(),
            token_url: String::new(),
            grant_type: GrantType::Bearer,
            credential: Credential::AddedByHost,
            token: None,
        })
    }

    fn fresh_credential(&mut self, authorization: &str) -> Result<Granted, CredentialError> {
        self.credential(authorization)
    }
}

fn call() -> Call {
    Call { authorization: "main".to_string(), instance: "dev12345".to_string(), timeout_ms: Some(5_000) }
}

/// Whatever ServiceNow answers, no success is reported that is not in the answer, and a write that may have happened is
/// never told as one that did not.
pub fn an_answer_is_judged(status: u16, media_type: &str, body: &[u8]) {
    let options = CreateOptions { correlation_id: Some("c".into()), input_display_values: false, choice_check: None };
    let columns = || RequestBody::Fields(vec![("urgency".to_string(), "1".to_string())]);
    let text = String::from_utf8_lossy(body).into_owned();
    // Only the syntax: a number may have any length, and is kept as it is.
    let json = text.trim_start_matches('\u{feff}').trim_start();
    let is_object = || json.starts_with('{') && serde_json::from_str::<IgnoredAny>(json).is_ok();
    let mut host = Echo::new(status, media_type, body);
    match create(&call(), &columns(), &options, &mut host) {
        CreateOutcome::IncidentCreated(receipt) => {
            assert!(
                matches!((status, receipt.made), (201, Made::Created) | (200, Made::Found)) && is_object(),
                "{text}"
            );
        }
        CreateOutcome::InvalidData(_) | CreateOutcome::InvalidChoice(_) => panic!("the inputs are in order"),
        CreateOutcome::BadRequest(failure)
        | CreateOutcome::NotFound(failure)
        | CreateOutcome::CreateIncidentFailure(failure)
        | CreateOutcome::Timeout(failure)
        | CreateOutcome::Error(failure) => is_honest(status, &failure),
    }
    let options = UpdateOptions { input_display_values: false, choice_check: None };
    match update(&call(), SYS_ID, &columns(), &options, &mut Echo::new(status, media_type, body)) {
        UpdateOutcome::IncidentUpdateSuccess(receipt) => {
            assert!(status == 200 && receipt.sys_id == SYS_ID && is_object(), "{text}");
        }
        UpdateOutcome::InvalidData(_) | UpdateOutcome::InvalidChoice(_) => panic!("the inputs are in order"),
        UpdateOutcome::BadRequest(failure)
        | UpdateOutcome::IncidentNotFound(failure)
        | UpdateOutcome::IncidentUpdateFailure(failure)
        | UpdateOutcome::Timeout(failure)
        | UpdateOutcome::Error(failure) => is_honest(status, &failure),
    }
    let incident = IncidentRef { kind: "number".to_string(), value: "INC1".to_string() };
    if let GetOutcome::GetIncidentSuccess(incident) = get(&call(), &incident, &mut Echo::new(status, media_type, body))
    {
        assert!(status == 200 && incident.number.eq_ignore_ascii_case("INC1") && is_object(), "{text}");
    }
    // Only that it comes back: what it may say is in the tables.
    let _ = oauth::read(&Echo::new(status, media_type, body).answer, GrantType::ClientCredentials);
}

fn is_honest(status: u16, failure: &Failure) {
    // Of all answers only a refusal says no, and the page of an instance that did not even wake.
    let may_be_written = !matches!(status, 400..=407 | 409..=499);
    let says_no = failure.write_happened == WriteHappened::No;
    let hibernating = failure.reason == servicenow_core::bindings::types::Reason::Hibernating;
    assert!(!(may_be_written && says_no) || hibernating, "{status} {failure:?}");
}

/// Whatever the inputs are, nothing is sent unless they are in order, and then it is JSON of texts for this instance, with
/// the key that makes it safe to repeat.
pub fn a_request_is_validated(body: &str, correlation_id: Option<&str>, fields: &[(String, String)]) {
    for body in [RequestBody::Json(body.to_string()), RequestBody::Fields(fields.to_vec())] {
        let options = CreateOptions {
            correlation_id: correlation_id.map(str::to_string),
            input_display_values: false,
            choice_check: None,
        };
        let mut host = Echo::new(400, "application/json", b"{}");
        let outcome = create(&call(), &body, &options, &mut host);
        let Some(request) = host.sent.first() else {
            let refused = matches!(outcome, CreateOutcome::InvalidData(_) | CreateOutcome::Error(_));
            assert!(refused, "{outcome:?}");
            continue;
        };
        assert_eq!(
            (request.method, request.url.as_str()),
            (Method::Post, &*format!("{ORIGIN}/api/now/table/incident"))
        );
        let sent = request.body.as_deref().unwrap_or_default();
        let sent: serde_json::Map<String, serde_json::Value> = serde_json::from_str(sent).unwrap();
        assert!(sent.values().all(serde_json::Value::is_string), "{sent:?}");
        assert!(sent["sys_id"].as_str().is_some_and(|key| key.len() == 32) && sent.contains_key("correlation_id"));
    }
}

/// Whatever a key is, the look-up asks for it and for nothing else.
pub fn a_query_asks_for_the_key_alone(kind: &str, value: &str) {
    let mut host = Echo::new(403, "application/json", b"{}");
    let outcome = get(&call(), &IncidentRef { kind: kind.to_string(), value: value.to_string() }, &mut host);
    let Some(request) = host.sent.first() else {
        assert!(matches!(outcome, GetOutcome::InvalidData(_) | GetOutcome::InvalidChoice(_)), "{outcome:?}");
        return;
    };
    let (path, query) = request.url.split_once('?').unwrap();
    assert_eq!(path, format!("{ORIGIN}/api/now/table/incident"));
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let asked = match kind {
        "sys_id" => format!("sys_id={}", value.trim().to_ascii_lowercase()),
        "correlation_id" => format!("correlation_id={value}^ORDERBYsys_created_on"),
        _ => format!("number={}", value.trim()),
    };
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["sysparm_query", "sysparm_limit", "sysparm_display_value"]);
    assert_eq!(pairs[0].1, asked);
}

/// However a clock jumps, a call ends after a few requests, and a write is sent once: an answer that proves nothing is no
/// reason to repeat it.
pub fn a_clock_may_jump(status: u16, readings: &[u64]) {
    let mut host = Echo::new(status, "application/json", b"{}");
    host.clock = RefCell::new(readings.iter().copied().collect());
    let options = CreateOptions { correlation_id: Some("c".into()), input_display_values: false, choice_check: None };
    let columns = RequestBody::Fields(vec![("urgency".to_string(), "1".to_string())]);
    create(&call(), &columns, &options, &mut host);
    let writes = host.sent.iter().filter(|request| request.method == Method::Post).count();
    assert!(writes <= if matches!(status, 401 | 429) { 2 } else { 1 }, "{writes} writes after {status}");
    assert!(host.sent.len() <= 4, "{} requests after {status}", host.sent.len());
}

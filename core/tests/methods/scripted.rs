//! A host whose answers are written down beforehand, and which remembers what it was asked.

use servicenow_core::bindings::credentials::{Credential, CredentialError, GrantType, Granted, Header, TokenInfo};
use servicenow_core::bindings::types::{Call, Failure, Reason, Retry, WriteHappened};
use servicenow_core::host::{Host, Method, Request, Response, TransportError};
use std::collections::VecDeque;

pub const ORIGIN: &str = "https://dev12345.service-now.com";
pub const TABLE: &str = "https://dev12345.service-now.com/api/now/table";
pub const TIMEOUT_MS: u64 = 5_000;

/// What one request is answered, and how long that takes.
pub struct Step {
    answer: Result<Response, TransportError>,
    takes_ms: u64,
}

/// What was sent.
#[derive(Debug, PartialEq)]
pub struct Sent {
    pub method: Method,
    pub url: String,
    pub body: Option<String>,
    pub authorization: Option<String>,
    pub within_ms: u64,
}

pub struct Scripted {
    steps: VecDeque<Step>,
    pub sent: Vec<Sent>,
    pub waited: Vec<u64>,
    pub now_ms: u64,
    /// The credentials, the one that is given first at the front. The last stays.
    pub granted: VecDeque<Result<Granted, CredentialError>>,
    /// How often a fresh one was asked for.
    pub renewals: usize,
    pub random: [u8; 16],
}

impl Scripted {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            sent: Vec::new(),
            waited: Vec::new(),
            now_ms: 70_000,
            granted: [Ok(granted(GrantType::ClientCredentials, Credential::AddedByHost))].into(),
            renewals: 0,
            random: [0; 16],
        }
    }

    pub fn with(mut self, granted: Result<Granted, CredentialError>) -> Self {
        self.granted = [granted].into();
        self
    }

    /// The addresses that were asked, without the instance's origin, each with its method.
    pub fn asked(&self) -> Vec<String> {
        assert!(self.steps.is_empty(), "{} answers were not asked for", self.steps.len());
        let path = |sent: &Sent| sent.url.strip_prefix(ORIGIN).unwrap_or(&sent.url).to_string();
        self.sent.iter().map(|sent| format!("{:?} {}", sent.method, path(sent))).collect()
    }

    fn next_credential(&mut self) -> Result<Granted, CredentialError> {
        match self.granted.len() {
            1 => self.granted[0].clone(),
            _ => self.granted.pop_front().unwrap(),
        }
    }
}

impl Host for Scripted {
    fn send(
        &mut self,
        request: &Request,
        credential: Option<&Header>,
        within_ms: u64,
    ) -> Result<Response, TransportError> {
        let Request { method, url, headers, body } = request.clone();
        let accept = ("accept".to_string(), "application/json".to_string());
        assert!(headers.contains(&accept), "{headers:?}");
        assert_eq!(headers.len(), 1 + usize::from(body.is_some()), "{headers:?}");
        let authorization = credential.map(|header| format!("{}: {}", header.name, header.value));
        self.sent.push(Sent { method, url, body, authorization, within_ms });
        let step = self.steps.pop_front().unwrap_or_else(|| panic!("nobody expected {:?}", self.sent.last()));
        self.now_ms += step.takes_ms;
        step.answer
    }

    fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn unix_seconds(&self) -> u64 {
        1_700_000_000
    }

    fn wait_ms(&mut self, ms: u64) {
        self.waited.push(ms);
        self.now_ms += ms;
    }

    fn random(&mut self) -> [u8; 16] {
        self.random
    }

    fn credential(&mut self, authorization: &str) -> Result<Granted, CredentialError> {
        assert_eq!(authorization, "main");
        self.next_credential()
    }

    fn fresh_credential(&mut self, authorization: &str) -> Result<Granted, CredentialError> {
        assert_eq!(authorization, "main");
        self.renewals += 1;
        self.next_credential()
    }
}

impl Step {
    /// The same, after so many milliseconds.
    pub fn after(self, takes_ms: u64) -> Self {
        Self { takes_ms, ..self }
    }

    /// The same with one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.answer.as_mut().unwrap().headers.push((name.into(), value.into()));
        self
    }
}

pub fn answer(status: u16, body: &str) -> Step {
    let headers = vec![("content-type".to_string(), "application/json".to_string())];
    Step { answer: Ok(Response { status, headers, body: body.into() }), takes_ms: 0 }
}

pub fn page(status: u16, body: &str) -> Step {
    let headers = vec![("content-type".to_string(), "text/html".to_string())];
    Step { answer: Ok(Response { status, headers, body: body.into() }), takes_ms: 0 }
}

pub fn refusal(status: u16, message: &str) -> Step {
    answer(status, &format!(r#"{{"error":{{"message":"{message}","detail":"a detail"}},"status":"failure"}}"#))
}

pub fn broken(reason: Reason, status: Option<u16>, not_sent: bool) -> Step {
    Step { answer: Err(TransportError { reason, status, not_sent }), takes_ms: 0 }
}

/// Rows, with ServiceNow's count of them.
pub fn rows(rows: &[String]) -> Step {
    answer(200, &format!(r#"{{"result":[{}]}}"#, rows.join(","))).header("x-total-count", &rows.len().to_string())
}

pub fn granted(grant_type: GrantType, credential: Credential) -> Granted {
    let token_url = format!("{ORIGIN}/oauth_token.do");
    Granted { origin: ORIGIN.into(), token_url, grant_type, credential, token: None::<TokenInfo> }
}

pub fn header(value: &str) -> Credential {
    Credential::Header(Header { name: "authorization".into(), value: value.into() })
}

pub fn call() -> Call {
    Call { authorization: "main".into(), instance: "dev12345".into(), timeout_ms: None }
}

/// What a failure says, but for its words.
pub fn said(failure: &Failure) -> (Option<u16>, Reason, WriteHappened, Retry) {
    (failure.status, failure.reason, failure.write_happened, failure.retry)
}

//! A session: one call's authorization, deadline and exchanges.
//!
//! It repeats any request in two cases only, both after an answer that proves that nothing was done: a 401 once with a
//! fresh credential, and a 429 once when the time it names fits into the deadline. Beside these, what never left the
//! machine is sent again, and a read also after 429, 502, 503 and 504.

use super::oauth::{self, Denied};
use super::origin::Origin;
use crate::bindings::credentials::{
    Credential, CredentialError, GrantType, Granted, Header, TokenInfo, UnreachableReason,
};
use crate::bindings::types::{Reason, WriteHappened};
use crate::failure::{CallError, explain, failure};
use crate::host::{Host, Method, Request, Response, TransportError};
use crate::incidents::call::ValidCall;
use crate::servicenow::response::{self, Rows};
use crate::text::excerpt;

/// A wait is worth it only if this much of the deadline is left after it: less would end in `timeout` anyway.
const LEFT_AFTER_WAIT_MS: u64 = 200;

/// How often a read is sent at most: a busy instance is not helped by more.
const MAX_READS: u32 = 3;

/// How often a write is sent at most: once more where it is proven that nothing was written.
const MAX_WRITES: u32 = 2;

/// The longest wait before a first repetition for which no time is named; each further one may be twice as long. Waits are
/// random, so that calls that failed together do not come back together.
const PAUSE_MS: u64 = 200;

/// One call's way to ServiceNow.
pub struct Session<'h> {
    host: &'h mut dyn Host,
    authorization: String,
    /// The origin that the authorization is valid for.
    pub origin: Origin,
    /// What is known of the token in use.
    pub token: Option<TokenInfo>,
    /// How access is obtained.
    pub grant_type: GrantType,
    header: Option<Header>,
    deadline_ms: u64,
}

impl<'h> Session<'h> {
    /// Obtains the credential for a call that started at a time of the host's clock, and refuses an instance that is not
    /// the authorization's before anything is sent.
    pub fn open(call: &ValidCall, started_ms: u64, host: &'h mut dyn Host) -> Result<Self, CallError> {
        let deadline_ms = started_ms.saturating_add(call.timeout_ms.into());
        let granted =
            host.credential(&call.authorization).map_err(|error| no_credential(error, &call.authorization))?;
        let origin = Origin::parse(&granted.origin).filter(|origin| *origin == call.origin).ok_or_else(|| {
            CallError::error(
                Reason::WrongInstance,
                format!(
                    "authorization \"{}\" is valid for {} and not for {}",
                    excerpt(&call.authorization),
                    granted.origin,
                    call.origin
                ),
            )
        })?;
        let mut session = Self {
            host,
            authorization: call.authorization.clone(),
            origin,
            token: None,
            grant_type: granted.grant_type,
            header: None,
            deadline_ms,
        };
        session.take_up(granted)?;
        Ok(session)
    }

    /// Sends a request and judges its answer: the rows of a success, or the end of the call.
    pub fn fetch(&mut self, request: &Request) -> Result<Rows, CallError> {
        let mut answered = self.ask(request);
        if matches!(&answered, Ok(response) if response.status == 401) && self.renew()? {
            answered = self.ask(request);
        }
        let attempts = if request.method.is_write() { MAX_WRITES } else { MAX_READS };
        for attempt in 1..attempts {
            let Some(ms) = self.wait_before_repeating(&answered, request.method, attempt) else { break };
            self.host.wait_ms(ms);
            answered = self.ask(request);
        }
        let response = answered.map_err(|error| CallError::transport(&error, request.method))?;
        CallError::classify(response, request.method, self.host.unix_seconds())
    }

    /// Takes up a fresh credential after a 401. Whether there can be one: a credential that no token service stands
    /// behind is what it is, and its 401 the answer.
    fn renew(&mut self) -> Result<bool, CallError> {
        if matches!(self.grant_type, GrantType::Bearer | GrantType::Basic | GrantType::ApiKey) {
            return Ok(false);
        }
        let granted = self.host.fresh_credential(&self.authorization);
        self.take_up(granted.map_err(|error| no_credential(error, &self.authorization))?)?;
        Ok(true)
    }

    fn ask(&mut self, request: &Request) -> Result<Response, TransportError> {
        let within = self.remaining_ms()?;
        self.host.send(request, self.header.as_ref(), within)
    }

    fn remaining_ms(&self) -> Result<u64, TransportError> {
        match self.deadline_ms.saturating_sub(self.host.now_ms()) {
            0 => Err(TransportError { reason: Reason::Deadline, status: None, not_sent: true }),
            left => Ok(left),
        }
    }

    /// How long to wait before a request is sent again; `None` where it is not.
    fn wait_before_repeating(
        &mut self,
        answered: &Result<Response, TransportError>,
        method: Method,
        attempt: u32,
    ) -> Option<u64> {
        let named = match answered {
            Ok(response) if response.status == 429 => response::retry_after_ms(response, self.host.unix_seconds()),
            _ => None,
        };
        let may_help = match answered {
            Ok(response) => !method.is_write() && matches!(response.status, 429 | 502..=504),
            Err(error) => error.reason == Reason::Connect && error.not_sent,
        };
        let wait = match named {
            Some(ms) => u64::from(ms),
            None if may_help => {
                let [low, high, ..] = self.host.random();
                u64::from(u16::from_le_bytes([low, high])) % (PAUSE_MS << (attempt - 1))
            }
            None => return None,
        };
        let left = self.remaining_ms().ok()?;
        (wait + LEFT_AFTER_WAIT_MS < left).then_some(wait)
    }

    /// Takes up what the host granted. For an OAuth client it obtains a token first.
    fn take_up(&mut self, granted: Granted) -> Result<(), CallError> {
        self.token = granted.token;
        self.header = match granted.credential {
            Credential::AddedByHost => None,
            Credential::Header(header) => Some(header),
            Credential::Grant(client) => {
                let response = self
                    .remaining_ms()
                    .and_then(|within| self.host.send(&oauth::request(&granted.token_url, &client), None, within));
                let response = response.map_err(token_request_failed)?;
                let token = oauth::read(&response, GrantType::ClientCredentials).map_err(|denied| match denied {
                    Denied::Refused(refusal) => no_credential(CredentialError::Refused(refusal), &self.authorization),
                    Denied::Unreachable(reason) => {
                        no_credential(CredentialError::Unreachable(reason), &self.authorization)
                    }
                })?;
                self.token = Some(token.info);
                Some(Header { name: "authorization".to_string(), value: token.authorization })
            }
        };
        Ok(())
    }
}

/// The message of a token service that could not be asked.
fn no_token(what: &str) -> String {
    format!("no access token from the token service: {what}")
}

/// The error of a call whose token request brought no whole response.
fn token_request_failed(error: TransportError) -> CallError {
    match error.reason {
        Reason::Deadline => no_token_in_time(),
        Reason::TooLarge => {
            let message = no_token("its answer is larger than the host accepts");
            CallError::NoCredential(failure(Reason::TooLarge, message, WriteHappened::No), None)
        }
        reason => CallError::error(reason, no_token(explain(reason))),
    }
}

/// What a refusal says that gives none.
pub const NO_REASON: &str = "the answer names no reason";

fn no_token_in_time() -> CallError {
    let message = "no access token before the deadline".to_string();
    CallError::Timeout(failure(Reason::Deadline, message, WriteHappened::No))
}

/// The error of a call for which there is no credential.
fn no_credential(error: CredentialError, authorization: &str) -> CallError {
    match error {
        CredentialError::UnknownAuthorization => CallError::error(
            Reason::UnknownAuthorization,
            format!("the host knows no authorization named \"{}\"", excerpt(authorization)),
        ),
        CredentialError::Timeout => no_token_in_time(),
        CredentialError::Refused(refusal) => {
            let grant_type = refusal.grant_type;
            let said = [refusal.error, refusal.description].join(" ");
            let why = Some(said.trim()).filter(|said| !said.is_empty()).unwrap_or(NO_REASON);
            let mut refused = failure(Reason::Unauthorized, format!("no access token: {why}"), WriteHappened::No);
            refused.status = refusal.status;
            CallError::NoCredential(refused, Some(grant_type))
        }
        CredentialError::Unreachable(reason) => {
            let error = |reason, what| CallError::error(reason, no_token(what));
            let none = |reason, what| CallError::NoCredential(failure(reason, no_token(what), WriteHappened::No), None);
            match reason {
                UnreachableReason::Dns => error(Reason::Dns, explain(Reason::Dns)),
                UnreachableReason::Connect => error(Reason::Connect, explain(Reason::Connect)),
                UnreachableReason::Tls => error(Reason::Tls, explain(Reason::Tls)),
                UnreachableReason::Lost => error(Reason::Lost, explain(Reason::Lost)),
                UnreachableReason::DeniedByHost => error(Reason::DeniedByHost, explain(Reason::DeniedByHost)),
                UnreachableReason::Hibernating => none(Reason::Hibernating, "the instance is hibernating"),
                UnreachableReason::NotJson => none(Reason::NotJson, "the answer is not a token answer"),
                UnreachableReason::RateLimited => none(Reason::RateLimited, "it answered 429"),
                UnreachableReason::ServerError => none(Reason::ServerError, "it answered with a server error"),
            }
        }
    }
}

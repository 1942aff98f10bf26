//! How a call ends that does not succeed: one type for all methods, and the advice that goes with each failure.

use crate::bindings::credentials::GrantType;
use crate::bindings::types::{Failure, Reason, Retry, Violation, WriteHappened};
use crate::host::{Method, Response, TransportError};
use crate::servicenow::response::{self, ApiError, Rows};

/// The end of a call that did not succeed. Each method maps it to a case of its own outcome.
#[derive(Debug, PartialEq)]
pub enum CallError {
    /// Inputs were refused before anything was sent.
    InvalidData(Vec<Violation>),
    /// A value is outside its declared choices.
    InvalidChoice(Vec<Violation>),
    /// There is no token to be had; by this kind of grant, where it is known.
    NoCredential(Failure, Option<GrantType>),
    /// ServiceNow answered; the status decides the case.
    Rejected(Failure),
    /// The deadline passed.
    Timeout(Failure),
    /// The method could not be invoked.
    Error(Failure),
}

impl CallError {
    /// An answer that is not the success asked for.
    pub fn rejected(refusal: ApiError, method: Method) -> Self {
        let written = match method.is_write() {
            false => WriteHappened::No,
            true => written_despite(refusal.status, refusal.reason),
        };
        let mut failure = failure(refusal.reason, refusal.message, written);
        failure.status = Some(refusal.status);
        failure.detail = refusal.detail;
        failure.retry_after_ms = refusal.retry_after_ms;
        CallError::Rejected(failure)
    }

    /// An exchange that brought no whole response.
    pub fn transport(error: &TransportError, method: Method) -> Self {
        let written = match method.is_write() && !error.not_sent {
            true => WriteHappened::Unknown,
            false => WriteHappened::No,
        };
        let mut failure = failure(error.reason, explain(error.reason).to_string(), written);
        failure.status = error.status;
        match error.reason {
            Reason::Deadline => CallError::Timeout(failure),
            Reason::TooLarge => CallError::Rejected(failure),
            _ => CallError::Error(failure),
        }
    }

    /// A response, classified: the records of a success, or the error that it means.
    pub fn classify(response: Response, method: Method, unix_now: u64) -> Result<Rows, Self> {
        let expected = method.success_status();
        response::read(response, expected, unix_now).map_err(|error| Self::rejected(error, method))
    }

    /// A call that could not be invoked.
    pub fn error(reason: Reason, message: impl Into<String>) -> Self {
        CallError::Error(failure(reason, message.into(), WriteHappened::No))
    }

    /// The inputs that were refused; none where the call ended otherwise.
    pub fn into_violations(self) -> Vec<Violation> {
        match self {
            CallError::InvalidData(violations) | CallError::InvalidChoice(violations) => violations,
            CallError::NoCredential(..) | CallError::Rejected(_) | CallError::Timeout(_) | CallError::Error(_) => {
                Vec::new()
            }
        }
    }

    /// The failure inside, where there is one.
    pub fn failure_mut(&mut self) -> Option<&mut Failure> {
        match self {
            CallError::InvalidData(_) | CallError::InvalidChoice(_) => None,
            CallError::NoCredential(failure, _)
            | CallError::Rejected(failure)
            | CallError::Timeout(failure)
            | CallError::Error(failure) => Some(failure),
        }
    }

    /// The same, with the correlation id in its failure, so that the caller can repeat the create.
    pub fn about(mut self, correlation_id: String) -> Self {
        if let Some(failure) = self.failure_mut() {
            failure.correlation_id = Some(correlation_id);
        }
        self
    }

    /// Whether a write may have happened although the answer does not say so, and no deadline has passed: reading the
    /// record back can settle it. An answer of 2xx that makes no sense is not settled this way: it stays a failure.
    pub fn is_unsettled_write(&self) -> bool {
        match self {
            CallError::Rejected(failure) => {
                // Some hosts know the status of an answer that they did not take in, and some do not.
                let is_settled_by_status = failure.status.is_some_and(|status| status < 300);
                let is_unread = failure.reason == Reason::TooLarge;
                failure.write_happened == WriteHappened::Unknown && (is_unread || !is_settled_by_status)
            }
            CallError::Error(failure) => failure.write_happened == WriteHappened::Unknown,
            _ => false,
        }
    }
}

/// A failure with the retry advice that its reason and effect call for.
pub fn failure(reason: Reason, message: String, write_happened: WriteHappened) -> Failure {
    Failure {
        status: None,
        reason,
        message,
        detail: None,
        retry: advise(reason, write_happened),
        retry_after_ms: None,
        write_happened,
        correlation_id: None,
    }
}

/// What to do before repeating.
fn advise(reason: Reason, write_happened: WriteHappened) -> Retry {
    match (write_happened, reason) {
        (WriteHappened::Unknown | WriteHappened::Yes, _) => Retry::LookUpFirst,
        (
            WriteHappened::No,
            Reason::RateLimited
            | Reason::ServerError
            | Reason::Cancelled
            | Reason::Hibernating
            | Reason::Connect
            | Reason::Limit
            | Reason::Dns
            | Reason::Lost
            | Reason::Deadline,
        ) => Retry::Later,
        (WriteHappened::No, _) => Retry::Never,
    }
}

/// Whether a write may have happened although the answer is not the success asked for.
///
/// 4xx are refusals, but for 408, which a proxy may send after passing the request on. 5xx prove nothing: a create
/// answered with 500 "Transaction cancelled" was seen committed. 201 in JSON says that the record is there.
fn written_despite(status: u16, reason: Reason) -> WriteHappened {
    match (status, reason) {
        (_, Reason::Hibernating) => WriteHappened::No,
        (201, Reason::UnexpectedAnswer | Reason::WrongRecord) => WriteHappened::Yes,
        (408, _) => WriteHappened::Unknown,
        (400..=499, _) => WriteHappened::No,
        _ => WriteHappened::Unknown,
    }
}

/// What went wrong with an exchange, in a sentence.
pub fn explain(reason: Reason) -> &'static str {
    match reason {
        Reason::Deadline => "no answer before the deadline",
        Reason::Dns => "the host name could not be resolved",
        Reason::Connect => "no connection could be made",
        Reason::Limit => "the host had no place for the request before the deadline",
        Reason::Tls => "the TLS handshake failed: check the host name, the certificate's issuer and its dates",
        Reason::TooLarge => "the answer is larger than the host accepts",
        Reason::DeniedByHost => "the host's policy refused the request; its log says what would allow it",
        _ => "the connection broke before the whole answer arrived",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_write_tells_the_truth_about_the_write() {
        for (status, reason, expected) in [
            (400, Reason::BadRequest, WriteHappened::No),
            (403, Reason::DataPolicy, WriteHappened::No),
            (404, Reason::NotFound, WriteHappened::No),
            (429, Reason::RateLimited, WriteHappened::No),
            (408, Reason::UnexpectedStatus, WriteHappened::Unknown),
            (302, Reason::Redirected, WriteHappened::Unknown),
            (500, Reason::Cancelled, WriteHappened::Unknown),
            (502, Reason::ServerError, WriteHappened::Unknown),
            (200, Reason::Hibernating, WriteHappened::No),
            (200, Reason::NotJson, WriteHappened::Unknown),
            (201, Reason::NotJson, WriteHappened::Unknown),
            (201, Reason::UnexpectedAnswer, WriteHappened::Yes),
        ] {
            assert_eq!(written_despite(status, reason), expected, "{status} {reason:?}");
        }
    }

    #[test]
    fn a_write_that_may_have_happened_is_looked_up_and_never_just_repeated() {
        for reason in [Reason::RateLimited, Reason::Deadline, Reason::ServerError, Reason::NotJson] {
            assert_eq!(advise(reason, WriteHappened::Unknown), Retry::LookUpFirst);
            assert_eq!(advise(reason, WriteHappened::Yes), Retry::LookUpFirst);
        }
        assert_eq!(advise(Reason::Deadline, WriteHappened::No), Retry::Later);
        assert_eq!(advise(Reason::Forbidden, WriteHappened::No), Retry::Never);
    }

    #[test]
    fn violations_are_those_of_refused_inputs_alone() {
        let violation = || Violation { field: "f".into(), given: "g".into(), expected: "e".into() };
        for refused in [CallError::InvalidData, CallError::InvalidChoice] {
            assert_eq!(refused(vec![violation()]).into_violations(), [violation()]);
        }
        assert_eq!(CallError::error(Reason::Dns, "").into_violations(), []);
    }

    #[test]
    fn a_request_that_never_left_wrote_nothing() {
        let failed = |not_sent| TransportError { reason: Reason::Deadline, status: None, not_sent };
        let written = |end: CallError| match end {
            CallError::Timeout(failure) => failure.write_happened,
            other => panic!("{other:?}"),
        };
        assert_eq!(written(CallError::transport(&failed(true), Method::Post)), WriteHappened::No);
        assert_eq!(written(CallError::transport(&failed(false), Method::Post)), WriteHappened::Unknown);
        assert_eq!(written(CallError::transport(&failed(false), Method::Get)), WriteHappened::No);
    }
}

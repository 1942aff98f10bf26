//! From the core's types and ends to this world's: each world has records of its own, equal in all but their names.

use crate::bindings::callbacks::NamesOutcome;
use crate::bindings::changes::ChangesOutcome;
use crate::bindings::provisioning::{InspectOutcome, ProbeOutcome};
use crate::bindings::types;
use servicenow_core::bindings::types as core;
use servicenow_core::failure::CallError;

/// Converts between two enums of the same cases. The match has no wildcard: a case added to `wit/` fails to compile until it is
/// here.
macro_rules! same_cases {
    ($name:ident: $($case:ident),+ $(,)?) => {
        impl From<core::$name> for types::$name {
            fn from(given: core::$name) -> Self {
                match given {
                    $(core::$name::$case => types::$name::$case),+
                }
            }
        }
    };
}

same_cases!(Retry: Never, Later, LookUpFirst);
same_cases!(WriteHappened: No, Unknown, Yes);
same_cases!(
    Reason: BadRequest, Unauthorized, Forbidden, UnscopedClient, DataPolicy, BusinessRule, NotFound, UnsupportedRequest,
    Conflict, RequestTooLarge, RateLimited, ServerError, Cancelled, Hibernating, NotJson, UnexpectedAnswer, WrongRecord,
    Ambiguous, TooLarge, Encoded, Redirected, UnexpectedStatus, DeniedByHost, UnknownAuthorization, WrongInstance,
    DuplicateKey, Dns, Connect, Tls, Lost, Deadline, Limit,
);

impl From<core::Failure> for types::Failure {
    fn from(given: core::Failure) -> Self {
        Self {
            status: given.status,
            reason: given.reason.into(),
            message: given.message,
            detail: given.detail,
            retry: given.retry.into(),
            retry_after_ms: given.retry_after_ms,
            write_happened: given.write_happened.into(),
            correlation_id: given.correlation_id,
        }
    }
}

impl From<core::Violation> for types::Violation {
    fn from(given: core::Violation) -> Self {
        Self { field: given.field, given: given.given, expected: given.expected }
    }
}

impl From<types::Call> for core::Call {
    fn from(given: types::Call) -> Self {
        Self { authorization: given.authorization, instance: given.instance, timeout_ms: given.timeout_ms }
    }
}

/// The violations of this world.
pub fn violations(given: Vec<core::Violation>) -> Vec<types::Violation> {
    given.into_iter().map(Into::into).collect()
}

/// The violations of an end of what makes no request, which has no other.
pub fn refused(end: CallError) -> Vec<types::Violation> {
    match end {
        CallError::InvalidData(refused) | CallError::InvalidChoice(refused) => violations(refused),
        CallError::NoCredential(..) | CallError::Rejected(_) | CallError::Timeout(_) | CallError::Error(_) => {
            Vec::new()
        }
    }
}

/// The end of a method that only reads, or that makes one write, as its outcome.
macro_rules! ends_in {
    ($($outcome:ident: $failure:ident),+ $(,)?) => {
        $(impl From<CallError> for $outcome {
            fn from(end: CallError) -> Self {
                match end {
                    CallError::InvalidData(refused) | CallError::InvalidChoice(refused) => Self::InvalidData(violations(refused)),
                    CallError::NoCredential(failure, _) => Self::AuthorizationFail(failure.into()),
                    CallError::Rejected(failure) if failure.status == Some(401) => Self::AuthorizationFail(failure.into()),
                    CallError::Rejected(failure) => Self::$failure(failure.into()),
                    CallError::Timeout(failure) => Self::Timeout(failure.into()),
                    CallError::Error(failure) => Self::Error(failure.into()),
                }
            }
        })+
    };
}

ends_in!(
    NamesOutcome: NamesFailure,
    ChangesOutcome: ChangesFailure,
    InspectOutcome: InspectFailure,
    ProbeOutcome: ProbeFailure,
);

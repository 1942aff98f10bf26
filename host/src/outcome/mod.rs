//! What all outcomes have in common: a case, and the failures that only a host can tell.

use crate::bindings::exports::servicenow::plugin::authorization::{AuthenticateOutcome, Diagnosis};
use crate::bindings::exports::servicenow::plugin::incidents::{
    ColumnsOutcome, CreateOutcome, FindOutcome, GetOutcome, UpdateOutcome,
};
use crate::bindings::exports::servicenow::plugin::types::{Failure, Reason, Retry, WriteHappened};

/// The outcome of a method.
pub trait Outcome: Sized {
    /// The cases, named as in `wit/`.
    const CASES: &'static [&'static str];
    /// The cases that mean success.
    const SUCCESS: &'static str;
    /// The method's name, as in the manifest.
    const METHOD: &'static str;

    /// The name of this case.
    fn case(&self) -> &'static str;
    /// The failure inside, where the case has one.
    fn failure(&self) -> Option<&Failure>;
    /// The outcome of a call whose deadline passed.
    fn timeout(failure: Failure) -> Self;
    /// The outcome of a call that could not be invoked.
    fn error(failure: Failure) -> Self;

    /// Whether the call succeeded.
    fn is_success(&self) -> bool {
        self.case() == Self::SUCCESS
    }
}

/// Lists the cases of an outcome: first the success, then the others without a failure, then those with one. The `match` has
/// no wildcard: a case added to `wit/` fails to compile until it is here, and the tests of every case start from this list.
macro_rules! outcome {
    (
        $outcome:ident, $method:literal,
        ended: { $success:ident => $success_name:literal, $($ended:ident => $ended_name:literal,)* }
        failed: { $($failed:ident => $failed_name:literal,)+ }
    ) => {
        impl Outcome for $outcome {
            const CASES: &'static [&'static str] = &[$success_name, $($ended_name,)* $($failed_name),+];
            const SUCCESS: &'static str = $success_name;
            const METHOD: &'static str = $method;

            fn case(&self) -> &'static str {
                match self {
                    $outcome::$success(_) => $success_name,
                    $($outcome::$ended(_) => $ended_name,)*
                    $($outcome::$failed(_) => $failed_name),+
                }
            }

            fn failure(&self) -> Option<&Failure> {
                match self {
                    $outcome::$success(_) $(| $outcome::$ended(_))* => None,
                    $($outcome::$failed(failed) => Some(failed.as_ref())),+
                }
            }

            fn timeout(failure: Failure) -> Self {
                $outcome::Timeout(failure.into())
            }

            fn error(failure: Failure) -> Self {
                $outcome::Error(failure.into())
            }
        }
    };
}

#[cfg(feature = "sync")]
mod sync;

outcome! {
    CreateOutcome, "create",
    ended: {
        IncidentCreated => "incident-created",
        InvalidData => "invalid-data",
        InvalidChoice => "invalid-choice",
    }
    failed: {
        BadRequest => "bad-request",
        NotFound => "not-found",
        CreateIncidentFailure => "create-incident-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    GetOutcome, "get",
    ended: {
        GetIncidentSuccess => "get-incident-success",
        InvalidData => "invalid-data",
        InvalidChoice => "invalid-choice",
    }
    failed: {
        IncidentNotFound => "incident-not-found",
        AuthorizationFail => "authorization-fail",
        GetIncidentFailure => "get-incident-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    UpdateOutcome, "update",
    ended: {
        IncidentUpdateSuccess => "incident-update-success",
        InvalidData => "invalid-data",
        InvalidChoice => "invalid-choice",
    }
    failed: {
        BadRequest => "bad-request",
        IncidentNotFound => "incident-not-found",
        IncidentUpdateFailure => "incident-update-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    FindOutcome, "find",
    ended: {
        FindSuccess => "find-success",
        InvalidData => "invalid-data",
    }
    failed: {
        AuthorizationFail => "authorization-fail",
        FindFailure => "find-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    ColumnsOutcome, "columns",
    ended: {
        ColumnsSuccess => "columns-success",
        InvalidData => "invalid-data",
    }
    failed: {
        AuthorizationFail => "authorization-fail",
        ColumnsFailure => "columns-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    AuthenticateOutcome, "authenticate",
    ended: {
        Authenticated => "authenticated",
        InvalidData => "invalid-data",
    }
    failed: {
        NotAuthenticated => "not-authenticated",
        Timeout => "timeout",
        Error => "error",
    }
}

impl AsRef<Failure> for Failure {
    fn as_ref(&self) -> &Failure {
        self
    }
}

impl AsRef<Failure> for Diagnosis {
    fn as_ref(&self) -> &Failure {
        &self.failure
    }
}

/// The failure of a call that the host ended, from the host's journal: what the guest knew is lost.
pub fn ended_by_host(reason: Reason, message: &str, write_left: bool, correlation_id: Option<String>) -> Failure {
    let (write_happened, retry) = match (write_left, reason) {
        (true, _) => (WriteHappened::Unknown, Retry::LookUpFirst),
        (false, Reason::Deadline) => (WriteHappened::No, Retry::Later),
        (false, _) => (WriteHappened::No, Retry::Never),
    };
    Failure {
        status: None,
        reason,
        message: message.to_string(),
        detail: None,
        retry,
        retry_after_ms: None,
        write_happened,
        correlation_id,
    }
}

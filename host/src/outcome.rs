//! What all outcomes have in common: a case, and the failures that only a host can tell.

use crate::bindings::exports::servicenow::plugin::authorization::{AuthenticateOutcome, Diagnosis};
use crate::bindings::exports::servicenow::plugin::callbacks::NamesOutcome;
use crate::bindings::exports::servicenow::plugin::changes::ChangesOutcome;
use crate::bindings::exports::servicenow::plugin::incidents::{
    ColumnsOutcome, CreateOutcome, FindOutcome, GetOutcome, UpdateOutcome,
};
use crate::bindings::exports::servicenow::plugin::provisioning::{
    BrokenOff, InspectOutcome, ProbeOutcome, StepsOutcome,
};
use crate::bindings::exports::servicenow::plugin::sync::PushOutcome;
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
    /// The outcome of a call whose deadline passed.
    fn timeout(failure: Failure) -> Self;
    /// The outcome of a call that could not be invoked.
    fn error(failure: Failure) -> Self;

    /// Whether the call succeeded.
    fn is_success(&self) -> bool {
        self.case() == Self::SUCCESS
    }
}

/// Lists the cases of an outcome. The `match` has no wildcard: a case added to `wit/` fails to compile until it is here,
/// and the tests of every case start from this list.
macro_rules! outcome {
    ($outcome:ident, $method:literal, $success:literal, { $($case:ident => $name:literal),+ $(,)? }) => {
        impl Outcome for $outcome {
            const CASES: &'static [&'static str] = &[$($name),+];
            const SUCCESS: &'static str = $success;
            const METHOD: &'static str = $method;

            fn case(&self) -> &'static str {
                match self {
                    $($outcome::$case(_) => $name),+
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

outcome!(CreateOutcome, "create", "incident-created", {
    IncidentCreated => "incident-created",
    InvalidData => "invalid-data",
    InvalidChoice => "invalid-choice",
    BadRequest => "bad-request",
    NotFound => "not-found",
    CreateIncidentFailure => "create-incident-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(GetOutcome, "get", "get-incident-success", {
    GetIncidentSuccess => "get-incident-success",
    InvalidData => "invalid-data",
    InvalidChoice => "invalid-choice",
    IncidentNotFound => "incident-not-found",
    AuthorizationFail => "authorization-fail",
    GetIncidentFailure => "get-incident-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(UpdateOutcome, "update", "incident-update-success", {
    IncidentUpdateSuccess => "incident-update-success",
    InvalidData => "invalid-data",
    InvalidChoice => "invalid-choice",
    BadRequest => "bad-request",
    IncidentNotFound => "incident-not-found",
    IncidentUpdateFailure => "incident-update-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(FindOutcome, "find", "find-success", {
    FindSuccess => "find-success",
    InvalidData => "invalid-data",
    AuthorizationFail => "authorization-fail",
    FindFailure => "find-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(ColumnsOutcome, "columns", "columns-success", {
    ColumnsSuccess => "columns-success",
    InvalidData => "invalid-data",
    AuthorizationFail => "authorization-fail",
    ColumnsFailure => "columns-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(AuthenticateOutcome, "authenticate", "authenticated", {
    Authenticated => "authenticated",
    NotAuthenticated => "not-authenticated",
    InvalidData => "invalid-data",
    Timeout => "timeout",
    Error => "error",
});
outcome!(PushOutcome, "push", "created", {
    Created => "created",
    Updated => "updated",
    Commented => "commented",
    Reopened => "reopened",
    Resolved => "resolved",
    Unchanged => "unchanged",
    FilteredOut => "filtered-out",
    InvalidData => "invalid-data",
    BadRequest => "bad-request",
    IncidentNotFound => "incident-not-found",
    AuthorizationFail => "authorization-fail",
    PushFailure => "push-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(NamesOutcome, "names", "names", {
    Names => "names",
    InvalidData => "invalid-data",
    AuthorizationFail => "authorization-fail",
    NamesFailure => "names-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(ChangesOutcome, "changes", "changes-page", {
    ChangesPage => "changes-page",
    InvalidData => "invalid-data",
    AuthorizationFail => "authorization-fail",
    ChangesFailure => "changes-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(StepsOutcome, "provisioning", "steps", {
    Steps => "steps",
    InvalidData => "invalid-data",
    AuthorizationFail => "authorization-fail",
    ProvisioningFailure => "provisioning-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(InspectOutcome, "inspect", "inspected", {
    Inspected => "inspected",
    InvalidData => "invalid-data",
    AuthorizationFail => "authorization-fail",
    InspectFailure => "inspect-failure",
    Timeout => "timeout",
    Error => "error",
});
outcome!(ProbeOutcome, "probe", "changed", {
    Changed => "changed",
    InvalidData => "invalid-data",
    AuthorizationFail => "authorization-fail",
    ProbeFailure => "probe-failure",
    Timeout => "timeout",
    Error => "error",
});

/// What the host ended had no time to say what it had done.
impl From<Failure> for BrokenOff {
    fn from(failure: Failure) -> Self {
        Self { done: Vec::new(), failure }
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

/// The failure inside an outcome, where it has one.
pub trait Failed {
    /// The shared failure record.
    fn failure(&self) -> Option<&Failure>;
}

macro_rules! failed {
    ($outcome:ident: $($case:ident),+) => {
        impl Failed for $outcome {
            fn failure(&self) -> Option<&Failure> {
                match self {
                    $($outcome::$case(failure))|+ => Some(failure),
                    _ => None,
                }
            }
        }
    };
}

failed!(CreateOutcome: BadRequest, NotFound, CreateIncidentFailure, Timeout, Error);
failed!(GetOutcome: IncidentNotFound, AuthorizationFail, GetIncidentFailure, Timeout, Error);
failed!(UpdateOutcome: BadRequest, IncidentNotFound, IncidentUpdateFailure, Timeout, Error);
failed!(FindOutcome: AuthorizationFail, FindFailure, Timeout, Error);
failed!(ColumnsOutcome: AuthorizationFail, ColumnsFailure, Timeout, Error);
failed!(PushOutcome: BadRequest, IncidentNotFound, AuthorizationFail, PushFailure, Timeout, Error);
failed!(NamesOutcome: AuthorizationFail, NamesFailure, Timeout, Error);
failed!(ChangesOutcome: AuthorizationFail, ChangesFailure, Timeout, Error);
failed!(InspectOutcome: AuthorizationFail, InspectFailure, Timeout, Error);
failed!(ProbeOutcome: AuthorizationFail, ProbeFailure, Timeout, Error);

impl Failed for StepsOutcome {
    fn failure(&self) -> Option<&Failure> {
        match self {
            StepsOutcome::ProvisioningFailure(BrokenOff { failure, .. })
            | StepsOutcome::Timeout(BrokenOff { failure, .. })
            | StepsOutcome::Error(BrokenOff { failure, .. })
            | StepsOutcome::AuthorizationFail(failure) => Some(failure),
            StepsOutcome::Steps(_) | StepsOutcome::InvalidData(_) => None,
        }
    }
}

impl Failed for AuthenticateOutcome {
    fn failure(&self) -> Option<&Failure> {
        match self {
            AuthenticateOutcome::NotAuthenticated(Diagnosis { failure, .. })
            | AuthenticateOutcome::Timeout(failure)
            | AuthenticateOutcome::Error(failure) => Some(failure),
            AuthenticateOutcome::Authenticated(_) | AuthenticateOutcome::InvalidData(_) => None,
        }
    }
}

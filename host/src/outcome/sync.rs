//! The outcomes of event sync.

use super::Outcome;
use crate::bindings::exports::servicenow::plugin::callbacks::NamesOutcome;
use crate::bindings::exports::servicenow::plugin::changes::ChangesOutcome;
use crate::bindings::exports::servicenow::plugin::provisioning::{
    BrokenOff, InspectOutcome, ProbeOutcome, StepsOutcome,
};
use crate::bindings::exports::servicenow::plugin::push::PushOutcome;
use crate::bindings::exports::servicenow::plugin::types::Failure;

outcome! {
    PushOutcome, "push",
    ended: {
        Created => "created",
        Updated => "updated",
        Commented => "commented",
        Reopened => "reopened",
        Resolved => "resolved",
        Unchanged => "unchanged",
        FilteredOut => "filtered-out",
        InvalidData => "invalid-data",
    }
    failed: {
        BadRequest => "bad-request",
        IncidentNotFound => "incident-not-found",
        AuthorizationFail => "authorization-fail",
        PushFailure => "push-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    NamesOutcome, "names",
    ended: {
        Names => "names",
        InvalidData => "invalid-data",
    }
    failed: {
        AuthorizationFail => "authorization-fail",
        NamesFailure => "names-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    ChangesOutcome, "changes",
    ended: {
        ChangesPage => "changes-page",
        InvalidData => "invalid-data",
    }
    failed: {
        AuthorizationFail => "authorization-fail",
        ChangesFailure => "changes-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    StepsOutcome, "provisioning",
    ended: {
        Steps => "steps",
        InvalidData => "invalid-data",
    }
    failed: {
        AuthorizationFail => "authorization-fail",
        ProvisioningFailure => "provisioning-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    InspectOutcome, "inspect",
    ended: {
        Inspected => "inspected",
        InvalidData => "invalid-data",
    }
    failed: {
        AuthorizationFail => "authorization-fail",
        InspectFailure => "inspect-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

outcome! {
    ProbeOutcome, "probe",
    ended: {
        Changed => "changed",
        InvalidData => "invalid-data",
    }
    failed: {
        AuthorizationFail => "authorization-fail",
        ProbeFailure => "probe-failure",
        Timeout => "timeout",
        Error => "error",
    }
}

impl AsRef<Failure> for BrokenOff {
    fn as_ref(&self) -> &Failure {
        &self.failure
    }
}

/// A set-up that the host ended had no time to say which steps it had done.
impl From<Failure> for BrokenOff {
    fn from(failure: Failure) -> Self {
        Self { done: Vec::new(), failure }
    }
}

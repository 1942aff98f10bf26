//! The outcome of a push, from the receipts and errors of its writes.

use crate::bindings::push::{NoteResult, PushOutcome, Pushed};

use serde_json::Value;
use servicenow_core::bindings::incidents::{Made, Receipt, Stored};
use servicenow_core::bindings::types::{Failure, Retry, Violation, WriteHappened};
use servicenow_core::failure::CallError;
use servicenow_core::outcome_of_errors;
use servicenow_core::servicenow::record::Record;

/// What a write did, in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// It made the incident.
    Created,
    /// It changed columns.
    Updated,
    /// It opened the incident again.
    Reopened,
    /// It resolved the incident.
    Resolved,
    /// It appended a note and nothing else.
    Note,
    /// Nothing of what was sent was kept.
    Nothing,
}

impl Wrote {
    /// The outcome with what a receipt says.
    pub fn with(self, receipt: Receipt, version: Option<u32>, note: NoteResult, unknown: Vec<String>) -> PushOutcome {
        let dropped = receipt.columns.iter().filter(|column| column.stored == Stored::NotStored);
        let dropped = dropped.map(|column| column.name.clone());
        let pushed = Pushed {
            version,
            not_stored: dropped.chain(unknown).collect(),
            written: receipt.columns.into_iter().map(|column| column.name).collect(),
            number: receipt.number,
            sys_id: receipt.sys_id,
            correlation_id: receipt.correlation_id,
            note,
            warnings: Vec::new(),
            url: receipt.url,
            response_payload: receipt.response_payload,
        };
        match self {
            Wrote::Created => PushOutcome::Created(pushed),
            Wrote::Updated => PushOutcome::Updated(pushed),
            Wrote::Reopened => PushOutcome::Reopened(pushed),
            Wrote::Resolved => PushOutcome::Resolved(pushed),
            Wrote::Note => PushOutcome::Commented(pushed),
            Wrote::Nothing => PushOutcome::Unchanged(pushed),
        }
    }
}

/// The version that a write's answer tells.
pub fn version(payload: &str) -> Option<u32> {
    let answer: Value = serde_json::from_str(payload).ok()?;
    answer["result"]["sys_mod_count"].as_str()?.parse().ok()
}

/// Columns that an instance sets by itself when others change.
const DERIVED: [&str; 22] = [
    "active",
    "activity_due",
    "business_duration",
    "business_stc",
    "calendar_duration",
    "calendar_stc",
    "closed_at",
    "closed_by",
    "hold_reason",
    "incident_state",
    "made_sla",
    "priority",
    "reopen_count",
    "reopened_by",
    "reopened_time",
    "resolved_at",
    "resolved_by",
    "sla_due",
    "sys_mod_count",
    "sys_updated_by",
    "sys_updated_on",
    "reassignment_count",
];

/// The version that is this update's and nobody else's: the next after the one that was read, in which nothing differs but
/// what was sent. Somebody else may have written what was sent and more, and then the update changed nothing and answered with
/// theirs.
pub fn own_version(before: &Record, receipt: &Receipt) -> Option<u32> {
    let answer: Value = serde_json::from_str(&receipt.response_payload).ok()?;
    let after = answer["result"].as_object()?;
    let value = |name: &str| match after.get(name)? {
        Value::Object(reference) => reference.get("value")?.as_str(),
        value => value.as_str(),
    };
    let is_sent = |name: &str| receipt.columns.iter().any(|column| column.name == name);
    let others = before.0.iter().filter(|(name, _)| !is_sent(name) && !DERIVED.contains(&name.as_str()));
    let is_same = others.into_iter().all(|(name, cell)| value(name).is_none_or(|value| value == cell.value));
    let next = before.value("sys_mod_count")?.parse::<u32>().ok()?.checked_add(1)?;
    let version = value("sys_mod_count")?.parse().ok()?;
    (receipt.made == Made::Updated && is_same && version == next).then_some(version)
}

/// The outcome of an update that changed nothing.
pub fn of_update(error: CallError) -> PushOutcome {
    match error {
        CallError::Rejected(failure) if failure.status == Some(404) => PushOutcome::IncidentNotFound(failure),
        error => error.into(),
    }
}

outcome_of_errors!(PushOutcome {
    choice => InvalidData,
    no_credential => AuthorizationFail,
    400 => BadRequest,
    401 => AuthorizationFail,
    rejected => PushFailure,
});

impl PushOutcome {
    /// The same, with the correlation id in its failure.
    pub fn about(mut self, correlation_id: &str) -> Self {
        if let Some(failure) = self.failure_mut() {
            failure.correlation_id = Some(correlation_id.to_string());
        }
        self
    }

    /// The same after a write whose result is unknown.
    pub fn in_doubt(mut self) -> Self {
        if let Some(failure) = self.failure_mut().filter(|failure| failure.write_happened == WriteHappened::No) {
            failure.write_happened = WriteHappened::Unknown;
            failure.retry = Retry::LookUpFirst;
        }
        self
    }

    /// The same, with what is likely a mistake. Failures have none: there is something to mend before it.
    pub fn warned(mut self, warnings: Vec<Violation>) -> Self {
        if let PushOutcome::Created(pushed)
        | PushOutcome::Updated(pushed)
        | PushOutcome::Commented(pushed)
        | PushOutcome::Reopened(pushed)
        | PushOutcome::Resolved(pushed)
        | PushOutcome::Unchanged(pushed) = &mut self
        {
            pushed.warnings = warnings;
        }
        self
    }

    /// The incident, where it is as the event wants it.
    pub fn pushed(&self) -> Option<&Pushed> {
        match self {
            PushOutcome::Created(pushed)
            | PushOutcome::Updated(pushed)
            | PushOutcome::Commented(pushed)
            | PushOutcome::Reopened(pushed)
            | PushOutcome::Resolved(pushed)
            | PushOutcome::Unchanged(pushed) => Some(pushed),
            _ => None,
        }
    }

    /// Why it failed.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            PushOutcome::BadRequest(failure)
            | PushOutcome::IncidentNotFound(failure)
            | PushOutcome::AuthorizationFail(failure)
            | PushOutcome::PushFailure(failure)
            | PushOutcome::Timeout(failure)
            | PushOutcome::Error(failure) => Some(failure),
            _ => None,
        }
    }

    fn failure_mut(&mut self) -> Option<&mut Failure> {
        match self {
            PushOutcome::BadRequest(failure)
            | PushOutcome::IncidentNotFound(failure)
            | PushOutcome::AuthorizationFail(failure)
            | PushOutcome::PushFailure(failure)
            | PushOutcome::Timeout(failure)
            | PushOutcome::Error(failure) => Some(failure),
            _ => None,
        }
    }
}

//! The outcome of a push, from the outcomes of the writes it is made of.

use crate::bindings::sync::{NoteResult, PushOutcome, Pushed};
use crate::ends::violations;
use serde_json::Value;
use servicenow_component::bindings::incidents::{CreateOutcome, Made, Receipt, Stored, UpdateOutcome};
use servicenow_component::bindings::types::Failure;
use servicenow_component::failure::End;

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
    pub fn with(self, receipt: Receipt, note: NoteResult, unknown: Vec<String>) -> PushOutcome {
        let dropped = receipt.columns.iter().filter(|column| column.stored == Stored::NotStored);
        let dropped = dropped.map(|column| column.name.clone());
        let is_own = matches!(receipt.made, Made::Created | Made::Updated);
        let pushed = Pushed {
            version: version(&receipt.response_payload).filter(|_| is_own),
            not_stored: dropped.chain(unknown).collect(),
            written: receipt.columns.into_iter().map(|column| column.name).collect(),
            number: receipt.number,
            sys_id: receipt.sys_id,
            correlation_id: receipt.correlation_id,
            note,
            url: receipt.url,
            response_payload: receipt.response_payload,
        };
        match self {
            Wrote::Created if receipt.made == Made::Found => PushOutcome::Unchanged(pushed),
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

/// The outcome of a create that made nothing.
pub fn of_create(outcome: CreateOutcome) -> PushOutcome {
    match outcome {
        CreateOutcome::IncidentCreated(receipt) => Wrote::Created.with(receipt, NoteResult::None, Vec::new()),
        CreateOutcome::InvalidData(refused) | CreateOutcome::InvalidChoice(refused) => {
            PushOutcome::InvalidData(violations(refused))
        }
        CreateOutcome::BadRequest(failure) => PushOutcome::BadRequest(failure.into()),
        CreateOutcome::NotFound(failure) | CreateOutcome::CreateIncidentFailure(failure) => refused(failure),
        CreateOutcome::Timeout(failure) => PushOutcome::Timeout(failure.into()),
        CreateOutcome::Error(failure) => PushOutcome::Error(failure.into()),
    }
}

/// The outcome of an update that changed nothing.
pub fn of_update(outcome: UpdateOutcome) -> PushOutcome {
    match outcome {
        UpdateOutcome::IncidentUpdateSuccess(receipt) => Wrote::Updated.with(receipt, NoteResult::None, Vec::new()),
        UpdateOutcome::InvalidData(refused) | UpdateOutcome::InvalidChoice(refused) => {
            PushOutcome::InvalidData(violations(refused))
        }
        UpdateOutcome::BadRequest(failure) => PushOutcome::BadRequest(failure.into()),
        UpdateOutcome::IncidentNotFound(failure) => PushOutcome::IncidentNotFound(failure.into()),
        UpdateOutcome::IncidentUpdateFailure(failure) => refused(failure),
        UpdateOutcome::Timeout(failure) => PushOutcome::Timeout(failure.into()),
        UpdateOutcome::Error(failure) => PushOutcome::Error(failure.into()),
    }
}

fn refused(failure: Failure) -> PushOutcome {
    match failure.status {
        Some(401) => PushOutcome::AuthorizationFail(failure.into()),
        _ => PushOutcome::PushFailure(failure.into()),
    }
}

impl From<End> for PushOutcome {
    fn from(end: End) -> Self {
        match end {
            End::InvalidData(refused) | End::InvalidChoice(refused) => PushOutcome::InvalidData(violations(refused)),
            End::NoToken(failure, _) => PushOutcome::AuthorizationFail(failure.into()),
            End::Answered(failure) => match failure.status {
                Some(400) => PushOutcome::BadRequest(failure.into()),
                _ => refused(failure),
            },
            End::Timeout(failure) => PushOutcome::Timeout(failure.into()),
            End::Error(failure) => PushOutcome::Error(failure.into()),
        }
    }
}

impl PushOutcome {
    /// The same, with the correlation id in its failure.
    pub fn about(mut self, correlation_id: &str) -> Self {
        if let PushOutcome::BadRequest(failure)
        | PushOutcome::IncidentNotFound(failure)
        | PushOutcome::AuthorizationFail(failure)
        | PushOutcome::PushFailure(failure)
        | PushOutcome::Timeout(failure)
        | PushOutcome::Error(failure) = &mut self
        {
            failure.correlation_id = Some(correlation_id.to_string());
        }
        self
    }
}

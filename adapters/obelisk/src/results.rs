//! From outcomes to results: which ends the engine may repeat.

use crate::bindings::exports::servicenow::obelisk::incidents::{Error, Failure, Incident, Receipt, Violation};
use crate::bindings::servicenow::plugin::incidents::{self as node, CreateOutcome, GetOutcome, Stored, UpdateOutcome};
use crate::bindings::servicenow::plugin::types::{self, Retry};
use serde::Serialize;
use servicenow_json::to_json;

/// How the end of a method may be repeated where a write may have happened.
#[derive(Clone, Copy)]
enum InDoubt {
    /// A create finds the record by its key, so repeating it is the look-up.
    Repeat,
    /// An update could append a note twice.
    Ask,
}

/// The result of a create.
pub fn created(outcome: CreateOutcome) -> Result<Receipt, Error> {
    let failed = |case, failure| Err(failed(case, failure, InDoubt::Repeat));
    match outcome {
        CreateOutcome::IncidentCreated(made) => Ok(receipt(made)),
        CreateOutcome::InvalidData(violations) | CreateOutcome::InvalidChoice(violations) => Err(invalid(violations)),
        CreateOutcome::BadRequest(failure) => failed("bad-request", failure),
        CreateOutcome::NotFound(failure) => failed("not-found", failure),
        CreateOutcome::CreateIncidentFailure(failure) => failed("create-incident-failure", failure),
        CreateOutcome::Timeout(failure) => failed("timeout", failure),
        CreateOutcome::Error(failure) => failed("error", failure),
    }
}

/// The result of a get.
pub fn got(outcome: GetOutcome) -> Result<Incident, Error> {
    let failed = |case, failure| Err(failed(case, failure, InDoubt::Repeat));
    match outcome {
        GetOutcome::GetIncidentSuccess(found) => Ok(Incident {
            number: found.number,
            sys_id: found.sys_id,
            state: found.state,
            fields: found.fields.into_iter().map(|field| (field.name, field.value)).collect(),
            url: found.url,
        }),
        GetOutcome::InvalidData(violations) | GetOutcome::InvalidChoice(violations) => Err(invalid(violations)),
        GetOutcome::IncidentNotFound(failure) => failed("incident-not-found", failure),
        GetOutcome::AuthorizationFail(failure) => failed("authorization-fail", failure),
        GetOutcome::GetIncidentFailure(failure) => failed("get-incident-failure", failure),
        GetOutcome::Timeout(failure) => failed("timeout", failure),
        GetOutcome::Error(failure) => failed("error", failure),
    }
}

/// The result of an update.
pub fn updated(outcome: UpdateOutcome) -> Result<Receipt, Error> {
    let failed = |case, failure| Err(failed(case, failure, InDoubt::Ask));
    match outcome {
        UpdateOutcome::IncidentUpdateSuccess(made) => Ok(receipt(made)),
        UpdateOutcome::InvalidData(violations) | UpdateOutcome::InvalidChoice(violations) => Err(invalid(violations)),
        UpdateOutcome::BadRequest(failure) => failed("bad-request", failure),
        UpdateOutcome::IncidentNotFound(failure) => failed("incident-not-found", failure),
        UpdateOutcome::IncidentUpdateFailure(failure) => failed("incident-update-failure", failure),
        UpdateOutcome::Timeout(failure) => failed("timeout", failure),
        UpdateOutcome::Error(failure) => failed("error", failure),
    }
}

/// What a create without its key ends in: the engine would make another incident each time it repeats it.
pub fn missing_correlation_id() -> Error {
    Error::PermanentInvalidData(vec![Violation {
        field: "correlation_id".to_string(),
        given: String::new(),
        expected: "a key of this create, the same each time it is repeated".to_string(),
    }])
}

fn receipt(made: node::Receipt) -> Receipt {
    let lost = made.columns.into_iter().filter(|column| column.stored == Stored::NotStored);
    Receipt {
        number: made.number,
        sys_id: made.sys_id,
        made: name(&made.made),
        not_stored: lost.map(|column| column.name).collect(),
        url: made.url,
    }
}

fn invalid(violations: Vec<types::Violation>) -> Error {
    let violation = |no: types::Violation| Violation { field: no.field, given: no.given, expected: no.expected };
    Error::PermanentInvalidData(violations.into_iter().map(violation).collect())
}

fn failed(case: &str, failure: types::Failure, in_doubt: InDoubt) -> Error {
    let told = Failure {
        outcome: case.to_string(),
        reason: name(&failure.reason),
        status: failure.status,
        message: failure.message,
        write_happened: name(&failure.write_happened),
        retry_after_ms: failure.retry_after_ms,
    };
    match (failure.retry, in_doubt) {
        (Retry::Later, _) | (Retry::LookUpFirst, InDoubt::Repeat) => Error::TransientFailure(told),
        (Retry::LookUpFirst, InDoubt::Ask) => Error::PermanentInDoubt(told),
        (Retry::Never, _) => Error::PermanentFailure(told),
    }
}

/// The name of an enum's case, as the interface has it.
fn name(case: &impl Serialize) -> String {
    to_json(case).as_str().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::servicenow::plugin::types::{Reason, WriteHappened};

    fn failure(retry: Retry) -> types::Failure {
        types::Failure {
            status: Some(503),
            reason: Reason::RateLimited,
            message: "busy".to_string(),
            detail: None,
            retry,
            retry_after_ms: None,
            write_happened: WriteHappened::Unknown,
            correlation_id: None,
        }
    }

    #[test]
    fn a_create_in_doubt_is_repeated_and_an_update_in_doubt_is_not() {
        let name = |result: Result<Receipt, Error>| match result {
            Err(Error::TransientFailure(told)) => format!("transient {} {}", told.outcome, told.reason),
            Err(Error::PermanentFailure(told)) => format!("permanent {} {}", told.outcome, told.write_happened),
            Err(Error::PermanentInDoubt(told)) => format!("in doubt {} {}", told.outcome, told.write_happened),
            other => format!("{other:?}"),
        };
        for (retry, create, update) in [
            (Retry::Later, "transient timeout rate-limited", "transient timeout rate-limited"),
            (Retry::LookUpFirst, "transient timeout rate-limited", "in doubt timeout unknown"),
            (Retry::Never, "permanent timeout unknown", "permanent timeout unknown"),
        ] {
            assert_eq!(name(created(CreateOutcome::Timeout(failure(retry)))), create);
            assert_eq!(name(updated(UpdateOutcome::Timeout(failure(retry)))), update);
        }
    }
}

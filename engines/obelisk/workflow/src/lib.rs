//! A workflow of Obelisk over the incident node's activities: report an alert, set its incident in progress, resolve it.
//!
//! The engine writes down what each activity returned. A server that takes the workflow over runs it from its beginning, gets from
//! that log what was done, and calls what was not. So there is nothing of that here.

pub mod bindings;

use bindings::exports::servicenow::flow::alerts::Guest;
use bindings::servicenow::obelisk::incidents::{self, Error};

/// The workflow.
pub struct Alerts;

/// How long an activity may take, in milliseconds. It is less than the engine's lock, which has to be there when it ends.
const TIMEOUT_MS: u32 = 5_000;

/// Values of `incident.state` as ServiceNow delivers it.
const NEW: &str = "1";
const IN_PROGRESS: &str = "2";
const RESOLVED: &str = "6";
const CLOSED: &str = "7";
const CANCELED: &str = "8";

impl Guest for Alerts {
    fn report_and_resolve(
        authorization: String,
        instance: String,
        key: String,
        short_description: String,
    ) -> Result<String, String> {
        let reported = fields(&[("short_description", &short_description)]);
        let incident = incidents::create(&authorization, &instance, &key, &reported, TIMEOUT_MS)
            .map_err(|error| told("create", &error))?;
        // An incident that was there before may be further along by now.
        let state = match incident.made.as_str() {
            "found" => {
                let found = incidents::get(&authorization, &instance, "sys_id", &incident.sys_id, TIMEOUT_MS);
                found.map_err(|error| told("get", &error))?.state
            }
            _ => NEW.to_string(),
        };
        let begin = fields(&[("state", IN_PROGRESS)]);
        let resolve = fields(&[
            ("state", RESOLVED),
            ("close_code", "Solution provided"),
            ("close_notes", "The alert has ended."),
        ]);
        let updates = match state.as_str() {
            NEW => vec![begin, resolve],
            RESOLVED | CLOSED | CANCELED => vec![],
            _ => vec![resolve],
        };
        for columns in updates {
            incidents::update(&authorization, &instance, &incident.sys_id, &columns, TIMEOUT_MS)
                .map_err(|error| told("update", &error))?;
        }
        Ok(incident.number)
    }
}

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// What a person is told of an activity that did not succeed. What can be repeated was repeated by the engine before.
fn told(activity: &str, error: &Error) -> String {
    match error {
        Error::ExecutionFailed => format!("the engine ended {activity}, which may have happened: look the incident up"),
        Error::TransientFailure(failure) | Error::PermanentFailure(failure) => {
            format!("{activity} ended in {} ({}): {}", failure.outcome, failure.reason, failure.message)
        }
        Error::PermanentInDoubt(failure) => {
            format!("{activity} may have happened, look the incident up: {}", failure.message)
        }
        Error::PermanentInvalidData(violations) => {
            let refused =
                violations.iter().map(|no| format!("{}: given {:?}, expected {}", no.field, no.given, no.expected));
            format!("{activity} was refused: {}", refused.collect::<Vec<_>>().join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bindings::servicenow::obelisk::incidents::{Failure, Violation};

    #[test]
    fn a_person_is_told_what_the_engine_did_and_what_is_to_be_done() {
        let failure = Failure {
            outcome: "timeout".to_string(),
            reason: "deadline".to_string(),
            status: None,
            message: "no answer".to_string(),
            write_happened: "unknown".to_string(),
            retry_after_ms: None,
        };
        let violation = Violation { field: "key".to_string(), given: "\n".to_string(), expected: "a line".to_string() };
        for (error, expected) in [
            (Error::ExecutionFailed, "the engine ended update, which may have happened: look the incident up"),
            (Error::TransientFailure(failure.clone()), "update ended in timeout (deadline): no answer"),
            (Error::PermanentFailure(failure.clone()), "update ended in timeout (deadline): no answer"),
            (Error::PermanentInDoubt(failure), "update may have happened, look the incident up: no answer"),
            (Error::PermanentInvalidData(vec![violation]), r#"update was refused: key: given "\n", expected a line"#),
        ] {
            assert_eq!(told("update", &error), expected);
        }
    }
}

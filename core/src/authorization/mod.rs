//! The check behind an Authenticate button.

mod diagnosis;

use crate::bindings::authorization::{Access, AuthenticateOutcome, Diagnosis};
use crate::bindings::types::{Call, Failure, Reason};
use crate::failure::CallError;
use crate::host::Host;
use crate::incidents::call;
use crate::incidents::violations::Violations;
use crate::servicenow::requests::{self, INCIDENT};
use crate::servicenow::session::Session;
use diagnosis::{Answerer, diagnose};

/// Obtains a token and makes one cheap read.
pub fn authenticate(call: &Call, host: &mut dyn Host) -> AuthenticateOutcome {
    let mut violations = Violations::default();
    let checked = call::check(call, &mut violations);
    let checked = match violations.or_invalid_data(checked) {
        Ok(checked) => checked,
        Err(end) => return ended(end, Answerer::TableApi(None)),
    };
    let started_ms = host.now_ms();
    let mut session = match Session::open(&checked, started_ms, host) {
        Ok(session) => session,
        // Nothing but the token service was asked.
        Err(end) => return ended(end, Answerer::TokenService(None)),
    };
    let request = requests::list(&session.origin, INCIDENT, &[("sysparm_fields", "sys_id"), ("sysparm_limit", "1")]);
    match session.fetch(&request) {
        Ok(rows) => {
            let token = session.token.take();
            AuthenticateOutcome::Authenticated(Access {
                origin: session.origin.to_string(),
                scope: token.as_ref().and_then(|token| token.scope.clone()),
                expires_in: token.and_then(|token| token.expires_in),
                sees_incidents: !rows.records.is_empty(),
            })
        }
        Err(end) => ended(end, Answerer::TableApi(Some(session.grant_type))),
    }
}

/// Sorts an end: what tells something about the set-up is diagnosed, what the caller or the host decided is not.
fn ended(end: CallError, answerer: Answerer) -> AuthenticateOutcome {
    match end {
        // Authenticate has no input with declared choices.
        CallError::InvalidData(violations) | CallError::InvalidChoice(violations) => {
            AuthenticateOutcome::InvalidData(violations)
        }
        CallError::NoCredential(failure, grant_type) => diagnosed(failure, Answerer::TokenService(grant_type)),
        CallError::Rejected(failure) => diagnosed(failure, answerer),
        CallError::Timeout(failure) => AuthenticateOutcome::Timeout(failure),
        CallError::Error(failure) => match failure.reason {
            Reason::UnknownAuthorization | Reason::WrongInstance | Reason::DeniedByHost => {
                AuthenticateOutcome::Error(failure)
            }
            _ => diagnosed(failure, answerer),
        },
    }
}

fn diagnosed(failure: Failure, answerer: Answerer) -> AuthenticateOutcome {
    let (proven, causes) = diagnose(&failure, answerer);
    AuthenticateOutcome::NotAuthenticated(Diagnosis { failure, proven, causes })
}

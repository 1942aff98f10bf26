//! Create: safe to repeat by primary key.
//!
//! The key is derived from the authorization and the correlation id, and the instance refuses a second record with it.
//! A look-up before the create would prove nothing: a row may commit between the two.

use super::body::{self, Body};
use super::call::{self, ValidCall};
use super::choice_check::Mode;
use super::read_back;
use super::receipt::receipt;
use super::violations::Violations;
use crate::bindings::incidents::{CreateOptions, CreateOutcome, Made, Receipt, RequestBody};
use crate::bindings::types::{Call, Reason, WriteHappened};
use crate::failure::{CallError, failure};
use crate::host::Host;
use crate::servicenow::query::{EXPECTED_VALUE, is_value};
use crate::servicenow::session::Session;
use crate::servicenow::sys_id::{SysId, hex};
use crate::servicenow::table::{self, INCIDENT};
use crate::text::{contains, excerpt};

/// The dictionary's length of `correlation_id`: a longer one may be cut, and then no look-up finds it.
pub const MAX_CORRELATION_ID: usize = 100;

/// A create whose inputs are in order.
struct ValidCreate {
    call: ValidCall,
    body: Body,
    correlation_id: String,
    choices: Mode,
    display_values: bool,
}

/// Creates an incident.
pub fn create(call: &Call, body: &RequestBody, options: &CreateOptions, host: &mut dyn Host) -> CreateOutcome {
    create_after(call, body, options, None, host).0
}

/// Creates the incident that follows an earlier one with the same correlation id, which is closed: as safe to repeat, by a key
/// that the earlier one's goes into. And whether the answer was lost, so that a record that was found may be this create's own.
pub fn create_after(
    call: &Call,
    body: &RequestBody,
    options: &CreateOptions,
    earlier: Option<&SysId>,
    host: &mut dyn Host,
) -> (CreateOutcome, bool) {
    let started_ms = host.now_ms();
    let ended = check(call, body, options, host).and_then(|create| {
        run(&create, earlier, started_ms, host).map_err(|mut end| {
            if let Some(failure) = end.failure_mut() {
                failure.correlation_id = Some(create.correlation_id);
            }
            end
        })
    });
    match ended {
        Ok((receipt, was_lost)) => (CreateOutcome::IncidentCreated(receipt), was_lost),
        Err(end) => (end.into(), false),
    }
}

fn check(
    call: &Call,
    body: &RequestBody,
    options: &CreateOptions,
    host: &mut dyn Host,
) -> Result<ValidCreate, CallError> {
    let mut violations = Violations::default();
    let call = call::check(call, &mut violations);
    let body = body::check(body, &mut violations)?;
    let sent = body.as_ref().and_then(|body| body.value("correlation_id"));
    let correlation_id = match (options.correlation_id.as_deref(), sent) {
        (Some(given), Some(sent)) if given != sent => violations.refuse(
            "correlation_id",
            given,
            &format!("the same as in the request body, \"{}\", or only one of the two", excerpt(sent)),
        ),
        (Some(given), _) | (None, Some(given)) => check_correlation_id(given, &mut violations),
        (None, None) => Some(hex(&host.random())),
    };
    let choices = Mode::parse(options.choice_check.as_deref());
    let parsed = match (call, body, correlation_id) {
        (Some(call), Some(body), Some(correlation_id)) => Some((call, body, correlation_id)),
        _ => None,
    };
    let (call, body, correlation_id) = violations.or_invalid_data(parsed)?;
    let choices = choices.map_err(|violation| CallError::InvalidChoice(vec![violation]))?;
    Ok(ValidCreate { call, body, correlation_id, choices, display_values: options.input_display_values })
}

/// A correlation id that can be looked up again.
pub fn check_correlation_id(given: &str, violations: &mut Violations) -> Option<String> {
    if is_value(given) && given.chars().count() <= MAX_CORRELATION_ID && given.trim() == given {
        Some(given.to_string())
    } else {
        violations.refuse(
            "correlation_id",
            given,
            &format!("{EXPECTED_VALUE}; at most {MAX_CORRELATION_ID} characters, no spaces around it"),
        )
    }
}

fn run(
    create: &ValidCreate,
    earlier: Option<&SysId>,
    started_ms: u64,
    host: &mut dyn Host,
) -> Result<(Receipt, bool), CallError> {
    let sys_id = match earlier {
        None => SysId::derive(&create.call.authorization, &create.correlation_id),
        Some(earlier) => SysId::derive(earlier.as_str(), &create.correlation_id),
    };
    let mut added = vec![("sys_id", sys_id.as_str())];
    if create.body.value("correlation_id").is_none() {
        added.push(("correlation_id", &create.correlation_id));
    }
    let json = create.body.to_json(&added)?;
    let mut session = Session::open(&create.call, started_ms, host)?;
    create.choices.check(&create.body, create.display_values, &mut session)?;
    let request = table::insert(&session.origin, INCIDENT, json, create.display_values);
    let answered = session.fetch(&request).and_then(|rows| {
        let record = rows.records.into_iter().next().unwrap_or_default();
        receipt(&session.origin, &record, rows.payload, Made::Created, &create.body, create.display_values).ok_or_else(
            || {
                let mut failure = failure(
                    Reason::UnexpectedAnswer,
                    "ServiceNow answered 201 without the record's number and sys_id".to_string(),
                    WriteHappened::Yes,
                );
                failure.status = Some(201);
                CallError::Rejected(failure)
            },
        )
    });
    match answered {
        Ok(receipt) => Ok((receipt, false)),
        Err(end) => {
            let was_lost = end.is_unsettled_write();
            settle(end, create, &sys_id, &mut session).map(|receipt| (receipt, was_lost))
        }
    }
}

/// Reads the record back where the answer leaves open whether it is there: another create with this key won, or the
/// result of this one is unknown. What cannot be settled stays as it was.
fn settle(
    mut end: CallError,
    create: &ValidCreate,
    sys_id: &SysId,
    session: &mut Session<'_>,
) -> Result<Receipt, CallError> {
    if !end.is_unsettled_write() && !may_be_second(&end) {
        return Err(end);
    }
    let found = match read_back::created(session, sys_id, &create.correlation_id) {
        Ok(Some(found)) => found,
        Ok(None) | Err(_) => {
            if let Some(failure) = end.failure_mut().filter(|failure| failure.reason == Reason::Conflict) {
                // Whoever holds the key is not to be seen; it may be an earlier try of the same create.
                failure.write_happened = WriteHappened::Unknown;
                failure.retry = crate::bindings::types::Retry::LookUpFirst;
            }
            return Err(end);
        }
    };
    receipt(&session.origin, &found.record, found.payload, Made::Found, &create.body, create.display_values).ok_or(end)
}

/// Whether a refusal may mean that the record exists. The status and text of a refused second key are not documented,
/// so an insert refused for no reason of its own counts too.
fn may_be_second(end: &CallError) -> bool {
    let CallError::Rejected(failure) = end else { return false };
    let says_insert_failed =
        failure.detail.iter().chain([&failure.message]).any(|text| contains(text, "Error during insert"));
    failure.reason == Reason::Conflict || says_insert_failed
}

impl From<CallError> for CreateOutcome {
    fn from(end: CallError) -> Self {
        match end {
            CallError::InvalidData(violations) => CreateOutcome::InvalidData(violations),
            CallError::InvalidChoice(violations) => CreateOutcome::InvalidChoice(violations),
            CallError::Rejected(failure) => match failure.status {
                Some(400) => CreateOutcome::BadRequest(failure),
                Some(404) => CreateOutcome::NotFound(failure),
                _ => CreateOutcome::CreateIncidentFailure(failure),
            },
            CallError::Timeout(failure) => CreateOutcome::Timeout(failure),
            CallError::NoCredential(failure, _) | CallError::Error(failure) => CreateOutcome::Error(failure),
        }
    }
}

//! Create: safe to repeat by primary key.
//!
//! The key is derived from the authorization and the correlation id, and the instance refuses a second record with it.
//! A look-up before the create would prove nothing: a row may commit between the two.

use super::body::{self, Body};
use super::call::{self, ValidCall};
use super::choice_check::ChoiceCheck;
use super::inputs::check_correlation_id;
use super::read_back;
use super::receipt::receipt;
use super::violations::Violations;
use crate::bindings::incidents::{CreateOptions, CreateOutcome, Made, Receipt, RequestBody};
use crate::bindings::types::{Call, Reason, Retry, WriteHappened};
use crate::encoding::hex;
use crate::failure::{CallError, failure};
use crate::host::Host;
use crate::outcome_of_errors;
use crate::servicenow::record::Record;
use crate::servicenow::requests::{self, INCIDENT};
use crate::servicenow::session::Session;
use crate::servicenow::sys_id::SysId;
use crate::text::{contains, excerpt};
use std::mem;

/// A create whose inputs are in order.
pub struct ValidCreate {
    body: Body,
    json: String,
    sys_id: SysId,
    correlation_id: String,
    choices: ChoiceCheck,
    display_values: bool,
}

/// A record that a create made or found.
pub struct Created {
    /// Its receipt.
    pub receipt: Receipt,
    /// Whether the answer to the write was lost: a record that was found may then be this create's own.
    pub was_lost: bool,
}

/// Creates an incident.
pub fn create(call: &Call, body: &RequestBody, options: &CreateOptions, host: &mut dyn Host) -> CreateOutcome {
    let started_ms = host.now_ms();
    let (call, create) = match check(call, body, options, host) {
        Ok(valid) => valid,
        Err(error) => return error.into(),
    };
    let correlation_id = create.correlation_id.clone();
    match Session::open(&call, started_ms, host).and_then(|mut session| create.run(&mut session)) {
        Ok(created) => CreateOutcome::IncidentCreated(created.receipt),
        Err(error) => error.about(correlation_id).into(),
    }
}

fn check(
    call: &Call,
    body: &RequestBody,
    options: &CreateOptions,
    host: &mut dyn Host,
) -> Result<(ValidCall, ValidCreate), CallError> {
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
    let choices = ChoiceCheck::parse(options.choice_check.as_deref());
    let parsed = match (call, body, correlation_id) {
        (Some(call), Some(body), Some(correlation_id)) => Some((call, body, correlation_id)),
        _ => None,
    };
    let (call, body, correlation_id) = violations.or_invalid_data(parsed)?;
    let choices = choices.map_err(|violation| CallError::InvalidChoice(vec![violation]))?;
    let sys_id = SysId::derive(&call.authorization, &correlation_id);
    let create = ValidCreate::new(body, sys_id, correlation_id)?;
    Ok((call, ValidCreate { choices, display_values: options.input_display_values, ..create }))
}

impl ValidCreate {
    /// A create of these columns with this key. The error is a body that is too large.
    pub fn new(body: Body, sys_id: SysId, correlation_id: String) -> Result<Self, CallError> {
        let mut added = vec![("sys_id", sys_id.as_str())];
        if body.value("correlation_id").is_none() {
            added.push(("correlation_id", &correlation_id));
        }
        let json = body.to_json(&added)?;
        Ok(Self { body, json, sys_id, correlation_id, choices: ChoiceCheck::Off, display_values: false })
    }

    /// Writes the record, or finds the one that an earlier create with this key made.
    pub fn run(mut self, session: &mut Session<'_>) -> Result<Created, CallError> {
        self.choices.check(&self.body, self.display_values, session)?;
        let json = mem::take(&mut self.json);
        let request = requests::insert(&session.origin, INCIDENT, json, self.display_values);
        let written = session.fetch(&request).and_then(|rows| {
            let record = rows.records.into_iter().next().unwrap_or_default();
            self.receipt(session, &record, rows.payload, Made::Created).ok_or_else(|| {
                let message = "ServiceNow answered 201 without the record's number and sys_id".to_string();
                let mut failure = failure(Reason::UnexpectedAnswer, message, WriteHappened::Yes);
                failure.status = Some(201);
                CallError::Rejected(failure)
            })
        });
        match written {
            Ok(receipt) => Ok(Created { receipt, was_lost: false }),
            Err(error) => {
                let was_lost = error.is_unsettled_write();
                self.settle(error, session).map(|receipt| Created { receipt, was_lost })
            }
        }
    }

    /// Reads the record back where the answer leaves open whether it is there: another create with this key won, or the
    /// result of this one is unknown. What cannot be settled stays as it was.
    fn settle(&self, mut error: CallError, session: &mut Session<'_>) -> Result<Receipt, CallError> {
        if !error.is_unsettled_write() && !may_be_second(&error) {
            return Err(error);
        }
        let found = match read_back::created(session, &self.sys_id, &self.correlation_id) {
            Ok(Some(found)) => found,
            Ok(None) | Err(_) => {
                if let Some(failure) = error.failure_mut().filter(|failure| failure.reason == Reason::Conflict) {
                    // The record that holds the key is not visible; it may be an earlier try of the same create.
                    failure.write_happened = WriteHappened::Unknown;
                    failure.retry = Retry::LookUpFirst;
                }
                return Err(error);
            }
        };
        self.receipt(session, &found.record, found.payload, Made::Found).ok_or(error)
    }

    fn receipt(&self, session: &Session<'_>, record: &Record, payload: String, made: Made) -> Option<Receipt> {
        receipt(&session.origin, record, payload, made, &self.body, self.display_values)
    }
}

/// Whether a refusal may mean that the record exists. The status and text of a refused second key are not documented,
/// so an insert refused for no reason of its own counts too.
fn may_be_second(error: &CallError) -> bool {
    let CallError::Rejected(failure) = error else { return false };
    let says_insert_failed =
        failure.detail.iter().chain([&failure.message]).any(|text| contains(text, "Error during insert"));
    failure.reason == Reason::Conflict || says_insert_failed
}

outcome_of_errors!(CreateOutcome {
    choice => InvalidChoice,
    no_credential => Error,
    400 => BadRequest,
    404 => NotFound,
    rejected => CreateIncidentFailure,
});

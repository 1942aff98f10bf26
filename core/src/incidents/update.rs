//! Update: sent once. A lost answer is settled by reading the record back, never by sending again.

use super::body::{self, Body};
use super::call::{self, ValidCall};
use super::choice_check::ChoiceCheck;
use super::inputs::check_sys_id;
use super::read_back;
use super::receipt::receipt;
use super::violations::Violations;
use crate::bindings::incidents::{Made, Receipt, RequestBody, Stored, UpdateOptions, UpdateOutcome};
use crate::bindings::types::{Call, Reason, WriteHappened};
use crate::failure::{CallError, failure};
use crate::host::Host;
use crate::outcome_of_errors;
use crate::servicenow::record::Record;
use crate::servicenow::requests::{self, INCIDENT};
use crate::servicenow::session::Session;
use crate::servicenow::sys_id::SysId;
use std::mem;

/// An update whose inputs are in order.
pub struct ValidUpdate {
    body: Body,
    json: String,
    sys_id: SysId,
    choices: ChoiceCheck,
    display_values: bool,
}

/// Updates an incident.
pub fn update(
    call: &Call,
    sys_id: &str,
    body: &RequestBody,
    options: &UpdateOptions,
    host: &mut dyn Host,
) -> UpdateOutcome {
    let started_ms = host.now_ms();
    let updated = check(call, sys_id, body, options)
        .and_then(|(call, update)| update.run(&mut Session::open(&call, started_ms, host)?));
    match updated {
        Ok(receipt) => UpdateOutcome::IncidentUpdateSuccess(receipt),
        Err(error) => error.into(),
    }
}

fn check(
    call: &Call,
    sys_id: &str,
    body: &RequestBody,
    options: &UpdateOptions,
) -> Result<(ValidCall, ValidUpdate), CallError> {
    let mut violations = Violations::default();
    let call = call::check(call, &mut violations);
    let sys_id = check_sys_id(sys_id, &mut violations);
    let body = body::check(body, &mut violations)?;
    let choices = ChoiceCheck::parse(options.choice_check.as_deref());
    let parsed = match (call, sys_id, body) {
        (Some(call), Some(sys_id), Some(body)) => Some((call, sys_id, body)),
        _ => None,
    };
    let (call, sys_id, body) = violations.or_invalid_data(parsed)?;
    let choices = choices.map_err(|violation| CallError::InvalidChoice(vec![violation]))?;
    let update = ValidUpdate::new(body, sys_id)?;
    Ok((call, ValidUpdate { choices, display_values: options.input_display_values, ..update }))
}

impl ValidUpdate {
    /// An update of these columns. The error is a body that is too large.
    pub fn new(body: Body, sys_id: SysId) -> Result<Self, CallError> {
        let json = body.to_json(&[])?;
        Ok(Self { body, json, sys_id, choices: ChoiceCheck::Off, display_values: false })
    }

    /// Writes the columns, once.
    pub fn run(mut self, session: &mut Session<'_>) -> Result<Receipt, CallError> {
        self.choices.check(&self.body, self.display_values, session)?;
        let json = mem::take(&mut self.json);
        let request = requests::patch(&session.origin, INCIDENT, &self.sys_id, json, self.display_values);
        match session.fetch(&request) {
            Ok(rows) => {
                let record = rows.records.into_iter().next().unwrap_or_default();
                if record.value("sys_id") != Some(self.sys_id.as_str()) {
                    let message = "ServiceNow answered 200 with another record than the one to update";
                    return Err(wrong_answer(Reason::WrongRecord, message, WriteHappened::Unknown));
                }
                self.receipt(session, &record, rows.payload, Made::Updated).ok_or_else(|| {
                    let message = "ServiceNow answered 200 with the record, but without its number";
                    wrong_answer(Reason::UnexpectedAnswer, message, WriteHappened::Yes)
                })
            }
            Err(error) if error.is_unsettled_write() => self.confirm(session).ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// The record read back, if every column that was sent is in it.
    fn confirm(&self, session: &mut Session<'_>) -> Option<Receipt> {
        let found = read_back::by_key(session, &self.sys_id).ok()??;
        self.receipt(session, &found.record, found.payload, Made::ConfirmedByReading)
            .filter(|receipt| receipt.columns.iter().all(|column| column.stored == Stored::Stored))
    }

    fn receipt(&self, session: &Session<'_>, record: &Record, payload: String, made: Made) -> Option<Receipt> {
        receipt(&session.origin, record, payload, made, &self.body, self.display_values)
    }
}

fn wrong_answer(reason: Reason, message: &str, written: WriteHappened) -> CallError {
    let mut failure = failure(reason, message.to_string(), written);
    failure.status = Some(200);
    CallError::Rejected(failure)
}

outcome_of_errors!(UpdateOutcome {
    choice => InvalidChoice,
    no_credential => Error,
    400 => BadRequest,
    404 => IncidentNotFound,
    rejected => IncidentUpdateFailure,
});

//! Update: sent once. A lost answer is settled by reading the record back, never by sending again.

use super::body::{self, Body};
use super::call::{self, ValidCall};
use super::choice_check::Mode;
use super::read_back;
use super::receipt::receipt;
use super::violations::Violations;
use crate::bindings::incidents::{Made, Receipt, RequestBody, Stored, UpdateOptions, UpdateOutcome};
use crate::bindings::types::{Call, Reason, WriteHappened};
use crate::failure::{CallError, failure};
use crate::host::Host;
use crate::servicenow::session::Session;
use crate::servicenow::sys_id::SysId;
use crate::servicenow::table::{self, INCIDENT};

/// What a sys_id must be.
pub const EXPECTED_SYS_ID: &str = "32 hexadecimal digits, the sys_id that create and get return";

/// An update whose inputs are in order.
struct ValidUpdate {
    call: ValidCall,
    sys_id: SysId,
    body: Body,
    choices: Mode,
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
    match check(call, sys_id, body, options).and_then(|update| run(&update, started_ms, host)) {
        Ok(receipt) => UpdateOutcome::IncidentUpdateSuccess(receipt),
        Err(end) => end.into(),
    }
}

fn check(call: &Call, sys_id: &str, body: &RequestBody, options: &UpdateOptions) -> Result<ValidUpdate, CallError> {
    let mut violations = Violations::default();
    let call = call::check(call, &mut violations);
    let sys_id = SysId::parse(sys_id).or_else(|| violations.refuse("sys_id", sys_id, EXPECTED_SYS_ID));
    let body = body::check(body, &mut violations)?;
    let choices = Mode::parse(options.choice_check.as_deref());
    let parsed = match (call, sys_id, body) {
        (Some(call), Some(sys_id), Some(body)) => Some((call, sys_id, body)),
        _ => None,
    };
    let (call, sys_id, body) = violations.or_invalid_data(parsed)?;
    let choices = choices.map_err(|violation| CallError::InvalidChoice(vec![violation]))?;
    Ok(ValidUpdate { call, sys_id, body, choices, display_values: options.input_display_values })
}

fn run(update: &ValidUpdate, started_ms: u64, host: &mut dyn Host) -> Result<Receipt, CallError> {
    let json = update.body.to_json(&[])?;
    let mut session = Session::open(&update.call, started_ms, host)?;
    update.choices.check(&update.body, update.display_values, &mut session)?;
    let request = table::patch(&session.origin, INCIDENT, &update.sys_id, json, update.display_values);
    match session.fetch(&request) {
        Ok(rows) => {
            let record = rows.records.into_iter().next().unwrap_or_default();
            if record.value("sys_id") != Some(update.sys_id.as_str()) {
                let message = "ServiceNow answered 200 with another record than the one to update";
                return Err(wrong_answer(Reason::WrongRecord, message, WriteHappened::Unknown));
            }
            receipt(&session.origin, &record, rows.payload, Made::Updated, &update.body, update.display_values)
                .ok_or_else(|| {
                    let message = "ServiceNow answered 200 with the record, but without its number";
                    wrong_answer(Reason::UnexpectedAnswer, message, WriteHappened::Yes)
                })
        }
        Err(end) if end.is_unsettled_write() => confirm(update, &mut session).ok_or(end),
        Err(end) => Err(end),
    }
}

/// The record read back, if every column that was sent is in it.
fn confirm(update: &ValidUpdate, session: &mut Session<'_>) -> Option<Receipt> {
    let found = read_back::by_key(session, &update.sys_id).ok()??;
    receipt(
        &session.origin,
        &found.record,
        found.payload,
        Made::ConfirmedByReading,
        &update.body,
        update.display_values,
    )
    .filter(|receipt| receipt.columns.iter().all(|column| column.stored == Stored::Stored))
}

fn wrong_answer(reason: Reason, message: &str, written: WriteHappened) -> CallError {
    let mut failure = failure(reason, message.to_string(), written);
    failure.status = Some(200);
    CallError::Rejected(failure)
}

impl From<CallError> for UpdateOutcome {
    fn from(end: CallError) -> Self {
        match end {
            CallError::InvalidData(violations) => UpdateOutcome::InvalidData(violations),
            CallError::InvalidChoice(violations) => UpdateOutcome::InvalidChoice(violations),
            CallError::Rejected(failure) => match failure.status {
                Some(400) => UpdateOutcome::BadRequest(failure),
                Some(404) => UpdateOutcome::IncidentNotFound(failure),
                _ => UpdateOutcome::IncidentUpdateFailure(failure),
            },
            CallError::Timeout(failure) => UpdateOutcome::Timeout(failure),
            CallError::NoCredential(failure, _) | CallError::Error(failure) => UpdateOutcome::Error(failure),
        }
    }
}

//! Update: sent once. A lost answer is settled by reading the record back, never by sending again.

use super::body::{self, Body};
use super::call::{self, Checked};
use super::choice_check::Mode;
use super::read_back;
use super::receipt::receipt;
use super::violations::Violations;
use crate::bindings::incidents::{Made, Receipt, RequestBody, Stored, UpdateOptions, UpdateOutcome};
use crate::bindings::types::{Call, Reason, WriteHappened};
use crate::failure::{Effect, End, failure};
use crate::host::Host;
use crate::servicenow::session::Session;
use crate::servicenow::sys_id::SysId;
use crate::servicenow::table;

/// What a sys_id must be.
pub const EXPECTED_SYS_ID: &str = "32 hexadecimal digits, the sys_id that create and get return";

/// An update whose inputs are in order.
struct Draft {
    call: Checked,
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
    match check(call, sys_id, body, options).and_then(|draft| run(&draft, host)) {
        Ok(receipt) => UpdateOutcome::IncidentUpdateSuccess(receipt),
        Err(end) => end.into(),
    }
}

fn check(call: &Call, sys_id: &str, body: &RequestBody, options: &UpdateOptions) -> Result<Draft, End> {
    let mut violations = Violations::default();
    let call = call::check(call, &mut violations);
    let sys_id = SysId::parse(sys_id).or_else(|| violations.refuse("sys_id", sys_id, EXPECTED_SYS_ID));
    let body = body::check(body, &mut violations)?;
    let choices = Mode::parse(options.choice_check.as_deref());
    let parsed = call.zip(sys_id).zip(body);
    let ((call, sys_id), body) = violations.or_invalid_data(parsed)?;
    let choices = choices.map_err(|violation| End::InvalidChoice(vec![violation]))?;
    Ok(Draft { call, sys_id, body, choices, display_values: options.input_display_values })
}

fn run(draft: &Draft, host: &mut dyn Host) -> Result<Receipt, End> {
    let mut session = Session::open(&draft.call, host)?;
    draft.choices.check(&draft.body, draft.display_values, &mut session)?;
    let request = table::patch(&session.origin, &draft.sys_id, draft.body.to_json(&[]), draft.display_values);
    match session.fetch(&request, 200, Effect::Writes) {
        Ok(rows) => {
            let record = rows.records.first().filter(|record| record.value("sys_id") == Some(draft.sys_id.as_str()));
            record
                .and_then(|record| {
                    receipt(
                        &session.origin,
                        record,
                        rows.payload.clone(),
                        Made::Updated,
                        &draft.body,
                        draft.display_values,
                    )
                })
                .ok_or_else(wrong_record)
        }
        Err(end) if end.is_unsettled_write() => confirm(draft, &mut session).ok_or(end),
        Err(end) => Err(end),
    }
}

/// The record read back, if every column that was sent is in it.
fn confirm(draft: &Draft, session: &mut Session<'_>) -> Option<Receipt> {
    let found = read_back::by_key(session, &draft.sys_id).ok()??;
    receipt(&session.origin, &found.record, found.payload, Made::ConfirmedByReading, &draft.body, draft.display_values)
        .filter(|receipt| receipt.columns.iter().all(|column| column.stored == Stored::Stored))
}

fn wrong_record() -> End {
    let message = "ServiceNow answered 200 with another record than the one to update".to_string();
    let mut failure = failure(Reason::WrongRecord, message, WriteHappened::Unknown);
    failure.status = Some(200);
    End::Answered(failure)
}

impl From<End> for UpdateOutcome {
    fn from(end: End) -> Self {
        match end {
            End::InvalidData(violations) => UpdateOutcome::InvalidData(violations),
            End::InvalidChoice(violations) => UpdateOutcome::InvalidChoice(violations),
            End::Answered(failure) => match failure.status {
                Some(400) => UpdateOutcome::BadRequest(failure),
                Some(404) => UpdateOutcome::IncidentNotFound(failure),
                _ => UpdateOutcome::IncidentUpdateFailure(failure),
            },
            End::Timeout(failure) => UpdateOutcome::Timeout(failure),
            End::NoToken(failure, _) | End::Error(failure) => UpdateOutcome::Error(failure),
        }
    }
}

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
use crate::servicenow::table::{self, INCIDENT};

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
    let started_ms = host.now_ms();
    match check(call, sys_id, body, options).and_then(|draft| run(&draft, started_ms, host)) {
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
    let parsed = match (call, sys_id, body) {
        (Some(call), Some(sys_id), Some(body)) => Some((call, sys_id, body)),
        _ => None,
    };
    let (call, sys_id, body) = violations.or_invalid_data(parsed)?;
    let choices = choices.map_err(|violation| End::InvalidChoice(vec![violation]))?;
    Ok(Draft { call, sys_id, body, choices, display_values: options.input_display_values })
}

fn run(draft: &Draft, started_ms: u64, host: &mut dyn Host) -> Result<Receipt, End> {
    let json = draft.body.to_json(&[])?;
    let mut session = Session::open(&draft.call, started_ms, host)?;
    draft.choices.check(&draft.body, draft.display_values, &mut session)?;
    let request = table::patch(&session.origin, INCIDENT, &draft.sys_id, json, draft.display_values);
    match session.fetch(&request, 200, Effect::Writes) {
        Ok(rows) => {
            let record = rows.records.into_iter().next().unwrap_or_default();
            if record.value("sys_id") != Some(draft.sys_id.as_str()) {
                let message = "ServiceNow answered 200 with another record than the one to update";
                return Err(wrong_answer(Reason::WrongRecord, message, WriteHappened::Unknown));
            }
            receipt(&session.origin, &record, rows.payload, Made::Updated, &draft.body, draft.display_values)
                .ok_or_else(|| {
                    let message = "ServiceNow answered 200 with the record, but without its number";
                    wrong_answer(Reason::UnexpectedAnswer, message, WriteHappened::Yes)
                })
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

fn wrong_answer(reason: Reason, message: &str, written: WriteHappened) -> End {
    let mut failure = failure(reason, message.to_string(), written);
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

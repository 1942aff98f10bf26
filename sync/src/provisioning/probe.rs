//! A harmless change, to see it delivered: one cancelled incident is made for it.

use super::set_up;
use crate::bindings::provisioning::{ProbeOutcome, Settings, TestChange};
use servicenow_core::bindings::types::{Call, Reason, WriteHappened};
use servicenow_core::encoding::hex;
use servicenow_core::failure::{CallError, failure};
use servicenow_core::host::Host;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::json;
use servicenow_core::outcome_of_errors;
use servicenow_core::servicenow::requests::{self, INCIDENT};
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;
use servicenow_core::set_up::{by_key, test_incident};

/// Changes the incident, or makes it.
pub fn probe(call: &Call, settings: &Settings, host: &mut dyn Host) -> ProbeOutcome {
    change(call, settings, host).map_or_else(ProbeOutcome::from, ProbeOutcome::Changed)
}

fn change(call: &Call, settings: &Settings, host: &mut dyn Host) -> Result<TestChange, CallError> {
    let started_ms = host.now_ms();
    let checked = super::check(call, settings)?;
    if !settings.tables.is_empty() && !settings.tables.iter().any(|table| table == INCIDENT) {
        let mut violations = Violations::default();
        violations.add("tables", &settings.tables.join(", "), "incident among them: the test changes an incident");
        return violations.or_invalid_data(None);
    }
    let nonce = hex(&host.random()[..8]);
    let mut session = Session::open(&checked, started_ms, host)?;
    let key = test_incident(&set_up(settings));
    let description = format!("Made by {} to test deliveries. Last test: {nonce}", settings.product);
    let title = format!("{}: test of deliveries", settings.product);
    let answered = if made(&key, &mut session)?.is_some() {
        let body = json::object([("description", description.as_str())].into_iter());
        session.fetch(&requests::patch(&session.origin, INCIDENT, &key, body, false))?
    } else {
        let columns = [
            ("sys_id", key.as_str()),
            ("short_description", title.as_str()),
            ("description", description.as_str()),
            ("impact", "3"),
            ("urgency", "3"),
            ("state", "8"),
        ];
        session.fetch(&requests::insert(&session.origin, INCIDENT, json::object(columns.into_iter()), false))?
    };
    let changed = answered.records.first().and_then(|record| {
        Some(TestChange {
            number: record.text("number"),
            sys_id: record.value("sys_id")?.to_string(),
            version: record.value("sys_mod_count")?.parse().ok()?,
        })
    });
    changed.ok_or_else(|| {
        let message = "ServiceNow answered without the incident's key and version".to_string();
        CallError::Rejected(failure(Reason::UnexpectedAnswer, message, WriteHappened::Yes))
    })
}

/// The number of the incident, where it was made.
pub fn made(key: &SysId, session: &mut Session<'_>) -> Result<Option<String>, CallError> {
    let query = by_key(key);
    let parameters = [("sysparm_query", query.as_str()), ("sysparm_limit", "1")];
    let there = session.fetch(&requests::list(&session.origin, INCIDENT, &parameters))?;
    let found = there.records.iter().find(|record| record.value("sys_id") == Some(key.as_str()));
    Ok(found.map(|record| record.text("number")))
}

outcome_of_errors!(ProbeOutcome {
    choice => InvalidData,
    no_credential => AuthorizationFail,
    401 => AuthorizationFail,
    rejected => ProbeFailure,
});

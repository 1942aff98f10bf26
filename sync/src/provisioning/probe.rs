//! A harmless change, to see it delivered: one cancelled incident is made for it.

use super::present::{Seen, hidden};
use super::set_up;
use crate::bindings::provisioning::{ProbeOutcome, Settings, TestChange};
use servicenow_core::bindings::types::{Call, Reason, WriteHappened};
use servicenow_core::encoding::hex;
use servicenow_core::failure::{CallError, failure};
use servicenow_core::host::Host;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::json;
use servicenow_core::outcome_of_errors;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::requests::{self, INCIDENT};
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;
use servicenow_core::set_up::TestIncident;

/// More test incidents than anybody makes.
const LIMIT: &str = "20";
const MAX_ROWS: u64 = 20;

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
    let test = TestIncident::of(&set_up(settings));
    let description = format!("{} Last test: {nonce}", test.mark);
    let answered = if let Some((key, _)) = made(&test, &mut Seen::default(), &mut session)?.into_iter().next() {
        let body = json::object([("description", description.as_str())].into_iter());
        session.fetch(&requests::patch(&session.origin, INCIDENT, &key, body, false))?
    } else {
        let columns = [
            ("sys_id", test.key.as_str()),
            ("short_description", test.title.as_str()),
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

/// The incidents that tests made, with their numbers: one, or several where the instance takes no key.
pub fn made(
    test: &TestIncident,
    seen: &mut Seen,
    session: &mut Session<'_>,
) -> Result<Vec<(SysId, String)>, CallError> {
    let query = test.query();
    let parameters = [("sysparm_query", query.as_str()), ("sysparm_limit", LIMIT)];
    let there = session.fetch(&requests::list(&session.origin, INCIDENT, &parameters))?;
    // An instance may have no incident at all: its count is what tells.
    let shown = there.records.len() as u64;
    let are_some_hidden = shown < MAX_ROWS && there.total.is_some_and(|total| total > shown);
    if are_some_hidden || shown == 0 && there.total != Some(0) && !seen.sees(INCIDENT, session)? {
        return Err(hidden(INCIDENT));
    }
    let is_test = |record: &&Record| {
        let text = |name: &str| record.text(name);
        test.is(&text("sys_id"), &text("short_description"), &text("description"))
    };
    let tests = there.records.iter().filter(is_test);
    Ok(tests.filter_map(|record| Some((SysId::parse(record.value("sys_id")?)?, record.text("number")))).collect())
}

outcome_of_errors!(ProbeOutcome {
    choice => InvalidData,
    no_credential => AuthorizationFail,
    401 => AuthorizationFail,
    rejected => ProbeFailure,
});

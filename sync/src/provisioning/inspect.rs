//! The set-up as it is.

use super::present::{self, Present, Seen};
use super::{artifact, set_up};
use crate::bindings::provisioning::{ArtifactState, InspectOutcome, Inspection, LoggedDelivery, Settings};
use servicenow_core::bindings::types::{Call, Reason};
use servicenow_core::failure::CallError;
use servicenow_core::host::Host;
use servicenow_core::outcome_of_errors;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::session::Session;
use servicenow_core::set_up::{
    OUTBOUND_LOGS, SetUp, Wanted, delivery_address, delivery_query, mark, marked_query, wanted,
};

/// How many deliveries are shown.
const DELIVERIES: &str = "10";

/// Inspects a set-up.
pub fn inspect(call: &Call, settings: &Settings, host: &mut dyn Host) -> InspectOutcome {
    read(call, settings, host).map_or_else(InspectOutcome::from, InspectOutcome::Inspected)
}

fn read(call: &Call, settings: &Settings, host: &mut dyn Host) -> Result<Inspection, CallError> {
    let started_ms = host.now_ms();
    let checked = super::check(call, settings)?;
    let mut session = Session::open(&checked, started_ms, host)?;
    let mut seen = Inspection {
        artifacts: Vec::new(),
        legacy: Vec::new(),
        orphans: Vec::new(),
        missing_roles: Vec::new(),
        deliveries: Vec::new(),
    };
    let set_up = set_up(settings);
    let wanted = wanted(&set_up);
    let mut shown = Seen::default();
    for wanted in &wanted {
        match readable(present::find(wanted, &set_up, &mut shown, &mut session))? {
            Ok(present) => {
                seen.orphans.extend(copies(wanted, &present));
                seen.artifacts.push(state(wanted, present));
            }
            Err(whose) => missing(&mut seen, wanted.table, whose),
        }
    }
    for (record, listed) in set_up.legacy.iter().zip(&settings.legacy) {
        match readable(present::legacy(record, &mut shown, &mut session))? {
            Ok(found) => seen.legacy.extend(found.keys.iter().map(|_| listed.clone())),
            Err(whose) => missing(&mut seen, record.table, whose),
        }
    }
    seen.orphans.extend(orphans(&set_up, &wanted, &mut session)?);
    seen.deliveries = deliveries(settings, &mut session)?;
    Ok(seen)
}

/// Who does not let a table be read.
#[derive(Clone, Copy, PartialEq)]
enum Refusal {
    /// The instance, to this user.
    Instance,
    /// The host, by what the authorization allows.
    Host,
}

/// What was read, or who did not allow it.
fn readable<T>(read: Result<T, CallError>) -> Result<Result<T, Refusal>, CallError> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(CallError::Rejected(failure)) if failure.reason == Reason::Forbidden => Ok(Err(Refusal::Instance)),
        Err(CallError::Error(failure)) if failure.reason == Reason::DeniedByHost => Ok(Err(Refusal::Host)),
        Err(end) => Err(end),
    }
}

fn missing(seen: &mut Inspection, table: &str, whose: Refusal) {
    let missing = match whose {
        Refusal::Instance => format!("{table}: {}", present::role(table)),
        Refusal::Host => format!("{table}: no role, but \"provisioning\" among the authorization's allowed-calls"),
    };
    if !seen.missing_roles.contains(&missing) {
        seen.missing_roles.push(missing);
    }
}

/// What somebody copied of a record.
fn copies(wanted: &Wanted, present: &Present) -> Vec<String> {
    let Present::Ours(kept) = present else { return Vec::new() };
    kept.copies.iter().map(|key| format!("{}: {}, a copy with the key {key}", wanted.table, wanted.name)).collect()
}

fn state(wanted: &Wanted, present: Present) -> ArtifactState {
    let nothing = ArtifactState {
        artifact: artifact(wanted.kind),
        name: wanted.name.clone(),
        sys_id: None,
        version: None,
        active: false,
        drifted: Vec::new(),
    };
    match present {
        Present::Nothing => nothing,
        Present::Foreign => ArtifactState { drifted: vec![wanted.mark_column.to_string()], ..nothing },
        Present::Ours(kept) => ArtifactState {
            sys_id: Some(kept.key.to_string()),
            version: Some(kept.version.clone()),
            active: kept.active == "true",
            drifted: present::drifted(wanted, &kept).into_iter().map(str::to_string).collect(),
            ..nothing
        },
    }
}

/// Records that carry the product's mark under another name.
fn orphans(set_up: &SetUp, wanted: &[Wanted], session: &mut Session<'_>) -> Result<Vec<String>, CallError> {
    let mut orphans = Vec::new();
    for (from, column) in [
        ("sys_properties", "description"),
        ("sys_script", "description"),
        ("sys_script_include", "description"),
        ("sys_ui_action", "comments"),
    ] {
        let query = marked_query(set_up, column);
        let parameters = [("sysparm_query", query.as_str()), ("sysparm_limit", "100")];
        let rows = session.fetch(&requests::list(&session.origin, from, &parameters));
        let Ok(rows) = readable(rows)? else { continue };
        let marked = rows.records.iter().filter(|record| record.text(column).starts_with(&mark(set_up)));
        let is_wanted = |record: &&Record| {
            wanted.iter().filter(|wanted| wanted.table == from).any(|wanted| {
                record.value("name") == Some(wanted.name.as_str())
                    || record.value("sys_id") == Some(wanted.key(set_up).as_str())
            })
        };
        orphans.extend(
            marked.filter(|record| !is_wanted(record)).map(|record| format!("{from}: {}", record.text("name"))),
        );
    }
    Ok(orphans)
}

/// The last deliveries to the callback address.
fn deliveries(settings: &Settings, session: &mut Session<'_>) -> Result<Vec<LoggedDelivery>, CallError> {
    let (address, query) = (delivery_address(&settings.callback_url), delivery_query(&settings.callback_url));
    for log in OUTBOUND_LOGS {
        let parameters = [("sysparm_query", query.as_str()), ("sysparm_limit", DELIVERIES)];
        let rows = match session.fetch(&requests::list(&session.origin, log, &parameters)) {
            // The instance has no such table.
            Err(CallError::Rejected(failure)) if failure.status == Some(400) => continue,
            rows => readable(rows)?,
        };
        let Ok(rows) = rows else { return Ok(Vec::new()) };
        let sent = rows.records.iter().filter(|record| record.text("url").starts_with(address));
        return Ok(sent
            .map(|record| LoggedDelivery { at: record.text("sys_created_on"), status: record.text("response_status") })
            .collect());
    }
    Ok(Vec::new())
}

outcome_of_errors!(InspectOutcome {
    choice => InvalidData,
    no_credential => AuthorizationFail,
    401 => AuthorizationFail,
    rejected => InspectFailure,
});

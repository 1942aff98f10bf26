//! What the instance does to a task and to an incident: defaults, the priority matrix, the mirrored state, and the data
//! policy on resolving (docs/servicenow-api.md 4).

use super::api_errors::Refused;
use crate::tables::Row;
use crate::tables::dictionary;

/// What a new task has where nothing is sent.
const TASK_DEFAULTS: [(&str, &str); 13] = [
    ("state", "1"),
    ("impact", "3"),
    ("urgency", "3"),
    ("escalation", "0"),
    ("approval", "not requested"),
    ("upon_reject", "cancel"),
    ("upon_approval", "proceed"),
    ("active", "true"),
    ("made_sla", "true"),
    ("knowledge", "false"),
    ("reassignment_count", "0"),
    ("sys_domain", "global"),
    ("sys_domain_path", "/"),
];

/// What a new incident has beside.
const INCIDENT_DEFAULTS: [(&str, &str); 5] =
    [("severity", "3"), ("notify", "1"), ("category", "inquiry"), ("reopen_count", "0"), ("child_incidents", "0")];

/// The defaults of a table's new record.
pub fn defaults(table: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_task = table == "task" || dictionary::table(table).is_some_and(|table| table.parent == Some("task"));
    let task = TASK_DEFAULTS.into_iter().filter(move |_| is_task);
    let is_incident = table == "incident";
    task.chain(INCIDENT_DEFAULTS.into_iter().filter(move |_| is_incident))
}

/// What follows from what was written to an incident. `now` and `user` stamp it.
pub fn settle(before: &Row, row: &mut Row, now: &str, user: &str) -> Result<(), Refused> {
    let changed = |row: &Row, name: &str| row[name] != before[name] && !row[name].is_empty();
    let is_new = before["sys_id"].is_empty();
    // The two states mirror each other; whichever was written leads.
    if changed(row, "incident_state") && (is_new || !changed(row, "state")) {
        row.set("state", &row["incident_state"].to_string()[..]);
    }
    let state = row["state"].to_string();
    row.set("incident_state", state.as_str());
    row.set("priority", priority(&row["impact"], &row["urgency"]).to_string());
    let is_done = |state: &str| matches!(state, "6" | "7");
    if is_done(&state) && (row["close_code"].is_empty() || row["close_notes"].is_empty()) {
        return Err(Refused::DataPolicy);
    }
    let old = &before["state"];
    if state != *old && state == "6" {
        row.set("resolved_by", user);
        row.set("resolved_at", now);
    }
    if state != *old && state == "7" {
        row.set("closed_by", user);
        row.set("closed_at", now);
    }
    if is_done(old) && !is_done(&state) && state != "8" {
        row.set("reopened_by", user);
        row.set("reopened_time", now);
        row.add("reopen_count", 1);
    }
    row.set("active", (!matches!(state.as_str(), "7" | "8")).to_string());
    if state != "3" {
        row.set("hold_reason", "");
    }
    if !is_new
        && !old.is_empty()
        && row["assignment_group"] != before["assignment_group"]
        && !before["assignment_group"].is_empty()
    {
        row.add("reassignment_count", 1);
    }
    Ok(())
}

/// What follows from a caller's answer: the incident is on hold no more (docs/servicenow-api.md 4).
pub fn answered(table: &str, before: &Row, row: &mut Row, user: &str) {
    let is_on_hold = |row: &Row| &row["state"] == "3" && &row["incident_state"] == "3";
    if table == "incident" && is_on_hold(before) && is_on_hold(row) && &row["caller_id"] == user {
        row.set("state", "2");
        row.set("incident_state", "2");
        row.set("hold_reason", "");
    }
}

/// The priority matrix: 1,1 is 1 and 3,3 is 5.
pub fn priority(impact: &str, urgency: &str) -> u8 {
    let level = |text: &str| text.parse::<u8>().ok().filter(|level| (1..=3).contains(level)).unwrap_or(3);
    level(impact) + level(urgency) - 1
}

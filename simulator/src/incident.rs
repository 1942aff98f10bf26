//! What the instance does to a task and to an incident: defaults, the priority matrix, the mirrored state, and the data
//! policy on resolving (docs/servicenow-api.md 4).

use super::api_errors::Refused;
use super::ids_and_clock::FORMAT;
use crate::tables::Row;

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
        took(row, now);
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

/// How long it took from the opening, in seconds and as a duration, which is a time after 1970 began. There is no schedule of
/// business hours here: both kinds are the same.
fn took(row: &mut Row, now: &str) {
    let seconds = |text: &str| jiff::civil::DateTime::strptime(FORMAT, text).ok();
    let Some((opened, now)) = seconds(&row["opened_at"]).zip(seconds(now)) else { return };
    let took = now.duration_since(opened).max(jiff::SignedDuration::ZERO);
    let duration = jiff::Timestamp::UNIX_EPOCH.saturating_add(took).unwrap_or_default().strftime(FORMAT).to_string();
    for column in ["calendar_stc", "business_stc"] {
        row.set(column, took.as_secs().to_string());
    }
    for column in ["calendar_duration", "business_duration"] {
        row.set(column, duration.as_str());
    }
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

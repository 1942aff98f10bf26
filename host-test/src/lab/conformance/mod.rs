//! Checks a component against the world it claims: it returns every outcome of every method itself and in time, with the
//! values that belong to it, the right records, and correct reports of writes.

mod expected;
mod writes;

use crate::lab::invocation::{Finished, node_outcome};
use crate::lab::scenarios::{self, Scenario, TestBed};
use expected::{failure_problem, success_problem};
use serde_json::Value;
use servicenow_host::EndedBy;
use servicenow_host::Host;
use std::time::Duration;

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_millis(100);

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
    let bed = TestBed::set_for(loaded, scenarios::authorizations).await?;
    let node = bed.host.describe().await.map_err(anyhow::Error::from)?;
    let mut checks = Vec::new();
    for scenario in scenarios::all() {
        if scenario.method == "authenticate" && !bed.host.authenticates() {
            continue;
        }
        let finished = bed.run(&scenario).await;
        let edge = node_outcome(&node, finished.method, &scenario.case);
        let problem = outcome_problem(&scenario, &finished, scenario.timeout(&bed))
            .or_else(|| success_problem(&bed, &finished))
            .or_else(|| edge.is_empty().then(|| format!("the manifest has no edge for {}", scenario.case)));
        checks.push(Check {
            method: scenario.method,
            name: scenario.case,
            story: scenario.story,
            elapsed: finished.elapsed,
            problem,
        });
    }
    checks.extend(writes::checks(&bed).await);
    checks.push(writes::repeated(&bed).await);
    Ok(checks)
}

/// What is wrong with an outcome.
fn outcome_problem(scenario: &Scenario, finished: &Finished, timeout: Duration) -> Option<String> {
    let message = finished.value["message"].as_str().unwrap_or_default();
    if finished.ended_by == EndedBy::Host {
        return Some(format!("it did not end by itself: {message}"));
    }
    if finished.case != scenario.case {
        return Some(format!("it ended in {} {message}", finished.case).trim_end().to_string());
    }
    if finished.elapsed > timeout + TOLERANCE {
        return Some(format!("it took {:?} of {timeout:?}", finished.elapsed));
    }
    if ["invalid-data", "invalid-choice"].contains(&finished.case) {
        return refusal_problem(finished);
    }
    failure_problem(finished)
}

/// What is wrong with a refusal of inputs: nothing may be sent, and each has to be named.
fn refusal_problem(finished: &Finished) -> Option<String> {
    if let Some(exchange) = finished.exchanges.first() {
        return Some(format!("it sent {} {} before it refused its inputs", exchange.method, exchange.url));
    }
    let is_named = |violation: &Value| ["field", "expected"].iter().all(|name| violation[name].as_str() != Some(""));
    let violations = finished.value.as_array().filter(|violations| !violations.is_empty());
    violations
        .is_none_or(|violations| !violations.iter().all(is_named))
        .then(|| "it does not say which input it refused, and what it expects".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scenario(method: &str, case: &str) -> Scenario {
        let known = scenarios::all().into_iter().find(|known| known.method == method && known.case == case);
        known.unwrap()
    }

    fn finished(case: &'static str, value: Value) -> Finished {
        Finished {
            method: "create",
            case,
            is_success: false,
            value,
            elapsed: Duration::from_millis(300),
            waited: Duration::ZERO,
            computed: Duration::ZERO,
            exchanges: Vec::new(),
            ended_by: EndedBy::Component,
        }
    }

    fn late(reason: &str, message: &str, retry: &str, write_happened: &str) -> Value {
        json!({"reason": reason, "message": message, "retry": retry, "write_happened": write_happened})
    }

    #[test]
    fn what_is_wrong_with_an_outcome_is_said() {
        let timeout = Duration::from_millis(300);
        let right = late("deadline", "no answer", "look-up-first", "unknown");
        for (case, value, says) in [
            ("timeout", right.clone(), None),
            ("error", late("limit", "it broke", "never", "no"), Some("it ended in error it broke")),
            ("timeout", late("tls", "no answer", "look-up-first", "unknown"), Some("its reason is tls")),
            ("timeout", late("deadline", "", "look-up-first", "unknown"), Some("its message is empty")),
            ("timeout", late("deadline", "no answer", "later", "no"), Some("write_happened is no")),
            ("timeout", late("deadline", "no answer", "later", "unknown"), Some("retry is later")),
        ] {
            let problem = outcome_problem(&scenario("create", "timeout"), &finished(case, value), timeout);
            assert_eq!(problem.is_some(), says.is_some(), "{problem:?} {says:?}");
            assert!(problem.unwrap_or_default().contains(says.unwrap_or_default()), "{says:?}");
        }
        let host = Finished { ended_by: EndedBy::Host, ..finished("timeout", right.clone()) };
        assert!(outcome_problem(&scenario("create", "timeout"), &host, timeout).is_some(), "the host ended it");
        let slow = Finished { elapsed: Duration::from_millis(401), ..finished("timeout", right) };
        assert!(outcome_problem(&scenario("create", "timeout"), &slow, timeout).is_some(), "it is late");
    }

    #[test]
    fn a_refusal_names_what_it_refuses() {
        for (value, is_right) in [
            (json!([{"field": "request_body", "given": "[]", "expected": "an object"}]), true),
            (json!([{"field": "", "given": "[]", "expected": "an object"}]), false),
            (json!([]), false),
        ] {
            let scenario = scenario("create", "invalid-data");
            let problem = outcome_problem(&scenario, &finished("invalid-data", value.clone()), Duration::from_secs(5));
            assert_eq!(problem.is_none(), is_right, "{value}");
        }
    }
}

//! The truth about writes: answers that are lost, cut off or wrong, and records that are there or not.

use super::Check;
use crate::lab::invocation::{Finished, Invocation};
use crate::lab::scenarios::{PATIENT_MS, TestBed, columns, create, update};
use servicenow_host::EndedBy;
use servicenow_simulator::{Effect, Fault};
use std::time::Duration;

/// What happens to the answer of a write.
fn effects() -> [(&'static str, &'static str, Effect); 6] {
    [
        ("answer-lost", "the record is written, and the connection closes", Effect::CommitThenClose),
        (
            "answer-500",
            "the record is written, and the answer is a server error",
            Effect::CommitThenStatus { status: 500 },
        ),
        ("answer-cut-off", "the record is written, and its answer is half of the JSON", Effect::Truncate),
        ("answer-broken", "the record is written, and the connection breaks within the answer", Effect::BreakBody),
        ("closed", "nothing is written, and the connection closes", Effect::Close),
        ("refused", "nothing is written, and the answer is 429", Effect::status(429)),
    ]
}

/// Plays each of them for a create and an update.
pub async fn checks(bed: &TestBed) -> Vec<Check> {
    let mut checks = Vec::new();
    for (at, (name, story, effect)) in effects().into_iter().enumerate() {
        // Each write sets what was not there before.
        let (key, note) = (format!("conformance-{name}"), format!("conformance {at}"));
        for method in ["create", "update"] {
            let verb = if method == "create" { "POST" } else { "PATCH" };
            bed.simulator.inject(Fault::once(verb, "/api/now/table/incident", effect.clone()));
            let invocation = match method {
                "create" => {
                    let mut options = create();
                    options.correlation_id = Some(key.clone());
                    Invocation::Create(columns(&[("urgency", "2")]), options)
                }
                _ => Invocation::Update(bed.sys_id.clone(), columns(&[("short_description", &note)]), update()),
            };
            let finished = invocation.run(&bed.host, bed.call(PATIENT_MS)).await;
            bed.simulator.heal();
            let rows = bed.simulator.rows("incident");
            let written = rows.iter().filter(|row| match method {
                "create" => row["correlation_id"] == key,
                _ => row["short_description"] == note,
            });
            checks.push(Check {
                method: finished.method,
                name: name.to_string(),
                story,
                elapsed: finished.elapsed,
                problem: problem(&finished, written.count()),
            });
        }
    }
    checks
}

/// What is wrong with what is said of a write, where so many records show it.
fn problem(finished: &Finished, written: usize) -> Option<String> {
    let said = finished.value["write_happened"].as_str().unwrap_or_default();
    if finished.ended_by == EndedBy::Host {
        return Some("it did not end by itself".to_string());
    }
    match (finished.is_success, written, said) {
        (_, 2.., _) => Some(format!("it made {written} records")),
        (true, 0, _) => Some("it tells of a success, and nothing was written".to_string()),
        (false, 1, "no") => Some(format!("it ended in {} and says that nothing was written", finished.case)),
        (false, 0, "yes") => Some(format!("it ended in {} and says that it was written", finished.case)),
        _ => None,
    }
}

/// The same correlation id makes one incident.
pub async fn repeated(bed: &TestBed) -> Check {
    let (mut made, mut elapsed) = (Vec::new(), Duration::ZERO);
    for _ in 0..2 {
        let mut options = create();
        options.correlation_id = Some("conformance".to_string());
        let call = Invocation::Create(columns(&[("urgency", "2")]), options);
        let finished = call.run(&bed.host, bed.call(PATIENT_MS)).await;
        elapsed += finished.elapsed;
        made.push((finished.value["sys_id"].to_string(), finished.value["made"].to_string()));
    }
    let is_one = made[0].0 == made[1].0 && [&made[0].1, &made[1].1] == ["\"created\"", "\"found\""];
    Check {
        method: "create",
        name: "repeated".to_string(),
        story: "the same correlation id, twice",
        elapsed,
        problem: (!is_one).then(|| format!("it made {} and {}", made[0].0, made[1].0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_component_may_doubt_but_not_be_wrong() {
        let finished = |is_success, said: &str| Finished {
            method: "create",
            case: if is_success { "incident-created" } else { "create-incident-failure" },
            is_success,
            value: json!({"write_happened": said}),
            elapsed: Duration::ZERO,
            waited: Duration::ZERO,
            computed: Duration::ZERO,
            exchanges: Vec::new(),
            ended_by: EndedBy::Component,
        };
        for (is_success, said, written, is_right) in [
            (true, "", 1, true),
            (true, "", 0, false),
            (true, "", 2, false),
            (false, "unknown", 1, true),
            (false, "unknown", 0, true),
            (false, "yes", 1, true),
            (false, "yes", 0, false),
            (false, "no", 0, true),
            (false, "no", 1, false),
        ] {
            let problem = problem(&finished(is_success, said), written);
            assert_eq!(problem.is_none(), is_right, "{is_success} {said} {written}: {problem:?}");
        }
        assert!(problem(&Finished { ended_by: EndedBy::Host, ..finished(false, "unknown") }, 0).is_some());
    }
}

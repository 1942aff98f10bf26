//! The host of `docs/hosts.md`, which is an example, does its duties against the simulator.

#![cfg(feature = "bundled")]
#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

#[path = "../examples/transport.rs"]
mod small_host;

use servicenow_artifacts::{Artifact, target_dir, workspace};
use servicenow_simulator::{Effect, Fault, Simulator};
use servicenow_test_support::host_checks::{self, Ended, HostCheck, NOWHERE};
use small_host::bindings::exports::servicenow::plugin::incidents::CreateOutcome;
use small_host::bindings::exports::servicenow::plugin::types::{Reason, WriteHappened};
use std::time::Instant;

const INCIDENT: &str = "/api/now/table/incident";

async fn created(simulator: &Simulator, deadline: u32) -> CreateOutcome {
    let access = simulator.access();
    let (origin, user, password) = (access.base_url.clone(), access.username.clone(), access.password.clone());
    let create = move || {
        small_host::create(servicenow_host::COMPONENT, &origin, (&user, &password), "Printer on fire", deadline)
    };
    tokio::task::spawn_blocking(create).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_host_creates_an_incident_and_tells_the_truth_about_what_was_sent() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let CreateOutcome::IncidentCreated(receipt) = created(&simulator, 5_000).await else { panic!("not created") };
    assert_eq!(&simulator.rows("incident")[0]["number"], receipt.number.as_str());

    for (effect, case, written) in [
        // The component looks the incident up by its key, whatever became of the answer.
        (Effect::CommitThenClose, "created", None),
        (Effect::BreakBody, "created", None),
        (Effect::Truncate, "failed", Some(WriteHappened::Unknown)),
        (Effect::status(302).header("location", "http://127.0.0.1:1/"), "failed", Some(WriteHappened::Unknown)),
        (Effect::Hang, "timeout", Some(WriteHappened::Unknown)),
    ] {
        let before = simulator.rows("incident").len();
        simulator.inject(Fault::once("POST", INCIDENT, effect.clone()));
        let outcome = created(&simulator, 1_000).await;
        let (found, happened) = match &outcome {
            CreateOutcome::IncidentCreated(_) => ("created", None),
            CreateOutcome::Timeout(failure) => ("timeout", Some(failure.write_happened)),
            CreateOutcome::CreateIncidentFailure(failure) | CreateOutcome::Error(failure) => {
                ("failed", Some(failure.write_happened))
            }
            other => panic!("{effect:?}: {other:?}"),
        };
        assert_eq!((found, happened), (case, written), "{effect:?}: {outcome:?}");
        assert!(simulator.rows("incident").len() <= before + 1, "{effect:?}");
        simulator.heal();
    }

    let nobody = || small_host::create(servicenow_host::COMPONENT, "http://127.0.0.1:1", ("u", "p"), "x", 1_000);
    match tokio::task::spawn_blocking(nobody).await.unwrap().unwrap() {
        CreateOutcome::Error(failure) => {
            assert_eq!((failure.reason, failure.write_happened), (Reason::Connect, WriteHappened::No));
        }
        other => panic!("{other:?}"),
    }
}

/// Makes a check; an authorization of this host is an origin and a user.
async fn ended(check: &HostCheck, component: &'static [u8], simulator: &Simulator) -> Ended {
    let fault = check.fault.clone().map(|fault| serde_json::from_value::<Fault>(fault).unwrap());
    fault.into_iter().for_each(|fault| simulator.inject(fault));
    let access = simulator.access();
    let origin = if check.authorization == "main" { access.base_url.clone() } else { NOWHERE.to_string() };
    let (user, password) = (access.username.clone(), access.password.clone());
    let (name, deadline) = (check.check.clone(), check.timeout_ms);
    let began = Instant::now();
    let create = move || small_host::create(component, &origin, (&user, &password), &name, deadline);
    let outcome = tokio::task::spawn_blocking(create).await.unwrap().unwrap();
    let elapsed = began.elapsed();
    simulator.heal();
    let (case, failure) = match outcome {
        CreateOutcome::IncidentCreated(_) => ("incident-created", None),
        CreateOutcome::Timeout(failure) => ("timeout", Some(failure)),
        CreateOutcome::CreateIncidentFailure(failure) => ("create-incident-failure", Some(failure)),
        CreateOutcome::Error(failure) => ("error", Some(failure)),
        other => panic!("{other:?}"),
    };
    let written = |happened| match happened {
        WriteHappened::No => "no",
        WriteHappened::Unknown => "unknown",
        WriteHappened::Yes => "yes",
    };
    Ended {
        case: case.to_string(),
        write_happened: failure.as_ref().map(|failure| written(failure.write_happened).to_string()),
        message: failure.map(|failure| failure.message).unwrap_or_default(),
        elapsed,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_host_does_every_duty() {
    let component = Artifact::HostCheckOverTransport.build(&workspace(), &target_dir()).unwrap().leak();
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let mut problems = Vec::new();
    for check in host_checks::all() {
        problems.extend(check.problem(&ended(&check, component, &simulator).await));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

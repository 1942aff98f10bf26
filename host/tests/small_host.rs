//! The host of `docs/hosts.md`, which is an example, does its duties against the simulator.

#![cfg(feature = "bundled")]
#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

#[path = "../examples/transport.rs"]
mod small_host;

use servicenow_simulator::{Effect, Fault, Simulator};
use small_host::bindings::exports::servicenow::plugin::incidents::CreateOutcome;
use small_host::bindings::exports::servicenow::plugin::types::{Reason, WriteHappened};

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

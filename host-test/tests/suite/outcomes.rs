//! Every outcome of every method, through the component, in wasmtime, over sockets.

use host_test::lab::invocation::node_outcome;
use host_test::lab::scenarios::{self, TestBed};
use servicenow_host::authorizations::CredentialMode;
use servicenow_host::{Authorizations, Limits};
use servicenow_simulator::Simulator;
use std::path::Path;

async fn run_all(credential: &str) {
    run(credential, &TestBed::set_with(|simulator| with_credential(simulator, credential)).await.unwrap()).await;
}

async fn run(credential: &str, bed: &TestBed) {
    let node = bed.host.describe().await.unwrap();
    for scenario in scenarios::all() {
        let finished = bed.run(&scenario).await;
        assert_eq!(
            (finished.method, finished.case),
            (scenario.method, scenario.case.as_str()),
            "{credential}: {}",
            scenario.story
        );
        assert!(!node_outcome(&node, finished.method, finished.case).is_empty(), "{} has no edge", scenario.case);
    }
}

fn with_credential(simulator: &Simulator, credential: &str) -> Authorizations {
    let text = format!("{}credential = {credential:?}\n", simulator.authorizations_file());
    Authorizations::parse(&text, Path::new("the simulator's own file")).unwrap()
}

#[tokio::test]
async fn every_outcome_is_reached_while_the_host_adds_the_credential() {
    run_all("added-by-host").await;
}

#[tokio::test]
async fn every_outcome_is_reached_while_the_guest_adds_a_header() {
    run_all("header").await;
}

#[tokio::test]
async fn every_outcome_is_reached_while_the_guest_obtains_its_own_tokens() {
    run_all("grant").await;
}

#[tokio::test]
async fn every_outcome_is_reached_while_instances_are_kept() {
    let mut bed = TestBed::set().await.unwrap();
    let limits = Limits { kept_instances: 4, ..Limits::default() };
    bed.host = bed.host.with(scenarios::authorizations(&bed.simulator), limits).unwrap();
    run("kept instances", &bed).await;
}

#[tokio::test]
async fn the_names_of_the_original_node_are_kept() {
    let bed = TestBed::set().await.unwrap();
    let node = bed.host.describe().await.unwrap();
    for (method, case, original) in [
        ("create", "incident-created", "onIncidentCreated"),
        ("create", "bad-request", "onBadRequest"),
        ("create", "not-found", "onNotFound"),
        ("create", "create-incident-failure", "onCreateIncidentFailure"),
        ("create", "invalid-data", "onInvalidData"),
        ("create", "invalid-choice", "onInvalidChoice"),
        ("create", "timeout", "onTimeout"),
        ("create", "error", "onError"),
        ("get", "get-incident-success", "onGetIncidentSuccess"),
        ("get", "incident-not-found", "onIncidentNotFound"),
        ("get", "authorization-fail", "onauthorizationfail"),
        ("get", "get-incident-failure", "onGetIncidentFailure"),
        ("update", "incident-update-success", "onIncidentUpdateSuccess"),
        ("update", "incident-not-found", "onIncidentNotFound"),
        ("update", "incident-update-failure", "onIncidentUpdateFailure"),
    ] {
        assert_eq!(node_outcome(&node, method, case), original, "{method} {case}");
    }
}

#[tokio::test]
async fn the_manifest_lists_every_case_of_every_outcome() {
    let bed = TestBed::set().await.unwrap();
    let node = bed.host.describe().await.unwrap();
    for scenario in scenarios::all() {
        let method = node.methods.iter().find(|method| method.name == scenario.method).unwrap();
        assert!(
            method.outcomes.iter().any(|outcome| outcome.case_name == scenario.case),
            "{} {}",
            scenario.method,
            scenario.case
        );
    }
    let declared: usize = node.methods.iter().map(|method| method.outcomes.len()).sum();
    assert_eq!(declared, scenarios::all().len());
    assert_eq!(CredentialMode::default(), CredentialMode::HostInjected);
}

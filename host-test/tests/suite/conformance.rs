//! The conformance suite itself: the component passes it, what is no component of the world is told apart before, and one that does
//! nothing right passes nothing.

use crate::hostile;
use host_test::components::load;
use host_test::lab::conformance::check;
use host_test::lab::scenarios::{self, TestBed};
use servicenow_artifacts::Artifact;
use servicenow_host::{Builder, COMPONENT, Host};
use servicenow_test_support::join_all;

fn other(bytes: Vec<u8>) -> String {
    let Err(error) = Builder::default().component(bytes).build() else { panic!("it is taken") };
    error.to_string()
}

/// The same component with another name of the same length.
fn renamed(from: &str, to: &str) -> Vec<u8> {
    let mut bytes = COMPONENT.to_vec();
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

fn with(artifact: Artifact) -> Host {
    Host::builder().component(load(artifact).unwrap().to_vec()).build().unwrap()
}

#[tokio::test]
async fn the_component_passes_every_check_in_either_flavour() {
    for artifact in [Artifact::Node, Artifact::NodeOverTransport] {
        let checks = check(&with(artifact)).await.unwrap();
        assert_eq!(checks.len(), 54);
        for check in checks {
            assert_eq!(check.problem, None, "{artifact:?}: {} {}", check.method, check.name);
        }
    }
}

#[tokio::test]
async fn both_flavours_answer_alike() {
    let beds = [Artifact::Node, Artifact::NodeOverTransport]
        .map(|artifact| async move { TestBed::set_for(&with(artifact), scenarios::authorizations).await.unwrap() });
    let [wasi, transport] = join_all(beds).await.try_into().unwrap_or_else(|_| panic!("there are two"));
    for scenario in scenarios::all() {
        let told = join_all([wasi.run(&scenario), transport.run(&scenario)]).await.into_iter().map(|finished| {
            let failure = ["reason", "retry", "write_happened", "status"].map(|name| finished.value[name].clone());
            let exchanges: Vec<_> = finished.exchanges.iter().map(|exchange| exchange.method.clone()).collect();
            (finished.case, failure, exchanges)
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told[0], told[1], "{} {}: {}", scenario.method, scenario.case, scenario.story);
    }
}

#[tokio::test]
async fn a_component_of_the_smaller_world_is_checked_without_authorizations() {
    // Its interface for authorizations has another name, so it is as if it had none.
    let host = Host::builder().component(renamed("plugin/authorization@", "plugin/authorisation@")).build().unwrap();
    assert!(!host.authenticates());
    let checks = check(&host).await.unwrap();
    assert_eq!(checks.len(), 49);
    assert!(checks.iter().all(|check| check.problem.is_none()));
}

#[tokio::test]
async fn a_component_that_does_everything_wrong_passes_nothing() {
    let Err(problem) = check(&hostile::hostile(Default::default())).await else { panic!("it passes") };
    assert!(problem.to_string().starts_with("the first incident was not created"), "{problem}");
}

#[test]
fn what_is_not_a_component_of_the_world_is_refused_with_what_was_expected() {
    for (bytes, says) in [
        (b"\0asm\x01\0\0\0".to_vec(), "it is a core module"),
        (b"hello".to_vec(), "it is no WebAssembly"),
        (COMPONENT[..COMPONENT.len() / 2].to_vec(), "out of bounds"),
        (
            renamed("incidents@0.2.0", "incidents@0.0.9"),
            "it exports servicenow:plugin/incidents@0.0.9; expected is servicenow:plugin/incidents@0.2.0",
        ),
        (
            renamed("incidents@0.2.0", "incidents@0.1.0"),
            "it exports servicenow:plugin/incidents@0.1.0; expected is servicenow:plugin/incidents@0.2.0",
        ),
        (load(Artifact::Sync).unwrap().to_vec(), "servicenow:plugin/push@0.2.0"),
    ] {
        let told = other(bytes);
        assert!(
            told.starts_with("this is not a component of the world servicenow:plugin/incident-node@0.2.0: "),
            "{told}"
        );
        assert!(told.contains(says), "{told}");
    }
}

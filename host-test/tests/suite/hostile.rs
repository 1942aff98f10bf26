//! Guests that mean no good. They are made from the interface itself: components of the right world whose every function
//! traps, or never ends.

use crate::support::PATIENT_MS;
use servicenow_host::incidents::{CreateOutcome, GetOutcome};
use servicenow_host::scenarios::{by, columns, create};
use servicenow_host::types::{Call, Reason, WriteHappened};
use servicenow_host::{Host, Limits};
use std::time::{Duration, Instant};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_millis(100);

/// A component of the world `plugin` whose every function does this and nothing else.
fn component(instructions: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).unwrap();
    let world = resolve.packages[package].worlds["plugin"];
    let trapping = dummy_module(&resolve, world, ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync));
    let text = wasmprinter::print_bytes(trapping).unwrap().replace("unreachable", instructions);
    let mut module = wat::parse_str(text).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

fn host(instructions: &str, limits: Limits) -> Host {
    Host::builder().component(component(instructions)).limits(limits).build().unwrap()
}

fn call(timeout_ms: u32) -> Call {
    Call { authorization: "main".to_string(), instance: "dev12345".to_string(), timeout_ms: Some(timeout_ms) }
}

#[tokio::test]
async fn a_guest_that_traps_ends_in_an_outcome_of_the_method() {
    let host = host("unreachable", Limits::default());
    match host.create(call(PATIENT_MS), columns(&[("urgency", "1")]), create()).await.outcome {
        CreateOutcome::Error(failure) => {
            assert_eq!((failure.reason, failure.write_happened), (Reason::Limit, WriteHappened::No));
            assert!(failure.correlation_id.is_some(), "the host made one, and says which");
        }
        other => panic!("{other:?}"),
    }
    assert!(host.describe().await.is_err());
}

#[tokio::test]
async fn a_guest_that_never_ends_is_ended_at_its_deadline() {
    let limits = Limits { default_timeout: Duration::from_millis(300), ..Limits::default() };
    let host = host("(loop (br 0)) unreachable", limits);
    for ms in [100, 300] {
        let report = host.get(call(ms), by("number", "INC1")).await;
        assert!(matches!(report.outcome, GetOutcome::Timeout(_)), "{:?}", report.outcome);
        assert!(report.elapsed < Duration::from_millis(ms.into()) + TOLERANCE, "{ms} ms took {:?}", report.elapsed);
    }
    let started = Instant::now();
    assert!(host.describe().await.is_err());
    assert!(started.elapsed() < Duration::from_millis(300) + TOLERANCE, "{:?}", started.elapsed());
}

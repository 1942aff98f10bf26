//! Guests that mean no good: components made from the interface itself, as a module's text whose every function does one thing.

use crate::hostile::{TOLERANCE, call};
use crate::support::PATIENT_MS;
use host_test::lab::scenarios::{TestBed, authorizations, by, columns, create};
use servicenow_host::incidents::{CreateOutcome, GetOutcome};
use servicenow_host::types::{Call, Reason, WriteHappened};
use servicenow_host::{Host, Limits, Outcome};
use std::time::{Duration, Instant};
use wit_component_for_dummies::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser_for_dummies::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// A component of a world made of a module's text, in which every function is `unreachable`.
fn component(world: &str, change: impl FnOnce(String) -> String) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).unwrap();
    let world = resolve.packages[package].worlds[world];
    let trapping = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    let mut module = wat::parse_str(change(wasmprinter::print_bytes(trapping).unwrap())).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

fn host(change: impl FnOnce(String) -> String, limits: Limits) -> Host {
    Host::builder().component(component("plugin", change)).limits(limits).build().unwrap()
}

fn every_function(instructions: &str) -> impl FnOnce(String) -> String {
    move |text| text.replace("unreachable", instructions)
}

#[tokio::test]
async fn a_guest_that_grows_its_table_ends_at_the_limit() {
    let host = host(
        |text| {
            let (module, _) = text.rsplit_once(')').unwrap();
            let grow = "(loop (br_if 0 (i32.ne (i32.const -1) (table.grow $grown (ref.null func) (i32.const 1000))))) unreachable";
            format!("{} (table $grown 1 funcref))", module.replace("unreachable", grow))
        },
        Limits::default(),
    );
    let report = host.get(call(PATIENT_MS), by("number", "INC1")).await;
    assert_eq!(report.outcome.failure().unwrap().reason, Reason::Limit, "{:?}", report.outcome);
}

#[tokio::test]
async fn an_outcome_outside_the_contract_is_an_outcome_all_the_same() {
    // Every function that returns a pointer points to bytes that are no case of any variant.
    let host = host(
        |text| {
            assert!(text.contains("(result i32)\n    unreachable") && text.contains("(memory (;0;) 0)"), "{text}");
            let returning = text.replace("(result i32)\n    unreachable", "(result i32)\n    i32.const 1024");
            let (module, _) = returning.rsplit_once(')').unwrap();
            let module = module.replace("(memory (;0;) 0)", "(memory (;0;) 1)");
            format!("{module} (data (i32.const 1024) \"{}\"))", "\\ff".repeat(256))
        },
        Limits::default(),
    );
    let report = host.get(call(PATIENT_MS), by("number", "INC1")).await;
    assert_eq!(report.outcome.failure().unwrap().reason, Reason::Limit, "{:?}", report.outcome);
    assert!(host.describe().await.is_err());
}

#[tokio::test]
async fn a_guest_that_traps_ends_in_an_outcome_of_the_method() {
    let host = host(every_function("unreachable"), Limits::default());
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
    let host = host(every_function("(loop (br 0)) unreachable"), limits);
    for ms in [100, 300] {
        let report = host.get(call(ms), by("number", "INC1")).await;
        assert!(matches!(report.outcome, GetOutcome::Timeout(_)), "{:?}", report.outcome);
        assert!(report.elapsed < Duration::from_millis(ms.into()) + TOLERANCE, "{ms} ms took {:?}", report.elapsed);
    }
    let started = Instant::now();
    assert!(host.describe().await.is_err());
    assert!(started.elapsed() < Duration::from_millis(300) + TOLERANCE, "{:?}", started.elapsed());
}

/// A host whose component does this while it is made. WAIT and SEND are imports, the request's address is at 2048, and answers are
/// written over one another.
fn beginning(bed: &TestBed, instructions: &str) -> Host {
    let url = format!("{}/api/now/table/incident", bed.simulator.access().base_url);
    let change = |text: String| {
        let imports: Vec<_> = text.lines().filter(|line| line.contains("(import ")).collect();
        let place = |name: &str| imports.iter().position(|line| line.contains(name)).unwrap().to_string();
        let instructions = instructions.replace("WAIT", &place("\"wait-ms\"")).replace("SEND", &place("\"send\""));
        let (_, exported) = text.split_once("(export \"_initialize\" (func ").unwrap();
        let number = exported.split_once(')').unwrap().0;
        let begin = text.find(&format!("(func (;{number};)")).unwrap();
        let end = begin + text[begin..].find("\n").unwrap();
        let realloc = "(param i32 i32 i32 i32) (result i32)\n    ";
        assert_eq!(text.matches(&format!("{realloc}unreachable")).count(), 1, "{text}");
        let text = format!("{}(func {instructions}){}", &text[..begin], &text[end..]);
        let text = text.replace(&format!("{realloc}unreachable"), &format!("{realloc}i32.const 4096"));
        let text = text.replace("(memory (;0;) 0)", "(memory (;0;) 16)");
        let (module, _) = text.rsplit_once(')').unwrap();
        format!("{module} (data (i32.const 2048) {url:?}))")
    };
    let limits = Limits { default_timeout: Duration::from_millis(300), ..Limits::default() };
    let host = Host::builder().component(component("plugin-over-transport", change));
    host.authorizations(authorizations(&bed.simulator)).limits(limits).build().unwrap()
}

#[tokio::test]
async fn what_a_guest_does_while_it_is_made_counts_as_done_in_the_call() {
    // The places of the methods in the interface.
    const GET: usize = 0;
    const POST: usize = 1;
    let bed = TestBed::set().await.unwrap();
    let call = |ms| Call { instance: bed.simulator.access().base_url.clone(), ..call(ms) };
    let waiting = beginning(&bed, "(call WAIT (i64.const -1))");
    let report = waiting.get(call(200), by("number", "INC1")).await;
    assert!(matches!(report.outcome, GetOutcome::Timeout(_)), "{:?}", report.outcome);
    assert!(report.elapsed < Duration::from_millis(200) + TOLERANCE, "{:?}", report.elapsed);
    let began = Instant::now();
    assert!(waiting.describe().await.is_err(), "a function that makes no request");
    assert!(began.elapsed() < Duration::from_millis(300) + TOLERANCE, "{:?}", began.elapsed());

    let sending = |method: usize, repeat: &str| {
        let length = bed.simulator.access().base_url.len() + "/api/now/table/incident".len();
        let head = format!("(i32.const {method}) (i32.const 2048) (i32.const {length})");
        let nothing = "(i32.const 0) ".repeat(6);
        beginning(&bed, &format!("(loop (call SEND {head} {nothing} (i64.const 1000) (i32.const 512)) {repeat})"))
    };
    let rows = bed.simulator.rows("incident").len();
    // A read may read, and not write.
    let report = sending(POST, "").get(call(PATIENT_MS), by("number", "INC1")).await;
    assert_eq!((report.outcome.failure().unwrap().reason, bed.simulator.rows("incident").len()), (Reason::Limit, rows));
    let report = sending(GET, "(br 0)").get(call(PATIENT_MS), by("number", "INC1")).await;
    assert_eq!((report.outcome.failure().unwrap().reason, report.exchanges.len()), (Reason::Limit, 20));
    // What a create sent is told, whatever ended it.
    let report = sending(POST, "").create(call(PATIENT_MS), columns(&[("urgency", "1")]), create()).await;
    let failure = report.outcome.failure().unwrap();
    assert_ne!(failure.write_happened, WriteHappened::No, "{failure:?}");
}

//! Guests that mean no good: the hostile guest of `tests/guest`, and components made from the interface itself whose every
//! function does one thing.

use crate::support::PATIENT_MS;
use host_test::lab::scenarios::{TestBed, authorizations, by, columns, create};
use servicenow_artifacts::guest::{self, Guest};
use servicenow_artifacts::{encode, target_dir, workspace};
use servicenow_host::incidents::{CreateOutcome, GetOutcome};
use servicenow_host::types::{Call, Reason, WriteHappened};
use servicenow_host::{Authorizations, Host, Limits, Outcome, Report};
use servicenow_simulator::{Effect, Fault};
use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};
use wit_component_for_dummies::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser_for_dummies::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_millis(100);

/// A call that nothing holds up takes a few milliseconds; on a busy machine some more.
const NORMAL: Duration = Duration::from_millis(100);

/// A component of the world `plugin` made of a module's text, in which every function is `unreachable`.
fn component(change: impl FnOnce(String) -> String) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).unwrap();
    let world = resolve.packages[package].worlds["plugin"];
    let trapping = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    let mut module = wat::parse_str(change(wasmprinter::print_bytes(trapping).unwrap())).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

fn host(change: impl FnOnce(String) -> String, limits: Limits) -> Host {
    Host::builder().component(component(change)).limits(limits).build().unwrap()
}

fn every_function(instructions: &str) -> impl FnOnce(String) -> String {
    move |text| text.replace("unreachable", instructions)
}

fn call(timeout_ms: u32) -> Call {
    Call { authorization: "main".to_string(), instance: "dev12345".to_string(), timeout_ms: Some(timeout_ms) }
}

/// The hostile guest as a component of the world `plugin`, or of `sync` with the feature `sync`.
pub fn guest(features: &'static [&'static str]) -> Vec<u8> {
    // Both are compiled to the same file.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let guest = Guest { package: "hostile-guest", features, stack_bytes: 64 * 1024, memory_bytes: 512 * 1024 };
    encode(&std::fs::read(guest::compile(&workspace(), &guest, &target_dir()).unwrap()).unwrap()).unwrap()
}

/// A host with the hostile guest.
pub fn hostile(authorizations: Authorizations) -> Host {
    static LOADED: LazyLock<Host> = LazyLock::new(|| Host::builder().component(guest(&[])).build().unwrap());
    LOADED.with(authorizations, Limits::default()).unwrap()
}

/// The same with instances kept, and two authorizations for one instance.
fn keeping(kept_instances: usize, credential: &str) -> Host {
    let one = |name| {
        format!(
            "[authorizations.{name}]\ninstance = \"https://dev12345.service-now.com\"\ngrant = \"bearer\"\n\
             token = \"a-token\"\ncredential = {credential:?}\n"
        )
    };
    let authorizations = Authorizations::parse(&(one("main") + &one("other")), Path::new("a.toml")).unwrap();
    let limits = Limits { kept_instances, ..Limits::default() };
    hostile(Authorizations::default()).with(authorizations, limits).unwrap()
}

/// Whether a call of `main` finds in its instance's memory what a call of this authorization left there, when something
/// happened in between.
async fn finds(host: &Host, left_by: &str, between: &[(&str, &str)]) -> bool {
    let leaves = [("attack", "leave something"), ("of this size", "65536")];
    let left_by = Call { authorization: left_by.to_string(), ..call(PATIENT_MS) };
    let left = host.create(left_by, columns(&leaves), create()).await;
    assert_eq!(left.outcome.failure().unwrap().message, "left");
    if !between.is_empty() {
        attack(host, 200, between).await;
    }
    seen(host, &[("attack", "look for it")]).await.ends_with("found true")
}

/// Lets the guest do this.
pub async fn attack(host: &Host, timeout_ms: u32, order: &[(&str, &str)]) -> Report<CreateOutcome> {
    host.create(call(timeout_ms), columns(order), create()).await
}

/// What the guest saw, or why the host ended it.
pub async fn seen(host: &Host, order: &[(&str, &str)]) -> String {
    let report = attack(host, PATIENT_MS, order).await;
    let failure = report.outcome.failure().unwrap();
    format!("{:?} {}", failure.reason, failure.message)
}

#[tokio::test]
async fn an_attack_on_resources_ends_in_an_outcome_in_time_and_the_next_call_is_as_quick_as_ever() {
    const MS: u32 = 1_000;
    let bed = TestBed::set().await.unwrap();
    let authority = bed.simulator.access().base_url.strip_prefix("http://").unwrap().to_string();
    let host = hostile(authorizations(&bed.simulator));
    host.get(call(MS), by("number", "INC1")).await;
    for (name, reasons, says) in [
        ("panic", vec![Reason::Limit], "trap"),
        ("call the host without end", vec![Reason::Deadline], "deadline"),
        ("wait without end", vec![Reason::Deadline], "deadline"),
        ("grow memory", vec![Reason::Limit], "limit"),
        ("recurse", vec![Reason::Limit], "trap"),
        ("many fields", vec![Reason::Limit, Reason::Lost], ""),
        ("large random", vec![Reason::Limit], "limit"),
        ("hold handles", vec![Reason::Limit], "limit"),
        ("many pollables", vec![Reason::Limit], "limit"),
        ("many requests", vec![Reason::Limit], "limit"),
        ("ask again and again", vec![Reason::Lost], "16"),
        ("many unfinished bodies", vec![Reason::Lost, Reason::Limit, Reason::Deadline], ""),
        ("body without end", vec![Reason::Lost], "HttpRequestDenied"),
        ("body without a finish", vec![Reason::Deadline, Reason::Lost], ""),
        ("large outcome", vec![Reason::Limit], "limit"),
    ] {
        let method = if name.starts_with("body") { "POST" } else { "GET" };
        let order = [
            ("attack", name),
            ("authorization", "main"),
            ("authority", &*authority),
            ("path", "/api/now/table/incident"),
            ("method", method),
        ];
        let report = attack(&host, MS, &order).await;
        let failure = report.outcome.failure().unwrap();
        assert!(reasons.contains(&failure.reason) && failure.message.contains(says), "{name}: {failure:?}");
        assert!(report.elapsed < Duration::from_millis(MS.into()) + TOLERANCE, "{name} took {:?}", report.elapsed);
        assert_eq!(failure.write_happened, WriteHappened::No, "{name}");
        let next = host.get(call(MS), by("number", "INC1")).await;
        assert!(next.elapsed < NORMAL, "after {name}: {:?}", next.elapsed);
        assert_eq!(next.outcome.failure().map(|failure| failure.reason), Some(Reason::Lost), "its own outcome");
    }
    assert!(bed.simulator.rows("incident").len() <= 1, "nothing but the test bed's own incident was written");
}

#[tokio::test]
async fn a_call_makes_so_many_requests_and_no_more() {
    let bed = TestBed::set().await.unwrap();
    let host = hostile(authorizations(&bed.simulator));
    let authority = bed.simulator.access().base_url.strip_prefix("http://").unwrap().to_string();
    let before = bed.simulator.requests().len();
    let order = [("attack", "requests in turn"), ("authority", &*authority), ("path", "/api/now/table/incident")];
    assert_eq!(seen(&host, &order).await, "Reason::Lost 20");
    assert_eq!(bed.simulator.requests().len(), before + 20);
    // And it makes the host fetch no token that the instance did not refuse.
    let tokens = || bed.simulator.requests().iter().filter(|request| request.contains("/oauth_token.do")).count();
    let before = tokens();
    assert_eq!(seen(&host, &[("attack", "ask again and again"), ("authorization", "main")]).await, "Reason::Lost 16");
    assert!(tokens() <= before + 1, "{} tokens", tokens() - before);
    // Nor after a 401 to a credential of the guest's own making.
    let file = format!("{}credential = \"header\"\n", bed.simulator.authorizations_file());
    let host = hostile(Authorizations::parse(&file, Path::new("a.toml")).unwrap());
    let order = [
        ("attack", "provoke and ask"),
        ("authorization", "main"),
        ("authority", &*authority),
        ("path", "/api/now/table/incident"),
        ("header", "authorization"),
        ("value", "Bearer of my own making"),
    ];
    let before = tokens();
    assert!(seen(&host, &order).await.contains("401"), "it was provoked");
    assert!(tokens() <= before + 1, "{} tokens", tokens() - before);
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

#[tokio::test]
async fn nothing_that_a_call_left_in_memory_is_found_by_the_next_ones() {
    let bed = TestBed::set().await.unwrap();
    let host = hostile(authorizations(&bed.simulator));
    let own = seen(&host, &[("attack", "look for it"), ("of this size", "4096")]).await;
    assert!(own.ends_with("found true"), "what is there is found: {own}");
    for _ in 0..5 {
        let left = seen(&host, &[("attack", "leave something")]).await;
        assert!(left.ends_with("left"), "{left}");
        let found = seen(&host, &[("attack", "look for it")]).await;
        assert!(found.ends_with("grown true, found false"), "{found}");
    }
}

#[tokio::test]
async fn a_kept_instance_serves_its_own_authorization_and_no_other() {
    assert!(finds(&keeping(4, "added-by-host"), "main", &[]).await, "it is the same instance");
    assert!(!finds(&keeping(4, "added-by-host"), "other", &[]).await, "of another authorization");
    assert!(!finds(&keeping(0, "added-by-host"), "main", &[]).await, "none is kept");
    assert!(!finds(&keeping(4, "header"), "main", &[]).await, "it may have seen the credential");
}

#[tokio::test]
async fn an_instance_that_was_ended_or_grew_is_not_called_again() {
    for between in ["panic", "wait without end", "recurse"] {
        assert!(!finds(&keeping(4, "added-by-host"), "main", &[("attack", between)]).await, "{between}");
    }
    // The one who looks grows it by 4 MB.
    let host = keeping(4, "added-by-host");
    assert!(finds(&host, "main", &[]).await);
    assert!(!seen(&host, &[("attack", "look for it")]).await.ends_with("found true"));
}

#[tokio::test]
async fn a_kept_instance_has_the_deadline_and_the_bounds_of_each_call() {
    let host = keeping(4, "added-by-host");
    for _ in 0..3 {
        let report = attack(&host, PATIENT_MS, &[("attack", "ask again and again"), ("authorization", "main")]).await;
        assert_eq!(report.outcome.failure().unwrap().message, "16");
    }
    let report = attack(&host, 300, &[("attack", "wait without end")]).await;
    assert_eq!(report.outcome.failure().unwrap().reason, Reason::Deadline);
    assert!(report.elapsed < Duration::from_millis(300) + TOLERANCE, "{:?}", report.elapsed);
}

#[tokio::test]
async fn of_more_instances_than_are_kept_the_one_that_was_called_first_goes() {
    assert!(finds(&keeping(2, "added-by-host"), "main", &[]).await);
    let host = keeping(1, "added-by-host");
    let left = attack(&host, PATIENT_MS, &[("attack", "leave something"), ("of this size", "65536")]).await;
    assert_eq!(left.outcome.failure().unwrap().message, "left");
    assert!(!finds(&host, "other", &[]).await);
}

#[tokio::test]
async fn what_is_too_large_or_too_long_at_the_transport_is_refused_and_ends_in_time() {
    let bed = TestBed::set().await.unwrap();
    let host = hostile(authorizations(&bed.simulator));
    let authority = bed.simulator.access().base_url.strip_prefix("http://").unwrap().to_string();
    let order = |more: &[(&'static str, &'static str)]| {
        let base =
            [("attack", "read"), ("way", "transport"), ("authorization", "main"), ("path", "/api/now/table/incident")];
        let order: Vec<_> = base.into_iter().chain(more.iter().copied()).collect();
        order
    };
    let sent = || bed.simulator.requests().iter().filter(|request| request.contains("/incident")).count();
    let before = sent();
    for (more, expected) in [
        (&[("header", "accept"), ("value", "x"), ("value times", "1000000")][..], "DeniedByHost"),
        (&[("header", "accept"), ("value", "x"), ("header times", "100000")], "DeniedByHost"),
        (&[("method", "POST"), ("body", "x"), ("body times", "12000000")], "DeniedByHost"),
    ] {
        let mut order = order(more);
        order.push(("authority", &authority));
        let told = seen(&host, &order).await;
        assert!(told.contains(&format!("{expected}, not sent: true")), "{more:?}: {told}");
    }
    assert_eq!(sent(), before);
    // No time that a component names is beyond the call's own.
    bed.simulator.inject(Fault::once("GET", "/api/now/table/incident", Effect::Hang));
    let mut order = order(&[("within", "18446744073709551615")]);
    order.push(("authority", &authority));
    let began = Instant::now();
    let report = attack(&host, 400, &order).await;
    assert!(began.elapsed() < Duration::from_millis(400) + TOLERANCE, "{report:?}");
    let told = report.outcome.failure().unwrap();
    assert!(told.reason == Reason::Deadline || told.message.contains("Deadline, not sent: false"), "{told:?}");
}

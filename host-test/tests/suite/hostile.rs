//! Guests that mean no good: the hostile guest of `tests/guest`.

use crate::support::PATIENT_MS;
use host_test::lab::scenarios::{TestBed, authorizations, by, columns, create};
use servicenow_artifacts::guest::{self, Guest};
use servicenow_artifacts::{encode, target_dir, workspace};
use servicenow_host::incidents::CreateOutcome;
use servicenow_host::types::{Call, Reason, WriteHappened};
use servicenow_host::{Authorizations, Host, Limits, Outcome, Report};
use servicenow_simulator::{Effect, Fault};
use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

/// How much later than its deadline a call may end.
pub const TOLERANCE: Duration = Duration::from_millis(100);

/// A call that nothing holds up takes a few milliseconds; on a busy machine some more.
const NORMAL: Duration = Duration::from_millis(100);

/// A call of the authorization `main`.
pub fn call(timeout_ms: u32) -> Call {
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

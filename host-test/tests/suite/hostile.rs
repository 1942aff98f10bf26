//! Guests that mean no good: the hostile guest of `tests/guest`, and components made from the interface itself whose every
//! function does one thing.

use crate::guest;
use crate::secrets::Log;
use crate::support::PATIENT_MS;
use crate::wire::{Wire, answer, read};
use servicenow_host::incidents::{CreateOutcome, GetOutcome};
use servicenow_host::scenarios::{Stage, by, columns, create};
use servicenow_host::simulator::Simulator;
use servicenow_host::types::{Call, Reason, WriteHappened};
use servicenow_host::{Authorizations, Failed, Host, Limits, Report};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tracing::Level;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_millis(100);

/// A call that nothing holds up takes a few milliseconds; on a busy machine some more.
const NORMAL: Duration = Duration::from_millis(100);

/// A component of the world `plugin` made of a module's text, in which every function is `unreachable`.
fn component(change: impl FnOnce(String) -> String) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).unwrap();
    let world = resolve.packages[package].worlds["plugin"];
    let trapping = dummy_module(&resolve, world, ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync));
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

/// A host with the hostile guest.
fn hostile(authorizations: Authorizations) -> Host {
    static LOADED: LazyLock<Host> = LazyLock::new(|| {
        let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile-guest");
        let module = std::fs::read(guest::compile(workspace, "hostile-guest", &target_dir).unwrap()).unwrap();
        let component = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
        Host::builder().component(component).build().unwrap()
    });
    LOADED.with(authorizations, Limits::default()).unwrap()
}

async fn attack(host: &Host, timeout_ms: u32, order: &[(&str, &str)]) -> Report<CreateOutcome> {
    host.create(call(timeout_ms), columns(order), create()).await
}

/// What the guest saw, or why the host ended it.
async fn seen(host: &Host, order: &[(&str, &str)]) -> String {
    let report = attack(host, PATIENT_MS, order).await;
    let failure = report.outcome.failure().unwrap();
    format!("{:?} {}", failure.reason, failure.message)
}

#[tokio::test]
async fn no_request_leaves_for_anywhere_but_the_calls_of_the_instance() {
    let stage = Stage::set().await.unwrap();
    let other = Simulator::start(Default::default()).await.unwrap();
    let host = hostile(stage.simulator.authorizations());
    let authority = stage.simulator.access().base_url.strip_prefix("http://").unwrap().to_string();
    let elsewhere = other.access().base_url.strip_prefix("http://").unwrap().to_string();
    let incidents = "/api/now/table/incident";
    let with_user = format!("user@{authority}");
    let confused = format!("{authority}@{elsewhere}");
    let split = format!("{authority}\r\nhost: {elsewhere}");
    // The same request, in order: it reaches the instance, so that the others could.
    let order = [("attack", "steal"), ("authorization", "main"), ("authority", &authority), ("path", incidents)];
    assert_eq!(seen(&host, &order).await, "Reason::Lost 200");
    let before = stage.simulator.requests().len();
    for (change, expected) in [
        (vec![("authority", &*elsewhere)], "HttpRequestDenied"),
        (vec![("authority", "169.254.169.254")], "HttpRequestDenied"),
        (vec![("authority", &with_user)], "HttpRequestDenied"),
        (vec![("authority", &confused)], "HttpRequestDenied"),
        (vec![("authority", &split)], "refused"),
        (vec![("authority", "")], "refused"),
        (vec![("scheme", "https")], "HttpRequestDenied"),
        (vec![("scheme", "ftp")], "Http"),
        (vec![("path", "//evil.example/api/now/table/incident")], "HttpRequestDenied"),
        (vec![("path", "/api/now/table/incident/../sys_user")], "HttpRequestDenied"),
        (vec![("path", "/api/now/table/incident/%2e%2e/sys_user")], "HttpRequestDenied"),
        (vec![("path", "/api/now/table/incident%2f..%2fsys_user")], "HttpRequestDenied"),
        (vec![("path", "/api/now/table/incident/\\..\\sys_user")], "HttpRequestDenied"),
        (vec![("path", "/api/now/table/incident HTTP/1.1\r\nx: y")], "refused"),
        (vec![("path", "http://evil.example/")], "refused"),
        (vec![("path", "/api/now/v1/batch"), ("method", "POST")], "HttpRequestDenied"),
        (vec![("path", "/api/now/table/sys_user")], "HttpRequestDenied"),
        (vec![("path", "/oauth_token.do"), ("method", "POST")], "HttpRequestDenied"),
        (vec![("method", "DELETE")], "HttpRequestDenied"),
        (vec![("method", "GET / HTTP/1.1\r\nx: y")], "refused"),
        (vec![("header", "host"), ("value", "evil.example")], "header"),
        (vec![("header", "Host"), ("value", "evil.example")], "header"),
        (vec![("header", "authorization"), ("value", "Bearer x")], "header"),
        (vec![("header", "cookie"), ("value", "glide_session=1")], "header"),
        (vec![("header", "x-sn-apikey"), ("value", "x")], "header"),
        (vec![("header", "X-HTTP-Method-Override"), ("value", "DELETE")], "header"),
        (vec![("header", "transfer-encoding"), ("value", "chunked")], "header"),
        (vec![("header", "connection"), ("value", "upgrade")], "header"),
        (vec![("header", "proxy-authorization"), ("value", "Basic x")], "header"),
        (vec![("header", "x-a\r\nx-b"), ("value", "c")], "header"),
        (vec![("header", "x-a"), ("value", "b\r\nx-c: d")], "header"),
        (vec![("header", "x-a"), ("value", "b\0")], "header"),
        (vec![("header", "content-length"), ("value", "99"), ("method", "POST"), ("body", "{}")], "Http"),
        (vec![("header", "content-length"), ("value", "1, 2"), ("method", "POST"), ("body", "{}")], "header"),
    ] {
        let changed = |name: &str| change.iter().any(|(key, _)| *key == name);
        let order: Vec<_> = order.into_iter().filter(|(name, _)| !changed(name)).chain(change.clone()).collect();
        let seen = seen(&host, &order).await;
        assert!(seen.contains(expected), "{change:?}: {seen}");
    }
    assert_eq!((stage.simulator.requests().len(), other.requests().len()), (before, 0));
}

#[tokio::test]
async fn a_guest_gets_the_credential_of_its_own_call_and_by_default_nothing_of_it() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let file = simulator.authorizations_file();
    let file = format!("{file}{}", file.replace("[authorizations.main]", "[authorizations.other]"));
    let host = hostile(Authorizations::parse(&file, Path::new("a.toml")).unwrap());
    for (name, expected) in [
        ("main", "nothing"),
        ("other", "UnknownAuthorization"),
        ("MAIN", "UnknownAuthorization"),
        ("", "UnknownAuthorization"),
    ] {
        let seen = seen(&host, &[("attack", "credential"), ("authorization", name)]).await;
        assert!(seen.contains(expected), "{name}: {seen}");
    }
}

#[tokio::test]
async fn a_credential_that_was_handed_out_goes_nowhere_but_into_its_header() {
    let (log, _guard) = Log::start_at(Level::DEBUG);
    let stage = Stage::set().await.unwrap();
    let other = Simulator::start(Default::default()).await.unwrap();
    let authority = stage.simulator.access().base_url.strip_prefix("http://").unwrap().to_string();
    let elsewhere = other.access().base_url.strip_prefix("http://").unwrap().to_string();
    for (handout, mut grant) in [
        ("header", "grant = \"bearer\"\ntoken = \"planted-canary-token\"".to_string()),
        ("header", "grant = \"api-key\"\napi-key = \"planted-canary-key\"".to_string()),
        (
            "grant",
            "grant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"planted-canary-secret\"".to_string(),
        ),
    ] {
        grant.push_str(&format!("\ncredential = {handout:?}"));
        let text =
            format!("[authorizations.main]\ninstance = \"http://{authority}\"\nallow-http-loopback = true\n{grant}");
        let host = hostile(Authorizations::parse(&text, Path::new("a.toml")).unwrap());
        let before = stage.simulator.requests().len();
        let order = [
            ("attack", "steal"),
            ("authorization", "main"),
            ("authority", &*authority),
            ("path", "/api/now/table/incident"),
        ];
        for change in [
            vec![("path", "/api/now/table/incident?sysparm_query=SECRET")],
            vec![("path", "/api/now/table/incident/SECRET")],
            vec![("path", "/SECRET")],
            vec![("path", "/SECRET/..")],
            vec![("method", "SECRET")],
            vec![("authority", "SECRET.evil.example")],
            vec![("method", "POST"), ("body", "{\"description\":\"SECRET\"}")],
            vec![("header", "x-note"), ("value", "SECRET")],
            vec![("authority", &*elsewhere), ("header", "x-note"), ("value", "SECRET")],
        ] {
            let changed = |name: &str| change.iter().any(|(key, _)| *key == name);
            let order: Vec<_> = order.into_iter().filter(|(name, _)| !changed(name)).chain(change.clone()).collect();
            let seen = seen(&host, &order).await;
            assert!(seen.contains("HttpRequestDenied"), "{handout} {change:?}: {seen}");
        }
        assert_eq!((stage.simulator.requests().len(), other.requests().len()), (before, 0));

        let report = attack(&host, PATIENT_MS, &[("attack", "credential"), ("authorization", "main")]).await;
        assert_eq!(report.outcome.failure().unwrap().reason, Reason::DeniedByHost);
        assert!(!format!("{report:?}").contains("planted-canary"), "{report:?}");
    }
    assert!(log.text().contains("denied"), "the log is really kept");
    assert!(!log.text().contains("planted-canary"), "{}", log.text());
}

#[tokio::test]
async fn an_attack_on_resources_ends_in_an_outcome_in_time_and_the_next_call_is_as_quick_as_ever() {
    const MS: u32 = 1_000;
    let stage = Stage::set().await.unwrap();
    let authority = stage.simulator.access().base_url.strip_prefix("http://").unwrap().to_string();
    let host = hostile(stage.simulator.authorizations());
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
        ("many unfinished bodies", vec![Reason::Lost, Reason::Limit], ""),
        ("body without end", vec![Reason::Lost], "HttpRequestBodySize"),
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
    assert!(stage.simulator.rows("incident").len() <= 1, "nothing but what the stage holds was written");
}

#[tokio::test]
async fn a_call_makes_so_many_requests_and_no_more() {
    let stage = Stage::set().await.unwrap();
    let host = hostile(stage.simulator.authorizations());
    let authority = stage.simulator.access().base_url.strip_prefix("http://").unwrap().to_string();
    let before = stage.simulator.requests().len();
    let order = [("attack", "requests in turn"), ("authority", &*authority), ("path", "/api/now/table/incident")];
    assert_eq!(seen(&host, &order).await, "Reason::Lost 20");
    assert_eq!(stage.simulator.requests().len(), before + 20);
    // And it makes the host fetch no token that the instance did not refuse.
    let tokens = || stage.simulator.requests().iter().filter(|request| request.contains("/oauth_token.do")).count();
    let before = tokens();
    assert_eq!(seen(&host, &[("attack", "ask again and again"), ("authorization", "main")]).await, "Reason::Lost 16");
    assert!(tokens() <= before + 1, "{} tokens", tokens() - before);
}

#[tokio::test]
async fn no_cookie_and_no_credential_of_an_answer_comes_in_or_goes_out_again() {
    let heads = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&heads);
    let wire = Wire::serve("http", move |mut stream| {
        let noted = std::sync::Arc::clone(&noted);
        async move {
            while let Ok(head) = read(&mut stream).await {
                noted.lock().unwrap().push(head);
                let headers =
                    "set-cookie: glide_session=1\r\nauthorization: x\r\nx-echo: Bearer planted-canary-token\r\n";
                let body = b"{\"result\":\"Bearer planted-canary-token\"}";
                let sent = tokio::io::AsyncWriteExt::write_all(&mut stream, &answer("200 OK", headers, body)).await;
                if sent.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let grant = "grant = \"bearer\"\ntoken = \"planted-canary-token\"";
    let text = format!("[authorizations.main]\ninstance = {:?}\nallow-http-loopback = true\n{grant}", wire.origin);
    let host = hostile(Authorizations::parse(&text, Path::new("a.toml")).unwrap());
    let authority = wire.origin.strip_prefix("http://").unwrap();
    let order =
        [("attack", "steal"), ("authorization", "main"), ("authority", authority), ("path", "/api/now/table/incident")];
    for _ in 0..2 {
        // The guest says so if it sees one of these headers.
        assert_eq!(seen(&host, &order).await, "Reason::Lost 200");
    }
    let order =
        [("attack", "read"), ("authorization", "main"), ("authority", authority), ("path", "/api/now/table/incident")];
    let seen = seen(&host, &order).await;
    assert!(seen.contains("\"result\"") && seen.contains("****") && !seen.contains("canary"), "{seen}");
    let heads = heads.lock().unwrap().join("\n").to_lowercase();
    assert!(heads.contains("authorization: bearer planted-canary-token"), "the host adds it: {heads}");
    assert!(!heads.contains("cookie"), "{heads}");
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

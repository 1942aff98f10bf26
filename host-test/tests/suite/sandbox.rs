//! The sandbox: deadlines hold, only the authorization's origin is reached, and every end is an outcome.

use crate::support::{PATIENT_MS, host, host_with};
use host_test::lab::scenarios::{TestBed, authorizations, by, columns, create};
use servicenow_host::incidents::{CreateOutcome, GetOutcome};
use servicenow_host::types::{Call, Reason, Retry, WriteHappened};
use servicenow_host::{Limits, Outcome};
use servicenow_simulator::{Effect, Fault, Options, Simulator};
use servicenow_test_support::ScriptedServer;
use std::time::Duration;

const INCIDENTS: &str = "/api/now/table/incident";

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_silent_instance_does_not_hold_a_call_past_its_deadline() {
    let bed = TestBed::set().await.unwrap();
    for ms in [100, 300] {
        bed.simulator.inject(Fault::once("GET", INCIDENTS, Effect::Hang));
        let report = bed.host.get(bed.call(ms), by("number", "INC0010001")).await;
        assert!(matches!(report.outcome, GetOutcome::Timeout(_)), "{:?}", report.outcome);
        assert!(report.elapsed < Duration::from_millis(ms.into()) + TOLERANCE, "{ms} ms took {:?}", report.elapsed);
    }
}

#[tokio::test]
async fn the_host_s_cap_ends_a_call_that_wishes_for_more() {
    let bed = TestBed::set().await.unwrap();
    let limits = Limits { max_timeout: Duration::from_millis(200), ..Limits::default() };
    let host = host_with(authorizations(&bed.simulator), limits);
    bed.simulator.inject(Fault::once("GET", INCIDENTS, Effect::Hang));
    let report = host.get(bed.call(60_000), by("number", "INC0010001")).await;
    assert!(matches!(report.outcome, GetOutcome::Timeout(_)), "{:?}", report.outcome);
    assert!(report.elapsed < Duration::from_millis(200) + TOLERANCE, "{:?}", report.elapsed);
}

#[tokio::test]
async fn a_call_that_runs_out_before_its_write_leaves_wrote_nothing() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let host = host_with(authorizations(&simulator), Limits::default());
    simulator.inject(Fault::once("POST", "/oauth_token.do", Effect::Hang));
    for ms in [1, 10, 200] {
        let call = Call {
            authorization: "main".to_string(),
            instance: simulator.access().base_url.clone(),
            timeout_ms: Some(ms),
        };
        let report = host.create(call, columns(&[("urgency", "1")]), create()).await;
        match &report.outcome {
            CreateOutcome::Timeout(failure) => {
                assert_eq!(
                    (failure.write_happened, failure.retry),
                    (WriteHappened::No, Retry::Later),
                    "{ms}: {failure:?}"
                );
            }
            other => panic!("{other:?}"),
        }
        assert!(report.elapsed < Duration::from_millis(ms.into()) + TOLERANCE, "{ms}: {:?}", report.elapsed);
    }
    assert!(simulator.rows("incident").is_empty());
}

#[tokio::test]
async fn a_call_for_another_instance_sends_nothing() {
    let bed = TestBed::set().await.unwrap();
    let other = Simulator::start(Default::default()).await.unwrap();
    let before = bed.simulator.requests().len();
    let call = Call { instance: other.access().base_url.clone(), ..bed.call(PATIENT_MS) };
    let report = bed.host.create(call, columns(&[("urgency", "1")]), create()).await;
    assert_eq!(report.outcome.failure().unwrap().reason, Reason::WrongInstance);
    assert_eq!((other.requests().len(), bed.simulator.requests().len()), (0, before));
}

#[tokio::test]
async fn an_unreachable_instance_wrote_nothing() {
    let gone = Simulator::start(Default::default()).await.unwrap();
    let base_url = gone.access().base_url.clone();
    let text = format!(
        "[authorizations.main]\ninstance = {base_url:?}\nallow-http-loopback = true\ngrant = \"bearer\"\ntoken = \"t\""
    );
    drop(gone);
    let host = host(&text);
    let call = Call { authorization: "main".to_string(), instance: base_url, timeout_ms: Some(PATIENT_MS) };
    let report = host.create(call, columns(&[("urgency", "1")]), create()).await;
    match report.outcome {
        CreateOutcome::Error(failure) => {
            assert_eq!((failure.reason, failure.write_happened), (Reason::Connect, WriteHappened::No));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_address_that_is_not_public_is_not_reached_unless_the_authorization_says_so() {
    let folder = std::env::temp_dir().join(format!("servicenow-address-{}", std::process::id()));
    let options = Options { tls: Some(folder.clone()), ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    // By address, and by a name that resolves to it.
    for origin in [simulator.access().base_url.clone(), simulator.access().base_url.replace("127.0.0.1", "localhost")] {
        let text = format!("[authorizations.main]\ninstance = {origin:?}\ngrant = \"bearer\"\ntoken = \"t\"");
        let call = Call { authorization: "main".to_string(), instance: origin, timeout_ms: Some(PATIENT_MS) };
        let report = host(&text).create(call, columns(&[("urgency", "1")]), create()).await;
        let failure = report.outcome.failure().unwrap();
        assert_eq!((failure.reason, failure.write_happened), (Reason::DeniedByHost, WriteHappened::No), "{failure:?}");
    }
    assert_eq!(simulator.connections(), 0);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_host_name_that_does_not_exist_is_told_from_a_host_that_does_not_answer() {
    let text = "[authorizations.main]\ninstance = \"https://nowhere.invalid\"\ngrant = \"bearer\"\ntoken = \"t\"";
    let host = host(text);
    let call = Call {
        authorization: "main".to_string(),
        instance: "nowhere.invalid".to_string(),
        timeout_ms: Some(PATIENT_MS),
    };
    let report = host.get(call, by("number", "INC1")).await;
    assert_eq!(report.outcome.failure().unwrap().reason, Reason::Dns, "{:?}", report.outcome);
}

#[tokio::test]
async fn tls_is_trusted_by_its_ca_and_refused_without_it() {
    let folder = std::env::temp_dir().join(format!("servicenow-tls-{}", std::process::id()));
    let options = Options { tls: Some(folder.clone()), ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let call = || Call {
        authorization: "main".to_string(),
        instance: simulator.access().base_url.clone(),
        timeout_ms: Some(PATIENT_MS),
    };
    let trusted = host_with(authorizations(&simulator), Limits::default());
    let report = trusted.create(call(), columns(&[("urgency", "1")]), create()).await;
    assert!(matches!(report.outcome, CreateOutcome::IncidentCreated(_)), "{:?}", report.outcome);

    let base_url = &simulator.access().base_url;
    let text = format!(
        "[authorizations.main]\ninstance = {base_url:?}\nallowed-addresses = [\"127.0.0.1\"]\ngrant = \"bearer\"\ntoken = \"t\""
    );
    let untrusted = host(&text);
    let report = untrusted.create(call(), columns(&[("urgency", "1")]), create()).await;
    let failure = report.outcome.failure().unwrap();
    assert_eq!((failure.reason, failure.write_happened), (Reason::Tls, WriteHappened::No), "{failure:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_guest_that_runs_into_a_limit_ends_in_an_outcome_and_the_next_call_works() {
    let bed = TestBed::set().await.unwrap();
    let limits = Limits { max_memory: 1 << 16, ..Limits::default() };
    let host = host_with(authorizations(&bed.simulator), limits);
    let report = host.create(bed.call(PATIENT_MS), columns(&[("urgency", "1")]), create()).await;
    match report.outcome {
        CreateOutcome::Error(failure) => {
            assert_eq!((failure.reason, failure.write_happened), (Reason::Limit, WriteHappened::No))
        }
        other => panic!("{other:?}"),
    }
    let report = bed.host.get(bed.call(PATIENT_MS), by("number", "INC0010001")).await;
    assert!(matches!(report.outcome, GetOutcome::GetIncidentSuccess(_)), "{:?}", report.outcome);
}

#[tokio::test]
async fn an_answer_larger_than_allowed_is_a_failure_and_not_a_crash() {
    let bed = TestBed::set().await.unwrap();
    let huge = format!("{{\"result\":[{{\"number\":\"{}\"}}]}}", "x".repeat(11 * 1024 * 1024));
    bed.simulator.inject(Fault::once("GET", INCIDENTS, Effect::json(200, &huge)));
    let report = bed.host.get(bed.call(PATIENT_MS), by("number", "INC0010001")).await;
    assert!(matches!(report.outcome, GetOutcome::GetIncidentFailure(_)), "{:?}", report.outcome);
    assert_eq!(report.outcome.failure().unwrap().reason, Reason::TooLarge);
}

#[tokio::test]
async fn an_answer_of_five_megabytes_is_read_and_returned_whole() {
    let bed = TestBed::set().await.unwrap();
    let long = "x".repeat(2 * 1024 * 1024);
    let body = format!(
        r#"{{"result":[{{"number":{{"value":"INC0010001","display_value":"INC0010001"}},"sys_id":{{"value":"189d7fc183a51210d81dc590ceaad387"}},"description":{{"display_value":"{long}","value":"{long}"}}}}]}}"#
    );
    bed.simulator.inject(Fault::once("GET", INCIDENTS, Effect::json(200, &body).header("x-total-count", "1")));
    match bed.host.get(bed.call(PATIENT_MS), by("number", "INC0010001")).await.outcome {
        GetOutcome::GetIncidentSuccess(incident) => assert_eq!(incident.response_payload, body),
        other => panic!("{}", format!("{other:?}").get(..300).unwrap_or_default()),
    }
}

#[tokio::test]
async fn calls_share_one_connection() {
    let bed = TestBed::set().await.unwrap();
    let first = bed.host.get(bed.call(PATIENT_MS), by("number", "INC0010001")).await;
    assert_eq!(first.exchanges.len(), 1);
    for _ in 0..20 {
        bed.host.get(bed.call(PATIENT_MS), by("number", "INC0010001")).await;
    }
    // Token and calls: one after the other, they need no second connection.
    assert_eq!(bed.simulator.connections(), 1);
}

#[tokio::test]
async fn calls_beyond_the_limit_of_their_authorization_wait_in_turn_inside_their_deadlines() {
    let bed = TestBed::set().await.unwrap();
    let limits = Limits { max_calls_per_authorization: 1, ..Limits::default() };
    let host = host_with(authorizations(&bed.simulator), limits);
    bed.simulator.inject(Fault::once("GET", INCIDENTS, Effect::Delay { ms: 400 }));
    let create_within = |ms| host.create(bed.call(ms), columns(&[("urgency", "1")]), create());
    let (held, late, patient) = tokio::join!(
        host.get(bed.call(PATIENT_MS), by("number", "INC0010001")),
        create_within(200),
        create_within(PATIENT_MS)
    );
    assert!(matches!(held.outcome, GetOutcome::GetIncidentSuccess(_)), "{:?}", held.outcome);
    match &late.outcome {
        CreateOutcome::Timeout(failure) => assert_eq!(failure.write_happened, WriteHappened::No),
        other => panic!("{other:?}"),
    }
    assert!(late.exchanges.is_empty() && late.elapsed < Duration::from_millis(200) + TOLERANCE, "{:?}", late.elapsed);
    assert!(matches!(patient.outcome, CreateOutcome::IncidentCreated(_)), "{:?}", patient.outcome);
    assert!(patient.waited > Duration::from_millis(350) && patient.waited < patient.elapsed, "{:?}", patient.waited);
    // One that was never admitted did nothing but wait, and a component does not run while it waits for an answer.
    assert_eq!((late.waited, late.computed), (late.elapsed, Duration::ZERO));
    assert!(!held.computed.is_zero() && held.computed + Duration::from_millis(350) < held.elapsed, "{held:?}");
}

#[tokio::test]
async fn a_header_section_is_as_large_as_is_said_and_no_larger() {
    let record = crate::faults::RECORD;
    let length = record.len().to_string();
    let note = "x".repeat(20_000);
    let headers = [("content-type", "application/json"), ("content-length", &length), ("x-note", &note)];
    let size: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let head: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let answer = format!("HTTP/1.1 201 Created\r\n{head}\r\n{record}");
    for (max_header_bytes, is_taken) in [(size - 1, false), (size, true), (size + 1, true)] {
        let wire = ScriptedServer::run(crate::faults::sends(answer.clone())).await;
        let text = format!(
            "[authorizations.main]\ninstance = {:?}\nallow-http-loopback = true\ngrant = \"bearer\"\ntoken = \"t\"",
            wire.origin
        );
        let authorizations = servicenow_host::Authorizations::parse(&text, std::path::Path::new("a.toml")).unwrap();
        let host = host_with(authorizations, Limits { max_header_bytes, ..Limits::default() });
        let call = Call { authorization: "main".into(), instance: wire.origin.clone(), timeout_ms: Some(PATIENT_MS) };
        let outcome = host.create(call, columns(&[("urgency", "1")]), create()).await.outcome;
        assert_eq!(matches!(outcome, CreateOutcome::IncidentCreated(_)), is_taken, "{max_header_bytes}: {outcome:?}");
    }
}

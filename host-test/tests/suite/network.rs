//! Broken networks: whatever a server or the way to it does, the call ends in time, in an outcome that says what is known of
//! the write.

use crate::faults::{CREATED, Ended, Fault, RECORD, failed, faults, sends};
use crate::support::{PATIENT_MS, host};
use host_test::lab::scenarios::{by, columns, create, update};
use servicenow_host::types::Call;
use servicenow_host::types::{Reason, WriteHappened};
use servicenow_host::{Host, Outcome};
use servicenow_test_support::{Certificate, ScriptedServer, Step, answer};
use std::time::Duration;

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Short, because the rows that fall silent take it whole.
pub const MS: u32 = 300;

const SYS_ID: &str = "189d7fc183a51210d81dc590ceaad387";

/// An authorization of an origin that may be on loopback.
pub fn authorizations(origin: &str, more: &str) -> String {
    let trust =
        if origin.starts_with("http:") { "allow-http-loopback = true" } else { "allowed-addresses = [\"127.0.0.1\"]" };
    format!("[authorizations.main]\ninstance = {origin:?}\n{trust}\n{more}\n")
}

const BEARER: &str = "grant = \"bearer\"\ntoken = \"t\"";

fn call(origin: &str, timeout_ms: u32) -> Call {
    Call { authorization: "main".to_string(), instance: origin.to_string(), timeout_ms: Some(timeout_ms) }
}

/// How a call ended, after checking that it ended in time.
fn ended<T: Outcome>(report: servicenow_host::Report<T>, timeout_ms: u32) -> Ended {
    let limit = Duration::from_millis(timeout_ms.into()) + TOLERANCE;
    assert!(report.elapsed < limit, "took {:?}", report.elapsed);
    let failure = report.outcome.failure().map(|failure| (failure.reason, failure.write_happened));
    Ended { case: report.outcome.case(), failure }
}

/// Creates, and says how that ended.
pub async fn creates(host: &Host, origin: &str, timeout_ms: u32) -> Ended {
    ended(host.create(call(origin, timeout_ms), columns(&[("urgency", "1")]), create()).await, timeout_ms)
}

async fn gets(host: &Host, origin: &str, timeout_ms: u32) -> Ended {
    ended(host.get(call(origin, timeout_ms), by("number", "INC1")).await, timeout_ms)
}

async fn updates(host: &Host, origin: &str, timeout_ms: u32) -> Ended {
    let (columns, options) = (columns(&[("urgency", "1")]), update());
    ended(host.update(call(origin, timeout_ms), SYS_ID.to_string(), columns, options).await, timeout_ms)
}

#[tokio::test]
async fn a_create_over_a_broken_network_tells_what_is_known_of_the_write() {
    for Fault { name, script, expected } in faults() {
        let wire = ScriptedServer::run(script.clone()).await;
        let host = host(&authorizations(&wire.origin, BEARER));
        // A large body takes a while on a busy machine; what falls silent takes its deadline whole.
        let ms = if expected.at_deadline() { MS } else { PATIENT_MS };
        assert_eq!(creates(&host, &wire.origin, ms).await, expected, "{name}");

        // An update and a get are answered 200 where a create is answered 201.
        let wire = ScriptedServer::run(script.into_iter().map(with_statuses_swapped).collect()).await;
        let host = crate::support::host(&authorizations(&wire.origin, BEARER));
        let read = gets(&host, &wire.origin, ms).await;
        let is_read = if expected == CREATED { read.case == "get-incident-success" } else { read.wrote_nothing() };
        assert!(is_read, "a get, {name}: {read:?}");
        // An update that has the sys_id already does not need it in the answer.
        let expected = match expected {
            CREATED => Ended { case: "incident-update-success", failure: None },
            Ended { case: "create-incident-failure", failure: Some((Reason::UnexpectedAnswer, _)) } => {
                failed("incident-update-failure", Reason::WrongRecord, WriteHappened::Unknown)
            }
            Ended { case: "create-incident-failure", failure } => Ended { case: "incident-update-failure", failure },
            other => other,
        };
        assert_eq!(updates(&host, &wire.origin, ms).await, expected, "an update, {name}");
    }
}

fn with_statuses_swapped(step: Step) -> Step {
    let swap = |bytes: Vec<u8>| {
        let (created, ok) = (b"HTTP/1.1 201 Created".as_slice(), b"HTTP/1.1 200 OK".as_slice());
        for (from, to) in [(created, ok), (ok, created)] {
            if let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
                return [&bytes[..at], to, &bytes[at + from.len()..]].concat();
            }
        }
        bytes
    };
    match step {
        Step::Send(bytes) => Step::Send(swap(bytes)),
        Step::Drip(bytes) => Step::Drip(swap(bytes)),
        other => other,
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = ScriptedServer::run(sends(answer("201 Created", "", RECORD.as_bytes()))).await;
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let wire =
            ScriptedServer::run(sends(answer(status, &format!("location: {}/x\r\n", elsewhere.origin), b"{}"))).await;
        let host = host(&authorizations(&wire.origin, BEARER));
        let expected = failed("create-incident-failure", Reason::Redirected, WriteHappened::Unknown);
        assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, expected, "{status}");
        assert_eq!(
            gets(&host, &wire.origin, PATIENT_MS).await,
            failed("get-incident-failure", Reason::Redirected, WriteHappened::No),
            "{status}"
        );
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_wrote_nothing() {
    let gone = ScriptedServer::run(Vec::new()).await.origin.clone();
    let host = host(&authorizations(&gone, BEARER));
    assert_eq!(creates(&host, &gone, PATIENT_MS).await, failed("error", Reason::Connect, WriteHappened::No));
    let expired = |parameters: &mut rcgen::CertificateParams| parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
    for (name, certificate, trusted, expected) in [
        ("trusted, as a control", Certificate::of(&["127.0.0.1"], |_| {}), true, CREATED),
        (
            "signed by itself",
            Certificate::of(&["127.0.0.1"], |_| {}),
            false,
            failed("error", Reason::Tls, WriteHappened::No),
        ),
        (
            "another host's",
            Certificate::of(&["itsm.example.com"], |_| {}),
            true,
            failed("error", Reason::Tls, WriteHappened::No),
        ),
        ("expired", Certificate::of(&["127.0.0.1"], expired), true, failed("error", Reason::Tls, WriteHappened::No)),
    ] {
        let pem = std::env::temp_dir().join(format!("servicenow-network-{}.pem", std::process::id()));
        std::fs::write(&pem, &certificate.pem).unwrap();
        let wire =
            ScriptedServer::run_tls(certificate, None, sends(answer("201 Created", "", RECORD.as_bytes()))).await;
        let trust = if trusted { format!("ca-files = [{pem:?}]\n{BEARER}") } else { BEARER.to_string() };
        let host = crate::support::host(&authorizations(&wire.origin, &trust));
        assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, expected, "{name}");
        std::fs::remove_file(pem).unwrap();
    }
    let silent = ScriptedServer::run(vec![Step::Hold]).await;
    let stalled = silent.origin.replace("http:", "https:");
    let host = crate::support::host(&authorizations(&stalled, BEARER));
    assert_eq!(
        creates(&host, &stalled, MS).await,
        failed("timeout", Reason::Deadline, WriteHappened::No),
        "a handshake that stalls"
    );
}

#[tokio::test]
async fn a_pooled_connection_that_the_server_closes_costs_nothing_or_tells_the_truth() {
    let whole = answer("201 Created", "", RECORD.as_bytes());
    // Closed between two writes: the second goes out on a new connection.
    let wire = ScriptedServer::run(sends(whole.clone())).await;
    let host = host(&authorizations(&wire.origin, BEARER));
    for _ in 0..20 {
        assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, CREATED);
    }
    // Closed as the second write arrives: nobody knows.
    let wire = ScriptedServer::run([sends(whole), vec![Step::Read, Step::Reset]].concat()).await;
    let host = crate::support::host(&authorizations(&wire.origin, BEARER));
    assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, CREATED);
    let second = ended(
        host.update(call(&wire.origin, PATIENT_MS), SYS_ID.into(), columns(&[("urgency", "1")]), update()).await,
        PATIENT_MS,
    );
    assert_eq!(second, failed("error", Reason::Lost, WriteHappened::Unknown));
}

#[tokio::test]
async fn every_refusal_of_servicenow_has_its_case_and_reason() {
    let error = |message: &str, detail: &str| {
        format!(r#"{{"error":{{"message":"{message}","detail":"{detail}"}},"status":"failure"}}"#)
    };
    for (status, body, headers, expected) in [
        (
            "400 Bad Request",
            error("Exception while reading request", "x"),
            "",
            failed("bad-request", Reason::BadRequest, WriteHappened::No),
        ),
        (
            "401 Unauthorized",
            error("User is not authenticated", "Required to provide Auth information"),
            "",
            failed("create-incident-failure", Reason::Unauthorized, WriteHappened::No),
        ),
        (
            "403 Forbidden",
            error(
                "Insufficient rights to query records",
                "Field(s) present in the query do not have permission to be read",
            ),
            "",
            failed("create-incident-failure", Reason::Forbidden, WriteHappened::No),
        ),
        (
            "403 Forbidden",
            error("Operation Failed", "Data Policy Exception: The following fields are mandatory: Close notes"),
            "",
            failed("create-incident-failure", Reason::DataPolicy, WriteHappened::No),
        ),
        (
            "403 Forbidden",
            error("Operation Failed", "Operation against file 'incident' was aborted by Business Rule 'x'"),
            "",
            failed("create-incident-failure", Reason::BusinessRule, WriteHappened::No),
        ),
        (
            "404 Not Found",
            error("No Record found", "Record doesn't exist or ACL restricts the record retrieval"),
            "",
            failed("not-found", Reason::NotFound, WriteHappened::No),
        ),
        (
            "405 Method Not Allowed",
            error("Method not supported", "x"),
            "",
            failed("create-incident-failure", Reason::UnsupportedRequest, WriteHappened::No),
        ),
        (
            "406 Not Acceptable",
            error("x", "x"),
            "",
            failed("create-incident-failure", Reason::UnsupportedRequest, WriteHappened::No),
        ),
        (
            "408 Request Timeout",
            error("x", "x"),
            "",
            failed("create-incident-failure", Reason::UnexpectedStatus, WriteHappened::Unknown),
        ),
        (
            "409 Conflict",
            error("x", "x"),
            "",
            failed("create-incident-failure", Reason::Conflict, WriteHappened::Unknown),
        ),
        (
            "413 Payload Too Large",
            error("x", "x"),
            "",
            failed("create-incident-failure", Reason::RequestTooLarge, WriteHappened::No),
        ),
        (
            "415 Unsupported Media Type",
            error("Unsupported media type", "x"),
            "",
            failed("create-incident-failure", Reason::UnsupportedRequest, WriteHappened::No),
        ),
        (
            "429 Too Many Requests",
            error("Rate limit exceeded", "x"),
            "retry-after: 600\r\n",
            failed("create-incident-failure", Reason::RateLimited, WriteHappened::No),
        ),
        (
            "429 Too Many Requests",
            error("Rate limit exceeded", "x"),
            "x-ratelimit-reset: 99999999999\r\n",
            failed("create-incident-failure", Reason::RateLimited, WriteHappened::No),
        ),
        (
            "429 Too Many Requests",
            error("Rate limit exceeded", "x"),
            "",
            failed("create-incident-failure", Reason::RateLimited, WriteHappened::No),
        ),
        (
            "500 Internal Server Error",
            error("Transaction cancelled: maximum execution time exceeded", "x"),
            "",
            failed("create-incident-failure", Reason::Cancelled, WriteHappened::Unknown),
        ),
        (
            "502 Bad Gateway",
            error("x", "x"),
            "",
            failed("create-incident-failure", Reason::ServerError, WriteHappened::Unknown),
        ),
        (
            "503 Service Unavailable",
            error("x", "x"),
            "",
            failed("create-incident-failure", Reason::ServerError, WriteHappened::Unknown),
        ),
        (
            "504 Gateway Timeout",
            error("x", "x"),
            "",
            failed("create-incident-failure", Reason::ServerError, WriteHappened::Unknown),
        ),
    ] {
        let wire = ScriptedServer::run(sends(answer(status, headers, body.as_bytes()))).await;
        let host = host(&authorizations(&wire.origin, BEARER));
        assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, expected, "{status} {headers}{body}");
    }
}

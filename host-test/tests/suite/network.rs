//! Broken networks: whatever a server or the way to it does, the call ends in time, in an outcome that says what is known of
//! the write.

use crate::support::{PATIENT_MS, host};
use crate::wire::{Certificate, Step, Wire, answer};
use servicenow_host::scenarios::{by, columns, create, update};
use servicenow_host::types::Call;
use servicenow_host::{Failed, Host, Outcome};
use std::time::Duration;

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Short, because the rows that fall silent take it whole.
pub const MS: u32 = 300;

const SYS_ID: &str = "189d7fc183a51210d81dc590ceaad387";

const RECORD: &str = r#"{"result":{"number":"INC1","sys_id":"189d7fc183a51210d81dc590ceaad387","urgency":"1"}}"#;

fn authorizations(origin: &str, more: &str) -> String {
    let trust =
        if origin.starts_with("http:") { "allow-http-loopback = true" } else { "allowed-addresses = [\"127.0.0.1\"]" };
    format!("[authorizations.main]\ninstance = {origin:?}\n{trust}\n{more}\n")
}

const BEARER: &str = "grant = \"bearer\"\ntoken = \"t\"";

fn call(origin: &str, timeout_ms: u32) -> Call {
    Call { authorization: "main".to_string(), instance: origin.to_string(), timeout_ms: Some(timeout_ms) }
}

/// The case of an outcome with what its failure says, after checking that it came in time.
fn told<T: Outcome + Failed>(report: servicenow_host::Report<T>, timeout_ms: u32) -> String {
    let limit = Duration::from_millis(timeout_ms.into()) + TOLERANCE;
    assert!(report.elapsed < limit, "took {:?}", report.elapsed);
    let case = report.outcome.case();
    match report.outcome.failure() {
        Some(failure) => format!("{case} {:?} {:?}", failure.reason, failure.write_happened)
            .replace("Reason::", "")
            .replace("WriteHappened::", ""),
        None => case.to_string(),
    }
}

async fn creates(host: &Host, origin: &str, timeout_ms: u32) -> String {
    told(host.create(call(origin, timeout_ms), columns(&[("urgency", "1")]), create()).await, timeout_ms)
}

async fn gets(host: &Host, origin: &str, timeout_ms: u32) -> String {
    told(host.get(call(origin, timeout_ms), by("number", "INC1")).await, timeout_ms)
}

async fn updates(host: &Host, origin: &str, timeout_ms: u32) -> String {
    let (columns, options) = (columns(&[("urgency", "1")]), update());
    told(host.update(call(origin, timeout_ms), SYS_ID.to_string(), columns, options).await, timeout_ms)
}

fn after_request(steps: &[Step]) -> Vec<Step> {
    [&[Step::Read], steps].concat()
}

fn sends(bytes: impl Into<Vec<u8>>) -> Vec<Step> {
    after_request(&[Step::Send(bytes.into())])
}

fn chunked(body: &str, trailers: &str) -> String {
    format!(
        "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: x-note\r\n\r\n{:x}\r\n{body}\r\n0\r\n{trailers}\r\n",
        body.len()
    )
}

/// A fault of the network, and what a create is told.
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// What the server does.
    pub script: Vec<Step>,
    /// Case, reason, and whether it was written.
    pub expected: &'static str,
}

const CREATED: &str = "incident-created";

/// Every fault, and two of no fault.
pub fn faults() -> Vec<Fault> {
    let head = |length: usize| {
        format!("HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
    };
    let whole = answer("201 Created", "", RECORD.as_bytes());
    let html = |status: &str, page: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len())
    };
    let fault = |(name, script, expected)| Fault { name, script, expected };
    [
        ("whole, as a control", sends(whole.clone()), CREATED),
        ("closed after the request", sends(""), "error Lost Unknown"),
        ("reset after the request", after_request(&[Step::Reset]), "error Lost Unknown"),
        (
            "reset in the head",
            after_request(&[Step::Send(b"HTTP/1.1 201 Cre".into()), Step::Reset]),
            "error Lost Unknown",
        ),
        ("closed in the head", sends("HTTP/1.1 201 Created\r\ncontent-"), "error Lost Unknown"),
        ("reset after the head", after_request(&[Step::Send(head(9).into()), Step::Reset]), "error Lost Unknown"),
        ("closed in the body", sends(format!("{}{{\"res", head(90))), "error Lost Unknown"),
        ("silent from the start", vec![Step::Hold], "timeout Deadline Unknown"),
        ("silent after the request", after_request(&[Step::Hold]), "timeout Deadline Unknown"),
        (
            "silent in the head",
            after_request(&[Step::Send(b"HTTP/1.1 2".into()), Step::Hold]),
            "timeout Deadline Unknown",
        ),
        ("silent in the body", after_request(&[Step::Send(head(90).into()), Step::Hold]), "timeout Deadline Unknown"),
        ("a head that drips", after_request(&[Step::Drip(whole.clone())]), "timeout Deadline Unknown"),
        (
            "a body that drips",
            after_request(&[Step::Send(head(RECORD.len()).into()), Step::Drip(RECORD.into())]),
            "timeout Deadline Unknown",
        ),
        ("no HTTP at all", sends("SSH-2.0-OpenSSH_9.6\r\n\r\n"), "error Lost Unknown"),
        ("a login page", sends(html("200 OK", "<html>login")), "create-incident-failure NotJson Unknown"),
        (
            "hibernating",
            sends(html("200 OK", "<html class=\"instance-hibernating-page\">")),
            "create-incident-failure Hibernating No",
        ),
        ("a proxy's page", sends(html("502 Bad Gateway", "<html>")), "create-incident-failure ServerError Unknown"),
        ("empty 201", sends(answer("201 Created", "", b"")), "create-incident-failure NotJson Unknown"),
        ("empty 200", sends(answer("200 OK", "", b"")), "create-incident-failure UnexpectedStatus Unknown"),
        ("204", sends("HTTP/1.1 204 No Content\r\n\r\n"), "create-incident-failure UnexpectedStatus Unknown"),
        (
            "201 without sys_id",
            sends(answer("201 Created", "", br#"{"result":{"number":"INC1"}}"#)),
            "create-incident-failure UnexpectedAnswer Yes",
        ),
        (
            "rows and an error under 200",
            sends(answer(
                "200 OK",
                "",
                br#"{"result":[{"number":"INC1"}],"error":{"message":"Transaction cancelled"}}"#,
            )),
            "create-incident-failure Cancelled Unknown",
        ),
        (
            "cut-off rows and an error under 201",
            sends(answer(
                "201 Created",
                "",
                br#"{"result":[{"number":"IN"error":{"message":"Transaction cancelled"}}"#,
            )),
            "create-incident-failure Cancelled Unknown",
        ),
        (
            "compressed unasked",
            sends(answer("201 Created", "content-encoding: gzip\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\x03")),
            "create-incident-failure Encoded Unknown",
        ),
        ("a length too long", sends(format!("{}{RECORD}", head(RECORD.len() + 9))), "error Lost Unknown"),
        ("a length too short", sends(format!("{}{RECORD}", head(9))), "create-incident-failure NotJson Unknown"),
        ("a length that is none", sends("HTTP/1.1 201 Created\r\ncontent-length: x\r\n\r\n"), "error Lost Unknown"),
        (
            "two lengths",
            sends(format!(
                "HTTP/1.1 201 Created\r\ncontent-length: 9\r\ncontent-length: {}\r\n\r\n{RECORD}",
                RECORD.len()
            )),
            "error Lost Unknown",
        ),
        ("a byte order mark", sends(answer("201 Created", "", format!("\u{feff}{RECORD}").as_bytes())), CREATED),
        (
            "no UTF-8",
            sends(answer("201 Created", "", b"{\"result\":\"\xff\"}")),
            "create-incident-failure NotJson Unknown",
        ),
        ("100 first", sends([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), whole.clone()].concat()), CREATED),
        ("trailers", sends(chunked(RECORD, "x-note: 1\r\n")), CREATED),
        ("a chunk that is none", sends(chunked(RECORD, "").replace("\r\n0\r\n", "\r\nxyz\r\n")), "error Lost Unknown"),
        ("20 MB", sends(answer("201 Created", "", &vec![b' '; 20 << 20])), "create-incident-failure TooLarge Unknown"),
        (
            "a header of 1 MB",
            sends(answer("201 Created", &format!("x-note: {}\r\n", "x".repeat(1 << 20)), RECORD.as_bytes())),
            "create-incident-failure TooLarge Unknown",
        ),
        (
            "1000 headers",
            sends(answer("201 Created", &"x-note: 1\r\n".repeat(1000), RECORD.as_bytes())),
            "create-incident-failure TooLarge Unknown",
        ),
    ]
    .map(fault)
    .into()
}

#[tokio::test]
async fn a_create_over_a_broken_network_tells_what_is_known_of_the_write() {
    for Fault { name, script, expected } in faults() {
        let wire = Wire::play(script.clone()).await;
        let host = host(&authorizations(&wire.origin, BEARER));
        // A large body takes a while on a busy machine; what falls silent takes its deadline whole.
        let ms = if expected.contains("Deadline") { MS } else { PATIENT_MS };
        assert_eq!(creates(&host, &wire.origin, ms).await, expected, "{name}");

        // An update and a get are answered 200 where a create is answered 201.
        let wire = Wire::play(script.into_iter().map(with_statuses_swapped).collect()).await;
        let host = crate::support::host(&authorizations(&wire.origin, BEARER));
        let read = gets(&host, &wire.origin, ms).await;
        let is_read = if expected == CREATED { read == "get-incident-success" } else { read.ends_with(" No") };
        assert!(is_read, "a get, {name}: {read}");
        // An update that has the sys_id already does not need it in the answer.
        let expected =
            expected.replace("create-incident", "incident-update").replace(CREATED, "incident-update-success");
        let expected = expected.replace("UnexpectedAnswer Yes", "WrongRecord Unknown");
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
    let elsewhere = Wire::play(sends(answer("201 Created", "", RECORD.as_bytes()))).await;
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let wire = Wire::play(sends(answer(status, &format!("location: {}/x\r\n", elsewhere.origin), b"{}"))).await;
        let host = host(&authorizations(&wire.origin, BEARER));
        let expected = "create-incident-failure Redirected Unknown";
        assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, expected, "{status}");
        assert_eq!(gets(&host, &wire.origin, PATIENT_MS).await, "get-incident-failure Redirected No", "{status}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_wrote_nothing() {
    let gone = Wire::play(Vec::new()).await.origin.clone();
    let host = host(&authorizations(&gone, BEARER));
    assert_eq!(creates(&host, &gone, PATIENT_MS).await, "error Connect No");
    let expired = |parameters: &mut rcgen::CertificateParams| parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
    for (name, certificate, trusted, expected) in [
        ("trusted, as a control", Certificate::of(&["127.0.0.1"], |_| {}), true, "incident-created"),
        ("signed by itself", Certificate::of(&["127.0.0.1"], |_| {}), false, "error Tls No"),
        ("another host's", Certificate::of(&["itsm.example.com"], |_| {}), true, "error Tls No"),
        ("expired", Certificate::of(&["127.0.0.1"], expired), true, "error Tls No"),
    ] {
        let pem = std::env::temp_dir().join(format!("servicenow-network-{}.pem", std::process::id()));
        std::fs::write(&pem, &certificate.pem).unwrap();
        let wire = Wire::play_tls(certificate, None, sends(answer("201 Created", "", RECORD.as_bytes()))).await;
        let trust = if trusted { format!("ca-files = [{pem:?}]\n{BEARER}") } else { BEARER.to_string() };
        let host = crate::support::host(&authorizations(&wire.origin, &trust));
        assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, expected, "{name}");
        std::fs::remove_file(pem).unwrap();
    }
    let silent = Wire::play(vec![Step::Hold]).await;
    let stalled = silent.origin.replace("http:", "https:");
    let host = crate::support::host(&authorizations(&stalled, BEARER));
    assert_eq!(creates(&host, &stalled, MS).await, "timeout Deadline No", "a handshake that stalls");
}

#[tokio::test]
async fn a_pooled_connection_that_the_server_closes_costs_nothing_or_tells_the_truth() {
    let whole = answer("201 Created", "", RECORD.as_bytes());
    // Closed between two writes: the second goes out on a new connection.
    let wire = Wire::play(sends(whole.clone())).await;
    let host = host(&authorizations(&wire.origin, BEARER));
    for _ in 0..20 {
        assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, "incident-created");
    }
    // Closed as the second write arrives: nobody knows.
    let wire = Wire::play([sends(whole), vec![Step::Read, Step::Reset]].concat()).await;
    let host = crate::support::host(&authorizations(&wire.origin, BEARER));
    assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, "incident-created");
    let second = told(
        host.update(call(&wire.origin, PATIENT_MS), SYS_ID.into(), columns(&[("urgency", "1")]), update()).await,
        PATIENT_MS,
    );
    assert_eq!(second, "error Lost Unknown");
}

#[tokio::test]
async fn every_refusal_of_servicenow_has_its_case_and_reason() {
    let error = |message: &str, detail: &str| {
        format!(r#"{{"error":{{"message":"{message}","detail":"{detail}"}},"status":"failure"}}"#)
    };
    for (status, body, headers, expected) in [
        ("400 Bad Request", error("Exception while reading request", "x"), "", "bad-request BadRequest No"),
        (
            "401 Unauthorized",
            error("User is not authenticated", "Required to provide Auth information"),
            "",
            "create-incident-failure Unauthorized No",
        ),
        (
            "403 Forbidden",
            error(
                "Insufficient rights to query records",
                "Field(s) present in the query do not have permission to be read",
            ),
            "",
            "create-incident-failure Forbidden No",
        ),
        (
            "403 Forbidden",
            error("Operation Failed", "Data Policy Exception: The following fields are mandatory: Close notes"),
            "",
            "create-incident-failure DataPolicy No",
        ),
        (
            "403 Forbidden",
            error("Operation Failed", "Operation against file 'incident' was aborted by Business Rule 'x'"),
            "",
            "create-incident-failure BusinessRule No",
        ),
        (
            "404 Not Found",
            error("No Record found", "Record doesn't exist or ACL restricts the record retrieval"),
            "",
            "not-found NotFound No",
        ),
        (
            "405 Method Not Allowed",
            error("Method not supported", "x"),
            "",
            "create-incident-failure UnsupportedRequest No",
        ),
        ("406 Not Acceptable", error("x", "x"), "", "create-incident-failure UnsupportedRequest No"),
        ("408 Request Timeout", error("x", "x"), "", "create-incident-failure UnexpectedStatus Unknown"),
        ("409 Conflict", error("x", "x"), "", "create-incident-failure Conflict Unknown"),
        ("413 Payload Too Large", error("x", "x"), "", "create-incident-failure RequestTooLarge No"),
        (
            "415 Unsupported Media Type",
            error("Unsupported media type", "x"),
            "",
            "create-incident-failure UnsupportedRequest No",
        ),
        (
            "429 Too Many Requests",
            error("Rate limit exceeded", "x"),
            "retry-after: 600\r\n",
            "create-incident-failure RateLimited No",
        ),
        (
            "429 Too Many Requests",
            error("Rate limit exceeded", "x"),
            "x-ratelimit-reset: 99999999999\r\n",
            "create-incident-failure RateLimited No",
        ),
        ("429 Too Many Requests", error("Rate limit exceeded", "x"), "", "create-incident-failure RateLimited No"),
        (
            "500 Internal Server Error",
            error("Transaction cancelled: maximum execution time exceeded", "x"),
            "",
            "create-incident-failure Cancelled Unknown",
        ),
        ("502 Bad Gateway", error("x", "x"), "", "create-incident-failure ServerError Unknown"),
        ("503 Service Unavailable", error("x", "x"), "", "create-incident-failure ServerError Unknown"),
        ("504 Gateway Timeout", error("x", "x"), "", "create-incident-failure ServerError Unknown"),
    ] {
        let wire = Wire::play(sends(answer(status, headers, body.as_bytes()))).await;
        let host = host(&authorizations(&wire.origin, BEARER));
        assert_eq!(creates(&host, &wire.origin, PATIENT_MS).await, expected, "{status} {headers}{body}");
    }
}

#[tokio::test]
async fn a_broken_token_service_is_told_from_a_broken_instance_and_nothing_is_written() {
    let instance = Wire::play(sends(answer("201 Created", "", RECORD.as_bytes()))).await;
    let token =
        |more: &str| answer("200 OK", "", format!(r#"{{"access_token":"t","token_type":"Bearer"{more}}}"#).as_bytes());
    let html = |status: &str, page: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len())
    };
    for (name, script, expected) in [
        ("whole, as a control", sends(token(",\"expires_in\":1799")), "incident-created"),
        ("a life in text", sends(token(",\"expires_in\":\"1799\"")), "incident-created"),
        ("no life", sends(token("")), "incident-created"),
        ("a tiny life", sends(token(",\"expires_in\":1")), "incident-created"),
        ("a life of nothing", sends(token(",\"expires_in\":0")), "incident-created"),
        ("closed", sends(""), "error Lost No"),
        ("reset", after_request(&[Step::Reset]), "error Lost No"),
        (
            "closed in the body",
            sends("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"),
            "error Lost No",
        ),
        ("silent", after_request(&[Step::Hold]), "timeout Deadline No"),
        ("dripping", after_request(&[Step::Drip(token(""))]), "timeout Deadline No"),
        (
            "refused",
            sends(answer("401 Unauthorized", "", br#"{"error":"access_denied","error_description":"access_denied"}"#)),
            "error Unauthorized No",
        ),
        ("a login page", sends(html("200 OK", "<html>login")), "error NotJson No"),
        ("hibernating", sends(html("200 OK", "instance-hibernating-page")), "error Hibernating No"),
        (
            "a redirect",
            sends("HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n"),
            "error NotJson No",
        ),
        ("a proxy's page", sends(html("502 Bad Gateway", "<html>")), "error ServerError No"),
        (
            "a token in a byte order mark",
            sends(answer("200 OK", "", "\u{feff}{\"access_token\":\"t\"}".as_bytes())),
            "incident-created",
        ),
        ("100 first", sends([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), token("")].concat()), "incident-created"),
        ("silent from the start", vec![Step::Hold], "timeout Deadline No"),
        ("empty", sends(answer("200 OK", "", b"")), "error NotJson No"),
        ("no UTF-8", sends(answer("200 OK", "", b"{\"access_token\":\"\xff\"}")), "error NotJson No"),
        (
            "compressed unasked",
            sends(answer("200 OK", "content-encoding: gzip\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\x03")),
            "error NotJson No",
        ),
        ("two lengths", sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"), "error Lost No"),
        ("no HTTP at all", sends("SSH-2.0-OpenSSH_9.6\r\n\r\n"), "error Lost No"),
        ("rate-limited", sends(answer("429 Too Many Requests", "", b"{}")), "error RateLimited No"),
        ("cut-off", sends(answer("200 OK", "", b"{\"access_token\":\"t")), "error NotJson No"),
        ("no token", sends(answer("200 OK", "", b"{}")), "error NotJson No"),
        ("1 MB", sends(answer("200 OK", "", &vec![b' '; 1 << 20])), "error Lost No"),
        (
            "a header of 1 MB",
            sends(answer("200 OK", &format!("x: {}\r\n", "x".repeat(1 << 20)), b"{}")),
            "error Lost No",
        ),
    ] {
        let wire = Wire::play(script).await;
        let grant = "grant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"s\"";
        let more = format!("token-url = \"{}/oauth_token.do\"\n{grant}", wire.origin);
        let ms = if expected.contains("Deadline") { MS } else { PATIENT_MS };
        let fresh = || host(&authorizations(&instance.origin, &more));
        assert_eq!(creates(&fresh(), &instance.origin, ms).await, expected, "{name}");
        // The same while the guest asks for the token itself.
        let more = format!("{more}\ncredential = \"grant\"");
        let host = host(&authorizations(&instance.origin, &more));
        let granted = creates(&host, &instance.origin, ms).await;
        assert!(
            granted == expected || expected.ends_with("Lost No") && granted.ends_with(" No"),
            "grant, {name}: {granted}"
        );
    }
}

#[tokio::test]
async fn a_token_service_that_is_not_reached_is_told_by_what_stood_in_the_way() {
    let instance = Wire::play(sends(answer("201 Created", "", RECORD.as_bytes()))).await;
    let gone = Wire::play(Vec::new()).await.origin.clone();
    let untrusted = Wire::play_tls(Certificate::of(&["127.0.0.1"], |_| {}), None, Vec::new()).await;
    let private = untrusted.origin.replace("127.0.0.1", "127.0.0.2");
    for (service, more, expected) in [
        (gone.as_str(), "", "error Connect No"),
        ("https://nowhere.invalid", "", "error Dns No"),
        (untrusted.origin.as_str(), "allowed-addresses = [\"127.0.0.1\"]", "error Tls No"),
        ("https://169.254.169.254", "", "error DeniedByHost No"),
        (private.as_str(), "allowed-addresses = [\"127.0.0.1\"]", "error DeniedByHost No"),
    ] {
        let grant = "grant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"s\"";
        let loopback = if private == service { "" } else { "allow-http-loopback = true" };
        let origin = if private == service { "https://itsm.example.com" } else { &instance.origin };
        let text = format!(
            "[authorizations.main]\ninstance = {origin:?}\n{loopback}\n{more}\ntoken-url = \"{service}/oauth_token.do\"\n{grant}"
        );
        assert_eq!(creates(&host(&text), origin, PATIENT_MS).await, expected, "{service}");
    }
}

#[tokio::test]
async fn a_token_that_the_instance_refuses_is_renewed_once_and_no_more() {
    let unauthorized = answer(
        "401 Unauthorized",
        "",
        br#"{"error":{"message":"User is not authenticated","detail":"x"},"status":"failure"}"#,
    );
    let whole = answer("201 Created", "", RECORD.as_bytes());
    let token = answer("200 OK", "", br#"{"access_token":"t","expires_in":1799}"#);
    for (name, script, expected, tokens) in [
        ("once", [sends(unauthorized.clone()), sends(whole)].concat(), "incident-created", 2),
        ("always", sends(unauthorized), "create-incident-failure Unauthorized No", 2),
    ] {
        let (instance, service) = (Wire::play(script).await, Wire::play(sends(token.clone())).await);
        let more = format!(
            "token-url = \"{}/oauth_token.do\"\ngrant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"s\"",
            service.origin
        );
        let host = host(&authorizations(&instance.origin, &more));
        assert_eq!(creates(&host, &instance.origin, PATIENT_MS).await, expected, "{name}");
        assert_eq!(service.connections(), tokens, "{name}");
    }
}

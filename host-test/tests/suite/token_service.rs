//! A broken token service: told from a broken instance, and never a reason to write.

use crate::faults::{CREATED, RECORD, after_request, failed, sends};
use crate::network::{MS, authorizations, creates};
use crate::support::{PATIENT_MS, host};
use servicenow_host::types::{Reason, WriteHappened};
use servicenow_test_support::{Certificate, ScriptedServer, Step, answer};

#[tokio::test]
async fn a_broken_token_service_is_told_from_a_broken_instance_and_nothing_is_written() {
    let instance = ScriptedServer::run(sends(answer("201 Created", "", RECORD.as_bytes()))).await;
    let token =
        |more: &str| answer("200 OK", "", format!(r#"{{"access_token":"t","token_type":"Bearer"{more}}}"#).as_bytes());
    let html = |status: &str, page: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len())
    };
    for (name, script, expected) in [
        ("whole, as a control", sends(token(",\"expires_in\":1799")), CREATED),
        ("a life in text", sends(token(",\"expires_in\":\"1799\"")), CREATED),
        ("no life", sends(token("")), CREATED),
        ("a tiny life", sends(token(",\"expires_in\":1")), CREATED),
        ("a life of nothing", sends(token(",\"expires_in\":0")), CREATED),
        ("closed", sends(""), failed("error", Reason::Lost, WriteHappened::No)),
        ("reset", after_request(&[Step::Reset]), failed("error", Reason::Lost, WriteHappened::No)),
        (
            "closed in the body",
            sends("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"),
            failed("error", Reason::Lost, WriteHappened::No),
        ),
        ("silent", after_request(&[Step::Hold]), failed("timeout", Reason::Deadline, WriteHappened::No)),
        ("dripping", after_request(&[Step::Drip(token(""))]), failed("timeout", Reason::Deadline, WriteHappened::No)),
        (
            "refused",
            sends(answer("401 Unauthorized", "", br#"{"error":"access_denied","error_description":"access_denied"}"#)),
            failed("error", Reason::Unauthorized, WriteHappened::No),
        ),
        ("a login page", sends(html("200 OK", "<html>login")), failed("error", Reason::NotJson, WriteHappened::No)),
        (
            "hibernating",
            sends(html("200 OK", "instance-hibernating-page")),
            failed("error", Reason::Hibernating, WriteHappened::No),
        ),
        (
            "a redirect",
            sends("HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n"),
            failed("error", Reason::NotJson, WriteHappened::No),
        ),
        (
            "a proxy's page",
            sends(html("502 Bad Gateway", "<html>")),
            failed("error", Reason::ServerError, WriteHappened::No),
        ),
        (
            "a token in a byte order mark",
            sends(answer("200 OK", "", "\u{feff}{\"access_token\":\"t\"}".as_bytes())),
            CREATED,
        ),
        ("100 first", sends([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), token("")].concat()), CREATED),
        ("silent from the start", vec![Step::Hold], failed("timeout", Reason::Deadline, WriteHappened::No)),
        ("empty", sends(answer("200 OK", "", b"")), failed("error", Reason::NotJson, WriteHappened::No)),
        (
            "no UTF-8",
            sends(answer("200 OK", "", b"{\"access_token\":\"\xff\"}")),
            failed("error", Reason::NotJson, WriteHappened::No),
        ),
        (
            "compressed unasked",
            sends(answer("200 OK", "content-encoding: gzip\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\x03")),
            failed("error", Reason::NotJson, WriteHappened::No),
        ),
        (
            "two lengths",
            sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
            failed("error", Reason::Lost, WriteHappened::No),
        ),
        ("no HTTP at all", sends("SSH-2.0-OpenSSH_9.6\r\n\r\n"), failed("error", Reason::Lost, WriteHappened::No)),
        (
            "rate-limited",
            sends(answer("429 Too Many Requests", "", b"{}")),
            failed("error", Reason::RateLimited, WriteHappened::No),
        ),
        (
            "cut-off",
            sends(answer("200 OK", "", b"{\"access_token\":\"t")),
            failed("error", Reason::NotJson, WriteHappened::No),
        ),
        ("no token", sends(answer("200 OK", "", b"{}")), failed("error", Reason::NotJson, WriteHappened::No)),
        ("1 MB", sends(answer("200 OK", "", &vec![b' '; 1 << 20])), failed("error", Reason::Lost, WriteHappened::No)),
        (
            "a header of 1 MB",
            sends(answer("200 OK", &format!("x: {}\r\n", "x".repeat(1 << 20)), b"{}")),
            failed("error", Reason::Lost, WriteHappened::No),
        ),
    ] {
        let wire = ScriptedServer::run(script).await;
        let grant = "grant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"s\"";
        let more = format!("token-url = \"{}/oauth_token.do\"\n{grant}", wire.origin);
        let ms = if expected.at_deadline() { MS } else { PATIENT_MS };
        let fresh = || host(&authorizations(&instance.origin, &more));
        assert_eq!(creates(&fresh(), &instance.origin, ms).await, expected, "{name}");
        // The same while the guest asks for the token itself.
        let more = format!("{more}\ncredential = \"grant\"");
        let host = host(&authorizations(&instance.origin, &more));
        let lost = failed("error", Reason::Lost, WriteHappened::No);
        let granted = creates(&host, &instance.origin, ms).await;
        assert!(granted == expected || expected == lost && granted.wrote_nothing(), "grant, {name}: {granted:?}");
    }
}

#[tokio::test]
async fn a_token_service_that_is_not_reached_is_told_by_what_stood_in_the_way() {
    let instance = ScriptedServer::run(sends(answer("201 Created", "", RECORD.as_bytes()))).await;
    let gone = ScriptedServer::run(Vec::new()).await.origin.clone();
    let untrusted = ScriptedServer::run_tls(Certificate::of(&["127.0.0.1"], |_| {}), None, Vec::new()).await;
    let private = untrusted.origin.replace("127.0.0.1", "127.0.0.2");
    for (service, more, expected) in [
        (gone.as_str(), "", failed("error", Reason::Connect, WriteHappened::No)),
        ("https://nowhere.invalid", "", failed("error", Reason::Dns, WriteHappened::No)),
        (
            untrusted.origin.as_str(),
            "allowed-addresses = [\"127.0.0.1\"]",
            failed("error", Reason::Tls, WriteHappened::No),
        ),
        ("https://169.254.169.254", "", failed("error", Reason::DeniedByHost, WriteHappened::No)),
        (
            private.as_str(),
            "allowed-addresses = [\"127.0.0.1\"]",
            failed("error", Reason::DeniedByHost, WriteHappened::No),
        ),
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
        ("once", [sends(unauthorized.clone()), sends(whole)].concat(), CREATED, 2),
        ("always", sends(unauthorized), failed("create-incident-failure", Reason::Unauthorized, WriteHappened::No), 2),
    ] {
        let (instance, service) = (ScriptedServer::run(script).await, ScriptedServer::run(sends(token.clone())).await);
        let more = format!(
            "token-url = \"{}/oauth_token.do\"\ngrant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"s\"",
            service.origin
        );
        let host = host(&authorizations(&instance.origin, &more));
        assert_eq!(creates(&host, &instance.origin, PATIENT_MS).await, expected, "{name}");
        assert_eq!(service.connections(), tokens, "{name}");
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_outlives_the_process_that_got_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rotated");
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&asked);
    let service = ScriptedServer::serve("http", move |mut stream| {
        let noted = std::sync::Arc::clone(&noted);
        async move {
            let Ok(request) = servicenow_test_support::read_request(&mut stream).await else { return };
            let number = {
                let mut asked = noted.lock().unwrap();
                asked.push(request);
                asked.len()
            };
            let body = format!(r#"{{"access_token":"access-token-{number}","refresh_token":"rotated-{number}"}}"#);
            let answer = answer("200 OK", "content-type: application/json\r\n", body.as_bytes());
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &answer).await;
        }
    })
    .await;
    let instance = ScriptedServer::run(sends(answer("201 Created", "", RECORD.as_bytes()))).await;
    let grant = |first: &str| {
        format!(
            "token-url = \"{}/oauth_token.do\"\ngrant = \"refresh-token\"\nclient-id = \"c\"\nclient-secret = \"s\"\n\
             refresh-token = {first:?}\nrotated-token-file = {file:?}",
            service.origin
        )
    };
    // Each host as a process of its own would: nothing is shared but the file.
    for first in ["first-token", "first-token", "connected-anew"] {
        let host = host(&authorizations(&instance.origin, &grant(first)));
        assert_eq!(creates(&host, &instance.origin, PATIENT_MS).await, CREATED);
    }
    let asked = asked.lock().unwrap();
    for (request, token) in asked.iter().zip(["first-token", "rotated-1", "connected-anew"]) {
        assert!(request.contains(&format!("refresh_token={token}")), "{request}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

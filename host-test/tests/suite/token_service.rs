//! A broken token service: told from a broken instance, and never a reason to write.

use crate::faults::{RECORD, after_request, sends};
use crate::network::{MS, authorizations, creates};
use crate::support::{PATIENT_MS, host};
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
        let wire = ScriptedServer::run(script).await;
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
    let instance = ScriptedServer::run(sends(answer("201 Created", "", RECORD.as_bytes()))).await;
    let gone = ScriptedServer::run(Vec::new()).await.origin.clone();
    let untrusted = ScriptedServer::run_tls(Certificate::of(&["127.0.0.1"], |_| {}), None, Vec::new()).await;
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

//! What an instance or a token service repeats of a secret never reaches a component, an outcome or a person, in any spelling
//! that the host claims to find.

use crate::hostile::{attack, hostile, seen};
use crate::support::{PATIENT_MS, host};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, Engine};
use servicenow_host::types::{Call, Reason};
use servicenow_host::{Authorizations, Host, Outcome};
use servicenow_test_support::{ScriptedServer, Step, answer};
use std::path::Path;

/// It has a character of each kind that is escaped somewhere.
const SECRET: &str = "canary&cli/ent=sec\"ret+1";

const JSON: &str = "content-type: application/json\r\n";

async fn server(headers: &str, body: &[u8]) -> ScriptedServer {
    ScriptedServer::run(vec![Step::Read, Step::Send(answer("200 OK", headers, body))]).await
}

fn authorizations(instance: &str, tokens: &str, grant: &str) -> Authorizations {
    let text = format!(
        "[authorizations.main]\ninstance = {instance:?}\nallow-http-loopback = true\n\
         token-url = \"{tokens}/oauth_token.do\"\n{grant}"
    );
    Authorizations::parse(&text, Path::new("a.toml")).unwrap()
}

/// What a component reads of the instance's answer.
async fn read(host: &Host, instance: &ScriptedServer) -> String {
    let authority = instance.origin.strip_prefix("http://").unwrap();
    let order =
        [("attack", "read"), ("authorization", "main"), ("authority", authority), ("path", "/api/now/table/incident")];
    seen(host, &order).await
}

#[tokio::test]
async fn a_secret_is_struck_from_an_answer_in_every_spelling() {
    let escaped = |escape: &dyn Fn(char) -> String| SECRET.chars().map(escape).collect::<String>();
    let percent = |c: char| format!("%{:02x}", u32::from(c));
    let unicode = |c: char| format!("\\u{:04x}", u32::from(c));
    for (name, spelling) in [
        ("as it is", SECRET.to_string()),
        ("as JSON", SECRET.replace('"', "\\\"")),
        ("as JSON with slashes escaped", SECRET.replace('"', "\\\"").replace('/', "\\/")),
        ("as JSON with = escaped", SECRET.replace('=', "\\u003d").replace('"', "\\u0022")),
        ("as JSON, every character", escaped(&unicode)),
        ("as HTML", SECRET.replace('&', "&amp;").replace('"', "&quot;")),
        ("as HTML by numbers", escaped(&|c| format!("&#{};", u32::from(c)))),
        ("percent-encoded, lower case", escaped(&percent)),
        ("percent-encoded, upper case", escaped(&percent).to_ascii_uppercase()),
        ("percent-encoded twice", escaped(&percent).replace('%', "%25")),
        ("base64", BASE64_STANDARD.encode(SECRET)),
        ("base64 behind one byte", BASE64_STANDARD.encode(format!("u{SECRET}:"))),
        ("base64 behind two bytes", BASE64_URL_SAFE.encode(format!("u:{SECRET}x"))),
        ("base64 of an address", BASE64_URL_SAFE.encode(SECRET)),
    ] {
        let instance = server("", format!("{{\"result\":\"begin {spelling} end\"}}").as_bytes()).await;
        let grant = format!("grant = \"basic\"\nusername = \"u\"\npassword = {SECRET:?}");
        let seen = read(&hostile(authorizations(&instance.origin, &instance.origin, &grant)), &instance).await;
        assert!(seen.contains("begin ") && seen.contains("********"), "{name}: {seen}");
        assert!(!seen.contains(&spelling), "{name}: {seen}");
    }
}

#[tokio::test]
async fn every_secret_of_an_authorization_is_struck_and_not_only_the_one_in_use() {
    let tokens = server(
        JSON,
        br#"{"access_token":"canary-access-token","refresh_token":"canary-rotated-token","id_token":"canary-id-token","token_type":"Bearer","expires_in":1799}"#,
    )
    .await;
    let secrets = [
        "canary-client-secret",
        "canary-password",
        "canary-refresh-token",
        "canary-callback-secret",
        "canary-access-token",
        "canary-rotated-token",
        "canary-id-token",
    ];
    let client =
        "client-id = \"c\"\nclient-secret = \"canary-client-secret\"\ncallback-secret = \"canary-callback-secret\"";
    for (grant, struck) in [
        (format!("grant = \"client-credentials\"\n{client}"), 5),
        (format!("grant = \"password\"\n{client}\nusername = \"u\"\npassword = \"canary-password\""), 6),
        (format!("grant = \"refresh-token\"\n{client}\nrefresh-token = \"canary-refresh-token\""), 6),
    ] {
        let instance = server("", format!("{{\"result\":{secrets:?}}}").as_bytes()).await;
        let seen = read(&hostile(authorizations(&instance.origin, &tokens.origin, &grant)), &instance).await;
        assert_eq!(seen.matches("\"***").count(), struck, "{grant}: {seen}");
    }
    // Also where the call never asked for a credential.
    let instance = server("", b"{\"result\":\"canary-bearer-token\"}").await;
    let host = hostile(authorizations(
        &instance.origin,
        "http://127.0.0.1",
        "grant = \"bearer\"\ntoken = \"canary-bearer-token\"",
    ));
    let authority = instance.origin.strip_prefix("http://").unwrap();
    let seen = seen(
        &host,
        &[("attack", "read without a credential"), ("authority", authority), ("path", "/api/now/table/incident")],
    )
    .await;
    assert!(seen.contains("****") && !seen.contains("canary"), "{seen}");
}

#[tokio::test]
async fn a_header_whose_name_or_value_is_secret_is_not_seen() {
    let instance =
        server("x-canary-bearer-TOKEN: 1\r\nlink: <canary-bearer-token>\r\nx-total-count: 7\r\n", b"{\"result\":[]}")
            .await;
    let grant = "grant = \"bearer\"\ntoken = \"canary-Bearer-token\"";
    let host = hostile(authorizations(&instance.origin, &instance.origin, grant));
    let seen = read(&host, &instance).await;
    assert!(seen.contains("x-total-count: 7") && !seen.to_ascii_lowercase().contains("x-canary"), "{seen}");
}

#[tokio::test]
async fn a_compressed_answer_is_not_handed_over() {
    let instance = server("content-encoding: gzip\r\n", b"\x1f\x8bcompressed").await;
    let host =
        hostile(authorizations(&instance.origin, &instance.origin, "grant = \"bearer\"\ntoken = \"canary-bearer\""));
    let seen = read(&host, &instance).await;
    assert!(seen.contains("content-encoding: gzip") && !seen.contains("compressed"), "{seen}");
}

#[tokio::test]
async fn a_token_that_was_handed_out_leaves_in_no_header_s_name() {
    let instance = server("", b"{\"result\":[]}").await;
    let grant = "grant = \"bearer\"\ntoken = \"canary-Bearer-token\"\ncredential = \"header\"";
    let host = hostile(authorizations(&instance.origin, &instance.origin, grant));
    let authority = instance.origin.strip_prefix("http://").unwrap();
    for header in ["SECRET", "x-SECRET", "x-note-secret-SECRET"] {
        let order = [
            ("attack", "steal"),
            ("authorization", "main"),
            ("authority", authority),
            ("path", "/api/now/table/incident"),
            ("header", header),
            ("value", "1"),
        ];
        let seen = seen(&host, &order).await;
        assert!(seen.contains("Denied") || seen.contains("header"), "{header}: {seen}");
    }
    assert_eq!(instance.connections(), 0);
}

#[tokio::test]
async fn a_component_that_obtains_its_own_token_gives_it_away_nowhere() {
    for (media_type, body) in [
        ("application/json", r#"{"access_token":"canary-access-token","expires_in":1799}"#),
        ("text/json", r#"{"access_token":"canary-access-token"}"#),
        ("application/problem+json", r#"{"access_token":"canary-access-token"}"#),
        ("application/json", r#"{"access_token":"canary access-token"}"#),
        ("application/json", r#"{"id_token":"canary-access-token"}"#),
        ("application/json", r#"{"access_token":"canary-access-token","access_token":"x"}"#),
        ("application/json", "\u{feff}{\"data\":[{\"token\":\"canary-access-token\"}]}"),
    ] {
        for status in ["200 OK", "201 Created"] {
            let tokens = ScriptedServer::run(vec![
                Step::Read,
                Step::Send(answer(status, &format!("content-type: {media_type}\r\n"), body.as_bytes())),
            ])
            .await;
            let grant = "grant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"canary-client-secret\"\ncredential = \"grant\"";
            let instance = server("", b"{\"result\":[]}").await;
            let host = hostile(authorizations(&instance.origin, &tokens.origin, grant));
            let authority = tokens.origin.strip_prefix("http://").unwrap();
            let order = [
                ("attack", "read"),
                ("authorization", "main"),
                ("authority", authority),
                ("path", "/oauth_token.do"),
                ("method", "POST"),
                ("body", "grant_type=client_credentials"),
            ];
            let report = attack(&host, PATIENT_MS, &order).await;
            assert_eq!(report.outcome.failure().unwrap().reason, Reason::DeniedByHost, "{status} {body}");
            assert!(!format!("{report:?}").contains("canary"), "{report:?}");
        }
    }
}

#[tokio::test]
async fn what_a_token_service_says_is_shown_without_secrets() {
    let instance = server("", b"{\"result\":[]}").await;
    let grant = "grant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"canary-client-secret\"";
    let call =
        || Call { authorization: "main".into(), instance: instance.origin.clone(), timeout_ms: Some(PATIENT_MS) };
    for scope in ["useraccount canary-access-token", "canary-client-secret", "canary%2daccess-token"] {
        let body = format!(r#"{{"access_token":"canary-access-token","scope":{scope:?},"expires_in":1799}}"#);
        let tokens = server(JSON, body.as_bytes()).await;
        let host = host("").with(authorizations(&instance.origin, &tokens.origin, grant), Default::default()).unwrap();
        let shown = format!("{:?}", host.authenticate(call()).await);
        assert!(shown.contains("Authenticated") && !shown.contains("canary"), "{shown}");
    }
    // A scope is no secret by itself.
    let tokens =
        server(JSON, br#"{"access_token":"canary-access-token","scope":"useraccount","token_type":"Bearer"}"#).await;
    let host = host("").with(authorizations(&instance.origin, &tokens.origin, grant), Default::default()).unwrap();
    assert!(format!("{:?}", host.authenticate(call()).await).contains("useraccount"));

    let refusal =
        r#"{"error":"invalid_client","error_description":"not canary%2Dclient-secret, Y2FuYXJ5LWNsaWVudC1zZWNyZXQ="}"#;
    let tokens =
        ScriptedServer::run(vec![Step::Read, Step::Send(answer("401 Unauthorized", JSON, refusal.as_bytes()))]).await;
    let host = host.with(authorizations(&instance.origin, &tokens.origin, grant), Default::default()).unwrap();
    let shown = format!("{:?}", host.authenticate(call()).await);
    assert!(shown.contains("not ****") && !shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
}

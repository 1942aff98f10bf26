//! A guest that wants out: to other places, with another's credential, or with the one it was handed.

use crate::hostile::{attack, hostile, seen};
use crate::secrets::Log;
use crate::support::PATIENT_MS;
use host_test::lab::scenarios::{TestBed, authorizations};
use servicenow_host::types::Reason;
use servicenow_host::{Authorizations, Outcome};
use servicenow_simulator::Simulator;
use servicenow_test_support::{ScriptedServer, answer, read_request};
use std::path::Path;
use tracing::Level;

#[tokio::test]
async fn no_request_leaves_for_anywhere_but_the_calls_of_the_instance() {
    let bed = TestBed::set().await.unwrap();
    let other = Simulator::start(Default::default()).await.unwrap();
    let host = hostile(authorizations(&bed.simulator));
    let authority = bed.simulator.access().base_url.strip_prefix("http://").unwrap().to_string();
    let elsewhere = other.access().base_url.strip_prefix("http://").unwrap().to_string();
    let incidents = "/api/now/table/incident";
    let with_user = format!("user@{authority}");
    let confused = format!("{authority}@{elsewhere}");
    let split = format!("{authority}\r\nhost: {elsewhere}");
    // The same request, in order: it reaches the instance, so that the others could.
    let order = [("attack", "steal"), ("authorization", "main"), ("authority", &authority), ("path", incidents)];
    assert_eq!(seen(&host, &order).await, "Reason::Lost 200");
    let over_transport: Vec<_> = order.into_iter().chain([("way", "transport")]).collect();
    assert_eq!(seen(&host, &over_transport).await, "Reason::Lost 200");
    let before = bed.simulator.requests().len();
    let changes = [
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
        (vec![("header", "accept-encoding"), ("value", "gzip")], "header"),
        (vec![("header", "range"), ("value", "bytes=0-9")], "header"),
        (vec![("header", "x-http-method"), ("value", "DELETE")], "header"),
        (vec![("header", "x-method-override"), ("value", "DELETE")], "header"),
        (vec![("header", "x-original-url"), ("value", "/api/now/table/sys_user")], "header"),
        (vec![("header", "x-forwarded-host"), ("value", "evil.example")], "header"),
        (vec![("header", "cookie2"), ("value", "x")], "header"),
        (vec![("header", "x-anything"), ("value", "x")], "header"),
        (vec![("header", "transfer-encoding"), ("value", "chunked")], "header"),
        (vec![("header", "connection"), ("value", "upgrade")], "header"),
        (vec![("header", "proxy-authorization"), ("value", "Basic x")], "header"),
        (vec![("header", "x-a\r\nx-b"), ("value", "c")], "header"),
        (vec![("header", "x-a"), ("value", "b\r\nx-c: d")], "header"),
        (vec![("header", "x-a"), ("value", "b\0")], "header"),
        (vec![("header", "content-length"), ("value", "99"), ("method", "POST"), ("body", "{}")], "Http"),
        (vec![("header", "content-length"), ("value", "1, 2"), ("method", "POST"), ("body", "{}")], "header"),
    ];
    for (change, expected) in &changes {
        let changed = |name: &str| change.iter().any(|(key, _)| *key == name);
        let order: Vec<_> = order.into_iter().filter(|(name, _)| !changed(name)).chain(change.clone()).collect();
        let told = seen(&host, &order).await;
        assert!(told.contains(expected), "{change:?}: {told}");
        // The other way out ends in the same place.
        let order: Vec<_> = order.into_iter().chain([("way", "transport")]).collect();
        let told = seen(&host, &order).await;
        assert!(told.contains("DeniedByHost, not sent: true") || told.contains("refused"), "{change:?}: {told}");
    }
    assert_eq!((bed.simulator.requests().len(), other.requests().len()), (before, 0));
}

#[tokio::test]
async fn a_guest_gets_the_credential_of_its_own_call_and_by_default_nothing_of_it() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let file = simulator.authorizations_file();
    let (_, main) = file.split_once("[authorizations.main]").unwrap();
    let file = format!("{file}[authorizations.other]{main}");
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
    let bed = TestBed::set().await.unwrap();
    let other = Simulator::start(Default::default()).await.unwrap();
    let authority = bed.simulator.access().base_url.strip_prefix("http://").unwrap().to_string();
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
        let before = bed.simulator.requests().len();
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
            vec![("header", "accept"), ("value", "SECRET")],
            vec![("authority", &*elsewhere), ("header", "accept"), ("value", "SECRET")],
        ] {
            let changed = |name: &str| change.iter().any(|(key, _)| *key == name);
            let order: Vec<_> = order.into_iter().filter(|(name, _)| !changed(name)).chain(change.clone()).collect();
            let seen = seen(&host, &order).await;
            assert!(seen.contains("HttpRequestDenied"), "{handout} {change:?}: {seen}");
        }
        assert_eq!((bed.simulator.requests().len(), other.requests().len()), (before, 0));

        let report = attack(&host, PATIENT_MS, &[("attack", "credential"), ("authorization", "main")]).await;
        assert_eq!(report.outcome.failure().unwrap().reason, Reason::DeniedByHost);
        assert!(!format!("{report:?}").contains("planted-canary"), "{report:?}");
    }
    assert!(log.text().contains("denied"), "the log is really kept");
    assert!(!log.text().contains("planted-canary"), "{}", log.text());
}

#[tokio::test]
async fn no_cookie_and_no_credential_of_an_answer_comes_in_or_goes_out_again() {
    let heads = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&heads);
    let wire = ScriptedServer::serve("http", move |mut stream| {
        let noted = std::sync::Arc::clone(&noted);
        async move {
            while let Ok(head) = read_request(&mut stream).await {
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
async fn what_a_component_writes_of_a_host_or_of_an_answer_s_headers_is_not_sent() {
    let heads = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&heads);
    let wire = ScriptedServer::serve("http", move |mut stream| {
        let noted = std::sync::Arc::clone(&noted);
        async move {
            while let Ok(head) = read_request(&mut stream).await {
                noted.lock().unwrap().push(head);
                if tokio::io::AsyncWriteExt::write_all(&mut stream, &answer("200 OK", "", b"{}")).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let text = format!(
        "[authorizations.main]\ninstance = {:?}\nallow-http-loopback = true\ngrant = \"bearer\"\ntoken = \"t\"",
        wire.origin
    );
    let host = hostile(Authorizations::parse(&text, Path::new("a.toml")).unwrap());
    let (address, port) = wire.origin.strip_prefix("http://").unwrap().split_once(':').unwrap();
    for authority in [format!("2130706433:{port}"), format!("127.0.0.1.:{port}"), format!("0x7f.1:{port}")] {
        let order = [
            ("attack", "send"),
            ("authorization", "main"),
            ("authority", &*authority),
            ("path", "/api/now/table/incident"),
            ("header", "content-encoding"),
            ("value", "gzip"),
        ];
        assert_eq!(seen(&host, &order).await, "Reason::Lost 200", "{authority}");
    }
    for head in heads.lock().unwrap().iter() {
        assert!(head.contains(&format!("host: {address}:{port}\r\n")), "{head}");
        assert!(!head.contains("content-encoding"), "{head}");
    }
}

#[tokio::test]
async fn a_component_that_is_denied_without_end_writes_a_few_short_lines() {
    let (log, _guard) = Log::start_at(Level::WARN);
    let bed = TestBed::set().await.unwrap();
    let host = hostile(authorizations(&bed.simulator));
    let path = format!("/{}", "x".repeat(60_000));
    for _ in 0..5 {
        let order = [("attack", "requests without end"), ("authority", "evil.example"), ("path", &*path)];
        let seen = seen(&host, &order).await;
        assert!(seen.ends_with("200 denied"), "{seen}");
    }
    let text = log.text();
    assert!((1..=61).contains(&text.lines().count()), "{} lines", text.lines().count());
    assert!(text.len() < 61 * 1_000, "{} bytes", text.len());
}

//! A component of the world `sync` that means no good: it looks for the callback secret, asks the instance for it bit by bit,
//! rewrites where deliveries go, and puts scripts of its own on the instance.

use crate::hostile::{guest, hostile};
use crate::support::PATIENT_MS;
use servicenow_host::callbacks::{Change, Delivery, Verdict};
use servicenow_host::changes::Selection;
use servicenow_host::event_sync::NotDelivered;
use servicenow_host::provisioning::Settings;
use servicenow_host::types::Call;
use servicenow_host::{Authorizations, EventSync, MemoryLedger, Outcome};
use servicenow_simulator::Simulator;
use std::path::Path;
use std::sync::LazyLock;

const SECRET: &str = "canary-callback-secret";

/// Event sync with the hostile component, for an instance and with all sets of calls.
fn event_sync(simulator: &Simulator) -> EventSync {
    static COMPONENT: LazyLock<Vec<u8>> = LazyLock::new(|| guest(&["sync"]));
    let access = simulator.access();
    let text = format!(
        "[authorizations.main]\ninstance = {:?}\ngrant = \"client-credentials\"\nclient-id = {:?}\n\
         client-secret = {:?}\nallow-http-loopback = true\ncallback-secret = {SECRET:?}\n\
         allowed-calls = [\"incidents\", \"events\", \"provisioning\"]\n",
        access.base_url, access.client_id, access.client_secret
    );
    let host = hostile(Authorizations::parse(&text, Path::new("a.toml")).unwrap());
    host.event_sync_with(&COMPONENT, MemoryLedger::default()).unwrap()
}

fn call() -> Call {
    Call { authorization: "main".into(), instance: "dev12345".into(), timeout_ms: Some(PATIENT_MS) }
}

fn settings(order: &str) -> Settings {
    Settings {
        product: "Acme".into(),
        callback_url: "https://flows.example.com/callback".into(),
        tables: Vec::new(),
        condition: order.into(),
        columns: Vec::new(),
        automatic: true,
        button: false,
        legacy: Vec::new(),
        any_url: false,
        any_port: false,
        mid_server: None,
        rule_name: None,
    }
}

/// An order to send a request to the instance, and to read what comes back.
fn request(simulator: &Simulator, method: &str, path: &str, body: &str) -> String {
    let authority = simulator.access().base_url.strip_prefix("http://").unwrap();
    format!(
        "attack=read\nauthorization=main\nauthority={authority}\nmethod={method}\npath={path}\nbody={body}\n\
         header=content-type\nvalue=application/json"
    )
}

/// What the component saw when it was asked to apply a set-up.
async fn applied(sync: &EventSync, order: &str) -> String {
    sync.apply(call(), settings(order)).await.outcome.failure().unwrap().message.clone()
}

#[tokio::test]
async fn a_component_is_shown_no_callback_secret_and_a_value_for_it_that_is_good_once() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let sync = event_sync(&simulator);
    let take = |_: Change| async { Ok::<_, String>(()) };
    let headers = |secret: &str| {
        vec![
            ("X-Callback-Secret".to_string(), secret.to_string()),
            ("x-callback-secret".to_string(), String::new()),
            ("x-note".to_string(), SECRET.to_string()),
            ("content-type".to_string(), "application/json".to_string()),
        ]
    };
    let delivery = |headers| Delivery {
        authorization: "main".to_string(),
        headers,
        body: format!("{{\"note\":\"{SECRET}\"}}").into_bytes(),
    };
    // Twice the header is none.
    let refused = sync.deliver(delivery(headers(SECRET)), None, take).await;
    assert!(matches!(refused, Ok(Verdict::Unauthenticated)));
    let once = headers(SECRET).into_iter().filter(|(_, value)| !value.is_empty());
    let once = once.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect::<Vec<_>>();
    let seen = sync.deliver(delivery(once.clone()), None, take).await;
    let Ok(Verdict::InvalidData(seen)) = seen else { panic!("{seen:?}") };
    let seen = &seen[0].given;
    assert!(!seen.contains("canary") && seen.contains("****") && seen.contains("content-type"), "{seen}");
    // Of this authorization, once: not of another, and not again.
    assert!(seen.ends_with("[true, false, false]"), "{seen}");
    assert!(!seen.contains("x-note"), "{seen}");
    // What it read of the header in this call is good in no other.
    let value = seen.split("x-callback-secret\", \"").nth(1).unwrap().split('"').next().unwrap();
    let other = once.into_iter().map(|(name, _)| (name, value.to_string())).collect();
    let again: Result<_, NotDelivered<String>> = sync.deliver(delivery(other), None, take).await;
    assert!(matches!(again, Ok(Verdict::Unauthenticated)));
}

#[tokio::test]
async fn a_function_that_sends_nothing_has_no_credential_and_reaches_nothing() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let sync = event_sync(&simulator);
    let take = |_: Change| async { Ok::<_, String>(()) };
    let before = simulator.requests().len();
    let delivery = |order: String| {
        let headers = vec![("x-callback-secret".to_string(), SECRET.to_string())];
        sync.deliver(Delivery { authorization: "main".into(), headers, body: Vec::new() }, Some(order), take)
    };
    for (order, expected) in [
        ("attack=credential\nauthorization=main".to_string(), "UnknownAuthorization"),
        (request(&simulator, "GET", "/api/now/table/incident", ""), "HttpRequestDenied"),
    ] {
        let seen = delivery(order.clone()).await;
        assert!(format!("{seen:?}").contains(expected), "{order}: {seen:?}");
        let seen = format!("{:?}", sync.preview(String::new(), order.clone(), false).await);
        assert!(seen.contains(expected), "{order}: {seen}");
    }
    assert_eq!(simulator.requests().len(), before);
}

#[tokio::test]
async fn no_query_tells_the_callback_secret() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let sync = event_sync(&simulator);
    let before = simulator.requests().iter().filter(|request| request.contains("sys_properties")).count();
    let properties = "/api/now/table/sys_properties";
    for path in [
        properties.to_string(),
        format!("{properties}?sysparm_query=nameENDSWITHcallback_secret%5EvalueSTARTSWITHc"),
        format!("{properties}?sysparm_query=name%3Dx_acme.callback_secret%5EvalueSTARTSWITHc"),
        format!("{properties}?sysparm_query=name%3Dglide.sys.default.tz&value=c"),
        format!("{properties}?sysparm_query=name%3Dglide.sys.default.tz&sysparm_query=valueSTARTSWITHc"),
        format!("{properties}?sysparm_query=name%3Dglide.sys.default.tz%5ENQvalueSTARTSWITHc"),
        format!("{properties}/{}", "a".repeat(32)),
        format!("{properties}/{}?sysparm_query=name%3Dglide.sys.default.tz", "a".repeat(32)),
        format!("{properties}?name=x_acme.callback_secret"),
        "/api/now/table/incident?sysparm_query=short_descriptionSTARTSWITHjavascript:gs.getProperty('x_acme.callback_secret')".to_string(),
        "/api/now/table/incident?sysparm_query=number%3Djavascript%3Ags%5B'getProperty'%5D('x_acme.callback_secret')".to_string(),
    ] {
        let order = request(&simulator, "GET", &path, "");
        let pushed = sync.push(call(), String::new(), order.clone(), false).await;
        let seen = &pushed.outcome.failure().unwrap().message;
        assert!(seen.contains("HttpRequestDenied"), "{path}: {seen}");
        let seen = applied(&sync, &order).await;
        assert!(seen.contains("HttpRequestDenied"), "{path}: {seen}");
    }
    let after = simulator.requests().iter().filter(|request| request.contains("sys_properties")).count();
    assert_eq!(after, before);
    let allowed =
        format!("{properties}?sysparm_query=name%3Dglide.sys.default.tz&sysparm_fields=value&sysparm_limit=2");
    let pushed = sync.push(call(), String::new(), request(&simulator, "GET", &allowed, ""), false).await;
    assert!(pushed.outcome.failure().unwrap().message.contains("UTC"), "{:?}", pushed.outcome);
}

#[tokio::test]
async fn nothing_is_written_to_the_instance_s_configuration_but_what_the_operator_asked_for() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let sync = event_sync(&simulator);
    let rows = |simulator: &Simulator| {
        ["sys_properties", "sys_script", "sys_script_include", "sys_ui_action"].map(|table| simulator.rows(table))
    };
    let before = rows(&simulator);
    let property = &simulator.rows("sys_properties")[0]["sys_id"].to_string();
    for (method, table, body) in [
        ("POST", "sys_properties".to_string(), r#"{"name":"x_acme.callback_url","value":"https://evil.example/"}"#),
        (
            "POST",
            "sys_properties".to_string(),
            r#"{"name":"x_acme.callback_secret","value":"known","is_private":"true"}"#,
        ),
        ("POST", "sys_properties".to_string(), r#"{"name":"glide.other","value":"1"}"#),
        ("PATCH", format!("sys_properties/{property}"), r#"{"value":"1"}"#),
        ("DELETE", format!("sys_properties/{property}"), ""),
        (
            "POST",
            "sys_script".to_string(),
            r#"{"name":"copy","collection":"task","script":"gs.log(gs.getProperty('x'))"}"#,
        ),
        ("POST", "sys_script".to_string(), r#"{"name":"Acme: deliver changes","script":"gs.log(1)"}"#),
        ("POST", "sys_script_include".to_string(), r#"{"name":"AcmeDelivery","script":"var AcmeDelivery = 1;"}"#),
        ("POST", "sys_ui_action".to_string(), r#"{"name":"Send to Acme","script":"gs.log(1)","action_name":"x"}"#),
    ] {
        let order = request(&simulator, method, &format!("/api/now/table/{table}"), body);
        let seen = applied(&sync, &order).await;
        assert!(seen.contains("HttpRequestDenied"), "{method} {table} {body}: {seen}");
    }
    assert_eq!(rows(&simulator), before);
    // A part of a record is none: what is left out would be the instance's default. The component that is shipped writes whole
    // ones, which `provisioning` tests.
    let order = request(
        &simulator,
        "POST",
        "/api/now/table/sys_properties",
        r#"{"name":"x_acme.callback_url","value":"https://flows.example.com/callback"}"#,
    );
    let planned = sync.plan(call(), settings(&order)).await.outcome.failure().unwrap().message.clone();
    assert!(planned.contains("HttpRequestDenied"), "a plan writes nothing: {planned}");
    assert_eq!(rows(&simulator), before);
    let seen = applied(&sync, &order).await;
    assert!(seen.contains("HttpRequestDenied"), "{seen}");
    assert_eq!(rows(&simulator), before);
}

#[tokio::test]
async fn a_method_that_reads_writes_nothing() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let sync = event_sync(&simulator);
    let order = request(&simulator, "POST", "/api/now/table/incident", r#"{"short_description":"x"}"#);
    let selection = Selection { tables: Vec::new(), time_zone: None, overlap_seconds: None, limit: None };
    for seen in [
        sync.names(call(), order.clone(), String::new()).await.outcome.failure().cloned(),
        sync.since(call(), selection, Some(order.clone()), None).await.outcome.failure().cloned(),
        sync.inspect(call(), settings(&order)).await.outcome.failure().cloned(),
    ] {
        assert!(seen.as_ref().unwrap().message.contains("HttpRequestDenied"), "{seen:?}");
    }
    assert!(simulator.rows("incident").is_empty());
    let pushed = sync.push(call(), String::new(), order, false).await;
    assert!(pushed.outcome.failure().unwrap().message.starts_with("201"), "{:?}", pushed.outcome);
}

#[tokio::test]
async fn a_component_reads_and_writes_the_ledger_of_its_own_call_and_fills_no_disk() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let sync = event_sync(&simulator);
    let order = |rest: &str| format!("attack=ledger\nname=n\n{rest}");
    let pushed = async |order: String| {
        let report = sync.push(call(), "{}".into(), order, false).await;
        report.outcome.failure().unwrap().message.clone()
    };
    for name in ["known", "seen", "remember", "last-event", "claim"] {
        let own = format!("authorization=main\ncall={name}");
        assert_eq!(pushed(order(&own)).await, "answered", "{name}");
        for beyond in [format!("authorization=other\ncall={name}"), format!("{own}\nname times=600")] {
            assert!(pushed(order(&beyond)).await.contains("a trap"), "{beyond}");
        }
        // Functions that are for no record have no ledger.
        let applied = applied(&sync, &order(&own)).await;
        assert_eq!(applied, "answered", "{name}");
    }
    for beyond in
        ["call=seen\ntext=t\ntext times=70000", "call=remember\ntimes=5000", &format!("call=seen\ntext={SECRET}")]
    {
        assert!(pushed(order(&format!("authorization=main\n{beyond}"))).await.contains("a trap"), "{beyond}");
    }
    let names = sync.ledger().names("main", "").unwrap();
    assert!(names.len() < 4_200 && sync.ledger().names("other", "").unwrap().is_empty(), "{} names", names.len());
}

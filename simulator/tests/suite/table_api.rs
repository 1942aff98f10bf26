//! The simulator, as a client sees it that knows nothing of this project. Clients that others wrote are run by
//! `host-test third-party-clients`, which installs them first.

use serde_json::json;
use servicenow_simulator::{InProcess, Options, RateRule, Settings, Simulator, User};
use servicenow_test_support::client::send;
use servicenow_test_support::client::{AS_JSON, INTEGRATION, ask, results};

const JSON: &str = "application/json";

#[tokio::test]
async fn a_record_is_made_read_replaced_and_deleted() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let table = format!("{}/api/now/table/incident", simulator.access().base_url);
    let (status, body) = send("POST", &table, JSON, r#"{"short_description":"Printer"}"#.to_string()).await;
    assert_eq!(status, 201);
    let created: serde_json::Value = serde_json::from_str(&body).unwrap();
    let record = format!("{table}/{}", created["result"]["sys_id"].as_str().unwrap());
    for method in ["PUT", "PATCH"] {
        let (status, body) = send(method, &record, JSON, format!(r#"{{"description":"{method}"}}"#)).await;
        let changed: serde_json::Value = serde_json::from_str(&body).unwrap();
        let columns = (&changed["result"]["description"], &changed["result"]["short_description"]);
        assert_eq!((status, columns), (200, (&method.into(), &"Printer".into())));
    }
    assert_eq!(send("DELETE", &record, JSON, String::new()).await, (204, String::new()));
    for method in ["GET", "DELETE"] {
        assert_eq!(send(method, &record, JSON, String::new()).await.0, 404, "{method}");
    }
}

#[tokio::test]
async fn a_mistake_gets_the_documented_status() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let base = format!("{}/api/now", simulator.access().base_url);
    for (method, path, media_type, body, expected) in [
        ("GET", "/table/bunk", JSON, "", 400),
        ("GET", "/bunk", JSON, "", 400),
        ("GET", "/table/incident?sysparm_limit=-1", JSON, "", 400),
        ("GET", "/table/incident", JSON, "", 200),
        ("GET", "/v2/table/incident", JSON, "", 200),
        ("GET", "/v1/table/incident", JSON, "", 404),
        ("POST", "/table/incident", JSON, "{", 400),
        ("POST", "/table/incident", "text/plain", "{}", 415),
        ("POST", "/table/incident", JSON, "{}", 201),
    ] {
        let (status, answer) = send(method, &format!("{base}{path}"), media_type, body.to_string()).await;
        assert_eq!(status, expected, "{method} {path} {body}: {answer}");
    }
}

/// A simulator with incidents of these urgencies, the odd ones for a caller.
async fn with_incidents(urgencies: &[&str]) -> Simulator {
    let simulator = Simulator::start(Options { seed: Some(1), ..Options::default() }).await.unwrap();
    for (at, urgency) in urgencies.iter().enumerate() {
        let caller = if at % 2 == 1 { "5137153cc611227c000bbd1bd8cd2005" } else { "" };
        let body = json!({"short_description": format!("incident {at}"), "urgency": urgency, "caller_id": caller});
        ask(
            &simulator.access().base_url,
            INTEGRATION,
            "POST",
            "/api/now/table/incident",
            &[AS_JSON],
            &body.to_string(),
        )
        .await;
    }
    simulator
}

#[tokio::test]
async fn a_list_is_filtered_walked_counted_and_compressed_as_asked() {
    let simulator = with_incidents(&["1", "2", "1"]).await;
    for (path, expected) in [
        ("/api/now/table/incident?urgency=1", 2),
        ("/api/now/table/incident?urgency=1&bunk=2", 2),
        ("/api/now/table/incident?caller_id.email=caller@example.com", 1),
        ("/api/now/table/incident?caller_id=Example%20Caller", 1),
        ("/api/now/table/incident?state=New&urgency=2%20-%20Medium", 1),
        ("/api/now/table/incident?urgency=1&sysparm_query=urgency=2", 1),
        ("/api/now/table/task?sysparm_query=sys_class_name=incident", 3),
        ("/api/now/table/incident?sysparm_query=sys_created_on%3Ejavascript:gs.daysAgo(1)", 3),
        ("/api/now/table/incident?sysparm_query=caller_idDYNAMIC90d1921e5f510100a9ad2572f2b477fe", 0),
    ] {
        let (status, headers, body) = ask(&simulator.access().base_url, INTEGRATION, "GET", path, &[], "").await;
        assert_eq!((status, results(&body).len()), (200, expected), "{path}");
        assert_eq!(headers["x-total-count"], expected.to_string().as_str(), "{path}");
    }
    let path =
        "/api/now/table/incident?sysparm_fields=number,caller_id.email,bunk&sysparm_query=ORDERBYDESCcaller_id.email";
    let (_, _, body) = ask(&simulator.access().base_url, INTEGRATION, "GET", path, &[], "").await;
    assert_eq!(results(&body)[0], json!({"number": "INC0010002", "caller_id.email": "caller@example.com"}));

    let path = "/api/now/table/incident";
    let (_, headers, body) =
        ask(&simulator.access().base_url, INTEGRATION, "GET", path, &[("accept-encoding", "gzip")], "").await;
    assert_eq!((&headers["content-encoding"], &body[..2]), (&"gzip".parse().unwrap(), &b"\x1f\x8b"[..]));
    let (status, headers, body) = ask(&simulator.access().base_url, INTEGRATION, "HEAD", path, &[], "").await;
    assert_eq!((status, &headers["x-total-count"], body.len()), (200, &"3".parse().unwrap(), 0));
    let (status, _, _) =
        ask(&simulator.access().base_url, INTEGRATION, "GET", path, &[("accept", "text/html")], "").await;
    assert_eq!(status, 406);
    let (status, _, _) = ask(
        &simulator.access().base_url,
        INTEGRATION,
        "GET",
        path,
        &[("accept", "text/html, application/json;q=0.5")],
        "",
    )
    .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_method_is_overridden_and_a_body_left_out_as_asked() {
    let simulator = with_incidents(&["1"]).await;
    let (_, _, body) = ask(&simulator.access().base_url, INTEGRATION, "GET", "/api/now/table/incident", &[], "").await;
    let path = format!("/api/now/table/incident/{}", results(&body)[0]["sys_id"].as_str().unwrap());
    let headers = [AS_JSON, ("x-http-method-override", "PATCH"), ("x-no-response-body", "true")];
    let (status, _, body) =
        ask(&simulator.access().base_url, INTEGRATION, "POST", &path, &headers, r#"{"urgency":"3"}"#).await;
    assert_eq!((status, body.len()), (204, 0));
    assert_eq!(&simulator.rows("incident")[0]["urgency"], "3");
    let headers = [AS_JSON, ("x-http-method-override", "BREW")];
    assert_eq!(ask(&simulator.access().base_url, INTEGRATION, "POST", &path, &headers, "{}").await.0, 405);
}

#[tokio::test]
async fn a_user_reads_and_writes_what_the_roles_allow() {
    let simulator = with_incidents(&["1"]).await;
    let user = |name: &str, roles: &[&str]| User {
        name: name.to_string(),
        password: "p".to_string(),
        roles: roles.iter().map(ToString::to_string).collect(),
    };
    simulator.add_user(user("none", &[]));
    simulator.add_user(user("reader", &["sn_incident_read"]));
    simulator.add_user(user("writer", &["itil"]));
    let sys_id = simulator.rows("incident")[0]["sys_id"].to_string();
    let record = format!("/api/now/table/incident/{sys_id}");
    for (name, seen, read, written, deleted) in
        [("none", 0, 404, 403, 403), ("reader", 1, 200, 403, 403), ("writer", 1, 200, 200, 403)]
    {
        let as_user = (name, "p");
        let (_, _, body) = ask(&simulator.access().base_url, as_user, "GET", "/api/now/table/incident", &[], "").await;
        assert_eq!(results(&body).len(), seen, "{name}");
        assert_eq!(ask(&simulator.access().base_url, as_user, "GET", &record, &[], "").await.0, read, "{name}");
        let (status, _, body) =
            ask(&simulator.access().base_url, as_user, "PATCH", &record, &[AS_JSON], r#"{"urgency":"2"}"#).await;
        let refused =
            String::from_utf8_lossy(&body).contains("ACL Exception Update Failed due to security constraints");
        assert_eq!((status, refused), (written, written == 403), "{name}");
        assert_eq!(ask(&simulator.access().base_url, as_user, "DELETE", &record, &[], "").await.0, deleted, "{name}");
    }
    assert_eq!(ask(&simulator.access().base_url, ("none", "wrong"), "GET", &record, &[], "").await.0, 401);
    assert_eq!(&simulator.rows("incident")[0]["sys_updated_by"], "writer");
}

#[tokio::test]
async fn a_snapshot_brings_the_tables_back_and_a_seed_makes_them_the_same() {
    let (first, second) = (with_incidents(&["1", "2"]).await, with_incidents(&["1", "2"]).await);
    assert_eq!(first.snapshot(), second.snapshot());
    let snapshot = first.snapshot();
    ask(&first.access().base_url, INTEGRATION, "POST", "/api/now/table/incident", &[AS_JSON], "{}").await;
    assert_ne!(first.snapshot(), snapshot);
    first.load(&snapshot).unwrap();
    assert_eq!(first.snapshot(), snapshot);
    assert!(first.load("{\"bunk\":[]}").is_err());
    let (_, _, requests) = ask(&first.access().base_url, INTEGRATION, "GET", "/simulator/requests", &[], "").await;
    assert_eq!(String::from_utf8_lossy(&requests).lines().count(), 3);
}

#[tokio::test]
async fn pages_put_together_are_the_whole_list() {
    let simulator = with_incidents(&["1", "2", "3", "1", "2", "3", "1"]).await;
    for limit in [1, 2, 3, 7, 100] {
        let mut numbers = Vec::new();
        let mut path =
            format!("/api/now/table/incident?sysparm_query=ORDERBYurgency^ORDERBYnumber&sysparm_limit={limit}");
        loop {
            let (_, headers, body) = ask(&simulator.access().base_url, INTEGRATION, "GET", &path, &[], "").await;
            numbers.extend(results(&body).iter().map(|row| row["number"].as_str().unwrap().to_string()));
            let links = headers.get("link").map_or("", |links| links.to_str().unwrap());
            let next = links.split(',').find(|link| link.ends_with("rel=\"next\""));
            let Some(next) = next.and_then(|link| link.strip_prefix('<')?.split_once('>')) else { break };
            path = next.0.strip_prefix(&simulator.access().base_url).unwrap().to_string();
        }
        let expected = ["1", "4", "7", "2", "5", "3", "6"].map(|number| format!("INC001000{number}"));
        assert_eq!(numbers, expected, "{limit}");
    }
}

#[tokio::test]
async fn a_rate_limit_is_told_in_headers_and_then_enforced() {
    let rule = RateRule { path: "/api/now/table/incident".to_string(), per_hour: 2 };
    let settings = Settings { rate_limits: vec![rule], ..Settings::default() };
    let options = Options { seed: Some(1), settings, ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    for expected in [200, 200, 429] {
        let (status, headers, body) =
            ask(&simulator.access().base_url, INTEGRATION, "GET", "/api/now/table/incident", &[], "").await;
        assert_eq!((status, &headers["x-ratelimit-limit"]), (expected, &"2".parse().unwrap()));
        // The seeded clock stands at the start of an hour.
        assert_eq!(headers["x-ratelimit-reset"], "1767229200");
        if status == 429 {
            assert_eq!(headers["retry-after"], "3600");
            let body = String::from_utf8(body).unwrap();
            assert!(body.contains("Rate limit of 2 requests per hour for Table API exceeded"), "{body}");
        }
    }
    let (status, headers, _) =
        ask(&simulator.access().base_url, INTEGRATION, "GET", "/api/now/table/sys_user", &[], "").await;
    assert_eq!((status, headers.get("x-ratelimit-limit")), (200, None));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_is_asked_gets_a_documented_answer(
        method in "(GET|POST|PATCH|PUT|DELETE|HEAD)",
        address in "/(api/now(/v1|/v2)?/(table|stats|batch)(/(incident|task|sys_user|[a-z]{0,4}))?(/[0-9a-f]{0,32})?(\\?sysparm_(query|limit|offset|fields|group_by)=[a-z0-9%=,.-]{0,12})?|oauth_token\\.do|simulator/(faults|snapshot|x)|[ -~]{0,20})",
        body in "(\\PC{0,20}|\\{(\"[a-z_]{1,9}\":(\"\\PC{0,5}\"|[0-9]{1,5}|\\[\\]|null),?){0,3}\\})",
    ) {
        let simulator = InProcess::new(Options { seed: Some(1), ..Options::default() });
        if let Some(status) = simulator.ask(&method, &address, body.as_bytes()) {
            proptest::prop_assert!((200..=415).contains(&status), "{status}");
        }
    }
}

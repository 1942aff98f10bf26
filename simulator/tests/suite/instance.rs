//! What the simulated instance does beside its tables: sessions, files, imports, short addresses, quotas, and the rules of
//! incidents that take a certain user.

use serde_json::{Value, json};
use servicenow_simulator::{Options, Settings, Simulator, User};
use servicenow_test_support::client::{AS_JSON, INTEGRATION, ask, results};
use servicenow_test_support::client::{send, token};

const INCIDENTS: &str = "/api/now/table/incident";

async fn simulator() -> Simulator {
    Simulator::start(Options { seed: Some(1), ..Options::default() }).await.unwrap()
}

async fn created(simulator: &Simulator, columns: Value) -> String {
    let (_, _, body) =
        ask(&simulator.access().base_url, INTEGRATION, "POST", INCIDENTS, &[AS_JSON], &columns.to_string()).await;
    serde_json::from_slice::<Value>(&body).unwrap()["result"]["sys_id"].as_str().unwrap().to_string()
}

fn user(name: &str, roles: &[&str]) -> User {
    let roles = roles.iter().map(ToString::to_string).collect();
    User { name: name.to_string(), password: "p".to_string(), roles }
}

/// The status of a request without credentials.
async fn anonymous(simulator: &Simulator, headers: &[(&str, &str)]) -> u16 {
    use http_body_util::Full;
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    let client: Client<_, Full<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = http::Request::get(format!("{}{INCIDENTS}", simulator.access().base_url));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    client.request(request.body(Full::default()).unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_session_lets_in_without_credentials_and_a_revoked_token_does_not() {
    let simulator = simulator().await;
    let (_, headers, _) = ask(&simulator.access().base_url, INTEGRATION, "GET", INCIDENTS, &[], "").await;
    let cookies: Vec<&str> = headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("JSESSIONID=")).unwrap().split(';').next().unwrap();
    assert_eq!(anonymous(&simulator, &[]).await, 401);
    assert_eq!(anonymous(&simulator, &[("cookie", "a=b; JSESSIONID=WRONG")]).await, 401);
    assert_eq!(anonymous(&simulator, &[("cookie", &format!("a=b; {session}"))]).await, 200);
    assert_eq!(headers["x-transaction-id"].len(), 12);

    let token = token(&simulator.access().token_url, "grant_type=client_credentials").await["access_token"]
        .as_str()
        .unwrap()
        .to_string();
    let bearer = format!("Bearer {token}");
    assert_eq!(anonymous(&simulator, &[("authorization", &bearer)]).await, 200);
    let revoke = format!("{}/oauth_revoke_token.do?token={token}", simulator.access().base_url);
    assert_eq!(send("GET", &revoke, "text/plain", String::new()).await.0, 200);
    assert_eq!(anonymous(&simulator, &[("authorization", &bearer)]).await, 401);
}

#[tokio::test]
async fn a_file_is_attached_described_fetched_and_removed() {
    let simulator = simulator().await;
    let key = created(&simulator, json!({})).await;
    let upload = format!("/api/now/attachment/file?table_name=incident&table_sys_id={key}&file_name=log.txt");
    let text = [("content-type", "text/plain")];
    let (status, headers, body) = ask(&simulator.access().base_url, INTEGRATION, "POST", &upload, &text, "hello").await;
    assert_eq!(status, 201);
    let described: Value = serde_json::from_slice(&body).unwrap();
    let described = &described["result"];
    assert_eq!((&described["size_bytes"], &described["file_name"]), (&json!("5"), &json!("log.txt")));
    assert_eq!(described["hash"], "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert!(headers["location"].to_str().unwrap().ends_with(described["sys_id"].as_str().unwrap()));
    let file = format!("/api/now/attachment/{}", described["sys_id"].as_str().unwrap());
    let list = format!("/api/now/attachment?sysparm_query=table_sys_id={key}");
    assert_eq!(results(&ask(&simulator.access().base_url, INTEGRATION, "GET", &list, &[], "").await.2).len(), 1);
    let (_, headers, bytes) =
        ask(&simulator.access().base_url, INTEGRATION, "GET", &format!("{file}/file"), &[], "").await;
    assert_eq!((&headers["content-type"], bytes.as_slice()), (&"text/plain".parse().unwrap(), &b"hello"[..]));
    assert_eq!(ask(&simulator.access().base_url, INTEGRATION, "DELETE", &file, &[], "").await.0, 204);
    assert_eq!(ask(&simulator.access().base_url, INTEGRATION, "GET", &file, &[], "").await.0, 404);
    let nowhere = "/api/now/attachment/file?table_name=incident&table_sys_id=1&file_name=a";
    assert_eq!(ask(&simulator.access().base_url, INTEGRATION, "POST", nowhere, &text, "x").await.0, 404);
}

#[tokio::test]
async fn an_import_tells_of_errors_inside_a_success() {
    let simulator = simulator().await;
    let row = json!({"u_short_description": "Imported", "caller_id": "Example Caller"}).to_string();
    let (status, _, body) =
        ask(&simulator.access().base_url, INTEGRATION, "POST", "/api/now/import/u_staging", &[AS_JSON], &row).await;
    let imported: Value = serde_json::from_slice(&body).unwrap();
    let result = &imported["result"][0];
    assert_eq!((status, &imported["staging_table"], &result["status"]), (201, &json!("u_staging"), &json!("inserted")));
    assert_eq!(result["display_value"], simulator.rows("incident")[0]["number"]);
    let bad = json!({"state": "6"}).to_string();
    let (status, _, body) =
        ask(&simulator.access().base_url, INTEGRATION, "POST", "/api/now/import/u_staging", &[AS_JSON], &bad).await;
    let imported: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &imported["result"][0]["status"]), (201, &json!("error")));
}

#[tokio::test]
async fn a_short_address_stands_for_a_long_one_and_a_longer_one_is_refused() {
    let simulator = simulator().await;
    created(&simulator, json!({"urgency": "1"})).await;
    created(&simulator, json!({"urgency": "2"})).await;
    let url = json!({"url": format!("{INCIDENTS}?sysparm_query=urgency=2")}).to_string();
    let (status, _, body) =
        ask(&simulator.access().base_url, INTEGRATION, "POST", "/api/now/tinyurl", &[AS_JSON], &url).await;
    let short = serde_json::from_slice::<Value>(&body).unwrap()["result"].as_str().unwrap().to_string();
    assert_eq!(status, 201);
    assert_eq!(results(&ask(&simulator.access().base_url, INTEGRATION, "GET", &short, &[], "").await.2).len(), 1);
    for odd in ["[]", "5", "\"x\"", "{\"url\":7}", "{", ""] {
        let (status, ..) =
            ask(&simulator.access().base_url, INTEGRATION, "POST", "/api/now/tinyurl", &[AS_JSON], odd).await;
        assert_eq!(status, 400, "{odd}");
    }
    let long = format!("{INCIDENTS}?sysparm_query=short_description={}", "x".repeat(20_000));
    let (status, headers, _) = ask(&simulator.access().base_url, INTEGRATION, "GET", &long, &[], "").await;
    assert_eq!((status, &headers["content-type"]), (414, &"text/html".parse().unwrap()));
}

#[tokio::test]
async fn a_transaction_over_its_quota_is_cancelled_and_done_all_the_same() {
    let settings = Settings { latency_ms: (40, 40), quota_ms: 20, ..Settings::default() };
    let simulator = Simulator::start(Options { settings, ..Options::default() }).await.unwrap();
    let (status, _, body) = ask(&simulator.access().base_url, INTEGRATION, "POST", INCIDENTS, &[AS_JSON], "{}").await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &body["error"]["message"]),
        (500, &json!("Transaction cancelled: maximum execution time exceeded"))
    );
    assert_eq!(simulator.rows("incident").len(), 1);
}

#[tokio::test]
async fn closing_takes_an_administrator_and_a_caller_s_answer_ends_on_hold() {
    let simulator = simulator().await;
    simulator.add_user(user("agent", &["itil"]));
    simulator.add_user(user("lead", &["itil", "itil_admin"]));
    simulator.add_user(user("caller", &["sn_incident_write"]));
    let caller =
        simulator.rows("sys_user").iter().find(|row| &row["user_name"] == "caller").unwrap()["sys_id"].to_string();
    let key = created(&simulator, json!({"caller_id": caller, "state": "3", "hold_reason": "1"})).await;
    let path = format!("{INCIDENTS}/{key}");
    let state = || simulator.rows("incident")[0]["state"].to_string();
    let comment = json!({"comments": "any news?"}).to_string();
    ask(&simulator.access().base_url, ("agent", "p"), "PATCH", &path, &[AS_JSON], &comment).await;
    assert_eq!(state(), "3");
    ask(&simulator.access().base_url, ("caller", "p"), "PATCH", &path, &[AS_JSON], &comment).await;
    assert_eq!((state().as_str(), &simulator.rows("incident")[0]["hold_reason"]), ("2", ""));
    let close = json!({"state": "7", "close_code": "User error", "close_notes": "n"}).to_string();
    assert_eq!(ask(&simulator.access().base_url, ("agent", "p"), "PATCH", &path, &[AS_JSON], &close).await.0, 403);
    assert_eq!(ask(&simulator.access().base_url, ("lead", "p"), "PATCH", &path, &[AS_JSON], &close).await.0, 200);
}

#[tokio::test]
async fn what_no_source_confirms_is_switched() {
    let simulator = simulator().await;
    let ask = |method: &'static str, path: &'static str, body: &'static str| {
        let simulator = &simulator;
        async move {
            let (status, headers, body) =
                ask(&simulator.access().base_url, INTEGRATION, method, path, &[AS_JSON], body).await;
            (status, headers, serde_json::from_slice::<Value>(&body).unwrap_or_default())
        }
    };
    simulator.set(|settings| {
        settings.may_refuse_malformed_with = 422;
        settings.may_count_anyway = true;
        settings.may_link_before_the_first = true;
        settings.may_cut_text = true;
        settings.may_keep_bad_references = false;
        settings.may_refresh_client_credentials = true;
        settings.may_require_hold_reason = true;
        settings.may_show_journals = false;
    });
    assert_eq!(ask("POST", INCIDENTS, "{").await.0, 422);
    assert_eq!(ask("POST", INCIDENTS, r#"{"state":"3"}"#).await.0, 403);
    let (_, _, made) =
        ask("POST", INCIDENTS, r#"{"correlation_display":"x","caller_id":"nobody","work_notes":"n"}"#).await;
    assert_eq!(made["result"]["caller_id"], "");
    ask("POST", INCIDENTS, "{}").await;
    let (_, headers, _) = ask("GET", "/api/now/table/incident?sysparm_limit=1&sysparm_no_count=true", "").await;
    assert_eq!(headers["x-total-count"], "2");
    assert!(headers["link"].to_str().unwrap().contains("sysparm_offset=-1>;rel=\"prev\""));
    let (_, _, shown) = ask("GET", "/api/now/table/incident?sysparm_display_value=true", "").await;
    assert_eq!(shown["result"][0]["work_notes"], "");
    assert!(token(&simulator.access().token_url, "grant_type=client_credentials").await["refresh_token"].is_string());
    simulator.set(|settings| settings.may_name_token_errors = true);
    assert_eq!(token(&simulator.access().token_url, "grant_type=bunk").await["error"], "unsupported_grant_type");
    assert_eq!(token(&simulator.access().token_url, "grant_type=password").await["error"], "invalid_grant");
}

#[tokio::test]
async fn groups_are_kept_by_conditions_and_ordered() {
    let simulator = simulator().await;
    for urgency in ["1", "1", "1", "2", "3", "3"] {
        created(&simulator, json!({"urgency": urgency})).await;
    }
    let stats = "/api/now/stats/incident?sysparm_count=true&sysparm_group_by=urgency";
    for (more, expected) in [
        ("", json!([["1", "3"], ["2", "1"], ["3", "2"]])),
        ("&sysparm_having=count^urgency^%3E^1", json!([["1", "3"], ["3", "2"]])),
        ("&sysparm_having=count^urgency^%3E^1,count^urgency^%3C^3", json!([["3", "2"]])),
        ("&sysparm_orderby=count", json!([["2", "1"], ["3", "2"], ["1", "3"]])),
    ] {
        let (_, _, body) =
            ask(&simulator.access().base_url, INTEGRATION, "GET", &format!("{stats}{more}"), &[], "").await;
        let group = |row: &Value| json!([row["groupby_fields"][0]["value"], row["stats"]["count"]]);
        assert_eq!(Value::from(results(&body).iter().map(group).collect::<Vec<_>>()), expected, "{more}");
    }
    let (status, _, _) =
        ask(&simulator.access().base_url, INTEGRATION, "GET", &format!("{stats}&sysparm_having=bunk"), &[], "").await;
    assert_eq!(status, 400);
}

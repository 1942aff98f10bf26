//! The shapes of answers, endpoint by endpoint, against fixtures written from what was recorded of instances (docs/servicenow-api.md 8):
//! members, their order where it matters, types, headers.

use serde_json::{Map, Value, json};
use servicenow_simulator::{Options, Simulator};
use servicenow_test_support::client::token;
use servicenow_test_support::client::{AS_JSON, INTEGRATION, ask};

/// What a fixture says of a value: `"text"`, `"number"`, `"list"`, `"null"`, a list of one shape, an object of shapes, or `"=..."` for exactly
/// that text.
fn check(at: &str, shape: &Value, found: &Value) {
    match shape {
        Value::String(kind) if kind == "text" => assert!(found.is_string(), "{at}: {found}"),
        Value::String(kind) if kind == "number" => assert!(found.is_u64(), "{at}: {found}"),
        Value::String(kind) if kind == "list" => assert!(found.is_array(), "{at}: {found}"),
        Value::String(kind) if kind == "null" => assert!(found.is_null(), "{at}: {found}"),
        Value::String(exact) => assert_eq!(found.as_str(), exact.strip_prefix('='), "{at}"),
        Value::Array(shapes) => {
            let items = found.as_array().unwrap_or_else(|| panic!("{at} is no list: {found}"));
            assert!(!items.is_empty(), "{at} is empty");
            items.iter().for_each(|item| check(at, &shapes[0], item));
        }
        Value::Object(members) => {
            let object = found.as_object().unwrap_or_else(|| panic!("{at} is no object: {found}"));
            for (name, shape) in members {
                match object.get(name) {
                    Some(found) => check(&format!("{at}.{name}"), shape, found),
                    None => panic!("{at} lacks {name}: {found}"),
                }
            }
        }
        other => panic!("{at}: the fixture has {other}"),
    }
}

fn same_members(at: &str, shape: &Value, found: &Value) {
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(shape), "{at}: members and their order");
}

#[tokio::test]
async fn each_endpoint_answers_in_its_recorded_shape() {
    let fixtures: Map<String, Value> = serde_json::from_str(include_str!("shapes.json")).unwrap();
    let simulator = Simulator::start(Options { seed: Some(1), ..Options::default() }).await.unwrap();
    let incidents = "/api/now/table/incident";
    let key = "189d7fc183a51210d81dc590ceaad387";
    let record = format!("{incidents}/{key}");
    let attach = format!("/api/now/attachment/file?table_name=incident&table_sys_id={key}&file_name=a.txt");
    let create =
        json!({"sys_id": key, "caller_id": "5137153cc611227c000bbd1bd8cd2005", "short_description": "x"}).to_string();
    let batch = json!({"batch_request_id": "1", "rest_requests": [{"id": "7", "method": "GET", "url": incidents,
        "headers": [{"name": "Accept", "value": "application/json"}]}]});
    let resolve = json!({"state": "6"}).to_string();
    for (name, method, path, body) in [
        ("create", "POST", incidents, create.as_str()),
        ("list", "GET", incidents, ""),
        ("list-shown", "GET", "/api/now/table/incident?sysparm_display_value=true", ""),
        ("list-both", "GET", "/api/now/table/incident?sysparm_display_value=all", ""),
        ("read", "GET", &record, ""),
        ("update", "PATCH", &record, r#"{"urgency":"1"}"#),
        ("no-record", "GET", "/api/now/table/incident/00000000000000000000000000000000", ""),
        ("no-table", "GET", "/api/now/table/bunk", ""),
        ("data-policy", "PATCH", &record, &resolve),
        ("choices", "GET", "/api/now/table/sys_choice?sysparm_limit=2", ""),
        ("dictionary", "GET", "/api/now/table/sys_dictionary?sysparm_limit=2", ""),
        ("stats", "GET", "/api/now/stats/incident?sysparm_count=true", ""),
        ("stats-grouped", "GET", "/api/now/stats/incident?sysparm_count=true&sysparm_group_by=state", ""),
        ("import", "POST", "/api/now/import/u_staging", r#"{"u_short_description":"y"}"#),
        ("batch", "POST", "/api/now/v1/batch", &batch.to_string()),
        ("attach", "POST", &attach, "hello"),
        ("attachments", "GET", "/api/now/attachment", ""),
    ] {
        let fixture = &fixtures[name];
        let (status, headers, answer) =
            ask(&simulator.access().base_url, INTEGRATION, method, path, &[AS_JSON], body).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_else(|_| panic!("{name} is no JSON"));
        assert_eq!(json!(status), fixture["status"], "{name}: {answer}");
        check(name, &fixture["body"], &answer);
        same_members(name, &fixture["body"], &answer);
        let standard = fixtures["headers"].as_object().unwrap();
        for (header, value) in
            standard.iter().chain(fixture.get("headers").and_then(Value::as_object).into_iter().flatten())
        {
            let found = headers.get(header).unwrap_or_else(|| panic!("{name} lacks {header}")).to_str().unwrap();
            assert!(value == "" || value == found, "{name} {header}: {found}");
        }
    }
    let (status, headers, answer) = ask(&simulator.access().base_url, ("nobody", "x"), "GET", incidents, &[], "").await;
    assert_eq!((status, &headers["www-authenticate"]), (401, &"BASIC realm=\"Service-now\"".parse().unwrap()));
    check("unauthorized", &fixtures["unauthorized"], &serde_json::from_slice(&answer).unwrap());
    let granted = token(
        &simulator.access().token_url,
        "grant_type=password&username=flow.integration&password=simulated-password",
    )
    .await;
    check("token", &fixtures["token"], &granted);
    same_members("token", &fixtures["token"], &granted);
    let refused = token(&simulator.access().token_url, "grant_type=password&username=x&password=y").await;
    assert_eq!(refused, json!({"error_description": "access_denied", "error": "server_error"}));
}

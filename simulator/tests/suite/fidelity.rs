//! What an instance does and clients that others wrote rely on: what a row has that nobody filled in, how the parts of the family
//! differ, and what a value becomes.

use serde_json::{Value, json};
use servicenow_simulator::{InProcess, Options, Settings, Simulator, User};
use servicenow_test_support::client::{AS_JSON, INTEGRATION, ask, results};

const CALLER: &str = "5137153cc611227c000bbd1bd8cd2005";

fn with(change: impl FnOnce(&mut Settings)) -> InProcess {
    let mut settings = Settings::default();
    change(&mut settings);
    InProcess::new(Options { seed: Some(1), settings, ..Options::default() })
}

fn instance() -> InProcess {
    with(|_| {})
}

fn get(instance: &InProcess, address: &str) -> Value {
    let (status, mut answer) = instance.answer("GET", &format!("/api/now{address}"), b"").unwrap();
    assert_eq!(status, 200, "{address}: {answer}");
    answer["result"].take()
}

fn rows(instance: &InProcess, address: &str) -> usize {
    get(instance, address).as_array().unwrap().len()
}

fn write(instance: &InProcess, method: &str, path: &str, columns: Value) -> (u16, Value) {
    let answer = instance.answer(method, &format!("/api/now/{path}"), columns.to_string().as_bytes());
    let (status, mut answer) = answer.unwrap();
    (status, answer["result"].take())
}

fn insert(instance: &InProcess, table: &str, columns: Value) -> Value {
    let (status, row) = write(instance, "POST", &format!("table/{table}"), columns);
    assert_eq!(status, 201, "{table}: {row}");
    row
}

#[test]
fn a_boolean_is_true_or_false_and_a_delivered_row_says_when_it_was_made() {
    let instance = instance();
    for (table, query, found) in [
        ("sys_user_has_role", "inherited=false", 2),
        ("sys_user_has_role", "inherited=", 0),
        ("sys_user", "locked_out=false", 2),
        ("sys_user", "sys_updated_on>=2020-01-01 00:00:00", 2),
        ("sys_choice", "sys_mod_countISEMPTY", 0),
    ] {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        assert_eq!(rows(&instance, &format!("/table/{table}?sysparm_query={query}")), found, "{table} {query}");
    }
    let user = &get(&instance, "/table/sys_user?user_name=example.caller")[0];
    assert_eq!((&user["locked_out"], &user["sys_mod_count"]), (&json!("false"), &json!("0")));
    let user = insert(&instance, "sys_user", json!({"active": ""}));
    assert_eq!(user["active"], "false", "an empty text is no third value");
}

#[test]
fn a_new_user_has_a_name_and_is_active_and_so_is_a_group() {
    let instance = instance();
    let user = insert(&instance, "sys_user", json!({"first_name": "Ada", "last_name": "Byron", "user_name": "ada"}));
    assert_eq!((&user["name"], &user["active"]), (&json!("Ada Byron"), &json!("true")));
    let group = insert(&instance, "sys_user_group", json!({"name": "Operations"}));
    assert_eq!((&group["name"], &group["active"]), (&json!("Operations"), &json!("true")));
}

#[test]
fn each_kind_of_task_has_states_of_its_own() {
    let instance = instance();
    let shown = "?sysparm_display_value=all";
    for (table, state, label, class) in [
        ("incident", "1", "New", "Incident"),
        ("problem", "101", "New", "Problem"),
        ("change_request", "-5", "New", "Change Request"),
        ("sc_task", "1", "Open", "Catalog Task"),
        ("sc_req_item", "1", "Open", "Requested Item"),
    ] {
        let made = insert(&instance, &format!("{table}{shown}"), json!({}));
        assert_eq!(made["state"], json!({"display_value": label, "value": state}), "{table}");
        assert_eq!(made["sys_class_name"], json!({"display_value": class, "value": table}), "{table}");
    }
    for (table, shown, state, is_active) in [
        ("change_request", "Assess", "-4", "true"),
        ("change_request", "Canceled", "4", "false"),
        ("problem", "Root Cause Analysis", "103", "true"),
        ("problem", "Closed", "107", "false"),
        ("sc_task", "Closed Complete", "3", "false"),
    ] {
        let made = insert(&instance, &format!("{table}?sysparm_input_display_value=true"), json!({"state": shown}));
        assert_eq!((&made["state"], &made["active"]), (&json!(state), &json!(is_active)), "{table} {shown}");
    }
    assert_eq!(insert(&instance, "problem", json!({"state": "2"}))["state"], "101", "it has no such state");
    let listed = get(&instance, "/table/sys_choice?name=change_request&element=state");
    assert_eq!(listed.as_array().unwrap().len(), 8);
}

#[test]
fn tables_that_clients_ask_for_are_there_and_told() {
    let instance = instance();
    for table in [
        "cmdb_ci",
        "cmdb_ci_server",
        "cmdb_ci_linux_server",
        "cmdb_rel_ci",
        "core_company",
        "cmn_location",
        "kb_knowledge",
        "task_sla",
        "change_task",
    ] {
        assert_eq!(rows(&instance, &format!("/table/{table}")), 0, "{table}");
        assert_eq!(rows(&instance, &format!("/table/sys_db_object?name={table}")), 1, "{table}");
    }
    let server = insert(&instance, "cmdb_ci_linux_server", json!({"name": "db-1"}));
    assert_eq!(server["sys_class_name"], "cmdb_ci_linux_server");
    assert_eq!(rows(&instance, "/table/cmdb_ci?name=db-1"), 1, "a server is a configuration item");
    let definition = &get(&instance, "/table/sys_db_object?name=incident&sysparm_display_value=all")[0];
    assert_eq!(
        (&definition["label"]["value"], &definition["super_class"]["display_value"]),
        (&json!("Incident"), &json!("task"))
    );
}

#[test]
fn groups_are_shown_as_people_read_them_and_an_average_has_four_places() {
    let instance = instance();
    insert(&instance, "incident", json!({"impact": "1", "urgency": "1", "caller_id": CALLER}));
    let stats = |more: &str| get(&instance, &format!("/stats/incident?sysparm_count=true{more}"));
    assert_eq!(stats("&sysparm_avg_fields=priority")["stats"]["avg"]["priority"], "1.0000");
    assert_eq!(stats("&sysparm_sum_fields=priority")["stats"]["sum"]["priority"], "1");
    for (display, expected) in [
        ("false", json!({"field": "caller_id", "value": CALLER})),
        ("true", json!({"field": "caller_id", "value": "Example Caller"})),
        ("all", json!({"field": "caller_id", "value": CALLER, "display_value": "Example Caller"})),
    ] {
        let groups = stats(&format!("&sysparm_group_by=caller_id&sysparm_display_value={display}"));
        assert_eq!(groups[0]["groupby_fields"][0], expected, "{display}");
    }
    let groups = stats("&sysparm_group_by=priority&sysparm_display_value=true");
    assert_eq!(groups[0]["groupby_fields"][0]["value"], "1 - Critical");
}

#[test]
fn a_list_shows_names_and_what_is_no_key_as_it_is() {
    let instance = instance();
    let watchers = format!("{CALLER},somebody@example.com");
    let made = insert(&instance, "incident?sysparm_display_value=all", json!({"watch_list": watchers}));
    let expected = json!({"display_value": "Example Caller, somebody@example.com", "value": watchers});
    assert_eq!(made["watch_list"], expected);
}

#[test]
fn how_long_an_incident_took_is_told_when_it_is_resolved() {
    let instance = instance();
    let made = insert(&instance, "incident", json!({}));
    assert_eq!(made["calendar_stc"], "");
    let resolved = json!({"state": "6", "close_code": "User error", "close_notes": "n"});
    let path = format!("table/incident/{}", made["sys_id"].as_str().unwrap());
    // With a seed each write is a second after the last.
    let (_, resolved) = write(&instance, "PATCH", &path, resolved);
    let took = (&resolved["calendar_stc"], &resolved["calendar_duration"]);
    assert_eq!(took, (&json!("1"), &json!("1970-01-01 00:00:01")));
}

#[test]
fn a_time_that_is_none_is_not_stored_unless_the_instance_keeps_it() {
    for (keeps, sent, stored) in [
        (false, "nonsense", ""),
        (true, "nonsense", "nonsense"),
        (false, "2026-04-30T10:00:00+02:00", "2026-04-30 08:00:00"),
    ] {
        let instance = with(|settings| settings.may_keep_bad_dates = keeps);
        assert_eq!(insert(&instance, "incident", json!({"due_date": sent}))["due_date"], stored, "{keeps} {sent}");
    }
    // What a person writes is in that person's zone.
    let instance = instance();
    let (_, user) = instance.answer("GET", "/api/now/table/sys_user?user_name=flow.integration", b"").unwrap();
    let path = format!("table/sys_user/{}", user["result"][0]["sys_id"].as_str().unwrap());
    write(&instance, "PATCH", &path, json!({"time_zone": "Europe/Berlin"}));
    let made =
        insert(&instance, "incident?sysparm_input_display_value=true", json!({"due_date": "2026-04-30 10:00:00"}));
    assert_eq!(made["due_date"], "2026-04-30 08:00:00");
}

#[test]
fn what_no_source_confirms_of_values_and_queries_is_switched() {
    for (refuses, status) in [(false, 200), (true, 400)] {
        let instance = with(|settings| settings.may_refuse_no_limit = refuses);
        let answer = instance.answer("GET", "/api/now/table/sys_user?sysparm_limit=0", b"").unwrap();
        assert_eq!(answer.0, status);
        assert!(answer.1["result"].as_array().is_none_or(Vec::is_empty));
    }
    for (keeps, stored) in [(true, "Nobody"), (false, "")] {
        let instance = with(|settings| settings.may_keep_unmatched_names = keeps);
        let shown = "incident?sysparm_input_display_value=true&sysparm_exclude_reference_link=true";
        assert_eq!(insert(&instance, shown, json!({"caller_id": "Nobody"}))["caller_id"], stored);
    }
    for (replaces, stored) in [(false, "🔥 é"), (true, "???? é")] {
        let instance = with(|settings| settings.may_replace_four_bytes = replaces);
        assert_eq!(insert(&instance, "incident", json!({"description": "🔥 é"}))["description"], stored);
    }
    for (ignores, found) in [(false, 0), (true, 1)] {
        let instance = with(|settings| settings.may_ignore_accents = ignores);
        insert(&instance, "incident", json!({"correlation_id": "café"}));
        assert_eq!(rows(&instance, "/table/incident?sysparm_query=correlation_id=CAFE"), found);
    }
}

#[tokio::test]
async fn who_may_not_close_an_incident_may_be_kept_from_changing_a_closed_one() {
    for (may, status) in [(true, 200), (false, 403)] {
        let simulator = Simulator::start(Options { seed: Some(1), ..Options::default() }).await.unwrap();
        simulator.set(|settings| settings.may_change_closed = may);
        let roles = vec!["itil".to_string()];
        simulator.add_user(User { name: "desk".to_string(), password: "p".to_string(), roles });
        let closed = json!({"state": "7", "close_code": "User error", "close_notes": "n"}).to_string();
        let base = &simulator.access().base_url;
        let (_, headers, _) = ask(base, INTEGRATION, "POST", "/api/now/table/incident", &[AS_JSON], &closed).await;
        let record = headers["location"].to_str().unwrap().strip_prefix(base.as_str()).unwrap();
        let reopened = ask(base, ("desk", "p"), "PATCH", record, &[AS_JSON], r#"{"state": "2"}"#).await;
        assert_eq!(reopened.0, status);
    }
}

#[tokio::test]
async fn a_file_s_description_is_whole_and_files_are_counted() {
    let simulator = Simulator::start(Options { seed: Some(1), ..Options::default() }).await.unwrap();
    let base = &simulator.access().base_url;
    let (_, headers, _) = ask(base, INTEGRATION, "POST", "/api/now/table/incident", &[AS_JSON], "{}").await;
    let key = headers["location"].to_str().unwrap().rsplit('/').next().unwrap();
    let upload = format!("/api/now/attachment/file?table_name=incident&table_sys_id={key}&file_name=a.txt");
    let (status, _, body) = ask(base, INTEGRATION, "POST", &upload, &[("content-type", "text/plain")], "hello").await;
    let described: Value = serde_json::from_slice(&body).unwrap();
    let described = &described["result"];
    let link = format!("{base}/api/now/attachment/{}/file", described["sys_id"].as_str().unwrap());
    assert_eq!((status, &described["download_link"]), (201, &json!(link)));
    for (member, expected) in [("sys_mod_count", "0"), ("sys_updated_by", INTEGRATION.0), ("average_image_color", "")] {
        assert_eq!(described[member], expected, "{member}");
    }
    assert!(described["size_compressed"].as_str().unwrap().parse::<usize>().unwrap() > 0);
    let one = format!("/api/now/attachment/{}", described["sys_id"].as_str().unwrap());
    let (status, _, body) = ask(base, INTEGRATION, "GET", &one, &[], "").await;
    assert_eq!((status, &serde_json::from_slice::<Value>(&body).unwrap()["result"]), (200, described));
    let list = format!("/api/now/attachment?sysparm_query=table_sys_id={key}&sysparm_limit=1");
    let (_, headers, body) = ask(base, INTEGRATION, "GET", &list, &[], "").await;
    assert_eq!((&headers["x-total-count"], &results(&body)[0]["download_link"]), (&"1".parse().unwrap(), &json!(link)));
}

#[test]
fn a_staged_row_can_be_read_again_and_import_sets_are_numbered() {
    let instance = instance();
    assert!(instance.answer("GET", "/api/now/table/u_staging", b"").unwrap().0 == 400, "nothing was staged");
    let body = json!({"u_short_description": "from afar"}).to_string();
    let (status, answer) = instance.answer("POST", "/api/now/import/u_staging", body.as_bytes()).unwrap();
    assert_eq!((status, &answer["import_set"]), (201, &json!("ISET0010001")));
    let staged = get(&instance, "/table/u_staging");
    let key = staged[0]["sys_id"].as_str().unwrap();
    let row = get(&instance, &format!("/import/u_staging/{key}"));
    assert_eq!((&row["u_short_description"], &row["sys_import_state"]), (&json!("from afar"), &json!("inserted")));
    assert_eq!(row["sys_target_sys_id"], answer["result"][0]["sys_id"]);
    assert_eq!(instance.answer("GET", "/api/now/import/u_staging/1", b"").unwrap().0, 404);
}

#[tokio::test]
async fn requests_are_kept_with_their_headers_and_bodies() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let base = &simulator.access().base_url;
    let body = r#"{"short_description":"x"}"#;
    ask(base, INTEGRATION, "POST", "/api/now/table/incident?a=b", &[AS_JSON, ("x-mine", "1")], body).await;
    let kept = simulator.whole_requests();
    let request = &kept[0];
    assert_eq!((&request["method"], &request["address"]), (&json!("POST"), &json!("/api/now/table/incident?a=b")));
    assert_eq!(request["body"], body);
    assert!(request["headers"].as_array().unwrap().contains(&json!(["x-mine", "1"])));
    let (_, _, listed) = ask(base, INTEGRATION, "GET", "/simulator/requests/whole", &[], "").await;
    assert_eq!(serde_json::from_slice::<Value>(listed.trim_ascii()).unwrap(), *request);
    assert_eq!(ask(base, INTEGRATION, "GET", "/nav_to.do", &[], "").await.0, 200);
}

#[test]
fn the_priority_of_incidents_and_problems_follows_and_that_of_other_tasks_is_kept() {
    let instance = instance();
    for (table, kept) in [("incident", "5"), ("problem", "5"), ("change_request", "2"), ("sc_task", "2")] {
        let made = insert(&instance, table, json!({"priority": "2"}));
        assert_eq!(made["priority"], kept, "{table}");
        let path = format!("table/{table}/{}", made["sys_id"].as_str().unwrap());
        let (_, changed) = write(&instance, "PATCH", &path, json!({"impact": "1", "urgency": "1"}));
        assert_eq!(changed["priority"], if kept == "2" { "2" } else { "1" }, "{table}");
    }
}

//! Deliveries: the provisioned script runs in the instance, and what it posts is judged.

use super::test_bed::{RULES, TestBed, alert, incident};
use serde_json::{Value, json};
use servicenow_host::Outcome;
use servicenow_host::callbacks::{Action, NamesOutcome};
use servicenow_host::provisioning::Settings;

#[tokio::test]
async fn an_alert_becomes_an_incident_and_the_agents_work_comes_back_without_an_echo() {
    let mut bed = TestBed::delivering(RULES).await;
    let made = incident(&bed.push(RULES, &alert(1, "Warning", "Trigger", "")).await.outcome);
    bed.simulator.settled().await;
    assert_eq!(bed.verdict().await, "echo");

    bed.agent(&format!("incident/{}", made.sys_id), json!({"state": "2", "urgency": "1"})).await;
    let change = bed.change().await;
    assert_eq!((change.table.as_str(), change.action, &change.number), ("incident", Action::Updated, &made.number));
    assert_eq!((change.status.as_deref(), change.severity.as_deref()), (Some("Processing"), Some("Critical")));
    assert!(change.changed.contains(&"state".to_string()) && change.changed.contains(&"priority".to_string()));
    assert_eq!(change.mod_count, Some(1));

    bed.agent(&format!("incident/{}", made.sys_id), json!({"comments": "on it"})).await;
    let change = bed.change().await;
    assert_eq!((&change.comments[..], change.status, change.severity), (&["on it".to_string()][..], None, None));

    let event: Value = serde_json::from_str(&change.cloud_event).unwrap();
    assert_eq!(event["id"], format!("{}:2", made.sys_id));
    assert_eq!((&event["specversion"], &event["type"]), (&json!("1.0"), &json!("servicenow.incident.updated")));
}

#[tokio::test]
async fn each_table_of_the_task_family_delivers() {
    let mut bed = TestBed::delivering(RULES).await;
    for table in ["incident", "sc_request", "sc_req_item", "sc_task", "change_request", "problem"] {
        let made = bed.agent(table, json!({"short_description": "new \"one\""})).await;
        let change = bed.change().await;
        assert_eq!((change.table.as_str(), change.action), (table, Action::Inserted));
        assert_eq!(change.number, made["number"].as_str().unwrap());
        let path = format!("{table}/{}", made["sys_id"].as_str().unwrap());
        bed.agent(&path, json!({"short_description": "changed"})).await;
        let change = bed.change().await;
        assert_eq!(
            (change.action, change.changed.as_slice()),
            (Action::Updated, &["short_description".to_string(), "sys_updated_on".into()][..])
        );
        assert!(change.previous.contains(&("short_description".to_string(), "new \"one\"".to_string())));
    }
}

#[tokio::test]
async fn the_button_saves_first_says_how_it_went_and_rests_between_tries() {
    let mut bed = TestBed::set().await;
    let made = bed.agent("incident", json!({"short_description": "x", "comments": "said before"})).await;
    let sys_id = made["sys_id"].as_str().unwrap().to_string();
    bed.receive(RULES).await;
    // Without the rule only the button delivers.
    let settings = Settings { button: true, automatic: false, ..bed.settings() };
    bed.sync.apply(bed.call("setup"), settings).await;
    assert_eq!(bed.simulator.rows("sys_script").len(), 1, "the shipped one");
    let press = || bed.simulator.press("send_to_acme", "incident", &sys_id);
    assert!(press().await.is_ok());
    assert!(press().await.is_ok());
    let change = bed.change().await;
    assert_eq!((change.number.as_str(), change.action), (made["number"].as_str().unwrap(), Action::Updated));
    assert_eq!(change.comments, ["said before"]);
    bed.simulator.settled().await;
    assert!(bed.changes.try_recv().is_err(), "the second try was too soon");
}

#[tokio::test]
async fn a_delivery_without_the_secret_or_of_another_form_is_refused() {
    let mut bed = TestBed::set().await;
    bed.receive(RULES).await;
    let address = format!("http://{}/hook", bed.receiver.as_ref().unwrap().address());
    let key = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
    let sound = json!({"sys_id": key, "number": "INC1", "table": "incident", "action": "insert", "current": {}});
    for (secret, body, status, verdict) in [
        (None, sound.to_string(), 401, "unauthenticated"),
        (Some("simulated-callback-secre"), sound.to_string(), 401, "unauthenticated"),
        (Some(""), sound.to_string(), 401, "unauthenticated"),
        (Some("simulated-callback-secret"), "{}".to_string(), 400, "invalid sys_id"),
        (Some("simulated-callback-secret"), "x".repeat(4 << 20), 400, "invalid body"),
        (Some("simulated-callback-secret"), sound.to_string(), 200, "accepted"),
        (Some("simulated-callback-secret"), sound.to_string(), 200, "duplicate"),
    ] {
        assert_eq!(post(&address, secret, body).await, status, "{secret:?} {verdict}");
        assert_eq!(bed.verdict().await, verdict);
    }
}

#[tokio::test]
async fn a_change_that_was_not_taken_is_new_the_next_time() {
    let mut bed = TestBed::set().await;
    bed.receive(RULES).await;
    let address = format!("http://{}/hook", bed.receiver.as_ref().unwrap().address());
    let body = json!({"sys_id": "a1b2c3d4e5f60718293a4b5c6d7e8f90", "number": "INC1", "table": "incident", "action": "insert",
        "sys_mod_count": "0", "current": {}});
    *bed.handler.refusals.lock().unwrap() = 1;
    assert_eq!(post(&address, Some("simulated-callback-secret"), body.to_string()).await, 503);
    assert_eq!(post(&address, Some("simulated-callback-secret"), body.to_string()).await, 200);
    assert_eq!(
        (bed.verdict().await, bed.verdict().await),
        ("the change was not taken: not now".into(), "accepted".into())
    );
}

#[tokio::test]
async fn rules_leave_out_tables_and_columns_that_are_of_no_interest() {
    let rules = RULES.replacen("\"body\"", r#""receive": {"tables": ["incident"], "columns": ["state"]}, "body""#, 1);
    let mut bed = TestBed::delivering(&rules).await;
    let made = bed.agent("incident", json!({})).await;
    let path = format!("incident/{}", made["sys_id"].as_str().unwrap());
    bed.agent("problem", json!({})).await;
    bed.agent(&path, json!({"urgency": "1"})).await;
    bed.agent(&path, json!({"state": "2"})).await;
    let mut verdicts = Vec::new();
    for _ in 0..4 {
        verdicts.push(bed.verdict().await);
    }
    verdicts.sort();
    assert_eq!(verdicts, ["accepted", "accepted", "ignored", "ignored"]);
}

#[tokio::test]
async fn what_stands_in_a_record_never_changes_the_structure_of_a_delivery() {
    let mut bed = TestBed::delivering(RULES).await;
    for text in [
        "\",\"sys_id\":\"x",
        "'); gs.log('x'); ('",
        "{{ id }}",
        "echo ${HOME} costs $5",
        "</script>",
        "a\nb\r\nX-Evil: 1",
        "\u{1}\u{2028}",
        "\\",
        "é🔥",
        &"x".repeat(1 << 20),
    ] {
        let made = bed.agent("incident", json!({"short_description": text, "description": text})).await;
        let change = bed.change().await;
        let sent = change.current.iter().find(|(name, _)| name == "description").map(|(_, value)| value.as_str());
        assert_eq!((change.sys_id.as_str(), sent), (made["sys_id"].as_str().unwrap(), Some(text)));
    }
    assert!(bed.simulator.log().is_empty());
}

/// Posts a delivery, and returns the status that it was answered with.
pub async fn post(address: &str, secret: Option<&str>, body: String) -> u16 {
    use http_body_util::Full;
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    let client: Client<_, Full<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = http::Request::post(address);
    let request = secret.into_iter().fold(request, |request, secret| request.header("x-callback-secret", secret));
    client.request(request.body(Full::from(body)).unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn references_are_resolved_to_names_on_request() {
    let bed = TestBed::set().await;
    let columns = json!({"caller_id": "5137153cc611227c000bbd1bd8cd2005", "assignment_group": "679434f053231300e321ddeeff7b12d8"});
    let made = bed.agent("incident", columns).await;
    let names = |table: &str, sys_id: &str| bed.sync.names(bed.call("events"), table.to_string(), sys_id.to_string());
    let NamesOutcome::Names(found) = names("incident", made["sys_id"].as_str().unwrap()).await.outcome else {
        panic!()
    };
    for (column, name) in [("caller_id", "Example Caller"), ("assignment_group", "Service Desk")] {
        assert!(found.contains(&(column.to_string(), name.to_string())), "{found:?}");
    }
    assert_eq!(names("sys_user", made["sys_id"].as_str().unwrap()).await.outcome.case(), "invalid-data");
    assert_eq!(names("problem", made["sys_id"].as_str().unwrap()).await.outcome.case(), "names-failure");
}

#[tokio::test]
async fn extra_columns_come_as_they_are_shown() {
    let mut bed = TestBed::set().await;
    bed.receive(RULES).await;
    let settings = Settings { columns: vec!["contact_type".into(), "opened_by".into()], ..bed.settings() };
    bed.sync.apply(bed.call("setup"), settings).await;
    bed.agent("incident", json!({"contact_type": "phone"})).await;
    let change = bed.change().await;
    for (column, shown) in [("contact_type", "Phone"), ("opened_by", "Flow Integration")] {
        assert!(change.current.contains(&(column.to_string(), shown.to_string())), "{:?}", change.current);
    }
}

#[tokio::test]
async fn a_state_of_another_table_is_no_status_of_an_event() {
    let mut bed = TestBed::delivering(RULES).await;
    for table in ["sc_task", "change_request", "problem"] {
        bed.agent(table, json!({"state": "3"})).await;
        let change = bed.change().await;
        assert_eq!((change.status, change.snooze_seconds), (None, None), "{table}");
    }
}

#[tokio::test]
async fn a_filter_by_columns_lets_comments_and_extra_columns_pass_and_leaves_no_gap() {
    let receive = r#""receive": {"columns": ["comments", "contact_type", "state"]}, "body""#;
    let rules = RULES.replacen("\"body\"", receive, 1);
    let mut bed = TestBed::set().await;
    bed.receive(&rules).await;
    let settings = Settings { columns: vec!["contact_type".into()], ..bed.settings() };
    bed.sync.apply(bed.call("setup"), settings).await;
    let made = bed.agent("incident", json!({"urgency": "1"})).await;
    assert_eq!(bed.verdict().await, "accepted");
    let path = format!("incident/{}", made["sys_id"].as_str().unwrap());
    for (columns, verdict) in [
        (json!({"comments": "hello"}), "accepted"),
        (json!({"contact_type": "phone"}), "accepted"),
        (json!({"description": "x"}), "ignored"),
        (json!({"description": "y"}), "ignored"),
        (json!({"state": "2"}), "accepted"),
    ] {
        bed.agent(&path, columns.clone()).await;
        assert_eq!(bed.verdict().await, verdict, "{columns}");
    }
    let mut last = bed.change().await;
    while let Ok(change) = bed.changes.try_recv() {
        last = change;
    }
    // Nothing of interest is missing in between: the urgency is known not to have changed.
    assert_eq!((last.status.as_deref(), last.severity), (Some("Processing"), None));
}

#[tokio::test]
async fn what_nobody_vouches_for_is_not_even_read() {
    let mut bed = TestBed::set().await;
    bed.receive(RULES).await;
    let address = format!("http://{}/hook", bed.receiver.as_ref().unwrap().address());
    let values = format!("[1{}]", ",1".repeat(2_000_000));
    assert_eq!(post(&address, None, values.clone()).await, 401);
    assert_eq!(post(&address, Some("simulated-callback-secret"), values).await, 400);
    assert_eq!((bed.verdict().await, bed.verdict().await), ("unauthenticated".into(), "invalid body".into()));
}

#[tokio::test]
async fn connections_that_are_only_held_open_keep_no_delivery_waiting() {
    let mut bed = TestBed::delivering(RULES).await;
    let address = bed.receiver.as_ref().unwrap().address();
    let mut held = Vec::new();
    for _ in 0..300 {
        held.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    let began = std::time::Instant::now();
    bed.agent("incident", json!({"short_description": "new"})).await;
    bed.change().await;
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    drop(held);
}

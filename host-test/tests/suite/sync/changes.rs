//! What deliveries missed: nothing is lost, and nothing comes twice.

use super::stage::{RULES, Stage, alert, events, incident};
use serde_json::json;
use servicenow_host::changes::Selection;
use servicenow_host::event_sync::Reconciled;
use servicenow_host::{Ledger, Outcome};
use servicenow_simulator::{Options, Simulator};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

fn selection() -> Selection {
    Selection { tables: Vec::new(), time_zone: None, overlap_seconds: None, limit: Some(3) }
}

/// Reads what was missed: which version of which record came, in order.
async fn missed(stage: &Stage) -> (Vec<(String, u32)>, Reconciled) {
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let note = |change: servicenow_host::callbacks::Change| {
        seen.lock().unwrap().push((change.sys_id, change.version.mod_count.unwrap()));
        async { Ok::<_, String>(()) }
    };
    let reconciled = stage.events.reconcile(&stage.call("events"), &selection(), Some(RULES.to_string()), note).await;
    let (report, reconciled) = reconciled.unwrap();
    assert_eq!(report.outcome.case(), "changes-page", "{:?}", report.outcome);
    let seen = seen.lock().unwrap().clone();
    (seen, reconciled)
}

#[tokio::test]
async fn what_happened_while_nobody_listened_comes_once_and_in_its_last_version() {
    let mut stage = Stage::delivering(RULES).await;
    assert_eq!(missed(&stage).await.0, []);
    let delivered = stage.agent("incident", json!({"short_description": "delivered"})).await;
    stage.change().await;
    stage.receiver = None;
    let mut expected = HashMap::new();
    for table in ["incident", "problem", "sc_task", "change_request", "sc_request", "sc_req_item", "incident"] {
        let made = stage.agent(table, json!({"short_description": "missed"})).await;
        let sys_id = made["sys_id"].as_str().unwrap().to_string();
        stage.agent(&format!("{table}/{sys_id}"), json!({"short_description": "missed again"})).await;
        expected.insert(sys_id, 1);
    }
    let path = format!("incident/{}", delivered["sys_id"].as_str().unwrap());
    stage.agent(&path, json!({"urgency": "1"})).await;
    expected.insert(delivered["sys_id"].as_str().unwrap().to_string(), 1);
    stage.simulator.settled().await;
    let (seen, reconciled) = missed(&stage).await;
    assert_eq!((seen.len(), HashMap::from_iter(seen)), (expected.len(), expected));
    assert_eq!(reconciled.accepted, 8);
    // The overlap is read again, and all of it is known.
    let (seen, reconciled) = missed(&stage).await;
    assert_eq!((seen.len(), reconciled.known), (0, 8));
}

#[tokio::test]
async fn an_own_write_is_no_change_and_what_others_did_before_it_is() {
    let stage = Stage::set().await;
    assert_eq!(missed(&stage).await.0, []);
    let made = incident(&stage.push(RULES, &alert(1, "Info", "Trigger", "")).await.outcome);
    assert_eq!(missed(&stage).await.0, []);
    // An agent's change whose delivery is lost, and an own write after it: the later version tells of both.
    stage.agent(&format!("incident/{}", made.sys_id), json!({"state": "2"})).await;
    assert_eq!(stage.pushed(&alert(1, "Critical", "Trigger", "")).await, "updated");
    assert_eq!(missed(&stage).await.0, [(made.sys_id, 2)]);
}

#[tokio::test]
async fn many_records_of_one_second_are_walked_page_by_page() {
    let stage = Stage::on(Simulator::start(Options::default()).await.unwrap());
    missed(&stage).await;
    let script = "for (var i = 0; i < 20; i++) { var gr = new GlideRecord('incident'); gr.initialize(); gr.insert(); }";
    stage.simulator.run(script).await.unwrap();
    let seconds: HashSet<_> =
        stage.simulator.rows("incident").iter().map(|row| row["sys_updated_on"].to_string()).collect();
    assert!(seconds.len() < 6, "they share seconds: {seconds:?}");
    let (seen, _) = missed(&stage).await;
    assert_eq!(seen.len(), 20);
    assert_eq!(HashMap::<_, _>::from_iter(seen).len(), 20);
}

#[tokio::test]
async fn times_are_said_in_the_zone_of_the_user_who_asks() {
    for (zone, own) in [("Pacific/Auckland", true), ("America/Los_Angeles", true), ("Asia/Kolkata", false)] {
        let stage = Stage::set().await;
        let user = stage.simulator.rows("sys_user")[0]["sys_id"].to_string();
        if own {
            stage.agent(&format!("sys_user/{user}"), json!({"time_zone": zone})).await;
        } else {
            let property = stage.simulator.rows("sys_properties")[0]["sys_id"].to_string();
            stage.agent(&format!("sys_properties/{property}"), json!({"value": zone})).await;
        }
        missed(&stage).await;
        let made = stage.agent("incident", json!({})).await;
        let (seen, _) = missed(&stage).await;
        assert_eq!(seen, [(made["sys_id"].as_str().unwrap().to_string(), 0)], "{zone}");
    }
}

#[tokio::test]
async fn a_zone_that_is_not_to_be_found_out_is_an_error_and_no_guess() {
    let stage = Stage::set().await;
    let property = stage.simulator.rows("sys_properties")[0]["sys_id"].to_string();
    stage.agent(&format!("sys_properties/{property}"), json!({"value": "Mars/Olympus"})).await;
    let since = |time_zone: Option<&str>, cursor: Option<&str>| {
        let selection = Selection { time_zone: time_zone.map(str::to_string), ..selection() };
        stage.events.since(stage.call("events"), selection, None, cursor.map(str::to_string))
    };
    let cursor = r#"{"since":"2026-01-01 00:00:00"}"#;
    for (zone, cursor, expected) in [
        (None, Some(cursor), "invalid-data"),
        (Some("Mars/Olympus"), Some(cursor), "invalid-data"),
        (Some("Europe/Berlin"), Some(cursor), "changes-page"),
        (Some("Europe/Berlin"), Some("yesterday"), "invalid-data"),
        (None, None, "changes-page"),
    ] {
        assert_eq!(since(zone, cursor).await.outcome.case(), expected, "{zone:?} {cursor:?}");
    }
}

#[tokio::test]
async fn a_host_that_was_killed_goes_on_where_its_ledger_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let mut stage = Stage::set().await;
    let restart = |stage: &mut Stage| {
        // The ledger is free again when nobody has it.
        stage.events = Arc::new(events(&stage.simulator, Ledger::default()));
        stage.events = Arc::new(events(&stage.simulator, Ledger::open(&path).unwrap()));
    };
    restart(&mut stage);
    missed(&stage).await;
    let first = stage.agent("incident", json!({})).await;
    assert_eq!(missed(&stage).await.0.len(), 1);
    restart(&mut stage);
    let second = stage.agent("incident", json!({})).await;
    assert_ne!(first["sys_id"], second["sys_id"]);
    assert_eq!(missed(&stage).await.0, [(second["sys_id"].as_str().unwrap().to_string(), 0)]);
}

//! What deliveries missed: nothing is lost, and nothing comes twice.

use super::test_bed::{RULES, TestBed, alert, event_sync, incident};
use host_test::lab::scenarios::authorizations;
use serde_json::json;
use servicenow_host::changes::Selection;
use servicenow_host::event_sync::Reconciled;
use servicenow_host::{Ledger, Limits, MemoryLedger, Outcome, SqliteLedger};
use servicenow_simulator::{Options, Simulator};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

fn selection() -> Selection {
    Selection { tables: Vec::new(), time_zone: None, overlap_seconds: None, limit: Some(3) }
}

/// Reads what was missed: which version of which record came, in order.
async fn missed(bed: &TestBed) -> (Vec<(String, u32)>, Reconciled) {
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let note = |change: servicenow_host::callbacks::Change| {
        seen.lock().unwrap().push((change.sys_id, change.mod_count.unwrap()));
        async { Ok::<_, String>(()) }
    };
    let reconciled = bed.sync.reconcile(&bed.call("events"), &selection(), Some(RULES.to_string()), note).await;
    let (report, reconciled) = reconciled.unwrap();
    assert_eq!(report.outcome.case(), "changes-page", "{:?}", report.outcome);
    let seen = seen.lock().unwrap().clone();
    (seen, reconciled)
}

#[tokio::test]
async fn what_happened_while_nobody_listened_comes_once_and_in_its_last_version() {
    let mut bed = TestBed::delivering(RULES).await;
    assert_eq!(missed(&bed).await.0, []);
    let delivered = bed.agent("incident", json!({"short_description": "delivered"})).await;
    bed.change().await;
    bed.receiver = None;
    let mut expected = HashMap::new();
    for table in ["incident", "problem", "sc_task", "change_request", "sc_request", "sc_req_item", "incident"] {
        let made = bed.agent(table, json!({"short_description": "missed"})).await;
        let sys_id = made["sys_id"].as_str().unwrap().to_string();
        bed.agent(&format!("{table}/{sys_id}"), json!({"short_description": "missed again"})).await;
        expected.insert(sys_id, 1);
    }
    let path = format!("incident/{}", delivered["sys_id"].as_str().unwrap());
    bed.agent(&path, json!({"urgency": "1"})).await;
    expected.insert(delivered["sys_id"].as_str().unwrap().to_string(), 1);
    bed.simulator.settled().await;
    let (seen, reconciled) = missed(&bed).await;
    assert_eq!((seen.len(), HashMap::from_iter(seen)), (expected.len(), expected));
    assert_eq!(reconciled.accepted, 8);
    // The overlap is read again, and all of it is known.
    let (seen, reconciled) = missed(&bed).await;
    assert_eq!((seen.len(), reconciled.known), (0, 8));
}

#[tokio::test]
async fn an_own_write_is_no_change_and_what_others_did_before_it_is() {
    let bed = TestBed::set().await;
    assert_eq!(missed(&bed).await.0, []);
    let made = incident(&bed.push(RULES, &alert(1, "Info", "Trigger", "")).await.outcome);
    assert_eq!(missed(&bed).await.0, []);
    // An agent's change whose delivery is lost, and an own write after it: the later version tells of both.
    bed.agent(&format!("incident/{}", made.sys_id), json!({"state": "2"})).await;
    assert_eq!(bed.pushed(&alert(1, "Critical", "Trigger", "")).await, "updated");
    assert_eq!(missed(&bed).await.0, [(made.sys_id, 2)]);
}

#[tokio::test]
async fn many_records_of_one_second_are_walked_page_by_page() {
    let bed = TestBed::on(Simulator::start(Options::default()).await.unwrap());
    missed(&bed).await;
    let script = "for (var i = 0; i < 20; i++) { var gr = new GlideRecord('incident'); gr.initialize(); gr.insert(); }";
    bed.simulator.run(script).await.unwrap();
    let seconds: HashSet<_> =
        bed.simulator.rows("incident").iter().map(|row| row["sys_updated_on"].to_string()).collect();
    assert!(seconds.len() < 6, "they share seconds: {seconds:?}");
    let (seen, _) = missed(&bed).await;
    assert_eq!(seen.len(), 20);
    assert_eq!(HashMap::<_, _>::from_iter(seen).len(), 20);
}

#[tokio::test]
async fn times_are_said_in_the_zone_of_the_user_who_asks() {
    for (zone, own) in [("Pacific/Auckland", true), ("America/Los_Angeles", true), ("Asia/Kolkata", false)] {
        let bed = TestBed::set().await;
        let user = bed.simulator.rows("sys_user")[0]["sys_id"].to_string();
        if own {
            bed.agent(&format!("sys_user/{user}"), json!({"time_zone": zone})).await;
        } else {
            let property = bed.simulator.rows("sys_properties")[0]["sys_id"].to_string();
            bed.agent(&format!("sys_properties/{property}"), json!({"value": zone})).await;
        }
        missed(&bed).await;
        let made = bed.agent("incident", json!({})).await;
        let (seen, _) = missed(&bed).await;
        assert_eq!(seen, [(made["sys_id"].as_str().unwrap().to_string(), 0)], "{zone}");
    }
}

#[tokio::test]
async fn a_zone_that_is_not_to_be_found_out_is_an_error_and_no_guess() {
    let bed = TestBed::set().await;
    let property = bed.simulator.rows("sys_properties")[0]["sys_id"].to_string();
    bed.agent(&format!("sys_properties/{property}"), json!({"value": "Mars/Olympus"})).await;
    let since = |time_zone: Option<&str>, cursor: Option<&str>| {
        let selection = Selection { time_zone: time_zone.map(str::to_string), ..selection() };
        bed.sync.since(bed.call("events"), selection, None, cursor.map(str::to_string))
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
    let path = folder.path().join("ledger.db");
    let mut bed = TestBed::set().await;
    let restart = |bed: &mut TestBed| {
        bed.sync = Arc::new(event_sync(&bed.simulator, SqliteLedger::open(&path).unwrap()));
    };
    restart(&mut bed);
    missed(&bed).await;
    let first = bed.agent("incident", json!({})).await;
    assert_eq!(missed(&bed).await.0.len(), 1);
    restart(&mut bed);
    let second = bed.agent("incident", json!({})).await;
    assert_ne!(first["sys_id"], second["sys_id"]);
    assert_eq!(missed(&bed).await.0, [(second["sys_id"].as_str().unwrap().to_string(), 0)]);
}

#[tokio::test]
async fn a_page_that_is_too_large_is_read_in_halves() {
    let mut bed = TestBed::set().await;
    missed(&bed).await;
    let text = "x".repeat(20_000);
    for _ in 0..12 {
        bed.agent("incident", json!({"description": text})).await;
    }
    // All of them have 240 KB, and the host takes 64 at a time.
    let limits = Limits { max_response_bytes: 64 * 1024, ..Limits::default() };
    let host = crate::support::host_with(authorizations(&bed.simulator), limits);
    let ledger = MemoryLedger::default();
    let cursor = bed.sync.ledger().get("events", "cursor/").unwrap();
    assert!(ledger.replace("events", "cursor/", None, cursor.as_deref()).unwrap());
    bed.sync = Arc::new(bed.sync.of(&host, ledger));
    assert_eq!(missed(&bed).await.0.len(), 12);
}

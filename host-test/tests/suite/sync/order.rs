//! Deliveries that come late, twice, before others or without what orders them: each is told as what it is, and hides none.

use super::deliveries::post;
use super::test_bed::{RULES, TestBed, alert, incident};
use serde_json::{Value, json};
use servicenow_simulator::{Effect, Fault};
use std::collections::HashSet;

#[tokio::test]
async fn a_change_that_comes_late_twice_or_in_the_same_second_is_told_as_what_it_is() {
    let mut bed = TestBed::set().await;
    bed.receive(RULES).await;
    let address = format!("http://{}/hook", bed.receiver.as_ref().unwrap().address());
    let update = |count: u32, state: &str| {
        json!({"sys_id": "a1b2c3d4e5f60718293a4b5c6d7e8f90", "number": "INC1", "table": "incident", "action": "update",
            "sys_mod_count": count.to_string(), "current": {"state": state, "sys_updated_on": "2026-01-01 00:00:00"},
            "previous": {"state": "1"}})
    };
    let old = |state: &str| {
        let mut payload = update(0, state);
        payload.as_object_mut().unwrap().remove("sys_mod_count");
        payload["sys_id"] = "b1b2c3d4e5f60718293a4b5c6d7e8f90".into();
        payload
    };
    for (payload, verdict) in [
        (update(1, "2"), "accepted"),
        (update(3, "3"), "accepted"),
        (update(2, "2"), "late"),
        (update(2, "2"), "stale"),
        (update(3, "3"), "duplicate"),
        (update(4, "6"), "accepted"),
        (old("2"), "accepted"),
        (old("3"), "accepted"),
        (old("2"), "duplicate"),
        (old("3"), "duplicate"),
    ] {
        assert_eq!(post(&address, Some("simulated-callback-secret"), payload.to_string()).await, 200);
        assert_eq!(bed.verdict().await, verdict, "{payload}");
    }
}

#[tokio::test]
async fn a_save_without_a_change_hides_nothing_of_the_one_that_made_its_version() {
    let rules = RULES.replacen("\"body\"", r#""receive": {"columns": ["comments", "state"]}, "body""#, 1);
    let mut bed = TestBed::set().await;
    bed.receive(&rules).await;
    let address = format!("http://{}/hook", bed.receiver.as_ref().unwrap().address());
    let update = |count: u32, before: Option<[&str; 2]>, comment: &str| {
        let entry = json!({"sys_id": format!("c1b2c3d4e5f60718293a4b5c6d7e8f9{count}"), "text": comment});
        let comments = if comment.is_empty() { json!([]) } else { json!([entry]) };
        let columns = |[state, description]: [&str; 2]| json!({"state": state, "description": description, "sys_updated_on": format!("2026-01-01 00:00:0{count}")});
        let mut payload = json!({"sys_id": "a1b2c3d4e5f60718293a4b5c6d7e8f90", "number": "INC1", "table": "incident",
            "action": "update", "sys_mod_count": count.to_string(), "current": columns(["2", "x"]), "comments": comments});
        if let Some(before) = before {
            payload["previous"] = columns(before);
        }
        payload
    };
    let (unchanged, button) = (update(1, Some(["2", "x"]), ""), update(1, None, "looking at it"));
    let made = update(1, Some(["1", "x"]), "looking at it");
    let (again, described) = (update(2, Some(["2", "x"]), ""), update(2, Some(["2", "y"]), ""));
    let uncounted = |before: &str| {
        let mut payload = update(3, Some([before, "x"]), "");
        payload.as_object_mut().unwrap().remove("sys_mod_count");
        payload["sys_id"] = "b1b2c3d4e5f60718293a4b5c6d7e8f90".into();
        payload
    };
    let mut ids = HashSet::new();
    for (payload, verdict, status, comments) in [
        (&unchanged, "accepted", Some("Processing"), 0),
        (&unchanged, "duplicate", None, 0),
        // By hand: it says nothing of what was there before.
        (&button, "late", None, 1),
        (&button, "duplicate", None, 0),
        (&made, "late", None, 0),
        (&made, "duplicate", None, 0),
        (&unchanged, "duplicate", None, 0),
        // Nothing of interest, whichever comes first.
        (&again, "ignored", None, 0),
        (&described, "ignored", None, 0),
        (&again, "duplicate", None, 0),
        // Without a count nothing is hidden: each has its own digest.
        (&uncounted("1"), "accepted", Some("Processing"), 0),
        (&uncounted("2"), "ignored", None, 0),
    ] {
        assert_eq!(post(&address, Some("simulated-callback-secret"), payload.to_string()).await, 200);
        assert_eq!(bed.verdict().await, verdict, "{payload}");
        if ["accepted", "late"].contains(&verdict) {
            let change = bed.change().await;
            assert_eq!((change.status.as_deref(), change.comments.len()), (status, comments), "{payload}");
            let event: Value = serde_json::from_str(&change.cloud_event).unwrap();
            assert!(ids.insert(event["id"].to_string()), "a consumer would drop it: {event}");
        }
    }
}

#[tokio::test]
async fn a_delivery_that_overtakes_the_answer_of_an_own_write_waits_for_it() {
    let mut bed = TestBed::set().await;
    bed.receive(RULES).await;
    let made = incident(&bed.push(RULES, &alert(1, "Info", "Trigger", "")).await.outcome);
    let address = format!("http://{}/hook", bed.receiver.as_ref().unwrap().address());
    let delay = Effect::Delay { ms: 300 };
    bed.simulator.inject(Fault::once("PATCH", "/api/now/table/incident", delay));
    let payload = json!({"sys_id": made.sys_id, "number": made.number, "table": "incident", "action": "update",
        "sys_mod_count": "1", "current": {"urgency": "1"}});
    let event = alert(1, "Critical", "Trigger", "");
    let push = bed.push(RULES, &event);
    let overtake = async {
        while !bed.simulator.requests().iter().any(|request| request.starts_with("PATCH")) {
            tokio::task::yield_now().await;
        }
        post(&address, Some("simulated-callback-secret"), payload.to_string()).await
    };
    let (pushed, status) = tokio::join!(push, overtake);
    assert_eq!((incident(&pushed.outcome).version, status), (Some(1), 200));
    assert_eq!(bed.verdict().await, "echo");
}

#[tokio::test]
async fn a_script_that_says_nothing_of_before_tells_severity_and_status_only_where_they_changed() {
    let mut bed = TestBed::delivering(RULES).await;
    let made = incident(&bed.push(RULES, &alert(1, "Warning", "Trigger", "")).await.outcome);
    bed.simulator.settled().await;
    assert_eq!(bed.verdict().await, "echo");
    let address = format!("http://{}/hook", bed.receiver.as_ref().unwrap().address());
    // As a product's own script sends it: flat, and without what was there before.
    for (count, urgency, state, comment, severity, status) in [
        // What the push wrote is known by its echo.
        (1, "2", "1", "looking at it", None, None),
        (2, "1", "1", "", Some("Critical"), None),
        (3, "1", "2", "", None, Some("Processing")),
        (4, "1", "2", "still looking", None, None),
        // Also after versions that are missing.
        (9, "1", "2", "back again", None, None),
        (11, "2", "2", "", Some("Warning"), None),
    ] {
        let payload = json!({"action_type": "update", "number": made.number, "sys_id": made.sys_id, "urgency": urgency,
            "state": state, "comments": comment, "sys_mod_count": count.to_string()});
        assert_eq!(post(&address, Some("simulated-callback-secret"), payload.to_string()).await, 200);
        let change = bed.change().await;
        let told = (change.severity.as_deref(), change.status.as_deref());
        assert_eq!(told, (severity, status), "version {count}");
    }
}

//! What rules say of an incident's life: what is written when, what is looked up, and that a repeated event writes nothing.

use super::test_bed::{TestBed, event_sync, incident};
use serde_json::{Value, json};
use servicenow_host::push::{NoteResult, PushOutcome};
use servicenow_host::{MemoryLedger, Outcome, Report};
use servicenow_simulator::{Effect, Fault};
use std::sync::Arc;

/// Rules with these members.
pub fn rules(members: Value) -> String {
    let mut rules = json!({"name": "R", "correlation_id": "k-{{ id }}", "body": {"short_description": "{{ title }}"}});
    rules.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    rules.to_string()
}

/// An event with these members.
pub fn event(members: Value) -> String {
    let mut event = json!({"id": 1, "title": "Disk full"});
    event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    event.to_string()
}

/// Columns of the one incident.
fn columns(bed: &TestBed, names: &[&str]) -> Vec<String> {
    let rows = bed.simulator.rows("incident");
    assert_eq!(rows.len(), 1);
    names.iter().map(|name| rows[0][*name].to_string()).collect()
}

/// Fields of what a push warns of.
fn warned(report: &Report<PushOutcome>) -> Vec<String> {
    incident(&report.outcome).warnings.into_iter().map(|warning| warning.field).collect()
}

impl TestBed {
    /// Forgets what events said, as a host without a ledger does.
    fn forget(&mut self) {
        self.sync = Arc::new(event_sync(&self.simulator, MemoryLedger::default()));
    }

    /// What an agent writes into the latest incident.
    pub async fn edit(&self, columns: Value) {
        let key = self.simulator.rows("incident").last().unwrap()["sys_id"].to_string();
        self.agent(&format!("incident/{key}"), columns).await;
    }
}

#[tokio::test]
async fn a_column_is_written_when_the_rules_say_so() {
    let bed = TestBed::set().await;
    let rules = rules(json!({"fields": [
        {"column": "category", "value": "{{ a }}", "write": "create"},
        {"column": "cause", "value": "{{ a }}"},
        {"column": "business_impact", "value": "{{ a }}", "write": "always"}
    ]}));
    let names = ["category", "cause", "business_impact"];
    for (said, edit, expected) in [
        ("network", json!({}), ["network", "network", "network"]),
        (
            "network",
            json!({"category": "software", "cause": "x", "business_impact": "y"}),
            ["software", "x", "network"],
        ),
        ("database", json!({}), ["software", "database", "database"]),
    ] {
        if edit != json!({}) {
            bed.edit(edit).await;
        }
        bed.push(&rules, &event(json!({"a": said}))).await;
        assert_eq!(columns(&bed, &names), expected, "{said}");
        assert_eq!(bed.push(&rules, &event(json!({"a": said}))).await.outcome.case(), "unchanged", "{said}");
    }
}

#[tokio::test]
async fn a_column_is_emptied_where_the_rules_say_so_and_otherwise_left_alone() {
    let bed = TestBed::set().await;
    let rules = rules(json!({"fields": [
        {"column": "cause", "value": "{{ a }}", "clear": true},
        {"column": "business_impact", "path": "labels"}
    ]}));
    bed.push(&rules, &event(json!({"a": "x", "labels": {"service": "shop"}}))).await;
    assert_eq!(columns(&bed, &["cause", "business_impact"]), ["x", "service: shop"]);
    let blank = event(json!({"a": "  ", "labels": {"service": ""}}));
    assert_eq!(bed.push(&rules, &blank).await.outcome.case(), "updated");
    assert_eq!(columns(&bed, &["cause", "business_impact"]), ["", "service: shop"]);
    assert_eq!(bed.push(&rules, &blank).await.outcome.case(), "unchanged");
}

#[tokio::test]
async fn without_a_ledger_an_incident_that_is_there_gets_its_note_and_its_end_and_nothing_that_people_may_have_set() {
    let mut bed = TestBed::set().await;
    let rules = rules(json!({
        "severity": {"path": "severity"}, "status": {"path": "status"}, "note": {"column": "comments", "text": "{{ note }}"}
    }));
    let said =
        |severity: &str, status: &str, note: &str| event(json!({"severity": severity, "status": status, "note": note}));
    bed.push(&rules, &said("Warning", "Trigger", "")).await;
    bed.edit(json!({"urgency": "3", "state": "2", "short_description": "Old logs"})).await;
    for (again, case, state) in [
        (said("Warning", "Trigger", ""), "unchanged", "2"),
        (said("Critical", "Snoozed", ""), "unchanged", "2"),
        (said("Critical", "Trigger", "Paged."), "commented", "2"),
        (said("Critical", "Closed", ""), "resolved", "6"),
    ] {
        bed.forget();
        let report = bed.push(&rules, &again).await;
        assert_eq!((report.outcome.case(), columns(&bed, &["state"])[0].as_str()), (case, state), "{again}");
        assert_eq!(warned(&report), if case == "resolved" { vec![] } else { vec!["not-remembered"] }, "{again}");
        assert_eq!(columns(&bed, &["urgency", "short_description"]), ["3", "Old logs"], "{again}");
    }
}

#[tokio::test]
async fn without_a_ledger_a_state_is_the_events_to_say_while_nobody_has_taken_the_incident() {
    let mut bed = TestBed::set().await;
    let rules = rules(json!({"status": {"path": "status"}}));
    bed.push(&rules, &event(json!({"status": "Trigger"}))).await;
    bed.forget();
    let report = bed.push(&rules, &event(json!({"status": "Processing"}))).await;
    assert_eq!((report.outcome.case(), columns(&bed, &["state"])[0].as_str()), ("updated", "2"));
}

#[tokio::test]
async fn once_an_event_is_known_again_what_it_says_anew_is_written() {
    let mut bed = TestBed::set().await;
    let rules = rules(json!({"severity": {"path": "severity"}}));
    bed.push(&rules, &event(json!({"severity": "Warning"}))).await;
    bed.edit(json!({"urgency": "3"})).await;
    bed.forget();
    for (severity, case, urgency) in
        [("Warning", "unchanged", "3"), ("Warning", "unchanged", "3"), ("Critical", "updated", "1")]
    {
        let report = bed.push(&rules, &event(json!({"severity": severity}))).await;
        assert_eq!((report.outcome.case(), columns(&bed, &["urgency"])[0].as_str()), (case, urgency), "{severity}");
    }
}

#[tokio::test]
async fn references_are_found_by_name_and_what_is_none_is_left_out_or_refused() {
    for (value, by, unknown, expected) in [
        ("Service Desk", "name", "left-out", Some("679434f053231300e321ddeeff7b12d8")),
        ("service desk", "name", "refused", Some("679434f053231300e321ddeeff7b12d8")),
        ("Nobody", "name", "left-out", None),
        ("a^ORname=Service Desk", "name", "left-out", None),
    ] {
        let bed = TestBed::set().await;
        let field = json!({"column": "assignment_group", "value": "{{ team }}", "by": by, "unknown": unknown});
        let report = bed.push(&rules(json!({"fields": [field]})), &event(json!({"team": value}))).await;
        assert_eq!(report.outcome.case(), "created", "{value}");
        assert_eq!(columns(&bed, &["assignment_group"])[0], expected.unwrap_or_default(), "{value}");
        assert_eq!(warned(&report).is_empty(), expected.is_some(), "{value}: {report:?}");
    }
    let bed = TestBed::set().await;
    let caller = json!({"column": "caller_id", "value": "{{ who }}", "by": "email", "unknown": "refused"});
    let rules = rules(json!({"fields": [caller]}));
    let outcome = bed.push(&rules, &event(json!({"who": "nobody@example.com"}))).await.outcome;
    let PushOutcome::InvalidData(violations) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(violations[0].field, "caller_id");
    assert!(bed.simulator.rows("incident").is_empty());
    let known = event(json!({"who": "caller@example.com"}));
    assert_eq!(bed.push(&rules, &known).await.outcome.case(), "created");
    assert_eq!(columns(&bed, &["caller_id"]), ["5137153cc611227c000bbd1bd8cd2005"]);
    let before = bed.simulator.requests().len();
    assert_eq!(bed.push(&rules, &known).await.outcome.case(), "unchanged");
    let asked = bed.simulator.requests().split_off(before);
    assert!(!asked.iter().any(|request| request.contains("sys_user")), "a repeated event looks nothing up: {asked:?}");
}

#[tokio::test]
async fn a_name_that_several_have_or_that_the_user_may_not_read_is_left_out_and_the_alert_is_not_lost() {
    for answer in [
        json!({"result": [{"sys_id": "a".repeat(32), "name": "Network"}, {"sys_id": "b".repeat(32), "name": "Network"}]}),
        json!({"result": []}),
        // An instance that dropped the condition answers with whatever there is.
        json!({"result": [{"sys_id": "a".repeat(32), "name": "Other"}]}),
    ] {
        let bed = TestBed::set().await;
        let shown = Effect::json(200, &answer.to_string());
        bed.simulator.inject(Fault::once("GET", "/api/now/table/sys_user_group", shown));
        let field = json!({"column": "assignment_group", "value": "Network", "by": "name"});
        let report = bed.push(&rules(json!({"fields": [field]})), &event(json!({}))).await;
        assert_eq!(
            (report.outcome.case(), warned(&report)),
            ("created", vec!["assignment_group".to_string()]),
            "{answer}"
        );
        assert_eq!(columns(&bed, &["assignment_group"]), [""], "{answer}");
    }
    let bed = TestBed::set().await;
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    bed.simulator.inject(Fault::once("GET", "/api/now/table/sys_user_group", forbidden));
    let field = json!({"column": "assignment_group", "value": "Service Desk", "by": "name"});
    let report = bed.push(&rules(json!({"fields": [field]})), &event(json!({}))).await;
    assert_eq!((report.outcome.case(), warned(&report).len()), ("created", 1));
}

#[tokio::test]
async fn what_only_concerns_an_incident_that_is_there_makes_none() {
    let bed = TestBed::set().await;
    let note = json!({"name": "N", "correlation_id": "k-{{ id }}", "note": {"text": "{{ text }}"}}).to_string();
    let never = rules(json!({"create": "never"}));
    for rules in [&note, &never] {
        assert_eq!(bed.push(rules, &event(json!({"text": "seen"}))).await.outcome.case(), "filtered-out");
    }
    assert!(bed.simulator.rows("incident").is_empty());
    bed.push(&rules(json!({})), &event(json!({}))).await;
    assert_eq!(bed.push(&never, &event(json!({"title": "Disk still full"}))).await.outcome.case(), "updated");
    // Nobody has written a work note on this instance, so that the journal proves nothing.
    let seen = incident(&bed.push(&note, &event(json!({"text": "seen"}))).await.outcome);
    assert_eq!(columns(&bed, &["short_description"]), ["Disk still full"], "{seen:?}");
}

#[tokio::test]
async fn an_incident_that_is_not_active_is_closed_whatever_its_state() {
    let bed = TestBed::set().await;
    let rules = rules(json!({"status": {"path": "status"}}));
    bed.push(&rules, &event(json!({"status": "Trigger"}))).await;
    let row = &bed.simulator.rows("incident")[0];
    let answer = json!({"result": [{"sys_id": row["sys_id"].to_string(), "number": row["number"].to_string(), "state": "10",
        "active": "false", "correlation_id": "k-1", "sys_mod_count": "3"}]});
    let shown = Effect::json(200, &answer.to_string());
    bed.simulator.inject(Fault::once("GET", "/api/now/table/incident", shown));
    let outcome = bed.push(&rules, &event(json!({"status": "Processing"}))).await.outcome;
    assert_eq!(outcome.case(), "created", "{outcome:?}");
    assert_eq!(bed.simulator.rows("incident").len(), 2);
}

#[tokio::test]
async fn a_column_that_is_always_written_and_never_kept_is_written_once() {
    let bed = TestBed::set().await;
    let rules = rules(json!({"fields": [{"column": "category", "value": "nonsense", "write": "always"}]}));
    bed.push(&rules, &event(json!({}))).await;
    for _ in 0..2 {
        let before = bed.simulator.rows("incident");
        assert_eq!(bed.push(&rules, &event(json!({}))).await.outcome.case(), "unchanged");
        assert_eq!(bed.simulator.rows("incident"), before);
    }
}

#[tokio::test]
async fn what_is_written_only_when_an_incident_is_made_is_no_news_of_one_that_people_closed() {
    let bed = TestBed::set().await;
    let rules = rules(json!({"fields": [{"column": "cause", "value": "{{ a }}", "write": "create"}]}));
    bed.push(&rules, &event(json!({"a": "97 %"}))).await;
    bed.edit(json!({"state": "6", "close_code": "Duplicate", "close_notes": "x"})).await;
    assert_eq!(bed.push(&rules, &event(json!({"a": "98 %"}))).await.outcome.case(), "unchanged");
    assert_eq!(bed.push(&rules, &event(json!({"title": "Disk gone"}))).await.outcome.case(), "created");
}

#[tokio::test]
async fn a_status_that_keeps_the_state_makes_no_incident() {
    let bed = TestBed::set().await;
    let map = json!({"Open": {"state": "New"}, "Downtime": "keep", "Closed": {"state": "Canceled"}});
    let rules =
        rules(json!({"status": {"path": "status", "map": map}, "note": {"column": "comments", "text": "{{ note }}"}}));
    for (status, note, expected, note_result) in [
        ("Downtime", "", "filtered-out", None),
        ("Open", "", "created", Some(NoteResult::None)),
        ("Downtime", "planned", "commented", Some(NoteResult::Added)),
        ("Closed", "", "resolved", Some(NoteResult::None)),
        ("Downtime", "over", "filtered-out", None),
        ("Closed", "late", "unchanged", Some(NoteResult::Withheld)),
    ] {
        let outcome = bed.push(&rules, &event(json!({"status": status, "note": note}))).await.outcome;
        assert_eq!(outcome.case(), expected, "{status} {note}");
        assert_eq!(note_result.map(|_| incident(&outcome).note), note_result, "{outcome:?}");
    }
    assert_eq!(columns(&bed, &["state"]), ["8"], "a label stands for its value");
}

#[tokio::test]
async fn a_severity_is_written_as_a_whole() {
    let bed = TestBed::set().await;
    let map = json!({"High": {"urgency": 1, "impact": 2}, "Disaster": {"urgency": 1, "impact": 1}});
    let rules = rules(json!({"severity": {"path": "severity", "map": map}}));
    bed.push(&rules, &event(json!({"severity": "High"}))).await;
    bed.edit(json!({"urgency": "3"})).await;
    assert_eq!(bed.push(&rules, &event(json!({"severity": "High"}))).await.outcome.case(), "unchanged");
    bed.push(&rules, &event(json!({"severity": "Disaster"}))).await;
    assert_eq!(columns(&bed, &["urgency", "impact"]), ["1", "1"]);
}

#[tokio::test]
async fn a_group_that_nobody_has_is_the_fallback_with_a_warning() {
    let bed = TestBed::set().await;
    let field = json!({"column": "assignment_group", "value": "{{ team }} ", "by": "name", "fallback": "Service Desk"});
    let report = bed.push(&rules(json!({"fields": [field]})), &event(json!({"team": "Nobody"}))).await;
    assert_eq!(columns(&bed, &["assignment_group"]), ["679434f053231300e321ddeeff7b12d8"]);
    assert_eq!(warned(&report), ["assignment_group"]);
}

#[tokio::test]
async fn what_comes_after_a_recovery_is_another_problem_and_its_recovery_is_news() {
    let done = json!({"state": "6", "close_code": "Duplicate", "close_notes": "x"});
    for (on_closed, map, again, incidents) in [
        // The event says nothing of a state while it lasts.
        (None, json!({"resolved": done}), "created", 2),
        (Some("reopen"), json!({"resolved": done}), "reopened", 1),
        (Some("reopen"), json!({"firing": {"state": "1"}, "resolved": done}), "reopened", 1),
    ] {
        let bed = TestBed::on(servicenow_simulator::Simulator::start(Default::default()).await.unwrap());
        let mut members = json!({"status": {"path": "status", "map": map}});
        if let Some(on_closed) = on_closed {
            members["on_closed"] = on_closed.into();
        }
        let rules = rules(members);
        for (status, expected) in [
            ("firing", "created"),
            ("firing", "unchanged"),
            ("resolved", "resolved"),
            ("resolved", "unchanged"),
            ("firing", again),
            ("firing", "unchanged"),
            ("resolved", "resolved"),
        ] {
            let report = bed.push(&rules, &event(json!({"status": status}))).await;
            assert_eq!(report.outcome.case(), expected, "{status} {rules}");
        }
        assert_eq!(bed.simulator.rows("incident").len(), incidents, "{rules}");
    }
}

#[tokio::test]
async fn an_end_after_other_news_is_written_though_the_last_end_said_the_same() {
    let bed = TestBed::set().await;
    let done = json!({"state": "6", "close_code": "Duplicate", "close_notes": "x"});
    let rules = rules(json!({"severity": {"path": "severity"}, "status": {"path": "status",
        "map": {"firing": {"state": "1"}, "renotify": "keep", "resolved": done}}}));
    let said = |severity: &str, status: &str| event(json!({"severity": severity, "status": status}));
    bed.push(&rules, &said("Warning", "firing")).await;
    bed.push(&rules, &said("Warning", "resolved")).await;
    bed.edit(json!({"state": "2"})).await;
    assert_eq!(bed.push(&rules, &said("Warning", "resolved")).await.outcome.case(), "unchanged", "a repetition");
    assert_eq!(bed.push(&rules, &said("Critical", "renotify")).await.outcome.case(), "updated");
    assert_eq!(bed.push(&rules, &said("Critical", "resolved")).await.outcome.case(), "resolved");
}

#[tokio::test]
async fn an_end_is_written_after_an_event_that_was_left_out_and_not_after_a_note() {
    let bed = TestBed::set().await;
    let done = json!({"state": "6", "close_code": "Duplicate", "close_notes": "x"});
    let rules = rules(
        json!({"status": {"path": "status", "map": {"firing": {"state": "1"}, "renotify": "keep", "resolved": done}}}),
    );
    let note =
        json!({"name": "N", "correlation_id": "k-{{ id }}", "note": {"column": "comments", "text": "{{ text }}"}})
            .to_string();
    let push = async |status: &str| bed.push(&rules, &event(json!({"status": status}))).await.outcome.case();
    assert_eq!(
        (push("firing").await, push("resolved").await, push("renotify").await),
        ("created", "resolved", "filtered-out")
    );
    bed.edit(json!({"state": "2"})).await;
    assert_eq!(
        (push("resolved").await, push("resolved").await),
        ("resolved", "unchanged"),
        "the problem went on in between"
    );
    bed.edit(json!({"state": "2"})).await;
    assert_eq!(bed.push(&note, &event(json!({"text": "seen"}))).await.outcome.case(), "commented");
    assert_eq!(push("resolved").await, "unchanged", "a note says nothing of the problem");
    assert_eq!(columns(&bed, &["state"]), ["2"]);
}

#[tokio::test]
async fn a_status_column_that_comes_to_nothing_overwrites_nothing_and_an_end_has_notes() {
    let bed = TestBed::set().await;
    let map = json!({
        "work": {"state": "2", "cause": "{{ cause }}"},
        "done": {"state": "6", "close_code": "Duplicate", "close_notes": "{{ reason }}"}
    });
    let rules = rules(json!({"status": {"path": "status", "map": map}}));
    bed.push(&rules, &event(json!({"status": "work", "cause": "x"}))).await;
    bed.push(&rules, &event(json!({"status": "work", "cause": null}))).await;
    assert_eq!(columns(&bed, &["cause"]), ["x"]);
    let report = bed.push(&rules, &event(json!({"status": "done", "reason": null}))).await;
    assert_eq!(report.outcome.case(), "resolved", "{report:?}");
    assert_eq!(columns(&bed, &["close_notes"]), ["The event recovered."]);
    assert_eq!(warned(&report), ["rules.status.map.done.close_notes"]);
}

#[tokio::test]
async fn what_is_said_after_a_create_whose_answer_was_lost_is_written() {
    let bed = TestBed::set().await;
    let rules = rules(json!({"severity": {"path": "severity"}}));
    bed.simulator.inject(Fault::once("POST", "/api/now/table/incident", Effect::CommitThenClose));
    bed.simulator.inject(Fault { times: 9, after: 1, ..Fault::once("GET", "/api/now/table/incident", Effect::Close) });
    let outcome = bed.push(&rules, &event(json!({"severity": "Warning"}))).await.outcome;
    assert!(outcome.failure().is_some(), "{outcome:?}");
    bed.simulator.heal();
    let report = bed.push(&rules, &event(json!({"severity": "Critical"}))).await;
    assert_eq!((report.outcome.case(), columns(&bed, &["urgency"])[0].as_str()), ("updated", "1"), "{report:?}");
}

#[tokio::test]
async fn an_update_that_was_refused_leaves_what_was_said_as_it_was() {
    let bed = TestBed::set().await;
    let rules = rules(json!({"severity": {"path": "severity"}}));
    bed.push(&rules, &event(json!({"severity": "Warning"}))).await;
    bed.edit(json!({"urgency": "3"})).await;
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    bed.simulator.inject(Fault::once("PATCH", "/api/now/table/incident", forbidden));
    assert_eq!(bed.push(&rules, &event(json!({"severity": "Critical"}))).await.outcome.case(), "push-failure");
    assert_eq!(bed.push(&rules, &event(json!({"severity": "Warning"}))).await.outcome.case(), "unchanged");
    assert_eq!(columns(&bed, &["urgency"]), ["3"]);
    assert_eq!(bed.push(&rules, &event(json!({"severity": "Critical"}))).await.outcome.case(), "updated");
}

#[tokio::test]
async fn of_two_events_that_make_an_incident_at_once_the_later_is_not_lost() {
    let bed = TestBed::set().await;
    let rules = rules(json!({"severity": {"path": "severity"}}));
    bed.push(&rules, &event(json!({"severity": "Warning"}))).await;
    let mut other = TestBed::on(bed.simulator);
    other.forget();
    // It is not there yet when the other push looks for it.
    let nothing = Effect::Status {
        status: 200,
        body: Some(r#"{"result":[]}"#.to_string()),
        content_type: None,
        headers: [("X-Total-Count".to_string(), "0".to_string())].into(),
    };
    other.simulator.inject(Fault::once("GET", "/api/now/table/incident", nothing));
    let report = other.push(&rules, &event(json!({"severity": "Critical"}))).await;
    assert_eq!((report.outcome.case(), columns(&other, &["urgency"])[0].as_str()), ("updated", "1"), "{report:?}");
}

//! Pushing events: what becomes of the incident, and that repeating changes nothing.

use super::test_bed::{RULES, TestBed, alert, incident};
use serde_json::json;
use servicenow_host::callbacks::Change;
use servicenow_host::changes::Selection;
use servicenow_host::push::{NoteResult, PushOutcome};
use servicenow_host::types::{Call, Reason, Retry, WriteHappened};
use servicenow_host::{MemoryLedger, Outcome};
use servicenow_simulator::{Effect, Fault, Simulator};
use servicenow_test_support::client::rule;
use servicenow_test_support::join_all;
use servicenow_test_support::{ScriptedServer, answer, read_request};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn an_event_makes_an_incident_changes_it_and_resolves_it_and_each_repetition_changes_nothing() {
    let bed = TestBed::set().await;
    for (event, expected, state, urgency) in [
        (alert(1, "Warning", "Trigger", "seen"), "created", "1", "2"),
        (alert(1, "Critical", "Trigger", "seen"), "updated", "1", "1"),
        (alert(1, "Critical", "Trigger", "again"), "commented", "1", "1"),
        (alert(1, "Critical", "Processing", ""), "updated", "2", "1"),
        (alert(1, "Critical", "Snoozed", ""), "updated", "3", "1"),
        (alert(1, "Critical", "Closed", ""), "resolved", "6", "1"),
    ] {
        assert_eq!(bed.pushed(&event).await, expected, "{event}");
        let before = (bed.simulator.rows("incident"), bed.simulator.rows("sys_journal_field"));
        assert_eq!(bed.pushed(&event).await, "unchanged", "{event}");
        assert_eq!((bed.simulator.rows("incident"), bed.simulator.rows("sys_journal_field")), before, "{event}");
        let rows = bed.simulator.rows("incident");
        assert_eq!((rows.len(), &rows[0]["state"], &rows[0]["urgency"]), (1, state, urgency), "{event}");
    }
    let row = &bed.simulator.rows("incident")[0];
    assert_eq!((&row["close_code"], &row["close_notes"]), ("Resolved by caller", "The event recovered."));
    let notes: Vec<_> = bed.simulator.rows("sys_journal_field").iter().map(|row| row["value"].to_string()).collect();
    assert_eq!(notes[1..], ["seen", "again"], "after another record's");
}

#[tokio::test]
async fn an_event_that_does_not_know_what_people_do_never_moves_an_incident_back_to_new() {
    for (direction, moves_back) in [("to-servicenow", "2"), ("two-way", "1")] {
        let bed = TestBed::set().await;
        let rules = RULES.replacen("\"body\"", &format!("\"direction\": \"{direction}\", \"body\""), 1);
        let made = incident(&bed.push(&rules, &alert(1, "Info", "Trigger", "")).await.outcome);
        bed.agent(&format!("incident/{}", made.sys_id), json!({"state": "2"})).await;
        assert_eq!(bed.push(&rules, &alert(1, "Critical", "Trigger", "")).await.outcome.case(), "updated");
        assert_eq!(bed.push(&rules, &alert(1, "Critical", "Trigger", "")).await.outcome.case(), "unchanged");
        let row = &bed.simulator.rows("incident")[0];
        assert_eq!((&row["state"], &row["urgency"]), ("2", "1"), "{direction}: the event said no other state");
        for progress in ["Processing", "Trigger"] {
            bed.push(&rules, &alert(1, "Critical", progress, "")).await;
        }
        assert_eq!(&bed.simulator.rows("incident")[0]["state"], moves_back, "{direction}");
    }
}

#[tokio::test]
async fn what_an_event_of_a_closed_incident_does_is_the_rules_choice() {
    for (on_closed, expected, incidents, state) in
        [("create", "created", 2, "6"), ("reopen", "reopened", 1, "1"), ("comment", "commented", 1, "6")]
    {
        let bed = TestBed::set().await;
        let rules = RULES.replacen("\"body\"", &format!("\"on_closed\": \"{on_closed}\", \"body\""), 1);
        for progress in ["Trigger", "Closed"] {
            bed.push(&rules, &alert(1, "Info", progress, "")).await;
        }
        let again = alert(1, "Info", "Trigger", "again");
        assert_eq!(bed.push(&rules, &again).await.outcome.case(), expected, "{on_closed}");
        assert_eq!(bed.push(&rules, &again).await.outcome.case(), "unchanged", "{on_closed}");
        let rows = bed.simulator.rows("incident");
        assert_eq!((rows.len(), &rows[0]["state"]), (incidents, state), "{on_closed}");
    }
}

#[tokio::test]
async fn a_lasting_alert_whose_incident_was_resolved_by_an_agent_makes_no_second_one_by_repeating_itself() {
    for (more, expected, incidents) in [
        ("", "unchanged", 1),
        (r#""on_closed": "create", "#, "created", 2),
        (r#""on_closed": "reopen", "reopen_hours": 1, "#, "reopened", 1),
        (r#""quiet_minutes": 60, "on_closed": "create", "#, "filtered-out", 1),
    ] {
        let bed = TestBed::on(Simulator::start(Default::default()).await.unwrap());
        let rules = RULES.replacen("\"body\"", &format!("{more}\"body\""), 1);
        let event = alert(1, "Info", "Trigger", "");
        let made = incident(&bed.push(&rules, &event).await.outcome);
        let resolved = json!({"state": "6", "close_code": "Duplicate", "close_notes": "x"});
        bed.agent(&format!("incident/{}", made.sys_id), resolved).await;
        assert_eq!(bed.push(&rules, &event).await.outcome.case(), expected, "{more}");
        assert_eq!(bed.simulator.rows("incident").len(), incidents, "{more}");
        // What comes after the recovery is another problem.
        if more.is_empty() {
            bed.push(&rules, &alert(1, "Info", "Closed", "")).await;
            assert_eq!(bed.push(&rules, &event).await.outcome.case(), "created");
        }
    }
}

#[tokio::test]
async fn an_event_that_recovered_before_it_was_known_makes_nothing() {
    let bed = TestBed::set().await;
    assert_eq!(bed.pushed(&alert(1, "Info", "Closed", "")).await, "filtered-out");
    assert!(bed.simulator.rows("incident").is_empty());
}

#[tokio::test]
async fn two_pushes_of_one_event_at_once_make_one_incident() {
    let bed = TestBed::set().await;
    let event = alert(1, "Info", "Trigger", "");
    let pushes = (0..8).map(|_| bed.push(RULES, &event));
    let cases: Vec<_> = join_all(pushes).await.iter().map(|report| report.outcome.case()).collect();
    assert_eq!(bed.simulator.rows("incident").len(), 1);
    assert_eq!(cases.iter().filter(|case| **case == "created").count(), 1, "{cases:?}");
    assert!(cases.iter().all(|case| ["created", "unchanged"].contains(case)), "{cases:?}");
}

#[tokio::test]
async fn several_open_incidents_of_one_event_are_nobodys_guess() {
    let bed = TestBed::set().await;
    for _ in 0..2 {
        bed.agent("incident", json!({"correlation_id": "alert-1"})).await;
    }
    let report = bed.push(RULES, &alert(1, "Info", "Trigger", "")).await;
    let PushOutcome::PushFailure(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!((failure.reason, failure.correlation_id.as_deref()), (Reason::Ambiguous, Some("alert-1")));
}

/// The journal as the instance shows it to a user who may not read its rows: refused, or without a word.
fn hidden_journals() -> [Effect; 2] {
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    [forbidden, Effect::json(200, r#"{"result":[]}"#)]
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_gets_no_note_twice() {
    for effect in hidden_journals() {
        for shows_journals in [true, false] {
            let bed = TestBed::set().await;
            bed.simulator.set(|settings| settings.may_show_journals = shows_journals);
            bed.simulator
                .inject(Fault { times: 99, ..Fault::once("GET", "/api/now/table/sys_journal_field", effect.clone()) });
            let note = async |severity: &str, text: &str| {
                incident(&bed.push(RULES, &alert(1, severity, "Trigger", text)).await.outcome).note
            };
            assert_eq!(note("Info", "one").await, NoteResult::Added);
            // What the record itself shows of its journal tells; where it shows nothing, nobody knows.
            let (new, known) = match shows_journals {
                true => (NoteResult::Added, NoteResult::AlreadyThere),
                false => (NoteResult::Withheld, NoteResult::MayBeTwice),
            };
            assert_eq!(note("Info", "one").await, NoteResult::AlreadyThere, "{effect:?} {shows_journals}");
            assert_eq!(note("Info", "two").await, new, "{effect:?} {shows_journals}");
            assert_eq!(note("Critical", "two").await, known, "{effect:?} {shows_journals}");
            assert_eq!(note("Critical", "two").await, NoteResult::AlreadyThere, "{effect:?} {shows_journals}");
            assert_eq!(bed.simulator.rows("sys_journal_field").len(), 1 + 2, "{effect:?} {shows_journals}");
        }
    }
}

#[tokio::test]
async fn a_note_is_known_again_whatever_the_instance_made_of_it() {
    let bed = TestBed::set().await;
    let event = alert(1, "Info", "Trigger", "disk & cpu \u{1f525}");
    bed.push(RULES, &event).await;
    let journal =
        r#"{"result":[{"element_id":"KEY","element":"comments","value":"[code]<p>disk &amp; cpu ????</p>[/code]"}]}"#;
    let key = bed.simulator.rows("incident")[0]["sys_id"].to_string();
    let shown = Effect::json(200, &journal.replace("KEY", &key));
    bed.simulator.inject(Fault { times: 9, ..Fault::once("GET", "/api/now/table/sys_journal_field", shown) });
    assert_eq!(bed.pushed(&event).await, "unchanged");
    assert_eq!(bed.simulator.rows("sys_journal_field").len(), 1 + 1);
}

#[tokio::test]
async fn a_lost_answer_is_told_as_what_it_is_and_repeating_is_safe() {
    let bed = TestBed::set().await;
    let event = alert(1, "Info", "Trigger", "");
    bed.simulator.inject(Fault::once("POST", "/api/now/table/incident", Effect::CommitThenClose));
    // The create reads its record back, and the version is the insert's.
    let report = bed.push(RULES, &event).await;
    assert_eq!((report.outcome.case(), incident(&report.outcome).version), ("created", Some(0)));
    bed.simulator.inject(Fault::once("PATCH", "/api/now/table/incident", Effect::Hang));
    let mut call = bed.call("events");
    call.timeout_ms = Some(400);
    let event = alert(1, "Critical", "Trigger", "");
    let report = bed.sync.push(call, RULES.to_string(), event.clone(), false).await;
    let failure = report.outcome.failure().unwrap();
    assert_eq!((report.outcome.case(), failure.write_happened), ("timeout", WriteHappened::Unknown));
    assert_eq!(bed.pushed(&event).await, "updated");
    assert_eq!(bed.simulator.rows("incident").len(), 1);
}

#[tokio::test]
async fn a_column_that_the_instance_drops_is_told_and_is_no_change() {
    let bed = TestBed::set().await;
    let rules = RULES.replacen("\"description\"", "\"bunk\": \"x\", \"category\": \"nonsense\", \"description\"", 1);
    let event = alert(1, "Info", "Trigger", "");
    let first = bed.push(&rules, &event).await.outcome;
    assert_eq!((first.case(), incident(&first).not_stored), ("created", vec!["bunk".to_string(), "category".into()]));
    let second = bed.push(&rules, &event).await.outcome;
    assert_eq!(second.case(), "unchanged", "{second:?}");
}

#[tokio::test]
async fn headers_of_the_rules_go_with_each_request_to_the_instance() {
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let wire = ScriptedServer::serve("http", move |mut stream| {
        let sender = sender.clone();
        async move {
            while let Ok(request) = read_request(&mut stream).await {
                let _ = sender.send(request);
                let json = "content-type: application/json\r\nx-total-count: 0\r\n";
                let _ = stream.write_all(&answer("200 OK", json, br#"{"result":[]}"#)).await;
            }
        }
    });
    let wire = wire.await;
    let file = format!(
        "[authorizations.main]\ninstance = {:?}\nallow-http-loopback = true\ngrant = \"bearer\"\ntoken = \"t\"\n",
        wire.origin
    );
    let bed = TestBed::set().await;
    let sync = bed.sync.of(&crate::support::host(&file), MemoryLedger::default());
    let rules = RULES.replacen("\"body\"", r#""headers": {"X-Source": "flows"}, "body""#, 1);
    let call = Call { authorization: "main".into(), instance: wire.origin.clone(), timeout_ms: Some(5_000) };
    sync.push(call, rules, alert(1, "Info", "Trigger", ""), false).await;
    for _ in 0..2 {
        let request = requests.recv().await.unwrap();
        assert!(request.contains("\r\nx-source: flows\r\n"), "{request}");
    }
    let rules = RULES.replacen("\"body\"", r#""headers": {"X-HTTP-Method-Override": "DELETE"}, "body""#, 1);
    let report = bed.push(&rules, &alert(1, "Info", "Trigger", "")).await;
    assert_ne!(report.outcome.case(), "created", "the host lets no method be overridden");
    assert!(bed.simulator.rows("incident").is_empty());
}

#[tokio::test]
async fn an_agents_change_that_an_own_write_met_is_no_echo() {
    let bed = TestBed::set().await;
    let selection = || Selection { tables: Vec::new(), time_zone: None, overlap_seconds: None, limit: None };
    let reconcile = async || {
        let seen = std::sync::Mutex::new(Vec::new());
        let take = |change: Change| {
            seen.lock().unwrap().push((change.mod_count, change.status));
            async { Ok::<_, String>(()) }
        };
        bed.sync.reconcile(&bed.call("events"), &selection(), Some(RULES.to_string()), take).await.unwrap();
        seen.into_inner().unwrap()
    };
    reconcile().await;
    let made = incident(&bed.push(RULES, &alert(1, "Info", "Trigger", "")).await.outcome);
    assert_eq!(reconcile().await, []);
    // While the write is on its way an agent sets the same urgency, and the state too: the write then changes nothing.
    bed.simulator.inject(Fault::once("PATCH", "/api/now/table/incident", Effect::Delay { ms: 300 }));
    let event = alert(1, "Critical", "Trigger", "");
    let push = bed.push(RULES, &event);
    let agent = async {
        while !bed.simulator.requests().iter().any(|request| request.starts_with("PATCH")) {
            tokio::task::yield_now().await;
        }
        let columns = json!({"urgency": "1", "impact": "1", "state": "2", "description": "theirs"});
        bed.agent(&format!("incident/{}", made.sys_id), columns).await;
    };
    let (pushed, ()) = tokio::join!(push, agent);
    assert_eq!(incident(&pushed.outcome).version, None, "{:?}", pushed.outcome);
    assert_eq!(reconcile().await.len(), 1);
}

#[tokio::test]
async fn two_different_events_of_one_alert_at_once_both_count() {
    let bed = TestBed::set().await;
    for round in 0..5 {
        let (one, two) = (alert(round, "Info", "Trigger", "one"), alert(round, "Info", "Trigger", "two"));
        let both = join_all([bed.push(RULES, &one), bed.push(RULES, &two)]).await;
        let cases: Vec<_> = both.iter().map(|report| report.outcome.case()).collect();
        assert!(cases.contains(&"created") && cases.contains(&"commented"), "{cases:?}");
        assert_eq!(bed.simulator.rows("sys_journal_field").len(), 1 + 2 * (round as usize + 1));
    }
    assert_eq!(bed.simulator.rows("incident").len(), 5);
}

#[tokio::test]
async fn an_event_without_its_key_belongs_to_no_incident() {
    let bed = TestBed::set().await;
    for event in [
        r#"{"title":"a"}"#,
        r#"{"title":"a","id":null}"#,
        r#"{"title":"a","id":" "}"#,
        r#"{"title":"a","id":{"x":1}}"#,
        r#"{"title":"a","id":123456789012345678901}"#,
    ] {
        assert_eq!(bed.push(RULES, event).await.outcome.case(), "invalid-data", "{event}");
    }
    // What is no key may be what it likes.
    assert_eq!(bed.push(RULES, r#"{"title":"a","id":2,"metric":1.2e16}"#).await.outcome.case(), "created");
    bed.agent("incident", json!({"correlation_id": "ALERT-1"})).await;
    assert_eq!(bed.pushed(&alert(1, "Info", "Trigger", "")).await, "created", "another case is another event");
}

#[tokio::test]
async fn what_the_instance_does_not_keep_is_not_told_as_done() {
    let bed = TestBed::set().await;
    bed.pushed(&alert(1, "Info", "Trigger", "")).await;
    rule(&bed.simulator.access().base_url, "incident", "before", "if (current.state == 6) { current.state = 2; }")
        .await;
    let report = bed.push(RULES, &alert(1, "Info", "Closed", "")).await;
    assert_eq!(report.outcome.case(), "updated");
    assert!(incident(&report.outcome).not_stored.contains(&"state".to_string()), "{:?}", report.outcome);
}

#[tokio::test]
async fn a_closed_incident_whose_journal_cannot_be_read_gets_no_note_at_all() {
    let bed = TestBed::set().await;
    let rules = RULES.replacen("\"body\"", r#""on_closed": "comment", "body""#, 1);
    for progress in ["Trigger", "Closed"] {
        bed.push(&rules, &alert(1, "Info", progress, "")).await;
    }
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    bed.simulator.inject(Fault { times: 9, ..Fault::once("GET", "/api/now/table/sys_journal_field", forbidden) });
    for _ in 0..3 {
        assert_eq!(bed.push(&rules, &alert(1, "Critical", "Trigger", "again")).await.outcome.case(), "unchanged");
    }
    assert_eq!(bed.simulator.rows("sys_journal_field").len(), 1, "another record's");
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_stays_in_doubt_where_the_rest_fails() {
    let bed = TestBed::set().await;
    bed.simulator.inject(Fault::once("POST", "/api/now/table/incident", Effect::CommitThenClose));
    // The look-up that comes first and the reading back pass; the look-up after them is refused.
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    bed.simulator.inject(Fault { after: 2, ..Fault::once("GET", "/api/now/table/incident", forbidden) });
    let report = bed.push(RULES, &alert(1, "Info", "Trigger", "")).await;
    let failure = report.outcome.failure().unwrap();
    assert_eq!((report.outcome.case(), failure.write_happened), ("push-failure", WriteHappened::Unknown));
    assert_eq!(failure.retry, Retry::LookUpFirst);
}

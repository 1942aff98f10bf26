//! What the ledger is for: what people did stays, a note is written once, a comment is told once, and where nothing can be
//! remembered nothing is done.

use super::test_bed::{RULES, TestBed, alert, event_sync, incident};
use serde_json::json;
use servicenow_host::changes::{ChangesOutcome, Selection};
use servicenow_host::push::NoteResult;
use servicenow_host::types::{Reason, Retry, WriteHappened};
use servicenow_host::{Ledger, MemoryLedger, Outcome, SqliteLedger};
use servicenow_simulator::{Effect, Fault};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// A database of an engine's own: a table of texts. Its disk may be full, and its connection lost.
#[derive(Default)]
struct Database {
    texts: Mutex<HashMap<[String; 2], String>>,
    is_full: AtomicBool,
    is_lost: AtomicBool,
}

/// The ledger over it.
struct Kept(Arc<Database>);

impl Ledger for Kept {
    fn get(&self, authorization: &str, name: &str) -> io::Result<Option<String>> {
        match self.0.is_lost.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the connection is lost")),
            false => Ok(self.0.texts.lock().unwrap().get(&[authorization.into(), name.into()]).cloned()),
        }
    }

    fn replace(&self, authorization: &str, name: &str, before: Option<&str>, after: Option<&str>) -> io::Result<bool> {
        if self.0.is_full.load(Ordering::Relaxed) && after.is_some() {
            return Err(io::Error::other("the disk is full"));
        }
        let (mut texts, key) = (self.0.texts.lock().unwrap(), [authorization.into(), name.into()]);
        let replaced = texts.get(&key).map(String::as_str) == before;
        match after.filter(|_| replaced) {
            Some(after) => drop(texts.insert(key, after.into())),
            None if replaced => drop(texts.remove(&key)),
            None => {}
        }
        Ok(replaced)
    }

    fn names(&self, authorization: &str, start: &str) -> io::Result<Vec<String>> {
        self.get(authorization, "")?;
        let texts = self.0.texts.lock().unwrap();
        let mut names: Vec<_> = texts
            .keys()
            .filter(|[of, name]| of == authorization && name.starts_with(start))
            .map(|[_, name]| name.clone())
            .collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// A bed whose ledger is an engine's own database.
async fn with_database() -> (TestBed, Arc<Database>) {
    let mut bed = TestBed::set().await;
    let database = Arc::new(Database::default());
    bed.sync = Arc::new(event_sync(&bed.simulator, Kept(Arc::clone(&database))));
    (bed, database)
}

fn comments(bed: &TestBed) -> Vec<String> {
    let rows = bed.simulator.rows("sys_journal_field");
    rows.iter().map(|row| row["value"].to_string()).skip(1).collect()
}

#[tokio::test]
async fn a_repeated_event_writes_nothing_whatever_people_did_in_between() {
    let (bed, _) = with_database().await;
    let event = alert(1, "Critical", "Processing", "seen");
    let made = incident(&bed.push(RULES, &event).await.outcome);
    let work = json!({"urgency": "3", "state": "3", "hold_reason": "1", "short_description": "Ours now"});
    bed.agent(&format!("incident/{}", made.sys_id), work).await;
    for _ in 0..2 {
        let before = bed.simulator.rows("incident");
        assert_eq!(bed.pushed(&event).await, "unchanged");
        assert_eq!(bed.simulator.rows("incident"), before);
    }
    // What the event says anew is written, and nothing else.
    let pushed = incident(&bed.push(RULES, &alert(1, "Warning", "Processing", "seen")).await.outcome);
    assert_eq!(pushed.written, ["urgency", "impact"]);
    let row = &bed.simulator.rows("incident")[0];
    assert_eq!((&row["urgency"], &row["state"], &row["short_description"]), ("2", "3", "Ours now"));
}

#[tokio::test]
async fn senders_that_share_a_ledger_write_a_note_once() {
    let folder = tempfile::tempdir().unwrap();
    let bed = TestBed::set().await;
    bed.pushed(&alert(1, "Info", "Trigger", "")).await;
    let ledger = || SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    // Each is a process of its own, but for the memory.
    let senders: Vec<_> = (0..3).map(|_| Arc::new(event_sync(&bed.simulator, ledger()))).collect();
    let mut pushes = JoinSet::new();
    for at in 0..12 {
        let (sync, call) = (Arc::clone(&senders[at % 3]), bed.call("events"));
        let event = alert(1, "Info", "Trigger", "all at once");
        pushes.spawn(async move { sync.push(call, RULES.to_string(), event, false).await.outcome });
    }
    let outcomes = pushes.join_all().await;
    let notes: Vec<_> = outcomes.iter().map(|outcome| incident(outcome).note).collect();
    assert_eq!(notes.iter().filter(|note| **note == NoteResult::Added).count(), 1, "{notes:?}");
    assert!(notes.iter().all(|note| matches!(note, NoteResult::Added | NoteResult::AlreadyThere)), "{notes:?}");
    assert_eq!(comments(&bed), ["all at once"]);
}

#[tokio::test]
async fn a_note_whose_sender_died_is_looked_for_and_told_as_what_it_may_be() {
    for (journal, result, is_written) in [
        ("shown", NoteResult::AlreadyThere, true),
        ("shown", NoteResult::Added, false),
        ("hidden", NoteResult::MayBeTwice, true),
    ] {
        let (bed, database) = with_database().await;
        let made = incident(&bed.push(RULES, &alert(1, "Info", "Trigger", "")).await.outcome);
        // Its answer is lost, and so is the sender.
        let effect = if is_written { Effect::CommitThenClose } else { Effect::Close };
        bed.simulator.inject(Fault { times: 9, ..Fault::once("PATCH", "/api/now/table/incident", effect) });
        let report = bed.push(RULES, &alert(1, "Info", "Trigger", "once")).await;
        assert_eq!(report.outcome.failure().map(|failure| failure.write_happened), Some(WriteHappened::Unknown));
        bed.simulator.heal();
        let mut texts = database.texts.lock().unwrap().clone();
        let (name, claim) =
            texts.iter().find(|([_, name], _)| name.starts_with(&format!("note/{}", made.sys_id))).unwrap();
        let (name, owner) = (name.clone(), claim.split(' ').next().unwrap().to_string());
        texts.insert(name, format!("{owner} 0 1"));
        *database.texts.lock().unwrap() = texts;
        if journal == "hidden" {
            bed.simulator.set(|settings| settings.may_show_journals = false);
            let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
            bed.simulator
                .inject(Fault { times: 9, ..Fault::once("GET", "/api/now/table/sys_journal_field", forbidden) });
        }
        let note = async || incident(&bed.push(RULES, &alert(1, "Info", "Trigger", "once")).await.outcome).note;
        assert_eq!(note().await, result, "{journal} {is_written}");
        assert_eq!(note().await, NoteResult::AlreadyThere, "{journal} {is_written}");
        let expected: &[&str] = if journal == "hidden" { &["once", "once"] } else { &["once"] };
        assert_eq!(comments(&bed), expected, "{journal} {is_written}");
    }
}

#[tokio::test]
async fn a_ledger_that_cannot_be_used_refuses_a_push_before_anything_is_written_and_a_delivery_before_it_is_told() {
    let (mut bed, database) = with_database().await;
    bed.receive(RULES).await;
    bed.apply().await;
    for (is_full, is_lost, problem) in [(true, false, "the disk is full"), (false, true, "the connection is lost")] {
        database.is_full.store(is_full, Ordering::Relaxed);
        database.is_lost.store(is_lost, Ordering::Relaxed);
        let before = bed.simulator.requests().len();
        let report = bed.push(RULES, &alert(1, "Info", "Trigger", "")).await;
        let failure = report.outcome.failure().unwrap();
        assert_eq!(
            (failure.reason, failure.retry, failure.write_happened),
            (Reason::Limit, Retry::Later, WriteHappened::No)
        );
        assert_eq!(failure.message, format!("the ledger cannot be used: {problem}"));
        assert_eq!(bed.simulator.requests().len(), before, "nothing was sent");
        bed.agent("incident", json!({"short_description": "x"})).await;
        assert_eq!(bed.verdict().await, format!("the ledger cannot be used: {problem}"));
        bed.simulator.settled().await;
        assert!(bed.changes.try_recv().is_err());
    }
    database.is_lost.store(false, Ordering::Relaxed);
    bed.agent("incident", json!({"short_description": "x"})).await;
    assert_eq!(bed.verdict().await, "accepted");
}

#[tokio::test]
async fn comments_of_one_second_are_told_each_and_once() {
    let mut bed = TestBed::delivering(RULES).await;
    let made = bed.agent("incident", json!({"short_description": "x"})).await;
    bed.change().await;
    let path = format!("incident/{}", made["sys_id"].as_str().unwrap());
    for at in 0..5 {
        bed.agent(&path, json!({"comments": format!("comment {at}")})).await;
    }
    let mut told = Vec::new();
    for _ in 0..5 {
        told.extend(bed.change().await.comments);
    }
    told.sort_unstable();
    assert_eq!(told, (0..5).map(|at| format!("comment {at}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_delivery_that_was_overtaken_still_tells_its_comment_and_what_was_before() {
    let bed = TestBed::set().await;
    let body = |count: u32, comment: &str, state: &str| {
        json!({"sys_id": "a1b2c3d4e5f60718293a4b5c6d7e8f90", "number": "INC1", "table": "incident", "action": "update",
            "sys_mod_count": count, "current": {"state": state}, "previous": {"state": "1"},
            "comments": [{"sys_id": format!("{count:032}"), "text": comment}]})
    };
    let deliver = async |count: u32, comment: &str, state: &str| {
        let headers = vec![("x-callback-secret".to_string(), "simulated-callback-secret".to_string())];
        let body = body(count, comment, state).to_string().into_bytes();
        let delivery = servicenow_host::callbacks::Delivery { authorization: "events".into(), headers, body };
        let take = |_| async { Ok::<_, String>(()) };
        bed.sync.deliver(delivery, Some(RULES.to_string()), take).await.unwrap()
    };
    use servicenow_host::callbacks::Verdict;
    assert!(matches!(deliver(3, "third", "6").await, Verdict::Accepted(_)));
    let Verdict::Late(late) = deliver(2, "second", "2").await else { panic!("it is told as another") };
    assert_eq!((&late.change.comments[..], late.change.status), (&["second".to_string()][..], None));
    assert_eq!(late.change.previous, [("state".to_string(), "1".to_string())]);
    assert_eq!(deliver(2, "second", "2").await, Verdict::Stale);
    assert_eq!(deliver(3, "third", "6").await, Verdict::Duplicate);
}

#[tokio::test]
async fn comments_that_deliveries_missed_come_with_the_changes_where_the_user_sees_them() {
    let bed = TestBed::set().await;
    let selection = Selection { tables: Vec::new(), time_zone: None, overlap_seconds: None, limit: None };
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let read = async || {
        let take = |change: servicenow_host::callbacks::Change| {
            told.lock().unwrap().extend(change.comments);
            async { Ok::<_, String>(()) }
        };
        let reconciled = bed.sync.reconcile(&bed.call("events"), &selection, Some(RULES.to_string()), take).await;
        let ChangesOutcome::ChangesPage(page) = reconciled.unwrap().0.outcome else { panic!("no page") };
        (std::mem::take(&mut *told.lock().unwrap()), page.shows_comments)
    };
    read().await;
    let made = incident(&bed.push(RULES, &alert(1, "Info", "Trigger", "")).await.outcome);
    bed.pushed(&alert(1, "Info", "Trigger", "our own")).await;
    let path = format!("incident/{}", made.sys_id);
    for text in ["one", "two"] {
        bed.agent(&path, json!({"comments": text})).await;
    }
    assert_eq!(read().await, (vec!["one".to_string(), "two".to_string()], true));
    assert_eq!(read().await, (Vec::new(), true), "versions were passed over, and their comments are known");
    bed.agent(&path, json!({"comments": "three"})).await;
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    bed.simulator.inject(Fault::once("GET", "/api/now/table/sys_journal_field", forbidden));
    assert_eq!(read().await, (Vec::new(), false), "the change comes, and that its comments are not shown is told");
}

#[tokio::test]
async fn what_a_ledger_in_memory_does_not_know_of_a_note_proves_nothing() {
    let bed = TestBed::set().await;
    // Without memory an event writes what is always written, and no other column.
    let always = RULES.replace(r#""path": "severity""#, r#""path": "severity", "write": "always""#);
    bed.push(&always, &alert(1, "Info", "Trigger", "")).await;
    bed.simulator.set(|settings| settings.may_show_journals = false);
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    bed.simulator.inject(Fault { times: 99, ..Fault::once("GET", "/api/now/table/sys_journal_field", forbidden) });
    for (severity, note) in
        [("Info", NoteResult::Withheld), ("Critical", NoteResult::MayBeTwice), ("Critical", NoteResult::MayBeTwice)]
    {
        // Each has forgotten what the one before did.
        let sync = event_sync(&bed.simulator, MemoryLedger::default());
        bed.agent(&format!("incident/{}", &bed.simulator.rows("incident")[0]["sys_id"]), json!({"urgency": "3"})).await;
        let event = alert(1, severity, "Trigger", "note");
        let report = sync.push(bed.call("events"), always.clone(), event, false).await;
        assert_eq!(incident(&report.outcome).note, note, "{severity}");
    }
}

#[tokio::test]
async fn a_comment_whose_delivery_was_lost_comes_with_the_changes_though_a_later_version_was_delivered() {
    let mut bed = TestBed::delivering(RULES).await;
    let selection = Selection { tables: Vec::new(), time_zone: None, overlap_seconds: None, limit: None };
    /// The event's id, the status, and the comments.
    type Told = (String, Option<String>, Vec<String>);
    let told: Arc<Mutex<Vec<Told>>> = Arc::default();
    let read = async |bed: &TestBed| {
        let take = |change: servicenow_host::callbacks::Change| {
            let event: serde_json::Value = serde_json::from_str(&change.cloud_event).unwrap();
            told.lock().unwrap().push((event["id"].as_str().unwrap().to_string(), change.status, change.comments));
            async { Ok::<_, String>(()) }
        };
        bed.sync.reconcile(&bed.call("events"), &selection, Some(RULES.to_string()), take).await.unwrap();
        std::mem::take(&mut *told.lock().unwrap())
    };
    read(&bed).await;
    let made = bed.agent("incident", json!({"short_description": "x"})).await;
    bed.change().await;
    let path = format!("incident/{}", made["sys_id"].as_str().unwrap());
    // Its delivery is not taken, and the next one is.
    *bed.handler.refusals.lock().unwrap() = 1;
    bed.agent(&path, json!({"comments": "lost on its way"})).await;
    assert!(bed.verdict().await.contains("accepted") && bed.verdict().await.contains("not taken"));
    bed.agent(&path, json!({"urgency": "1"})).await;
    assert_eq!(bed.change().await.mod_count, Some(2));
    let came = read(&bed).await;
    assert_eq!(came.len(), 1, "{came:?}");
    let (id, status, comments) = &came[0];
    assert_eq!((status, &comments[..]), (&None, &["lost on its way".to_string()][..]));
    assert!(id.starts_with(&format!("{}:2:", made["sys_id"].as_str().unwrap())), "an id of its own: {id}");
    assert!(read(&bed).await.is_empty());
}

#[tokio::test]
async fn a_note_inside_a_create_whose_answer_was_lost_is_told_as_what_it_may_be() {
    let (bed, _) = with_database().await;
    bed.simulator.set(|settings| settings.may_show_journals = false);
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    bed.simulator.inject(Fault { times: 9, ..Fault::once("GET", "/api/now/table/sys_journal_field", forbidden) });
    bed.simulator.inject(Fault::once("POST", "/api/now/table/incident", Effect::CommitThenClose));
    let note = async || incident(&bed.push(RULES, &alert(1, "Info", "Trigger", "once")).await.outcome).note;
    assert_eq!((note().await, note().await), (NoteResult::MayBeTwice, NoteResult::AlreadyThere));
    assert_eq!(comments(&bed), ["once", "once"]);
}

#[tokio::test]
async fn what_an_event_said_in_an_update_whose_answer_was_lost_is_in_doubt_and_said_again() {
    let (bed, _) = with_database().await;
    bed.pushed(&alert(1, "Info", "Trigger", "")).await;
    // Committed, and nobody reads it back in time; then the source goes back to what it said before.
    bed.simulator
        .inject(Fault { times: 9, ..Fault::once("PATCH", "/api/now/table/incident", Effect::CommitThenClose) });
    let forbidden = Effect::Status { status: 403, body: None, content_type: None, headers: Default::default() };
    bed.simulator.inject(Fault { times: 9, after: 1, ..Fault::once("GET", "/api/now/table/incident", forbidden) });
    let report = bed.push(RULES, &alert(1, "Critical", "Trigger", "")).await;
    assert_eq!(report.outcome.failure().map(|failure| failure.write_happened), Some(WriteHappened::Unknown));
    bed.simulator.heal();
    assert_eq!(&bed.simulator.rows("incident")[0]["urgency"], "1");
    assert_eq!(bed.pushed(&alert(1, "Info", "Trigger", "")).await, "updated");
    assert_eq!(&bed.simulator.rows("incident")[0]["urgency"], "3");
}

#[tokio::test]
async fn a_change_is_told_once_though_its_record_is_written_while_it_is_acted_on() {
    let (bed, _) = with_database().await;
    let made = incident(&bed.push(RULES, &alert(1, "Info", "Trigger", "")).await.outcome);
    let body = |count: u32| {
        json!({"sys_id": made.sys_id, "number": made.number, "table": "incident", "action": "update",
            "sys_mod_count": count, "current": {"state": "2"}, "previous": {"state": "1"}})
    };
    let acted = Arc::new(Mutex::new(Vec::new()));
    let deliver = async |count: u32, answer: Option<&'static str>| {
        let headers = vec![("x-callback-secret".to_string(), "simulated-callback-secret".to_string())];
        let body = body(count).to_string().into_bytes();
        let delivery = servicenow_host::callbacks::Delivery { authorization: "events".into(), headers, body };
        let (acted, bed) = (Arc::clone(&acted), &bed);
        let act = async move |change: servicenow_host::callbacks::Change| {
            acted.lock().unwrap().push(change.mod_count.unwrap());
            if let Some(text) = answer {
                // The engine answers with a comment, which is remembered of the same record.
                assert_eq!(bed.pushed(&alert(1, "Info", "Trigger", text)).await, "commented");
            }
            Ok::<_, String>(())
        };
        bed.sync.deliver(delivery, Some(RULES.to_string()), act).await.unwrap()
    };
    use servicenow_host::callbacks::Verdict;
    bed.agent(&format!("incident/{}", made.sys_id), json!({"state": "2"})).await;
    assert!(matches!(deliver(1, Some("on it")).await, Verdict::Accepted(_)));
    assert_eq!(deliver(1, None).await, Verdict::Duplicate);
    assert_eq!(deliver(2, None).await, Verdict::Echo, "the own answer is no change");
    assert_eq!(*acted.lock().unwrap(), [1]);
}

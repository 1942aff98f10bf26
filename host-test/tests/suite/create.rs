//! Create: what it reports, and that repeating it never makes a twin.

use crate::support::{PATIENT_MS, count};
use host_test::lab::scenarios::{TestBed, columns, create};
use serde_json::json;
use servicenow_host::incidents::{CreateOptions, CreateOutcome, Made, Receipt, RequestBody, Stored};
use servicenow_host::types::{Failure, Reason, Retry, WriteHappened};
use servicenow_host::{Outcome, Report};
use servicenow_simulator::{Effect, Fault};
use std::sync::Arc;
use tokio::task::JoinSet;

const INCIDENTS: &str = "/api/now/table/incident";

async fn run(bed: &TestBed, pairs: &[(&str, &str)], key: Option<&str>) -> Report<CreateOutcome> {
    let options = CreateOptions { correlation_id: key.map(str::to_string), ..create() };
    bed.host.create(bed.call(PATIENT_MS), columns(pairs), options).await
}

fn receipt(report: Report<CreateOutcome>) -> Receipt {
    match report.outcome {
        CreateOutcome::IncidentCreated(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

fn failure(report: &Report<CreateOutcome>) -> &Failure {
    report.outcome.failure().unwrap_or_else(|| panic!("{:?}", report.outcome))
}

fn stored(receipt: &Receipt) -> Vec<(&str, Stored)> {
    receipt.columns.iter().map(|column| (column.name.as_str(), column.stored)).collect()
}

#[tokio::test]
async fn a_receipt_names_the_record_and_what_became_of_each_column() {
    let bed = TestBed::set().await.unwrap();
    bed.simulator.set(|settings| settings.protected_columns = vec!["description".to_string()]);
    let report = run(
        &bed,
        &[
            ("short_description", "Printer on fire"),
            ("urgency", "1"),
            ("impact", "2"),
            ("priority", "1"),
            ("category", "nonsense"),
            ("description", "not for this user"),
            ("u_rack", "B7"),
            ("u_bunk", "x"),
            ("work_notes", "first"),
            ("active", "1"),
        ],
        Some("alert-1"),
    )
    .await;
    assert_eq!(count(&report.exchanges, "POST"), 1);
    assert_eq!(report.exchanges.len(), 1, "a create is one exchange");
    let receipt = receipt(report);
    assert_eq!(receipt.made, Made::Created);
    assert_eq!(receipt.number, receipt.task_effective_number);
    assert_eq!(receipt.correlation_id, "alert-1");
    assert!(receipt.url.ends_with(&format!("/nav_to.do?uri=incident.do%3Fsys_id%3D{}", receipt.sys_id)));
    assert!(receipt.response_payload.contains(&receipt.sys_id));
    assert_eq!(
        stored(&receipt),
        [
            ("short_description", Stored::Stored),
            ("urgency", Stored::Stored),
            ("impact", Stored::Stored),
            ("priority", Stored::NotStored),
            ("category", Stored::NotStored),
            ("description", Stored::NotStored),
            ("u_rack", Stored::Stored),
            ("u_bunk", Stored::NotStored),
            ("work_notes", Stored::Unverifiable),
            ("active", Stored::Stored),
        ]
    );
}

#[tokio::test]
async fn a_create_repeated_with_its_correlation_id_finds_the_first() {
    let bed = TestBed::set().await.unwrap();
    let first = receipt(run(&bed, &[("urgency", "1")], Some("alert-2")).await);
    let second = receipt(run(&bed, &[("urgency", "1")], Some("alert-2")).await);
    assert_eq!((first.made, second.made), (Made::Created, Made::Found));
    assert_eq!(first.sys_id, second.sys_id);
    let other = receipt(run(&bed, &[("urgency", "1")], Some("alert-3")).await);
    assert_ne!(first.sys_id, other.sys_id);
    assert_eq!(bed.simulator.rows("incident").len(), 3);
}

#[tokio::test]
async fn a_correlation_id_in_the_request_body_is_the_same_key() {
    let bed = TestBed::set().await.unwrap();
    let first = receipt(run(&bed, &[("urgency", "1")], Some("alert-4")).await);
    let body = RequestBody::Json(json!({"urgency": 1, "correlation_id": "alert-4"}).to_string());
    let second = receipt(bed.host.create(bed.call(PATIENT_MS), body, create()).await);
    assert_eq!((second.made, second.sys_id), (Made::Found, first.sys_id));
    let contrary = run(&bed, &[("correlation_id", "alert-5")], Some("alert-4")).await;
    assert!(matches!(contrary.outcome, CreateOutcome::InvalidData(_)), "{:?}", contrary.outcome);
}

#[tokio::test]
async fn many_creates_with_one_key_at_once_make_one_incident() {
    let bed = Arc::new(TestBed::set().await.unwrap());
    let mut creates = JoinSet::new();
    for _ in 0..20 {
        let bed = Arc::clone(&bed);
        creates.spawn(async move { run(&bed, &[("urgency", "1")], Some("alert-6")).await });
    }
    let receipts: Vec<Receipt> = creates.join_all().await.into_iter().map(receipt).collect();
    assert_eq!(receipts.iter().filter(|receipt| receipt.made == Made::Created).count(), 1);
    assert!(receipts.iter().all(|receipt| receipt.sys_id == receipts[0].sys_id));
    assert_eq!(bed.simulator.rows("incident").len(), 2);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_found_and_not_sent_again() {
    for effect in [
        Effect::CommitThenClose,
        Effect::CommitThenStatus { status: 500 },
        Effect::CommitThenStatus { status: 502 },
        Effect::BreakBody,
    ] {
        let bed = TestBed::set().await.unwrap();
        bed.simulator.inject(Fault::once("POST", INCIDENTS, effect.clone()));
        let report = run(&bed, &[("urgency", "1")], Some("alert-7")).await;
        assert_eq!(count(&report.exchanges, "POST"), 1, "{effect:?}");
        let receipt = receipt(report);
        assert_eq!((receipt.made, receipt.correlation_id.as_str()), (Made::Found, "alert-7"), "{effect:?}");
        assert_eq!(bed.simulator.rows("incident").len(), 2);
    }
}

#[tokio::test]
async fn a_create_whose_answer_comes_after_its_deadline_is_found_when_it_is_repeated() {
    let bed = TestBed::set().await.unwrap();
    bed.simulator.inject(Fault::once("POST", INCIDENTS, Effect::CommitThenDelay { ms: 60_000 }));
    let options = CreateOptions { correlation_id: Some("alert-9".to_string()), ..create() };
    let late = bed.host.create(bed.call(400), columns(&[("urgency", "1")]), options).await;
    assert_eq!((failure(&late).reason, failure(&late).write_happened), (Reason::Deadline, WriteHappened::Unknown));
    assert_eq!(receipt(run(&bed, &[("urgency", "1")], Some("alert-9")).await).made, Made::Found);
    assert_eq!(bed.simulator.rows("incident").len(), 2);
}

#[tokio::test]
async fn a_lost_create_that_cannot_be_found_stays_unknown() {
    let bed = TestBed::set().await.unwrap();
    for (effect, reason) in [
        (Effect::Close, Reason::Lost),
        (Effect::status(500), Reason::Cancelled),
        (Effect::status(503), Reason::ServerError),
    ] {
        bed.simulator.inject(Fault::once("POST", INCIDENTS, effect));
        let report = run(&bed, &[("urgency", "1")], Some("alert-8")).await;
        assert_eq!(count(&report.exchanges, "POST"), 1);
        let failure = failure(&report);
        assert_eq!(
            (failure.reason, failure.write_happened, failure.retry),
            (reason, WriteHappened::Unknown, Retry::LookUpFirst)
        );
        assert_eq!(failure.correlation_id.as_deref(), Some("alert-8"));
    }
}

#[tokio::test]
async fn another_s_incident_with_the_same_correlation_id_is_never_reported_as_ours() {
    let bed = TestBed::set().await.unwrap();
    bed.simulator.set(|settings| settings.may_take_sys_id = false);
    receipt(run(&bed, &[("short_description", "another's")], Some("alert-1")).await);
    bed.simulator.inject(Fault::once("POST", INCIDENTS, Effect::status(502)));
    let report = run(&bed, &[("urgency", "1")], Some("alert-1")).await;
    assert_eq!(failure(&report).write_happened, WriteHappened::Unknown);
}

#[tokio::test]
async fn a_body_just_below_servicenow_s_limit_is_written_whole() {
    let bed = TestBed::set().await.unwrap();
    for long in ["x".repeat(9 << 20), "é\"\n".repeat(1_400 << 10)] {
        for body in [RequestBody::Json(json!({"description": long}).to_string()), columns(&[("description", &long)])] {
            let report = bed.host.create(bed.call(PATIENT_MS), body, create()).await;
            assert_eq!(receipt(report).columns[0].stored, Stored::Stored);
            assert_eq!(bed.simulator.rows("incident").pop().unwrap()["description"], long);
        }
    }
}

#[tokio::test]
async fn choices_that_cannot_be_read_are_a_failure_and_say_nothing_of_the_incident() {
    let bed = TestBed::set().await.unwrap();
    for status in [400, 404, 500] {
        bed.simulator.inject(Fault::once("GET", "/api/now/table/sys_choice", Effect::status(status)));
        let options = CreateOptions { choice_check: Some("instance".to_string()), ..create() };
        let report = bed.host.create(bed.call(PATIENT_MS), columns(&[("urgency", "1")]), options).await;
        match &report.outcome {
            CreateOutcome::CreateIncidentFailure(failure) => assert_eq!(failure.write_happened, WriteHappened::No),
            other => panic!("{status}: {other:?}"),
        }
    }
    let hidden = Effect::json(200, r#"{"result":[]}"#).header("x-total-count", "3");
    bed.simulator.inject(Fault::once("GET", "/api/now/table/sys_choice", hidden));
    let options = CreateOptions { choice_check: Some("instance".to_string()), ..create() };
    let report = bed.host.create(bed.call(PATIENT_MS), columns(&[("urgency", "9")]), options).await;
    assert_eq!(failure(&report).reason, Reason::Forbidden);
}

#[tokio::test]
async fn a_create_that_times_out_may_have_happened() {
    let bed = TestBed::set().await.unwrap();
    bed.simulator.inject(Fault::once("POST", INCIDENTS, Effect::Hang));
    let report = bed.host.create(bed.call(200), columns(&[("urgency", "1")]), create()).await;
    let failure = failure(&report);
    assert_eq!(
        (failure.reason, failure.write_happened, failure.retry),
        (Reason::Deadline, WriteHappened::Unknown, Retry::LookUpFirst)
    );
    assert!(failure.correlation_id.as_ref().is_some_and(|made| made.len() == 32), "{failure:?}");
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_a_failure_and_says_what_it_knows_of_the_write() {
    let bed = TestBed::set().await.unwrap();
    for (effect, reason, written) in [
        (
            Effect::json(200, r#"{"result":{"number":"INC1","sys_id":"1"}}"#),
            Reason::UnexpectedStatus,
            WriteHappened::Unknown,
        ),
        (Effect::json(201, r#"{"result":{"number":"INC1"}}"#), Reason::UnexpectedAnswer, WriteHappened::Yes),
        (Effect::json(201, ""), Reason::NotJson, WriteHappened::Unknown),
        (Effect::html(200, "<p>Your instance is hibernating</p>"), Reason::Hibernating, WriteHappened::No),
        (Effect::html(200, "<html>Log in</html>"), Reason::NotJson, WriteHappened::Unknown),
        (Effect::html(404, "<html>"), Reason::NotJson, WriteHappened::No),
        (Effect::status(302).header("location", "https://evil.example/"), Reason::Redirected, WriteHappened::Unknown),
        (Effect::json(201, "{}").header("content-encoding", "gzip"), Reason::Encoded, WriteHappened::Unknown),
        (Effect::json(201, r#"{"result":[],"error":{"message":"x"}}"#), Reason::Cancelled, WriteHappened::Unknown),
    ] {
        bed.simulator.inject(Fault::once("POST", INCIDENTS, effect.clone()));
        let report = run(&bed, &[("urgency", "1")], None).await;
        let failure = failure(&report);
        assert_eq!((failure.reason, failure.write_happened), (reason, written), "{effect:?}: {failure:?}");
    }
}

#[tokio::test]
async fn a_write_is_sent_again_only_after_an_answer_that_proves_refusal() {
    let bed = TestBed::set().await.unwrap();
    bed.simulator.revoke_tokens();
    let report = run(&bed, &[("urgency", "1")], None).await;
    assert_eq!(report.exchanges.iter().map(|exchange| exchange.status).collect::<Vec<_>>(), [Some(401), Some(201)]);
    assert_eq!(receipt(report).made, Made::Created);

    bed.simulator.inject(Fault::once("POST", INCIDENTS, Effect::status(429).header("retry-after", "1")));
    let report = run(&bed, &[("urgency", "1")], None).await;
    assert_eq!(report.exchanges.iter().map(|exchange| exchange.status).collect::<Vec<_>>(), [Some(429), Some(201)]);
    assert_eq!(receipt(report).made, Made::Created);
}

#[tokio::test]
async fn a_429_that_cannot_be_waited_for_is_answered_at_once_and_remembered() {
    for (effect, wait, pause) in
        [(Effect::status(429).header("retry-after", "600"), Some(600_000), 600_000), (Effect::status(429), None, 1_000)]
    {
        let bed = TestBed::set().await.unwrap();
        bed.simulator.inject(Fault::once("POST", INCIDENTS, effect));
        let report = run(&bed, &[("urgency", "1")], None).await;
        assert_eq!(report.exchanges.len(), 1);
        let refused = failure(&report);
        assert_eq!((refused.reason, refused.retry, refused.retry_after_ms), (Reason::RateLimited, Retry::Later, wait));
        assert_eq!(refused.write_happened, WriteHappened::No);

        // The next call has no time to wait, so it is answered without asking.
        let call = bed.call(500);
        let report = bed.host.create(call, columns(&[("urgency", "1")]), create()).await;
        assert_eq!(report.exchanges.len(), 0, "nothing is sent");
        let refused = failure(&report);
        assert_eq!((refused.reason, refused.write_happened), (Reason::RateLimited, WriteHappened::No));
        assert!(refused.retry_after_ms.is_some_and(|ms| ms <= pause), "{refused:?}");
        assert!(report.elapsed < std::time::Duration::from_millis(500), "{:?}", report.elapsed);
    }
}

#[tokio::test]
async fn a_call_with_time_left_waits_for_the_pause_that_another_call_was_told() {
    let bed = TestBed::set().await.unwrap();
    bed.simulator.inject(Fault::once("POST", INCIDENTS, Effect::status(429)));
    assert_eq!(failure(&run(&bed, &[("urgency", "1")], None).await).reason, Reason::RateLimited);
    let report = run(&bed, &[("urgency", "1")], None).await;
    assert_eq!(report.exchanges.len(), 1);
    assert!(report.elapsed > std::time::Duration::from_millis(500), "{:?}", report.elapsed);
    assert_eq!(receipt(report).made, Made::Created);
}

#[tokio::test]
async fn an_instance_that_ignores_the_key_shows_in_the_receipt() {
    let bed = TestBed::set().await.unwrap();
    let first = receipt(run(&bed, &[("urgency", "1")], Some("alert-9")).await);
    bed.simulator.set(|settings| settings.may_take_sys_id = false);
    let second = receipt(run(&bed, &[("urgency", "1")], Some("alert-9")).await);
    assert_eq!(second.made, Made::Created);
    assert_ne!(second.sys_id, first.sys_id, "an instance like this cannot be protected from twins");
}

#[tokio::test]
async fn display_values_name_a_caller_and_a_group() {
    let bed = TestBed::set().await.unwrap();
    let options = CreateOptions { input_display_values: true, ..create() };
    let body = columns(&[
        ("caller_id", "caller@example.com"),
        ("assignment_group", "Service Desk"),
        ("short_description", "x"),
    ]);
    let receipt = receipt(bed.host.create(bed.call(PATIENT_MS), body, options).await);
    assert_eq!(
        stored(&receipt),
        [
            ("caller_id", Stored::Unverifiable),
            ("assignment_group", Stored::Unverifiable),
            ("short_description", Stored::Stored)
        ]
    );
    let row = bed.simulator.rows("incident").pop().unwrap();
    assert_eq!(&row["caller_id"], "5137153cc611227c000bbd1bd8cd2005");
    assert_eq!(&row["assignment_group"], "679434f053231300e321ddeeff7b12d8");
}

#[tokio::test]
async fn choices_are_checked_against_the_instance_s_own() {
    let bed = TestBed::set().await.unwrap();
    let options = || CreateOptions { choice_check: Some("instance".to_string()), ..create() };
    let bad =
        columns(&[("urgency", "9"), ("category", "network"), ("subcategory", "cpu"), ("close_code", "Duplicate")]);
    match bed.host.create(bed.call(PATIENT_MS), bad, options()).await.outcome {
        CreateOutcome::InvalidChoice(violations) => {
            let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
            assert_eq!(fields, ["urgency", "subcategory"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.simulator.rows("incident").len(), 1, "nothing was written");
    let good = columns(&[("urgency", "1"), ("category", "network"), ("subcategory", "vpn")]);
    let report = bed.host.create(bed.call(PATIENT_MS), good, options()).await;
    assert_eq!(report.exchanges.len(), 2);
    assert_eq!(receipt(report).made, Made::Created);
}

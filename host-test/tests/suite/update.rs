//! Update: sent once, and a lost answer is settled by reading.

use crate::support::{PATIENT_MS, count};
use host_test::lab::scenarios::{TestBed, columns, update};
use servicenow_host::incidents::{Made, Stored, UpdateOutcome};
use servicenow_host::types::{Reason, Retry, WriteHappened};
use servicenow_host::{Outcome, Report};
use servicenow_simulator::{Effect, Fault};

const INCIDENTS: &str = "/api/now/table/incident";

async fn run(bed: &TestBed, pairs: &[(&str, &str)]) -> Report<UpdateOutcome> {
    let sys_id = bed.simulator.rows("incident")[0]["sys_id"].to_string();
    bed.host.update(bed.call(PATIENT_MS), sys_id, columns(pairs), update()).await
}

#[tokio::test]
async fn an_update_changes_what_was_sent_and_leaves_the_rest() {
    let bed = TestBed::set().await.unwrap();
    let report = run(&bed, &[("urgency", "1"), ("work_notes", "looked at"), ("u_bunk", "x")]).await;
    assert_eq!(report.exchanges.len(), 1, "an update is one exchange");
    let UpdateOutcome::IncidentUpdateSuccess(receipt) = report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(receipt.made, Made::Updated);
    let stored: Vec<Stored> = receipt.columns.iter().map(|column| column.stored).collect();
    assert_eq!(stored, [Stored::Stored, Stored::Unverifiable, Stored::NotStored]);
    let row = &bed.simulator.rows("incident")[0];
    assert_eq!((&row["urgency"], &row["short_description"]), ("1", "A first"));
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading_the_record() {
    for effect in [Effect::CommitThenClose, Effect::CommitThenStatus { status: 500 }] {
        let bed = TestBed::set().await.unwrap();
        bed.simulator.inject(Fault::once("PATCH", INCIDENTS, effect));
        let report = run(&bed, &[("urgency", "1"), ("state", "2")]).await;
        assert_eq!(count(&report.exchanges, "PATCH"), 1);
        let UpdateOutcome::IncidentUpdateSuccess(receipt) = report.outcome else { panic!("{:?}", report.outcome) };
        assert_eq!(receipt.made, Made::ConfirmedByReading);
    }
}

#[tokio::test]
async fn what_reading_cannot_confirm_stays_unknown_and_is_not_sent_again() {
    for (effect, pairs) in [
        // The record is as it was.
        (Effect::Close, vec![("urgency", "1")]),
        (Effect::status(503), vec![("urgency", "1")]),
        // The record has the column, and a journal cannot be read back.
        (Effect::CommitThenClose, vec![("urgency", "1"), ("work_notes", "once")]),
    ] {
        let bed = TestBed::set().await.unwrap();
        bed.simulator.inject(Fault::once("PATCH", INCIDENTS, effect.clone()));
        let report = run(&bed, &pairs).await;
        assert_eq!(count(&report.exchanges, "PATCH"), 1, "{effect:?}");
        let failure = report.outcome.failure().unwrap_or_else(|| panic!("{:?}", report.outcome));
        assert_eq!((failure.write_happened, failure.retry), (WriteHappened::Unknown, Retry::LookUpFirst), "{effect:?}");
    }
}

#[tokio::test]
async fn another_record_than_the_one_to_update_is_a_failure() {
    let bed = TestBed::set().await.unwrap();
    let body = r#"{"result":{"number":"INC9","sys_id":"00000000000000000000000000000000"}}"#;
    bed.simulator.inject(Fault::once("PATCH", INCIDENTS, Effect::json(200, body)));
    match run(&bed, &[("urgency", "1")]).await.outcome {
        UpdateOutcome::IncidentUpdateFailure(failure) => {
            assert_eq!((failure.reason, failure.write_happened), (Reason::WrongRecord, WriteHappened::Unknown));
        }
        other => panic!("{other:?}"),
    }
}

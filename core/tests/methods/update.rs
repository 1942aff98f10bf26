//! Update: sent once, and confirmed by reading where its answer was lost.

use super::scripted::{Scripted, Step, answer, broken, call, page, refusal, rows, said};
use servicenow_core::bindings::incidents::{Made, RequestBody, UpdateOptions, UpdateOutcome};
use servicenow_core::bindings::types::{Failure, Reason, Retry, WriteHappened};
use servicenow_core::incidents::update::update;

const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
const PATCH: &str = "Patch /api/now/table/incident/a1b2c3d4e5f60718293a4b5c6d7e8f90";
const READ_BACK: &str =
    "Get /api/now/table/incident?sysparm_query=sys_id%3Da1b2c3d4e5f60718293a4b5c6d7e8f90&sysparm_limit=2";

fn record(sys_id: &str, number: &str, urgency: &str) -> String {
    format!(r#"{{"number":"{number}","sys_id":"{sys_id}","urgency":"{urgency}","work_notes":""}}"#)
}

fn updated(record: &str) -> Step {
    answer(200, &format!(r#"{{"result":{record}}}"#))
}

fn body(pairs: &[(&str, &str)]) -> RequestBody {
    RequestBody::Fields(pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

fn options() -> UpdateOptions {
    UpdateOptions { input_display_values: false, choice_check: None }
}

fn run(host: &mut Scripted, pairs: &[(&str, &str)]) -> UpdateOutcome {
    update(&call(), KEY, &body(pairs), &options(), host)
}

fn failure(outcome: UpdateOutcome) -> (&'static str, Failure) {
    match outcome {
        UpdateOutcome::BadRequest(failure) => ("bad-request", failure),
        UpdateOutcome::IncidentNotFound(failure) => ("incident-not-found", failure),
        UpdateOutcome::IncidentUpdateFailure(failure) => ("incident-update-failure", failure),
        UpdateOutcome::Timeout(failure) => ("timeout", failure),
        UpdateOutcome::Error(failure) => ("error", failure),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_columns_are_sent_and_the_receipt_is_of_what_came_back() {
    let mut host = Scripted::new([updated(&record(KEY, "INC0010001", "2"))]);
    let UpdateOutcome::IncidentUpdateSuccess(receipt) = run(&mut host, &[("urgency", "2")]) else { panic!("failed") };
    assert_eq!((receipt.number.as_str(), receipt.made), ("INC0010001", Made::Updated));
    assert_eq!((receipt.task_effective_number.as_str(), receipt.correlation_id.as_str()), ("INC0010001", ""));
    assert_eq!(host.asked(), [PATCH]);
    assert_eq!(host.sent[0].body.as_deref(), Some(r#"{"urgency":"2"}"#));
    let display = UpdateOptions { input_display_values: true, ..options() };
    let mut host = Scripted::new([updated(&record(KEY, "INC0010001", "2"))]);
    update(&call(), KEY, &body(&[("urgency", "2")]), &display, &mut host);
    assert_eq!(host.asked(), [format!("{PATCH}?sysparm_input_display_value=true")]);
}

#[test]
fn a_lost_answer_is_confirmed_where_every_column_is_in_the_record() {
    let other = "0".repeat(32);
    for (what, sent, read, confirmed) in [
        ("the record as it was sent", vec![("urgency", "2")], rows(&[record(KEY, "INC1", "2")]), true),
        ("an earlier one", vec![("urgency", "2")], rows(&[record(KEY, "INC1", "1")]), false),
        (
            "a journal, which cannot be told",
            vec![("urgency", "2"), ("work_notes", "x")],
            rows(&[record(KEY, "INC1", "2")]),
            false,
        ),
        ("another record", vec![("urgency", "2")], rows(&[record(&other, "INC1", "2")]), false),
        ("a record without its number", vec![("urgency", "2")], rows(&[record(KEY, "", "2")]), false),
        ("nothing", vec![("urgency", "2")], rows(&[]), false),
        ("a refusal", vec![("urgency", "2")], refusal(403, "x"), false),
    ] {
        let mut host = Scripted::new([broken(Reason::Lost, None, false), read]);
        let outcome = run(&mut host, &sent);
        assert_eq!(host.asked(), [PATCH, READ_BACK], "{what}");
        match outcome {
            UpdateOutcome::IncidentUpdateSuccess(receipt) => {
                assert!(confirmed && receipt.made == Made::ConfirmedByReading, "{what}");
            }
            other => {
                let expected = (None, Reason::Lost, WriteHappened::Unknown, Retry::LookUpFirst);
                assert!(!confirmed, "{what}");
                assert_eq!(said(&failure(other).1), expected, "{what}");
            }
        }
    }
}

#[test]
fn an_answer_that_settles_it_is_the_end() {
    use WriteHappened::{No, Unknown, Yes};
    let look_up = Retry::LookUpFirst;
    for (step, case, expected) in [
        (refusal(400, "x"), "bad-request", (Some(400), Reason::BadRequest, No, Retry::Never)),
        (refusal(404, "x"), "incident-not-found", (Some(404), Reason::NotFound, No, Retry::Never)),
        (refusal(403, "x"), "incident-update-failure", (Some(403), Reason::Forbidden, No, Retry::Never)),
        (
            updated(&record(&"0".repeat(32), "INC1", "2")),
            "incident-update-failure",
            (Some(200), Reason::WrongRecord, Unknown, look_up),
        ),
        (
            updated(&record(KEY, "", "2")),
            "incident-update-failure",
            (Some(200), Reason::UnexpectedAnswer, Yes, look_up),
        ),
        (page(200, "<html>"), "incident-update-failure", (Some(200), Reason::NotJson, Unknown, look_up)),
        (broken(Reason::Deadline, None, false), "timeout", (None, Reason::Deadline, Unknown, look_up)),
        (broken(Reason::Dns, None, true), "error", (None, Reason::Dns, No, Retry::Later)),
    ] {
        let mut host = Scripted::new([step]);
        let (ended, failure) = failure(run(&mut host, &[("urgency", "2")]));
        assert_eq!((ended, said(&failure)), (case, expected));
        assert_eq!(failure.correlation_id, None);
        assert_eq!(host.asked(), [PATCH], "{expected:?}");
    }
}

#[test]
fn wrong_inputs_are_named_and_nothing_is_sent() {
    for (sys_id, pairs, choices, expected) in [
        ("1234", &[("urgency", "2")][..], None, "sys_id"),
        (KEY, &[], None, "request_body"),
        (KEY, &[("urgency", "9")], Some("base"), "urgency"),
        (KEY, &[("urgency", "2")], Some("x"), "choice_check"),
    ] {
        let options = UpdateOptions { choice_check: choices.map(str::to_string), ..options() };
        let mut host = Scripted::new([]);
        let outcome = update(&call(), sys_id, &body(pairs), &options, &mut host);
        assert_eq!(matches!(outcome, UpdateOutcome::InvalidChoice(_)), choices.is_some());
        let (UpdateOutcome::InvalidData(violations) | UpdateOutcome::InvalidChoice(violations)) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(violations[0].field, expected);
        assert_eq!(host.asked(), Vec::<String>::new());
    }
}

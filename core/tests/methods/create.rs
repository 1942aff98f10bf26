//! Create: sent once, and settled by its key where the answer leaves open whether the record is there.

use super::scripted::{ORIGIN, Scripted, Step, answer, broken, call, page, refusal, rows, said};
use servicenow_core::bindings::incidents::{CreateOptions, CreateOutcome, Made, RequestBody, Stored};
use servicenow_core::bindings::types::{Call, Failure, Reason, Retry, Violation, WriteHappened};
use servicenow_core::incidents::create::create;
use servicenow_core::servicenow::sys_id::SysId;

const POST: &str = "Post /api/now/table/incident";

fn options() -> CreateOptions {
    CreateOptions { correlation_id: Some("alert-1".into()), input_display_values: false, choice_check: None }
}

fn fields(pairs: &[(&str, &str)]) -> RequestBody {
    RequestBody::Fields(pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

fn key() -> String {
    SysId::derive("main", "alert-1").to_string()
}

fn read_back() -> String {
    format!("Get /api/now/table/incident?sysparm_query=sys_id%3D{}&sysparm_limit=2", key())
}

fn record(sys_id: &str, correlation_id: &str) -> String {
    format!(
        r#"{{"number":"INC0010001","sys_id":"{sys_id}","correlation_id":"{correlation_id}","urgency":"2","task_effective_number":"UR1"}}"#
    )
}

fn created(record: &str) -> Step {
    answer(201, &format!(r#"{{"result":{record}}}"#))
}

fn run(host: &mut Scripted) -> CreateOutcome {
    create(&call(), &fields(&[("urgency", "2")]), &options(), host)
}

fn failure(outcome: CreateOutcome) -> (&'static str, Failure) {
    match outcome {
        CreateOutcome::BadRequest(failure) => ("bad-request", failure),
        CreateOutcome::NotFound(failure) => ("not-found", failure),
        CreateOutcome::CreateIncidentFailure(failure) => ("create-incident-failure", failure),
        CreateOutcome::Timeout(failure) => ("timeout", failure),
        CreateOutcome::Error(failure) => ("error", failure),
        other => panic!("{other:?}"),
    }
}

fn refused(outcome: CreateOutcome) -> Vec<String> {
    let names = |violations: Vec<Violation>| violations.into_iter().map(|one| one.field).collect();
    match outcome {
        CreateOutcome::InvalidData(violations) | CreateOutcome::InvalidChoice(violations) => names(violations),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_record_is_sent_with_its_key_and_the_receipt_is_of_what_came_back() {
    let mut host = Scripted::new([created(&record(&key(), "alert-1"))]);
    let CreateOutcome::IncidentCreated(receipt) = run(&mut host) else { panic!("not created") };
    assert_eq!(host.asked(), [POST]);
    let body = format!(r#"{{"urgency":"2","sys_id":"{}","correlation_id":"alert-1"}}"#, key());
    assert_eq!(host.sent[0].body.as_deref(), Some(body.as_str()));
    assert_eq!((receipt.number.as_str(), receipt.sys_id, receipt.made), ("INC0010001", key(), Made::Created));
    assert_eq!((receipt.task_effective_number.as_str(), receipt.correlation_id.as_str()), ("UR1", "alert-1"));
    assert_eq!(receipt.columns[0].stored, Stored::Stored);
    assert_eq!(receipt.url, format!("{ORIGIN}/nav_to.do?uri=incident.do%3Fsys_id%3D{}", key()));
    assert!(receipt.response_payload.starts_with(r#"{"result":"#));
}

#[test]
fn display_values_are_said_in_the_address() {
    let mut host = Scripted::new([created(&record(&key(), "alert-1"))]);
    let options = CreateOptions { input_display_values: true, ..options() };
    create(&call(), &fields(&[("urgency", "2 - Medium")]), &options, &mut host);
    assert_eq!(host.asked(), ["Post /api/now/table/incident?sysparm_input_display_value=true"]);
}

#[test]
fn the_key_is_the_option_s_or_the_body_s_or_made() {
    for (option, column, expected) in [
        (Some("alert-1"), None, "alert-1"),
        (None, Some("alert-1"), "alert-1"),
        (Some("alert-1"), Some("alert-1"), "alert-1"),
        (None, None, "07070707070707070707070707070707"),
    ] {
        let mut host = Scripted::new([refusal(400, "x")]);
        host.random = [7; 16];
        let options = CreateOptions { correlation_id: option.map(str::to_string), ..options() };
        let columns: Vec<_> =
            [("urgency", "2")].into_iter().chain(column.map(|value| ("correlation_id", value))).collect();
        let (_, failure) = failure(create(&call(), &fields(&columns), &options, &mut host));
        assert_eq!(failure.correlation_id.as_deref(), Some(expected));
        let sent = host.sent[0].body.as_deref().unwrap();
        assert_eq!(sent.matches("correlation_id").count(), 1, "{sent}");
        assert!(sent.contains(SysId::derive("main", expected).as_str()), "{sent}");
    }
}

#[test]
fn wrong_inputs_are_named_together_and_nothing_is_sent() {
    let wrong = Call { authorization: String::new(), instance: "?".into(), timeout_ms: Some(0) };
    let long = "x".repeat(101);
    for (call, option, column, choices, expected) in [
        (call(), Some("a"), "b", None, &["correlation_id"][..]),
        (call(), Some(long.as_str()), "", None, &["correlation_id"]),
        (call(), Some(" a"), "", None, &["correlation_id"]),
        (call(), Some("a^b"), "", None, &["correlation_id"]),
        (wrong, Some(""), "", Some("x"), &["authorization", "instance", "timeout_ms", "correlation_id"]),
        (call(), Some("a"), "", Some("strict"), &["choice_check"]),
    ] {
        let mut host = Scripted::new([]);
        let options = CreateOptions {
            correlation_id: option.map(str::to_string),
            choice_check: choices.map(str::to_string),
            ..options()
        };
        let columns = [("urgency", "2"), ("correlation_id", column)].into_iter();
        let columns: Vec<_> = columns.filter(|(_, value)| !value.is_empty()).collect();
        let outcome = create(&call, &fields(&columns), &options, &mut host);
        assert_eq!(matches!(outcome, CreateOutcome::InvalidChoice(_)), choices == Some("strict"));
        assert_eq!(refused(outcome), expected);
        assert_eq!(host.asked(), Vec::<String>::new());
    }
}

#[test]
fn a_lost_answer_is_settled_by_the_key() {
    for lost in [
        broken(Reason::Lost, None, false),
        broken(Reason::TooLarge, Some(201), false),
        refusal(500, "x"),
        page(502, "<html>"),
        page(408, ""),
        page(300, ""),
    ] {
        let mut host = Scripted::new([lost, rows(&[record(&key(), "alert-1")])]);
        let CreateOutcome::IncidentCreated(receipt) = run(&mut host) else { panic!("not found") };
        assert_eq!((receipt.made, receipt.sys_id), (Made::Found, key()));
        assert_eq!(host.asked(), [POST.to_string(), read_back()]);
    }
}

#[test]
fn what_the_key_does_not_settle_stays_unknown() {
    let other = "0".repeat(32);
    let numberless = format!(r#"{{"sys_id":"{}","correlation_id":"alert-1"}}"#, key());
    for (what, read) in [
        ("nothing", rows(&[])),
        ("another's record", rows(&[record(&other, "alert-1")])),
        ("the key with another correlation id", rows(&[record(&key(), "alert-2")])),
        ("a record without its number", rows(&[numberless])),
        ("a refusal", refusal(403, "x")),
        ("no time", broken(Reason::Deadline, None, false)),
    ] {
        let mut host = Scripted::new([refusal(500, "Internal"), read]);
        let (case, failure) = failure(run(&mut host));
        assert_eq!(case, "create-incident-failure", "{what}");
        let expected = (Some(500), Reason::ServerError, WriteHappened::Unknown, Retry::LookUpFirst);
        assert_eq!(said(&failure), expected, "{what}");
        assert_eq!((failure.message.as_str(), failure.correlation_id.as_deref()), ("Internal", Some("alert-1")));
        assert_eq!(host.asked(), [POST.to_string(), read_back()]);
    }
}

#[test]
fn a_key_that_is_taken_is_the_record_of_an_earlier_create() {
    for taken in [
        refusal(403, "Unique Key violation detected by database"),
        refusal(409, "x"),
        refusal(403, "Error during insert of incident"),
    ] {
        let mut host = Scripted::new([taken, rows(&[record(&key(), "alert-1")])]);
        let CreateOutcome::IncidentCreated(receipt) = run(&mut host) else { panic!("not found") };
        assert_eq!(receipt.made, Made::Found);
    }
    let mut host = Scripted::new([refusal(409, "x"), rows(&[])]);
    let (_, hidden) = failure(run(&mut host));
    assert_eq!(said(&hidden), (Some(409), Reason::Conflict, WriteHappened::Unknown, Retry::LookUpFirst));
    let mut host = Scripted::new([refusal(403, "Error during insert"), rows(&[])]);
    let (_, refused) = failure(run(&mut host));
    assert_eq!(said(&refused), (Some(403), Reason::Forbidden, WriteHappened::No, Retry::Never));
}

#[test]
fn an_answer_that_settles_it_is_the_end() {
    use WriteHappened::{No, Unknown, Yes};
    let look_up = Retry::LookUpFirst;
    for (step, case, expected) in [
        (refusal(400, "x"), "bad-request", (Some(400), Reason::BadRequest, No, Retry::Never)),
        (refusal(404, "x"), "not-found", (Some(404), Reason::NotFound, No, Retry::Never)),
        (refusal(403, "x"), "create-incident-failure", (Some(403), Reason::Forbidden, No, Retry::Never)),
        (refusal(429, "x"), "create-incident-failure", (Some(429), Reason::RateLimited, No, Retry::Later)),
        (page(302, ""), "create-incident-failure", (Some(302), Reason::Redirected, Unknown, look_up)),
        (
            answer(201, r#"{"result":{}}"#),
            "create-incident-failure",
            (Some(201), Reason::UnexpectedAnswer, Yes, look_up),
        ),
        (answer(201, "{}"), "create-incident-failure", (Some(201), Reason::UnexpectedAnswer, Yes, look_up)),
        (page(201, "<html>"), "create-incident-failure", (Some(201), Reason::NotJson, Unknown, look_up)),
        (
            answer(200, r#"{"result":{}}"#),
            "create-incident-failure",
            (Some(200), Reason::UnexpectedStatus, Unknown, look_up),
        ),
        (
            page(200, "Your instance is hibernating"),
            "create-incident-failure",
            (Some(200), Reason::Hibernating, No, Retry::Later),
        ),
        (broken(Reason::Deadline, None, false), "timeout", (None, Reason::Deadline, Unknown, look_up)),
        (broken(Reason::Deadline, None, true), "timeout", (None, Reason::Deadline, No, Retry::Later)),
        (broken(Reason::Dns, None, true), "error", (None, Reason::Dns, No, Retry::Later)),
        (broken(Reason::Tls, None, true), "error", (None, Reason::Tls, No, Retry::Never)),
        (broken(Reason::Lost, None, true), "error", (None, Reason::Lost, No, Retry::Later)),
        (broken(Reason::Limit, None, true), "error", (None, Reason::Limit, No, Retry::Later)),
        (broken(Reason::DeniedByHost, None, true), "error", (None, Reason::DeniedByHost, No, Retry::Never)),
    ] {
        // A redirect leaves the write open, and is looked up.
        let is_open = matches!(expected.1, Reason::Redirected);
        let mut host = Scripted::new([step].into_iter().chain(is_open.then(|| rows(&[]))));
        let (ended, failure) = failure(run(&mut host));
        assert_eq!((ended, said(&failure)), (case, expected));
        assert_eq!(host.asked().len(), 1 + usize::from(is_open), "{expected:?}");
    }
}

#[test]
fn a_choice_outside_those_as_delivered_is_refused_before_anything_is_sent() {
    let mut host = Scripted::new([]);
    let base = CreateOptions { choice_check: Some("base".into()), ..options() };
    assert_eq!(refused(create(&call(), &fields(&[("urgency", "9")]), &base, &mut host)), ["urgency"]);
    let mut host = Scripted::new([created(&record(&key(), "alert-1"))]);
    let outcome = create(&call(), &fields(&[("urgency", "2")]), &base, &mut host);
    assert!(matches!(outcome, CreateOutcome::IncidentCreated(_)));
}

const CHOICES: &str = "Get /api/now/table/sys_choice?sysparm_query=nameINincident%2Ctask%5EelementINurgency%2Cu_site%5Einactive%3Dfalse%5EORDERBYsequence&sysparm_fields=name%2Celement%2Cvalue%2Clabel%2Cdependent_value%2Clanguage%2Cinactive&sysparm_limit=10000";

#[test]
fn the_instance_s_own_choices_decide_where_they_are_asked_for() {
    let choice = |value: &str| {
        format!(
            r#"{{"name":"incident","element":"urgency","value":"{value}","label":"L","dependent_value":"","language":"en","inactive":"false"}}"#
        )
    };
    let instance = CreateOptions { choice_check: Some("instance".into()), ..options() };
    // What cannot stand in a query is not asked for.
    let body = fields(&[("urgency", "7"), ("u_site", "a"), ("u_a,b", "c")]);
    let mut host = Scripted::new([rows(&[choice("1"), choice("2")])]);
    assert_eq!(refused(create(&call(), &body, &instance, &mut host)), ["urgency"]);
    assert_eq!(host.asked(), [CHOICES]);
    let mut host = Scripted::new([rows(&[choice("7")]), created(&record(&key(), "alert-1"))]);
    let outcome = create(&call(), &body, &instance, &mut host);
    assert!(matches!(outcome, CreateOutcome::IncidentCreated(_)));
    assert_eq!(host.asked(), [CHOICES, POST]);
    // A count above what is shown: some are hidden.
    let hidden = answer(200, r#"{"result":[]}"#).header("x-total-count", "1");
    let mut host = Scripted::new([hidden]);
    let (case, failure_of_hidden) = failure(create(&call(), &body, &instance, &mut host));
    let expected = (None, Reason::Forbidden, WriteHappened::No, Retry::Never);
    assert_eq!((case, said(&failure_of_hidden)), ("create-incident-failure", expected));
    // The case of 400 and 404 speaks of the incident, and these do not.
    for (status, kept) in [(400, None), (404, None), (403, Some(403))] {
        let mut host = Scripted::new([refusal(status, "x")]);
        let (case, failure) = failure(create(&call(), &body, &instance, &mut host));
        assert_eq!((case, failure.status), ("create-incident-failure", kept), "{status}");
        assert_eq!(failure.message, "the choices could not be read: x");
    }
}

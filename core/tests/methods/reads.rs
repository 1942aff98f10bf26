//! Get, find and columns.

use super::scripted::{ORIGIN, Scripted, Step, answer, call, page, refusal, rows, said};
use servicenow_core::bindings::incidents::{ColumnsOutcome, FindOutcome, GetOutcome, IncidentRef};
use servicenow_core::bindings::types::{Call, Reason, Retry, WriteHappened};
use servicenow_core::incidents::columns::columns;
use servicenow_core::incidents::find::find;
use servicenow_core::incidents::get::get;

const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn record(number: &str, sys_id: &str, correlation_id: &str) -> String {
    let cell = |value: &str, shown: &str| format!(r#"{{"value":"{value}","display_value":"{shown}"}}"#);
    format!(
        r#"{{"number":{},"sys_id":{},"correlation_id":{},"state":{}}}"#,
        cell(number, number),
        cell(sys_id, sys_id),
        cell(correlation_id, correlation_id),
        cell("2", "In Progress")
    )
}

fn counted(found: &[String], total: u32) -> Step {
    answer(200, &format!(r#"{{"result":[{}]}}"#, found.join(","))).header("x-total-count", &total.to_string())
}

fn look_up(kind: &str, value: &str, host: &mut Scripted) -> GetOutcome {
    get(&call(), &IncidentRef { kind: kind.into(), value: value.into() }, host)
}

#[test]
fn an_incident_is_looked_up_by_each_of_its_keys() {
    for (kind, value, query, limit) in [
        ("number", " INC1 ", "number%3DINC1", 2),
        ("sys_id", KEY, "sys_id%3Da1b2c3d4e5f60718293a4b5c6d7e8f90", 2),
        ("correlation_id", "alert-1", "correlation_id%3Dalert-1%5EORDERBYsys_created_on", 20),
    ] {
        let mut host = Scripted::new([counted(&[record("INC1", KEY, "alert-1")], 1)]);
        let GetOutcome::GetIncidentSuccess(incident) = look_up(kind, value, &mut host) else { panic!("{kind}") };
        assert_eq!((incident.number.as_str(), incident.sys_id.as_str(), incident.state.as_str()), ("INC1", KEY, "2"));
        assert_eq!((incident.matches, incident.task_effective_number.as_str()), (1, "INC1"));
        assert_eq!(incident.url, format!("{ORIGIN}/nav_to.do?uri=incident.do%3Fsys_id%3D{KEY}"));
        let state = incident.fields.iter().find(|field| field.name == "state").unwrap();
        assert_eq!((state.value.as_str(), state.display_value.as_str()), ("2", "In Progress"));
        assert!(incident.response_payload.contains("In Progress"));
        let parameters = format!("sysparm_query={query}&sysparm_limit={limit}&sysparm_display_value=all");
        assert_eq!(host.asked(), [format!("Get /api/now/table/incident?{parameters}")]);
    }
}

#[test]
fn what_came_back_is_held_against_what_was_asked_for() {
    let (one, other) = (record("INC1", KEY, "alert-1"), record("INC2", &"0".repeat(32), "alert-1"));
    let failing = |reason, message: &str| Some((reason, message.to_string()));
    for (what, kind, value, step, expected) in [
        ("none", "number", "INC1", counted(&[], 0), failing(Reason::NotFound, "no incident matches")),
        (
            "one that is hidden",
            "number",
            "INC1",
            counted(&[], 1),
            failing(Reason::Forbidden, "ServiceNow counts a match and shows none: the user may not read it"),
        ),
        (
            "another one",
            "number",
            "INC1",
            counted(std::slice::from_ref(&other), 1),
            failing(Reason::WrongRecord, "ServiceNow answered with another incident than the one asked for"),
        ),
        (
            "two of one number",
            "number",
            "INC1",
            counted(&[one.clone(), one.clone()], 2),
            failing(Reason::Ambiguous, "2 incidents match"),
        ),
        (
            "more than are shown",
            "sys_id",
            KEY,
            counted(std::slice::from_ref(&one), 3),
            failing(Reason::Ambiguous, "3 incidents match"),
        ),
        (
            "one without its number",
            "sys_id",
            KEY,
            counted(&[record("", KEY, "")], 1),
            failing(Reason::UnexpectedAnswer, "the incident came back without its number or sys_id"),
        ),
        (
            "one without its key",
            "number",
            "INC1",
            counted(&[record("INC1", "", "")], 1),
            failing(Reason::UnexpectedAnswer, "the incident came back without its number or sys_id"),
        ),
        ("one in other letters", "number", "inc1", counted(std::slice::from_ref(&one), 1), None),
        ("two of one correlation id", "correlation_id", "alert-1", counted(&[one.clone(), other], 2), None),
        (
            "one that differs by case",
            "correlation_id",
            "Alert-1",
            counted(std::slice::from_ref(&one), 1),
            failing(Reason::NotFound, "no incident matches"),
        ),
    ] {
        let mut host = Scripted::new([step]);
        let (case, failure) = match look_up(kind, value, &mut host) {
            GetOutcome::GetIncidentSuccess(incident) => {
                assert_eq!(expected, None, "{what}");
                assert_eq!(incident.matches, if kind == "correlation_id" { 2 } else { 1 }, "{what}");
                continue;
            }
            GetOutcome::IncidentNotFound(failure) => ("incident-not-found", failure),
            GetOutcome::GetIncidentFailure(failure) => ("get-incident-failure", failure),
            other => panic!("{what}: {other:?}"),
        };
        let (reason, message) = expected.unwrap();
        assert_eq!(case == "incident-not-found", reason == Reason::NotFound, "{what}");
        assert_eq!(said(&failure), (Some(200), reason, WriteHappened::No, Retry::Never), "{what}");
        assert_eq!(failure.message, message, "{what}");
    }
}

#[test]
fn a_status_of_a_look_up_has_its_case() {
    for (status, case) in [(401, "fail"), (404, "not found"), (500, "failure"), (400, "failure")] {
        let mut host = Scripted::new([refusal(status, "x"), refusal(status, "x")].into_iter().take(if status == 401 {
            2
        } else {
            1
        }));
        let ended = match look_up("number", "INC1", &mut host) {
            GetOutcome::AuthorizationFail(_) => "fail",
            GetOutcome::IncidentNotFound(_) => "not found",
            GetOutcome::GetIncidentFailure(_) => "failure",
            other => panic!("{other:?}"),
        };
        assert_eq!(ended, case, "{status}");
    }
}

#[test]
fn a_kind_that_is_none_is_named_after_inputs_that_are_wrong() {
    let mut host = Scripted::new([]);
    let GetOutcome::InvalidChoice(violations) = look_up("name", "x", &mut host) else { panic!("taken") };
    assert_eq!((violations[0].field.as_str(), violations[0].given.as_str()), ("kind", "name"));
    assert_eq!(violations[0].expected, "one of: number, sys_id, correlation_id");
    let wrong = Call { instance: String::new(), ..call() };
    let reference = IncidentRef { kind: "name".into(), value: "x".into() };
    assert!(matches!(get(&wrong, &reference, &mut host), GetOutcome::InvalidData(list) if list.len() == 1));
    for (value, is_number) in
        [("1".repeat(40), true), ("1".repeat(41), false), ("a^b".into(), false), (String::new(), false)]
    {
        let steps = is_number.then(|| counted(&[], 0));
        let mut host = Scripted::new(steps);
        assert_eq!(
            matches!(look_up("number", &value, &mut host), GetOutcome::IncidentNotFound(_)),
            is_number,
            "{value}"
        );
    }
}

#[test]
fn a_page_is_asked_for_as_it_is_wanted() {
    let mut host = Scripted::new([counted(&[record("INC1", KEY, "")], 12)]);
    let FindOutcome::FindSuccess(page) = find(&call(), "active=true^priority=1", 5, 10, &mut host) else {
        panic!("failed")
    };
    assert_eq!((page.incidents[0].number.as_str(), page.incidents[0].sys_id.as_str()), ("INC1", KEY));
    assert_eq!((page.incidents[0].fields.len(), page.total, page.next_offset), (4, Some(12), None));
    let parameters =
        "sysparm_query=active%3Dtrue%5Epriority%3D1&sysparm_limit=5&sysparm_offset=10&sysparm_display_value=all";
    assert_eq!(host.asked(), [format!("Get /api/now/table/incident?{parameters}")]);
}

#[test]
fn a_query_and_a_limit_have_bounds() {
    for (query, limit, expected) in [
        ("x".repeat(8_000), 1_000, vec![]),
        (String::new(), 1, vec![]),
        ("x".repeat(8_001), 1, vec!["query"]),
        ("a\nb".into(), 1, vec!["query"]),
        (String::new(), 0, vec!["limit"]),
        ("\0".into(), 1_001, vec!["query", "limit"]),
    ] {
        let mut host = Scripted::new(expected.is_empty().then(|| counted(&[], 0)));
        match find(&call(), &query, limit, 0, &mut host) {
            FindOutcome::FindSuccess(_) => assert!(expected.is_empty()),
            FindOutcome::InvalidData(violations) => {
                assert_eq!(violations.into_iter().map(|one| one.field).collect::<Vec<_>>(), expected);
            }
            other => panic!("{other:?}"),
        }
    }
    for (status, is_authorization) in [(401, true), (403, false)] {
        let steps = [refusal(status, "x"), refusal(status, "x")].into_iter().take(if is_authorization { 2 } else { 1 });
        let mut host = Scripted::new(steps);
        let outcome = find(&call(), "", 1, 0, &mut host);
        assert_eq!(matches!(outcome, FindOutcome::AuthorizationFail(_)), is_authorization, "{outcome:?}");
        assert_eq!(matches!(outcome, FindOutcome::FindFailure(_)), !is_authorization, "{outcome:?}");
    }
}

#[test]
fn columns_come_with_the_choices_of_the_instance() {
    let row = |name: &str, element: &str, label: &str, length: &str, more: &str| {
        format!(
            r#"{{"name":"{name}","element":"{element}","column_label":"{label}","internal_type":"string","max_length":"{length}",{more}}}"#
        )
    };
    let plain = r#""mandatory":"false","read_only":"true","reference":"""#;
    let dictionary = [
        row("task", "urgency", "Of the task", "8", plain),
        row("incident", "urgency", "Urgency", "40", r#""mandatory":"true","read_only":"false","reference":"""#),
        row("task", "caller_id", "Caller", "x", r#""mandatory":"false","read_only":"false","reference":"sys_user""#),
    ];
    let choice = |element: &str, value: &str| {
        format!(
            r#"{{"name":"incident","element":"{element}","value":"{value}","label":"L{value}","dependent_value":"","language":"en","inactive":"false"}}"#
        )
    };
    let choices = [choice("urgency", "2"), choice("state", "6"), choice("urgency", "1")];
    let mut host = Scripted::new([rows(&dictionary), rows(&choices)]);
    let ColumnsOutcome::ColumnsSuccess(found) = columns(&call(), &mut host) else { panic!("failed") };
    let shown: Vec<_> = found
        .iter()
        .map(|column| {
            let values: Vec<_> = column.choices.iter().map(|choice| choice.value.as_str()).collect();
            (column.name.as_str(), column.label.as_str(), column.max_length, column.reference.as_deref(), values)
        })
        .collect();
    let expected = [
        ("caller_id", "Caller", None, Some("sys_user"), vec![]),
        ("urgency", "Urgency", Some(40), None, vec!["2", "1"]),
    ];
    assert_eq!(shown, expected);
    assert_eq!((found[1].mandatory, found[1].read_only, found[1].internal_type.as_str()), (true, false, "string"));
    let asked = host.asked();
    assert!(
        asked[0]
            .starts_with("Get /api/now/table/sys_dictionary?sysparm_query=nameINincident%2Ctask%5EelementISNOTEMPTY")
    );
    assert!(
        asked[1].starts_with("Get /api/now/table/sys_choice?sysparm_query=nameINincident%2Ctask%5Einactive%3Dfalse")
    );
}

#[test]
fn a_dictionary_without_rows_proves_nothing() {
    let mut host = Scripted::new([rows(&[])]);
    let ColumnsOutcome::ColumnsFailure(failure) = columns(&call(), &mut host) else { panic!("taken") };
    assert_eq!(said(&failure), (Some(200), Reason::Forbidden, WriteHappened::No, Retry::Never));
    let wrong = Call { authorization: String::new(), ..call() };
    assert!(matches!(columns(&wrong, &mut Scripted::new([])), ColumnsOutcome::InvalidData(_)));
    let mut host = Scripted::new([page(401, ""), page(401, "")]);
    assert!(matches!(columns(&call(), &mut host), ColumnsOutcome::AuthorizationFail(_)));
}

//! Get and find: the incident asked for, or the truth about why not.

use crate::support::PATIENT_MS;
use host_test::lab::scenarios::{TestBed, by, columns, create};
use servicenow_host::incidents::{FindOutcome, GetOutcome, Incident};
use servicenow_host::types::Reason;
use servicenow_host::{Outcome, Report};
use servicenow_simulator::{Effect, Fault};

const INCIDENTS: &str = "/api/now/table/incident";

async fn get(bed: &TestBed, kind: &str, value: &str) -> Report<GetOutcome> {
    bed.host.get(bed.call(PATIENT_MS), by(kind, value)).await
}

fn incident(report: Report<GetOutcome>) -> Incident {
    match report.outcome {
        GetOutcome::GetIncidentSuccess(incident) => incident,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_incident_is_found_by_each_of_its_keys_with_every_column() {
    let bed = TestBed::set().await.unwrap();
    let body =
        columns(&[("caller_id", "5137153cc611227c000bbd1bd8cd2005"), ("correlation_id", "a & b=c"), ("u_rack", "B7")]);
    bed.host.create(bed.call(PATIENT_MS), body, create()).await;
    let row = bed.simulator.rows("incident").pop().unwrap();
    for (kind, value) in
        [("number", &row["number"]), ("sys_id", &row["sys_id"]), ("correlation_id", &row["correlation_id"])]
    {
        let report = get(&bed, kind, value).await;
        assert_eq!(report.exchanges.len(), 1, "a get is one exchange");
        let incident = incident(report);
        assert_eq!((incident.number.as_str(), incident.sys_id.as_str()), (&row["number"], &row["sys_id"]), "{kind}");
        assert_eq!((incident.state.as_str(), incident.matches), ("1", 1));
        let field = |name: &str| incident.fields.iter().find(|field| field.name == name).unwrap();
        assert_eq!((field("u_rack").value.as_str(), field("state").display_value.as_str()), ("B7", "New"));
        let caller = field("caller_id");
        assert_eq!(
            (caller.value.as_str(), caller.display_value.as_str()),
            ("5137153cc611227c000bbd1bd8cd2005", "Example Caller")
        );
        assert!(caller.link.as_ref().is_some_and(|link| link.ends_with("/sys_user/5137153cc611227c000bbd1bd8cd2005")));
    }
}

#[tokio::test]
async fn a_number_is_found_whatever_its_case() {
    let bed = TestBed::set().await.unwrap();
    assert_eq!(incident(get(&bed, "number", "inc0010001").await).number, "INC0010001");
}

#[tokio::test]
async fn of_several_incidents_with_one_correlation_id_the_oldest_comes_with_the_count() {
    let bed = TestBed::set().await.unwrap();
    bed.simulator.set(|settings| settings.may_take_sys_id = false);
    for _ in 0..3 {
        bed.host.create(bed.call(PATIENT_MS), columns(&[("correlation_id", "alert")]), create()).await;
    }
    let found = incident(get(&bed, "correlation_id", "alert").await);
    assert_eq!((found.number.as_str(), found.matches), ("INC0010002", 3));
}

#[tokio::test]
async fn an_answer_that_is_not_the_incident_asked_for_is_a_failure() {
    let bed = TestBed::set().await.unwrap();
    let one = |number: &str| format!(r#"{{"result":[{{"number":{{"value":"{number}"}},"sys_id":{{"value":"1"}}}}]}}"#);
    for (effect, reason) in [
        (Effect::json(200, &one("INC9")).header("x-total-count", "1"), Reason::WrongRecord),
        (Effect::json(200, &one("INC9")), Reason::WrongRecord),
        (Effect::json(200, r#"{"result":[]}"#).header("x-total-count", "1"), Reason::Forbidden),
        (Effect::json(200, &one("INC0010001")).header("x-total-count", "2"), Reason::Ambiguous),
        (Effect::json(200, r#"{"result":[{"number":"INC0010001"}]}"#), Reason::UnexpectedAnswer),
        (Effect::json(200, r#"{"result":[{"number":"INC00"#), Reason::NotJson),
        (Effect::json(200, r#"{"result":[],"error":{"message":"Transaction cancelled"}}"#), Reason::Cancelled),
        (Effect::html(200, "<html>"), Reason::NotJson),
        (Effect::html(502, "<html>"), Reason::ServerError),
        (Effect::status(403), Reason::Forbidden),
        (Effect::status(302), Reason::Redirected),
    ] {
        bed.simulator.inject(Fault::once("GET", INCIDENTS, effect.clone()).times(3));
        let report = get(&bed, "number", "INC0010001").await;
        assert!(matches!(report.outcome, GetOutcome::GetIncidentFailure(_)), "{effect:?}: {:?}", report.outcome);
        assert_eq!(report.outcome.failure().unwrap().reason, reason, "{effect:?}");
        bed.simulator.heal();
    }
}

#[tokio::test]
async fn a_read_is_repeated_where_that_may_help_and_no_more_than_twice() {
    for (effect, sent) in [
        (Effect::status(502), 3),
        (Effect::status(503), 3),
        (Effect::html(504, "<html>"), 3),
        (Effect::status(500), 1),
        (Effect::status(403), 1),
        (Effect::html(200, "<html>"), 1),
    ] {
        let bed = TestBed::set().await.unwrap();
        bed.simulator.inject(Fault::once("GET", INCIDENTS, effect.clone()).times(10));
        let report = get(&bed, "number", "INC0010001").await;
        assert!(matches!(report.outcome, GetOutcome::GetIncidentFailure(_)), "{effect:?}: {:?}", report.outcome);
        assert_eq!(report.exchanges.len(), sent, "{effect:?}");
    }
    let bed = TestBed::set().await.unwrap();
    bed.simulator.inject(Fault::once("GET", INCIDENTS, Effect::status(503)).times(2));
    incident(get(&bed, "number", "INC0010001").await);
}

#[tokio::test]
async fn a_404_keeps_its_case_and_says_where_it_came_from() {
    let bed = TestBed::set().await.unwrap();
    for (effect, reason) in [(Effect::status(404), Reason::NotFound), (Effect::html(404, "<html>"), Reason::NotJson)] {
        bed.simulator.inject(Fault::once("GET", INCIDENTS, effect));
        match get(&bed, "number", "INC0010001").await.outcome {
            GetOutcome::IncidentNotFound(failure) => assert_eq!(failure.reason, reason),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_get_without_a_count_counts_the_rows() {
    let bed = TestBed::set().await.unwrap();
    bed.simulator.inject(Fault::once("GET", INCIDENTS, Effect::json(200, r#"{"result":[]}"#)));
    assert!(matches!(get(&bed, "number", "INC0010001").await.outcome, GetOutcome::IncidentNotFound(_)));
}

#[tokio::test]
async fn pages_of_a_find_add_up_to_the_whole() {
    let bed = TestBed::set().await.unwrap();
    for _ in 0..6 {
        bed.host.create(bed.call(PATIENT_MS), columns(&[("urgency", "1")]), create()).await;
    }
    let (mut numbers, mut offset) = (Vec::new(), Some(0));
    while let Some(at) = offset {
        let report = bed.host.find(bed.call(PATIENT_MS), "ORDERBYnumber".to_string(), 3, at).await;
        let FindOutcome::FindSuccess(page) = report.outcome else { panic!("{:?}", report.outcome) };
        assert_eq!(page.total, Some(7));
        numbers.extend(page.incidents.into_iter().map(|row| row.number));
        offset = page.next_offset;
    }
    assert_eq!(numbers, (10_001..10_008).map(|number| format!("INC{number:07}")).collect::<Vec<_>>());
}

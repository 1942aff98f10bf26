//! Every text that a caller gives, with everything that could go wrong in it: a documented outcome, and nothing sent
//! that was not meant.

use crate::support::PATIENT_MS;
use host_test::lab::invocation::Invocation;
use host_test::lab::scenarios::{TestBed, by, columns, create, update};
use servicenow_host::Outcome;
use servicenow_host::incidents::{CreateOptions, RequestBody};
use servicenow_host::types::Call;

fn nasty() -> Vec<String> {
    let plain = [
        "",
        " ",
        "\0",
        "a\0b",
        "\n",
        "a\nb",
        "a\r\nb",
        "^",
        "a^b",
        "^NQactive=true",
        "\"",
        "'",
        "\"}",
        "\\",
        "\u{202e}rtl",
        "שלום",
        "🔥",
        "javascript:gs.getUserID()",
        "../../etc",
        "%2e%2e%2f",
        "{{x}}",
        "a=b&c=d",
        "https://evil.example",
        "\u{feff}",
        "\u{2028}",
    ];
    let mut nasty: Vec<String> = plain.map(str::to_string).into();
    nasty.push("x".repeat(1 << 20));
    nasty.push("🔥".repeat(1 << 18));
    nasty
}

/// Sends one call and says how it ended, and that nothing was written.
async fn outcome(bed: &TestBed, call: Call, invocation: Invocation) -> &'static str {
    let before = bed.simulator.rows("incident");
    let finished = invocation.run(&bed.host, call).await;
    assert_eq!(bed.simulator.rows("incident"), before, "{} {}", finished.method, finished.case);
    let shown = finished.value.to_string();
    assert!(finished.is_success || shown.len() < 4_000, "an outcome quotes at length: {} bytes", shown.len());
    finished.case
}

#[tokio::test]
async fn a_name_or_instance_that_is_none_is_refused_or_unknown() {
    let bed = TestBed::set().await.unwrap();
    for text in nasty() {
        let call = Call { authorization: text.clone(), ..bed.call(PATIENT_MS) };
        let ended = outcome(&bed, call, Invocation::Authenticate).await;
        assert!(["invalid-data", "error"].contains(&ended), "{text:.20?} {ended}");
        let call = Call { instance: text.clone(), ..bed.call(PATIENT_MS) };
        let ended = outcome(&bed, call, Invocation::Authenticate).await;
        assert!(["invalid-data", "error"].contains(&ended), "{text:.20?} {ended}");
    }
    assert!(bed.simulator.requests().iter().all(|request| !request.starts_with("GET")), "something was asked");
}

#[tokio::test]
async fn a_key_to_look_up_is_searched_for_or_refused_and_never_changes_the_query() {
    let bed = TestBed::set().await.unwrap();
    for text in nasty() {
        for kind in ["number", "sys_id", "correlation_id"] {
            let ended = outcome(&bed, bed.call(PATIENT_MS), Invocation::Get(by(kind, &text))).await;
            assert!(["invalid-data", "incident-not-found"].contains(&ended), "{kind} {text:.20?} {ended}");
        }
        let ended = outcome(&bed, bed.call(PATIENT_MS), Invocation::Get(by(&text, "INC0010001"))).await;
        let expected = if text.is_empty() { "get-incident-success" } else { "invalid-choice" };
        assert_eq!(ended, expected, "{text:.20?}");
        let ended = outcome(
            &bed,
            bed.call(PATIENT_MS),
            Invocation::Update(text.clone(), columns(&[("urgency", "1")]), update()),
        )
        .await;
        assert_eq!(ended, "invalid-data", "{text:.20?}");
    }
}

#[tokio::test]
async fn a_query_is_passed_on_as_one_parameter_or_refused() {
    let bed = TestBed::set().await.unwrap();
    for text in nasty() {
        let ended = outcome(&bed, bed.call(PATIENT_MS), Invocation::Find(text.clone(), 1, 0)).await;
        assert!(["invalid-data", "find-success"].contains(&ended), "{text:.20?} {ended}");
    }
    for request in bed.simulator.requests().iter().filter(|request| request.starts_with("GET")) {
        assert!(request.ends_with("&sysparm_limit=1&sysparm_offset=0&sysparm_display_value=all"), "{request:.200}");
    }
}

#[tokio::test]
async fn options_outside_their_choices_are_refused() {
    let bed = TestBed::set().await.unwrap();
    for text in nasty() {
        let options = CreateOptions { choice_check: Some(text.clone()), ..create() };
        let ended =
            outcome(&bed, bed.call(PATIENT_MS), Invocation::Create(columns(&[("urgency", "1")]), options)).await;
        assert_eq!(ended, "invalid-choice", "{text:.20?}");
    }
}

#[tokio::test]
async fn a_request_body_that_is_no_object_of_plain_values_is_refused() {
    let bed = TestBed::set().await.unwrap();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let many: Vec<String> = (0..100_000).map(|at| format!("\"c{at}\":1")).collect();
    let large = format!("{{\"description\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    let given = [
        "[]",
        "null",
        "7",
        "\"x\"",
        "{",
        "{}",
        "{\"a\":{}}",
        "{\"a\":[1]}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":\"\\ud800\"}",
        "{\"\":1}",
        "{\"a\\n\":1}",
        "{\"sys_id\":\"1\"}",
        "{\"a\":NaN}",
        "{\"a\":1}{\"b\":2}",
        "{\"correlation_id\":\"\"}",
        "{\"correlation_id\":null}",
    ];
    let mut given: Vec<String> = given.map(str::to_string).into();
    given.extend([deep, format!("{{{}}}", many.join(",")), large]);
    given.extend(nasty());
    for text in given {
        let body = RequestBody::Json(text.clone());
        let ended = outcome(&bed, bed.call(PATIENT_MS), Invocation::Create(body, create())).await;
        assert_eq!(ended, "invalid-data", "{text:.40}");
    }
}

#[tokio::test]
async fn a_value_arrives_as_it_was_given() {
    let bed = TestBed::set().await.unwrap();
    for text in nasty().into_iter().filter(|text| !text.is_empty()) {
        let body = columns(&[("description", &text), ("short_description", "beside it")]);
        let report = bed.host.create(bed.call(PATIENT_MS), body, create()).await;
        assert!(report.outcome.is_success(), "{text:.20?}: {:?}", report.outcome.case());
        let row = bed.simulator.rows("incident").pop().unwrap();
        assert_eq!((&row["description"], &row["short_description"]), (text.as_str(), "beside it"));
    }
    let body = RequestBody::Json(
        r#"{"description":9007199254740993,"short_description":-0.10e2,"active":true,"urgency":null}"#.to_string(),
    );
    bed.host.create(bed.call(PATIENT_MS), body, create()).await;
    let row = bed.simulator.rows("incident").pop().unwrap();
    assert_eq!((&row["description"], &row["short_description"]), ("9007199254740993", "-0.10e2"));
    assert_eq!((&row["active"], &row["urgency"]), ("true", "3"));
}

#[tokio::test]
async fn a_correlation_id_that_could_not_be_looked_up_is_refused() {
    let bed = TestBed::set().await.unwrap();
    for text in ["", " ", "a^b", "a\nb", "\0", " a", "javascript:x", &"x".repeat(101), &"x".repeat(1 << 20)] {
        let options = CreateOptions { correlation_id: Some(text.to_string()), ..create() };
        let ended =
            outcome(&bed, bed.call(PATIENT_MS), Invocation::Create(columns(&[("urgency", "1")]), options)).await;
        assert_eq!(ended, "invalid-data", "{text:.20?}");
    }
}

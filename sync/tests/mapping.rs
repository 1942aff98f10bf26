//! What rules make of events, and that no value of an event changes the structure of what is sent.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

#[path = "properties/templates.rs"]
mod properties;

use properties::{a_template_is_rendered, an_event_is_mapped};
use proptest::prelude::*;
use serde_json::{Value, json};
use servicenow_core::incidents::violations::Violations;
use servicenow_sync::bindings::mapping::{Mapped, PathsOutcome, PreviewOutcome};
use servicenow_sync::mapping::{self, Mapping, paths};
use servicenow_sync::rules::Rules;

const APONO: &str = include_str!("../../docs/sync/apono.md");

/// A preview against the incident table as delivered.
fn preview(rules: &str, event: &str, manual: bool) -> PreviewOutcome {
    mapping::preview(rules, event, manual, &[])
}

/// A file of the walk-through.
fn file(name: &str) -> &'static str {
    let start = APONO.find(&format!("```json {name}\n")).unwrap();
    let body = &APONO[start + "```json \n".len() + name.len()..];
    &body[..body.find("\n```").unwrap()]
}

fn mapped(rules: &str, event: &str) -> Mapped {
    match preview(rules, event, false) {
        PreviewOutcome::Mapped(mapped) => mapped,
        other => panic!("{other:?}"),
    }
}

fn body(mapped: &Mapped) -> Value {
    serde_json::from_str(&mapped.body).unwrap()
}

/// Rules with this body.
fn rules(members: Value) -> String {
    let mut rules = json!({"name": "R", "correlation_id": "k-{{ id }}", "body": {"short_description": "{{ title }}"}});
    rules.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    rules.to_string()
}

#[test]
fn a_recovery_says_its_severity_where_no_other_rule_sets_it_and_what_is_wrong_with_it_is_no_news() {
    let (closed, open) = (json!({"severity": "low", "status": "ok"}), json!({"severity": "low", "status": "bad"}));
    let severity = json!({"path": "severity", "map": {"low": {"urgency": 3, "impact": 3}}});
    let end = json!({"state": "6", "close_code": "Duplicate", "close_notes": "x"});
    let base = json!({"name": "R", "correlation_id": "a-{{ status }}", "missing": "refused", "severity": severity,
        "status": {"path": "status", "map": {"ok": end, "bad": {"state": "1"}}}, "fields": []});
    let (mut by_status, mut by_field, mut misspelt, mut always) =
        (base.clone(), base.clone(), base.clone(), base.clone());
    by_status["status"]["map"]["ok"]["urgency"] = "2".into();
    by_field["fields"] = json!([{"column": "urgency", "value": "2"}]);
    misspelt["severity"]["path"] = "sevrity".into();
    always["severity"]["write"] = "always".into();
    for (rules, event, expected) in [
        (&base, &closed, &["urgency", "impact"][..]),
        (&by_status, &closed, &["impact"]),
        (&by_field, &closed, &["impact"]),
        (&misspelt, &closed, &[]),
        (&always, &closed, &[]),
        (&base, &open, &[]),
    ] {
        let mut violations = Violations::default();
        let rules = Rules::parse(&rules.to_string(), &mut violations).unwrap();
        let mapping = mapping::map(&rules, &event.to_string(), false, &[], &mut violations);
        let Some(Mapping::Mapped(mapped)) = mapping else { panic!("{:?}", violations.list) };
        let names: Vec<_> = mapped.unwritten.iter().map(|column| column.name.as_str()).collect();
        assert_eq!((names.as_slice(), mapped.recovers), (expected, event == &closed), "{event}");
        assert!(mapped.warnings.list.iter().all(|warning| !warning.field.contains("severity")));
    }
}

#[test]
fn each_documented_trigger_passes_and_nothing_else() {
    for (kind, passes) in [
        ("RequestCreated", true),
        ("RequestApproved", true),
        ("RequestRejected", true),
        ("RequestGranted", true),
        ("RequestExpired", true),
        ("RequestFailed", true),
        ("Manual", true),
        ("requestcreated", false),
        ("RequestDeleted", false),
        ("", false),
    ] {
        let event = file("event.json").replace("RequestCreated", kind);
        let is_mapped = matches!(preview(file("rules.json"), &event, false), PreviewOutcome::Mapped(_));
        assert_eq!(is_mapped, passes, "{kind}");
        assert!(matches!(preview(file("rules.json"), &event, true), PreviewOutcome::Mapped(_)), "by hand: {kind}");
    }
}

#[test]
fn who_may_push_is_the_rules_choice() {
    let event = r#"{"id":1,"title":"x"}"#;
    for (members, manual, is_mapped) in [
        (json!({}), false, true),
        (json!({"active": false}), true, false),
        (json!({"direction": "from-servicenow"}), true, false),
        (json!({"mode": "manual"}), false, false),
        (json!({"mode": "manual"}), true, true),
        (json!({"filter": {"equals": {"path": "id", "value": "2"}}}), false, false),
        (json!({"filter": {"equals": {"path": "id", "value": "2"}}}), true, true),
    ] {
        let outcome = preview(&rules(members.clone()), event, manual);
        assert_eq!(matches!(outcome, PreviewOutcome::Mapped(_)), is_mapped, "{members} {manual} {outcome:?}");
    }
}

#[test]
fn what_comes_to_nothing_overwrites_nothing_and_what_is_meant_to_be_empty_is() {
    let members = json!({"body": {"short_description": "{{ title }}", "description": "{{ nothing.at.all }}", "category": ""},
        "fields": [{"column": "u_a", "path": "labels.a"}, {"column": "u_b", "path": "labels.b"}, {"column": "u_all", "path": "labels"}]});
    let event = r#"{"id":1,"title":"x","labels":{"a":"1","b":""}}"#;
    let sent = body(&mapped(&rules(members.clone()), event));
    let expected =
        json!({"short_description": "x", "category": "", "u_a": "1", "u_all": "a: 1\nb: ", "correlation_id": "k-1"});
    assert_eq!(sent, expected);
    let mut strict = members;
    strict["missing"] = "refused".into();
    let PreviewOutcome::InvalidData(violations) = preview(&rules(strict), event, false) else { panic!("taken") };
    assert_eq!(violations[0].field, "rules.body.description");
    assert!(violations[0].expected.contains("nothing.at.all"), "{}", violations[0].expected);
}

#[test]
fn severity_and_status_become_columns_and_a_priority_and_unknown_ones_are_told() {
    let members = json!({"severity": {"path": "severity"}, "status": {"path": "progress"}});
    for (severity, progress, priority, state, recovers) in [
        ("Info", "Trigger", Some(5), "1", false),
        ("Warning", "Processing", Some(3), "2", false),
        ("Critical", "Snoozed", Some(1), "3", false),
        ("Critical", "Closed", None, "6", true),
    ] {
        let event = json!({"id": 1, "title": "x", "severity": severity, "progress": progress}).to_string();
        let mapped = mapped(&rules(members.clone()), &event);
        assert_eq!((mapped.priority, mapped.recovers), (priority, recovers), "{severity} {progress}");
        assert_eq!(body(&mapped)["state"], state);
    }
    let event = json!({"id": 1, "title": "x", "severity": "Bad", "progress": "Gone"}).to_string();
    let told = mapped(&rules(members), &event).warnings;
    assert_eq!(told.iter().map(|warning| warning.field.as_str()).collect::<Vec<_>>(), ["progress", "severity"]);
    assert!(
        told[1].expected.starts_with("a severity that rules.severity.map has: Critical, Info, Warning"),
        "{told:?}"
    );
}

#[test]
fn what_cannot_be_an_event_or_a_key_is_told() {
    let deep = format!("{{\"id\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(5 << 20));
    for (event, field) in [
        ("", "event"),
        ("7", "event"),
        ("{\"id\":1", "event"),
        (&deep, "event"),
        (&large, "event"),
        (r#"{"title":"x","id":"a^b"}"#, "correlation_id"),
        (r#"{"title":"x","id":"a\nb"}"#, "correlation_id"),
    ] {
        let PreviewOutcome::InvalidData(violations) = preview(&rules(json!({})), event, false) else {
            panic!("taken: {}", &event[..event.len().min(60)])
        };
        assert_eq!(violations[0].field, field, "{}", &event[..event.len().min(60)]);
    }
}

#[test]
fn an_event_of_four_megabytes_is_mapped() {
    let event = json!({"id": 1, "title": "x", "text": "\u{1f525}".repeat(900_000)}).to_string();
    let members = json!({"body": {"description": "{{ text }}"}});
    assert_eq!(body(&mapped(&rules(members), &event))["description"].as_str().unwrap().chars().count(), 900_000);
}

#[test]
fn paths_are_those_that_templates_take() {
    let event = file("event.json");
    let PathsOutcome::Paths(paths) = paths(event) else { panic!("no paths") };
    for path in paths.iter().filter(|path| !["object", "list"].contains(&path.kind.as_str())) {
        let members = json!({"body": {"description": format!("{{{{ {} }}}}", path.path)}, "correlation_id": "k", "missing": "refused"});
        let sent = body(&mapped(&rules(members), event));
        assert!(!sent["description"].as_str().unwrap().is_empty(), "{}", path.path);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The product's own template, whose description is JSON inside a text: whatever stands in the event, the body has the
    /// columns of the template, the description its members, and each the event's value.
    #[test]
    fn no_value_changes_the_structure_of_what_is_sent(text in nasty()) {
        let mut event: Value = serde_json::from_str(file("event.json")).unwrap();
        event["data"]["justification"] = text.as_str().into();
        event["data"]["requester"]["name"] = text.as_str().into();
        event["data"]["access_groups"][0]["integration"]["name"] = text.as_str().into();
        let before = body(&mapped(file("rules.json"), file("event.json")));
        let after = body(&mapped(file("rules.json"), &event.to_string()));
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let inner = |value: &Value| -> Value { serde_json::from_str(value["description"].as_str().unwrap()).unwrap() };
        // What comes to nothing is left out.
        if !text.is_empty() {
            prop_assert_eq!(keys(&after), keys(&before));
            prop_assert_eq!(&after["short_description"], &Value::from(text.as_str()));
        }
        prop_assert_eq!(keys(&inner(&after)), keys(&inner(&before)));
        prop_assert_eq!(&inner(&after)["justification"], &Value::from(text.as_str()));
    }

    /// Whatever stands in rules and events, an answer comes.
    #[test]
    fn no_input_ends_in_a_panic(template in nasty(), path in nasty(), pattern in nasty(), event in nasty()) {
        let members = json!({"body": {"a": template.clone(), "b": [template.clone()]}, "correlation_id": template,
            "filter": {"or": [{"matches": {"path": path.clone(), "pattern": pattern}}, {"exists": {"path": "id"}}]},
            "severity": {"path": path}});
        let rules = rules(members);
        let object = json!({"id": event, (event.clone()): {"a": [event.clone()]}}).to_string();
        an_event_is_mapped(&rules, &object);
        for event in [&event, &object] {
            let _ = (preview(&rules, event, true), preview(&rules, event, false), paths(event), preview(event, &object, true));
        }
    }

    /// What functions make of a value is a value: rendered once, and the same in every mode that takes it.
    #[test]
    fn a_template_comes_to_the_same_in_every_mode_that_takes_it(parts in proptest::collection::vec(part(), 0..5), value in nasty()) {
        let event = json!({"id": value, "list": [value, {"a": value}], "deep": {"b": value}, "none": null, "number": 2.5});
        a_template_is_rendered(&parts.concat(), &event);
    }
}

/// Parts of templates: calls of each function, blocks, and anything.
fn part() -> impl Strategy<Value = String> {
    let names: Vec<_> = servicenow_sync::template::function_names().collect();
    let values = prop_oneof![
        Just("id"),
        Just("list"),
        Just("deep"),
        Just("none"),
        Just("number"),
        Just("missing"),
        Just("deep.b"),
        Just("\"x\""),
        Just("3"),
        Just("(first list)"),
        Just("(split id \",\")"),
        Just("(default missing id)"),
    ];
    let call = (proptest::sample::select(names), proptest::collection::vec(values, 0..4));
    let call = call.prop_map(|(name, values)| format!("{{{{ {name} {} }}}}", values.join(" ")));
    prop_oneof![
        6 => call,
        1 => Just("{{#each list}}{{ a }}{{ this }}{{/each}}".to_string()),
        1 => Just("{{#if none}}a{{else if id}}{{ id }}{{else}}b{{/if}}".to_string()),
        1 => Just("{{#with deep}}{{ b }}{{ ../id }}{{/with}}".to_string()),
        1 => nasty(),
    ]
}

fn nasty() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        Just("\"".to_string()),
        Just("\\".to_string()),
        Just("{{".to_string()),
        Just("}}".to_string()),
        Just("{{#each this}}".to_string()),
        Just("{{/each}}".to_string()),
        Just("{{> x}}".to_string()),
        Just("{{{id}}}".to_string()),
        Just("\",\"admin\":\"true".to_string()),
        Just("'); gs.log('".to_string()),
        Just("\r\nX-Evil: 1".to_string()),
        Just("\u{0}\u{1}\u{2028}".to_string()),
        Just("(".to_string()),
        Just("[".to_string()),
        Just(".".to_string()),
        any::<String>(),
        "[a-z.\\[\\]0-9]{0,12}",
    ];
    proptest::collection::vec(parts, 0..6).prop_map(|parts| parts.concat())
}

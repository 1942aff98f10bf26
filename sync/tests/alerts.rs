//! What real alerts look like, and that none is lost for its form: it becomes an incident, with a warning where something is likely a
//! mistake, or it is refused with the one thing to change.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod rules;

use rules::{mapped, refused, rules};
use serde_json::{Value, json};
use servicenow_sync::bindings::mapping::{InstanceColumn, ItemsOutcome, Mapped, PreviewOutcome, Write};
use servicenow_sync::mapping::{items, preview};

/// The body that would be sent.
fn sent(mapped: &Mapped) -> Value {
    serde_json::from_str(&mapped.body).unwrap()
}

/// Fields and expectations of the warnings.
fn warned(mapped: &Mapped) -> Vec<String> {
    mapped.warnings.iter().map(|warning| format!("{}: {}", warning.field, warning.expected)).collect()
}

#[test]
fn a_severity_or_status_that_rules_do_not_know_is_told_and_loses_no_alert() {
    let members = json!({"severity": {"path": "severity"}, "status": {"path": "status"}});
    let level = |severity: Value| {
        let mapped =
            mapped(members.clone(), &json!({"id": 1, "title": "x", "severity": severity, "status": "trigger"}));
        (sent(&mapped)["urgency"].clone(), mapped.warnings.len())
    };
    for known in [json!("critical"), json!("CRITICAL"), json!(" Critical ")] {
        assert_eq!(level(known.clone()), (json!("1"), 0), "{known}");
    }
    for unknown in [json!("page"), json!(5.0), json!(["Critical"]), json!(null), json!(""), json!({"a": 1})] {
        assert_eq!(level(unknown.clone()), (json!(null), 1), "{unknown}");
    }
    let numbers = json!({"severity": {"path": "severity", "map": {"2": {"urgency": 1, "impact": 2}}, "default": "2"}});
    for given in [json!(2), json!(2.0), json!("2"), json!("2.0"), json!("page"), json!(null), json!([])] {
        let mapped = mapped(numbers.clone(), &json!({"id": 1, "title": "x", "severity": given}));
        assert_eq!((sent(&mapped)["urgency"].clone(), mapped.warnings.len()), (json!("1"), 0), "{given}");
    }
    let by_default = mapped(numbers, &json!({"id": 1, "title": "x"}));
    assert_eq!((sent(&by_default)["urgency"].clone(), by_default.warnings.len()), (json!("1"), 0));
}

#[test]
fn a_misspelt_place_is_told_by_the_setting_that_templates_have() {
    let event = json!({"id": 1, "title": "x", "kind": "Alert", "labels": {"severity": "Critical"}});
    for (members, field) in [
        (json!({"severity": {"path": "labels.sevrity"}}), "rules.severity.path"),
        (json!({"severity": {"value": "{{ labels.sevrity }}"}}), "rules.severity.value"),
        (json!({"status": {"path": "labels.status"}}), "rules.status.path"),
        (json!({"fields": [{"column": "u_a", "path": "labels.sevrity"}]}), "rules.fields[0].path"),
        (json!({"body": {"description": "{{ labels.sevrity }}"}}), "rules.body.description"),
        (json!({"note": {"text": "{{ labels.sevrity }}"}}), "rules.note.text"),
    ] {
        let told = warned(&mapped(members.clone(), &event));
        assert!(told.iter().any(|warning| warning.starts_with(&format!("{field}: "))), "{members}: {told:?}");
        let mut strict = members.clone();
        strict["missing"] = "refused".into();
        assert_eq!(refused(strict, &event).0, field, "{members}");
    }
    let triggers = json!({"triggers": {"path": "knid", "any_of": ["Alert"]}});
    let PreviewOutcome::FilteredOut(why) = preview(&rules(triggers.clone()), &event.to_string(), false, &[]) else {
        panic!("taken")
    };
    assert!(why.contains("the event has no knid"), "{why}");
    let mut strict = triggers;
    strict["missing"] = "refused".into();
    assert_eq!(refused(strict, &event).0, "rules.triggers.path");
    let misspelt = json!({"triggers": {"path": "kind", "any_of": ["alert", "Recovery"]}});
    let PreviewOutcome::FilteredOut(why) = preview(&rules(misspelt), &event.to_string(), false, &[]) else {
        panic!("taken")
    };
    assert!(why.contains("\"alert\" is nearly the same"), "{why}");
}

#[test]
fn what_is_nearly_json_becomes_an_incident() {
    let rules = rules(json!({}));
    for event in [
        "\u{feff}{\"id\":1,\"title\":\"Disk full\"}",
        "{\"id\":1,\"title\":\"Disk full \\ud83d\"}",
        "{\"id\":1,\"title\":\"Disk\tfull\nnow\u{1}\"}",
    ] {
        assert!(matches!(preview(&rules, event, false, &[]), PreviewOutcome::Mapped(_)), "{event:?}");
    }
}

#[test]
fn a_recovery_resolves_and_does_not_rewrite() {
    let members = json!({
        "missing": "refused",
        "severity": {"path": "severity"},
        "status": {"path": "status", "map": {"Open": {"state": "1"}, "Closed": {"state": 6, "close_code": "Duplicate", "close_notes": "{{ title }}"}}},
        "fields": [{"column": "u_last", "value": "{{ title }}", "write": "always"}, {"column": "category", "value": "network"}],
        "note": {"text": "{{ title }}"}
    });
    let mapped = mapped(members, &json!({"id": 1, "title": "Disk OK", "severity": "OK", "status": "closed"}));
    let expected = json!({"state": "6", "close_code": "Duplicate", "close_notes": "Disk OK", "u_last": "Disk OK",
        "correlation_id": "k-1", "work_notes": "Disk OK"});
    assert_eq!((sent(&mapped), mapped.recovers, mapped.creates, mapped.warnings.len()), (expected, true, false, 0));
}

#[test]
fn a_status_may_keep_the_state_and_a_canceled_one_needs_no_code_and_an_instance_has_states_of_its_own() {
    let map = json!({"Re-Triggered": "keep", "Dropped": {"state": "8"}, "Gone": {"state": "10"}});
    let members = json!({"status": {"path": "status", "map": map, "done": ["6", "8", "10"]}});
    for (status, state, recovers) in
        [("re-triggered", json!(null), false), ("Dropped", json!("8"), true), ("Gone", json!("10"), true)]
    {
        let mapped = mapped(members.clone(), &json!({"id": 1, "title": "x", "status": status}));
        assert_eq!((&sent(&mapped)["state"], mapped.recovers), (&state, recovers), "{status}");
    }
    let levels = json!({"severity": {"path": "s", "map": {"Low": {"urgency": 4, "impact": 4}}}});
    let event = json!({"id": 1, "title": "x", "s": "Low"});
    assert_eq!(warned(&mapped(levels.clone(), &event)).len(), 2, "not as delivered");
    let own =
        [instance_column("urgency", "integer", None, &["1", "4"]), instance_column("impact", "integer", None, &["4"])];
    let own = [own.to_vec(), vec![instance_column("short_description", "string", None, &[])]].concat();
    let PreviewOutcome::Mapped(known) = preview(&rules(levels), &event.to_string(), false, &own) else { panic!() };
    assert_eq!(warned(&known), Vec::<String>::new(), "as the instance has them");
}

fn instance_column(name: &str, internal_type: &str, max_length: Option<u32>, choices: &[&str]) -> InstanceColumn {
    InstanceColumn {
        name: name.into(),
        internal_type: internal_type.into(),
        max_length,
        read_only: name == "number",
        reference: (name == "assignment_group").then(|| "sys_user_group".to_string()),
        choices: choices.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_preview_warns_of_what_an_instance_would_change_or_drop() {
    let columns = [
        instance_column("short_description", "string", Some(10), &[]),
        instance_column("assignment_group", "reference", None, &[]),
        instance_column("category", "string", None, &["network"]),
        instance_column("number", "string", None, &[]),
        instance_column("u_when", "glide_date_time", None, &[]),
        instance_column("u_count", "integer", None, &[]),
        instance_column("u_flag", "boolean", None, &[]),
    ];
    for (column, value, part) in [
        ("short_description", "twelve chars", "at most 10 characters, and these are 12"),
        ("short_description", "\u{1f525}", "question marks"),
        ("assignment_group", "Network", "\"by\" in rules.fields"),
        ("category", "disk", "one of: network"),
        ("number", "INC1", "read-only"),
        ("u_when", "soon", "a date in UTC"),
        ("u_count", "many", "a whole number"),
        ("u_flag", "yes", "true or false"),
        ("u_nothing", "x", "a column of the incident table"),
        ("priority", "1", "a column of the incident table"),
    ] {
        let mut body = json!({"short_description": "x"});
        body[column] = value.into();
        let rules = rules(json!({"body": body}));
        let PreviewOutcome::Mapped(mapped) = preview(&rules, r#"{"id":1}"#, false, &columns) else {
            panic!("{column}")
        };
        let told = warned(&mapped);
        assert!(told.len() == 1 && told[0].contains(part), "{column}={value}: {told:?}");
    }
}

#[test]
fn columns_say_when_they_are_written_and_what_is_looked_up() {
    let members = json!({"fields": [
        {"column": "assignment_group", "value": "{{ team }}", "by": "name", "write": "create"},
        {"column": "u_owner", "path": "owner", "by": "email", "table": "sys_user", "unknown": "refused"},
        {"column": "caller_id", "value": "{{ caller }}", "by": "user_name"},
        {"column": "due_date", "value": "{{ due }}", "write": "always"},
        {"column": "cause", "value": "{{ cause }}", "clear": true},
        {"column": "u_blank", "path": "blank"},
        {"column": "u_labels", "path": "labels"}
    ]});
    let event = json!({"id": 1, "title": "x", "team": "Network", "owner": "a@example.com", "due": 1_777_473_000,
        "caller": "a".repeat(32), "cause": " ", "blank": "   ", "labels": {"service": ""}});
    let mapped = mapped(members, &event);
    let shown = mapped
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.value.as_str(), column.write, column.lookup.as_deref()));
    let shown: Vec<_> = shown.collect();
    let key = "a".repeat(32);
    assert_eq!(
        shown,
        [
            ("short_description", "x", Write::Change, None),
            ("assignment_group", "Network", Write::Create, Some("sys_user_group.name")),
            ("u_owner", "a@example.com", Write::Change, Some("sys_user.email")),
            ("caller_id", key.as_str(), Write::Change, None),
            ("due_date", "2026-04-29 14:30:00", Write::Always, None),
            ("cause", "", Write::Change, None),
        ]
    );
    assert_eq!(warned(&mapped), Vec::<String>::new());
}

#[test]
fn an_object_or_a_list_is_written_as_json_and_told() {
    let mapped = mapped(
        json!({"body": {"short_description": "x", "description": "{{ labels }} {{ tags }}"}}),
        &json!({"id": 1, "labels": {"a": 1}, "tags": ["x"]}),
    );
    assert_eq!(sent(&mapped)["description"], r#"{"a":1} ["x"]"#);
    let told = warned(&mapped);
    assert!(
        told.len() == 2 && told[0].contains("labels is an object") && told[1].contains("tags is a list"),
        "{told:?}"
    );
}

#[test]
fn a_list_of_alerts_becomes_one_event_each_with_the_rest_of_the_event_in_reach() {
    let rules = rules(json!({
        "for_each": {"path": "alerts", "as": "alert"},
        "correlation_id": "{{ alert.fingerprint }}",
        "body": {"short_description": "{{ alert.name }} on {{ cluster }}"}
    }));
    let event =
        json!({"cluster": "eu", "alerts": [{"fingerprint": "a", "name": "Disk"}, {"fingerprint": "b", "name": "CPU"}]});
    let ItemsOutcome::Items(events) = items(&rules, &event.to_string()) else { panic!("refused") };
    let shown = events.iter().map(|event| match preview(&rules, event, false, &[]) {
        PreviewOutcome::Mapped(mapped) => (mapped.correlation_id.clone(), sent(&mapped)["short_description"].clone()),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [("a".to_string(), json!("Disk on eu")), ("b".to_string(), json!("CPU on eu"))]
    );
    let field = |event: &Value| match items(&rules, &event.to_string()) {
        ItemsOutcome::InvalidData(violations) => violations[0].field.clone(),
        ItemsOutcome::Items(items) => panic!("{items:?}"),
    };
    for event in [json!({}), json!({"alerts": {}}), json!({"alerts": vec![json!({}); 501]})] {
        assert_eq!(field(&event), "alerts", "{event}");
    }
    assert_eq!(field(&json!({"alert": 1, "alerts": []})), "rules.for_each.as");
    let PreviewOutcome::InvalidData(violations) = preview(&rules, &event.to_string(), false, &[]) else {
        panic!("taken")
    };
    assert!(violations.len() == 1 && violations[0].expected.contains("mapping.items"), "{violations:?}");
    let whole = self::rules(json!({}));
    assert_eq!(items(&whole, "{\"id\":1}"), ItemsOutcome::Items(vec!["{\"id\":1}".to_string()]));
}

#[test]
fn a_note_alone_is_a_document_and_makes_no_incident() {
    let rules = json!({"name": "R", "correlation_id": "k-{{ id }}", "note": {"text": "{{ text }}"}}).to_string();
    let PreviewOutcome::Mapped(mapped) = preview(&rules, r#"{"id":1,"text":"seen"}"#, false, &[]) else { panic!() };
    assert_eq!((mapped.creates, mapped.note.as_deref(), mapped.columns.len()), (false, Some("seen"), 0));
}

#[test]
fn a_place_below_a_null_is_there_and_says_nothing() {
    let members = json!({
        "missing": "refused", "body": {"short_description": "{{ data.bundle.name }}", "description": "{ \"name\": \"{{ data.bundle.name }}\" }",
        "cause": "{{ lower data.bundle.name }}{{#each data.bundle.items}}{{ id }}{{/each}}{{#if data.bundle.id}}x{{/if}}"},
        "fields": [{"column": "u_a", "path": "data.bundle.id"}]
    });
    let event = json!({"id": 1, "data": {"bundle": null}});
    let expected = json!({"description": "{\"name\":\"\"}", "correlation_id": "k-1"});
    assert_eq!(sent(&mapped(members.clone(), &event)), expected);
    let (field, expected) = refused(json!({"correlation_id": "{{ data.bundle.id }}"}), &event);
    assert!(field == "rules.correlation_id" && expected.contains("the event has no data.bundle.id"), "{expected}");
    let PreviewOutcome::InvalidData(violations) = preview(&rules(members), r#"{"id":1,"data":{}}"#, false, &[]) else {
        panic!("taken")
    };
    assert!(
        violations
            .iter()
            .all(|violation| violation.expected.contains("data.bundle") || violation.expected.contains("a place that")),
        "{violations:?}"
    );
}

#[test]
fn templates_that_go_through_an_event_again_and_again_are_refused_and_not_run_to_their_end() {
    let list: Vec<_> = (0..9_000).map(|at| json!({"a": "x".repeat(60), "b": at})).collect();
    let event = json!({"id": 1, "list": list, "text": "a,".repeat(700_000)}).to_string();
    for template in [
        "{{#each list}}{{#each ../list}}{{/each}}{{/each}}",
        "{{#each list}}{{ hash ../text }}{{/each}}",
        "{{#each list}}{{ len (where ../list \"b\" b) }}{{/each}}",
        "{{#each list}}{{ truncate (upper ../text) 1 }}{{/each}}",
    ] {
        let rules = rules(json!({"body": {"short_description": "x", "description": template}}));
        let PreviewOutcome::InvalidData(violations) = preview(&rules, &event, false, &[]) else { panic!("{template}") };
        assert!(violations.len() == 1 && violations[0].expected.contains("too much of the event"), "{violations:?}");
    }
    for template in [
        "{{ len text }}",
        "{{ json list }}",
        "{{ join (unique (pluck list \"a\")) \" \" }}",
        "{{#each list}}{{ a }}{{/each}}",
    ] {
        let rules = rules(json!({"body": {"short_description": "x", "description": template}}));
        assert!(matches!(preview(&rules, &event, false, &[]), PreviewOutcome::Mapped(_)), "{template}");
    }
}

#[test]
fn lists_are_events_and_items_are_named_as_one_likes() {
    let rules = rules(
        json!({"for_each": {"path": "items"}, "correlation_id": "{{ item.id }}", "body": {"short_description": "x"}}),
    );
    let ItemsOutcome::Items(events) = items(&rules, r#"[{"id":1},{"id":2}]"#) else { panic!("refused") };
    assert_eq!(events, [r#"{"item":{"id":1}}"#, r#"{"item":{"id":2}}"#]);
    let same = self::rules(json!({"for_each": {"path": "alert", "as": "alert"}, "correlation_id": "{{ alert.id }}"}));
    let ItemsOutcome::Items(events) = items(&same, r#"{"title":"x","alert":[{"id":1}]}"#) else { panic!("refused") };
    assert!(matches!(preview(&same, &events[0], false, &[]), PreviewOutcome::Mapped(_)), "{events:?}");
    let triggers = json!({"for_each": {"path": "alerts"}, "triggers": {"path": "kind", "any_of": ["Alerts"]}});
    let other = self::rules(triggers);
    let ItemsOutcome::Items(events) = items(&other, r#"{"kind":"Ping"}"#) else { panic!("refused") };
    assert!(matches!(preview(&other, &events[0], false, &[]), PreviewOutcome::FilteredOut(_)), "{events:?}");
}

#[test]
fn dates_and_numbers_are_what_they_look_like() {
    let date = |given: Value| {
        let told =
            mapped(json!({"body": {"short_description": "x", "due_date": "{{ d }}"}}), &json!({"id": 1, "d": given}));
        (sent(&told)["due_date"].clone(), told.warnings.len())
    };
    for (given, expected) in [
        (json!("20260429"), "2026-04-29 00:00:00"),
        (json!("20260429163000"), "2026-04-29 16:30:00"),
        (json!("2026-04-29T16:30:00[Europe/Berlin]"), "2026-04-29 14:30:00"),
        (json!("2026-04-29 16:30:00 +0200"), "2026-04-29 14:30:00"),
        (json!("2026-04-29 14:30:00 UTC"), "2026-04-29 14:30:00"),
        (json!("2026-04-29T14:30:00.000+0000"), "2026-04-29 14:30:00"),
        (json!(1_777_473_000), "2026-04-29 14:30:00"),
        (json!("1777473000123"), "2026-04-29 14:30:00"),
        (json!("2024-02-29"), "2024-02-29 00:00:00"),
    ] {
        assert_eq!(date(given.clone()), (json!(expected), 0), "{given}");
    }
    for given in [json!("2026"), json!("soon"), json!("2026-02-30"), json!("20261399"), json!(-1)] {
        assert_eq!(date(given.clone()), (json!(null), 1), "{given}");
    }
    let filter = json!({"filter": {"equals": {"path": "n", "value": "9007199254740993"}}});
    let event = r#"{"id":1,"title":"x","n":9007199254740992}"#;
    assert!(matches!(preview(&rules(filter), event, false, &[]), PreviewOutcome::FilteredOut(_)));
}

#[test]
fn a_value_stays_a_value_in_json_within_json() {
    let members = json!({"body": {"short_description": "x", "u_p": {"inner": "{\"b\": \"{{ x }}\"}"}}});
    let mapped = mapped(members, &json!({"id": 1, "x": "\",\"admin\":\"true"}));
    let outer: Value = serde_json::from_str(sent(&mapped)["u_p"].as_str().unwrap()).unwrap();
    let inner: Value = serde_json::from_str(outer["inner"].as_str().unwrap()).unwrap();
    assert_eq!(inner, json!({"b": "\",\"admin\":\"true"}));
}

#[test]
fn a_misspelt_place_of_a_filter_is_told_and_one_that_was_asked_for_is_none() {
    let event = json!({"id": 1, "title": "x", "labels": {"severity": "info"}});
    let not = json!({"filter": {"not": {"equals": {"path": "labels.sevrity", "value": "info"}}}});
    assert!(warned(&mapped(not.clone(), &event)).iter().any(|told| told.starts_with("rules.filter: ")));
    let strict = |mut members: Value| {
        members["missing"] = "refused".into();
        members
    };
    assert!(!warned(&mapped(strict(not), &event)).is_empty(), "the filter is met: the alert is not lost");
    assert_eq!(
        refused(strict(json!({"filter": {"equals": {"path": "labels.sevrity", "value": "info"}}})), &event).0,
        "rules.filter"
    );
    let asked = json!({"filter": {"not": {"and": [{"exists": {"path": "labels.team"}}, {"equals": {"path": "labels.team", "value": "x"}}]}}});
    assert_eq!(warned(&mapped(strict(asked), &event)), Vec::<String>::new());
}

#[test]
fn rules_of_a_severity_and_a_status_alone_make_an_incident() {
    let rules = json!({"name": "R", "correlation_id": "k-{{ id }}", "severity": {"path": "s"}}).to_string();
    let PreviewOutcome::Mapped(mapped) = preview(&rules, r#"{"id":1,"s":"Critical"}"#, false, &[]) else { panic!() };
    assert!(mapped.creates && mapped.warnings.len() == 1, "{mapped:?}");
}

#[test]
fn what_need_not_be_there_refuses_nothing() {
    let event = json!({"id": 1, "title": "x", "labels": {"b": "y"}});
    for members in [
        json!({"severity": {"value": "{{ labels.severity }}", "default": "Warning"}}),
        json!({"severity": {"value": "{{ worst (pluck alerts \"severity\") }}", "default": "Warning"}}),
        json!({"status": {"value": "{{ labels.status }}", "default": "Trigger"}}),
        json!({"body": {"short_description": "{{#or (eq labels.a 'x') (eq labels.b 'y')}}{{ title }}{{/or}}"}}),
        json!({"body": {"short_description": "{{#not (lower labels.a)}}{{ title }}{{/not}}"}}),
        json!({"filter": {"or": [{"equals": {"path": "labels.a", "value": "x"}}, {"equals": {"path": "labels.b", "value": "y"}}]}}),
    ] {
        let mut strict = members.clone();
        strict["missing"] = "refused".into();
        assert_eq!(warned(&mapped(strict, &event)), Vec::<String>::new(), "{members}");
    }
    let silenced =
        json!({"missing": "refused", "filter": {"not": {"equals": {"path": "labels.silenced", "value": "true"}}}});
    assert_eq!(warned(&mapped(silenced, &event)).len(), 1, "it is told, and the alert is taken");
}

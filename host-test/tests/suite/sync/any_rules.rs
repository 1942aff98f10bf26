//! What holds for any rules: a preview shows what a push sends, and a repeated event writes nothing.

use super::rules::{event, rules};
use super::test_bed::TestBed;
use proptest::prelude::*;
use serde_json::{Value, json};
use servicenow_host::Outcome;

/// A template over the event that the properties push.
fn template() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{{ a }}".to_string()),
        Just("{{ b }} and {{ a }}".to_string()),
        Just("{{ missing }}".to_string()),
        Just("{{#if b}}{{ upper b }}{{else}}none{{/if}}".to_string()),
        Just("{{ join list \", \" }}".to_string()),
        Just("{{ default missing b \"x\" }}".to_string()),
        Just("{{ truncate a 3 }}".to_string()),
        Just("{{ json list }}".to_string()),
        "[a-z \"\\\\<&]{0,12}",
    ]
}

/// A column of free text that is filled by a template.
fn field() -> impl Strategy<Value = Value> {
    let column = prop_oneof![Just("cause"), Just("business_impact"), Just("close_notes"), Just("correlation_display")];
    let write = prop_oneof![Just("create"), Just("change")];
    (column, template(), write, any::<bool>()).prop_map(
        |(column, value, write, clear)| json!({"column": column, "value": value, "write": write, "clear": clear}),
    )
}

/// Any rules that are in order.
fn any_rules() -> impl Strategy<Value = String> {
    let fields = proptest::collection::vec(field(), 0..4).prop_map(|mut fields| {
        fields.sort_by_key(|field| field["column"].to_string());
        fields.dedup_by_key(|field| field["column"].to_string());
        fields
    });
    let direction = prop_oneof![Just("to-servicenow"), Just("two-way")];
    (fields, template(), template(), direction, any::<bool>(), any::<bool>()).prop_map(
        |(fields, description, note, direction, severity, status)| {
            let mut members = json!({"fields": fields, "direction": direction, "note": {"column": "comments", "text": note},
                "body": {"short_description": "{{ title }}", "description": description}});
            if severity {
                members["severity"] = json!({"path": "severity"});
            }
            if status {
                members["status"] = json!({"path": "status"});
            }
            rules(members)
        },
    )
}

fn any_event() -> impl Strategy<Value = String> {
    let text = prop_oneof![Just(""), Just("  "), Just("disk"), Just("a \"b\" <c> & {{ d }}"), Just("\u{e9}t\u{e9}")];
    let severity = prop_oneof![Just("Critical"), Just("warning"), Just("page")];
    let status = prop_oneof![Just("Trigger"), Just("Processing"), Just("Snoozed"), Just("gone")];
    (text.clone(), text, severity, status).prop_map(|(a, b, severity, status)| {
        event(json!({"a": a, "b": b, "list": [a, b, 3], "severity": severity, "status": status}))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// A preview shows what a push sends, and a repeated event writes nothing, whatever people did in between.
    #[test]
    fn a_preview_is_what_is_sent_and_a_repetition_writes_nothing(rules in any_rules(), event in any_event(), resolves in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bed = TestBed::set().await;
            let preview = bed.sync.preview(rules.clone(), event.clone(), false).await.unwrap();
            let servicenow_host::mapping::PreviewOutcome::Mapped(mapped) = preview else { panic!("{preview:?}") };
            assert_eq!(bed.push(&rules, &event).await.outcome.case(), "created");
            let sent = bed.simulator.whole_requests().into_iter().find(|request| request["address"] == "/api/now/table/incident").unwrap();
            let mut sent: Value = serde_json::from_str(sent["body"].as_str().unwrap()).unwrap();
            sent.as_object_mut().unwrap().shift_remove("sys_id");
            assert_eq!(sent, serde_json::from_str::<Value>(&mapped.body).unwrap());
            let mut edit = json!({"urgency": "3", "impact": "1", "cause": "an agent's", "description": "too", "state": "2"});
            if resolves {
                edit = json!({"state": "6", "close_code": "Duplicate", "close_notes": "an agent's"});
            }
            bed.edit(edit).await;
            for _ in 0..2 {
                let before = (bed.simulator.rows("incident"), bed.simulator.rows("sys_journal_field"));
                assert_eq!(bed.push(&rules, &event).await.outcome.case(), "unchanged", "{rules} {event}");
                assert_eq!((bed.simulator.rows("incident"), bed.simulator.rows("sys_journal_field")), before);
            }
        });
    }
}

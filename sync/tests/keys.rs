//! Keys: two alerts never share one for what they lack, and none is lost for a key that could have been made.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod rules;

use rules::{mapped, refused};
use serde_json::{Value, json};

#[test]
fn a_member_with_the_name_of_a_function_is_a_member() {
    for name in ["log", "lower", "eq", "raw", "date", "len", "default", "each", "json"] {
        let members = json!({"correlation_id": format!("app-{{{{ {name} }}}}")});
        for said in ["pod killed", "disk full"] {
            let key = mapped(members.clone(), &json!({"title": "x", (name): said})).correlation_id;
            assert_eq!(key, format!("app-{said}"));
        }
    }
    let (field, expected) = refused(json!({"body": {"description": "{{ lower }}"}}), &json!({"id": 1}));
    assert_eq!(field, "rules.body.description");
    assert!(expected.contains("the function of this name needs a value after it"), "{expected}");
}

#[test]
fn a_value_that_is_missing_makes_no_key_whatever_block_it_stands_in_and_the_reason_is_the_one_that_holds() {
    let exact = 90_071_992_547_409_921_234.0;
    for (key, event, reason) in [
        ("a-{{ id }}", json!({}), "the event has no id"),
        ("a-{{#if id}}{{ id }}{{/if}}", json!({}), "the event has no id"),
        ("a-{{#unless id}}x{{/unless}}", json!({}), "the event has no id"),
        ("a-{{#each ids}}{{ this }}{{/each}}", json!({}), "the event has no ids"),
        ("a-{{#each ids}}{{ this }}{{else}}x{{/each}}", json!({"ids": []}), "ids is an empty list"),
        ("a-{{#each ids}}{{ id }}{{/each}}", json!({"ids": [{}]}), "the event has no id"),
        ("a-{{#each ids}}{{ id }}{{/each}}", json!({"ids": [{"a": 1}]}), "the event has no id"),
        ("a-{{#with one}}{{ id }}{{/with}}", json!({"one": {}}), "one is an empty object"),
        ("a-{{#eq id \"x\"}}y{{/eq}}", json!({}), "the event has no id"),
        ("a-{{ lower id }}", json!({"id": " "}), "id is blank"),
        ("a-{{ id }}", json!({"id": null}), "id is null"),
        ("a-{{ id }}", json!({"id": ""}), "id is blank"),
        ("a-{{ id }}", json!({"id": exact}), "id is a number that has lost digits"),
        ("a-{{ id }}", json!({"id": {"a": 1}}), "id is an object"),
        ("a-{{ replace id \"x\" \"\" }}", json!({"id": "x"}), "what a function gives is blank"),
    ] {
        let (field, expected) = refused(json!({"correlation_id": key}), &event);
        assert_eq!(field, "rules.correlation_id", "{key} {event}");
        assert!(expected.contains(reason), "{key} {event}: {expected}");
    }
}

#[test]
fn a_key_is_refused_for_the_one_condition_that_it_breaks() {
    for (id, part) in [
        ("x".repeat(200), "these are 202; {{ hash ... }}"),
        ("a^b".to_string(), "no ^"),
        ("a\nb".to_string(), "no \\n"),
        ("a\u{1f525}".to_string(), "question marks"),
    ] {
        let (field, expected) = refused(json!({}), &json!({"id": id.clone(), "title": "x"}));
        assert!(field == "correlation_id" && expected.contains(part), "{id}: {field} {expected}");
        let key = mapped(json!({"correlation_id": "k-{{ hash id }}"}), &json!({"id": id, "title": "x"})).correlation_id;
        assert_eq!(key.len(), 34);
    }
}

#[test]
fn what_is_hidden_within_a_value_makes_no_key_either() {
    let id = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (key, event, reason) in [
        ("{{ hash labels }}", id(r#"{"labels":{"id":12345678901234567890123}}"#), "lost digits"),
        ("{{ hash (pluck a \"id\") }}", id(r#"{"a":[{"id":12345678901234567890123}]}"#), "lost digits"),
        ("{{ ts }}", id(r#"{"ts":1777473000.123456789}"#), "lost digits"),
        ("{{ join (pluck a \"h\") \",\" }}", json!({"a": [{"h": "db"}, {"x": 1}]}), "an item has no h"),
        ("{{ join (pluck a \"h\") \",\" }}", json!({"a": [{"h": "db"}, {"h": null}]}), "blank"),
        ("{{ hash labels }}", json!({"labels": {"a": null}}), "nothing but blanks"),
        ("{{ default (concat \"a-\" id) \"\" }}", json!({"id": null}), "comes to nothing"),
        ("a-{{#if id}}{{ id }}{{/if}}", json!({"id": false}), "no value of the event"),
        ("a-{{#if on}}b{{/if}}", json!({"on": true}), "no value of the event"),
        ("CORP\\{{ id }}", json!({"id": 1}), "no value of the event"),
        ("k-{{! id }}", json!({"id": 1}), "no value of the event"),
    ] {
        let (field, expected) = refused(json!({"correlation_id": key}), &event);
        assert!(field == "rules.correlation_id" && expected.contains(reason), "{key} {event}: {expected}");
    }
    let order = [r#"{"labels":{"a":"1","b":"2"},"title":"x"}"#, r#"{"labels":{"b":"2","a":"1"},"title":"x"}"#];
    let members =
        json!({"correlation_id": "{{ hash labels }}", "fields": [{"column": "description", "path": "labels"}]});
    let [one, other] = order.map(|event| mapped(members.clone(), &id(event)));
    assert_eq!((one.correlation_id, one.body), (other.correlation_id, other.body), "whichever the order");
    assert_eq!(
        mapped(json!({"correlation_id": "{{ default (concat \"a-\" id) title }}"}), &json!({"id": null, "title": "x"}))
            .correlation_id,
        "x"
    );
}

#[test]
fn a_key_is_not_refused_for_what_functions_only_look_into() {
    let event = json!({
        "id": "x", "labels": {}, "data": {"a": "b", "value": 0.123_456_789_012_345_67}, "tags": ["a", ""],
        "pairs": [{"key": "", "value": ""}, {"key": "host", "value": "db"}],
        "message": "{\"arn\":\"a:b\",\"threshold\":0.9333333333333333,\"large\":1e16}"
    });
    for (key, expected) in [
        ("{{#with data}}{{ a }}{{/with}}", "b"),
        ("{{ lookup (parse_json message) \"arn\" }}", "a:b"),
        ("{{ lookup (first (where pairs \"key\" \"host\")) \"value\" }}", "db"),
        ("{{ first tags }}", "a"),
        ("{{#if (contains tags \"a\")}}{{ id }}{{/if}}", "x"),
    ] {
        assert_eq!(mapped(json!({"correlation_id": key}), &event).correlation_id, expected, "{key}");
    }
    for key in ["{{ hash tags }}", "{{ hash id tags }}", "{{ hash id labels }}"] {
        assert_eq!(mapped(json!({"correlation_id": key}), &event).correlation_id.len(), 32, "{key}");
    }
    let (_, expected) = refused(json!({"correlation_id": "{{ capture id \"host=([a-z]+)?\" }}"}), &event);
    assert!(expected.contains("comes to nothing"), "{expected}");
}

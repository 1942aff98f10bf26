//! Random inputs, the same properties as in `fuzz/`.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod properties;

use proptest::prelude::*;

const MEDIA_TYPES: [&str; 4] = ["application/json", "application/json;charset=UTF-8", "text/html", ""];

/// Texts that look like what ServiceNow answers, and anything else.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let cell = "(null|true|-1.5e9|\"(INC1|189d7fc183a51210d81dc590ceaad387|\\PC{0,9})\"|\\{\"value\":\"\\PC{0,5}\",\"link\":\"x\"\\})";
    let record = format!("\\{{(\"(number|sys_id|correlation_id|error)\":{cell},){{0,4}}\"number\":{cell}\\}}");
    prop_oneof![
        any::<Vec<u8>>(),
        proptest::string::string_regex(&format!("\\{{\"(result|error)\":({record}|\\[{record}(,{record})?\\])\\}}"))
            .unwrap()
            .prop_map(String::into_bytes),
    ]
}

/// What fuzzing found: an exponent beyond any float is JSON all the same.
#[test]
fn a_number_beyond_any_float_is_json() {
    let body = br#"{"result":{"number":"INC1","sys_id":"31491ca2c40285d47a6d8f2ce361da40","u_x":5.5E555555555555}}"#;
    properties::an_answer_is_judged(201, "application/json", body);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_judged(status in 100..600u16, media_type in 0..MEDIA_TYPES.len(), body in answers()) {
        properties::an_answer_is_judged(status, MEDIA_TYPES[media_type], &body);
    }

    #[test]
    fn a_success_status_alone_is_no_success(created: bool, body in answers()) {
        properties::an_answer_is_judged(if created { 201 } else { 200 }, MEDIA_TYPES[0], &body);
    }

    #[test]
    fn a_request_is_validated(
        body in "(\\PC*|\\{(\"[a-z_]{0,6}\":(\"\\PC{0,9}\"|-?[0-9.eE]{1,9}|true|null|\\[\\]),?){0,3}\\})",
        correlation_id: Option<String>,
        fields: Vec<(String, String)>,
    ) {
        properties::a_request_is_validated(&body, correlation_id.as_deref(), &fields);
    }

    #[test]
    fn a_clock_may_jump(status in 200..600u16, readings: Vec<u64>) {
        properties::a_clock_may_jump(status, &readings);
    }

    #[test]
    fn a_query_asks_for_the_key_alone(kind in "(number|sys_id|correlation_id|[a-z]*)", value in "(\\PC*|[0-9a-fA-F]{32}|INC[0-9]{7})") {
        properties::a_query_asks_for_the_key_alone(&kind, &value);
    }
}

//! Deliveries as anybody may send them.

#[path = "properties/deliveries.rs"]
mod properties;

use properties::a_delivery_is_judged;
use proptest::prelude::*;

const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

/// Something that is nearly a delivery.
fn body() -> impl Strategy<Value = String> {
    let count = prop_oneof![
        (0..40_000u32).prop_map(|count| format!(r#""sys_mod_count":"{count}","#)),
        Just(r#""sys_mod_count":"1,000","#.to_string()),
        Just(String::new()),
    ];
    let date = prop_oneof![Just("2026-01-02 03:04:05"), Just("02/01/2026"), Just("")];
    let comments = prop_oneof![
        Just(r#""comment":"x""#.to_string()),
        "[a-z]{0,8}".prop_map(|text| format!(r#""comments":[{{"sys_id":"{KEY}","text":"{text}"}}]"#)),
        Just(r#""comments":[1,{},{"text":2}]"#.to_string()),
        Just(r#""previous":{"state":"1"}"#.to_string()),
    ];
    (count, date, comments, any::<bool>(), ".{0,3}").prop_map(|(count, date, comments, is_flat, noise)| {
        let form = if is_flat { r#""action_type":"update""# } else { r#""table":"incident","action":"update""# };
        let columns = format!(r#""current":{{"state":"2","sys_updated_on":"{date}"}}"#);
        format!(r#"{{"sys_id":"{KEY}","number":"INC1",{count}{form},{columns},{comments}}}{noise}"#)
    })
}

proptest! {
    #[test]
    fn a_delivery_is_judged_and_told_once(body in body(), seen in proptest::option::of(".{0,40}")) {
        a_delivery_is_judged(body.as_bytes(), seen, None);
    }

    #[test]
    fn no_bytes_end_in_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        a_delivery_is_judged(&body, None, None);
    }
}

//! Any request body and correlation id.
#![no_main]

#[allow(dead_code, reason = "each target tries one of them")]
#[path = "../../core/tests/properties/mod.rs"]
mod properties;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, Option<&str>, Vec<(String, String)>)| {
    let (body, correlation_id, fields) = input;
    properties::a_request_is_validated(body, correlation_id, &fields);
});

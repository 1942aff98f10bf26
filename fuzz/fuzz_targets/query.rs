//! Any key of a look-up.
#![no_main]

#[allow(dead_code, reason = "each target tries one of them")]
#[path = "../../core/tests/properties/mod.rs"]
mod properties;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (kind, value) = input;
    let kinds = ["number", "sys_id", "correlation_id", "other"];
    properties::a_query_asks_for_the_key_alone(kinds[usize::from(kind) % kinds.len()], value);
});

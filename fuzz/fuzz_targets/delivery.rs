//! Any delivery, whatever the ledger has.
#![no_main]

#[path = "../../sync/tests/properties/mod.rs"]
mod properties;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Option<String>, &[u8])| {
    let (seen, body) = input;
    properties::a_delivery_is_judged(body, seen, None);
});

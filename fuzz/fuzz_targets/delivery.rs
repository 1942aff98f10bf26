//! Any delivery, whatever the ledger has.
#![no_main]

#[path = "../../sync/tests/properties/deliveries.rs"]
mod deliveries;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Option<String>, &[u8])| {
    let (seen, body) = input;
    deliveries::a_delivery_is_judged(body, seen, None);
});

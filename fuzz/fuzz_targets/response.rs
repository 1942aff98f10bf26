//! Any answer of ServiceNow or its token service.
#![no_main]

#[allow(dead_code, reason = "each target tries one of them")]
#[path = "../../core/tests/properties/mod.rs"]
mod properties;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (status, is_json, body) = input;
    let statuses = [200, 201, 204, 302, 400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503];
    let media_type = if is_json { "application/json" } else { "text/html" };
    properties::an_answer_is_judged(statuses[usize::from(status) % statuses.len()], media_type, body);
});

//! Any name of a header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicenow_host::properties;

fuzz_target!(|name: &[u8]| {
    properties::a_header_that_leaves_is_a_known_one(name);
});

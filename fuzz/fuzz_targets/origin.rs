//! Any instance of an authorization.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicenow_host::properties;

fuzz_target!(|instance: &str| {
    properties::an_instance_is_one_origin_for_both_parsers(instance);
});

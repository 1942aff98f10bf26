//! Any method and address.
#![no_main]

#[path = "../../host-test/tests/properties/mod.rs"]
mod properties;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (method, address) = input;
    let methods = ["GET", "POST", "PATCH", "PUT", "DELETE", "BREW"];
    let method = methods[usize::from(method) % methods.len()];
    properties::a_reached_address_is_the_instance_s_own(method, address);
    // Most addresses are no addresses: these nearly are.
    properties::a_reached_address_is_the_instance_s_own(method, &format!("https://dev1.service-now.com{address}"));
});

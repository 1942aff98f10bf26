//! Any request of a component over `transport`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicenow_host::properties;

fuzz_target!(|input: (u8, &str, Vec<(String, String)>, Option<&[u8]>)| {
    let (method, url, headers, body) = input;
    let request = |url: &str| {
        properties::a_request_leaves_for_its_own_instance_or_not_at_all(method, url, &headers, body);
    };
    request(url);
    // Most addresses are no addresses: these nearly are.
    request(&format!("https://dev1.service-now.com/api/now/table/incident{url}"));
});

//! Any request to the simulator, and any encoded query.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicenow_simulator::{InProcess, Options};
use std::cell::RefCell;

thread_local! {
    static SIMULATOR: RefCell<InProcess> = RefCell::new(InProcess::new(Options { seed: Some(1), ..Options::default() }));
}

fuzz_target!(|input: (u8, &str, &[u8])| {
    let (method, address, body) = input;
    let methods = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "BREW"];
    let method = methods[usize::from(method) % methods.len()];
    SIMULATOR.with_borrow(|simulator| {
        // An answer always comes, and it is one of those documented.
        for address in [address.to_string(), format!("/api/now/table/incident?sysparm_query={address}")] {
            if let Some(status) = simulator.ask(method, &address, body) {
                assert!((200..=415).contains(&status), "{status}");
            }
        }
    });
});

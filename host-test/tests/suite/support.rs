//! What several tests need.

use servicenow_host::{Authorizations, Exchange, Host, Limits, Proxy};
use std::path::Path;
use std::sync::LazyLock;

/// Long enough for any answer on loopback.
pub const PATIENT_MS: u32 = 10_000;

/// How many exchanges used a method.
pub fn count(exchanges: &[Exchange], method: &str) -> usize {
    exchanges.iter().filter(|exchange| exchange.method == method).count()
}

/// A host with the authorizations of a file's text. The component is compiled once for all tests: compiling it beside
/// them would take the time from those that measure time.
pub fn host(authorizations: &str) -> Host {
    host_with(Authorizations::parse(authorizations, Path::new("a.toml")).unwrap(), Limits::default())
}

/// A host with authorizations and limits.
pub fn host_with(authorizations: Authorizations, limits: Limits) -> Host {
    static LOADED: LazyLock<Host> = LazyLock::new(|| Host::builder().proxy(Proxy::default()).build().unwrap());
    LOADED.with(authorizations, limits).unwrap()
}

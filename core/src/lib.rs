//! The core of the ServiceNow components: a client without I/O, and the methods on it.
//!
//! Requests and responses are values, and time is an argument, so everything builds and is tested natively. What reaches the
//! world outside is the [`Host`](host::Host) that a method is handed; `imports` implements it over what a component imports. The records and
//! variants of `wit/` are used as they are.

pub mod authorization;
pub mod bindings;
pub mod callback_secret;
pub mod encoding;
pub mod failure;
pub mod headers;
pub mod host;
#[cfg(target_arch = "wasm32")]
pub mod imports;
pub mod incidents;
pub mod json;
pub mod manifest;
mod outcome;
pub mod secret;
pub mod servicenow;
pub mod set_up;
pub mod text;

//! The ServiceNow component: create, get, update and find incidents from inside a sandbox.
//!
//! Everything but `http.rs` and the export below is pure: requests and responses are values and time is an argument, so
//! it is built and tested natively. The records and variants of `wit/` are used as they are.

pub mod arena;
pub mod authorization;
pub mod bindings;
pub mod failure;
pub mod host;
pub mod incidents;
pub mod json;
pub mod manifest;
pub mod servicenow;
pub mod text;

#[cfg(all(target_arch = "wasm32", feature = "incident-node"))]
mod export;
#[cfg(target_arch = "wasm32")]
pub mod http;
#[cfg(all(target_arch = "wasm32", feature = "incident-node"))]
use export::Component;

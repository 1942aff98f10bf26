//! The methods of the node as JSON over HTTP, and deliveries forwarded as CloudEvents: a component for whatever serves
//! `wasi:http`. `README.md` has the addresses.
//!
//! Everything but `server.rs` is pure: it goes from a request, the environment and the node's description to a reply or to
//! a call.

pub mod bindings;
pub mod inputs;
pub mod openapi;
pub mod reply;
pub mod route;

#[cfg(target_arch = "wasm32")]
mod server;

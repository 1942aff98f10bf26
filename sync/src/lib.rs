//! Two-way event sync: events of other systems become incidents, changes in ServiceNow come back, and the instance is set up
//! for it.
//!
//! A component of its own on the core of `servicenow-core`, whose sessions, requests and judgements it uses. Everything
//! here is pure but for the [`Host`](servicenow_core::host::Host) that is handed in.

pub mod bindings;
mod bounded;
pub mod callbacks;
pub mod changes;
pub mod ledger;
mod lenient;
pub mod mapping;
mod patterns;
pub mod provisioning;
pub mod push;
pub mod rules;
pub mod template;

#[cfg(target_arch = "wasm32")]
mod export;
#[cfg(target_arch = "wasm32")]
use export::Component;

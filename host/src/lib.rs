//! The reference host of the ServiceNow components, to embed into a flow engine.
//!
//! ```no_run
#![cfg_attr(feature = "bundled", doc = include_str!("../examples/embed.rs"))]
//! ```
//!
//! - [`Host`] loads the component once and calls it from any number of tasks.
//! - [`Authorizations`] are the credentials it may use; the component never sees them by default.
//! - [`Limits`] bound what one call may use.
//! - `EventSync` turns events into incidents and brings changes back, by a second component (feature `sync`).
//!
//! # Features
//!
//! - `bundled` (default) builds `servicenow-over-transport.wasm` with this crate. Without it no compiler runs for WebAssembly, and the
//!   component is given as bytes with [`Builder::component`].
//! - `sync` adds two-way event sync, and `bundled-sync` builds its component with this crate.
//! - `sqlite` adds a ledger in a SQLite database, which processes share; `receiver` an HTTP server for deliveries.

mod admission;
#[doc(hidden)]
pub mod bench {
    //! Not part of the interface: what the benchmark compares with.
    pub use crate::egress::{Clients, Sent, Sockets};
    pub use crate::engine::component::compile;
    pub use crate::engine::pool;
}
pub mod authorizations;
mod beside;
pub mod bindings;
mod budget;
mod builder;
mod bundled;
mod call_state;
mod capacity;
mod egress;
mod engine;
mod error;
#[cfg(feature = "sync")]
pub mod event_sync;
pub mod files;
mod guest_log;
mod host;
mod intent;
pub mod json;
pub mod limits;
pub mod origin;
pub mod outcome;
#[cfg(all(any(test, fuzzing), feature = "sync"))]
#[doc(hidden)]
pub mod properties;
mod records;
mod runner;
pub mod secret;
mod secrets;
pub mod telemetry;
mod tokens;
mod transport;

pub use authorizations::{Authorizations, addresses};
pub use bindings::exports::servicenow::plugin::{authorization, incidents, manifest, types};
#[cfg(feature = "sync")]
pub use bindings::exports::servicenow::plugin::{callbacks, changes, mapping, provisioning, push};
pub use builder::Builder;
#[cfg(feature = "bundled")]
pub use bundled::COMPONENT;
#[cfg(feature = "bundled-sync")]
pub use bundled::SYNC_COMPONENT;
pub use egress::{BadProxy, Connections, Exchange, Proxy, TlsFile, policy};
pub use engine::code_cache::usual_folder;
pub use error::BuildError;
#[cfg(feature = "sqlite")]
pub use event_sync::SqliteLedger;
#[cfg(feature = "sync")]
pub use event_sync::{EventSync, Ledger, MemoryLedger};
pub use host::Host;
pub use limits::Limits;
pub use outcome::Outcome;
pub use runner::{EndedBy, Report};

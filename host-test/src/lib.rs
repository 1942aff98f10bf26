//! The reference host of the ServiceNow component, to embed into a flow engine.
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! - [`Host`] loads the component once and calls it from any number of tasks.
//! - [`Authorizations`] are the credentials it may use; the component never sees them by default.
//! - [`Events`] are events both ways: the second component, loaded when it is asked for.
//! - [`Limits`] bound what one call may use.
//! - [`simulator`] is a ServiceNow stand-in for tests.

mod admission;
pub mod authorizations;
pub mod bench;
pub mod bindings;
mod bounds;
mod builder;
mod capacity;
pub mod cli;
mod compiled;
pub mod conformance;
mod egress;
pub mod events;
mod exports;
mod host;
pub mod hosts;
pub mod inspection;
pub mod invocation;
pub mod json;
mod kept;
pub mod limits;
pub mod origin;
pub mod outcome;
pub mod package;
mod pool;
mod python;
mod runner;
pub mod scenarios;
pub mod secret;
pub mod simulator;
pub mod soak;
mod store;
mod tokens;

pub use authorizations::Authorizations;
pub use bindings::exports::servicenow::plugin::{
    authorization, callbacks, changes, incidents, manifest, mapping, provisioning, sync, types,
};
pub use builder::{BuildError, Builder, COMPONENT, ENV_COMPONENT, EVENTS_COMPONENT, HTTP_COMPONENT, OBELISK_COMPONENT};
pub use compiled::usual_folder;
pub use egress::{BadProxy, Exchange, Proxy, TlsFile, addresses, policy};
pub use events::{Events, Ledger};
pub use host::Host;
pub use limits::Limits;
pub use outcome::{Failed, Outcome};
pub use runner::Report;

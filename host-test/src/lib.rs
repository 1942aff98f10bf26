//! The reference host of the ServiceNow component, to embed into a flow engine.
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! - [`Host`] loads the component once and calls it from any number of tasks.
//! - [`Authorizations`] are the credentials it may use; the component never sees them by default.
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
mod egress;
mod exports;
mod host;
pub mod inspection;
pub mod invocation;
pub mod json;
pub mod limits;
pub mod origin;
pub mod outcome;
mod pool;
mod python;
pub mod scenarios;
pub mod secret;
pub mod simulator;
pub mod soak;
mod store;
mod tokens;

pub use authorizations::Authorizations;
pub use bindings::exports::servicenow::plugin::{authorization, incidents, manifest, types};
pub use builder::{BuildError, Builder, COMPONENT};
pub use compiled::usual_folder;
pub use egress::{BadProxy, Exchange, Proxy, TlsFile, addresses, policy};
pub use host::{Host, Report};
pub use limits::Limits;
pub use outcome::{Failed, Outcome};

//! Builds the components of this workspace: compiles each guest for `wasm32-unknown-unknown` into a target folder of its
//! own, turns the core modules into components, composes those that are made of several, and adds the documentation of
//! `wit/`.
//!
//! This is the only place that runs cargo inside of cargo. The build script of `servicenow-host` builds what it bundles with
//! it, and `host-test` builds the other components when a command or a test asks for one.

mod artifact;
#[cfg(feature = "compose")]
mod composition;
mod encode;
pub mod guest;
mod interface;

pub use artifact::{Artifact, INPUTS, target_dir, workspace};
pub use encode::encode;
pub use interface::{interface, package, wit};

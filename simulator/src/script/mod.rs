//! Scripts of the instance: business rules, UI actions and script includes, run by a JavaScript engine.

pub mod commit;
mod engine;
mod invoke;
mod meter;
mod outbound;
mod reach;
mod rules;

pub use commit::{Actor, Job, work};
pub use invoke::{Invocation, invoke};
pub use outbound::Outbound;

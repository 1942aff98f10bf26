//! Scripts of the instance: business rules, UI actions and script includes, run by a JavaScript engine.

mod actor;
pub mod commit;
mod engine;
mod invoke;
mod meter;
mod outbound;
mod reach;
mod rules;

pub use actor::Actor;
pub use commit::{Job, work};
pub use invoke::{ScriptCall, invoke};
pub use outbound::Outbound;

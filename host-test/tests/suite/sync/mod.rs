//! Two-way event sync, through the real components, the simulator's own scripts, and real sockets.

mod any_rules;
mod changes;
mod convergence;
mod cookbook;
mod deliveries;
mod ledger;
mod listen;
mod order;
mod provisioning;
mod push;
mod rules;
mod soak;
pub mod test_bed;

//! Events both ways, through the real components, the simulator's own scripts, and real sockets.

mod deliveries;
mod provisioning;
mod push;
mod stage;

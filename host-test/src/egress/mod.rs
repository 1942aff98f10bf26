//! What leaves the sandbox: a policy as a value, a pooled client per authorization, and the thin hook between them.

mod client;
mod hook;
mod journal;
mod policy;

pub use client::{Clients, Sent, TlsFile};
pub use hook::{Egress, Injected};
pub use journal::{Exchange, Journal};
pub use policy::Policy;

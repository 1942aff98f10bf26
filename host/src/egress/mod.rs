//! What leaves the sandbox: a policy as a value, a pooled client per authorization, and the thin hook between them.

mod call;
mod callback_secret;
mod client;
mod connect;
mod fault;
pub mod headers;
mod hook;
mod journal;
pub mod policy;
mod query_script;
mod rate_limit;
mod set_up;
mod sockets;
mod tls;
mod tracked;

pub use call::{CallEgress, TOO_LARGE};
pub use client::{Clients, Connections};
pub use connect::{BadProxy, Proxy};
pub use fault::unreachable_reason;
#[cfg(feature = "sync")]
pub use headers::of_rules;
pub use headers::{is_shown, may_leave};
pub use hook::Egress;
pub use journal::{Exchange, Journal};
pub use rate_limit::RateLimits;
pub use sockets::Sockets;
pub use tls::TlsFile;
pub use tracked::Sent;

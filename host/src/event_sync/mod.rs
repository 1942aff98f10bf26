//! Two-way event sync: the second component, what its host remembers of records, and a receiver of deliveries.

mod call_ledger;
mod claims;
mod delivering;
mod ledger;
mod outbox;
#[cfg(test)]
mod protocol;
#[cfg(feature = "receiver")]
mod receiver;
mod reconciling;
mod remembered;
mod service;
mod setting_up;
mod turns;

pub(crate) use call_ledger::CallLedger;
pub use delivering::NotDelivered;
#[cfg(feature = "sqlite")]
pub use ledger::SqliteLedger;
pub use ledger::{Ledger, MemoryLedger};
pub use outbox::{MAX_WAITING, NotPut, Outbox, Waiting};
#[cfg(feature = "receiver")]
pub use receiver::{ChangeHandler, Receiver};
pub use reconciling::Reconciled;
pub use service::EventSync;

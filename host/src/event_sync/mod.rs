//! Two-way event sync: the second component, what its host remembers of records, and a receiver of deliveries.

mod call_ledger;
mod claims;
mod ledger;
mod outbox;
#[cfg(test)]
mod protocol;
#[cfg(feature = "receiver")]
mod receiver;
mod remembered;
mod service;
mod setting_up;
mod turns;

pub(crate) use call_ledger::CallLedger;
#[cfg(feature = "sqlite")]
pub use ledger::SqliteLedger;
pub use ledger::{Ledger, MemoryLedger};
pub use outbox::{MAX_WAITING, NotPut, Outbox, Waiting};
#[cfg(feature = "receiver")]
pub use receiver::{ChangeHandler, Receiver};
pub use service::{EventSync, NotDelivered, Reconciled};

//! Two-way event sync: the second component, what its host remembers of records, and a receiver of deliveries.

mod ledger;
#[cfg(feature = "receiver")]
mod receiver;
mod service;
mod turns;
mod writes;

#[cfg(feature = "sqlite")]
pub use ledger::SqliteLedger;
pub use ledger::{Claim, Ledger, MemoryLedger};
#[cfg(feature = "receiver")]
pub use receiver::{ChangeHandler, Receiver};
pub use service::{EventSync, NotDelivered, Reconciled};

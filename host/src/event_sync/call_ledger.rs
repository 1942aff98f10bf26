//! The import `ledger`, for one call: what is remembered of the call's authorization, and of no other.

use super::claims::{Claim, Claimed, Claims};
use super::remembered::Remembered;
use crate::bindings::servicenow::plugin::ledger::{Host, KnownRecord, NoteClaim, NoteEnd};
use crate::call_state::CallState;
use crate::runner::HostFailed;
use crate::secret::Secret;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use wasmtime::{Error, Result};

/// How much a call writes at most: a page of changes has 1000 records, and an event one.
const MAX_WRITES: u32 = 4_096;

/// The longest text and name: what an event said of 500 columns takes 50 KB, and a correlation id of 100 characters 400 bytes.
pub const MAX_TEXT: usize = 64 * 1024;
const MAX_NAME: usize = 512;

/// ServiceNow cancels a transaction after a minute: until then a write whose answer is lost may still be committed.
const MAX_TRANSACTION: Duration = Duration::from_secs(60);

/// What a call needs for its own write, once it no longer waits for another's.
const OWN_WRITE: Duration = Duration::from_secs(1);

/// The ledger of one call.
#[derive(Clone)]
pub struct CallLedger {
    remembered: Remembered,
    claims: Claims,
    /// The authorization that it is asked for.
    pub authorization: String,
    owner: String,
    at_most: Duration,
    writes_left: u32,
    settled: Arc<Mutex<HashMap<String, Vec<u32>>>>,
}

impl fmt::Debug for CallLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallLedger").field("authorization", &self.authorization).finish_non_exhaustive()
    }
}

impl CallLedger {
    /// For a call with this authorization, which claims nothing for longer.
    pub fn new(remembered: Remembered, authorization: &str, at_most: Duration) -> Self {
        Self {
            claims: Claims(remembered.0.clone()),
            remembered,
            authorization: authorization.to_string(),
            owner: Secret::one_time().expose().to_string(),
            at_most,
            writes_left: MAX_WRITES,
            settled: Arc::default(),
        }
    }

    /// The settled counts of a record that the component was told, up to this one: by those it was judged.
    pub fn told_settled(&self, sys_id: &str, up_to: u32) -> Vec<u32> {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.get(sys_id).into_iter().flatten().copied().filter(|count| *count <= up_to).collect()
    }

    fn claim(&self, sys_id: &str, digest: &str) -> Claim {
        let name = format!("note/{sys_id}/{digest}");
        Claim { authorization: self.authorization.clone(), name, owner: self.owner.clone() }
    }
}

impl CallState {
    /// The ledger, if it is asked for the authorization of this call and for names that are some.
    fn ledger(&mut self, authorization: &str, names: [&str; 2]) -> Result<Option<&mut CallLedger>> {
        let Some(ledger) = &mut self.ledger else { return Ok(None) };
        if authorization != ledger.authorization {
            return Err(Error::msg("the component asked the ledger for another authorization"));
        }
        if names.iter().any(|name| name.len() > MAX_NAME) {
            return Err(Error::msg("the component gave the ledger a name that is too long"));
        }
        Ok(Some(ledger))
    }

    /// The same, to write a text.
    fn ledger_to_write(
        &mut self,
        authorization: &str,
        names: [&str; 2],
        text: &str,
    ) -> Result<Option<&mut CallLedger>> {
        if self.holds_secret(text) || names.iter().any(|name| self.holds_secret(name)) {
            return Err(Error::msg("the component gave the ledger a secret"));
        }
        let Some(ledger) = self.ledger(authorization, names)? else { return Ok(None) };
        let left = ledger.writes_left.checked_sub(1).filter(|_| text.len() <= MAX_TEXT);
        ledger.writes_left = left.ok_or_else(|| Error::msg("the component gave the ledger too much"))?;
        Ok(Some(ledger))
    }
}

/// What was done is done: a ledger that does not take it in leaves something to be told or written once more.
fn noted<T: Default>(authorization: &str, written: io::Result<T>) -> T {
    written.unwrap_or_else(|error| {
        tracing::warn!(authorization, %error, "the ledger cannot be written: what was done is not remembered");
        T::default()
    })
}

fn failed(error: io::Error) -> Error {
    Error::from(HostFailed(format!("the ledger cannot be used: {error}")))
}

impl Host for CallState {
    async fn known(&mut self, authorization: String, sys_id: String) -> Result<KnownRecord> {
        let known = match self.ledger(&authorization, [&sys_id, ""])? {
            Some(ledger) => {
                let known = ledger.remembered.known(&authorization, &sys_id).map_err(failed)?;
                let mut settled = ledger.settled.lock().unwrap_or_else(PoisonError::into_inner);
                if settled.len() < MAX_WRITES as usize {
                    settled.insert(sys_id, known.settled.clone());
                }
                known
            }
            None => KnownRecord { seen: None, settled: Vec::new() },
        };
        Ok(known)
    }

    async fn seen(
        &mut self,
        authorization: String,
        sys_id: String,
        before: Option<String>,
        after: String,
    ) -> Result<bool> {
        let Some(ledger) = self.ledger_to_write(&authorization, [&sys_id, ""], &after)? else { return Ok(true) };
        Ok(noted(&authorization, ledger.remembered.seen(&authorization, &sys_id, before.as_deref(), &after)))
    }

    async fn settle(&mut self, authorization: String, sys_id: String, mod_count: u32) -> Result<()> {
        if let Some(ledger) = self.ledger_to_write(&authorization, [&sys_id, ""], "")? {
            noted(&authorization, ledger.remembered.settle(&authorization, &sys_id, mod_count));
        }
        Ok(())
    }

    async fn last_event(&mut self, authorization: String, correlation_id: String) -> Result<Option<String>> {
        match self.ledger(&authorization, [&correlation_id, ""])? {
            Some(ledger) => ledger.remembered.last_event(&authorization, &correlation_id).map_err(failed),
            None => Ok(None),
        }
    }

    async fn remember(&mut self, authorization: String, correlation_id: String, event: String) -> Result<()> {
        if let Some(ledger) = self.ledger_to_write(&authorization, [&correlation_id, ""], &event)? {
            noted(&authorization, ledger.remembered.remember(&authorization, &correlation_id, &event));
        }
        Ok(())
    }

    async fn claim_note(&mut self, authorization: String, sys_id: String, digest: String) -> Result<NoteClaim> {
        let patience = self.left().saturating_sub(OWN_WRITE);
        let Some(ledger) = self.ledger_to_write(&authorization, [&sys_id, &digest], "")? else {
            return Ok(NoteClaim::NotKept);
        };
        let claim = ledger.claim(&sys_id, &digest);
        let waited = timeout(patience, ledger.claims.wait(&claim, ledger.at_most + MAX_TRANSACTION)).await;
        let Ok(claimed) = waited else { return Ok(NoteClaim::Busy) };
        Ok(match claimed.map_err(failed)? {
            Claimed::Granted if ledger.remembered.0.is_durable() => NoteClaim::Granted,
            Claimed::Granted => NoteClaim::NotKept,
            Claimed::Orphaned => NoteClaim::Orphaned,
            Claimed::Done => NoteClaim::Written,
        })
    }

    async fn end_claim(&mut self, authorization: String, sys_id: String, digest: String, end: NoteEnd) -> Result<()> {
        if let Some(ledger) = self.ledger_to_write(&authorization, [&sys_id, &digest], "")? {
            let claim = ledger.claim(&sys_id, &digest);
            noted(
                &authorization,
                match end {
                    NoteEnd::Written => ledger.claims.done(&claim),
                    NoteEnd::Released => ledger.claims.release(&claim),
                },
            );
        }
        Ok(())
    }
}

//! Who goes when: a record is judged and remembered by one at a time, and no delivery is judged before the pushes that were on
//! their way when it came, for it may be the echo of one. That holds within a process, and among those that share a ledger.

use super::claims::{Claim, Claims};
use super::ledger::Ledger;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{Mutex as Place, MutexGuard as PlaceGuard};

/// How many records can be judged at once; others of the same place wait for each other.
const PLACES: usize = 256;

/// How long a change may be handled: a consumer that is busy takes half a minute.
pub const MAX_HANDLING: Duration = Duration::from_secs(60);

/// How long a turn may take, the handling included. One that was killed loses it then.
const MAX_TURN: Duration = Duration::from_secs(90);

/// What the claims of writes begin with.
const WRITE: &str = "write/";

/// The turns of one host.
pub struct Turns {
    claims: Claims,
    places: Vec<Place<()>>,
    hasher: RandomState,
}

/// A record's turn, until it is dropped.
pub struct Turn<'t> {
    _claimed: Kept<'t>,
    // Dropped after the claim: deliveries of one process keep their order.
    _place: PlaceGuard<'t, ()>,
}

/// A claim that is given up when this is dropped.
pub struct Kept<'t> {
    claims: &'t Claims,
    claim: Claim,
}

impl Turns {
    /// With this ledger.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self {
            claims: Claims(ledger),
            places: (0..PLACES).map(|_| Place::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// A write is under way until what is returned is dropped, for so long at most.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn writing(&self, authorization: &str, at_most: Duration) -> io::Result<Kept<'_>> {
        let kept = self.kept(authorization, format!("{WRITE}{}", uuid::Uuid::new_v4()));
        self.claims.claim(&kept.claim, SystemTime::now() + at_most)?;
        Ok(kept)
    }

    /// Waits for the writes that are under way now, and for none that begins meanwhile.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub async fn written(&self, authorization: &str) -> io::Result<()> {
        self.claims.ended(authorization, WRITE).await
    }

    /// A record's turn.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub async fn turn(&self, authorization: &str, sys_id: &str) -> io::Result<Turn<'_>> {
        let place = self.hasher.hash_one((authorization, sys_id)) % PLACES as u64;
        let place = self.places[usize::try_from(place).unwrap_or_default()].lock().await;
        let kept = self.kept(authorization, format!("turn/{sys_id}"));
        self.claims.wait(&kept.claim, MAX_TURN).await?;
        Ok(Turn { _claimed: kept, _place: place })
    }

    fn kept(&self, authorization: &str, name: String) -> Kept<'_> {
        let owner = uuid::Uuid::new_v4().to_string();
        Kept { claims: &self.claims, claim: Claim { authorization: authorization.to_string(), name, owner } }
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.claims.release(&self.claim) {
            // It ends by its time.
            tracing::debug!(%error, "a claim is not given up");
        }
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::event_sync::ledger::SqliteLedger;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn is_pending<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
    }

    #[tokio::test]
    async fn processes_that_share_a_ledger_wait_for_each_other_s_writes_and_turns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let process = || Turns::new(Arc::new(SqliteLedger::open(&path).unwrap()));
        let (one, other, third) = (process(), process(), process());
        let writing = one.writing("main", Duration::from_secs(60)).unwrap();
        {
            let mut waits = pin!(other.written("main"));
            assert!(is_pending(waits.as_mut()));
            other.written("another").await.unwrap();
            // One that begins later is not waited for.
            let _later = one.writing("main", Duration::from_secs(60)).unwrap();
            drop(writing);
            waits.await.unwrap();
        }
        let turn = one.turn("main", "a").await.unwrap();
        {
            let mut waits = pin!(other.turn("main", "a"));
            assert!(is_pending(waits.as_mut()));
            drop(third.turn("main", "b").await.unwrap());
            drop(turn);
            drop(waits.await.unwrap());
        }
        drop(one.turn("main", "a").await.unwrap());
    }

    #[tokio::test]
    async fn what_a_process_that_was_killed_had_claimed_is_taken_over_when_its_time_passed() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        let past = SystemTime::now() - Duration::from_secs(1);
        for name in ["write/1", "turn/a"] {
            let claim = Claim { authorization: "main".into(), name: name.into(), owner: "killed".into() };
            Claims(ledger.clone()).claim(&claim, past).unwrap();
        }
        let turns = Turns::new(ledger.clone());
        turns.written("main").await.unwrap();
        drop(turns.turn("main", "a").await.unwrap());
        assert!(ledger.names("main", "write/").unwrap().is_empty());
    }
}

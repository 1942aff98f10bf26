//! Who goes when: a record is judged and remembered by one at a time, and no delivery is judged before the pushes that were on
//! their way when it came, for it may be the echo of one. That holds within a process, and among those that share a ledger.

use super::ledger::{Claim, Ledger};
use super::writes::{Writes, Writing as LocalWriting};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::{Mutex as Place, MutexGuard as PlaceGuard};
use tokio::time::sleep;

/// How many records can be judged at once; others of the same place wait for each other.
const PLACES: usize = 256;

/// How long a change may be handled: a consumer that is busy takes half a minute.
pub const MAX_HANDLING: Duration = Duration::from_secs(60);

/// How long a turn may take, the handling included. One that was killed loses it then.
const MAX_TURN: Duration = Duration::from_secs(90);

/// How soon it is looked whether another process is done, and how seldom after a while.
const PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// What the claims of writes begin with.
const WRITE: &str = "write/";

/// The turns of one host.
pub struct Turns {
    ledger: Arc<dyn Ledger>,
    owner: String,
    places: Vec<Place<()>>,
    hasher: RandomState,
    writing: Mutex<HashMap<String, Arc<Writes>>>,
}

/// A record's turn, until it is dropped.
pub struct Turn<'t> {
    _claimed: Claimed<'t>,
    _place: PlaceGuard<'t, ()>,
}

/// A write that is under way, until it is dropped.
pub struct Writing<'t> {
    _claimed: Claimed<'t>,
    _local: LocalWriting,
}

/// A claim that is given up when this is dropped.
struct Claimed<'t> {
    turns: &'t Turns,
    authorization: String,
    name: String,
}

impl Turns {
    /// With this ledger.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self {
            ledger,
            owner: uuid::Uuid::new_v4().to_string(),
            places: (0..PLACES).map(|_| Place::default()).collect(),
            hasher: RandomState::new(),
            writing: Mutex::default(),
        }
    }

    /// A write is under way, for so long at most.
    pub fn writing(&self, authorization: &str, at_most: Duration) -> Writing<'_> {
        let claimed = self.claimed(authorization, format!("{WRITE}{}", uuid::Uuid::new_v4()));
        if let Err(error) = claimed.claim(at_most) {
            // A delivery of this write that another process takes in meanwhile is told as a change.
            tracing::warn!(authorization, %error, "a write under way is not noted in the ledger");
        }
        Writing { _claimed: claimed, _local: self.writes_of(authorization).begin() }
    }

    /// Waits for the writes that are under way now, and for none that begins meanwhile.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub async fn written(&self, authorization: &str) -> io::Result<()> {
        let others = || self.ledger.claims_of_others(authorization, WRITE, &self.owner);
        let mut awaited = others()?;
        self.writes_of(authorization).ended().await;
        let mut pause = PAUSE;
        while !awaited.is_empty() {
            let now = others()?;
            awaited.retain(|name| now.contains(name));
            if !awaited.is_empty() {
                sleep(pause).await;
                pause = MAX_PAUSE.min(pause * 2);
            }
        }
        Ok(())
    }

    /// A record's turn.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub async fn turn(&self, authorization: &str, sys_id: &str) -> io::Result<Turn<'_>> {
        let place = self.hasher.hash_one((authorization, sys_id)) % PLACES as u64;
        let place = self.places[usize::try_from(place).unwrap_or_default()].lock().await;
        let claimed = self.claimed(authorization, format!("record/{sys_id}"));
        let mut pause = PAUSE;
        while !claimed.claim(MAX_TURN)? {
            sleep(pause).await;
            pause = MAX_PAUSE.min(pause * 2);
        }
        Ok(Turn { _claimed: claimed, _place: place })
    }

    fn claimed(&self, authorization: &str, name: String) -> Claimed<'_> {
        Claimed { turns: self, authorization: authorization.to_string(), name }
    }

    fn writes_of(&self, authorization: &str) -> Arc<Writes> {
        let mut all = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(authorization.to_string()).or_default())
    }
}

impl Claimed<'_> {
    fn claim(&self, at_most: Duration) -> io::Result<bool> {
        self.turns.ledger.claim(&self.as_claim(), SystemTime::now() + at_most)
    }

    fn as_claim(&self) -> Claim<'_> {
        Claim { authorization: &self.authorization, name: &self.name, owner: &self.turns.owner }
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.turns.ledger.release(&self.as_claim()) {
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
        let writing = one.writing("main", Duration::from_secs(60));
        {
            let mut waits = pin!(other.written("main"));
            assert!(is_pending(waits.as_mut()));
            other.written("another").await.unwrap();
            // One that begins later is not waited for.
            let _later = one.writing("main", Duration::from_secs(60));
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
        for name in ["write/1", "record/a"] {
            assert!(ledger.claim(&Claim { authorization: "main", name, owner: "killed" }, past).unwrap());
        }
        let turns = Turns::new(ledger);
        turns.written("main").await.unwrap();
        drop(turns.turn("main", "a").await.unwrap());
    }
}

//! Writes that are under way: a delivery that comes meanwhile may be the echo of one, and waits for them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The writes of an authorization that are under way, numbered as they begin.
#[derive(Default)]
pub struct Writes {
    under_way: Mutex<UnderWay>,
    ended: Notify,
}

#[derive(Default)]
struct UnderWay {
    next: u64,
    numbers: BTreeSet<u64>,
}

/// A write that is under way until this is dropped.
pub struct Writing {
    writes: Arc<Writes>,
    number: u64,
}

impl Writes {
    /// Begins a write.
    pub fn begin(self: Arc<Self>) -> Writing {
        let mut under_way = self.under_way();
        let number = under_way.next;
        under_way.next += 1;
        under_way.numbers.insert(number);
        drop(under_way);
        Writing { writes: self, number }
    }

    /// Waits for the end of those that are under way now, and of none that begins meanwhile.
    pub async fn ended(&self) {
        let until = self.under_way().next;
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // From here on no end is missed.
            ended.as_mut().enable();
            if self.under_way().numbers.first().is_none_or(|first| *first >= until) {
                return;
            }
            ended.await;
        }
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.writes.under_way().numbers.remove(&self.number);
        self.writes.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Duration, timeout};

    #[tokio::test]
    async fn those_that_were_under_way_are_waited_for_and_no_others() {
        let writes = Arc::new(Writes::default());
        let long = Duration::from_secs(60);
        assert!(timeout(long, writes.ended()).await.is_ok());
        let first = Arc::clone(&writes).begin();
        // It would be over at once, or never.
        assert!(timeout(Duration::from_millis(20), writes.ended()).await.is_err());
        let waiter = tokio::spawn({
            let writes = Arc::clone(&writes);
            async move { writes.ended().await }
        });
        tokio::task::yield_now().await;
        let _second = Arc::clone(&writes).begin();
        drop(first);
        assert!(timeout(long, waiter).await.is_ok());
    }
}

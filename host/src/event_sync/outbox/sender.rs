//! What waits on its way out: the first event of each record, by one process at a time.

use super::{Outbox, Waiting};
use crate::event_sync::claims::{Claim, Claims};
use crate::telemetry;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How often an event is sent before it is parked: for half an hour.
pub const MAX_ATTEMPTS: u32 = 14;

/// How long it is waited before an event is sent again: twice as long each time, so much at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// How soon events are found that other processes put in.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a consumer may take. One that takes longer may have taken the event, and gets it again.
const MAX_SENDING: Duration = Duration::from_secs(10);

/// How many events of different records are sent at once.
const AT_ONCE: usize = 16;

impl Outbox {
    /// Sends what waits, until it is dropped. `send` is given an event; what it returns as an error is kept with the event.
    pub async fn run<F, S>(self: Arc<Self>, send: F)
    where
        F: Fn(String) -> S + Clone + Send + Sync + 'static,
        S: Future<Output = Result<(), String>> + Send + 'static,
    {
        loop {
            let due = self.due().unwrap_or_else(|error| {
                tracing::warn!(authorization = self.authorization, %error, "what waits for the consumer cannot be read");
                Vec::new()
            });
            let mut sending = JoinSet::new();
            for (number, waiting) in due {
                let (outbox, send) = (Arc::clone(&self), send.clone());
                sending.spawn(async move { outbox.send(number, &waiting, send).await });
            }
            if !sending.join_all().await.contains(&true) {
                // Nothing is due, or another process is at it.
                let _ = timeout(LOOK_EVERY, self.put.notified()).await;
            }
        }
    }

    /// The first event of each record, where its time came.
    pub fn due(&self) -> io::Result<Vec<(u64, Waiting)>> {
        let (mut seen, now) = (HashSet::new(), ms());
        let longest = u64::try_from(MAX_PAUSE.as_millis()).unwrap_or(u64::MAX);
        let mut due = self.waiting()?;
        telemetry::outbox_has(&self.authorization, due.len());
        due.retain(|(_, waiting)| {
            // A time beyond the longest pause was noted before a clock was set back.
            let is_time = waiting.not_before_ms <= now || waiting.not_before_ms > now + longest;
            seen.insert(waiting.sys_id.clone()) && !waiting.is_parked && is_time
        });
        due.truncate(AT_ONCE);
        Ok(due)
    }

    /// Sends one event, unless another process does. Whether it was sent, taken or not.
    pub async fn send<F, S>(&self, number: u64, waiting: &Waiting, send: F) -> bool
    where
        F: Fn(String) -> S,
        S: Future<Output = Result<(), String>>,
    {
        let claim = self.sending(waiting, uuid::Uuid::new_v4().to_string());
        let sent = async {
            if !self.begin(number, waiting, &claim)? {
                return Ok(false);
            }
            let taken = timeout(MAX_SENDING, send(waiting.event.clone())).await;
            let taken = taken.unwrap_or_else(|_| Err(format!("no answer within {} s", MAX_SENDING.as_secs())));
            self.end(number, waiting, taken)
        };
        let sent: io::Result<bool> = sent.await;
        let released = Claims(Arc::clone(&self.ledger)).release(&claim);
        if let Err(error) = sent.as_ref().map(drop).and(released.as_ref().map(drop)) {
            tracing::warn!(authorization = self.authorization, %error, "the ledger cannot be used: an event is sent again");
        }
        sent.unwrap_or(false)
    }

    /// The claim of one who sends an event of a record.
    pub fn sending(&self, waiting: &Waiting, owner: String) -> Claim {
        Claim { authorization: self.authorization.clone(), name: format!("sending/{}", waiting.sys_id), owner }
    }

    /// Whether an event is to be sent: nobody else sends one of its record, it waits as it was, and none is before it.
    pub fn begin(&self, number: u64, waiting: &Waiting, claim: &Claim) -> io::Result<bool> {
        let claims = Claims(Arc::clone(&self.ledger));
        if claims.claim(claim, SystemTime::now() + 2 * MAX_SENDING)?.is_none() {
            return Ok(false);
        }
        let first = self.waiting()?.into_iter().find(|(_, other)| other.sys_id == waiting.sys_id);
        Ok(first.is_some_and(|(at, first)| at == number && first == *waiting))
    }

    /// Notes what became of an event that was sent. Whether it still waited as it was.
    pub fn end(&self, number: u64, waiting: &Waiting, taken: Result<(), String>) -> io::Result<bool> {
        let after = taken.err().map(|problem| waiting.refused(problem));
        self.change(number, waiting, after.as_ref())
    }
}

impl Waiting {
    /// The event after the consumer did not take it.
    fn refused(&self, problem: String) -> Self {
        let attempts = self.attempts + 1;
        let pause = FIRST_PAUSE.saturating_mul(1 << attempts.min(16).saturating_sub(1)).min(MAX_PAUSE);
        Self {
            attempts,
            problem: Some(problem),
            is_parked: attempts >= MAX_ATTEMPTS,
            not_before_ms: ms() + u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            ..self.clone()
        }
    }
}

fn ms() -> u64 {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(ms).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_minutes_and_end_after_half_an_hour() {
        let mut waiting = Waiting {
            sys_id: String::new(),
            event: String::new(),
            attempts: 0,
            problem: None,
            is_parked: false,
            not_before_ms: 0,
        };
        let mut total = 0;
        loop {
            let before = ms();
            waiting = waiting.refused(String::new());
            if waiting.is_parked {
                break;
            }
            total += waiting.not_before_ms.saturating_sub(before) / 1_000;
        }
        assert!((30 * 60..35 * 60).contains(&total), "{total} s");
    }
}

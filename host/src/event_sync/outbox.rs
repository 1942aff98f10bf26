//! Changes on their way to a consumer, kept in the ledger until it took them: at least once, and in order for each record.

use super::claims::{Claim, Claims};
use super::ledger::Ledger;
use crate::bindings::exports::servicenow::plugin::callbacks::Change;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How many events wait at most. A delivery that finds no place is answered 503, and its change is read later.
pub const MAX_WAITING: usize = 1_000;

/// How often an event is sent before it is parked: for half an hour.
const MAX_ATTEMPTS: u32 = 14;

/// How long it is waited before an event is sent again: twice as long each time, so much at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// How soon events are found that other processes put in.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a consumer may take. One that takes longer may have taken the event, and gets it again.
const MAX_SENDING: Duration = Duration::from_secs(10);

/// How many events of different records are sent at once.
const AT_ONCE: usize = 16;

const START: &str = "outbox/";

/// The events of one authorization on their way.
pub struct Outbox {
    ledger: Arc<dyn Ledger>,
    authorization: String,
    put: Notify,
}

/// An event on its way.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Waiting {
    /// The record it is of. Later ones of the same record wait behind it.
    pub sys_id: String,
    /// The CloudEvent, in JSON.
    pub event: String,
    /// How often it was sent.
    pub attempts: u32,
    /// Why the consumer did not take it.
    pub problem: Option<String>,
    /// Whether it was sent too often, and waits until somebody has it sent again.
    pub is_parked: bool,
    /// When it is sent again, in milliseconds of Unix time.
    not_before_ms: u64,
}

/// Why an event was not put in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotPut {
    /// There is no place.
    #[error("{MAX_WAITING} events wait for the consumer already")]
    Full,
    /// The ledger cannot be used.
    #[error("the ledger cannot be used: {0}")]
    Ledger(#[from] io::Error),
}

impl Outbox {
    /// The outbox of an authorization.
    pub fn new(ledger: Arc<dyn Ledger>, authorization: &str) -> Self {
        Self { ledger, authorization: authorization.to_string(), put: Notify::new() }
    }

    /// Puts a change in, behind those that are there.
    ///
    /// # Errors
    ///
    /// If there is no place, or the ledger cannot be used.
    pub fn put(&self, change: &Change) -> Result<(), NotPut> {
        let waiting = Waiting {
            sys_id: change.sys_id.clone(),
            event: change.cloud_event.clone(),
            attempts: 0,
            problem: None,
            is_parked: false,
            not_before_ms: 0,
        };
        let text = serde_json::to_string(&waiting).map_err(io::Error::other)?;
        let names = self.ledger.names(&self.authorization, START)?;
        if names.len() >= MAX_WAITING {
            return Err(NotPut::Full);
        }
        let last = names.last().and_then(|name| number(name)).unwrap_or_default();
        // Another process may put one in at the same moment.
        let mut next = last + 1;
        while !self.ledger.replace(&self.authorization, &name(next), None, Some(&text))? {
            next += 1;
        }
        self.put.notify_one();
        Ok(())
    }

    /// The events that wait, with their numbers, the first first.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn waiting(&self) -> io::Result<Vec<(u64, Waiting)>> {
        let mut waiting = Vec::new();
        for name in self.ledger.names(&self.authorization, START)? {
            let entry = self.ledger.get(&self.authorization, &name)?;
            match entry.as_deref().map(serde_json::from_str::<Waiting>) {
                Some(Ok(entry)) => waiting.extend(number(&name).map(|number| (number, entry))),
                Some(Err(error)) => tracing::warn!(name, %error, "an event in the outbox cannot be read; drop it"),
                None => {}
            }
        }
        Ok(waiting)
    }

    /// Has an event sent again now, by its number, or all parked ones. How many there were.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be used.
    pub fn send_again(&self, number: Option<u64>) -> io::Result<usize> {
        let mut again = 0;
        for (at, waiting) in self.waiting()? {
            let is_meant = number.map_or(waiting.is_parked, |number| number == at);
            if is_meant {
                let fresh = Waiting { attempts: 0, is_parked: false, not_before_ms: 0, ..waiting.clone() };
                again += usize::from(self.change(at, &waiting, Some(&fresh))?);
            }
        }
        self.put.notify_one();
        Ok(again)
    }

    /// Drops an event. Whether it was there.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be used.
    pub fn drop_event(&self, number: u64) -> io::Result<bool> {
        // By its text, so that one that cannot be read can be dropped too.
        match self.ledger.get(&self.authorization, &name(number))? {
            Some(text) => self.ledger.replace(&self.authorization, &name(number), Some(&text), None),
            None => Ok(false),
        }
    }

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
                sending.spawn(async move { outbox.send(number, waiting, send).await });
            }
            if !sending.join_all().await.contains(&true) {
                // Nothing is due, or another process is at it.
                let _ = timeout(LOOK_EVERY, self.put.notified()).await;
            }
        }
    }

    /// The first event of each record, where its time came.
    fn due(&self) -> io::Result<Vec<(u64, Waiting)>> {
        let (mut seen, now) = (HashSet::new(), ms());
        let longest = u64::try_from(MAX_PAUSE.as_millis()).unwrap_or(u64::MAX);
        let mut due = self.waiting()?;
        due.retain(|(_, waiting)| {
            // A time beyond the longest pause was noted before a clock was set back.
            let is_time = waiting.not_before_ms <= now || waiting.not_before_ms > now + longest;
            seen.insert(waiting.sys_id.clone()) && !waiting.is_parked && is_time
        });
        due.truncate(AT_ONCE);
        Ok(due)
    }

    /// Sends one event, unless another process does. Whether it was sent, taken or not.
    async fn send<F, S>(&self, number: u64, waiting: Waiting, send: F) -> bool
    where
        F: Fn(String) -> S,
        S: Future<Output = Result<(), String>>,
    {
        let claims = Claims(Arc::clone(&self.ledger));
        let claim = Claim {
            authorization: self.authorization.clone(),
            name: format!("sending/{}", waiting.sys_id),
            owner: uuid::Uuid::new_v4().to_string(),
        };
        let sent = async {
            if claims.claim(&claim, SystemTime::now() + 2 * MAX_SENDING)?.is_none() {
                return Ok(false);
            }
            let after = match self.is_first(number, &waiting)? {
                false => return Ok(false),
                true => match timeout(MAX_SENDING, send(waiting.event.clone())).await {
                    Ok(Ok(())) => None,
                    Ok(Err(problem)) => Some(waiting.refused(problem)),
                    Err(_) => Some(waiting.refused(format!("no answer within {} s", MAX_SENDING.as_secs()))),
                },
            };
            self.change(number, &waiting, after.as_ref())
        };
        let sent: io::Result<bool> = sent.await;
        let released = claims.release(&claim);
        if let Err(error) = sent.as_ref().map(drop).and(released.as_ref().map(drop)) {
            tracing::warn!(authorization = self.authorization, %error, "the ledger cannot be used: an event is sent again");
        }
        sent.unwrap_or(false)
    }

    /// Whether an event still waits as it was, and none of its record before it.
    fn is_first(&self, number: u64, waiting: &Waiting) -> io::Result<bool> {
        let first = self.waiting()?.into_iter().find(|(_, other)| other.sys_id == waiting.sys_id);
        Ok(first.is_some_and(|(at, first)| at == number && first == *waiting))
    }

    fn change(&self, number: u64, before: &Waiting, after: Option<&Waiting>) -> io::Result<bool> {
        let text = |waiting: &Waiting| serde_json::to_string(waiting).map_err(io::Error::other);
        let after = after.map(text).transpose()?;
        self.ledger.replace(&self.authorization, &name(number), Some(&text(before)?), after.as_deref())
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

fn name(number: u64) -> String {
    format!("{START}{number:020}")
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix(START)?.parse().ok()
}

fn ms() -> u64 {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(ms).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::exports::servicenow::plugin::callbacks::Action;
    use crate::event_sync::ledger::MemoryLedger;
    use std::sync::Mutex;
    use tokio::task::yield_now;

    fn change(sys_id: &str, count: u32) -> Change {
        Change {
            table: "incident".into(),
            action: Action::Updated,
            number: "INC1".into(),
            sys_id: sys_id.into(),
            mod_count: Some(count),
            updated_on: String::new(),
            current: Vec::new(),
            previous: Vec::new(),
            changed: Vec::new(),
            severity: None,
            status: None,
            snooze_seconds: None,
            comments: Vec::new(),
            occurred_at: None,
            cloud_event: format!("{sys_id}:{count}"),
        }
    }

    /// Two processes send what is in one ledger.
    fn two(ledger: &Arc<MemoryLedger>) -> [Arc<Outbox>; 2] {
        [(); 2].map(|()| Arc::new(Outbox::new(Arc::clone(ledger) as Arc<dyn Ledger>, "main")))
    }

    #[tokio::test]
    async fn each_event_arrives_in_order_for_its_record_though_the_consumer_refuses_some() {
        let [one, other] = two(&Arc::default());
        for count in 0..20 {
            one.put(&change("a", count)).unwrap();
            other.put(&change("b", count)).unwrap();
        }
        let taken: Arc<Mutex<Vec<String>>> = Arc::default();
        let tries: Arc<Mutex<u32>> = Arc::default();
        let send = {
            let taken = Arc::clone(&taken);
            move |event: String| {
                let (taken, tries) = (Arc::clone(&taken), Arc::clone(&tries));
                async move {
                    let mut tries = tries.lock().unwrap();
                    *tries += 1;
                    if *tries % 3 == 0 {
                        return Err("busy".to_string());
                    }
                    taken.lock().unwrap().push(event);
                    Ok(())
                }
            }
        };
        let running = [&one, &other].map(|outbox| tokio::spawn(Arc::clone(outbox).run(send.clone())));
        // Nobody waits for the pauses here.
        while !one.waiting().unwrap().is_empty() {
            for (at, waiting) in one.waiting().unwrap() {
                one.change(at, &waiting, Some(&Waiting { not_before_ms: 0, ..waiting.clone() })).unwrap();
            }
            [&one, &other].iter().for_each(|outbox| outbox.put.notify_one());
            yield_now().await;
        }
        running.iter().for_each(|task| task.abort());
        let taken = taken.lock().unwrap();
        for record in ["a", "b"] {
            let of: Vec<_> = taken.iter().filter(|event| event.starts_with(record)).cloned().collect();
            assert_eq!(of, (0..20).map(|count| format!("{record}:{count}")).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn what_is_refused_too_often_is_parked_and_holds_its_record_until_it_is_sent_again_or_dropped() {
        let [outbox, _] = two(&Arc::default());
        for (record, count) in [("a", 1), ("a", 2), ("b", 1)] {
            outbox.put(&change(record, count)).unwrap();
        }
        let refuse = |_: String| async { Err("the consumer is gone".to_string()) };
        for attempt in 1..=MAX_ATTEMPTS {
            let (number, waiting) = outbox.waiting().unwrap().remove(0);
            assert!(!waiting.is_parked, "before attempt {attempt}");
            outbox.send(number, waiting, refuse).await;
            yield_now().await;
        }
        let waiting = outbox.waiting().unwrap();
        assert_eq!((waiting[0].1.is_parked, waiting[0].1.problem.as_deref()), (true, Some("the consumer is gone")));
        let due: Vec<_> = outbox.due().unwrap().into_iter().map(|(_, waiting)| waiting.event).collect();
        assert_eq!(due, ["b:1"], "the later one of its record waits");
        assert_eq!((outbox.send_again(Some(9)).unwrap(), outbox.send_again(None).unwrap()), (0, 1));
        assert_eq!(outbox.due().unwrap()[0].1.event, "a:1");
        assert!(outbox.drop_event(1).unwrap() && !outbox.drop_event(1).unwrap());
        assert_eq!(outbox.due().unwrap()[0].1.event, "a:2");
    }

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

    #[test]
    fn a_full_outbox_takes_no_more() {
        let [outbox, _] = two(&Arc::default());
        for count in 0..MAX_WAITING {
            outbox.put(&change("a", u32::try_from(count).unwrap())).unwrap();
        }
        assert!(matches!(outbox.put(&change("a", 0)), Err(NotPut::Full)));
        outbox.drop_event(1).unwrap();
        outbox.put(&change("a", 0)).unwrap();
    }
}

//! Changes on their way to a consumer, kept in the ledger until it took them: at least once, and in order for each record.

mod sender;

use super::ledger::Ledger;
use crate::bindings::exports::servicenow::plugin::callbacks::Change;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use tokio::sync::Notify;

/// How many events wait at most. A delivery that finds no place is answered 503, and its change is read later.
pub const MAX_WAITING: usize = 1_000;

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

    fn change(&self, number: u64, before: &Waiting, after: Option<&Waiting>) -> io::Result<bool> {
        let text = |waiting: &Waiting| serde_json::to_string(waiting).map_err(io::Error::other);
        let after = after.map(text).transpose()?;
        self.ledger.replace(&self.authorization, &name(number), Some(&text(before)?), after.as_deref())
    }
}

fn name(number: u64) -> String {
    format!("{START}{number:020}")
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix(START)?.parse().ok()
}

#[cfg(test)]
pub mod tests {
    use super::sender::MAX_ATTEMPTS;
    use super::*;
    use crate::bindings::exports::servicenow::plugin::callbacks::Action;
    use crate::event_sync::ledger::MemoryLedger;
    use std::sync::Mutex;
    use tokio::task::yield_now;

    pub fn change(sys_id: &str, count: u32) -> Change {
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
            outbox.send(number, &waiting, refuse).await;
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

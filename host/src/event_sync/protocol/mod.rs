//! The protocol of notes and of the outbox, checked in every order: processes that share a ledger, each killed at any step, answers
//! that are lost, and a consumer that refuses. The steps are those of [`Claims`](super::claims::Claims) and
//! [`Outbox`](super::outbox::Outbox), and the component's own decision.
//!
//! `sync/tests/protocol.rs` does the same for versions of records.

mod notes;
mod outbox;

use super::ledger::{Ledger, MemoryLedger};
use stateright::{Checker, Model};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The authorization.
pub const MAIN: &str = "main";

/// The texts of a ledger, in which no two moments differ but by what happened: times are only past or to come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Texts(pub BTreeMap<String, String>);

impl Texts {
    /// Does something with a ledger that has these texts.
    pub fn with<T>(&mut self, work: impl FnOnce(&Arc<MemoryLedger>) -> T) -> T {
        let ledger = Arc::new(MemoryLedger::default());
        for (name, text) in &self.0 {
            assert!(ledger.replace(MAIN, name, None, Some(text)).unwrap());
        }
        let done = work(&ledger);
        let text = |name: String| (name.clone(), timeless(&ledger.get(MAIN, &name).unwrap().unwrap()));
        self.0 = ledger.names(MAIN, "").unwrap().into_iter().map(text).collect();
        done
    }

    /// The time of the claims of this one passes.
    pub fn expire(&mut self, owner: &str) {
        for text in self.0.values_mut().filter(|text| text.split(' ').next() == Some(owner)) {
            *text = text.replacen(LIVE, PAST, 1);
        }
    }

    /// Whether this one has a claim whose time has not passed.
    pub fn has_live_claim(&self, owner: &str) -> bool {
        self.0.values().any(|text| text.starts_with(&format!("{owner} {LIVE}")))
    }
}

/// The times of a claim that is live, and of one whose time passed.
pub const LIVE: &str = "0 99999999999999";
const PAST: &str = "0 0";

/// A text without the moment it was written at.
fn timeless(text: &str) -> String {
    if let Ok(waiting) = serde_json::from_str::<serde_json::Value>(text) {
        let mut waiting = waiting;
        waiting["not_before_ms"] = 0.into();
        return waiting.to_string();
    }
    let parts: Vec<_> = text.split(' ').collect();
    match parts.as_slice() {
        [owner, _, "0", rest @ ..] => [&[*owner, PAST], rest].concat().join(" "),
        [owner, _, _, rest @ ..] => [&[*owner, LIVE], rest].concat().join(" "),
        _ => text.to_string(),
    }
}

/// A time to come.
pub fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3_600)
}

/// What the two processes are called.
pub const OWNERS: [&str; 2] = ["one", "other"];

/// Checks a model in every order.
pub fn check<M>(model: M, at_least: usize)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + PartialEq + std::hash::Hash + std::fmt::Debug + Send + Sync,
    M::Action: Clone + PartialEq + std::fmt::Debug + Send + Sync,
{
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
    assert!(checker.unique_state_count() > at_least, "{} states", checker.unique_state_count());
}

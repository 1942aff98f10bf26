//! A ledger that is forgotten with its process.

use super::{Ledger, MAX_SETTLED};
use crate::bindings::exports::servicenow::plugin::callbacks::{Known, Version};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A ledger in memory.
#[derive(Default)]
pub struct MemoryLedger(Mutex<State>);

#[derive(Default)]
struct State {
    records: HashMap<(String, String), Record>,
    cursors: HashMap<String, String>,
}

#[derive(Default)]
struct Record {
    version: Option<Version>,
    settled: BTreeSet<u32>,
}

impl MemoryLedger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for MemoryLedger {
    fn known(&self, authorization: &str, sys_id: &str) -> io::Result<Known> {
        let state = self.state();
        let record = state.records.get(&key(authorization, sys_id));
        Ok(Known {
            version: record.and_then(|record| record.version.clone()),
            settled: record.map(|record| record.settled.iter().copied().collect()).unwrap_or_default(),
        })
    }

    fn seen(&self, authorization: &str, sys_id: &str, version: &Version) -> io::Result<()> {
        let mut state = self.state();
        let record = state.records.entry(key(authorization, sys_id)).or_default();
        let known = record.version.as_ref().and_then(|known| known.mod_count);
        if version.mod_count.zip(known).is_some_and(|(count, known)| count < known) {
            return Ok(());
        }
        if let Some(count) = version.mod_count {
            record.settled.retain(|settled| *settled > count);
        }
        record.version = Some(version.clone());
        Ok(())
    }

    fn settled(&self, authorization: &str, sys_id: &str, count: u32) -> io::Result<()> {
        let mut state = self.state();
        let settled = &mut state.records.entry(key(authorization, sys_id)).or_default().settled;
        settled.insert(count);
        while settled.len() > MAX_SETTLED {
            settled.pop_first();
        }
        Ok(())
    }

    fn cursor(&self, authorization: &str) -> io::Result<Option<String>> {
        Ok(self.state().cursors.get(authorization).cloned())
    }

    fn move_cursor(&self, authorization: &str, cursor: &str) -> io::Result<()> {
        self.state().cursors.insert(authorization.to_string(), cursor.to_string());
        Ok(())
    }
}

fn key(authorization: &str, sys_id: &str) -> (String, String) {
    (authorization.to_string(), sys_id.to_string())
}

//! A ledger that is forgotten with its process.

use super::Ledger;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A ledger in memory.
#[derive(Default)]
pub struct MemoryLedger(Mutex<BTreeMap<(String, String), String>>);

impl MemoryLedger {
    fn texts(&self) -> MutexGuard<'_, BTreeMap<(String, String), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for MemoryLedger {
    fn get(&self, authorization: &str, name: &str) -> io::Result<Option<String>> {
        Ok(self.texts().get(&key(authorization, name)).cloned())
    }

    fn replace(&self, authorization: &str, name: &str, before: Option<&str>, after: Option<&str>) -> io::Result<bool> {
        let mut texts = self.texts();
        let key = key(authorization, name);
        if texts.get(&key).map(String::as_str) != before {
            return Ok(false);
        }
        match after {
            Some(after) => drop(texts.insert(key, after.to_string())),
            None => drop(texts.remove(&key)),
        }
        Ok(true)
    }

    fn names(&self, authorization: &str, start: &str) -> io::Result<Vec<String>> {
        let texts = self.texts();
        let from = texts.range(key(authorization, start)..).map(|((of, name), _)| (of, name));
        let names = from.take_while(|(of, name)| *of == authorization && name.starts_with(start));
        Ok(names.map(|(_, name)| name.clone()).collect())
    }

    fn is_durable(&self) -> bool {
        false
    }
}

fn key(authorization: &str, name: &str) -> (String, String) {
    (authorization.to_string(), name.to_string())
}

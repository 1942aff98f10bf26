//! What event sync remembers, as texts in a ledger: `record/KEY`, `event/CORRELATION-ID`, `cursor/TABLES`.

use super::ledger::Ledger;
use crate::bindings::servicenow::plugin::ledger::KnownRecord;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;

/// Counts of a record that need no attention and whose deliveries may still come. An older one counts as a change, which changes
/// nothing.
const MAX_SETTLED: usize = 64;

/// What is remembered for authorizations.
#[derive(Clone)]
pub struct Remembered(pub Arc<dyn Ledger>);

/// A record, as the ledger has it.
#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
pub struct Record {
    /// What was seen of it, as the component writes it.
    pub seen: Option<String>,
    settled: Vec<u32>,
}

impl Record {
    /// With a count that needs no attention.
    pub fn settle(&mut self, count: u32) {
        if let Err(place) = self.settled.binary_search(&count) {
            self.settled.insert(place, count);
            let surplus = self.settled.len().saturating_sub(MAX_SETTLED);
            self.settled.drain(..surplus);
        }
    }
}

impl Remembered {
    /// What is known of a record.
    pub fn known(&self, authorization: &str, sys_id: &str) -> io::Result<KnownRecord> {
        let Record { seen, settled } = read(self.0.get(authorization, &record(sys_id))?.as_deref());
        Ok(KnownRecord { seen, settled })
    }

    /// Remembers what was seen of a record, unless somebody else saw more meanwhile. Whether it was.
    pub fn seen(&self, authorization: &str, sys_id: &str, before: Option<&str>, after: &str) -> io::Result<bool> {
        self.change(authorization, &record(sys_id), |record: &mut Record| {
            let is_as_before = record.seen.as_deref() == before;
            if is_as_before {
                record.seen = Some(after.to_string());
            }
            is_as_before
        })
    }

    /// Remembers a count that needs no attention.
    pub fn settle(&self, authorization: &str, sys_id: &str, count: u32) -> io::Result<()> {
        self.change(authorization, &record(sys_id), |record: &mut Record| {
            record.settle(count);
            true
        })
        .map(drop)
    }

    /// What the last event with a correlation id said.
    pub fn last_event(&self, authorization: &str, correlation_id: &str) -> io::Result<Option<String>> {
        self.0.get(authorization, &event(correlation_id))
    }

    /// Remembers what an event said.
    pub fn remember(&self, authorization: &str, correlation_id: &str, said: &str) -> io::Result<()> {
        self.put(authorization, &event(correlation_id), said)
    }

    /// How far the changes of these tables were read.
    pub fn cursor(&self, authorization: &str, tables: &[String]) -> io::Result<Option<String>> {
        self.0.get(authorization, &cursor(tables))
    }

    /// Remembers how far they were read.
    pub fn move_cursor(&self, authorization: &str, tables: &[String], to: &str) -> io::Result<()> {
        self.put(authorization, &cursor(tables), to)
    }

    fn put(&self, authorization: &str, name: &str, text: &str) -> io::Result<()> {
        loop {
            let before = self.0.get(authorization, name)?;
            if self.0.replace(authorization, name, before.as_deref(), Some(text))? {
                return Ok(());
            }
        }
    }

    /// Changes a record, whoever else changes it at the same time. What `change` said of it in the end.
    fn change(&self, authorization: &str, name: &str, change: impl Fn(&mut Record) -> bool) -> io::Result<bool> {
        loop {
            let before = self.0.get(authorization, name)?;
            let known = read(before.as_deref());
            let mut changed = known.clone();
            let said = change(&mut changed);
            if changed == known {
                return Ok(said);
            }
            let after = serde_json::to_string(&changed).map_err(io::Error::other)?;
            if self.0.replace(authorization, name, before.as_deref(), Some(&after))? {
                return Ok(said);
            }
        }
    }
}

/// A record of a text. What nobody can read is nothing.
fn read(text: Option<&str>) -> Record {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The name of a record's text.
pub fn record(sys_id: &str) -> String {
    format!("record/{sys_id}")
}

fn event(correlation_id: &str) -> String {
    format!("event/{correlation_id}")
}

/// The name of a cursor's text. Whoever reads other tables reads on from another place.
pub fn cursor(tables: &[String]) -> String {
    let mut tables = tables.to_vec();
    tables.sort_unstable();
    tables.dedup();
    format!("cursor/{}", tables.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_sync::ledger::MemoryLedger;

    #[test]
    fn what_was_seen_and_settled_is_known_and_nothing_is_set_back() {
        let remembered = Remembered(Arc::new(MemoryLedger::default()));
        let known = || remembered.known("main", "a").unwrap();
        assert_eq!(known(), KnownRecord { seen: None, settled: Vec::new() });
        for count in [4, 0, 3, 3] {
            remembered.settle("main", "a", count).unwrap();
        }
        for (before, after, now) in
            [(None, "1", "1"), (None, "x", "1"), (Some("x"), "y", "1"), (Some("1"), "2", "2"), (Some("1"), "x", "2")]
        {
            assert_eq!(remembered.seen("main", "a", before, after).unwrap(), now == after, "{before:?} -> {after}");
            assert_eq!(known().seen.as_deref(), Some(now), "{before:?} -> {after}");
        }
        assert_eq!(known().settled, [0, 3, 4]);
        for count in 0..100 {
            remembered.settle("main", "a", count).unwrap();
        }
        assert_eq!(known().settled, (36..100).collect::<Vec<_>>());
        assert_eq!(remembered.known("other", "a").unwrap().seen, None);
    }

    #[test]
    fn each_choice_of_tables_has_a_cursor_of_its_own() {
        let remembered = Remembered(Arc::new(MemoryLedger::default()));
        let tables = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let cursor = |names: &[&str]| remembered.cursor("main", &tables(names)).unwrap();
        for to in ["c1", "c2"] {
            remembered.move_cursor("main", &tables(&["incident", "problem"]), to).unwrap();
        }
        assert_eq!(cursor(&["problem", "incident", "problem"]).as_deref(), Some("c2"));
        assert_eq!((cursor(&[]), cursor(&["incident"])), (None, None));
    }
}

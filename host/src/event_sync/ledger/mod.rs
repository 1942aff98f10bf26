//! What a host remembers of records: the last version seen, the later versions that need no attention, and how far changes were read.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryLedger;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;

use crate::bindings::exports::servicenow::plugin::callbacks::{Known, Version};
use std::io;
use std::time::SystemTime;

/// Versions of a record that need no attention and whose deliveries may still come. An older one counts as a change, which changes
/// nothing.
pub const MAX_SETTLED: usize = 64;

/// What is remembered. The methods are called on the runtime's threads, and return within milliseconds.
pub trait Ledger: Send + Sync + 'static {
    /// What is known of a record.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn known(&self, authorization: &str, sys_id: &str) -> io::Result<Known>;

    /// Remembers the last version seen of a record, unless a later one is known. Settled versions up to it are forgotten.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn seen(&self, authorization: &str, sys_id: &str, version: &Version) -> io::Result<()>;

    /// Remembers a version that needs no attention: this host wrote it, or its rules left it out.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn settled(&self, authorization: &str, sys_id: &str, count: u32) -> io::Result<()>;

    /// How far changes were read.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn cursor(&self, authorization: &str) -> io::Result<Option<String>>;

    /// Remembers how far changes were read.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn move_cursor(&self, authorization: &str, cursor: &str) -> io::Result<()>;

    /// Takes a claim until a time, where nobody else has it or whoever had it let its time pass. Whether it was taken. A ledger of
    /// one process need not know of claims: within one process nobody else asks.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn claim(&self, _claim: &Claim<'_>, _until: SystemTime) -> io::Result<bool> {
        Ok(true)
    }

    /// Gives a claim up.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn release(&self, _claim: &Claim<'_>) -> io::Result<()> {
        Ok(())
    }

    /// The names of the claims that others than this owner have now, of those that begin so.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn claims_of_others(&self, _authorization: &str, _start: &str, _owner: &str) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// What somebody does for a while, so that others wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The authorization it is about.
    pub authorization: &'a str,
    /// What is claimed.
    pub name: &'a str,
    /// Who claims it: one host in one process.
    pub owner: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(count: u32) -> Version {
        Version { mod_count: Some(count), updated_on: "2026-01-01 00:00:00".into(), digests: vec!["d".into()] }
    }

    fn remembers(ledger: &dyn Ledger) {
        assert_eq!(ledger.known("main", "a").unwrap(), Known { version: None, settled: Vec::new() });
        for count in [4, 0, 1, 2, 3, 3] {
            ledger.settled("main", "a", count).unwrap();
        }
        ledger.seen("main", "a", &version(2)).unwrap();
        let known = ledger.known("main", "a").unwrap();
        assert_eq!((known.version, known.settled), (Some(version(2)), vec![3, 4]));
        assert_eq!(ledger.known("other", "a").unwrap(), Known { version: None, settled: Vec::new() });
        let without_count = Version { mod_count: None, updated_on: String::new(), digests: Vec::new() };
        ledger.seen("main", "b", &without_count).unwrap();
        assert_eq!(ledger.known("main", "b").unwrap().version, Some(without_count));
        for count in 0..100 {
            ledger.settled("main", "c", count).unwrap();
        }
        assert_eq!(ledger.known("main", "c").unwrap().settled, (36..100).collect::<Vec<_>>());
        assert_eq!(ledger.cursor("main").unwrap(), None);
        for cursor in ["c1", "c2"] {
            ledger.move_cursor("main", cursor).unwrap();
            assert_eq!(ledger.cursor("main").unwrap().as_deref(), Some(cursor));
        }
        assert_eq!(ledger.cursor("other").unwrap(), None);
    }

    #[test]
    fn every_ledger_remembers_alike() {
        remembers(&MemoryLedger::default());
        #[cfg(feature = "sqlite")]
        {
            let folder = tempfile::tempdir().unwrap();
            remembers(&SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        }
    }
}

//! Where a host keeps what event sync remembers: texts by name, for each authorization.
//!
//! An engine with a database of its own implements [`Ledger`] over it: three methods, of which one must be atomic. What the names
//! and texts mean is [`Remembered`](super::remembered::Remembered)'s and [`Claims`](super::claims::Claims)'.

#[cfg(feature = "sqlite")]
mod lines;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite_file;

pub use memory::MemoryLedger;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;

use std::io;

/// Texts by name, for each authorization. The methods are called on the runtime's threads, and return within milliseconds.
///
/// All processes that push, listen and read changes of one authorization share one ledger. It must be consistent: what one of
/// them replaced, each reads from then on. What is lost is told or written once more; what is kept too long only takes room.
pub trait Ledger: Send + Sync + 'static {
    /// The text under a name.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn get(&self, authorization: &str, name: &str) -> io::Result<Option<String>>;

    /// Replaces the text under a name where it is still what it was before, at once for all who share the ledger. `None` is no
    /// text. Whether it was.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn replace(&self, authorization: &str, name: &str, before: Option<&str>, after: Option<&str>) -> io::Result<bool>;

    /// The names that begin so, in the order of their bytes.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn names(&self, authorization: &str, start: &str) -> io::Result<Vec<String>>;

    /// Whether texts outlive the process. Where they do not, that nothing is known of a note does not mean that it was not written.
    fn is_durable(&self) -> bool {
        true
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// What every ledger does.
    pub fn keeps_texts(ledger: &dyn Ledger) {
        let get = |name: &str| ledger.get("main", name).unwrap();
        let replace = |name: &str, before: Option<&str>, after: Option<&str>| {
            ledger.replace("main", name, before, after).unwrap()
        };
        assert_eq!(get("a/1"), None);
        for (before, after, replaced, now) in [
            (Some("x"), Some("1"), false, None),
            (None, None, true, None),
            (None, Some("1"), true, Some("1")),
            (None, Some("2"), false, Some("1")),
            (Some("x"), None, false, Some("1")),
            (Some("1"), Some("1"), true, Some("1")),
            (Some("1"), Some("\u{1f525} 2"), true, Some("\u{1f525} 2")),
            (None, None, false, Some("\u{1f525} 2")),
            (Some("\u{1f525} 2"), None, true, None),
        ] {
            assert_eq!(replace("a/1", before, after), replaced, "{before:?} -> {after:?}");
            assert_eq!(get("a/1").as_deref(), now, "{before:?} -> {after:?}");
        }
        for name in ["b/2", "b/10", "b%", "b/1", "c/1", "b/\u{1f525}"] {
            assert!(replace(name, None, Some("")));
        }
        assert_eq!(ledger.names("main", "b/").unwrap(), ["b/1", "b/10", "b/2", "b/\u{1f525}"]);
        assert_eq!(ledger.names("main", "b%").unwrap(), ["b%"]);
        assert_eq!(get("b/1").as_deref(), Some(""));
        assert_eq!(ledger.get("other", "b/1").unwrap(), None);
        assert!(ledger.names("other", "").unwrap().is_empty());
    }

    #[test]
    fn every_ledger_keeps_texts_alike() {
        keeps_texts(&MemoryLedger::default());
        #[cfg(feature = "sqlite")]
        {
            let folder = tempfile::tempdir().unwrap();
            keeps_texts(&SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        }
    }

    #[test]
    fn of_many_who_replace_one_text_at_once_each_adds_to_the_others() {
        let counts = |ledger: &dyn Ledger| {
            let count = || {
                for _ in 0..50 {
                    loop {
                        let before = ledger.get("main", "count").unwrap();
                        let next = before.as_deref().map_or(0, |count| count.parse::<u32>().unwrap()) + 1;
                        if ledger.replace("main", "count", before.as_deref(), Some(&next.to_string())).unwrap() {
                            break;
                        }
                    }
                }
            };
            std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(count))));
            assert_eq!(ledger.get("main", "count").unwrap().as_deref(), Some("200"));
        };
        counts(&MemoryLedger::default());
        #[cfg(feature = "sqlite")]
        {
            let folder = tempfile::tempdir().unwrap();
            counts(&SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        }
    }
}

//! A ledger in a SQLite database: any number of processes of one machine share it, and none that is killed takes anything with it.

use super::sqlite_file::{open, told};
use super::{Ledger, lines};
use rusqlite::{Connection, OptionalExtension, params};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a text is kept that nobody replaces. A record that nobody changed for a year is closed for good; what is forgotten
/// would be told, or written, once more.
const KEPT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What is kept whatever its age: how far changes were read, and what waits to be sent.
const KEPT_FOR_EVER: [&str; 2] = ["cursor/", "outbox/"];

/// How many texts are replaced until it is looked for old ones again, and how many of those go at once: that takes a
/// millisecond or two.
const PRUNE_EVERY: u32 = 1_000;
const PRUNED_AT_ONCE: u32 = 2_000;

/// A ledger in a file.
pub struct SqliteLedger {
    connection: Mutex<Connection>,
    kept: Duration,
    replaced: AtomicU32,
}

impl SqliteLedger {
    /// Opens a ledger, which is made where it is missing, for its owner alone. A text that nobody replaces is kept for a
    /// year.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, is a link or no regular file, holds something else than a ledger, or is on another
    /// machine's file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_keeping(path, KEPT)
    }

    /// The same, with another time that a text is kept which nobody replaces.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_keeping(path: &Path, kept: Duration) -> io::Result<Self> {
        let ledger = Self { connection: Mutex::new(open(path)?), kept, replaced: AtomicU32::new(0) };
        ledger.prune(SystemTime::now())?;
        Ok(ledger)
    }

    /// Takes a ledger of 0.1 over into a new one, at once. The old file stays as it is. How many texts it came to.
    ///
    /// # Errors
    ///
    /// If the old file is no ledger of 0.1, or the new one is there already or cannot be made.
    pub fn import(old: &Path, new: &Path) -> io::Result<(Self, usize)> {
        let texts = lines::read(old)?;
        if new.symlink_metadata().is_ok() {
            let problem = format!("{} is there already; give the path of a new ledger", new.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
        }
        let _lock = lock_of_0_1(old)?;
        let ledger = Self::open(new)?;
        let (at, count) = (ms(SystemTime::now()), texts.len());
        let imported = || {
            let mut connection = ledger.connection();
            let all = connection.transaction()?;
            for (authorization, name, text) in texts {
                all.execute("INSERT INTO texts VALUES (?1, ?2, ?3, ?4)", params![authorization, name, text, at])?;
            }
            all.commit()
        };
        if let Err(error) = imported() {
            // An empty ledger would have everything told again.
            let _ = std::fs::remove_file(new);
            return Err(told(error));
        }
        Ok((ledger, count))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is too old.
    fn prune(&self, now: SystemTime) -> io::Result<()> {
        let before = ms(now).saturating_sub(i64::try_from(self.kept.as_millis()).unwrap_or(i64::MAX));
        let [cursors, outbox] = KEPT_FOR_EVER;
        let old = "DELETE FROM texts WHERE (authorization, name) IN (SELECT authorization, name FROM texts
            WHERE at_ms < ?1 AND substr(name, 1, length(?2)) <> ?2 AND substr(name, 1, length(?3)) <> ?3 LIMIT ?4)";
        let pruned = self.connection().execute(old, params![before, cursors, outbox, PRUNED_AT_ONCE]);
        pruned.map(drop).map_err(told)
    }
}

/// The lock that a process of 0.1 holds beside its ledger for as long as it uses it.
fn lock_of_0_1(ledger: &Path) -> io::Result<Option<File>> {
    let mut beside = ledger.as_os_str().to_os_string();
    beside.push(".lock");
    let lock = match File::open(beside) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    lock.try_lock()
        .map_err(|_| io::Error::new(io::ErrorKind::ResourceBusy, "a process of 0.1 uses this ledger; end it first"))?;
    Ok(Some(lock))
}

impl Ledger for SqliteLedger {
    fn get(&self, authorization: &str, name: &str) -> io::Result<Option<String>> {
        let connection = self.connection();
        let value = connection
            .prepare("SELECT value FROM texts WHERE authorization = ?1 AND name = ?2")
            .and_then(|mut query| query.query_row([authorization, name], |row| row.get(0)).optional());
        value.map_err(told)
    }

    fn replace(&self, authorization: &str, name: &str, before: Option<&str>, after: Option<&str>) -> io::Result<bool> {
        let now = ms(SystemTime::now());
        let connection = self.connection();
        let replaced = match (before, after) {
            (None, None) => {
                drop(connection);
                return Ok(self.get(authorization, name)?.is_none());
            }
            (None, Some(after)) => connection.execute(
                "INSERT OR IGNORE INTO texts VALUES (?1, ?2, ?3, ?4)",
                params![authorization, name, after, now],
            ),
            (Some(before), Some(after)) => connection.execute(
                "UPDATE texts SET value = ?3, at_ms = ?4 WHERE authorization = ?1 AND name = ?2 AND value = ?5",
                params![authorization, name, after, now, before],
            ),
            (Some(before), None) => connection.execute(
                "DELETE FROM texts WHERE authorization = ?1 AND name = ?2 AND value = ?3",
                params![authorization, name, before],
            ),
        };
        drop(connection);
        let replaced = replaced.map_err(told)? == 1;
        if self.replaced.fetch_add(1, Ordering::Relaxed) % PRUNE_EVERY == PRUNE_EVERY - 1 {
            // What was replaced is replaced; what is old goes another time.
            if let Err(error) = self.prune(SystemTime::now()) {
                tracing::warn!(%error, "what is old in the ledger stays");
            }
        }
        Ok(replaced)
    }

    fn names(&self, authorization: &str, start: &str) -> io::Result<Vec<String>> {
        let connection = self.connection();
        // No text has a character after this one.
        let end = format!("{start}\u{10ffff}");
        let names = connection
            .prepare("SELECT name FROM texts WHERE authorization = ?1 AND name >= ?2 AND name < ?3 ORDER BY name")
            .and_then(|mut query| query.query_map([authorization, start, &end], |row| row.get(0))?.collect());
        names.map_err(told)
    }
}

fn ms(time: SystemTime) -> i64 {
    let ms = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_remembered_is_there_for_every_process_that_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let open = || SqliteLedger::open(&path).unwrap();
        let (one, other) = (open(), open());
        assert!(one.replace("main", "a", None, Some("1")).unwrap());
        assert!(!other.replace("main", "a", None, Some("x")).unwrap());
        // Opening it once more, and closing that, takes nothing from those who have it open.
        drop(open());
        let test = "event_sync::ledger::sqlite::tests::another_process_writes";
        let others = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env("LEDGER", &path)
            .output()
            .unwrap();
        assert!(others.status.success(), "{}", String::from_utf8_lossy(&others.stdout));
        assert_eq!(one.get("main", "a").unwrap().as_deref(), Some("2"));
        assert!(one.replace("main", "a", Some("2"), Some("3")).unwrap());
        drop(one);
        assert_eq!(
            (other.get("main", "a").unwrap(), open().get("main", "a").unwrap()),
            (Some("3".into()), Some("3".into()))
        );
        for file in fs::read_dir(folder.path()).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
    }

    #[test]
    #[ignore = "it is the other process of the test before"]
    fn another_process_writes() {
        let Some(path) = std::env::var_os("LEDGER") else { return };
        assert!(SqliteLedger::open(Path::new(&path)).unwrap().replace("main", "a", Some("1"), Some("2")).unwrap());
    }

    #[test]
    fn what_nobody_replaced_for_long_is_forgotten_and_what_was_read_and_waits_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        for name in ["record/a", "note/a/1", "cursor/", "outbox/1"] {
            assert!(ledger.replace("main", name, None, Some("1")).unwrap());
        }
        let now = SystemTime::now();
        for (after, kept) in [(KEPT / 2, 4), (KEPT * 2, 2)] {
            ledger.prune(now + after).unwrap();
            assert_eq!(ledger.names("main", "").unwrap().len(), kept, "after {after:?}");
        }
        assert_eq!(ledger.names("main", "").unwrap(), ["cursor/", "outbox/1"]);
    }

    #[test]
    fn a_full_disk_is_told_and_what_was_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        assert!(ledger.replace("main", "a", None, Some("1")).unwrap());
        ledger.connection().pragma_update(None, "max_page_count", 8).unwrap();
        let error = ledger.replace("main", "b", None, Some(&"x".repeat(100_000))).unwrap_err();
        assert!(error.to_string().contains("full"), "{error}");
        assert_eq!(ledger.get("main", "a").unwrap().as_deref(), Some("1"));
    }
}

//! A ledger in a SQLite database: any number of processes of one machine share it, and none that is killed takes anything with it.

use super::{Claim, Ledger, MAX_SETTLED};
use crate::bindings::exports::servicenow::plugin::callbacks::{Known, Version};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};
use rustix::fs::{FileType, Mode, OFlags, fstat, fstatfs, open};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Says in the file whose it is: `SNLG`.
const APPLICATION_ID: i32 = 0x534e_4c47;

/// The form of the tables.
const FORM: i32 = 1;

/// A transaction here takes less than a millisecond; who waits this long waits for a process that hangs.
const BUSY: Duration = Duration::from_secs(1);

/// A clock that is set is set by more than this; one that is only corrected makes no claim one of the future.
const SET_BACK_MS: i64 = 10 * 60 * 1000;

/// How long it is waited before something is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// File systems of other machines, on which locks and shared memory do not hold: NFS, SMB and CIFS, 9P (statfs(2)).
const REMOTE: [u64; 5] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997];

const TABLES: &str = "
    CREATE TABLE records (
        authorization TEXT NOT NULL, sys_id TEXT NOT NULL,
        count INTEGER, updated_on TEXT NOT NULL, digests TEXT NOT NULL,
        PRIMARY KEY (authorization, sys_id)
    ) WITHOUT ROWID;
    CREATE TABLE settled (
        authorization TEXT NOT NULL, sys_id TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (authorization, sys_id, count)
    ) WITHOUT ROWID;
    CREATE TABLE cursors (authorization TEXT PRIMARY KEY, cursor TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE claims (
        authorization TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL,
        from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,
        PRIMARY KEY (authorization, name)
    ) WITHOUT ROWID;";

/// A ledger in a file.
pub struct SqliteLedger(Mutex<Connection>);

impl SqliteLedger {
    /// Opens a ledger, which is made where it is missing, for its owner alone.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, is a link or no regular file, holds something else than a ledger, or is on another
    /// machine's file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Two that make one file at once would each look at the other's half.
        static OPENING: Mutex<()> = Mutex::new(());
        let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        check(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // SQLite refuses links anywhere in a path; the folder's own are the operator's.
        let path = folder.canonicalize()?.join(path.file_name().unwrap_or_default());
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(told)?;
        connection.busy_timeout(BUSY).map_err(told)?;
        prepare(&mut connection)?;
        Ok(Self(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the file may be used, and makes it where it is missing. It is looked at and never opened: closing a file drops every lock
/// that this process has on it, those of a ledger that is open too.
fn check(path: &Path) -> io::Result<()> {
    let new = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match open(path, new, Mode::RUSR | Mode::WUSR) {
        Ok(_) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let file = open(path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
    match FileType::from_raw_mode(fstat(&file)?.st_mode) {
        FileType::RegularFile => {}
        FileType::Symlink => return Err(invalid("it is a symbolic link; give the file itself")),
        _ => return Err(invalid("it is no regular file")),
    }
    let kind = u64::try_from(fstatfs(&file)?.f_type).unwrap_or_default();
    if REMOTE.contains(&(kind & 0xffff_ffff)) {
        return Err(invalid("it is on a file system of another machine, where no process sees another's locks"));
    }
    Ok(())
}

/// Makes the tables where the file is empty. Nothing is changed in what is no ledger of this form.
fn prepare(connection: &mut Connection) -> io::Result<()> {
    // Of one moment: another process may be making it.
    let looked = connection.transaction().map_err(told)?;
    let is_empty = is_new(&looked)?;
    drop(looked);
    if is_empty {
        // A kill loses nothing; a loss of power may lose the last transactions, which then happen again.
        use_write_ahead_log(connection)?;
        let made = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(told)?;
        // Another process may have been first.
        if is_new(&made)? {
            made.execute_batch(TABLES).map_err(told)?;
            made.pragma_update(None, "application_id", APPLICATION_ID).map_err(told)?;
            made.pragma_update(None, "user_version", FORM).map_err(told)?;
        }
        made.commit().map_err(told)?;
    }
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(told)
}

/// SQLite does not wait where two processes do this at once, so that it is tried again.
fn use_write_ahead_log(connection: &Connection) -> io::Result<()> {
    let until = Instant::now() + BUSY;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => return Err(invalid(&format!("the file system has no write-ahead log for it, but {mode}"))),
            Err(error) if is_busy(&error) && Instant::now() < until => std::thread::sleep(PAUSE),
            Err(error) => return Err(told(error)),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Whether a database is empty. The error is one that is no ledger of this form.
fn is_new(connection: &Connection) -> io::Result<bool> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(told);
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    match (number("application_id")?, number("user_version")?, tables.map_err(told)?) {
        (0, 0, 0) => Ok(true),
        (APPLICATION_ID, FORM, _) => Ok(false),
        (APPLICATION_ID, form, _) => {
            Err(invalid(&format!("it has form {form}, and this version reads form {FORM}; give another path")))
        }
        _ => Err(invalid("it is another program's database, and is left alone; give another path")),
    }
}

impl Ledger for SqliteLedger {
    fn known(&self, authorization: &str, sys_id: &str) -> io::Result<Known> {
        let mut connection = self.connection();
        // Both are of one moment.
        let read = connection.transaction().map_err(told)?;
        let version = read
            .prepare("SELECT count, updated_on, digests FROM records WHERE authorization = ?1 AND sys_id = ?2")
            .and_then(|mut query| {
                let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?));
                query.query_row([authorization, sys_id], row).optional()
            });
        let version = version.map_err(told)?.map(|(mod_count, updated_on, digests)| Version {
            mod_count,
            updated_on,
            digests: digests.split_whitespace().map(str::to_string).collect(),
        });
        let settled = read
            .prepare("SELECT count FROM settled WHERE authorization = ?1 AND sys_id = ?2 ORDER BY count")
            .and_then(|mut query| query.query_map([authorization, sys_id], |row| row.get(0))?.collect());
        Ok(Known { version, settled: settled.map_err(told)? })
    }

    fn seen(&self, authorization: &str, sys_id: &str, version: &Version) -> io::Result<()> {
        let mut connection = self.connection();
        let written = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(told)?;
        let Version { mod_count, updated_on, digests } = version;
        // Digests are hexadecimal.
        written
            .execute(
                // A process that lost its turn meanwhile, and goes on, does not set the record back.
                "INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE
                SET count = ?3, updated_on = ?4, digests = ?5 WHERE count IS NULL OR ?3 IS NULL OR ?3 >= count",
                params![authorization, sys_id, mod_count, updated_on, digests.join(" ")],
            )
            .map_err(told)?;
        written
            .execute(
                "DELETE FROM settled WHERE authorization = ?1 AND sys_id = ?2 AND count <= ?3",
                params![authorization, sys_id, mod_count],
            )
            .map_err(told)?;
        written.commit().map_err(told)
    }

    fn settled(&self, authorization: &str, sys_id: &str, count: u32) -> io::Result<()> {
        let mut connection = self.connection();
        let written = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(told)?;
        written
            .execute("INSERT OR IGNORE INTO settled VALUES (?1, ?2, ?3)", params![authorization, sys_id, count])
            .map_err(told)?;
        let surplus =
            "DELETE FROM settled WHERE authorization = ?1 AND sys_id = ?2 AND count <= (SELECT count FROM settled
            WHERE authorization = ?1 AND sys_id = ?2 ORDER BY count DESC LIMIT 1 OFFSET ?3)";
        let kept = i64::try_from(MAX_SETTLED).unwrap_or(i64::MAX);
        written.execute(surplus, params![authorization, sys_id, kept]).map_err(told)?;
        written.commit().map_err(told)
    }

    fn cursor(&self, authorization: &str) -> io::Result<Option<String>> {
        let connection = self.connection();
        let cursor = connection
            .prepare("SELECT cursor FROM cursors WHERE authorization = ?1")
            .and_then(|mut query| query.query_row([authorization], |row| row.get(0)).optional());
        cursor.map_err(told)
    }

    fn move_cursor(&self, authorization: &str, cursor: &str) -> io::Result<()> {
        let connection = self.connection();
        let written = connection.execute("INSERT OR REPLACE INTO cursors VALUES (?1, ?2)", [authorization, cursor]);
        written.map(drop).map_err(told)
    }

    fn claim(&self, claim: &Claim<'_>, until: SystemTime) -> io::Result<bool> {
        let mut connection = self.connection();
        let written = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(told)?;
        let Claim { authorization, name, owner } = claim;
        let now = ms(SystemTime::now());
        // What those who were killed left. A claim of the future was made before a clock was set back.
        let past = "DELETE FROM claims WHERE authorization = ?1 AND (until_ms < ?2 OR from_ms > ?3)";
        written.execute(past, params![authorization, now, now + SET_BACK_MS]).map_err(told)?;
        let taken = written
            .execute(
                "INSERT INTO claims VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET from_ms = ?4, until_ms = ?5
                WHERE owner = ?3",
                params![authorization, name, owner, now, ms(until)],
            )
            .map_err(told)?;
        written.commit().map_err(told)?;
        Ok(taken == 1)
    }

    fn release(&self, claim: &Claim<'_>) -> io::Result<()> {
        let connection = self.connection();
        let released = connection.execute(
            "DELETE FROM claims WHERE authorization = ?1 AND name = ?2 AND owner = ?3",
            [claim.authorization, claim.name, claim.owner],
        );
        released.map(drop).map_err(told)
    }

    fn claims_of_others(&self, authorization: &str, start: &str, owner: &str) -> io::Result<Vec<String>> {
        let connection = self.connection();
        let names = connection
            .prepare(
                "SELECT name FROM claims
                WHERE authorization = ?1 AND substr(name, 1, length(?2)) = ?2 AND owner <> ?3 AND until_ms >= ?4
                AND from_ms <= ?5",
            )
            .and_then(|mut query| {
                let row = |row: &rusqlite::Row<'_>| row.get(0);
                let now = ms(SystemTime::now());
                query.query_map(params![authorization, start, owner, now, now + SET_BACK_MS], row)?.collect()
            });
        names.map_err(told)
    }
}

fn ms(time: SystemTime) -> i64 {
    let ms = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn told(error: rusqlite::Error) -> io::Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => invalid("it is no ledger, and is left alone; give another path"),
        _ => io::Error::other(error),
    }
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_was_remembered_is_there_for_every_process_that_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let (one, other) = (SqliteLedger::open(&path).unwrap(), SqliteLedger::open(&path).unwrap());
        one.settled("main", "a", 7).unwrap();
        assert_eq!(other.known("main", "a").unwrap().settled, [7]);
        // Opening it once more, and closing that, takes nothing from those who have it open.
        drop(SqliteLedger::open(&path).unwrap());
        let others = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "event_sync::ledger::sqlite::tests::another_process_writes", "--ignored", "--nocapture"])
            .env("LEDGER", &path)
            .output()
            .unwrap();
        assert!(others.status.success(), "{}", String::from_utf8_lossy(&others.stdout));
        assert_eq!(one.known("main", "a").unwrap().settled, [7, 8]);
        one.settled("main", "a", 9).unwrap();
        assert_eq!(SqliteLedger::open(&path).unwrap().known("main", "a").unwrap().settled, [7, 8, 9]);
        drop(one);
        other.move_cursor("main", "c").unwrap();
        assert_eq!(SqliteLedger::open(&path).unwrap().cursor("main").unwrap().as_deref(), Some("c"));
        for file in fs::read_dir(folder.path()).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
    }

    #[test]
    #[ignore = "it is the other process of the test before"]
    fn another_process_writes() {
        let Some(path) = std::env::var_os("LEDGER") else { return };
        SqliteLedger::open(Path::new(&path)).unwrap().settled("main", "a", 8).unwrap();
    }

    #[test]
    fn those_who_open_a_new_ledger_at_once_all_get_it() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let path = folder.path().join(round.to_string());
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        check(&path).unwrap();
                        let mut connection = Connection::open(&path).unwrap();
                        connection.busy_timeout(BUSY).unwrap();
                        prepare(&mut connection).unwrap();
                    });
                }
            });
        }
    }

    #[test]
    fn a_record_is_not_set_back_by_one_who_lost_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let version = |count| Version { mod_count: count, updated_on: String::new(), digests: Vec::new() };
        for (count, kept) in [(Some(5), Some(5)), (Some(6), Some(6)), (Some(5), Some(6)), (Some(6), Some(6))] {
            ledger.seen("main", "a", &version(count)).unwrap();
            assert_eq!(ledger.known("main", "a").unwrap().version.unwrap().mod_count, kept, "{count:?}");
        }
    }

    #[test]
    fn a_claim_is_one_owner_s_until_it_is_released_or_its_time_passed() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let claim = |owner| Claim { authorization: "main", name: "write/1", owner };
        let later = SystemTime::now() + Duration::from_secs(60);
        let past = SystemTime::now() - Duration::from_secs(60);
        assert!(ledger.claim(&claim("a"), later).unwrap() && ledger.claim(&claim("a"), later).unwrap());
        assert!(!ledger.claim(&claim("b"), later).unwrap());
        assert_eq!(ledger.claims_of_others("main", "write/", "b").unwrap(), ["write/1"]);
        for (authorization, start, owner) in
            [("main", "write/", "a"), ("main", "record/", "b"), ("other", "write/", "b")]
        {
            assert!(
                ledger.claims_of_others(authorization, start, owner).unwrap().is_empty(),
                "{authorization} {start} {owner}"
            );
        }
        ledger.release(&claim("b")).unwrap();
        assert!(!ledger.claim(&claim("b"), later).unwrap(), "nobody gives up another's");
        ledger.release(&claim("a")).unwrap();
        assert!(ledger.claim(&claim("b"), past).unwrap());
        assert!(ledger.claims_of_others("main", "write/", "a").unwrap().is_empty());
        assert!(ledger.claim(&claim("a"), later).unwrap(), "whoever had it is gone");
    }

    #[test]
    fn what_is_no_ledger_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("notes"), "dear diary").unwrap();
        symlink(path("notes"), path("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Connection::open(path("other")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        let newer = Connection::open(path("newer")).unwrap();
        newer.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        newer.pragma_update(None, "user_version", FORM + 1).unwrap();
        drop(newer);
        let [other, newer] = ["other", "newer"].map(|name| fs::read(path(name)).unwrap());
        for (name, problem) in [
            ("notes", "no ledger"),
            ("link", "symbolic link"),
            ("pipe", "no regular file"),
            ("other", "another program's"),
            ("newer", "form 2"),
            ("missing/ledger", "No such file"),
        ] {
            let error = SqliteLedger::open(&path(name)).err().unwrap().to_string();
            assert!(error.contains(problem), "{name}: {error}");
        }
        assert_eq!(fs::read_to_string(path("notes")).unwrap(), "dear diary");
        for (name, before) in [("other", other), ("newer", newer)] {
            assert!(fs::read(path(name)).unwrap() == before, "{name} is left alone");
        }
    }
}

//! The file of a ledger: made for its owner alone, and opened where it is one and on this machine.

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use rustix::fs::{FileType, Mode, OFlags, fstat, fstatfs, open as open_file};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Says in the file whose it is: `SNLG`.
const APPLICATION_ID: i32 = 0x534e_4c47;

/// The form of the tables.
const FORM: i32 = 2;

/// A statement here takes less than a millisecond; who waits this long waits for a process that hangs. What a component waits
/// for counts as its computing, of which it has a second.
const BUSY: Duration = Duration::from_millis(150);

/// Making the file takes longer, where several processes do it at once.
const BUSY_OPENING: Duration = Duration::from_secs(1);

/// How long it is waited before something is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// File systems of other machines, on which locks and shared memory do not hold: NFS, SMB and CIFS, 9P (statfs(2)).
const REMOTE: [u64; 5] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997];

const TABLES: &str = "
    CREATE TABLE texts (
        authorization TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at_ms INTEGER NOT NULL,
        PRIMARY KEY (authorization, name)
    ) WITHOUT ROWID;
    CREATE INDEX by_age ON texts (at_ms);";

/// Opens a ledger, which is made where it is missing.
pub fn open(path: &Path) -> io::Result<Connection> {
    // Two that make one file at once would each look at the other's half.
    static OPENING: Mutex<()> = Mutex::new(());
    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    check(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // SQLite refuses links anywhere in a path; the folder's own are the operator's.
    let path = folder.canonicalize()?.join(path.file_name().unwrap_or_default());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(told)?;
    connection.busy_timeout(BUSY_OPENING).map_err(told)?;
    prepare(&mut connection)?;
    connection.busy_timeout(BUSY).map_err(told)?;
    Ok(connection)
}

/// Whether the file may be used, and makes it where it is missing. It is looked at and never opened: closing a file drops every lock
/// that this process has on it, those of a ledger that is open too.
fn check(path: &Path) -> io::Result<()> {
    let new = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match open_file(path, new, Mode::RUSR | Mode::WUSR) {
        Ok(_) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let file = open_file(path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
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
    let until = Instant::now() + BUSY_OPENING;
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

/// What SQLite says, and what can be done about it.
pub fn told(error: rusqlite::Error) -> io::Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            invalid("it is no ledger, and is left alone; give another path, or import takes a ledger of 0.1 over")
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            invalid("it is damaged; move it away, and a new one is made: what it had is then told once more")
        }
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
    use std::os::unix::fs::symlink;

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
                        connection.busy_timeout(BUSY_OPENING).unwrap();
                        prepare(&mut connection).unwrap();
                    });
                }
            });
        }
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
        // A ledger of which a page in the middle is gone.
        let damaged = open(&path("damaged")).unwrap();
        let fill = "INSERT INTO texts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
            SELECT 'main', i, i, i FROM n";
        damaged.execute_batch(fill).unwrap();
        drop(damaged);
        let mut bytes = fs::read(path("damaged")).unwrap();
        bytes[4_096..].fill(0xff);
        fs::write(path("damaged"), bytes).unwrap();
        let error = super::super::SqliteLedger::open(&path("damaged")).err().unwrap().to_string();
        assert!(error.contains("damaged; move it away"), "{error}");
        let [other, newer] = ["other", "newer"].map(|name| fs::read(path(name)).unwrap());
        for (name, problem) in [
            ("notes", "no ledger"),
            ("link", "symbolic link"),
            ("pipe", "no regular file"),
            ("other", "another program's"),
            ("newer", "form 3"),
            ("missing/ledger", "No such file"),
        ] {
            let error = open(&path(name)).err().unwrap().to_string();
            assert!(error.contains(problem), "{name}: {error}");
        }
        assert_eq!(fs::read_to_string(path("notes")).unwrap(), "dear diary");
        for (name, before) in [("other", other), ("newer", newer)] {
            assert!(fs::read(path(name)).unwrap() == before, "{name} is left alone");
        }
    }
}

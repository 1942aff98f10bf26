//! What a host remembers of records: the last version seen, the later versions that need no attention, and how far changes were read.
//!
//! In a file it is a list of entries, one JSON text a line, each appended when it happens. A process that is killed loses at most
//! what it was about to do, which then happens again. The file is written anew, without what is past, when it is opened and
//! whenever most of it is past. One process has it at a time: a lock beside it says so.

use super::writes::{Writes, Writing};
use crate::bindings::exports::servicenow::plugin::callbacks::{Known, Version};
use crate::files;
use rustix::fs::{Mode, OFlags, open};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Mutex as Turn, MutexGuard as TurnGuard};

/// Versions of a record that need no attention and whose deliveries may still come. An older one counts as a change, which changes
/// nothing.
const MAX_SETTLED: usize = 64;

/// How many records can be judged at once; others of the same place wait for each other.
const TURNS: usize = 256;

/// How a ledger starts: a file that is something else is left alone, also where it has no line break.
const STARTS: [&str; 3] = ["{\"seen\":", "{\"settled\":", "{\"cursor\":"];

/// A file of fewer entries is not worth writing anew.
const MIN_REWRITTEN: usize = 10_000;

/// What a host remembers.
pub struct Ledger {
    state: Mutex<State>,
    turns: Vec<Turn<()>>,
    hasher: RandomState,
    writing: Mutex<HashMap<String, Arc<Writes>>>,
}

#[derive(Default)]
struct State {
    records: HashMap<(String, String), Record>,
    cursors: HashMap<String, String>,
    file: Option<Appended>,
}

/// The file, and how many entries were appended since it was written anew.
struct Appended {
    path: PathBuf,
    file: File,
    entries: usize,
    /// Held for as long as the file is in use.
    _lock: File,
}

#[derive(Clone, Default)]
struct Record {
    version: Option<Stored>,
    settled: Vec<u32>,
}

/// A version, as it is written down.
#[derive(Clone, Deserialize, Serialize)]
struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    on: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    digests: Vec<String>,
}

/// One line of the file.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Entry {
    Seen { authorization: String, sys_id: String, version: Stored },
    Settled { authorization: String, sys_id: String, count: u32 },
    Cursor { authorization: String, cursor: String },
}

impl Default for Ledger {
    fn default() -> Self {
        Self::with(State::default())
    }
}

/// Some million entries.
const MAX_BYTES: usize = 1 << 30;

impl Ledger {
    fn with(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            turns: (0..TURNS).map(|_| Turn::default()).collect(),
            hasher: RandomState::new(),
            writing: Mutex::default(),
        }
    }

    /// A ledger in a file, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, or holds something else than a ledger.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Nothing that stands behind a link, and no pipe or device, is opened, locked or replaced.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let lock = File::from(open(beside(path, ".lock"), flags, Mode::RUSR | Mode::WUSR)?);
        lock.try_lock().map_err(|_| {
            io::Error::new(io::ErrorKind::ResourceBusy, "another process uses this ledger; give each a file of its own")
        })?;
        let mut state = State::default();
        let text = match files::read(path, MAX_BYTES) {
            Ok(content) => content.text()?.to_string(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        if !text.is_empty() && !STARTS.iter().any(|start| text.starts_with(start)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "line 1 is no entry of a ledger"));
        }
        // The last line of a process that was killed may be cut off.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (at, line) in whole.lines().enumerate() {
            let entry = serde_json::from_str(line).map_err(|error| {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {} is no entry of a ledger: {error}", at + 1))
            })?;
            state.apply(entry);
        }
        let file = state.write_anew(path)?;
        state.file = Some(Appended { path: path.to_path_buf(), file, entries: 0, _lock: lock });
        Ok(Self::with(state))
    }

    /// What is known of a record.
    pub fn known(&self, authorization: &str, sys_id: &str) -> Known {
        let record = self.state().records.get(&key(authorization, sys_id)).cloned().unwrap_or_default();
        let version = record.version.map(|stored| Version {
            mod_count: stored.count,
            updated_on: stored.on,
            digests: stored.digests,
        });
        Known { version, settled: record.settled }
    }

    /// Remembers the last version seen of a record.
    pub fn seen(&self, authorization: &str, sys_id: &str, version: &Version) -> io::Result<()> {
        let version =
            Stored { count: version.mod_count, on: version.updated_on.clone(), digests: version.digests.clone() };
        self.note(Entry::Seen { authorization: authorization.to_string(), sys_id: sys_id.to_string(), version })
    }

    /// Remembers a version that needs no attention: this host wrote it, or its rules left it out.
    pub fn settled(&self, authorization: &str, sys_id: &str, count: u32) -> io::Result<()> {
        self.note(Entry::Settled { authorization: authorization.to_string(), sys_id: sys_id.to_string(), count })
    }

    /// How far changes were read.
    pub fn cursor(&self, authorization: &str) -> Option<String> {
        self.state().cursors.get(authorization).cloned()
    }

    /// Remembers how far changes were read.
    pub fn move_cursor(&self, authorization: &str, cursor: &str) -> io::Result<()> {
        self.note(Entry::Cursor { authorization: authorization.to_string(), cursor: cursor.to_string() })
    }

    /// A write is under way until this is dropped.
    pub(super) fn writing(&self, authorization: &str) -> Writing {
        self.writes_of(authorization).begin()
    }

    /// Waits for the writes that are under way now, and for none that begins meanwhile.
    pub(super) async fn written(&self, authorization: &str) {
        self.writes_of(authorization).ended().await;
    }

    /// A record's turn: it is judged and remembered by one at a time.
    pub(super) async fn turn(&self, authorization: &str, sys_id: &str) -> TurnGuard<'_, ()> {
        let place = self.hasher.hash_one((authorization, sys_id)) % TURNS as u64;
        self.turns[usize::try_from(place).unwrap_or_default()].lock().await
    }

    fn writes_of(&self, authorization: &str) -> Arc<Writes> {
        let mut all = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(authorization.to_string()).or_default())
    }

    fn note(&self, entry: Entry) -> io::Result<()> {
        let mut state = self.state();
        let records = state.records.len();
        let mut is_mostly_past = false;
        if let Some(appended) = &mut state.file {
            let mut line = serde_json::to_string(&entry)?;
            line.push('\n');
            let whole = appended.file.metadata()?.len();
            if let Err(error) = appended.file.write_all(line.as_bytes()) {
                // Half a line in the middle of the file would make the rest unreadable.
                let _ = appended.file.set_len(whole);
                return Err(error);
            }
            appended.entries += 1;
            is_mostly_past = appended.entries > MIN_REWRITTEN.max(4 * records);
        }
        state.apply(entry);
        if let Some(mut appended) = state.file.take_if(|_| is_mostly_past) {
            // Where that fails the old file goes on.
            if let Ok(file) = state.write_anew(&appended.path) {
                appended.file = file;
            }
            appended.entries = 0;
            state.file = Some(appended);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Seen { authorization, sys_id, version } => {
                let record = self.records.entry((authorization, sys_id)).or_default();
                if let Some(count) = version.count {
                    record.settled.retain(|own| *own > count);
                }
                record.version = Some(version);
            }
            Entry::Settled { authorization, sys_id, count } => {
                let own = &mut self.records.entry((authorization, sys_id)).or_default().settled;
                own.push(count);
                let surplus = own.len().saturating_sub(MAX_SETTLED);
                own.drain(..surplus);
            }
            Entry::Cursor { authorization, cursor } => {
                self.cursors.insert(authorization, cursor);
            }
        }
    }

    /// Writes what is remembered in the place of the file, which never is half of it, and opens that to append to it.
    fn write_anew(&self, path: &Path) -> io::Result<File> {
        files::replace(path, self.lines()?.as_bytes(), |_| true)?;
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(File::from(open(path, flags, Mode::empty())?))
    }

    /// Everything that is remembered, as lines.
    fn lines(&self) -> io::Result<String> {
        let mut lines = String::new();
        let mut line = |entry: Entry| {
            lines.push_str(&serde_json::to_string(&entry)?);
            lines.push('\n');
            Ok::<_, io::Error>(())
        };
        for ((authorization, sys_id), record) in &self.records {
            let (authorization, sys_id) = (authorization.clone(), sys_id.clone());
            if let Some(version) = record.version.clone() {
                line(Entry::Seen { authorization: authorization.clone(), sys_id: sys_id.clone(), version })?;
            }
            for count in &record.settled {
                line(Entry::Settled { authorization: authorization.clone(), sys_id: sys_id.clone(), count: *count })?;
            }
        }
        for (authorization, cursor) in &self.cursors {
            line(Entry::Cursor { authorization: authorization.clone(), cursor: cursor.clone() })?;
        }
        Ok(lines)
    }
}

/// A file beside another, with more behind its name.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(more);
    name.into()
}

fn key(authorization: &str, sys_id: &str) -> (String, String) {
    (authorization.to_string(), sys_id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    fn version(count: u32) -> Version {
        Version { mod_count: Some(count), updated_on: "2026-01-01 00:00:00".into(), digests: Vec::new() }
    }

    #[test]
    fn what_was_remembered_is_there_after_a_cut_off_line_and_what_is_past_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let ledger = Ledger::open(&path).unwrap();
        for count in 0..5 {
            ledger.settled("main", "a", count).unwrap();
        }
        ledger.seen("main", "a", &version(2)).unwrap();
        ledger.move_cursor("main", "c1").unwrap();
        drop(ledger);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"seen\":{\"author").unwrap();

        let ledger = Ledger::open(&path).unwrap();
        let known = ledger.known("main", "a");
        assert_eq!((known.version, known.settled), (Some(version(2)), vec![3, 4]));
        assert_eq!(ledger.cursor("main").as_deref(), Some("c1"));
        assert_eq!(ledger.known("other", "a"), Known { version: None, settled: Vec::new() });
        drop(ledger);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
    }

    #[test]
    fn a_file_of_things_past_is_written_anew_and_belongs_to_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let ledger = Ledger::open(&path).unwrap();
        assert!(Ledger::open(&path).err().unwrap().to_string().contains("another process"));
        for count in 0..25_000 {
            ledger.seen("main", "a", &version(count)).unwrap();
        }
        assert!(std::fs::read_to_string(&path).unwrap().lines().count() < 10_010);
        drop(ledger);
        assert_eq!(Ledger::open(&path).unwrap().known("main", "a").version, Some(version(24_999)));
    }

    #[test]
    fn a_file_that_is_no_ledger_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        for text in ["dear diary\n", "dear diary", "{}", "{\"seen\":{}}\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(Ledger::open(&path).err().unwrap().to_string().starts_with("line 1 is no entry"), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}

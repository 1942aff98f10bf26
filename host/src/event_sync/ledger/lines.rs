//! The ledger of 0.1, a file with one JSON text a line: it is read once, into a new ledger.

use crate::event_sync::remembered::{self, Record};
use crate::files;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Some million entries.
const MAX_BYTES: usize = 1 << 30;

/// A text of a ledger: its authorization, its name, and itself.
pub type Text = (String, String, String);

/// One line of the file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Entry {
    Seen { authorization: String, sys_id: String, version: Version },
    Settled { authorization: String, sys_id: String, count: u32 },
    Cursor { authorization: String, cursor: String },
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    count: Option<u32>,
    #[serde(default)]
    on: String,
    #[serde(default)]
    digests: Vec<String>,
}

/// How such a file starts: one that is something else is refused, also where it has no line break.
const STARTS: [&str; 3] = ["{\"seen\":", "{\"settled\":", "{\"cursor\":"];

/// The texts that a ledger of 0.1 comes to. What was seen is written as the component writes it.
pub fn read(path: &Path) -> io::Result<Vec<Text>> {
    let content = files::read(path, MAX_BYTES)?;
    let text = content.text()?;
    if !text.is_empty() && !STARTS.iter().any(|start| text.starts_with(start)) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "line 1 is no entry of a ledger of 0.1"));
    }
    // The last line of a process that was killed may be cut off.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let (mut records, mut cursors) = (BTreeMap::<(String, String), Record>::new(), BTreeMap::new());
    for (at, line) in whole.lines().enumerate() {
        let entry = serde_json::from_str(line).map_err(|error| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {} is no entry of a ledger of 0.1: {error}", at + 1),
            )
        })?;
        match entry {
            Entry::Seen { authorization, sys_id, version: Version { count, on, digests } } => {
                let seen = json!({"version": {"mod_count": count, "updated_on": on, "digests": digests}});
                records.entry((authorization, sys_id)).or_default().seen = Some(seen.to_string());
            }
            Entry::Settled { authorization, sys_id, count } => {
                records.entry((authorization, sys_id)).or_default().settle(count);
            }
            Entry::Cursor { authorization, cursor } => drop(cursors.insert(authorization, cursor)),
        }
    }
    // A ledger of 0.1 has one cursor. It is imported as the cursor of all tables, which is the usual choice.
    let cursors = cursors.into_iter().map(|(authorization, cursor)| (authorization, remembered::cursor(&[]), cursor));
    let records = records.into_iter().map(|((authorization, sys_id), record)| {
        let text = serde_json::to_string(&record).map_err(io::Error::other)?;
        Ok((authorization, remembered::record(&sys_id), text))
    });
    records.chain(cursors.map(Ok)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Ledger, SqliteLedger};
    use super::*;
    use crate::bindings::servicenow::plugin::ledger::KnownRecord;
    use crate::event_sync::remembered::Remembered;
    use std::sync::Arc;

    const OLD: &str = r#"{"seen":{"authorization":"main","sys_id":"a","version":{"count":3,"on":"2026-01-01 00:00:00"}}}
{"settled":{"authorization":"main","sys_id":"a","count":5}}
{"settled":{"authorization":"main","sys_id":"a","count":4}}
{"seen":{"authorization":"main","sys_id":"a","version":{"count":4}}}
{"cursor":{"authorization":"main","cursor":"c1"}}
{"cursor":{"authorization":"main","cursor":"c2"}}
{"settled":{"authorization":"other","sys_id":"b","count":1}}
{"settled":{"authori"#;

    #[test]
    fn a_ledger_of_0_1_is_taken_over_once_into_a_new_file_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        std::fs::write(&old, OLD).unwrap();
        let (ledger, texts) = SqliteLedger::import(&old, &new).unwrap();
        assert_eq!((texts, std::fs::read_to_string(&old).unwrap().as_str()), (3, OLD));
        let remembered = Remembered(Arc::new(ledger));
        let KnownRecord { seen, settled } = remembered.known("main", "a").unwrap();
        let expected = json!({"version": {"mod_count": 4, "updated_on": "", "digests": []}}).to_string();
        assert_eq!((seen, settled), (Some(expected), vec![4, 5]));
        assert_eq!(remembered.cursor("main", &[]).unwrap().as_deref(), Some("c2"));
        assert_eq!(remembered.known("other", "b").unwrap().settled, [1]);
        let again = SqliteLedger::import(&old, &new).err().unwrap().to_string();
        assert!(again.contains("is there already"), "{again}");
        let refused = SqliteLedger::open(&old).err().unwrap().to_string();
        assert!(refused.contains("import takes a ledger of 0.1 over"), "{refused}");
    }

    #[test]
    fn what_is_no_ledger_of_0_1_makes_no_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let cases = ["dear diary", "dear diary\n", "{\"seen\":1}\n", "{\"cursor\":{\"authorization\":\"a\"}}\n"];
        for text in cases {
            std::fs::write(&old, text).unwrap();
            let refused = SqliteLedger::import(&old, &new).err().unwrap().to_string();
            assert!(refused.starts_with("line 1 is no entry of a ledger of 0.1"), "{text}: {refused}");
            assert!(!new.exists());
        }
        assert!(SqliteLedger::import(&folder.path().join("missing"), &new).is_err() && !new.exists());
        std::fs::write(&old, "").unwrap();
        assert_eq!(SqliteLedger::import(&old, &new).unwrap().0.names("main", "").unwrap(), Vec::<String>::new());
    }
}

//! The pages of `docs/sync/cookbook`, run as they are written: the files of a page, and its table of what happens.

use super::test_bed::{TestBed, event_sync};
use servicenow_host::{Outcome, SqliteLedger};
use servicenow_simulator::{Options, Simulator};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The rules that a row takes which names none.
const RULES: &str = "rules.json";

/// The fewest rows of a page: it opens, repeats, is edited, repeats, changes, recovers and comes back.
const FEWEST: usize = 7;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sync/cookbook")
}

/// A page: its files by name, and the rows of its table, each a list of cells.
struct Page {
    files: HashMap<String, String>,
    rows: Vec<Vec<String>>,
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let blocks = text.split("\n```json ").skip(1).map(|block| {
            let (name, rest) = block.split_once('\n').unwrap();
            (name.to_string(), rest.split("\n```").next().unwrap().to_string())
        });
        let table = text.lines().filter(|line| line.starts_with("| ")).skip(2);
        let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect();
        Self { files: blocks.collect(), rows: table.map(cells).collect() }
    }
}

/// What stands in backquotes.
fn codes(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

async fn run(name: &str, page: &Page) {
    // With the clock of this machine: rules ask how long ago an incident was resolved.
    let mut bed = TestBed::on(Simulator::start(Options::default()).await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    bed.sync = Arc::new(event_sync(&bed.simulator, ledger));
    let groups = bed.simulator.rows("sys_user_group").len();
    assert!(groups > 0 && page.rows.len() >= FEWEST, "{name}: {} rows", page.rows.len());
    for row in &page.rows {
        let [what, event, expected, incident] = row.as_slice() else { panic!("{name}: {row:?}") };
        let columns: Vec<_> = codes(incident).into_iter().map(|code| code.split_once('=').unwrap()).collect();
        if event == "agent" {
            let key = bed.simulator.rows("incident").last().unwrap()["sys_id"].to_string();
            let edit = columns.iter().map(|(column, value)| (column.to_string(), (*value).into()));
            bed.agent(&format!("incident/{key}"), serde_json::Value::Object(edit.collect())).await;
        } else {
            let named = codes(event);
            let (event, rules) = (named[0], named.get(1).copied().unwrap_or(RULES));
            let before = (bed.simulator.rows("incident"), bed.simulator.rows("sys_journal_field"));
            let pushes = bed.sync.push_each(
                bed.call("events"),
                page.files[rules].clone(),
                page.files[event].clone(),
                false,
                |_, _| (),
            );
            let reports = pushes.await.unwrap();
            let cases: Vec<_> = reports.iter().map(|report| report.outcome.case()).collect();
            assert_eq!(cases.join(", "), codes(expected)[0], "{name}, {what}: {reports:?}");
            if cases.iter().all(|case| *case == "unchanged") {
                let after = (bed.simulator.rows("incident"), bed.simulator.rows("sys_journal_field"));
                assert_eq!(after, before, "{name}, {what}");
            }
        }
        for (column, value) in columns {
            let rows = bed.simulator.rows("incident");
            assert_eq!(rows.last().unwrap()[column].to_string(), value, "{name}, {what}: {column}");
        }
    }
}

#[tokio::test]
async fn each_page_of_the_cookbook_does_what_it_says() {
    let mut pages: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.file_name().unwrap() != "README.md");
    pages.sort();
    let index = std::fs::read_to_string(folder().join("README.md")).unwrap();
    assert!(pages.len() >= 12, "{pages:?}");
    for path in pages {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(index.contains(&format!("({name})")), "{name} is not in the list");
        run(name, &Page::read(&path)).await;
    }
}

//! The pages of `docs/sync`, run as they are written: files are written, commands run, and what they print is compared.
//!
//! A block ```` ```json NAME ```` is a file, `sh` is run, and each line of `text` begins or is in a line that the last commands
//! printed, in this order.

use crate::support::components;
use host_test::components::FOLDER;
use std::path::Path;
use std::process::Command;

/// What is printed after each block of commands.
const END: &str = "== end of block ";

/// A page takes some three seconds; one that waits for what never comes is ended.
const PATIENCE_SECONDS: &str = "120";

/// Runs a page in an empty folder.
fn walk(page: &str) {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sync").join(page)).unwrap();
    let mut script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n".to_string();
    let mut expected: Vec<Vec<&str>> = Vec::new();
    for block in text.split("\n```").collect::<Vec<_>>().chunks(2).filter_map(|pair| pair.get(1)) {
        let (info, body) = block.split_once('\n').unwrap_or((block, ""));
        match info.split_once(' ') {
            Some((_, name)) => script += &format!("cat > {name} <<'END OF FILE'\n{body}\nEND OF FILE\n"),
            None if info == "sh" => {
                script += &format!("{body}\necho '{END}'\n");
                expected.push(Vec::new());
            }
            None => {
                assert_eq!(info, "text", "{page}: a block of another kind");
                expected.last_mut().unwrap().extend(body.lines());
            }
        }
    }
    let program = Path::new(env!("CARGO_BIN_EXE_host-test")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let ran = Command::new("timeout")
        .args([PATIENCE_SECONDS, "bash", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env(FOLDER, components())
        .output()
        .unwrap();
    let (printed, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{page}: {printed}\n{complained}");
    for (printed, expected) in printed.split(END).zip(&expected) {
        let mut lines = printed.lines();
        for line in expected {
            assert!(lines.any(|printed| printed.contains(line)), "{page}: {line:?} is not in order in\n{printed}");
        }
    }
}

#[test]
fn access_requests_become_incidents() {
    walk("apono.md");
}

#[test]
fn alerts_and_incidents_go_both_ways_by_an_automatic_rule() {
    walk("flashduty-2025-05.md");
}

#[test]
fn alerts_and_incidents_go_both_ways_with_the_least_rights() {
    walk("flashduty-2025-10.md");
}

#[test]
fn every_change_of_a_ticket_comes_with_nothing_to_paste() {
    walk("neo-agent.md");
}

//! The audit of what each call reported against the instance's own records.

use servicenow_host::types::WriteHappened;
use servicenow_simulator::Row;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// What a call does.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Creates an incident. Several calls may share a correlation id.
    Create {
        /// The correlation id.
        correlation_id: String,
    },
    /// Updates the incident that was prepared for this call alone.
    Update {
        /// The call's number.
        incident: usize,
    },
    /// Gets the incident that was prepared for this call alone.
    Get {
        /// The call's number.
        incident: usize,
    },
}

/// What a call was told.
#[derive(Clone, Debug)]
pub struct Told {
    /// The method and the case.
    pub outcome: String,
    /// Whether it is the method's success.
    pub is_success: bool,
    /// The record it names, if it does.
    pub sys_id: String,
    /// Whether it says that something was written.
    pub write_happened: WriteHappened,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a call did and reported.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The call's number.
    pub call: usize,
    /// What it did.
    pub task: Task,
    /// The incident prepared for it; empty for a create.
    pub sys_id: String,
    /// What it was told.
    pub told: Told,
}

/// The correlation id of the incident that is prepared for a call.
pub fn prepared_for(call: usize) -> String {
    format!("base-{call}")
}

/// What the update of this call writes.
pub fn written_by(call: usize) -> String {
    format!("written by call {call}")
}

/// Where reports and records contradict each other, one sentence each.
pub fn audit(calls: usize, entries: &[Entry], rows: &[Row]) -> Vec<String> {
    let mut found = Vec::new();
    let mut ended = vec![0; calls];
    for entry in entries {
        ended[entry.call] += 1;
    }
    for (call, times) in ended.into_iter().enumerate().filter(|(_, times)| *times != 1) {
        found.push(format!("call {call} has {times} outcomes"));
    }
    let column = |row: &Row, name: &str| row.get(name).to_string();
    let mut by_correlation: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    let mut by_key: HashMap<String, Vec<&Row>> = HashMap::new();
    for row in rows {
        by_correlation.entry(column(row, "correlation_id")).or_default().push(row);
        by_key.entry(column(row, "sys_id")).or_default().push(row);
    }
    let asked: HashSet<String> = entries
        .iter()
        .map(|entry| match &entry.task {
            Task::Create { correlation_id } => correlation_id.clone(),
            Task::Update { incident } | Task::Get { incident } => prepared_for(*incident),
        })
        .collect();
    for id in by_correlation.keys().filter(|id| !asked.contains(*id)) {
        found.push(format!("an incident of correlation id {id:?} is there, which nobody asked for"));
    }
    for entry in entries.iter().filter(|entry| entry.told.outcome.contains("invalid-")) {
        found.push(format!("call {} was told that its inputs are not in order", entry.call));
    }
    for (id, twins) in by_correlation.iter().filter(|(_, rows)| rows.len() > 1) {
        found.push(format!("correlation id {id} exists {} times", twins.len()));
    }
    for (key, twins) in by_key.iter().filter(|(_, rows)| rows.len() > 1) {
        found.push(format!("sys_id {key} exists {} times", twins.len()));
    }
    let mut told_of: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for entry in entries {
        match &entry.task {
            Task::Create { correlation_id } => {
                let stored = by_correlation.get(correlation_id).and_then(|rows| rows.first());
                let is_it = stored.is_some_and(|row| column(row, "sys_id") == entry.told.sys_id);
                if entry.told.is_success && !is_it {
                    found.push(format!("call {} was told of {}, which is not there", entry.call, entry.told.sys_id));
                }
                told_of.entry(correlation_id).or_default().push(entry);
            }
            Task::Update { .. } => {
                let row = by_key.get(&entry.sys_id).and_then(|rows| rows.first());
                let written = row.is_some_and(|row| column(row, "short_description") == written_by(entry.call));
                match entry.told.write_happened {
                    WriteHappened::Yes if !written => {
                        found.push(format!("the update of call {} is not there", entry.call))
                    }
                    WriteHappened::No if written => {
                        found.push(format!("the update of call {} is there, against its outcome", entry.call));
                    }
                    _ => {}
                }
            }
            Task::Get { .. } if entry.told.is_success && entry.told.sys_id != entry.sys_id => {
                found.push(format!("call {} got {} and not what it asked for", entry.call, entry.told.sys_id));
            }
            Task::Get { .. } => {}
        }
    }
    // A record is told of by at least one of the calls that share its correlation id; where all say no, it must not be there.
    for (id, entries) in told_of {
        let all_say_no = entries.iter().all(|entry| entry.told.write_happened == WriteHappened::No);
        if all_say_no && by_correlation.contains_key(id) {
            found.push(format!("the incident of correlation id {id} is there, against every outcome"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sys_id: &str, correlation_id: &str, text: &str) -> Row {
        Row::new("incident", [("sys_id", sys_id), ("correlation_id", correlation_id), ("short_description", text)])
    }

    fn told(is_success: bool, sys_id: &str, write_happened: WriteHappened) -> Told {
        let elapsed = Duration::ZERO;
        Told { outcome: String::new(), is_success, sys_id: sys_id.to_string(), write_happened, elapsed }
    }

    fn entry(task: Task, told: Told) -> Entry {
        Entry { call: 0, task, sys_id: "1".to_string(), told }
    }

    #[test]
    fn the_audit_finds_every_kind_of_contradiction_and_nothing_else() {
        let create = || Task::Create { correlation_id: "c".to_string() };
        let (update, get) = (Task::Update { incident: 0 }, Task::Get { incident: 0 });
        let (yes, no, unknown) = (WriteHappened::Yes, WriteHappened::No, WriteHappened::Unknown);
        let one = || vec![row("1", "c", "")];
        let base = || vec![row("1", "base-0", "")];
        let updated = || vec![row("1", "base-0", &written_by(0))];
        for (entries, rows, says) in [
            (vec![entry(create(), told(true, "1", yes))], one(), None),
            (vec![entry(create(), told(false, "", unknown))], one(), None),
            (vec![entry(create(), told(false, "", unknown))], vec![], None),
            (vec![entry(create(), told(false, "", no))], vec![], None),
            (vec![entry(create(), told(true, "1", yes))], vec![], Some("not there")),
            (vec![entry(create(), told(true, "2", yes))], one(), Some("not there")),
            (vec![entry(create(), told(false, "", no))], one(), Some("against every outcome")),
            (
                vec![entry(create(), told(true, "1", yes))],
                vec![row("1", "c", ""), row("2", "c", "")],
                Some("exists 2 times"),
            ),
            (vec![entry(update.clone(), told(true, "1", yes))], updated(), None),
            (vec![entry(update.clone(), told(false, "", unknown))], updated(), None),
            (vec![entry(update.clone(), told(true, "1", yes))], base(), Some("is not there")),
            (vec![entry(update, told(false, "", no))], updated(), Some("against its outcome")),
            (vec![entry(get.clone(), told(true, "1", yes))], base(), None),
            (vec![entry(get.clone(), told(true, "1", yes))], one(), Some("nobody asked for")),
            (vec![entry(get.clone(), told(true, "2", yes))], base(), Some("not what it asked for")),
            (
                vec![entry(get.clone(), Told { outcome: "get invalid-data".to_string(), ..told(false, "", no) })],
                base(),
                Some("in order"),
            ),
            (vec![], vec![], Some("0 outcomes")),
            (
                vec![entry(get.clone(), told(true, "1", yes)), entry(get, told(true, "1", yes))],
                base(),
                Some("2 outcomes"),
            ),
        ] {
            let found = audit(1, &entries, &rows);
            match says {
                None => assert!(found.is_empty(), "{found:?}"),
                Some(says) => assert!(found.len() == 1 && found[0].contains(says), "{says}: {found:?}"),
            }
        }
    }
}

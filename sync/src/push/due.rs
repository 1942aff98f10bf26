//! Which columns of an event are due for an incident that is there: by when each is written, and by what was said before.

use super::said::Said;
use crate::mapping::{Column, Part};
use crate::rules::{Direction, Write};

const NEW: &str = "1";
const IN_PROGRESS: &str = "2";

/// What is known of an incident that is there.
pub struct Known<'k> {
    /// Its key.
    pub sys_id: &'k str,
    /// Its state.
    pub state: Option<&'k str>,
    /// What its last event said.
    pub last: &'k Said,
}

/// Columns that are due, and those that would be if it were known what the last event said.
#[derive(Debug, Default, PartialEq)]
pub struct Due {
    /// They are written where the incident has something else.
    pub columns: Vec<Column>,
    /// They are left alone: people may have set what the incident has.
    pub not_remembered: Vec<Column>,
}

/// What is due of an open incident.
pub fn due(columns: &[Column], known: &Known<'_>, recovers: bool, direction: Direction) -> Due {
    let mut due = Due::default();
    let is_remembered = known.last.is_of(known.sys_id);
    for column in columns.iter().filter(|column| !moves_back(column, known.state, direction)) {
        let is_due = match column.write {
            Write::Create => continue,
            Write::Always => !known.last.is_in_vain(known.sys_id, column),
            Write::Change if is_remembered => {
                let ends = recovers && column.part == Part::Status && !known.last.has_recovered(known.sys_id);
                ends || is_news(column, columns, known)
            }
            // Whoever works on an incident has taken it out of New: only there is its state the event's to say, and in the end.
            Write::Change if column.part == Part::Status && (recovers || known.state == Some(NEW)) => true,
            Write::Change => {
                due.not_remembered.push(column.clone());
                continue;
            }
        };
        if is_due {
            due.columns.push(column.clone());
        }
    }
    due
}

/// Whether an event says something else of a column than the last one did, or of one that is written together with it.
fn is_news(column: &Column, columns: &[Column], known: &Known<'_>) -> bool {
    let is_together =
        |other: &&Column| other.name == column.name || column.part != Part::Column && other.part == column.part;
    columns.iter().filter(is_together).any(|column| !known.last.has(known.sys_id, column))
}

/// What is due of an incident that is opened again: its state, whatever was said of it, and what else is news.
pub fn due_again(columns: &[Column], known: &Known<'_>, direction: Direction) -> Due {
    let mut due = due(columns, known, false, direction);
    let state =
        columns.iter().filter(|column| column.part == Part::Status && !moves_back(column, known.state, direction));
    due.columns.retain(|column| column.part != Part::Status);
    due.not_remembered.retain(|column| column.part != Part::Status);
    due.columns.extend(state.cloned());
    // It is in progress, unless the event knows better.
    if due.columns.iter().all(|column| column.name != "state") {
        due.columns.push(Column {
            name: "state".to_string(),
            value: IN_PROGRESS.to_string(),
            write: Write::Change,
            part: Part::Status,
            lookup: None,
        });
    }
    due
}

/// Where changes do not come back, that somebody works on an incident is the instance's knowledge alone.
fn moves_back(column: &Column, state: Option<&str>, direction: Direction) -> bool {
    direction == Direction::ToServicenow && column.name == "state" && column.value == NEW && state != Some(NEW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice::from_ref;

    fn column(name: &str, value: &str, write: Write, is_state: bool) -> Column {
        let part = if is_state { Part::Status } else { Part::Column };
        Column { name: name.into(), value: value.into(), write, part, lookup: None }
    }

    fn names(columns: &[Column]) -> Vec<&str> {
        columns.iter().map(|column| column.name.as_str()).collect()
    }

    #[test]
    fn a_column_is_due_by_when_it_is_written_and_by_what_was_said() {
        use Write::{Always, Change, Create};
        let columns = [
            column("group", "a", Create, false),
            column("urgency", "1", Change, false),
            column("team", "b", Always, false),
            column("state", "1", Change, true),
        ];
        let (nothing, said) = (Said::default(), Said::default().with("k", &columns, Some(false), &[]));
        let other =
            Said::default().with("k", &[column("urgency", "2", Change, false), columns[3].clone()], Some(false), &[]);
        for (last, state, expected, withheld) in [
            (&said, "2", vec!["team"], vec![]),
            (&other, "2", vec!["urgency", "team"], vec![]),
            (&nothing, "1", vec!["team", "state"], vec!["urgency"]),
            (&nothing, "2", vec!["team"], vec!["urgency", "state"]),
        ] {
            let known = Known { sys_id: "k", state: Some(state), last };
            let due = due(&columns, &known, false, Direction::TwoWay);
            assert_eq!((names(&due.columns), names(&due.not_remembered)), (expected, withheld), "{last:?} {state}");
        }
    }

    #[test]
    fn the_end_is_due_without_memory_and_new_never_is_where_changes_do_not_come_back() {
        let (end, new) = (column("state", "6", Write::Change, true), column("state", "1", Write::Change, true));
        let nothing = Said::default();
        let known = Known { sys_id: "k", state: Some("2"), last: &nothing };
        assert_eq!(names(&due(&[end], &known, true, Direction::TwoWay).columns), ["state"]);
        let blind = due(from_ref(&new), &known, false, Direction::ToServicenow);
        assert_eq!(blind, Due::default());
        let reopened = due_again(from_ref(&new), &Known { state: Some("6"), ..known }, Direction::ToServicenow);
        assert_eq!(reopened.columns[0].value, IN_PROGRESS);
        let known = Known { sys_id: "k", state: Some("6"), last: &nothing };
        assert_eq!(due_again(&[new], &known, Direction::TwoWay).columns[0].value, NEW);
    }

    #[test]
    fn what_the_instance_did_not_keep_is_not_due_again() {
        let always = column("team", "b", Write::Always, false);
        let last = Said::default().with("k", from_ref(&always), Some(false), &["team".to_string()]);
        let known = Known { sys_id: "k", state: Some("2"), last: &last };
        assert_eq!(due(&[always], &known, false, Direction::TwoWay), Due::default());
    }

    #[test]
    fn of_an_incident_that_was_about_to_be_made_everything_is_due_that_may_change() {
        let columns = [column("group", "a", Write::Create, false), column("urgency", "1", Write::Change, false)];
        let known = Known { sys_id: "k", state: Some("2"), last: &Said::begun("k") };
        let due = due(&columns, &known, false, Direction::TwoWay);
        assert_eq!((names(&due.columns), due.not_remembered.len()), (vec!["urgency"], 0));
    }

    #[test]
    fn what_belongs_together_is_due_together() {
        let severity = |urgency: &str, impact: &str| {
            [("urgency", urgency), ("impact", impact)]
                .map(|(name, value)| Column { part: Part::Severity, ..column(name, value, Write::Change, false) })
        };
        let last = Said::default().with("k", &severity("1", "2"), Some(false), &[]);
        let known = Known { sys_id: "k", state: Some("2"), last: &last };
        assert_eq!(names(&due(&severity("1", "1"), &known, false, Direction::TwoWay).columns), ["urgency", "impact"]);
        assert_eq!(due(&severity("1", "2"), &known, false, Direction::TwoWay), Due::default());
    }
}

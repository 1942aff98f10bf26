//! Statuses: an event's, and an incident's state with what the instance requires beside it.

use super::is_journal;
use super::template::{EXPECTED_PATH, is_path};
use serde::Deserialize;
use servicenow_core::incidents::violations::Violations;
use std::collections::BTreeMap;

/// States in which an incident is done: resolved, closed and canceled.
pub const DONE: [&str; 3] = ["6", "7", "8"];

/// The state On Hold.
const ON_HOLD: &str = "3";

/// How long a snoozed event sleeps where nothing else is said: two hours.
const SNOOZE_SECONDS: u32 = 2 * 60 * 60;

/// How statuses correspond.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StatusRule {
    /// Where the event has its status, such as `progress`.
    pub path: String,
    /// Each status, and the columns it sets, as templates: `state`, and what the instance requires beside it (`hold_reason` on
    /// hold, `close_code` and `close_notes` when it is done). `Trigger`, `Processing`, `Snoozed` and `Closed` where absent.
    #[serde(default = "usual")]
    pub map: BTreeMap<String, BTreeMap<String, String>>,
    /// Labels of the instance for states, and their values: deliveries of some scripts carry labels, in the instance's language.
    /// English ones are known.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How many seconds an event sleeps when its incident is put on hold; two hours where absent.
    #[serde(default = "two_hours")]
    pub snooze_seconds: u32,
}

fn two_hours() -> u32 {
    SNOOZE_SECONDS
}

fn usual() -> BTreeMap<String, BTreeMap<String, String>> {
    let status = |name: &str, columns: &[(&str, &str)]| {
        let columns = columns.iter().map(|(column, value)| (column.to_string(), value.to_string()));
        (name.to_string(), columns.collect())
    };
    BTreeMap::from([
        status("Trigger", &[("state", "1")]),
        status("Processing", &[("state", "2")]),
        status("Snoozed", &[("state", ON_HOLD), ("hold_reason", "1")]),
        status(
            "Closed",
            &[("state", "6"), ("close_code", "Resolved by caller"), ("close_notes", "The event recovered.")],
        ),
    ])
}

impl StatusRule {
    /// Checks place and columns.
    pub fn check(&self, violations: &mut Violations) {
        if !is_path(&self.path) {
            violations.add("rules.status.path", &self.path, EXPECTED_PATH);
        }
        for (name, columns) in &self.map {
            for column in columns.keys().filter(|column| is_journal(column)) {
                let expected = "no journal here, for each event would append to it again: rules.note is its place";
                violations.add(&format!("rules.status.map.{name}"), column, expected);
            }
            let lacks = |column: &&str| columns.get(*column).is_none_or(String::is_empty);
            let required: &[&str] = match columns.get("state").map(String::as_str) {
                None => &["state"],
                Some(ON_HOLD) => &["hold_reason"],
                Some(state) if DONE.contains(&state) => &["close_code", "close_notes"],
                Some(_) => &[],
            };
            if let Some(column) = required.iter().find(|column| lacks(column)) {
                let expected = format!("{column} beside the others: the instance requires it for this state");
                violations.add(&format!("rules.status.map.{name}"), &format!("no {column}"), &expected);
            }
        }
    }

    /// The state that a value or label stands for.
    pub fn state<'a>(&'a self, given: &'a str) -> &'a str {
        self.labels.get(given).map_or_else(|| by_label(given), String::as_str)
    }

    /// The status that a state means, given as value or label. Closed and canceled mean what resolved means.
    pub fn of_state(&self, given: &str) -> Option<&str> {
        let state = self.state(given);
        let with = |state: &str| {
            let found = self.map.iter().find(|(_, columns)| columns.get("state").is_some_and(|known| known == state));
            found.map(|(name, _)| name.as_str())
        };
        let done = DONE.contains(&state).then(|| DONE.iter().find_map(|done| with(done)));
        with(state).or(done.flatten())
    }

    /// How long an event in this state sleeps.
    pub fn snooze(&self, given: &str) -> Option<u32> {
        (self.state(given) == ON_HOLD).then_some(self.snooze_seconds)
    }
}

fn by_label(given: &str) -> &str {
    match given {
        "New" => "1",
        "In Progress" => "2",
        "On Hold" => ON_HOLD,
        "Resolved" => "6",
        "Closed" => "7",
        "Canceled" => "8",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_known_by_value_and_by_label_and_all_ends_are_one() {
        let labels = [("Nouveau".to_string(), "1".to_string())].into();
        let rule = StatusRule { path: "s".into(), map: usual(), labels, snooze_seconds: 60 };
        for (given, expected) in [
            ("1", Some("Trigger")),
            ("Nouveau", Some("Trigger")),
            ("In Progress", Some("Processing")),
            ("On Hold", Some("Snoozed")),
            ("6", Some("Closed")),
            ("Closed", Some("Closed")),
            ("8", Some("Closed")),
            ("9", None),
            ("", None),
        ] {
            assert_eq!(rule.of_state(given), expected, "{given}");
        }
        assert_eq!(rule.snooze("On Hold"), Some(60));
        assert_eq!(rule.snooze("2"), None);
    }
}

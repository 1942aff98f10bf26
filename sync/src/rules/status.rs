//! Statuses: an event's, and an incident's state with what the instance requires beside it.

use super::check::{NO_JOURNAL, check_path, is_journal};
use super::severity::check_default;
use super::source::Source;
use crate::template::{as_text, has_expressions};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use servicenow_core::incidents::violations::Violations;
use std::collections::BTreeMap;

/// States in which an incident is done, as delivered: resolved, closed and canceled.
pub const DONE: [&str; 3] = ["6", "7", "8"];

/// States for which the instance requires a code and notes, as delivered.
const WITH_CLOSE_CODE: [&str; 2] = ["6", "7"];

/// The state On Hold.
const ON_HOLD: &str = "3";

/// How long a snoozed event sleeps where nothing else is said: two hours.
const SNOOZE_SECONDS: u32 = 2 * 60 * 60;

/// How statuses correspond.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StatusRule {
    /// Where the event has its status, such as `progress`: `path` or `value`.
    pub path: Option<String>,
    /// The status as a template.
    pub value: Option<String>,
    /// Each status, and the columns it sets, as templates: `state`, and what the instance requires beside it (`hold_reason` on
    /// hold, `close_code` and `close_notes` when it is resolved or closed); or `"keep"`, which leaves the state alone and makes no
    /// incident. `Trigger`, `Processing`, `Snoozed` and `Closed` where absent. The case of letters makes no difference, and numbers are equal as
    /// numbers.
    #[serde(default = "usual")]
    pub map: BTreeMap<String, StatusColumns>,
    /// The status of an event that has none, or one that the map lacks: a name in the map. Without it such an event leaves the
    /// state alone, and that is warned of.
    pub default: Option<String>,
    /// The states in which an incident is done: 6, 7 and 8 where absent. One that is not active is done in any state.
    #[serde(default = "done")]
    pub done: Vec<String>,
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

/// The states in which an incident is done, as delivered.
pub fn done() -> Vec<String> {
    DONE.map(str::to_string).to_vec()
}

/// What a status sets.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "\"keep\", or columns and their texts, such as {\"state\": \"2\"}")]
pub enum StatusColumns {
    /// `"keep"`: the state stays as it is, and an event without an incident makes none.
    Keep(Keep),
    /// Columns.
    Columns(#[serde(deserialize_with = "texts")] BTreeMap<String, String>),
}

/// The state stays as it is.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// As it is.
    Keep,
}

impl StatusColumns {
    /// The columns that it sets.
    pub fn columns(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            StatusColumns::Columns(columns) => Some(columns),
            StatusColumns::Keep(_) => None,
        }
    }

    /// The state that it sets.
    pub fn state(&self) -> Option<&str> {
        self.columns()?.get("state").map(String::as_str)
    }
}

/// Numbers are taken for texts.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let text =
        |(name, value)| as_text(&value).map(|text| (name, text)).ok_or_else(|| de::Error::custom("a text is expected"));
    values.into_iter().map(text).collect()
}

fn usual() -> BTreeMap<String, StatusColumns> {
    let status = |name: &str, columns: &[(&str, &str)]| {
        let columns = columns.iter().map(|(column, value)| (column.to_string(), value.to_string()));
        (name.to_string(), StatusColumns::Columns(columns.collect()))
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
        Source::check("rules.status", self.path.as_deref(), self.value.as_deref(), violations);
        if let Some(path) = &self.path {
            check_path("rules.status.path", path, violations);
        }
        for (list, place) in [(self.map.is_empty(), "rules.status.map"), (self.done.is_empty(), "rules.status.done")] {
            if list {
                violations.add(place, "nothing", "at least one");
            }
        }
        check_default("status", self.default.as_deref(), &self.map, violations);
        for (name, status) in &self.map {
            let Some(columns) = status.columns() else { continue };
            let place = format!("rules.status.map.{name}");
            for column in columns.keys().filter(|column| is_journal(column)) {
                violations.add(&place, column, NO_JOURNAL);
            }
            let literal = status.state().filter(|state| !has_expressions(state));
            if let Some(state) = literal.filter(|state| self.state(state).parse::<i32>().is_err()) {
                violations.add(
                    &format!("{place}.state"),
                    state,
                    "a state's value, such as 6, or a label that rules.status.labels has",
                );
            }
            let lacks = |column: &&str| columns.get(*column).is_none_or(String::is_empty);
            let required: &[&str] = match status.state().map(|state| self.state(state)) {
                None => &["state"],
                Some(ON_HOLD) => &["hold_reason"],
                Some(state) if WITH_CLOSE_CODE.contains(&state) => &["close_code", "close_notes"],
                Some(_) => &[],
            };
            if let Some(column) = required.iter().find(|column| lacks(column)) {
                let expected = format!("{column} beside the others: the instance requires it for this state");
                violations.add(&place, &format!("no {column}"), &expected);
            }
        }
    }

    /// Whether a state ends an incident.
    pub fn ends(&self, state: &str) -> bool {
        self.done.iter().any(|done| done == state)
    }

    /// The state that a value or label stands for.
    pub fn state<'a>(&'a self, given: &'a str) -> &'a str {
        self.labels.get(given).map_or_else(|| by_label(given), String::as_str)
    }

    /// The status that a state means, given as value or label. All that end an incident mean the same.
    pub fn of_state(&self, given: &str) -> Option<&str> {
        let state = self.state(given);
        let with = |state: &str| {
            let found =
                self.map.iter().find(|(_, columns)| columns.state().map(|known| self.state(known)) == Some(state));
            found.map(|(name, _)| name.as_str())
        };
        let done = self.ends(state).then(|| self.done.iter().find_map(|done| with(done)));
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
    use serde_json::json;

    #[test]
    fn a_state_is_known_by_value_and_by_label_and_all_ends_are_one() {
        let rule = json!({"path": "s", "labels": {"Nouveau": "1"}, "snooze_seconds": 60});
        let rule: StatusRule = serde_json::from_value(rule).unwrap();
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

//! Severities: an event's, and an incident's urgency and impact.

use super::template::{EXPECTED_PATH, is_path};
use serde::Deserialize;
use servicenow_core::incidents::violations::Violations;
use std::collections::BTreeMap;

/// How severities correspond.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SeverityRule {
    /// Where the event has its severity, such as `severity`.
    pub path: String,
    /// Each severity, and the urgency and impact it means. `Info`, `Warning` and `Critical` as 3, 2 and 1 where absent.
    #[serde(default = "usual")]
    pub map: BTreeMap<String, Level>,
    /// Labels of the instance for urgencies, and their values: deliveries of some scripts carry labels, in the instance's
    /// language. English ones are known.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// An urgency and an impact: 1 high, 2 medium, 3 low.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// 1 high, 2 medium, 3 low.
    pub urgency: u8,
    /// 1 high, 2 medium, 3 low.
    pub impact: u8,
}

fn usual() -> BTreeMap<String, Level> {
    let level = |value| Level { urgency: value, impact: value };
    [("Info", 3), ("Warning", 2), ("Critical", 1)].map(|(name, value)| (name.to_string(), level(value))).into()
}

impl SeverityRule {
    /// Checks place and values.
    pub fn check(&self, violations: &mut Violations) {
        if !is_path(&self.path) {
            violations.add("rules.severity.path", &self.path, EXPECTED_PATH);
        }
        for (name, level) in &self.map {
            if !(1..=3).contains(&level.urgency) || !(1..=3).contains(&level.impact) {
                let given = format!("urgency {} and impact {}", level.urgency, level.impact);
                violations.add(&format!("rules.severity.map.{name}"), &given, "1, 2 or 3 each");
            }
        }
    }

    /// The severity that an urgency means, given as value or label. Of several with this urgency the one whose impact is the
    /// same.
    pub fn of_urgency(&self, urgency: &str) -> Option<&str> {
        let value = self.labels.get(urgency).map(String::as_str).unwrap_or(match urgency {
            "High" | "1 - High" => "1",
            "Medium" | "2 - Medium" => "2",
            "Low" | "3 - Low" => "3",
            other => other,
        });
        let value: u8 = value.parse().ok()?;
        let with = |level: &Level| level.urgency == value;
        let even = self.map.iter().find(|(_, level)| with(level) && level.impact == value);
        even.or_else(|| self.map.iter().find(|(_, level)| with(level))).map(|(name, _)| name.as_str())
    }
}

/// The priority that ServiceNow computes: the nine cells of its matrix.
pub fn priority(impact: u8, urgency: u8) -> Option<u32> {
    let in_range = |value: u8| (1..=3).contains(&value);
    (in_range(impact) && in_range(urgency)).then(|| u32::from(impact + urgency - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_has_nine_cells() {
        // https://www.servicenow.com/docs, "Default priority lookup rules".
        for (impact, urgency, expected) in
            [(1, 1, 1), (1, 2, 2), (1, 3, 3), (2, 1, 2), (2, 2, 3), (2, 3, 4), (3, 1, 3), (3, 2, 4), (3, 3, 5)]
        {
            assert_eq!(priority(impact, urgency), Some(expected));
        }
        assert_eq!(priority(0, 1), None);
        assert_eq!(priority(1, 4), None);
    }

    #[test]
    fn an_urgency_is_known_by_value_and_by_label() {
        let labels = [("1 - Hoch".to_string(), "1".to_string())].into();
        let rule = SeverityRule { path: "s".into(), map: usual(), labels };
        for (given, expected) in [
            ("1", Some("Critical")),
            ("High", Some("Critical")),
            ("1 - Hoch", Some("Critical")),
            ("2 - Medium", Some("Warning")),
            ("3", Some("Info")),
            ("4", None),
            ("", None),
            ("Hoch", None),
        ] {
            assert_eq!(rule.of_urgency(given), expected, "{given}");
        }
    }
}

//! Severities: an event's, and an incident's urgency and impact.

use super::check::check_path;
use super::field::Write;
use super::source::Source;
use crate::template::as_text;
use serde::Deserialize;
use serde_json::Value;
use servicenow_core::incidents::violations::Violations;
use std::collections::BTreeMap;

/// How severities correspond.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SeverityRule {
    /// Where the event has its severity, such as `severity`: `path` or `value`.
    pub path: Option<String>,
    /// The severity as a template, such as `{{ worst (pluck alerts "labels.severity") }}`.
    pub value: Option<String>,
    /// Each severity, and the urgency and impact it means. `Info`, `Warning` and `Critical` as 3, 2 and 1 where absent. The case
    /// of letters makes no difference, and numbers are equal as numbers.
    #[serde(default = "usual")]
    pub map: BTreeMap<String, Level>,
    /// The severity of an event that has none, or one that the map lacks: a name in the map. Without it such an event says
    /// nothing of urgency and impact, and that is warned of.
    pub default: Option<String>,
    /// When urgency and impact are written.
    #[serde(default)]
    pub write: Write,
    /// Labels of the instance for urgencies, and their values: deliveries of some scripts carry labels, in the instance's
    /// language. English ones are known.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// An urgency and an impact: 1 high, 2 medium, 3 low. An instance may have more levels.
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
        Source::check("rules.severity", self.path.as_deref(), self.value.as_deref(), violations);
        if let Some(path) = &self.path {
            check_path("rules.severity.path", path, violations);
        }
        if self.map.is_empty() {
            violations.add("rules.severity.map", "{}", "at least one severity");
        }
        for (name, level) in &self.map {
            if level.urgency == 0 || level.impact == 0 {
                let given = format!("urgency {} and impact {}", level.urgency, level.impact);
                violations.add(&format!("rules.severity.map.{name}"), &given, "1 and more: 1 is high, 2 medium, 3 low");
            }
        }
        check_default("severity", self.default.as_deref(), &self.map, violations);
    }

    /// The names of the map, the worst first.
    pub fn worst_first(&self) -> Vec<String> {
        let mut names: Vec<_> = self.map.iter().collect();
        names.sort_by_key(|(_, level)| u16::from(level.urgency) + u16::from(level.impact));
        names.into_iter().map(|(name, _)| name.clone()).collect()
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

/// A default is a name in the map.
pub fn check_default<T>(rule: &str, default: Option<&str>, map: &BTreeMap<String, T>, violations: &mut Violations) {
    let unknown = default.filter(|default| named(map, &Value::from(*default)).is_none());
    if let Some(default) = unknown {
        violations.add(&format!("rules.{rule}.default"), default, &format!("one of rules.{rule}.map: {}", names(map)));
    }
}

/// The names of a map, for a person.
pub fn names<T>(map: &BTreeMap<String, T>) -> String {
    map.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// What a map has for a name: as it is written, or whatever the case of its letters, or as a number.
pub fn named<'m, T>(map: &'m BTreeMap<String, T>, name: &Value) -> Option<(&'m str, &'m T)> {
    let text = as_text(name)?;
    let text = text.trim();
    let number = text.parse::<f64>().ok();
    let lower = text.to_lowercase();
    let exact = map.get_key_value(text);
    let alike = || {
        map.iter()
            .find(|(known, _)| known.to_lowercase() == lower || number.is_some() && known.trim().parse().ok() == number)
    };
    exact.or_else(alike).map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        let labels = json!({"1 - Hoch": "1"});
        let rule: SeverityRule = serde_json::from_value(json!({"path": "s", "labels": labels})).unwrap();
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

    #[test]
    fn a_name_is_found_whatever_its_case_and_numbers_as_numbers() {
        let map: BTreeMap<String, u8> =
            [("Critical", 1), ("critical", 2), ("2", 3), ("OK", 4)].map(|(k, v)| (k.to_string(), v)).into();
        for (given, expected) in [
            (json!("Critical"), Some(1)),
            (json!("critical"), Some(2)),
            (json!("CRITICAL"), Some(1)),
            (json!(" ok "), Some(4)),
            (json!(2), Some(3)),
            (json!("2.0"), Some(3)),
            (json!(2.5), None),
            (json!("page"), None),
            (json!(["Critical"]), None),
            (json!(null), None),
        ] {
            assert_eq!(named(&map, &given).map(|(_, value)| *value), expected, "{given}");
        }
    }

    #[test]
    fn the_worst_severity_is_the_one_of_the_least_level() {
        let rule: SeverityRule = serde_json::from_value(json!({"path": "s"})).unwrap();
        assert_eq!(rule.worst_first(), ["Critical", "Warning", "Info"]);
    }
}

//! Filters: what an event must meet to be pushed.

use super::check::check_path;
use crate::patterns::compiled;
use crate::template::{as_text, at, at_or_null, equal};
use serde::Deserialize;
use serde_json::Value;
use servicenow_core::incidents::violations::Violations;

/// What an event must meet.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// At least one of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A place has this value. Numbers are equal as numbers; `true` and `false` are compared as text.
    Equals {
        /// The place, such as `data.requester.email`.
        path: String,
        /// The value.
        value: String,
    },
    /// A place has one of these values.
    In {
        /// The place.
        path: String,
        /// The values.
        values: Vec<String>,
    },
    /// A place's text has a part that the regular expression describes.
    Matches {
        /// The place.
        path: String,
        /// The regular expression, in the syntax of Rust's `regex`.
        pattern: String,
    },
    /// A place is there, whatever it holds.
    Exists {
        /// The place.
        path: String,
    },
}

impl Filter {
    /// Checks places and patterns.
    pub fn check(&self, place: &str, violations: &mut Violations) {
        match self {
            Filter::And(filters) | Filter::Or(filters) => {
                if filters.is_empty() {
                    violations.add(place, "[]", "at least one filter in the list");
                }
                filters.iter().enumerate().for_each(|(at, filter)| filter.check(&format!("{place}[{at}]"), violations));
            }
            Filter::Not(filter) => filter.check(&format!("{place}.not"), violations),
            Filter::Equals { path, .. } => check_path(&format!("{place}.equals"), path, violations),
            Filter::In { path, values } => {
                check_path(&format!("{place}.in"), path, violations);
                if values.is_empty() {
                    violations.add(&format!("{place}.in.values"), "[]", "at least one value");
                }
            }
            Filter::Exists { path } => check_path(&format!("{place}.exists"), path, violations),
            Filter::Matches { path, pattern } => {
                check_path(&format!("{place}.matches"), path, violations);
                if let Err(error) = compiled(pattern) {
                    violations.add(&format!("{place}.matches"), pattern, &format!("a regular expression; {error}"));
                }
            }
        }
    }

    /// The places that were compared to decide about an event and that it lacks. What `exists` has asked for before, in the same
    /// list, may be absent.
    pub fn lacking(&self, event: &Value) -> Vec<&str> {
        match self {
            Filter::And(filters) => {
                let decided =
                    filters.iter().position(|filter| !filter.is_met(event)).map_or(filters.len(), |at| at + 1);
                filters[..decided].iter().flat_map(|filter| filter.lacking(event)).collect()
            }
            // One that is met says enough.
            Filter::Or(_) if self.is_met(event) => Vec::new(),
            Filter::Or(filters) => filters.iter().flat_map(|filter| filter.lacking(event)).collect(),
            Filter::Not(filter) => filter.lacking(event),
            Filter::Equals { path, .. } | Filter::In { path, .. } | Filter::Matches { path, .. } => {
                if at_or_null(event, path).is_none() { vec![path] } else { Vec::new() }
            }
            Filter::Exists { .. } => Vec::new(),
        }
    }

    /// Whether an event meets it.
    pub fn is_met(&self, event: &Value) -> bool {
        let text = |path: &str| at(event, path).and_then(as_text);
        let has =
            |path: &str, value: &String| at(event, path).is_some_and(|found| equal(found, &value.as_str().into()));
        match self {
            Filter::And(filters) => filters.iter().all(|filter| filter.is_met(event)),
            Filter::Or(filters) => filters.iter().any(|filter| filter.is_met(event)),
            Filter::Not(filter) => !filter.is_met(event),
            Filter::Equals { path, value } => has(path, value),
            Filter::In { path, values } => values.iter().any(|value| has(path, value)),
            Filter::Matches { path, pattern } => {
                text(path).is_some_and(|text| compiled(pattern).is_ok_and(|pattern| pattern.is_match(&text)))
            }
            Filter::Exists { path } => at(event, path).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_filter_is_met_by_what_it_says() {
        let event = json!({"type": "RequestCreated", "count": 3, "on": true, "empty": "", "none": null, "list": ["a"]});
        for (filter, met) in [
            (json!({"equals": {"path": "type", "value": "RequestCreated"}}), true),
            (json!({"equals": {"path": "count", "value": "3"}}), true),
            (json!({"equals": {"path": "count", "value": "3.0"}}), true),
            (json!({"equals": {"path": "on", "value": "true"}}), true),
            (json!({"equals": {"path": "list", "value": "a"}}), false),
            (json!({"equals": {"path": "list.[0]", "value": "a"}}), true),
            (json!({"equals": {"path": "missing", "value": ""}}), false),
            (json!({"in": {"path": "type", "values": ["Manual", "RequestCreated"]}}), true),
            (json!({"in": {"path": "type", "values": []}}), false),
            (json!({"matches": {"path": "type", "pattern": "^Request"}}), true),
            (json!({"matches": {"path": "type", "pattern": "^Manual$"}}), false),
            (json!({"exists": {"path": "none"}}), true),
            (json!({"exists": {"path": "missing"}}), false),
            (json!({"not": {"exists": {"path": "missing"}}}), true),
            (json!({"and": []}), true),
            (json!({"or": []}), false),
            (json!({"and": [{"exists": {"path": "on"}}, {"exists": {"path": "missing"}}]}), false),
            (json!({"or": [{"exists": {"path": "on"}}, {"exists": {"path": "missing"}}]}), true),
        ] {
            let parsed: Filter = serde_json::from_value(filter.clone()).unwrap();
            assert_eq!(parsed.is_met(&event), met, "{filter}");
        }
    }
}

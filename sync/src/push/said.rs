//! What the last event of a correlation id said, as the ledger keeps it: a digest of each column's value.

use serde::{Deserialize, Serialize};
use servicenow_core::encoding::hex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What an event said of its incident.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Said {
    /// The incident.
    sys_id: String,
    /// Column names and digests.
    columns: BTreeMap<String, String>,
}

impl Said {
    /// What an event says with these columns.
    pub fn of(sys_id: &str, columns: &[(String, String)]) -> Self {
        let columns = columns.iter().map(|(name, value)| (name.clone(), digest(value)));
        Self { sys_id: sys_id.to_string(), columns: columns.collect() }
    }

    /// Reads what the ledger has. What nobody can read is nothing.
    pub fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// As the ledger keeps it.
    pub fn to_text(&self) -> String {
        // These types always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What both say. Where the two are of different incidents that is nothing.
    pub fn and(&self, other: &Self) -> Self {
        let is_said =
            |name: &String, digest: &String| self.sys_id == other.sys_id && other.columns.get(name) == Some(digest);
        let columns = self.columns.iter().filter(|(name, digest)| is_said(name, digest));
        Self {
            sys_id: other.sys_id.clone(),
            columns: columns.map(|(name, digest)| (name.clone(), digest.clone())).collect(),
        }
    }

    /// Whether it is of this incident.
    pub fn is_of(&self, sys_id: &str) -> bool {
        self.sys_id == sys_id
    }

    /// Whether the last event said this of a column of the incident. Then the record may hold something else by now, which
    /// people set.
    pub fn has(&self, sys_id: &str, (name, value): &(String, String)) -> bool {
        self.sys_id == sys_id && self.columns.get(name).is_some_and(|known| *known == digest(value))
    }
}

fn digest(value: &str) -> String {
    hex(&Sha256::digest(value)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_was_said_where_incident_and_value_are_the_same() {
        let column = |name: &str, value: &str| (name.to_string(), value.to_string());
        let said = Said::of("a", &[column("urgency", "1"), column("state", "")]);
        let said = Said::read(Some(&said.to_text()));
        for (sys_id, column, expected) in [
            ("a", column("urgency", "1"), true),
            ("a", column("state", ""), true),
            ("a", column("urgency", "2"), false),
            ("a", column("impact", "1"), false),
            ("b", column("urgency", "1"), false),
        ] {
            assert_eq!(said.has(sys_id, &column), expected, "{sys_id} {column:?}");
        }
        for text in [None, Some("{"), Some("[]"), Some("{}")] {
            assert_eq!(Said::read(text), Said::default(), "{text:?}");
        }
    }
}

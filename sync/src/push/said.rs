//! What the last event of a correlation id said, as the ledger keeps it: a digest of each column's value.

use crate::mapping::Column;
use serde::{Deserialize, Serialize};
use servicenow_core::encoding::hex;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What events said of an incident.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Said {
    /// The incident.
    sys_id: String,
    /// Column names and digests.
    columns: BTreeMap<String, String>,
    /// Those of them that the instance did not keep: sending them again would be in vain.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    not_kept: BTreeSet<String>,
    /// Whether the last event ended the problem: the next that does not is news, and so is the next end after that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    recovered: bool,
    /// Whether an event was left out since that says that the problem lasts: the next end is news, though the incident is closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    resumed: bool,
    /// Whether the incident was about to be made: what its making wrote is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    begun: bool,
}

impl Said {
    /// Reads what the ledger has. What nobody can read is nothing.
    pub fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// An incident whose events are followed from its making, and of which none is known to have been said.
    pub fn begun(sys_id: &str) -> Self {
        Self { sys_id: sys_id.to_string(), begun: true, ..Self::default() }
    }

    /// As the ledger keeps it.
    pub fn to_text(&self) -> String {
        // These types always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// With what an event says now. What it says nothing of stays what it was said to be, unless it is another incident.
    /// `recovers` is whether it ends the problem; `None` where it says nothing of that.
    pub fn with(&self, sys_id: &str, columns: &[Column], recovers: Option<bool>, not_stored: &[String]) -> Self {
        let mut said = if self.is_of(sys_id) { self.clone() } else { Self::begun(sys_id) };
        said.begun = false;
        if let Some(recovers) = recovers {
            (said.recovered, said.resumed) = (recovers, false);
        }
        for column in columns {
            let digest = digest(&column.value);
            if said.columns.get(&column.name) != Some(&digest) {
                said.not_kept.remove(&column.name);
            }
            if not_stored.contains(&column.name) {
                said.not_kept.insert(column.name.clone());
            }
            said.columns.insert(column.name.clone(), digest);
        }
        said
    }

    /// Without what an event says otherwise: whether that was written is in doubt.
    pub fn without_news<'c>(
        &self,
        sys_id: &str,
        columns: impl IntoIterator<Item = &'c Column>,
        recovers: Option<bool>,
    ) -> Self {
        let mut said = self.clone();
        said.recovered &= recovers.unwrap_or(said.recovered);
        let news = columns.into_iter().filter(|column| !self.has(sys_id, column));
        for column in news {
            said.columns.remove(&column.name);
        }
        said
    }

    /// Whether the last event said all of this of the incident, and whether it ended the problem as this one does.
    pub fn has_all<'c>(
        &self,
        sys_id: &str,
        mut columns: impl Iterator<Item = &'c Column>,
        recovers: Option<bool>,
    ) -> bool {
        self.is_of(sys_id)
            && recovers.is_none_or(|recovers| self.recovered == recovers)
            && columns.all(|column| self.has(sys_id, column))
    }

    /// Whether the last event of this incident ended the problem, and none has come since.
    pub fn has_recovered(&self, sys_id: &str) -> bool {
        self.is_of(sys_id) && self.recovered && !self.resumed
    }

    /// With an event that was left out, and says that the problem lasts.
    pub fn resumed(&self) -> Self {
        Self { resumed: true, ..self.clone() }
    }

    /// Whether everything is known that events of this incident wrote.
    pub fn is_whole(&self, sys_id: &str) -> bool {
        self.is_of(sys_id) && !self.begun
    }

    /// Whether it is of this incident.
    pub fn is_of(&self, sys_id: &str) -> bool {
        self.sys_id == sys_id
    }

    /// Whether the last event said this of a column of the incident. Then the record may hold something else by now, which
    /// people set.
    pub fn has(&self, sys_id: &str, column: &Column) -> bool {
        self.is_of(sys_id) && self.columns.get(&column.name).is_some_and(|known| *known == digest(&column.value))
    }

    /// Whether that was sent before and the instance did not keep it.
    pub fn is_in_vain(&self, sys_id: &str, column: &Column) -> bool {
        self.has(sys_id, column) && self.not_kept.contains(&column.name)
    }
}

fn digest(value: &str) -> String {
    hex(&Sha256::digest(value)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Part;
    use crate::rules::Write;
    use std::slice::from_ref;

    fn column(name: &str, value: &str) -> Column {
        Column { name: name.into(), value: value.into(), write: Write::Change, part: Part::Column, lookup: None }
    }

    #[test]
    fn a_column_was_said_where_incident_and_value_are_the_same() {
        let said = Said::default().with("a", &[column("urgency", "1"), column("state", "")], Some(false), &[]);
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

    #[test]
    fn what_an_event_leaves_out_stays_said_and_another_incident_begins_anew() {
        let (urgency, state) = (column("urgency", "1"), column("state", "6"));
        let said = Said::default().with("a", from_ref(&urgency), Some(false), &[]).with(
            "a",
            from_ref(&state),
            Some(false),
            &[],
        );
        assert!(said.has("a", &urgency) && said.has("a", &state));
        let next = said.with("b", from_ref(&state), Some(false), &[]);
        assert!(next.has("b", &state) && !next.has("b", &urgency) && !next.has("a", &state));
        let doubted = said.without_news("a", &[column("state", "1"), urgency.clone()], Some(false));
        assert!(doubted.has("a", &urgency) && !doubted.has("a", &state));
    }

    #[test]
    fn what_the_instance_did_not_keep_is_in_vain_until_something_else_is_said() {
        let (long, short) = (column("short_description", "long"), column("short_description", "short"));
        let said = Said::default().with("a", from_ref(&long), Some(false), &["short_description".to_string()]);
        assert!(said.is_in_vain("a", &long) && !said.is_in_vain("a", &short));
        assert!(
            said.with("a", from_ref(&long), Some(false), &[]).is_in_vain("a", &long),
            "a repetition changes nothing"
        );
        assert!(!said.with("a", from_ref(&short), Some(false), &[]).is_in_vain("a", &short));
    }

    #[test]
    fn what_follows_an_end_is_news_and_so_is_the_next_end() {
        let (open, end) = ([column("urgency", "1")], [column("state", "6")]);
        let ended = Said::begun("a").with("a", &open, Some(false), &[]).with("a", &end, Some(true), &[]);
        assert!(!ended.has_all("a", open.iter(), Some(false)) && ended.has_all("a", end.iter(), Some(true)));
        let again = ended.with("a", &open, Some(false), &[]);
        assert!(again.has_all("a", open.iter(), Some(false)) && !again.has_all("a", end.iter(), Some(true)));
    }
}

//! What was seen of a record, as the ledger keeps it between calls.

use super::change::TOLD_COLUMNS;
use super::payload::Comment;
use crate::ledger::Ledger;
use serde::{Deserialize, Serialize};
use servicenow_core::encoding::hex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How many payloads without a count are told apart by their digests.
const MAX_DIGESTS: usize = 16;

/// How many overtaken versions of a record are waited for: deliveries that are in flight at the same time.
pub const MAX_MISSING: u32 = 64;

/// How many comments of a record are known by their entries: those of the last hours, by far.
const MAX_COMMENTS: usize = 64;

/// A count that is this far beyond the last one is told and not believed: a record is not changed so often between two deliveries,
/// and all that comes after a count that is too large would be silent.
const MAX_GAP: u32 = 10_000;

/// Marks a comment of which the text is known, and not the entry.
const BY_TEXT: &str = "text:";

/// Which state of a record something tells of.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Version {
    /// How often the record was changed, where the payload says it.
    pub mod_count: Option<u32>,
    /// When it was changed, in UTC; empty where the payload does not say.
    pub updated_on: String,
    /// Digests of the payloads without a count of that second.
    pub digests: Vec<String>,
}

/// What was seen of a record.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Seen {
    /// The last version, where one was seen.
    pub version: Option<Version>,
    /// Earlier counts that were not told: their deliveries were overtaken, or are lost.
    pub missing: Vec<u32>,
    /// The comments that were told, and those that were written.
    pub comments: Vec<String>,
    /// What severity and status are read from, as it was told last, or as the last event said it: a payload may not say what was there
    /// before.
    pub values: BTreeMap<String, String>,
}

/// How often it is tried to remember something while others remember something of the same record.
const MAX_TRIES: u32 = 16;

/// Changes what was seen of a record, whoever else does so at the same time. Without a change nothing is written.
pub fn change(ledger: &mut dyn Ledger, sys_id: &str, change: impl Fn(Seen) -> Seen) {
    for _ in 0..MAX_TRIES {
        let before = ledger.known(sys_id).seen;
        let (seen, changed) = (Seen::read(before.as_deref()), change(Seen::read(before.as_deref())));
        if seen == changed || ledger.seen(sys_id, before.as_deref(), &changed.to_text()) {
            break;
        }
    }
}

/// How far a count is believed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// Anybody with the secret may have sent it.
    Delivery,
    /// It was read from the record's table.
    Table,
}

impl Seen {
    /// Reads what the ledger has. What nobody can read is nothing.
    pub fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// As the ledger keeps it.
    pub fn to_text(&self) -> String {
        // These types always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// With a later version. What the last one had and this one lacks stays: payloads with and without a count may come in
    /// turns, and a count says more than digests do.
    pub fn with_version(mut self, version: &Version, settled: &[u32], source: Source) -> Self {
        let mut merged = version.clone();
        let seen_count = self.version.as_ref().and_then(|seen| seen.mod_count);
        let is_far = |count: u32| count.saturating_sub(seen_count.unwrap_or_default()) > MAX_GAP;
        if source == Source::Delivery && version.mod_count.is_some_and(is_far) {
            merged.mod_count = seen_count;
        } else if let Some(count) = version.mod_count {
            // A count that was made up left some behind.
            self.missing.retain(|missing| *missing < count);
            let first = seen_count.map_or(0, |seen| seen.saturating_add(1)).max(count.saturating_sub(MAX_MISSING));
            self.missing.extend((first..count).filter(|count| !settled.contains(count)));
            let surplus = self.missing.len().saturating_sub(MAX_MISSING as usize);
            self.missing.drain(..surplus);
        }
        if let Some(seen) = self.version.as_ref().filter(|_| version.mod_count.is_none()) {
            merged.mod_count = merged.mod_count.or(seen.mod_count);
            if merged.updated_on.is_empty() {
                merged.updated_on = seen.updated_on.clone();
            }
            let is_of_this_second = seen.updated_on == merged.updated_on;
            let earlier = seen.digests.iter().filter(|digest| is_of_this_second && !version.digests.contains(digest));
            merged.digests.extend(earlier.cloned());
            merged.digests.truncate(MAX_DIGESTS);
        }
        self.version = Some(merged);
        self
    }

    /// Whether a count is one that deliveries in flight may have.
    pub fn is_near(&self, count: u32) -> bool {
        let last = self.version.as_ref().and_then(|version| version.mod_count).unwrap_or_default();
        count <= last.saturating_add(MAX_MISSING)
    }

    /// With values that were told, or that an event said.
    pub fn with_values<'v>(mut self, values: impl IntoIterator<Item = &'v (String, String)>) -> Self {
        let known = values.into_iter().filter(|(column, _)| TOLD_COLUMNS.contains(&column.as_str()));
        self.values.extend(known.cloned());
        self
    }

    /// With the last version not told: what is known of it is from what stands in for it.
    pub fn with_missing(mut self, count: u32) -> Self {
        let is_last = self.version.as_ref().is_some_and(|version| version.mod_count == Some(count));
        if is_last && !self.missing.contains(&count) {
            self.missing.push(count);
        }
        self
    }

    /// With an overtaken version told.
    pub fn with_late(mut self, count: u32) -> Self {
        self.missing.retain(|missing| *missing != count);
        self
    }

    /// Leaves those comments that were not told or written before, and remembers them.
    pub fn told(&mut self, comments: Vec<Comment>) -> Vec<String> {
        let (mut news, before) = (Vec::new(), self.comments.clone());
        // All of one reading are known together, or the first would be forgotten for the last.
        let most = MAX_COMMENTS.max(comments.len());
        for comment in comments {
            let by_text = by_text(&comment.text);
            let Some(entry) = comment.entry else {
                // It came with a change that is new: a payload without entries says nothing else.
                self.comments.push(by_text);
                news.push(comment.text);
                continue;
            };
            if before.contains(&entry) {
                // Behind the others, as the latest that is known to stand there.
                self.comments.retain(|known| *known != entry);
                self.comments.push(entry);
                continue;
            }
            match self.comments.iter_mut().find(|known| **known == by_text) {
                // Its entry is known from now on: the same text may be said again.
                Some(known) => *known = entry,
                None => {
                    self.comments.push(entry);
                    news.push(comment.text);
                }
            }
        }
        self.keep(most);
        news
    }

    /// With a comment that was written here: it is no news.
    pub fn with_written(mut self, text: &str) -> Self {
        self.comments.push(by_text(text));
        self.keep(MAX_COMMENTS);
        self
    }

    fn keep(&mut self, most: usize) {
        let surplus = self.comments.len().saturating_sub(most);
        self.comments.drain(..surplus);
    }
}

fn by_text(text: &str) -> String {
    let plain = crate::push::plain(text);
    format!("{BY_TEXT}{}", hex(&Sha256::digest(plain)[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(entry: &str, text: &str) -> Comment {
        Comment { entry: Some(entry.to_string()).filter(|entry| !entry.is_empty()), text: text.to_string() }
    }

    #[test]
    fn a_comment_is_told_once_by_its_entry_and_an_own_one_never() {
        let mut seen = Seen::default().with_written("ours");
        assert_eq!(seen.told(vec![comment("1", "a"), comment("2", "a"), comment("3", "ours")]), ["a", "a"]);
        assert!(seen.told(vec![comment("1", "a"), comment("2", "a"), comment("3", "ours")]).is_empty());
        assert_eq!(seen.told(vec![comment("4", "ours")]), ["ours"], "somebody else said the same later");
        assert_eq!(
            seen.told(vec![comment("", "b"), comment("5", "b")]),
            ["b"],
            "first without its entry, then with it"
        );
        assert_eq!(Seen::read(Some(&seen.to_text())), seen);
        for entry in 0..200 {
            seen.told(vec![comment(&format!("entry {entry}"), "c")]);
        }
        assert_eq!(seen.comments.len(), MAX_COMMENTS);
        let many = || (0..200).map(|entry| comment(&format!("of one reading {entry}"), "c")).collect::<Vec<_>>();
        assert_eq!((seen.told(many()).len(), seen.told(many()).len()), (200, 0));
    }

    #[test]
    fn counts_that_were_passed_over_are_missing_until_they_are_told() {
        let counted = |count: u32| Version { mod_count: Some(count), ..Version::default() };
        let seen = Seen::default().with_version(&counted(2), &[], Source::Delivery);
        assert_eq!(seen.missing, [0, 1]);
        let seen = seen.with_version(&counted(6), &[4], Source::Delivery);
        assert_eq!(seen.missing, [0, 1, 3, 5]);
        assert_eq!(seen.clone().with_late(1).missing, [0, 3, 5]);
        let seen = seen.with_version(&counted(500), &[], Source::Delivery);
        assert_eq!((seen.missing.len(), seen.missing[0]), (MAX_MISSING as usize, 500 - MAX_MISSING));
        let healed = seen.with_version(&counted(470), &[], Source::Table);
        assert_eq!(healed.missing.last(), Some(&469), "what lies beyond the table's own count is no version");
        assert_eq!(healed.clone().with_missing(470).missing.last(), Some(&470));
        assert_eq!(healed.clone().with_missing(471), healed, "it is not the last one");
    }

    #[test]
    fn what_the_ledger_has_and_nobody_can_read_is_nothing() {
        for text in [None, Some(""), Some("{"), Some("[]"), Some("{}")] {
            assert_eq!(Seen::read(text), Seen::default(), "{text:?}");
        }
    }
}

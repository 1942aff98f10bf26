//! Where a reading of changes goes on.

use jiff::civil::DateTime;
use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::sys_id::SysId;

/// Before anything: the cursor of an instance without records.
pub const EPOCH: &str = "1970-01-01 00:00:00";

/// How the instance writes times.
pub const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// A cursor: how far the last pass came, and where this one is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The latest change that a whole pass saw, in UTC.
    since: String,
    /// The place of an unfinished pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pass: Option<Position>,
    /// The latest change when that pass began: what is committed meanwhile may lie behind it, and behind the pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

/// A place among changes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The time of a change, in UTC.
    pub at: String,
    /// The key of the last record of that time that was read; none before the first.
    pub after: Option<String>,
}

impl Position {
    /// The place of a record.
    pub fn of(record: &Record) -> Self {
        Self { at: record.text("sys_updated_on"), after: Some(record.text("sys_id")) }
    }

    /// Whether a record comes after this place.
    pub fn is_before(&self, record: &Record) -> bool {
        *self < Self::of(record)
    }
}

impl Cursor {
    /// The cursor of a time.
    pub fn at(time: &str) -> Self {
        Self { since: time.to_string(), pass: None, until: None }
    }

    /// Reads a cursor.
    pub fn parse(text: &str, violations: &mut Violations) -> Option<Self> {
        let is_time = |text: &str| instant(text).is_some();
        let is_position = |position: &Position| {
            is_time(&position.at) && position.after.as_ref().is_none_or(|key| SysId::parse(key).is_some())
        };
        let cursor = serde_json::from_str(text).ok();
        let cursor = cursor.filter(|cursor: &Self| {
            is_time(&cursor.since)
                && cursor.pass.iter().all(is_position)
                && cursor.until.as_deref().is_none_or(is_time)
                && cursor.pass.is_some() == cursor.until.is_some()
        });
        cursor.or_else(|| violations.refuse("cursor", text, "a cursor as it was returned, or none to start now"))
    }

    /// The cursor as text.
    pub fn to_text(&self) -> String {
        // Texts always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Where this pass began: this many seconds before the last change that the pass before it saw.
    pub fn start(&self, overlap: u32) -> Position {
        let back = |at: Timestamp| at.checked_sub(Span::new().seconds(i64::from(overlap))).ok();
        let at = instant(&self.since).and_then(back).map_or_else(|| EPOCH.to_string(), text);
        Position { at, after: None }
    }

    /// Where to read on: in the unfinished pass, or at the start of one.
    pub fn position(&self, overlap: u32) -> Position {
        self.pass.clone().unwrap_or_else(|| self.start(overlap))
    }

    /// Whether this is in the middle of a pass.
    pub fn is_in_pass(&self) -> bool {
        self.pass.is_some()
    }

    /// The cursor in a pass of several pages. `latest` is the latest change at its first page.
    pub fn in_pass(&self, last: Position, latest: Option<String>) -> Self {
        let until = self.until.clone().or(latest).or_else(|| Some(last.at.clone()));
        Self { since: self.since.clone(), pass: Some(last), until }
    }

    /// The cursor after the last page of a pass.
    pub fn after_pass(&self, last: Position) -> Self {
        let reached = match &self.until {
            Some(until) => last.at.min(until.clone()),
            None => last.at,
        };
        Self { since: self.since.clone().max(reached), pass: None, until: None }
    }
}

/// The instant of a time in UTC.
pub fn instant(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime(FORMAT, text).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// An instant as the instance writes it.
pub fn text(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).strftime(FORMAT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went_and_nothing_else_is_one() {
        let mut violations = Violations::default();
        let cursor = Cursor::at("2026-01-02 03:04:05");
        let place = Position { at: "2026-01-02 03:04:06".into(), after: Some("a".repeat(32)) };
        for cursor in [cursor.clone(), cursor.in_pass(place.clone(), None), cursor.after_pass(place)] {
            assert_eq!(Cursor::parse(&cursor.to_text(), &mut violations), Some(cursor));
        }
        assert!(violations.list.is_empty());
        for bad in [
            "",
            "{}",
            r#"{"since":"yesterday"}"#,
            r#"{"since":"2026-01-02 03:04:05^active=true"}"#,
            r#"{"since":"2026-01-02 03:04:05","pass":{"at":"2026-01-02 03:04:05","after":"x^NQ"}}"#,
        ] {
            assert_eq!(Cursor::parse(bad, &mut violations), None, "{bad}");
        }
    }

    #[test]
    fn a_pass_starts_before_what_was_seen_and_ends_at_the_latest() {
        let cursor = Cursor::at("2026-01-02 03:04:05");
        let start = cursor.position(120);
        assert_eq!((start.at.as_str(), &start.after), ("2026-01-02 03:02:05", &None));
        let last = Position { at: "2026-01-02 03:03:00".into(), after: Some("a".into()) };
        let during = cursor.in_pass(last.clone(), Some("2026-01-02 04:00:00".to_string()));
        assert_eq!(during.position(120), last);
        assert_eq!(during.after_pass(last), cursor, "what was seen once stays seen");
        let late = Position { at: "2026-01-02 09:00:00".into(), after: Some("b".into()) };
        assert_eq!(during.after_pass(late), Cursor::at("2026-01-02 04:00:00"), "no further than when the pass began");
    }
}

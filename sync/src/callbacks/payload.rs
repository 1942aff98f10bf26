//! The payloads that business rules post: our own script's, the one with `current` and `previous`, and the flat one with
//! `action_type`.

use super::seen::Version;
use crate::bindings::callbacks::Action;
use crate::bounded::{MAX_PARTS, has_too_many_parts};
use crate::changes::cursor::instant;
use crate::lenient::repaired;
use serde_json::{Map, Value};
use servicenow_core::bindings::types::Violation;
use servicenow_core::encoding::hex;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::record::Record;
use servicenow_core::servicenow::sys_id::SysId;
use servicenow_core::set_up::TABLES;
use sha2::{Digest, Sha256};

/// The largest delivery: a record with texts of a megabyte fits.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// No record is changed more often: a larger count would outrank every later change.
const MAX_MOD_COUNT: u32 = 10_000_000;

/// What stands between groups of digits where a script reads a count as it is shown: `1,000`.
const GROUPING: [char; 5] = [',', '.', '\'', ' ', '\u{a0}'];

const EXPECTED_COUNT: &str = "a whole number of at most 10000000, or none";

/// Members of the flat payload that are no columns.
const FLAT_MEMBERS: [&str; 4] = ["action_type", "number", "sys_id", "comments"];

/// A delivery, read.
#[derive(Debug)]
pub struct Payload {
    /// The record's key.
    pub sys_id: SysId,
    /// Its number.
    pub number: String,
    /// Its table.
    pub table: String,
    /// What was done.
    pub action: Action,
    /// The version that the payload tells.
    pub version: Version,
    /// The columns that hold something.
    pub current: Vec<(String, String)>,
    /// What they held before.
    pub previous: Vec<(String, String)>,
    /// The columns that the payload names in `previous`, also where they held nothing.
    told: Vec<String>,
    /// Comments that may be new, the earliest first.
    pub comments: Vec<Comment>,
    /// Whether its form tells what was there before, and a comment only where this change appended it.
    tells_before: bool,
}

/// A comment in a payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    /// The key of its entry in the journal, where the payload has it.
    pub entry: Option<String>,
    /// Its text.
    pub text: String,
}

impl Payload {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Result<Self, Violation> {
        let mut violations = Violations::default();
        read(body, &mut violations).ok_or_else(|| violations.list.remove(0))
    }

    /// A record that was read. `None` where it lacks what a change must have.
    pub fn of_record(record: &Record) -> Option<Self> {
        let mod_count = record.value("sys_mod_count")?.parse().ok().filter(|count| *count <= MAX_MOD_COUNT)?;
        let current = record.0.iter().filter(|(_, cell)| !cell.value.is_empty());
        Some(Self {
            sys_id: SysId::parse(record.value("sys_id")?)?,
            number: record.text("number"),
            table: record.text("sys_class_name"),
            action: if mod_count == 0 { Action::Inserted } else { Action::Updated },
            version: Version {
                mod_count: Some(mod_count),
                updated_on: record.text("sys_updated_on"),
                digests: Vec::new(),
            },
            current: current.map(|(name, cell)| (name.clone(), cell.value.clone())).collect(),
            previous: Vec::new(),
            told: Vec::new(),
            comments: Vec::new(),
            tells_before: false,
        })
    }

    /// Whether it tells what its version changed.
    pub fn says_what_changed(&self) -> bool {
        self.action == Action::Updated && !self.previous.is_empty() && !self.stands_in()
    }

    /// Whether it stands in for the delivery of the save that made its version: a save without a change, which makes no version and
    /// is delivered all the same, or what somebody sent by hand. What its version changed is told by the other one. A save that
    /// leaves out when the record was updated cannot be told from a change of other columns.
    pub fn stands_in(&self) -> bool {
        let changed_nothing = self.told.iter().any(|name| name == "sys_updated_on") && self.changed().is_empty();
        let is_by_hand = self.tells_before && self.told.is_empty();
        self.action == Action::Updated && self.version.mod_count.is_some() && (changed_nothing || is_by_hand)
    }

    /// The columns that differ from what they were.
    pub fn changed(&self) -> Vec<String> {
        let value = |columns: &[(String, String)], name: &str| {
            columns.iter().find(|(column, _)| column == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let differs = |name: &&String| value(&self.current, name) != value(&self.previous, name);
        let mut changed: Vec<String> = match self.action {
            Action::Inserted => self.current.iter().map(|(name, _)| name.clone()).collect(),
            Action::Updated => self.told.iter().filter(differs).cloned().collect(),
        };
        // A comment is appended: what stood there before says nothing.
        if !self.comments.is_empty() && self.tells_before {
            changed.push("comments".to_string());
        }
        changed
    }
}

fn read(body: &[u8], violations: &mut Violations) -> Option<Payload> {
    if body.len() > MAX_BYTES {
        let given = format!("{} bytes", body.len());
        return violations.refuse("body", &given, &format!("at most {MAX_BYTES} bytes"));
    }
    let text = String::from_utf8_lossy(body);
    if has_too_many_parts(&text) {
        return violations.refuse("body", &text, &format!("a JSON object of at most {MAX_PARTS} values"));
    }
    let members: Map<String, Value> = match serde_json::from_str(&repaired(&text)) {
        Ok(members) => members,
        Err(error) => return violations.refuse("body", &text, &format!("a JSON object; {error}")),
    };
    let text_of = |name: &str| members.get(name).and_then(as_text).unwrap_or_default();
    let sys_id = text_of("sys_id");
    let sys_id = SysId::parse(&sys_id).or_else(|| violations.refuse("sys_id", &sys_id, "32 hexadecimal digits"))?;
    let number = text_of("number");
    if number.is_empty() {
        return violations.refuse("number", &number, "the record's number");
    }
    let is_flat = members.contains_key("action_type");
    let table = if is_flat && !members.contains_key("table") { "incident".to_string() } else { text_of("table") };
    if !TABLES.contains(&table.as_str()) {
        return violations.refuse("table", &table, &format!("one of: {}", TABLES.join(", ")));
    }
    let action = match text_of(if is_flat { "action_type" } else { "action" }).as_str() {
        "insert" => Action::Inserted,
        "update" => Action::Updated,
        other => return violations.refuse("action", other, "insert or update"),
    };
    let columns = |name: &str| match members.get(name) {
        Some(Value::Object(columns)) => filled(columns.iter()),
        _ => Vec::new(),
    };
    let (current, last_comment) = if is_flat {
        let own = members.iter().filter(|(name, _)| !FLAT_MEMBERS.contains(&name.as_str()));
        (filled(own), text_of("comments"))
    } else {
        ([columns("current"), columns("extra")].concat(), text_of("comment"))
    };
    let updated_on = current.iter().find(|(name, _)| name == "sys_updated_on").map(|(_, value)| value.clone());
    // In the user's own form it orders nothing.
    let updated_on = updated_on.filter(|text| instant(text).is_some());
    let mod_count = match members.get("sys_mod_count") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.trim().is_empty() => None,
        Some(value) => match count(value).filter(|count| *count <= MAX_MOD_COUNT) {
            Some(count) => Some(count),
            None => return violations.refuse("sys_mod_count", &value.to_string(), EXPECTED_COUNT),
        },
    };
    let digests = if mod_count.is_none() { vec![hex(&Sha256::digest(body)[..16])] } else { Vec::new() };
    let told = match members.get("previous") {
        Some(Value::Object(previous)) => previous.keys().cloned().collect(),
        _ => Vec::new(),
    };
    Some(Payload {
        sys_id,
        number,
        table,
        action,
        version: Version { mod_count, updated_on: updated_on.unwrap_or_default(), digests },
        current,
        previous: columns("previous"),
        told,
        comments: comments(&members, last_comment),
        tells_before: !is_flat,
    })
}

/// The comments of a payload: the entries that our script lists, or the last comment that older ones read.
fn comments(members: &Map<String, Value>, last: String) -> Vec<Comment> {
    let entries = match members.get("comments") {
        Some(Value::Array(entries)) => entries.as_slice(),
        _ => &[],
    };
    let entries = entries.iter().filter_map(|entry| {
        let text = |name: &str| entry.get(name)?.as_str();
        Some(Comment {
            entry: text("sys_id").and_then(SysId::parse).map(|id| id.to_string()),
            text: text("text")?.to_string(),
        })
    });
    let last = Comment { entry: None, text: last };
    entries.chain([last]).filter(|comment| !comment.text.is_empty()).collect()
}

/// A count: a whole number, or its text, also as it is shown with its digits in groups of three.
fn count(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => {
            // `7.0` is whole.
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)?;
            format!("{whole:.0}").parse().ok()
        }
        Value::String(text) => {
            let mut groups = text.trim().split(GROUPING);
            let first = groups.next()?;
            let rest: Vec<_> = groups.collect();
            let is_grouped = rest.iter().all(|group| group.len() == 3) && (rest.is_empty() || first.len() <= 3);
            let digits = [first, &rest.concat()].concat();
            (is_grouped && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
        }
        _ => None,
    }
}

/// The columns that hold something. Columns that a table lacks come as empty texts.
fn filled<'v>(columns: impl Iterator<Item = (&'v String, &'v Value)>) -> Vec<(String, String)> {
    let columns = columns.filter_map(|(name, value)| Some((name.clone(), as_text(value)?)));
    columns.filter(|(_, value)| !value.is_empty()).collect()
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

    #[test]
    fn both_documented_forms_are_read() {
        let nested = format!(
            r#"{{"sys_id":"{KEY}","number":"INC0010001","sys_mod_count":"7","table":"incident","action":"update",
            "current":{{"state":"2","urgency":"","sys_updated_on":"2026-04-29 14:30:00"}},
            "previous":{{"state":"1","urgency":"3","priority":""}}}}"#
        );
        let payload = Payload::read(nested.as_bytes()).unwrap();
        assert_eq!((payload.version.mod_count, payload.version.updated_on.as_str()), (Some(7), "2026-04-29 14:30:00"));
        assert_eq!(payload.changed(), ["state", "urgency"]);
        assert_eq!(payload.current.len(), 2, "what is empty is absent");

        let flat = format!(
            r#"{{"action_type":"insert","number":"INC0010001","sys_id":"{KEY}","short_description":"x","state":"New",
            "urgency":"3 - Low","comments":"hello","test_001":"y"}}"#
        );
        let payload = Payload::read(flat.as_bytes()).unwrap();
        let hello = Comment { entry: None, text: "hello".to_string() };
        assert_eq!((payload.table.as_str(), &payload.comments[..]), ("incident", &[hello][..]));
        assert_eq!(payload.version.digests.len(), 1);
        assert!(payload.current.contains(&("test_001".to_string(), "y".to_string())));
    }

    #[test]
    fn what_is_nearly_a_delivery_is_read_as_what_it_says() {
        let body = format!(
            "\u{feff}{{\"sys_id\":\"{KEY}\",\"number\":\"INC1\",\"table\":\"problem\",\"action\":\"insert\",\n\t\"sys_mod_count\":\"1,000\",\"current\":{{\"description\":\"a\nb\u{1}c\\\\ \\ud83d\"}}}}"
        );
        let payload = Payload::read(body.as_bytes()).unwrap();
        assert_eq!(payload.current, [("description".to_string(), "a\nb\u{1}c\\ \u{fffd}".to_string())]);
        assert_eq!(payload.version.mod_count, Some(1_000));
    }

    #[test]
    fn a_count_is_what_it_says() {
        for (given, expected) in [
            ("7", Some(7)),
            ("\"7\"", Some(7)),
            ("7.0", Some(7)),
            ("\"1,000\"", Some(1_000)),
            ("\"1.234.567\"", Some(1_234_567)),
            ("\"1 000\"", Some(1_000)),
            ("1.5", None),
            ("-1", None),
            ("\"7.0\"", None),
            ("\"7,00\"", None),
            ("\"1,0000\"", None),
            ("\"1000,000\"", None),
            ("\"+7\"", None),
            ("true", None),
        ] {
            assert_eq!(count(&serde_json::from_str(given).unwrap()), expected, "{given}");
        }
    }

    #[test]
    fn a_date_in_another_form_than_the_instance_s_own_orders_nothing() {
        for (date, kept) in
            [("2026-04-30 10:00:00", true), ("30/04/2026 10:00:00", false), ("2026-04-30", false), ("soon", false)]
        {
            let body =
                format!(r#"{{"action_type":"update","number":"INC1","sys_id":"{KEY}","sys_updated_on":"{date}"}}"#);
            assert_eq!(Payload::read(body.as_bytes()).unwrap().version.updated_on == date, kept, "{date}");
        }
    }

    #[test]
    fn what_is_no_delivery_is_told_why() {
        let with = |member: &str| format!(r#"{{"sys_id":"{KEY}","number":"INC1",{member}}}"#);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for (body, field) in [
            ("".to_string(), "body"),
            ("[]".to_string(), "body"),
            (deep, "body"),
            ("{}".to_string(), "sys_id"),
            (format!(r#"{{"sys_id":"{KEY}"}}"#), "number"),
            (with(r#""table":"sys_user","action":"insert""#), "table"),
            (with(r#""table":"incident","action":"delete""#), "action"),
            (with(r#""table":"incident""#), "action"),
            (with(r#""table":"incident","action":"update","sys_mod_count":"many""#), "sys_mod_count"),
            (with(r#""table":"incident","action":"update","sys_mod_count":"4294967295""#), "sys_mod_count"),
            ("x".repeat(MAX_BYTES + 1), "body"),
        ] {
            assert_eq!(Payload::read(body.as_bytes()).unwrap_err().field, field, "{}", &body[..body.len().min(80)]);
        }
    }
}

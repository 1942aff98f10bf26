//! The one form of a change, whatever told of it.

use super::payload::Payload;
use super::seen::Version;
use crate::bindings::callbacks::{Action, Change};
use crate::rules::Rules;
use serde_json::{Map, Value, json};
use servicenow_core::servicenow::requests::INCIDENT;
use std::collections::BTreeMap;

/// What a payload is among the versions of its record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// Nothing lies between it and the last version seen: what did not change is known not to have changed.
    Next,
    /// Something may.
    AfterGap,
    /// A later one was seen: it says nothing of what is now.
    Overtaken,
}

/// The columns from which severity and status are read.
pub const TOLD_COLUMNS: [&str; 2] = ["urgency", "state"];

/// What of a payload is news.
#[derive(Default)]
pub struct News {
    /// Its comments.
    pub comments: Vec<String>,
    /// Its columns from which severity and status are read. Nothing of one that was overtaken: it says nothing of what is now.
    pub values: Vec<(String, String)>,
}

/// The columns of a payload that are told anew. `known` are those that were told before, or that an event
/// said.
pub fn new_values(payload: &Payload, place: Place, known: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let changed = payload.changed();
    let says_what_was_before = place == Place::Next && payload.says_what_changed();
    let is_news = |(column, value): &&(String, String)| {
        let is_changed = match known.get(column) {
            _ if says_what_was_before => changed.contains(column),
            Some(known) => known != value,
            None => true,
        };
        TOLD_COLUMNS.contains(&column.as_str()) && place != Place::Overtaken && is_changed
    };
    payload.current.iter().filter(is_news).cloned().collect()
}

/// A payload as a change, with what of it is news.
pub fn translate(payload: Payload, news: News, rules: Option<&Rules>, authorization: &str) -> Change {
    let changed = payload.changed();
    let of_interest =
        |column: &str| news.values.iter().find(|(name, _)| name == column).map(|(_, value)| value.as_str());
    let severity = rules.and_then(|rules| rules.severity.as_ref()?.of_urgency(of_interest("urgency")?));
    // The same number is another state on another table.
    let states = rules.and_then(|rules| rules.status.as_ref()).filter(|_| payload.table == INCIDENT);
    let status = states.and_then(|states| states.of_state(of_interest("state")?));
    let snooze = states.and_then(|states| states.snooze(of_interest("state")?));
    let mut change = Change {
        severity: severity.map(str::to_string),
        status: status.map(str::to_string),
        snooze_seconds: snooze,
        occurred_at: instant(&payload.version.updated_on),
        table: payload.table,
        action: payload.action,
        number: payload.number,
        sys_id: payload.sys_id.to_string(),
        mod_count: payload.version.mod_count,
        updated_on: payload.version.updated_on.clone(),
        current: payload.current,
        previous: payload.previous,
        changed,
        comments: news.comments,
        cloud_event: String::new(),
    };
    change.cloud_event = cloud_event(&change, &payload.version, authorization).to_string();
    change
}

/// Gives a change an id of its own among those of its version: one that only brings comments of a version that was told, or one
/// that is told in place of what made the version.
pub fn mark(change: &mut Change, as_what: &str) {
    if let Ok(mut event) = serde_json::from_str::<Value>(&change.cloud_event) {
        event["id"] = format!("{}:{as_what}", event["id"].as_str().unwrap_or_default()).into();
        change.cloud_event = event.to_string();
    }
}

/// `2026-04-29 14:30:00` in UTC, as RFC 3339.
fn instant(updated_on: &str) -> Option<String> {
    let (day, time) = updated_on.split_once(' ')?;
    let text = format!("{day}T{time}Z");
    text.parse::<jiff::Timestamp>().ok().map(|_| text)
}

/// The change as an event by CloudEvents 1.0, in its JSON format.
fn cloud_event(change: &Change, version: &Version, authorization: &str) -> Value {
    let action = match change.action {
        Action::Inserted => "inserted",
        Action::Updated => "updated",
    };
    let columns = |columns: &[(String, String)]| {
        Value::Object(columns.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect())
    };
    let mut event = json!({
        "specversion": "1.0",
        "id": id(&change.sys_id, version),
        "source": format!("servicenow/{}", encoded(authorization)),
        "type": format!("servicenow.{}.{action}", change.table),
        "subject": change.number,
        "datacontenttype": "application/json",
    });
    let mut data = Map::from_iter([
        ("table".to_string(), change.table.as_str().into()),
        ("action".to_string(), action.into()),
        ("number".to_string(), change.number.as_str().into()),
        ("sys_id".to_string(), change.sys_id.as_str().into()),
        ("current".to_string(), columns(&change.current)),
        ("previous".to_string(), columns(&change.previous)),
        ("changed".to_string(), change.changed.clone().into()),
    ]);
    let known = [
        ("version", change.mod_count.map(Value::from)),
        ("severity", change.severity.clone().map(Value::from)),
        ("status", change.status.clone().map(Value::from)),
        ("snooze_seconds", change.snooze_seconds.map(Value::from)),
        ("comments", Some(change.comments.clone()).filter(|comments| !comments.is_empty()).map(Value::from)),
    ];
    data.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))));
    if let Some(time) = &change.occurred_at {
        event["time"] = time.as_str().into();
    }
    event["data"] = data.into();
    event
}

/// The same for each delivery of one version, so that consumers can drop what comes twice.
fn id(sys_id: &str, version: &Version) -> String {
    match (version.mod_count, version.digests.first()) {
        (Some(count), _) => format!("{sys_id}:{count}"),
        (None, digest) => format!("{sys_id}:{}", digest.map(String::as_str).unwrap_or_default()),
    }
}

/// A source is a reference by URI.
fn encoded(name: &str) -> String {
    servicenow_core::encoding::percent_encode(name)
}

//! What the instance itself does to an incident: numbering, defaults, the priority matrix, the mirrored state, the data
//! policy on resolving, and journals.

use super::dictionary::{self, Column};
use super::store::{Row, Store, sys_id};
use super::{Settings, choices};

/// Why a write is refused.
#[derive(Debug, PartialEq)]
pub enum Refused {
    /// A second record with the same key.
    Key(String),
    /// Resolved or closed without code and notes.
    DataPolicy,
}

/// What a new incident has where nothing is sent.
const DEFAULTS: [(&str, &str); 17] = [
    ("state", "1"),
    ("impact", "3"),
    ("urgency", "3"),
    ("severity", "3"),
    ("notify", "1"),
    ("escalation", "0"),
    ("approval", "not requested"),
    ("upon_reject", "cancel"),
    ("upon_approval", "proceed"),
    ("category", "inquiry"),
    ("active", "true"),
    ("made_sla", "true"),
    ("knowledge", "false"),
    ("reassignment_count", "0"),
    ("reopen_count", "0"),
    ("child_incidents", "0"),
    ("sys_class_name", "incident"),
];

/// Columns that the instance alone writes.
const COMPUTED: [&str; 9] = [
    "sys_id",
    "sys_created_on",
    "sys_created_by",
    "sys_updated_on",
    "sys_updated_by",
    "sys_mod_count",
    "priority",
    "number",
    "task_effective_number",
];

/// Inserts an incident. The row as it is stored.
pub fn insert(store: &mut Store, settings: &Settings, sent: &Row, display_values: bool) -> Result<Row, Refused> {
    let wished = sent.get("sys_id").filter(|_| settings.may_take_sys_id).filter(|wished| is_sys_id(wished));
    if let Some(wished) = wished.filter(|wished| store.find("incident", wished).is_some()) {
        return Err(Refused::Key(wished.clone()));
    }
    let mut row: Row =
        dictionary::columns("incident").iter().map(|column| (column.name.to_string(), String::new())).collect();
    for (name, value) in DEFAULTS {
        row.insert(name.to_string(), value.to_string());
    }
    let number = store.number();
    let (now, user) = (now(), store.user.clone());
    for (name, value) in [
        ("sys_id", wished.cloned().unwrap_or_else(sys_id)),
        ("number", number.clone()),
        ("task_effective_number", number),
        ("opened_by", user["sys_id"].clone()),
        ("opened_at", now.clone()),
        ("sys_created_by", user["user_name"].clone()),
        ("sys_created_on", now.clone()),
        ("sys_updated_by", user["user_name"].clone()),
        ("sys_updated_on", now),
        ("sys_mod_count", "0".to_string()),
        ("sys_domain", "global".to_string()),
        ("sys_domain_path", "/".to_string()),
    ] {
        row.insert(name.to_string(), value);
    }
    let before = Row::new();
    apply(store, settings, &mut row, sent, display_values);
    settle(store, &before, &mut row)?;
    store.insert("incident", row.clone());
    Ok(row)
}

/// Updates an incident. The row as it is stored; `None` where there is none.
pub fn update(
    store: &mut Store,
    settings: &Settings,
    sys_id: &str,
    sent: &Row,
    display_values: bool,
) -> Result<Option<Row>, Refused> {
    let Some(before) = store.find("incident", sys_id).cloned() else { return Ok(None) };
    let mut row = before.clone();
    apply(store, settings, &mut row, sent, display_values);
    settle(store, &before, &mut row)?;
    if row != before || sent.keys().any(|name| is_journal(name)) {
        let count: u64 = row["sys_mod_count"].parse().unwrap_or_default();
        row.insert("sys_mod_count".to_string(), (count + 1).to_string());
        row.insert("sys_updated_on".to_string(), now());
        row.insert("sys_updated_by".to_string(), store.user["user_name"].clone());
    }
    store.replace("incident", row.clone());
    Ok(Some(row))
}

/// Writes what was sent. Unknown columns, choices that are none and protected columns are dropped without a word.
fn apply(store: &mut Store, settings: &Settings, row: &mut Row, sent: &Row, display_values: bool) {
    for column in dictionary::columns("incident") {
        let Some(value) = sent.get(column.name) else { continue };
        if COMPUTED.contains(&column.name) || settings.protected_columns.iter().any(|name| name == column.name) {
            continue;
        }
        if column.is_journal() {
            if !value.is_empty() {
                note(store, &row["sys_id"], column.name, value);
            }
            continue;
        }
        if let Some(value) = stored(store, column, value, display_values) {
            row.insert(column.name.to_string(), value);
        }
    }
}

/// The value as it is stored; `None` where it is dropped.
fn stored(store: &Store, column: &Column, value: &str, display_values: bool) -> Option<String> {
    let text = || Some(value.to_string());
    match column.reference() {
        _ if value.is_empty() => text(),
        Some(table) if display_values => store.by_display(table, value).or_else(text),
        _ if choices::is_choice(column.name) => {
            let named = if display_values { choices::value(column.name, value).map(str::to_string) } else { None };
            named.or_else(|| choices::label(column.name, value).and_then(|_| text()))
        }
        _ if column.kind == "boolean" => Some((value == "1" || value.eq_ignore_ascii_case("true")).to_string()),
        _ => text(),
    }
}

/// What follows from what was written.
fn settle(store: &Store, before: &Row, row: &mut Row) -> Result<(), Refused> {
    let was = |name: &str| before.get(name).map_or("", String::as_str).to_string();
    let changed = |row: &Row, name: &str| row[name] != was(name) && !row[name].is_empty();
    // The two states mirror each other; whichever was written leads.
    if changed(row, "incident_state") && (before.is_empty() || !changed(row, "state")) {
        row.insert("state".to_string(), row["incident_state"].clone());
    }
    row.insert("incident_state".to_string(), row["state"].clone());
    row.insert("priority".to_string(), priority(&row["impact"], &row["urgency"]).to_string());
    let (state, old) = (row["state"].clone(), was("state"));
    let is_done = |state: &str| matches!(state, "6" | "7");
    if is_done(&state) && (row["close_code"].is_empty() || row["close_notes"].is_empty()) {
        return Err(Refused::DataPolicy);
    }
    let user = store.user["sys_id"].clone();
    let stamp = |row: &mut Row, by: &str, at: &str| {
        row.insert(by.to_string(), user.clone());
        row.insert(at.to_string(), now());
    };
    if state != old && state == "6" {
        stamp(row, "resolved_by", "resolved_at");
    }
    if state != old && state == "7" {
        stamp(row, "closed_by", "closed_at");
    }
    if is_done(&old) && !is_done(&state) && state != "8" {
        stamp(row, "reopened_by", "reopened_time");
        let count: u64 = row["reopen_count"].parse().unwrap_or_default();
        row.insert("reopen_count".to_string(), (count + 1).to_string());
    }
    row.insert("active".to_string(), (!matches!(state.as_str(), "7" | "8")).to_string());
    if state != "3" {
        row.insert("hold_reason".to_string(), String::new());
    }
    Ok(())
}

fn note(store: &mut Store, element_id: &str, element: &str, value: &str) {
    let columns = [
        ("sys_id", sys_id()),
        ("name", "incident".to_string()),
        ("element", element.to_string()),
        ("element_id", element_id.to_string()),
        ("value", value.to_string()),
        ("sys_created_on", now()),
        ("sys_created_by", store.user["user_name"].clone()),
    ];
    store.insert("sys_journal_field", columns.map(|(name, value)| (name.to_string(), value)).into_iter().collect());
}

fn is_journal(name: &str) -> bool {
    dictionary::columns("incident").iter().any(|column| column.name == name && column.is_journal())
}

fn is_sys_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The priority matrix: 1,1 is 1 and 3,3 is 5.
fn priority(impact: &str, urgency: &str) -> u8 {
    let level = |text: &str| text.parse::<u8>().ok().filter(|level| (1..=3).contains(level)).unwrap_or(3);
    level(impact) + level(urgency) - 1
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[(&str, &str)]) -> Row {
        columns.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn inserted(columns: &[(&str, &str)]) -> Result<Row, Refused> {
        insert(&mut Store::new("user"), &Settings::default(), &row(columns), false)
    }

    #[test]
    fn the_matrix_makes_the_priority_whatever_was_sent() {
        for (impact, urgency, expected) in [
            ("1", "1", "1"),
            ("1", "2", "2"),
            ("1", "3", "3"),
            ("2", "1", "2"),
            ("2", "2", "3"),
            ("2", "3", "4"),
            ("3", "1", "3"),
            ("3", "2", "4"),
            ("3", "3", "5"),
        ] {
            let row = inserted(&[("impact", impact), ("urgency", urgency), ("priority", "1")]).unwrap();
            assert_eq!(row["priority"], expected, "{impact},{urgency}");
        }
    }

    #[test]
    fn what_the_instance_does_not_take_is_dropped_without_a_word() {
        let row =
            inserted(&[("state", "99"), ("u_bunk", "x"), ("short_description", "kept"), ("sys_created_by", "me")])
                .unwrap();
        assert_eq!((row["state"].as_str(), row["short_description"].as_str()), ("1", "kept"));
        assert!(!row.contains_key("u_bunk"));
        assert_eq!(row["sys_created_by"], "user");
    }

    #[test]
    fn resolving_needs_code_and_notes_and_reopening_counts() {
        let (mut store, settings) = (Store::new("user"), Settings::default());
        let id = insert(&mut store, &settings, &Row::new(), false).unwrap()["sys_id"].clone();
        let mut change = |columns: &[(&str, &str)]| update(&mut store, &settings, &id, &row(columns), false);
        assert_eq!(change(&[("state", "6")]), Err(Refused::DataPolicy));
        assert_eq!(
            change(&[("state", "6"), ("close_code", "Nonsense"), ("close_notes", "n")]),
            Err(Refused::DataPolicy)
        );
        let resolved =
            change(&[("incident_state", "6"), ("close_code", "User error"), ("close_notes", "n")]).unwrap().unwrap();
        assert_eq!((resolved["state"].as_str(), resolved["sys_mod_count"].as_str()), ("6", "1"));
        assert!(!resolved["resolved_at"].is_empty());
        let reopened = change(&[("state", "2")]).unwrap().unwrap();
        assert_eq!((reopened["reopen_count"].as_str(), reopened["active"].as_str()), ("1", "true"));
    }

    #[test]
    fn a_second_record_with_the_same_key_is_refused() {
        let (mut store, settings) = (Store::new("user"), Settings::default());
        let sent = row(&[("sys_id", "189d7fc183a51210d81dc590ceaad387")]);
        assert!(insert(&mut store, &settings, &sent, false).is_ok());
        assert!(matches!(insert(&mut store, &settings, &sent, false), Err(Refused::Key(_))));
    }
}

//! Writing a record of any table: what is sent is taken, dropped or refused as the instance does it (docs/servicenow-api.md 2.7).

use super::api_errors::Refused;
use super::value::{self, is_sys_id};
use super::{Settings, defaults, incident};
use crate::tables::Row;
use crate::tables::Store;
use crate::tables::dictionary;
use std::collections::HashMap;

/// Columns that the instance alone writes.
const COMPUTED: [&str; 9] = [
    "sys_id",
    "sys_created_on",
    "sys_created_by",
    "sys_updated_on",
    "sys_updated_by",
    "sys_mod_count",
    "sys_class_name",
    "number",
    "task_effective_number",
];

/// What is sent: columns and values.
pub type Sent = HashMap<String, String>;

/// A write, and who makes it how.
pub struct Write<'a> {
    /// The tables.
    pub store: &'a mut Store,
    /// How the instance is set up.
    pub settings: &'a Settings,
    /// The table.
    pub table: &'static dictionary::Table,
    /// The key of the user.
    pub user: &'a str,
    /// The name of the user.
    pub user_name: &'a str,
    /// Whether values are display values.
    pub display_values: bool,
    /// Whether a script of the instance writes, whom no protection holds back.
    pub by_script: bool,
}

/// A record as it is about to be stored.
pub struct Draft {
    /// What it was; empty where it is new.
    pub before: Row,
    /// What it becomes.
    pub row: Row,
    /// What goes to its journals.
    notes: Notes,
}

/// New entries of journals: column and text.
pub type Notes = Vec<(&'static str, String)>;

impl Draft {
    /// A record as it stands.
    pub fn of(row: Row) -> Self {
        Self { before: row.clone(), row, notes: Vec::new() }
    }

    /// What goes to its journals.
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

impl Write<'_> {
    /// Inserts a record. The row as it is stored.
    pub fn insert(&mut self, sent: &Sent) -> Result<Row, Refused> {
        let draft = self.draft(sent)?;
        self.keep(draft)
    }

    /// Updates a record. The row as it is stored; `None` where there is none.
    pub fn update(&mut self, sys_id: &str, sent: &Sent) -> Result<Option<Row>, Refused> {
        self.change(sys_id, sent).map(|draft| self.keep(draft)).transpose()
    }

    /// A new record, with its key and number.
    pub fn draft(&mut self, sent: &Sent) -> Result<Draft, Refused> {
        let wished = sent.get("sys_id").filter(|_| self.settings.may_take_sys_id).filter(|wished| is_sys_id(wished));
        self.check_key(wished.map_or("", String::as_str))?;
        let mut row = Row::new(self.table.name, defaults::defaults(self.table.name));
        let now = self.store.source.now();
        row.set("sys_id", wished.cloned().unwrap_or_else(|| self.store.new_key(self.table.name)));
        for (name, value) in [
            ("sys_created_by", self.user_name),
            ("sys_created_on", &now),
            ("sys_updated_by", self.user_name),
            ("sys_updated_on", &now),
            ("sys_mod_count", "0"),
        ] {
            row.set(name, value);
        }
        if let Some(number) = self.store.number(self.table.name) {
            row.set("number", number.as_str());
        }
        if let Some(number) = Some(row["number"].to_string()).filter(|_| dictionary::root(self.table.name) == "task") {
            row.set("task_effective_number", number);
            row.set("opened_by", self.user);
            row.set("opened_at", now.as_str());
        }
        if self.table.column("sys_class_name").is_some() {
            row.set("sys_class_name", self.table.name);
        }
        let notes = self.apply(&mut row, sent);
        Ok(Draft { before: Row::default(), row, notes })
    }

    /// A changed record. `None` where there is none.
    pub fn change(&mut self, sys_id: &str, sent: &Sent) -> Option<Draft> {
        let before = self.store.find(self.table.name, sys_id)?.clone();
        if let Some(class) = dictionary::table(&before["sys_class_name"]) {
            self.table = class;
        }
        let mut row = before.clone();
        let notes = self.apply(&mut row, sent);
        Some(Draft { before, row, notes })
    }

    /// Sets columns as scripts of the instance set them: any value, whatever it is.
    pub fn set(&self, draft: &mut Draft, set: &Sent) {
        let is_new = draft.before["sys_id"].is_empty();
        for column in &self.table.columns {
            let Some(value) = set.get(column.name) else { continue };
            // A record stays the one it is.
            if !is_new && matches!(column.name, "sys_id" | "sys_class_name") {
                continue;
            }
            if column.is_journal() {
                draft.notes.extend((!value.is_empty()).then(|| (column.name, value.clone())));
            } else {
                draft.row.set(column.name, value.as_str());
            }
        }
    }

    /// A record as rules see it: with what follows from what was written, and the new entries of its journals.
    pub fn shown(&self, draft: &Draft) -> Row {
        let (before, mut row) = (&draft.before, draft.row.clone());
        let now = row["sys_updated_on"].to_string();
        let mut settled = row.clone();
        // What is refused is refused when it is stored.
        if self.settle(before, &mut settled, &now).is_ok() {
            row = settled;
        }
        draft.notes.iter().for_each(|(name, value)| row.set(name, value.as_str()));
        row
    }

    /// Stores a record. The row as it is stored.
    pub fn keep(&mut self, draft: Draft) -> Result<Row, Refused> {
        let Draft { before, mut row, notes } = draft;
        let is_new = before["sys_id"].is_empty();
        if is_new {
            self.check_key(&row["sys_id"])?;
        }
        let now = if is_new { row["sys_created_on"].to_string() } else { self.store.source.now() };
        if !is_new && (row != before || !notes.is_empty()) {
            incident::answered(self.table.name, &before, &mut row, self.user);
        }
        self.settle(&before, &mut row, &now)?;
        if is_new {
            self.store.add(self.table.name, row.clone());
        } else {
            if row != before || !notes.is_empty() {
                row.add("sys_mod_count", 1);
                row.set("sys_updated_on", now.as_str());
                row.set("sys_updated_by", self.user_name);
            }
            self.store.replace(self.table.name, row.clone());
        }
        self.note(&row, notes, &now);
        Ok(row)
    }

    /// Refuses a key that another record of the family has.
    fn check_key(&self, key: &str) -> Result<(), Refused> {
        match self.store.find(dictionary::root(self.table.name), key) {
            Some(_) => Err(Refused::Key(key.to_string())),
            None => Ok(()),
        }
    }

    fn settle(&self, before: &Row, row: &mut Row, now: &str) -> Result<(), Refused> {
        if self.table.name == "incident" {
            let is_unexplained = &row["state"] == "3" && row["hold_reason"].is_empty();
            if is_unexplained && self.settings.may_require_hold_reason {
                return Err(Refused::HoldReason);
            }
            return incident::settle(before, row, now, self.user);
        }
        defaults::settle(self.table.name, row);
        Ok(())
    }

    /// Writes what was sent, and returns what goes to journals. Unknown columns, choices that are none and protected columns
    /// are dropped without a word.
    fn apply(&self, row: &mut Row, sent: &Sent) -> Vec<(&'static str, String)> {
        let mut notes = Vec::new();
        for column in &self.table.columns {
            let Some(value) = sent.get(column.name) else { continue };
            let is_task = dictionary::root(self.table.name) == "task";
            let is_computed = COMPUTED.contains(&column.name) && (is_task || column.name.starts_with("sys_"))
                || column.name == "priority" && matches!(self.table.name, "incident" | "problem");
            let is_protected = || self.settings.protected_columns.iter().any(|name| name == column.name);
            if is_computed || !self.by_script && is_protected() {
                continue;
            }
            if column.is_journal() {
                if !value.is_empty() {
                    notes.push((column.name, value.clone()));
                }
            } else if let Some(value) =
                value::stored(self.table, column, value, self.display_values, self.settings, (self.store, self.user))
            {
                row.set(column.name, value);
            }
        }
        notes
    }

    fn note(&mut self, row: &Row, notes: Vec<(&'static str, String)>, now: &str) {
        for (element, value) in notes {
            let columns = [
                ("name", self.table.name),
                ("element", element),
                ("element_id", &row["sys_id"]),
                ("value", &value),
                ("sys_created_on", now),
                ("sys_created_by", self.user_name),
            ];
            self.store.add("sys_journal_field", Row::new("sys_journal_field", columns));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(columns: &[(&str, &str)]) -> Sent {
        columns.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn write<'a>(store: &'a mut Store, settings: &'a Settings) -> Write<'a> {
        let table = dictionary::table("incident").unwrap();
        Write { store, settings, table, user: "u1", user_name: "user", display_values: false, by_script: false }
    }

    fn inserted(columns: &[(&str, &str)]) -> Result<Row, Refused> {
        write(&mut Store::new(Some(1)), &Settings::default()).insert(&sent(columns))
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
            assert_eq!(&row["priority"], expected, "{impact},{urgency}");
        }
    }

    #[test]
    fn what_the_instance_does_not_take_is_dropped_without_a_word() {
        let row =
            inserted(&[("state", "99"), ("u_bunk", "x"), ("short_description", "kept"), ("sys_created_by", "me")]);
        let row = row.unwrap();
        assert_eq!((&row["state"], &row["short_description"], &row["sys_created_by"]), ("1", "kept", "user"));
        assert_eq!(&row["u_bunk"], "");
    }

    #[test]
    fn resolving_needs_code_and_notes_and_reopening_counts() {
        let (mut store, settings) = (Store::new(Some(1)), Settings::default());
        let id = write(&mut store, &settings).insert(&Sent::new()).unwrap()["sys_id"].to_string();
        let mut change = |columns: &[(&str, &str)]| write(&mut store, &settings).update(&id, &sent(columns));
        assert_eq!(change(&[("state", "6")]), Err(Refused::DataPolicy));
        let nonsense = [("state", "6"), ("close_code", "Nonsense"), ("close_notes", "n")];
        assert_eq!(change(&nonsense), Err(Refused::DataPolicy));
        let resolved = change(&[("incident_state", "6"), ("close_code", "User error"), ("close_notes", "n")]);
        let resolved = resolved.unwrap().unwrap();
        assert_eq!((&resolved["state"], &resolved["sys_mod_count"]), ("6", "1"));
        assert!(!resolved["resolved_at"].is_empty());
        let reopened = change(&[("state", "2")]).unwrap().unwrap();
        assert_eq!((&reopened["reopen_count"], &reopened["active"]), ("1", "true"));
    }

    #[test]
    fn a_second_record_with_the_same_key_is_refused() {
        let (mut store, settings) = (Store::new(Some(1)), Settings::default());
        let sent = sent(&[("sys_id", "189d7fc183a51210d81dc590ceaad387")]);
        assert!(write(&mut store, &settings).insert(&sent).is_ok());
        assert!(matches!(write(&mut store, &settings).insert(&sent), Err(Refused::Key(_))));
    }

    #[test]
    fn a_task_is_read_and_changed_as_what_it_is() {
        let (mut store, settings) = (Store::new(Some(1)), Settings::default());
        let id = write(&mut store, &settings).insert(&Sent::new()).unwrap()["sys_id"].to_string();
        let mut as_task = write(&mut store, &settings);
        as_task.table = dictionary::table("task").unwrap();
        let changed = as_task.update(&id, &sent(&[("caller_id", "u9"), ("work_notes", "seen")])).unwrap().unwrap();
        assert_eq!((&changed["caller_id"], &changed["sys_class_name"]), ("u9", "incident"));
        let notes: Vec<_> = store.by("sys_journal_field", "element_id", &id).map(|row| &row["value"]).collect();
        assert_eq!(notes, ["seen"]);
    }
}

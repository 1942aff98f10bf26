//! The tables of the instance: rows of text, in memory.

use super::{choices, dictionary};
use std::collections::{BTreeMap, HashMap};

/// A record: every scalar is text.
pub type Row = BTreeMap<String, String>;

/// A table's rows in the order they were inserted, and where each key is.
#[derive(Default)]
struct Table {
    rows: Vec<Row>,
    places: HashMap<String, usize>,
}

impl Table {
    fn of(rows: Vec<Row>) -> Self {
        let places = rows.iter().enumerate().map(|(at, row)| (row["sys_id"].clone(), at)).collect();
        Self { rows, places }
    }
}

/// The tables.
pub struct Store {
    tables: HashMap<&'static str, Table>,
    next_number: u32,
    /// The integration user.
    pub user: Row,
}

impl Store {
    /// An instance with users, groups, choices and dictionary, and no incident.
    pub fn new(username: &str) -> Self {
        let user = row(&[
            ("sys_id", "6816f79cc0a8016401c5a33be04be441"),
            ("user_name", username),
            ("name", "Flow Integration"),
            ("email", "flow.integration@example.com"),
        ]);
        let caller = row(&[
            ("sys_id", "5137153cc611227c000bbd1bd8cd2005"),
            ("user_name", "example.caller"),
            ("name", "Example Caller"),
            ("email", "caller@example.com"),
        ]);
        let desk = row(&[("sys_id", "679434f053231300e321ddeeff7b12d8"), ("name", "Service Desk")]);
        let mut store = Self { tables: HashMap::new(), next_number: 10_001, user: user.clone() };
        store.tables.insert("incident", Table::default());
        store.tables.insert("sys_user", Table::of(vec![user, caller]));
        store.tables.insert("sys_user_group", Table::of(vec![desk]));
        store.tables.insert("sys_choice", Table::of(choice_rows()));
        store.tables.insert("sys_dictionary", Table::of(dictionary_rows()));
        store
    }

    /// The rows of a table.
    pub fn rows(&self, table: &str) -> &[Row] {
        self.tables.get(table).map_or(&[], |table| &table.rows)
    }

    /// A row by its key.
    pub fn find(&self, table: &str, sys_id: &str) -> Option<&Row> {
        let table = self.tables.get(table)?;
        table.places.get(sys_id).map(|at| &table.rows[*at])
    }

    /// Adds a row.
    pub fn insert(&mut self, table: &str, row: Row) {
        if let Some(table) = self.tables.get_mut(table) {
            table.places.insert(row["sys_id"].clone(), table.rows.len());
            table.rows.push(row);
        }
    }

    /// Replaces the row with the same key.
    pub fn replace(&mut self, table: &str, row: Row) {
        if let Some(table) = self.tables.get_mut(table)
            && let Some(at) = table.places.get(&row["sys_id"])
        {
            table.rows[*at] = row;
        }
    }

    /// Removes a row. Whether it was there.
    pub fn remove(&mut self, table: &str, sys_id: &str) -> bool {
        let Some(table) = self.tables.get_mut(table).filter(|table| table.places.contains_key(sys_id)) else {
            return false;
        };
        table.rows.retain(|row| row["sys_id"] != sys_id);
        *table = Table::of(std::mem::take(&mut table.rows));
        true
    }

    /// The next incident number.
    pub fn number(&mut self) -> String {
        let number = format!("INC{:07}", self.next_number);
        self.next_number += 1;
        number
    }

    /// What a reference to a row shows: its name, or its number.
    pub fn display(&self, table: &str, sys_id: &str) -> String {
        let row = self.find(table, sys_id);
        row.and_then(|row| row.get("name").or_else(|| row.get("number"))).cloned().unwrap_or_default()
    }

    /// The row that a display value names: by name, e-mail or user name.
    pub fn by_display(&self, table: &str, shown: &str) -> Option<String> {
        let names = ["name", "email", "user_name", "number"];
        let is =
            |row: &&Row| names.iter().any(|name| row.get(*name).is_some_and(|value| value.eq_ignore_ascii_case(shown)));
        self.rows(table).iter().find(is).map(|row| row["sys_id"].clone())
    }
}

/// A new key.
pub fn sys_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn row(columns: &[(&str, &str)]) -> Row {
    columns.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn choice_rows() -> Vec<Row> {
    // Choices of columns that every task has stand under the table they are inherited from.
    let inherited = ["impact", "urgency", "approval", "escalation", "upon_reject", "upon_approval"];
    let rows = choices::all().iter().enumerate().map(|(at, &(element, value, label, dependent))| {
        let name = if inherited.contains(&element) { "task" } else { "incident" };
        row(&[
            ("sys_id", &sys_id()),
            ("name", name),
            ("element", element),
            ("value", value),
            ("label", label),
            ("dependent_value", dependent),
            ("language", "en"),
            ("inactive", "false"),
            ("sequence", &at.to_string()),
        ])
    });
    rows.collect()
}

fn dictionary_rows() -> Vec<Row> {
    let own =
        ["caller_id", "category", "subcategory", "close_code", "incident_state", "severity", "hold_reason", "u_rack"];
    let rows = dictionary::columns("incident").iter().map(|column| {
        row(&[
            ("sys_id", &sys_id()),
            ("name", if own.contains(&column.name) { "incident" } else { "task" }),
            ("element", column.name),
            ("column_label", &label(column.name)),
            ("internal_type", column.kind),
            ("max_length", column.max_length()),
            ("mandatory", if column.name == "caller_id" { "true" } else { "false" }),
            ("read_only", if column.name.starts_with("sys_") { "true" } else { "false" }),
            ("reference", column.reference().unwrap_or_default()),
            ("active", "true"),
        ])
    });
    rows.collect()
}

/// `short_description` as `Short description`.
fn label(name: &str) -> String {
    let words = name.trim_start_matches("u_").replace('_', " ");
    words[..1].to_uppercase() + &words[1..]
}

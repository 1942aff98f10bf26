//! Records as JSON, in the three shapes of `sysparm_display_value` (docs/servicenow-api.md 2.3).

use super::choices;
use crate::tables::Row;
use crate::tables::Store;
use crate::tables::dictionary::{self, Column};
use serde_json::{Map, Value, json};

/// How records are shown.
pub struct Shape {
    /// `sysparm_display_value`: values, what is shown, or both.
    pub display: Display,
    /// `sysparm_exclude_reference_link`.
    pub no_links: bool,
    /// `sysparm_fields`; all where empty.
    pub fields: Vec<String>,
    /// Whether journals stay empty.
    pub no_journals: bool,
    /// The address of the tables, in the version that was asked for.
    pub tables_url: String,
}

/// `sysparm_display_value`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// `false`.
    Values,
    /// `true`.
    Shown,
    /// `all`.
    Both,
}

/// The one table whose rows a domain refers to, as captures show it.
const DOMAIN_TABLE: &str = "sys_user_group";

impl Shape {
    /// A record of a table, shown. Columns that do not exist are left out.
    pub fn record(&self, store: &Store, table: &str, row: &Row) -> Value {
        // A record that is listed under the table it extends has that table's columns.
        let Some(table) = dictionary::table(table) else { return Value::Null };
        let cells = if self.fields.is_empty() {
            let cell = |column: &Column| {
                (column.name.to_string(), self.cell(store, table.name, &row["sys_id"], column, row.get(column.name)))
            };
            table.columns.iter().map(cell).collect::<Map<_, _>>()
        } else {
            self.fields
                .iter()
                .filter_map(|path| Some((path.clone(), self.walk(store, table.name, row, path)?)))
                .collect()
        };
        Value::Object(cells)
    }

    /// A column named by a path, such as `caller_id.email`.
    fn walk(&self, store: &Store, table: &str, row: &Row, path: &str) -> Option<Value> {
        let value = store.value(table, row, path)?;
        let mut table = dictionary::table(table)?;
        if let Some(class) = dictionary::table(&row["sys_class_name"]) {
            table = class;
        }
        let (walked, last) = path.rsplit_once('.').map_or((None, path), |(walked, last)| (Some(walked), last));
        for step in walked.into_iter().flat_map(|walked| walked.split('.')) {
            table = dictionary::table(table.column(step)?.reference()?)?;
        }
        Some(self.cell(store, table.name, &row["sys_id"], table.column(last)?, &value))
    }

    fn cell(&self, store: &Store, table: &str, key: &str, column: &Column, value: &str) -> Value {
        if column.is_journal() {
            // The value is empty; what a person reads is the whole journal, the latest entry first. UNCONFIRMED.
            let shown =
                || if self.no_journals { String::new() } else { journal_entries(store, key, column.name).concat() };
            return match self.display {
                Display::Values => json!(""),
                Display::Shown => json!(shown()),
                Display::Both => json!({"display_value": shown(), "value": ""}),
            };
        }
        let is_domain = column.kind == "domain_id";
        let referred = if is_domain { Some(DOMAIN_TABLE) } else { column.reference() };
        let Some(referred) = referred.filter(|_| !value.is_empty()) else {
            let shown = shown(table, column, value);
            return match self.display {
                Display::Values => json!(value),
                Display::Shown => json!(shown),
                // An empty choice shows null here and nowhere else.
                Display::Both if value.is_empty() && choices::is_choice(table, column.name) => {
                    json!({"display_value": null, "value": ""})
                }
                Display::Both => json!({"display_value": shown, "value": value}),
            };
        };
        let shown = if is_domain { value } else { store.display(referred, value) };
        let link = || format!("{}/{referred}/{value}", self.tables_url);
        match (self.display, self.no_links) {
            (Display::Values, true) => json!(value),
            (Display::Values, false) => json!({"link": link(), "value": value}),
            (Display::Shown, true) => json!(shown),
            (Display::Shown, false) => json!({"display_value": shown, "link": link()}),
            (Display::Both, true) => json!({"display_value": shown, "value": value}),
            (Display::Both, false) => json!({"display_value": shown, "value": value, "link": link()}),
        }
    }
}

/// What a person reads in place of a value that refers to nothing.
pub fn shown<'a>(table: &str, column: &Column, value: &'a str) -> &'a str {
    match column.kind {
        "due_date" if value.is_empty() && column.name != "due_date" => "UNKNOWN",
        _ if choices::is_choice(table, column.name) => choices::label(column.name, value).unwrap_or(value),
        _ => value,
    }
}

/// The entries of a record's journal as a person reads them, the latest first: its work notes, its comments, or both.
pub fn journal_entries(store: &Store, key: &str, element: &str) -> Vec<String> {
    let is_wanted = |entry: &&Row| element == "comments_and_work_notes" || &entry["element"] == element;
    let entries: Vec<_> = store.by("sys_journal_field", "element_id", key).filter(is_wanted).collect();
    let text = |entry: &&Row| {
        let kind = if &entry["element"] == "work_notes" { "Work notes" } else { "Additional comments" };
        let author = store.by("sys_user", "user_name", &entry["sys_created_by"]).next();
        let author = author.map_or(&entry["sys_created_by"], |user| &user["name"]);
        format!("{} - {author} ({kind})\n{}\n\n", &entry["sys_created_on"], &entry["value"])
    };
    entries.iter().rev().map(text).collect()
}

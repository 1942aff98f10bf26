//! Records as JSON, in the three shapes of `sysparm_display_value` (docs/servicenow-api.md 2.3).

use super::choices;
use crate::tables::Row;
use crate::tables::Store;
use crate::tables::dictionary::{self, Column};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

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

    /// Whether a member is asked for.
    pub fn has(&self, name: &str) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|field| field == name)
    }

    /// A value that is shown as it is.
    pub fn plain(&self, value: &str) -> Value {
        match self.display {
            Display::Values | Display::Shown => json!(value),
            Display::Both => json!({"display_value": value, "value": value}),
        }
    }

    /// A column named by a path, such as `caller_id.email`.
    fn walk(&self, store: &Store, table: &str, row: &Row, path: &str) -> Option<Value> {
        let value = store.value(table, row, path)?;
        let class = Some(&row["sys_class_name"]).filter(|class| dictionary::table(class).is_some());
        let (table, column) = column_at(class.unwrap_or(table), path)?;
        Some(self.cell(store, table, &row["sys_id"], column, &value))
    }

    /// What a person reads in place of a value of a column that a path names.
    pub fn shown(&self, store: &Store, table: &str, path: &str, value: &str) -> String {
        let Some((table, column)) = column_at(table, path) else { return value.to_string() };
        match column.reference() {
            Some(referred) => store.display(referred, value).to_string(),
            None => shown(store, table, column, value).into_owned(),
        }
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
            let shown = shown(store, table, column, value);
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

/// The column that a path names, and the table it is of.
fn column_at(table: &str, path: &str) -> Option<(&'static str, &'static Column)> {
    let mut table = dictionary::table(table)?;
    let (walked, last) = path.rsplit_once('.').map_or((None, path), |(walked, last)| (Some(walked), last));
    for step in walked.into_iter().flat_map(|walked| walked.split('.')) {
        table = dictionary::table(table.column(step)?.reference()?)?;
    }
    Some((table.name, table.column(last)?))
}

/// What a person reads in place of a value that refers to no single record.
pub fn shown<'a>(store: &Store, table: &str, column: &Column, value: &'a str) -> Cow<'a, str> {
    let label = || choices::label(table, column.name, value).map(Cow::Borrowed);
    match column.kind {
        "due_date" if value.is_empty() && column.name != "due_date" => "UNKNOWN".into(),
        "sys_class_name" if dictionary::table(value).is_some() => dictionary::label(value).into(),
        _ => match column.listed() {
            // What is no key, such as an address, is shown as it is.
            Some(listed) => {
                let one =
                    |key: &'a str| Some(store.display(listed, key)).filter(|name| !name.is_empty()).unwrap_or(key);
                value.split(',').map(one).collect::<Vec<_>>().join(", ").into()
            }
            None => label().unwrap_or(value.into()),
        },
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

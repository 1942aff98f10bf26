//! Records as JSON, in the three shapes of `sysparm_display_value`.

use super::dictionary::{self, Column};
use super::store::{Row, Store};
use super::{choices, query::Query};
use serde_json::{Map, Value, json};

/// How records are shown.
pub struct Shape {
    /// `sysparm_display_value`: values, what is shown, or both.
    pub display: Display,
    /// `sysparm_exclude_reference_link`.
    pub no_links: bool,
    /// `sysparm_fields`; all where empty.
    pub fields: Vec<String>,
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

impl Shape {
    /// The rows that a query selects, shown.
    pub fn rows(&self, store: &Store, table: &str, query: &Query, offset: usize, limit: usize) -> (usize, Vec<Value>) {
        let rows = match query.key() {
            Some(key) => store.find(table, key).map_or(&[][..], std::slice::from_ref),
            None => store.rows(table),
        };
        let found = query.select(rows);
        let page = found.iter().skip(offset).take(limit).map(|row| self.record(store, table, row));
        (found.len(), page.collect())
    }

    /// A record, shown.
    pub fn record(&self, store: &Store, table: &str, row: &Row) -> Value {
        let columns = dictionary::columns(table);
        let wanted = |column: &&Column| self.fields.is_empty() || self.fields.iter().any(|field| field == column.name);
        let cells = columns.iter().filter(wanted).map(|column| {
            let value = row.get(column.name).map_or("", String::as_str);
            (column.name.to_string(), self.cell(store, column, value))
        });
        Value::Object(cells.collect::<Map<_, _>>())
    }

    fn cell(&self, store: &Store, column: &Column, value: &str) -> Value {
        let table = if column.name == "sys_domain" { Some("sys_user_group") } else { column.reference() };
        let Some(table) = table.filter(|_| !value.is_empty()) else {
            let shown = self.shown(column, value);
            return match self.display {
                Display::Values => json!(value),
                Display::Shown => json!(shown),
                // An empty choice shows null here and nowhere else.
                Display::Both if value.is_empty() && choices::is_choice(column.name) => {
                    json!({"display_value": null, "value": ""})
                }
                Display::Both => json!({"display_value": shown, "value": value}),
            };
        };
        let shown = if column.name == "sys_domain" { value.to_string() } else { store.display(table, value) };
        let link = format!("{}/{table}/{value}", self.tables_url);
        match (self.display, self.no_links) {
            (Display::Values, true) => json!(value),
            (Display::Values, false) => json!({"link": link, "value": value}),
            (Display::Shown, true) => json!(shown),
            (Display::Shown, false) => json!({"display_value": shown, "link": link}),
            (Display::Both, true) => json!({"display_value": shown, "value": value}),
            (Display::Both, false) => json!({"display_value": shown, "value": value, "link": link}),
        }
    }

    fn shown(&self, column: &Column, value: &str) -> String {
        match column.kind {
            "due_date" if value.is_empty() && column.name != "due_date" => "UNKNOWN".to_string(),
            _ => choices::label(column.name, value).unwrap_or(value).to_string(),
        }
    }
}

//! A record: every scalar is text, and what is empty takes no room.

use super::dictionary;
use std::collections::BTreeMap;
use std::ops::Index;

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(BTreeMap<&'static str, String>);

impl Row {
    /// A record of a table with these columns. Unknown ones are left out.
    pub fn new<'a>(table: &str, columns: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut row = Self::default();
        if let Some(table) = dictionary::table(table) {
            for (name, value) in columns {
                if let Some(column) = table.column(name) {
                    row.set(column.name, value);
                }
            }
        }
        row
    }

    /// A column's value; empty where it has none.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Sets a column.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name, value);
        }
    }

    /// Adds to a number.
    pub fn add(&mut self, name: &'static str, more: i64) {
        let number: i64 = self.get(name).parse().unwrap_or_default();
        self.set(name, number.saturating_add(more).to_string());
    }

    /// The columns that hold something.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

impl Index<&str> for Row {
    type Output = str;

    fn index(&self, name: &str) -> &str {
        self.get(name)
    }
}

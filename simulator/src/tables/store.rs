//! The tables of the instance: rows in memory, found by their place, their key or an index.

use super::dictionary;
use super::row::Row;
use crate::choices;
use crate::ids_and_clock::Source;
use std::borrow::Cow;
use std::collections::HashMap;

/// The columns that rows are found by without looking at all of them.
pub const INDEXED: [&str; 6] = ["number", "correlation_id", "user_name", "element_id", "user", "name"];

/// Who made what an instance is delivered with.
const SYSTEM_USER: &str = "system";

/// How deep a dot-walk goes.
const MAX_WALK: usize = 5;

/// The rows of one table in the order they were inserted, without those of the tables that extend it.
#[derive(Default)]
struct Rows {
    /// A removed row leaves its place empty, so that the others keep theirs.
    places: Vec<Option<Row>>,
    by_key: HashMap<String, usize>,
    by_value: HashMap<(&'static str, String), Vec<usize>>,
    next_number: u32,
}

impl Rows {
    fn note(&mut self, at: usize, row: &Row) {
        for column in INDEXED {
            let value = row.get(column);
            if !value.is_empty() {
                // In the order of the table, also where a row comes back to its place.
                let places = self.by_value.entry((column, value.to_lowercase())).or_default();
                places.insert(places.partition_point(|place| *place < at), at);
            }
        }
    }

    fn forget(&mut self, at: usize, row: &Row) {
        for column in INDEXED {
            let key = (column, row.get(column).to_lowercase());
            if let Some(places) = self.by_value.get_mut(&key) {
                places.retain(|place| *place != at);
                if places.is_empty() {
                    self.by_value.remove(&key);
                }
            }
        }
    }
}

/// The tables.
pub struct Store {
    tables: HashMap<&'static str, Rows>,
    /// Where keys and times come from.
    pub source: Source,
}

impl Store {
    /// An instance with choices and dictionary, and nothing else.
    pub fn new(seed: Option<u64>) -> Self {
        let tables = dictionary::tables().map(|table| (table.name, Rows { next_number: 10_001, ..Rows::default() }));
        let mut store = Self { tables: tables.collect(), source: Source::new(seed) };
        choices::rows().for_each(|row| store.add("sys_choice", row));
        for table in dictionary::tables() {
            let own = table.columns.iter().filter(|column| column.declared_by == table.name);
            own.for_each(|column| store.add("sys_dictionary", choices::definition(table.name, column)));
            let mut definition = Row::new("sys_db_object", [("name", table.name), ("is_extendable", "true")]);
            definition.set("label", dictionary::label(table.name));
            // A table that others extend is declared before them.
            let parent = table.parent.and_then(|parent| store.by("sys_db_object", "name", parent).next());
            let parent = parent.map(|parent| parent["sys_id"].to_string());
            parent.into_iter().for_each(|key| definition.set("super_class", key));
            store.add("sys_db_object", definition);
        }
        store
    }

    /// The rows of a table and of those that extend it.
    pub fn rows<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Row> + 'a {
        dictionary::with_children(table)
            .flat_map(|table| self.tables.get(table))
            .flat_map(|rows| rows.places.iter().flatten())
    }

    /// The rows of a table alone.
    pub fn own_rows(&self, table: &str) -> impl Iterator<Item = &Row> {
        self.tables.get(table).into_iter().flat_map(|rows| rows.places.iter().flatten())
    }

    /// Removes all rows of a table alone. Its numbers go on.
    pub fn empty(&mut self, table: &str) {
        if let Some(rows) = self.tables.get_mut(table) {
            *rows = Rows { next_number: rows.next_number, ..Rows::default() };
        }
    }

    /// A row by its key.
    pub fn find(&self, table: &str, sys_id: &str) -> Option<&Row> {
        dictionary::with_children(table).find_map(|table| {
            let rows = self.tables.get(table)?;
            rows.places[*rows.by_key.get(&sys_id.to_ascii_lowercase())?].as_ref()
        })
    }

    fn with_value<'a>(&'a self, table: &'a str, column: &str, value: &str) -> impl Iterator<Item = &'a Row> + 'a {
        let column = INDEXED.into_iter().find(|indexed| *indexed == column);
        let key = column.map(|column| (column, value.to_lowercase()));
        dictionary::with_children(table).filter_map(|table| self.tables.get(table)).flat_map(move |rows| {
            let places = key.as_ref().and_then(|key| rows.by_value.get(key)).map_or(&[][..], Vec::as_slice);
            places.iter().filter_map(|at| rows.places[*at].as_ref())
        })
    }

    /// The rows whose indexed column has this value.
    pub fn by<'a>(&'a self, table: &'a str, column: &str, value: &str) -> impl Iterator<Item = &'a Row> + 'a {
        self.with_value(table, column, value)
    }

    /// A key that no row of the table or of its relatives has.
    pub fn new_key(&mut self, table: &str) -> String {
        loop {
            let key = self.source.sys_id();
            if self.find(dictionary::root(table), &key).is_none() {
                return key;
            }
        }
    }

    /// Adds a row. What every row has, it gets where it has none: a key, when and by whom it was made, and no boolean is neither
    /// true nor false.
    pub fn add(&mut self, table: &'static str, mut row: Row) {
        if row.get("sys_id").is_empty() {
            row.set("sys_id", self.new_key(table));
        }
        if row.get("sys_created_on").is_empty() {
            row.set("sys_created_on", self.source.clock());
        }
        for (column, source, usual) in [
            ("sys_created_by", "", SYSTEM_USER),
            ("sys_updated_on", "sys_created_on", ""),
            ("sys_updated_by", "sys_created_by", ""),
            ("sys_mod_count", "", "0"),
        ] {
            if row.get(column).is_empty() {
                let value = if source.is_empty() { usual.to_string() } else { row.get(source).to_string() };
                row.set(column, value);
            }
        }
        for column in dictionary::columns(table).iter().filter(|column| column.is_boolean()) {
            if row.get(column.name).is_empty() {
                row.set(column.name, "false");
            }
        }
        let number = dictionary::table(table).and_then(|table| row["number"].strip_prefix(table.prefix?));
        let number = number.and_then(|number| number.parse::<u32>().ok());
        if let Some(rows) = self.tables.get_mut(table) {
            let at = rows.places.len();
            rows.next_number = rows.next_number.max(number.map_or(0, |number| number.saturating_add(1)));
            rows.note(at, &row);
            rows.by_key.insert(row["sys_id"].to_ascii_lowercase(), at);
            rows.places.push(Some(row));
        }
    }

    /// Replaces the row with the same key.
    pub fn replace(&mut self, table: &str, row: Row) {
        for table in dictionary::with_children(table) {
            let Some(rows) = self.tables.get_mut(table) else { continue };
            if let Some(at) = rows.by_key.get(&row["sys_id"].to_ascii_lowercase()).copied() {
                if let Some(old) = rows.places[at].take() {
                    rows.forget(at, &old);
                }
                rows.note(at, &row);
                rows.places[at] = Some(row);
                return;
            }
        }
    }

    /// Removes a row. The row, if it was there.
    pub fn remove(&mut self, table: &str, sys_id: &str) -> Option<Row> {
        dictionary::with_children(table).find_map(|table| {
            let rows = self.tables.get_mut(table)?;
            let at = rows.by_key.remove(&sys_id.to_ascii_lowercase())?;
            let row = rows.places[at].take()?;
            rows.forget(at, &row);
            Some(row)
        })
    }

    /// The next number of a table, where its records have one.
    pub fn number(&mut self, table: &str) -> Option<String> {
        let prefix = dictionary::table(table)?.prefix?;
        let rows = self.tables.get_mut(table)?;
        let number = format!("{prefix}{:07}", rows.next_number);
        rows.next_number = rows.next_number.saturating_add(1);
        Some(number)
    }

    /// A column of a row, also one of a row it refers to: `caller_id.email`. `None` where there is no such column.
    pub fn value<'a>(&'a self, table: &str, row: &'a Row, path: &str) -> Option<Cow<'a, str>> {
        let mut table = dictionary::table(table)?;
        // A list of a parent table shows the columns of the class that a record is of.
        if let Some(class) = dictionary::table(&row["sys_class_name"]) {
            table = class;
        }
        let (mut row, mut steps) = (Some(row), path.split('.').take(MAX_WALK).peekable());
        while let Some(step) = steps.next() {
            let column = table.column(step)?;
            let value = row.map_or("", |row| row.get(step));
            if steps.peek().is_none() {
                return Some(Cow::Borrowed(value));
            }
            table = dictionary::table(column.reference()?)?;
            row = self.find(table.name, value);
        }
        None
    }

    /// What a reference to a row shows: its name, or its number.
    pub fn display(&self, table: &str, sys_id: &str) -> &str {
        let Some(row) = self.find(table, sys_id) else { return "" };
        if row["name"].is_empty() { &row["number"] } else { &row["name"] }
    }

    /// The row that a display value names: by name, e-mail, user name or number.
    pub fn by_display<'a>(&'a self, table: &'a str, shown: &str) -> Option<&'a Row> {
        let names = ["name", "email", "user_name", "number"];
        self.rows(table).find(|row| names.iter().any(|name| !shown.is_empty() && row[name].eq_ignore_ascii_case(shown)))
    }

    /// A system property, where it is set.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.by("sys_properties", "name", name).next().map(|row| row.get("value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_none_that_a_loaded_row_has() {
        let mut taken = Store::new(Some(1));
        let key = taken.source.sys_id();
        let mut store = Store::new(Some(1));
        store.add("problem", Row::new("problem", [("sys_id", key.as_str())]));
        // The generator starts where the other one did.
        store.source = Source::new(Some(1));
        assert_ne!(store.new_key("incident"), key);
    }
}

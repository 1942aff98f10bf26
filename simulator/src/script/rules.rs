//! Which business rules apply to a write, and in which order.

use crate::query::{Now, Query};
use crate::tables::Row;
use crate::tables::Store;
use crate::tables::dictionary::Table;

/// The order of a rule that names none.
const DEFAULT_ORDER: i64 = 100;

/// What is done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Insert,
    /// It is changed.
    Update,
    /// It is removed.
    Delete,
}

impl Operation {
    /// As `current.operation()` says it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Insert => "insert",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }

    /// The rule's column for it.
    fn column(self) -> &'static str {
        match self {
            Operation::Insert => "action_insert",
            Operation::Update => "action_update",
            Operation::Delete => "action_delete",
        }
    }
}

/// A business rule that applies.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its key.
    pub sys_id: String,
    /// Its name.
    pub name: String,
    /// Its script; empty where `advanced` is not set, for the instance then does not run it.
    pub script: String,
    /// A condition in the script's language.
    pub condition: String,
    /// Whether it stops the write by itself.
    pub aborts: bool,
}

/// The rules of `when` (`before`, `after` or `async`) for what is done to a record, in their order.
pub fn applicable(
    store: &Store,
    table: &Table,
    operation: Operation,
    when: &str,
    row: &Row,
    now: &Now<'_>,
) -> Vec<Rule> {
    let is_on = |name: &str| name == table.name || Some(name) == table.parent;
    let applies = |rule: &&Row| {
        &rule["when"] == when
            && &rule["active"] == "true"
            && &rule[operation.column()] == "true"
            && is_on(&rule["collection"])
            && meets(store, table.name, row, &rule["filter_condition"], now)
    };
    let mut rules: Vec<&Row> = store.rows("sys_script").filter(applies).collect();
    rules.sort_by_key(|rule| rule["order"].parse().unwrap_or(DEFAULT_ORDER));
    let rule = |rule: &Row| Rule {
        sys_id: rule["sys_id"].to_string(),
        name: rule["name"].to_string(),
        script: if &rule["advanced"] == "true" { rule["script"].to_string() } else { String::new() },
        condition: rule["condition"].to_string(),
        aborts: &rule["abort_action"] == "true",
    };
    rules.into_iter().map(rule).collect()
}

fn meets(store: &Store, table: &str, row: &Row, filter: &str, now: &Now<'_>) -> bool {
    filter.is_empty() || Query::parse(filter).on(table, false, now).matches(store, table, row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::dictionary;

    #[test]
    fn a_rule_applies_to_its_table_and_those_that_extend_it_in_its_order() {
        let mut store = Store::new(Some(1));
        for (name, columns) in [
            ("late", &[("collection", "task"), ("order", "200"), ("action_update", "true")][..]),
            ("plain", &[("collection", "incident"), ("action_update", "true")]),
            ("filtered", &[("collection", "incident"), ("action_update", "true"), ("filter_condition", "state=6^EQ")]),
            ("elsewhere", &[("collection", "problem"), ("action_update", "true")]),
            ("on insert", &[("collection", "incident"), ("action_insert", "true")]),
            ("off", &[("collection", "incident"), ("action_update", "true"), ("active", "false")]),
            ("after", &[("collection", "incident"), ("action_update", "true"), ("when", "after")]),
        ] {
            let common = [("name", name), ("when", "before"), ("active", "true"), ("script", "1")];
            store.add("sys_script", Row::new("sys_script", common.into_iter().chain(columns.iter().copied())));
        }
        let now = Now::of(&store, "");
        let incident = dictionary::table("incident").unwrap();
        let names = |state: &str| {
            let row = Row::new("incident", [("state", state)]);
            let rules = applicable(&store, incident, Operation::Update, "before", &row, &now);
            rules.into_iter().map(|rule| (rule.name, rule.script)).collect::<Vec<_>>()
        };
        let unadvanced = |name: &str| (name.to_string(), String::new());
        assert_eq!(names("1"), ["plain", "late"].map(unadvanced));
        assert_eq!(names("6"), ["plain", "filtered", "late"].map(unadvanced));
    }
}

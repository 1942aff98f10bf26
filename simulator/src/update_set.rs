//! Update sets that were exported to XML: loaded and committed at once, as an administrator does it under Retrieved Update Sets
//! (docs/servicenow-api.md 7.1).

use crate::tables::dictionary::{self, Table};
use crate::tables::{Row, Store};
use roxmltree::{Document, Node};

/// A record as an update set has it.
struct Update {
    table: &'static Table,
    key: String,
    /// Its columns, those without a value included.
    columns: Vec<(&'static str, String)>,
    deletes: bool,
}

/// Commits an update set. How many records it changed. Where one of its updates cannot be read, none is done.
pub fn commit(store: &mut Store, text: &str) -> Result<usize, String> {
    let document = Document::parse(text).map_err(|problem| problem.to_string())?;
    let updates = read(document.root_element())?;
    let mut changed = 0;
    for update in updates {
        changed += usize::from(update.commit(store));
    }
    Ok(changed)
}

fn read(unload: Node<'_, '_>) -> Result<Vec<Update>, String> {
    let set = child(unload, "sys_remote_update_set").filter(|_| unload.has_tag_name("unload"));
    let set = set.ok_or("there is no unload with a sys_remote_update_set")?;
    let (key, name) = (value(set, "sys_id"), value(set, "name"));
    if key.is_empty() || name.is_empty() || value(set, "state") != "loaded" {
        return Err("sys_remote_update_set needs a sys_id, a name and the state loaded".to_string());
    }
    // A row that names another set belongs to no set here.
    let updates = unload.children().filter(|node| node.has_tag_name("sys_update_xml"));
    updates.filter(|update| value(*update, "remote_update_set") == key).map(Update::read).collect()
}

impl Update {
    fn read(update: Node<'_, '_>) -> Result<Self, String> {
        let name = value(update, "name");
        let wrong = |what: &str| format!("the update {name:?} {what}");
        let payload = Document::parse(value(update, "payload")).map_err(|problem| wrong(&problem.to_string()))?;
        let record = payload.root_element();
        let table = record.attribute("table").filter(|_| record.has_tag_name("record_update"));
        let table = table.and_then(dictionary::table).ok_or_else(|| wrong("is of no table that is simulated"))?;
        let row = child(record, table.name).ok_or_else(|| wrong("has no record of its table"))?;
        let column = |cell: Node<'_, '_>| {
            let column = table.column(cell.tag_name().name())?;
            Some((column.name, cell.text().unwrap_or_default().to_string()))
        };
        let columns: Vec<_> = row.children().filter(Node::is_element).filter_map(column).collect();
        let key = value(row, "sys_id").to_string();
        let is_named = name == format!("{}_{key}", table.name) && value(row, "sys_update_name") == name;
        if key.is_empty() || !is_named {
            return Err(wrong("is not named after its table and the key of its record"));
        }
        let deletes = match value(update, "action") {
            "INSERT_OR_UPDATE" => false,
            "DELETE" => true,
            other => return Err(wrong(&format!("has the action {other:?}"))),
        };
        Ok(Self { table, key, columns, deletes })
    }

    /// Whether it changed anything.
    fn commit(self, store: &mut Store) -> bool {
        let name = self.columns.iter().find(|(column, _)| *column == "name").map_or("", |(_, name)| name);
        let by_key = store.find(self.table.name, &self.key).cloned();
        // Properties are one of a name.
        let is_property = self.table.name == "sys_properties";
        let known = by_key.or_else(|| store.by(self.table.name, "name", name).next().filter(|_| is_property).cloned());
        // A private one is neither imported nor overwritten.
        let is_private = self.columns.contains(&("is_private", "true".to_string()))
            || known.as_ref().is_some_and(|known| &known["is_private"] == "true");
        if is_property && is_private || self.deletes && known.is_none() {
            return false;
        }
        match known {
            Some(known) if self.deletes => drop(store.remove(self.table.name, &known["sys_id"])),
            Some(mut known) => {
                let own = self.columns.into_iter().filter(|(column, _)| !column.starts_with("sys_"));
                own.for_each(|(column, value)| known.set(column, value));
                known.add("sys_mod_count", 1);
                known.set("sys_updated_on", store.source.now());
                store.replace(self.table.name, known);
            }
            None => {
                let mut row = Row::default();
                self.columns.into_iter().for_each(|(column, value)| row.set(column, value));
                store.add(self.table.name, row);
            }
        }
        true
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

/// The text of a child; empty where there is none.
fn value<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    child(node, name).and_then(|child| child.text()).unwrap_or_default()
}

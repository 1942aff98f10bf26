//! What the instance answers to scripts: each question of the prelude, with the tables locked for as long as it takes.

use super::actor::Actor;
use super::engine::Reach;
use super::outbound::Message;
use crate::api_errors::Refused;
use crate::query::{Now, Query};
use crate::render;
use crate::tables::Row;
use crate::tables::dictionary::{self, Table};
use crate::write::Sent;
use crate::{Instance, choices, lock};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The records that scripts write. An interface, because a write sets off scripts in turn.
pub trait Records {
    /// Inserts a record. The row as it is stored.
    fn insert(
        &self,
        instance: &Arc<Instance>,
        table: &'static Table,
        actor: Actor,
        sent: &Sent,
    ) -> Result<Row, Refused>;
    /// Updates a record. The row as it is stored; `None` where there is none.
    fn update(
        &self,
        instance: &Arc<Instance>,
        table: &'static Table,
        actor: Actor,
        sys_id: &str,
        sent: &Sent,
    ) -> Result<Option<Row>, Refused>;
    /// Removes a record. The row, if it was there.
    fn delete(
        &self,
        instance: &Arc<Instance>,
        table: &'static Table,
        actor: Actor,
        sys_id: &str,
    ) -> Result<Option<Row>, Refused>;
}

/// A running script, and on whose behalf it runs.
pub struct Script {
    /// The instance.
    pub instance: Arc<Instance>,
    /// Who set it off.
    pub actor: Actor,
    /// The script's name, which stands in the log.
    pub source: String,
    /// Where it writes.
    pub records: &'static dyn Records,
}

impl Reach for Script {
    fn answer(&self, question: &str, arguments: &[Value], left: Duration) -> Result<Value, String> {
        let text = |at: usize| arguments.get(at).and_then(Value::as_str).unwrap_or_default();
        let instance = &self.instance;
        Ok(match question {
            "columns" => dictionary::table(text(0)).map_or_else(|| json!([]), columns),
            "query" => self.query(text(0), text(1), arguments.get(2).and_then(Value::as_u64)),
            "insert" => {
                let Some(table) = dictionary::table(text(0)) else { return Ok(Value::Null) };
                let actor = self.actor.within(with_rules(arguments.get(2)), left);
                let stored = self.records.insert(instance, table, actor, &sent(arguments.get(1)));
                self.stored(table.name, stored.map(Some))
            }
            "update" => {
                let Some(table) = dictionary::table(text(0)) else { return Ok(Value::Null) };
                let actor = self.actor.within(with_rules(arguments.get(3)), left);
                let stored = self.records.update(instance, table, actor, text(1), &sent(arguments.get(2)));
                self.stored(table.name, stored)
            }
            "delete" => {
                let Some(table) = dictionary::table(text(0)) else { return Ok(json!(false)) };
                let actor = self.actor.within(with_rules(arguments.get(2)), left);
                let removed = self.records.delete(instance, table, actor, text(1));
                removed.is_ok_and(|removed| removed.is_some()).into()
            }
            "display" => self.display(text(0), text(1), text(2)).into(),
            "value" => choices::value(text(0), text(1), text(2)).unwrap_or(text(2)).into(),
            "journal" => render::journal_entries(&instance.store(), text(0), text(1)).into(),
            "http" => {
                let message: Message = arguments
                    .first()
                    .cloned()
                    .and_then(|message| serde_json::from_value(message).ok())
                    .ok_or("this is no request")?;
                self.actor.send(instance, &message, left)
            }
            "log" => {
                let source = if text(2).is_empty() { &self.source } else { text(2) };
                log(instance, text(0), text(1), source);
                Value::Null
            }
            "message" => Value::Null,
            "user" => {
                let store = instance.store();
                let name = store.display("sys_user", &self.actor.caller.sys_id);
                json!({"sys_id": self.actor.caller.sys_id, "user_name": self.actor.caller.user_name, "name": name})
            }
            "role" => {
                let roles: Vec<&str> = text(0).split(',').map(str::trim).collect();
                self.actor.caller.has(&roles).into()
            }
            "property" => instance.store().property(text(0)).map_or(Value::Null, Into::into),
            "setProperty" => {
                self.set_property(text(0), text(1));
                Value::Null
            }
            "clientData" => {
                let data = lock(&instance.client_data);
                data.get(&(self.actor.caller.sys_id.clone(), text(0).to_string()))
                    .map_or(Value::Null, |value| value.as_str().into())
            }
            "putClientData" => {
                let key = (self.actor.caller.sys_id.clone(), text(0).to_string());
                lock(&instance.client_data).insert(key, text(1).to_string());
                Value::Null
            }
            "guid" => instance.store().source.sys_id().into(),
            "now" => instance.store().source.clock().into(),
            "includes" => {
                let store = instance.store();
                let active = store.rows("sys_script_include").filter(|include| &include["active"] == "true");
                active.map(|include| include["name"].to_string()).collect::<Vec<_>>().into()
            }
            "include" => {
                let store = instance.store();
                let include = store.by("sys_script_include", "name", text(0)).next();
                include.map_or(Value::Null, |include| include["script"].into())
            }
            other => return Err(format!("the simulator does not answer {other}")),
        })
    }
}

impl Script {
    fn query(&self, table: &str, encoded: &str, limit: Option<u64>) -> Value {
        let store = self.instance.store();
        let now = Now::of(&store, &self.actor.caller.sys_id);
        let query = Query::parse(encoded).on(table, false, &now);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        query.select(&store, table).into_iter().take(limit).map(as_json).collect::<Vec<_>>().into()
    }

    /// What a write from a script brought: the row, or null where it was refused, and the reason in the log.
    fn stored(&self, table: &str, stored: Result<Option<Row>, Refused>) -> Value {
        match stored {
            Ok(row) => row.as_ref().map_or(Value::Null, as_json),
            Err(refused) => {
                log(&self.instance, "error", &format!("a write was refused: {}", refused.detail(table)), &self.source);
                Value::Null
            }
        }
    }

    fn display(&self, table: &str, column: &str, value: &str) -> String {
        let store = self.instance.store();
        let Some(column) = dictionary::table(table).and_then(|table| table.column(column)) else {
            return String::new();
        };
        match column.reference() {
            Some(referred) => store.display(referred, value).to_string(),
            None => render::shown(&store, table, column, value).into_owned(),
        }
    }

    fn set_property(&self, name: &str, value: &str) {
        let mut store = self.instance.store();
        let known = store.by("sys_properties", "name", name).next().cloned();
        match known {
            Some(mut row) => {
                row.set("value", value);
                store.replace("sys_properties", row);
            }
            None => store.add("sys_properties", Row::new("sys_properties", [("name", name), ("value", value)])),
        }
    }
}

/// A line of the instance's own log.
pub fn log(instance: &Instance, level: &str, message: &str, source: &str) {
    let level = match level {
        "error" => "2",
        "warning" => "1",
        "debug" => "-1",
        _ => "0",
    };
    let mut store = instance.store();
    let now = store.source.clock();
    let columns = [("level", level), ("message", message), ("source", source), ("sys_created_on", &now)];
    store.add("syslog", Row::new("syslog", columns));
}

/// A row as scripts have it.
pub fn as_json(row: &Row) -> Value {
    row.iter().map(|(name, value)| (name.to_string(), value.into())).collect::<Map<_, _>>().into()
}

fn columns(table: &Table) -> Value {
    let column = |column: &dictionary::Column| json!({"name": column.name, "label": column.name, "reference": column.reference()});
    table.columns.iter().map(column).collect::<Vec<_>>().into()
}

/// Whether a write is to set off rules: `setWorkflow(false)` turns them off.
fn with_rules(workflow: Option<&Value>) -> bool {
    workflow.and_then(Value::as_bool).unwrap_or(true)
}

fn sent(columns: Option<&Value>) -> Sent {
    let members = columns.and_then(Value::as_object).into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_string()))).collect()
}

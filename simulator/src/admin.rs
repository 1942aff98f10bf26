//! The simulator's own addresses, for test authors who are not in this process: faults, the requests so far, and the tables.

use super::answer::{Answer, error, json, typed};
use super::fault::Fault;
use super::script::{ScriptCall, invoke};
use super::{Instance, lock, update_set};
use crate::tables::Row;
use crate::tables::Store;
use crate::tables::dictionary;
use bytes::Bytes;
use http::{Method, Request};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// What all of them start with.
pub const PREFIX: &str = "/simulator/";

/// Answers a request to one of them.
pub fn answer(instance: &Arc<Instance>, request: &Request<Bytes>) -> Answer {
    let name = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    match (name, request.method()) {
        ("faults", &Method::POST) => inject(instance, request.body()),
        ("faults", &Method::DELETE) => {
            lock(&instance.faults).clear();
            done()
        }
        ("requests", &Method::GET) => {
            let requests = lock(&instance.requests);
            typed(200, "application/jsonl", requests.iter().map(|logged| format!("{}\n", json!(logged.line))).collect())
        }
        ("requests/whole", &Method::GET) => {
            let requests = lock(&instance.requests);
            typed(200, "application/jsonl", requests.iter().map(|logged| format!("{}\n", logged.whole())).collect())
        }
        ("update-sets", &Method::POST) => {
            let text = String::from_utf8_lossy(request.body());
            match update_set::commit(&mut instance.store(), &text) {
                Ok(records) => json(200, &json!({"result": {"committed": records}})),
                Err(problem) => error(400, "not an update set", &problem),
            }
        }
        ("requests", &Method::DELETE) => {
            lock(&instance.requests).clear();
            done()
        }
        ("snapshot", &Method::GET) => json(200, &save(&instance.store())),
        ("snapshot", &Method::PUT) => match load(&mut instance.store(), request.body()) {
            Ok(()) => done(),
            Err(problem) => error(400, "not a snapshot", &problem),
        },
        ("scripts", &Method::POST) => run(instance, request.body()),
        _ => error(
            404,
            "the simulator has POST and DELETE faults, GET and DELETE requests, GET requests/whole, GET and PUT snapshot, POST \
             scripts, POST update-sets",
            request.uri().path(),
        ),
    }
}

fn done() -> Answer {
    json(200, &json!({"result": "done"}))
}

/// Adds a fault, or several.
fn inject(instance: &Instance, body: &[u8]) -> Answer {
    match faults(body) {
        Ok(faults) => faults.into_iter().for_each(|fault| lock(&instance.faults).add(fault)),
        Err(problem) => return error(400, "not a fault", &problem),
    }
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    run: ScriptCall,
    #[serde(default)]
    user: Option<String>,
}

/// Runs a script.
fn run(instance: &Arc<Instance>, body: &[u8]) -> Answer {
    let asked: Run = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(problem) => return error(400, "not an invocation", &problem.to_string()),
    };
    match invoke(instance, &asked.run, asked.user.as_deref()) {
        Ok(value) => json(200, &json!({"result": value})),
        Err(problem) => error(400, "not run", &problem),
    }
}

/// Reads a fault, or a list of faults.
pub fn faults(text: &[u8]) -> Result<Vec<Fault>, String> {
    let read = match serde_json::from_slice::<Value>(text) {
        Ok(list @ Value::Array(_)) => serde_json::from_value(list),
        Ok(one) => serde_json::from_value(one).map(|fault| vec![fault]),
        Err(problem) => Err(problem),
    };
    read.map_err(|problem| problem.to_string())
}

/// All tables, with the columns that hold something.
pub fn save(store: &Store) -> Value {
    let rows = |table: &'static str| {
        let own = store.own_rows(table);
        own.map(|row| row.iter().map(|(name, value)| (name.to_string(), value.into())).collect::<Map<_, _>>().into())
    };
    let tables =
        dictionary::tables().map(|table| (table.name.to_string(), rows(table.name).collect::<Vec<Value>>().into()));
    Value::Object(tables.collect())
}

/// Puts the tables of a snapshot in the place of those there are. Tables it does not name stay.
pub fn load(store: &mut Store, text: &[u8]) -> Result<(), String> {
    let tables: HashMap<String, Vec<HashMap<String, String>>> =
        serde_json::from_slice(text).map_err(|problem| problem.to_string())?;
    for (name, rows) in tables {
        let table = dictionary::table(&name).ok_or_else(|| format!("there is no table {name}"))?;
        store.empty(table.name);
        for columns in rows {
            let columns = columns.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            store.add(table.name, Row::new(table.name, columns));
        }
    }
    Ok(())
}

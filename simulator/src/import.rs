//! The Import Set API: what goes to a staging table is mapped, column by column, to an incident. Errors come inside a success
//! (docs/servicenow-api.md 6). Any staging table is taken, `incident` is the target, and columns may start with `u_`.

use super::answer::{Answer, error, json};
use super::script::{Actor, commit::Commit};
use super::table_api::{Asked, missing};
use super::table_write::text;
use super::write::Sent;
use super::{Instance, lock};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The number before the first import set's.
const FIRST_SET: usize = 10_000;

/// What was staged so far.
#[derive(Default)]
pub struct ImportSets {
    count: usize,
    /// The staging table, and the row.
    rows: Vec<(String, Map<String, Value>)>,
}

/// Where what is staged goes.
const TARGET: &str = "incident";

/// POST on a staging table, or on its `insertMultiple`.
pub fn answer(instance: &Arc<Instance>, asked: &Asked<'_>, staging: &str, many: bool, body: &[u8]) -> Answer {
    let rows = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(row)) if !many => vec![Value::Object(row)],
        Ok(Value::Object(mut set)) => match set.remove("records") {
            Some(Value::Array(rows)) => rows,
            _ => return error(400, "Exception while reading request", "records must be a list"),
        },
        _ => return error(400, "Exception while reading request", "The payload is not valid JSON"),
    };
    let (set, actor) = (instance.store().source.sys_id(), Actor::new(asked.caller.clone()));
    let number = {
        let mut sets = lock(&instance.import_sets);
        sets.count += 1;
        format!("ISET{:07}", FIRST_SET + sets.count)
    };
    let transform = |row: &Value| {
        let result = staged(instance, asked, &actor, row);
        let (key, now) = {
            let mut store = instance.store();
            (store.source.sys_id(), store.source.clock())
        };
        let mut kept = row.as_object().cloned().unwrap_or_default();
        for (name, value) in [
            ("sys_id", json!(key)),
            ("sys_created_on", json!(now)),
            ("sys_created_by", json!(asked.caller.user_name)),
            ("sys_import_set", json!(number)),
            ("sys_import_state", result["status"].clone()),
            ("sys_target_table", result["table"].clone()),
            ("sys_target_sys_id", result["sys_id"].clone()),
        ] {
            kept.insert(name.to_string(), value);
        }
        lock(&instance.import_sets).rows.push((staging.to_string(), kept));
        result
    };
    let results: Vec<Value> = rows.iter().map(transform).collect();
    if many {
        return json(201, &json!({"import_set_id": set, "multi_import_set_id": set}));
    }
    json(201, &json!({"import_set": number, "staging_table": staging, "result": results}))
}

/// GET on a row of a staging table.
pub fn read(instance: &Instance, staging: &str, sys_id: &str) -> Answer {
    let sets = lock(&instance.import_sets);
    let row = sets.rows.iter().find(|(table, row)| table == staging && row["sys_id"] == sys_id);
    row.map_or_else(missing, |(_, row)| json(200, &json!({"result": row})))
}

/// GET on a staging table through the Table API: all of its rows. `None` where nothing was staged in such a table.
pub fn list(instance: &Instance, staging: &str) -> Option<Answer> {
    let sets = lock(&instance.import_sets);
    let rows: Vec<_> = sets.rows.iter().filter(|(table, _)| table == staging).map(|(_, row)| row).collect();
    (!rows.is_empty()).then(|| json(200, &json!({"result": rows})))
}

fn staged(instance: &Arc<Instance>, asked: &Asked<'_>, actor: &Actor, row: &Value) -> Value {
    let failed = |message: &str| json!({"transform_map": "Simulated", "table": TARGET, "status": "error", "error_message": message});
    let Some(members) = row.as_object() else { return failed("a row must be an object") };
    // A staging column is mapped to the column of its name, or of its name without the mark of a custom one.
    let target = |name: &str| match asked.table.column(name) {
        Some(_) => name.to_string(),
        None => name.strip_prefix("u_").unwrap_or(name).to_string(),
    };
    let sent: Sent = members.iter().map(|(name, value)| (target(name), text(value.clone()))).collect();
    if !asked.caller.writes(TARGET) {
        return failed("the user may not write to the target table");
    }
    let commit = Commit { instance, table: asked.table, actor: actor.clone(), display_values: true, by_script: false };
    match commit.insert(&sent) {
        Ok(row) => json!({
            "transform_map": "Simulated",
            "table": TARGET,
            "display_name": "number",
            "display_value": &row["number"],
            "record_link": format!("{}/{TARGET}/{}", asked.tables_url, &row["sys_id"]),
            "status": "inserted",
            "sys_id": &row["sys_id"],
        }),
        Err(refused) => failed(&refused.detail(TARGET)),
    }
}

//! The Import Set API: what goes to a staging table is mapped, column by column, to an incident. Errors come inside a success
//! (docs/servicenow-api.md 6). Any staging table is taken, `incident` is the target, and columns may start with `u_`.

use super::Instance;
use super::answer::{Answer, error, json};
use super::script::{Actor, commit::Commit};
use super::table_api::Asked;
use super::table_write::text;
use super::write::Sent;
use serde_json::{Value, json};
use std::sync::Arc;

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
    if many {
        rows.iter().for_each(|row| drop(staged(instance, asked, &actor, row)));
        return json(201, &json!({"import_set_id": set, "multi_import_set_id": set}));
    }
    let results: Vec<Value> = rows.iter().map(|row| staged(instance, asked, &actor, row)).collect();
    json(201, &json!({"import_set": format!("ISET{}", &set[..7]), "staging_table": staging, "result": results}))
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

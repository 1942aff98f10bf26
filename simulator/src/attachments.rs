//! The Attachment API: a file in, its description or the file out (docs/servicenow-api.md 6). Multipart uploads are not simulated.

use super::answer::{Answer, error, gzip, json, typed};
use super::table_api::{Asked, Call, missing};
use super::table_write::empty;
use super::{Instance, lock};
use crate::tables::dictionary;
use crate::tables::{Row, Store};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// The table that describes them.
pub const TABLE: &str = "sys_attachment";

/// How a file is cut up in the database, which its description tells.
const CHUNK_BYTES: &str = "700000";

/// Answers a request; `first` and `second` are what follows in the path.
pub fn answer(
    instance: &Instance,
    asked: &Asked<'_>,
    method: &Method,
    request: &Request<Bytes>,
    (first, second): (&str, Option<&str>),
) -> Answer {
    let of = |sys_id: &str| instance.store().find(TABLE, sys_id).map(|row| row["table_name"].to_string());
    let is_refused = match (method, of(first)) {
        (&Method::DELETE, Some(table)) => !asked.caller.writes(&table),
        (_, Some(table)) => !asked.caller.reads(&table),
        // A list is of files of any record.
        (_, None) => first.is_empty() && !asked.caller.reads("task"),
    };
    if is_refused {
        return missing();
    }
    match (method, first, second) {
        (&Method::POST, "file", None) => upload(instance, asked, request),
        (&Method::GET, "", None) => list(instance, asked),
        (&Method::GET, sys_id, None) => {
            let store = instance.store();
            let row = store.find(TABLE, sys_id);
            row.map_or_else(missing, |row| json(200, &json!({"result": described(instance, asked, &store, row)})))
        }
        (&Method::GET, sys_id, Some("file")) => download(instance, asked, sys_id),
        (&Method::DELETE, sys_id, None) => match instance.store().remove(TABLE, sys_id) {
            Some(_) => {
                lock(&instance.files).remove(sys_id);
                empty(StatusCode::NO_CONTENT)
            }
            None => missing(),
        },
        _ => error(405, "Method Not Allowed", ""),
    }
}

/// The files, with their number and without links to further pages.
fn list(instance: &Instance, asked: &Asked<'_>) -> Answer {
    let store = instance.store();
    let mut answer = Call { asked, store: &store }.list_as(&|row| described(instance, asked, &store, row));
    answer.headers_mut().remove("link");
    answer
}

/// A file's description: its row, and where it is.
fn described(instance: &Instance, asked: &Asked<'_>, store: &Store, row: &Row) -> Value {
    let shape = asked.shape();
    let mut description = shape.record(store, TABLE, row);
    let link = format!("{}/api/now/attachment/{}/file", instance.base_url, &row["sys_id"]);
    if let Some(members) = description.as_object_mut().filter(|_| shape.has("download_link")) {
        members.insert("download_link".to_string(), shape.plain(&link));
    }
    description
}

fn upload(instance: &Instance, asked: &Asked<'_>, request: &Request<Bytes>) -> Answer {
    let (table, record, name) =
        (asked.parameter("table_name"), asked.parameter("table_sys_id"), asked.parameter("file_name"));
    if dictionary::table(table).is_none() {
        return error(400, &format!("Invalid table {table}"), "");
    }
    if !asked.caller.writes(table) {
        return error(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints");
    }
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(media_type) = media_type.filter(|_| !name.is_empty()) else {
        return error(400, "Missing parameter", "file_name and Content-Type are required");
    };
    let body = request.body();
    let mut store = instance.store();
    if store.find(table, record).is_none() {
        return missing();
    }
    let (key, now) = (store.source.sys_id(), store.source.now());
    let hash: String = digest(&SHA256, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let (size, compressed) = (body.len().to_string(), gzip(body).len().to_string());
    let columns = [
        ("sys_id", key.as_str()),
        ("table_name", table),
        ("table_sys_id", record),
        ("file_name", name),
        ("content_type", media_type),
        ("size_bytes", &size),
        ("size_compressed", &compressed),
        ("chunk_size_bytes", CHUNK_BYTES),
        ("compressed", "true"),
        ("state", "available"),
        ("hash", &hash),
        ("sys_created_on", &now),
        ("sys_updated_on", &now),
        ("sys_created_by", &asked.caller.user_name),
        ("sys_updated_by", &asked.caller.user_name),
        ("sys_mod_count", "0"),
    ];
    let row = Row::new(TABLE, columns);
    store.add(TABLE, row.clone());
    lock(&instance.files).insert(key.clone(), body.clone());
    let mut answer = json(201, &json!({"result": described(instance, asked, &store, &row)}));
    let location = format!("{}/api/now/attachment/{key}", instance.base_url);
    if let Ok(location) = HeaderValue::from_str(&location) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

fn download(instance: &Instance, asked: &Asked<'_>, sys_id: &str) -> Answer {
    let store = instance.store();
    let file = lock(&instance.files).get(sys_id).cloned();
    let Some((row, file)) = store.find(TABLE, sys_id).zip(file) else { return missing() };
    let mut answer = typed(200, &row["content_type"], String::new()).map(|_| file);
    let description = described(instance, asked, &store, row).to_string();
    if let Ok(description) = HeaderValue::from_str(&description) {
        answer.headers_mut().insert("x-attachment-metadata", description);
    }
    answer
}

//! Requests of the Table API.

use super::origin::Origin;
use super::query::form_encode;
use super::sys_id::SysId;
use crate::host::{Method, Request};

/// The incident table's name.
pub const INCIDENT: &str = "incident";

/// The page of a record, for a person.
pub fn record_page(origin: &Origin, sys_id: &SysId) -> String {
    format!("{origin}/nav_to.do?uri=incident.do%3Fsys_id%3D{sys_id}")
}

/// A list query: every read of this component is one, because a single-record read carries no `X-Total-Count`.
pub fn list(origin: &Origin, table: &str, parameters: &[(&str, &str)]) -> Request {
    request(Method::Get, format!("{origin}/api/now/table/{table}?{}", form_encode(parameters)), None)
}

/// The insert of a record.
pub fn insert(origin: &Origin, table: &str, body: String, input_display_values: bool) -> Request {
    let url = format!("{origin}/api/now/table/{table}{}", write_parameters(input_display_values));
    request(Method::Post, url, Some(body))
}

/// The update of a record's columns.
pub fn patch(origin: &Origin, table: &str, sys_id: &SysId, body: String, input_display_values: bool) -> Request {
    let url = format!("{origin}/api/now/table/{table}/{sys_id}{}", write_parameters(input_display_values));
    request(Method::Patch, url, Some(body))
}

/// The removal of a record.
pub fn delete(origin: &Origin, table: &str, sys_id: &SysId) -> Request {
    request(Method::Delete, format!("{origin}/api/now/table/{table}/{sys_id}"), None)
}

fn write_parameters(input_display_values: bool) -> &'static str {
    if input_display_values { "?sysparm_input_display_value=true" } else { "" }
}

fn request(method: Method, url: String, body: Option<String>) -> Request {
    let mut headers = vec![("accept".to_string(), "application/json".to_string())];
    if body.is_some() {
        headers.push(("content-type".to_string(), "application/json".to_string()));
    }
    Request { method, url, headers, body }
}

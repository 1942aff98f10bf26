//! A tool's arguments as an invocation of its method. Nothing here does any I/O.

use crate::lab::invocation::Invocation;
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use servicenow_host::incidents::{CreateOptions, IncidentRef, RequestBody, UpdateOptions};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    request_body: JsonObject,
    correlation_id: String,
    #[serde(default)]
    input_display_values: bool,
    choice_check: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Get {
    #[serde(default)]
    kind: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    sys_id: String,
    request_body: JsonObject,
    #[serde(default)]
    input_display_values: bool,
    choice_check: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Find {
    query: String,
    limit: u32,
    #[serde(default)]
    offset: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Reads the arguments of a method's tool, or tells what is wrong with them.
pub fn read(method: &str, arguments: JsonObject) -> Result<Invocation, String> {
    Ok(match method {
        "create" => {
            let Create { request_body, correlation_id, input_display_values, choice_check } = given(arguments)?;
            let options = CreateOptions { correlation_id: Some(correlation_id), input_display_values, choice_check };
            Invocation::Create(body(request_body)?, options)
        }
        "get" => {
            let Get { kind, value } = given(arguments)?;
            Invocation::Get(IncidentRef { kind, value })
        }
        "update" => {
            let Update { sys_id, request_body, input_display_values, choice_check } = given(arguments)?;
            Invocation::Update(sys_id, body(request_body)?, UpdateOptions { input_display_values, choice_check })
        }
        "find" => {
            let Find { query, limit, offset } = given(arguments)?;
            Invocation::Find(query, limit, offset)
        }
        "columns" => {
            let Nothing {} = given(arguments)?;
            Invocation::Columns
        }
        "authenticate" => {
            let Nothing {} = given(arguments)?;
            Invocation::Authenticate
        }
        other => return Err(format!("this server knows no method {other}")),
    })
}

/// Columns are texts, numbers and booleans, as the tool's schema says.
fn body(columns: JsonObject) -> Result<RequestBody, String> {
    let wrong = columns.iter().find(|(_, value)| value.is_null() || value.is_object() || value.is_array());
    match wrong {
        Some((name, value)) => {
            Err(format!("request_body.{name}: given {value}, expected a text, a number or a boolean"))
        }
        None => Ok(RequestBody::Json(Value::Object(columns).to_string())),
    }
}

fn given<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, String> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        match error.path().to_string().as_str() {
            // Of the arguments as a whole: the error names the one that is missing or unknown.
            "." => error.into_inner().to_string(),
            path => format!("{path}: {}", error.inner()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_with_arguments_is_said() {
        for (method, arguments, says) in [
            ("create", json!({"request_body": {"urgency": "1"}}), "missing field `correlation_id`"),
            (
                "create",
                json!({"request_body": "{}", "correlation_id": "a"}),
                "request_body: invalid type: string \"{}\"",
            ),
            (
                "get",
                json!({"value": "INC1", "instance": "dev1"}),
                "unknown field `instance`, expected `kind` or `value`",
            ),
            ("find", json!({"query": "", "limit": -1}), "limit: invalid value: integer `-1`, expected u32"),
            ("get", json!({"value": 5}), "value: invalid type: integer `5`, expected a string"),
            (
                "update",
                json!({"sys_id": "a", "request_body": {"urgency": null}}),
                "request_body.urgency: given null, expected a text, a number or a boolean",
            ),
            ("columns", json!({"x": 1}), "unknown field `x`"),
            ("drop", json!({}), "no method drop"),
        ] {
            let Value::Object(arguments) = arguments else { panic!("no object") };
            let problem = read(method, arguments).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }
}

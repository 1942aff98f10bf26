//! The output variables of the methods.

use crate::bindings::manifest::{Output, ValueType};
use crate::servicenow::incident_table::{COLUMNS, Kind};

/// What one variable is called in the original node. The others have the names of their columns there too.
const RESPONSE_PAYLOAD: (&str, &str) = ("response_payload", "responsePayload");

fn output(name: &str, value_type: ValueType, description: &str) -> Output {
    let node_name = if name == RESPONSE_PAYLOAD.0 { RESPONSE_PAYLOAD.1 } else { name };
    Output {
        name: name.to_string(),
        node_name: node_name.to_string(),
        value_type,
        description: description.to_string(),
    }
}

/// What a write returns.
pub fn receipt() -> Vec<Output> {
    vec![
        output("number", ValueType::Text, "The incident's number, such as INC0010001"),
        output("sys_id", ValueType::Text, "The incident's key: 32 hexadecimal digits"),
        output(
            "task_effective_number",
            ValueType::Text,
            "The number to show: the incident's own or its universal request's",
        ),
        output("correlation_id", ValueType::Text, "The correlation id as it stands in the record"),
        output("made", ValueType::Text, "How the record came to be: created, found, updated, confirmed-by-reading"),
        output("columns", ValueType::List, "What became of each column sent: stored, not-stored, unverifiable"),
        output("url", ValueType::Text, "The incident's page"),
        output(RESPONSE_PAYLOAD.0, ValueType::Json, "The whole answer"),
    ]
}

/// What a get returns: its own variables, then every column.
pub fn incident() -> Vec<Output> {
    let own = vec![
        output("matches", ValueType::Number, "How many incidents the look-up matches; above 1 only by correlation id"),
        output(
            "fields",
            ValueType::List,
            "Every column with name, value, display value and link, custom columns included",
        ),
        output("url", ValueType::Text, "The incident's page"),
        output(RESPONSE_PAYLOAD.0, ValueType::Json, "The whole answer"),
    ];
    let columns = COLUMNS.iter().map(|column| output(column.name, value_type(column.kind), column.meaning));
    own.into_iter().chain(columns).collect()
}

fn value_type(kind: Kind) -> ValueType {
    match kind {
        Kind::Text | Kind::Journal | Kind::List => ValueType::Text,
        Kind::Boolean => ValueType::Boolean,
        Kind::Integer => ValueType::Number,
        Kind::Reference => ValueType::Reference,
        Kind::DateTime => ValueType::DateTime,
        Kind::Duration => ValueType::Duration,
    }
}

/// What a find returns.
pub fn page() -> Vec<Output> {
    vec![
        output("incidents", ValueType::List, "The incidents of the page, each with number, sys_id and every column"),
        output("total", ValueType::Number, "How many incidents match in all, where ServiceNow counted them"),
        output("next_offset", ValueType::Number, "The offset of the next page, absent on the last"),
    ]
}

/// What reading the columns returns.
pub fn columns() -> Vec<Output> {
    vec![output(
        "columns",
        ValueType::List,
        "Every column with label, type, length, mandatory, read-only, referenced table and choices",
    )]
}

/// What the check of an authorization returns.
pub fn access() -> Vec<Output> {
    vec![
        output("origin", ValueType::Text, "The origin that the authorization is valid for"),
        output("scope", ValueType::Text, "The scope granted, where it is known"),
        output("expires_in", ValueType::Number, "Seconds that the token has left, where it is known"),
        output(
            "sees_incidents",
            ValueType::Boolean,
            "Whether one incident was visible; false for want of a read role or in an empty table",
        ),
    ]
}

//! The inputs of the methods. Labels are those of the original node where it has the input.

use crate::bindings::manifest::{Input, ValueType};
use crate::incidents::{choice_check, get};

fn input(name: &str, label: &str, value_type: ValueType, required: bool, description: &str) -> Input {
    Input {
        name: name.to_string(),
        label: label.to_string(),
        value_type,
        required,
        description: description.to_string(),
        choices: Vec::new(),
        default_value: None,
    }
}

fn with_default(mut input: Input, value: &str) -> Input {
    input.default_value = Some(value.to_string());
    input
}

fn with_choices(mut input: Input, choices: &[&str]) -> Input {
    input.choices = choices.iter().map(|choice| choice.to_string()).collect();
    input
}

/// What every method takes.
pub fn call() -> Vec<Input> {
    vec![
        input(
            "authorization",
            "Authorization",
            ValueType::Text,
            true,
            "The name of an authorization that the engine holds for this node.",
        ),
        input(
            "instance",
            "InstanceId",
            ValueType::Text,
            true,
            "The ServiceNow instance: an id such as dev12345, a host name, or an origin such as https://itsm.example.com. It must be the one that the authorization is valid for.",
        ),
        with_default(
            input(
                "timeout_ms",
                "Timeout",
                ValueType::Number,
                false,
                "How long the call may take, in milliseconds. The engine may allow less.",
            ),
            &crate::incidents::call::DEFAULT_TIMEOUT_MS.to_string(),
        ),
    ]
}

/// What names the incident to get.
pub fn incident_ref() -> Vec<Input> {
    vec![
        with_choices(
            input("kind", "Look up by", ValueType::Text, true, "Which key the incident is looked up by."),
            &get::KINDS,
        ),
        input(
            "value",
            "Incident Id",
            ValueType::Text,
            true,
            "The key: the number, sys_id or correlation id that a create or a get returned.",
        ),
    ]
}

/// The record to update.
pub fn sys_id() -> Input {
    input(
        "sys_id",
        "Sys Id",
        ValueType::Text,
        true,
        "The sys_id that a create or a get returned: 32 hexadecimal digits.",
    )
}

/// What is written.
pub fn request_body() -> Input {
    input(
        "request_body",
        "Request Body",
        ValueType::Json,
        true,
        "The columns to write: the text of a JSON object, or individual names and values.",
    )
}

/// The key of a create.
pub fn correlation_id() -> Input {
    input(
        "correlation_id",
        "Correlation Id",
        ValueType::Text,
        false,
        "The key that makes the create safe to repeat: the same key makes one incident. Left out, it is new in each call.",
    )
}

/// How a write is made.
pub fn write_options() -> Vec<Input> {
    vec![
        with_default(
            input(
                "input_display_values",
                "Display values",
                ValueType::Boolean,
                false,
                "Values are display values: a caller by name or e-mail, a group by name.",
            ),
            "false",
        ),
        with_choices(
            with_default(
                input(
                    "choice_check",
                    "Check choices",
                    ValueType::Text,
                    false,
                    "Refuse values outside their choices before anything is written: against the choices of an instance as delivered (base) or its own (instance).",
                ),
                "off",
            ),
            &choice_check::MODES,
        ),
    ]
}

/// What a find takes.
pub fn find() -> Vec<Input> {
    vec![
        input(
            "query",
            "Encoded query",
            ValueType::Text,
            true,
            "An encoded query, as Copy query offers it on a list's filter. Empty for every incident.",
        ),
        input("limit", "Limit", ValueType::Number, true, "How many incidents a page has: 1 to 1000."),
        with_default(input("offset", "Offset", ValueType::Number, false, "How many incidents to skip."), "0"),
    ]
}

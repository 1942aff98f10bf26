//! The inputs of the methods. Labels are those of the original node where it has the input.

use crate::bindings::manifest::{Input, ValueType};
use crate::incidents::{choice_check, get};

/// A heading of a form.
struct Group(&'static str);

/// Where the call goes, and as whom.
const CONNECTION: Group = Group("Connection");

/// Which incident, and what of it.
const INCIDENT: Group = Group("Incident");

/// How it is done: forms may fold it.
const OPTIONS: Group = Group("Options");

impl Group {
    /// A required text of this group, with an icon and an example.
    fn text(&self, name: &str, label: &str, icon: &str, example: &str, description: &str) -> Input {
        Input {
            name: name.to_string(),
            label: label.to_string(),
            value_type: ValueType::Text,
            required: true,
            description: description.to_string(),
            choices: Vec::new(),
            default_value: None,
            example: example.to_string(),
            group: self.0.to_string(),
            icon: icon.to_string(),
        }
    }
}

/// An input that may be left out.
fn optional(input: Input) -> Input {
    Input { required: false, ..input }
}

/// One that may be left out and then has a value all the same.
fn with_default(input: Input, value: &str) -> Input {
    Input { default_value: Some(value.to_string()), ..optional(input) }
}

fn with_choices(input: Input, choices: &[&str]) -> Input {
    Input { choices: choices.iter().map(|choice| choice.to_string()).collect(), ..input }
}

fn of_type(input: Input, value_type: ValueType) -> Input {
    Input { value_type, ..input }
}

/// What every method takes.
pub fn call() -> Vec<Input> {
    let timeout = CONNECTION.text(
        "timeout_ms",
        "Timeout",
        "clock-o",
        "10000",
        "How long the call may take, in milliseconds. The engine may allow less.",
    );
    vec![
        CONNECTION.text(
            "authorization",
            "Authorization",
            "key",
            "main",
            "The name of an authorization that the engine holds for this node.",
        ),
        CONNECTION.text(
            "instance",
            "InstanceId",
            "cloud",
            "dev12345",
            "The ServiceNow instance: an id such as dev12345, a host name, or an origin such as https://itsm.example.com. It must be the one that the authorization is valid for.",
        ),
        with_default(
            of_type(timeout, ValueType::Number),
            &crate::incidents::call::DEFAULT_TIMEOUT_MS.to_string(),
        ),
    ]
}

/// What names the incident to get.
pub fn incident_ref() -> Vec<Input> {
    let kind = INCIDENT.text("kind", "Look up by", "search", "number", "Which key the incident is looked up by.");
    vec![
        with_choices(with_default(kind, get::DEFAULT_KIND), &get::KINDS),
        INCIDENT.text(
            "value",
            "Incident Id",
            "hashtag",
            "INC0010001",
            "The key: the number, sys_id or correlation id that a create or a get returned.",
        ),
    ]
}

/// The record to update.
pub fn sys_id() -> Input {
    INCIDENT.text(
        "sys_id",
        "Sys Id",
        "hashtag",
        "9d385017c611228701d22104cc95c371",
        "The sys_id that a create or a get returned: 32 hexadecimal digits.",
    )
}

/// What is written.
pub fn request_body() -> Input {
    let body = INCIDENT.text(
        "request_body",
        "Request Body",
        "list-alt",
        r#"{"short_description": "Printer on fire", "urgency": "2"}"#,
        "The columns to write: the text of a JSON object, or individual names and values.",
    );
    of_type(body, ValueType::Json)
}

/// The key of a create.
pub fn correlation_id() -> Input {
    optional(INCIDENT.text(
        "correlation_id",
        "Correlation Id",
        "repeat",
        "order-4711",
        "The key that makes the create safe to repeat: the same key makes one incident. Left out, it is new in each call.",
    ))
}

/// How a write is made.
pub fn write_options() -> Vec<Input> {
    let display_values = OPTIONS.text(
        "input_display_values",
        "Display values",
        "font",
        "true",
        "Values are display values: a caller by name or e-mail, a group by name.",
    );
    let choice_check = OPTIONS.text(
        "choice_check",
        "Check choices",
        "check-square-o",
        "instance",
        "Refuse values outside their choices before anything is written: against the choices of an instance as delivered (base) or its own (instance).",
    );
    vec![
        with_default(of_type(display_values, ValueType::Boolean), "false"),
        with_choices(with_default(choice_check, "off"), &choice_check::MODES),
    ]
}

/// What a find takes.
pub fn find() -> Vec<Input> {
    let query = INCIDENT.text(
        "query",
        "Encoded query",
        "filter",
        "active=true^priority=1",
        "An encoded query, as Copy query offers it on a list's filter. Empty for every incident.",
    );
    let limit = INCIDENT.text("limit", "Limit", "arrows-v", "100", "How many incidents a page has: 1 to 1000.");
    let offset = OPTIONS.text("offset", "Offset", "step-forward", "100", "How many incidents to skip.");
    vec![query, of_type(limit, ValueType::Number), with_default(of_type(offset, ValueType::Number), "0")]
}

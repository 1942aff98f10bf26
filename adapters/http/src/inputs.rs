//! The inputs of the methods, as their schemas in the manifest have them.

use crate::bindings::incidents::{CreateOptions, IncidentRef, RequestBody, UpdateOptions};
use crate::bindings::types::Call;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use servicenow_json::strict;

/// The columns to write.
#[derive(Deserialize)]
#[serde(tag = "case", content = "value", rename_all = "kebab-case", deny_unknown_fields)]
enum Body {
    Json(String),
    Fields(Vec<(String, String)>),
}

impl From<Body> for RequestBody {
    fn from(body: Body) -> Self {
        match body {
            Body::Json(text) => Self::Json(text),
            Body::Fields(pairs) => Self::Fields(pairs),
        }
    }
}

/// A document that is given as a JSON object, or as its text.
#[derive(Deserialize)]
#[serde(transparent)]
struct Document(String);

/// Declares the inputs of a method: those that every method has, and its own.
macro_rules! inputs {
    ($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)? }) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name {
            authorization: String,
            instance: String,
            timeout_ms: Option<u32>,
            $($(#[$attribute])* $field: $type,)*
        }
    };
}

inputs!(Create {
    request_body: Body,
    correlation_id: Option<String>,
    input_display_values: Option<bool>,
    choice_check: Option<String>,
});
inputs!(Get { kind: Option<String>, value: String });
inputs!(Update {
    sys_id: String,
    request_body: Body,
    input_display_values: Option<bool>,
    choice_check: Option<String>,
});
inputs!(Find {
    query: String,
    limit: u32,
    offset: Option<u32>,
});
inputs!(Nothing {});
inputs!(Push {
    rules: Document,
    event: Document,
    manual: Option<bool>,
});

/// The inputs of splitting an event, which needs no instance.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Items {
    rules: Document,
    event: Document,
}

/// A call, ready to be made.
#[derive(Debug, PartialEq)]
pub enum MethodCall {
    /// Create.
    Create(Call, RequestBody, CreateOptions),
    /// Get.
    Get(Call, IncidentRef),
    /// Update.
    Update(Call, String, RequestBody, UpdateOptions),
    /// Find.
    Find(Call, String, u32, u32),
    /// Columns.
    Columns(Call),
    /// Authenticate.
    Authenticate(Call),
    /// Push: the call, the rules, the event, and whether it is pushed whatever they say.
    Push(Call, String, String, bool),
    /// Split: the rules, and the event.
    Items(String, String),
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Create.
    Create,
    /// Get.
    Get,
    /// Update.
    Update,
    /// Find.
    Find,
    /// Columns.
    Columns,
    /// Authenticate.
    Authenticate,
    /// Push.
    Push,
    /// Items.
    Items,
}

impl Method {
    /// The method with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::deserialize(name.into_deserializer()).map_err(|_: ValueError| ()).ok()
    }
}

/// ServiceNow cancels a REST transaction after 60 s itself, and a server ends a request some time after that.
pub const MAX_TIMEOUT_MS: u32 = 60_000;

/// The texts of documents within the inputs, with the digits that their numbers have.
#[derive(Deserialize)]
struct Given<'g> {
    #[serde(borrow)]
    request_body: Option<&'g RawValue>,
    #[serde(borrow)]
    rules: Option<&'g RawValue>,
    #[serde(borrow)]
    event: Option<&'g RawValue>,
}

/// Reads the inputs of a method, or tells what is wrong with them.
pub fn read(method: Method, body: &[u8]) -> Result<MethodCall, String> {
    let refused = |message: &str| Err(message.to_string());
    let text = body;
    let mut body = strict::read(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    // Structures are read from lists too, where nothing says which member is which.
    if !body.is_object() {
        return refused("the body is not a JSON object of the method's inputs");
    }
    if !body.get("request_body").is_none_or(Value::is_object) {
        return refused("request_body is not a JSON object: of columns, or of case and value");
    }
    let given: Given<'_> = serde_json::from_slice(text).map_err(|error| format!("the body is not JSON: {error}"))?;
    if let Some(columns) = given.request_body.filter(|_| body["request_body"].get("case").is_none()) {
        body["request_body"] = json!({"case": "json", "value": columns.get()});
    }
    for (name, document) in [("rules", given.rules), ("event", given.event)] {
        if let Some(document) = document.filter(|_| body[name].is_object()) {
            body[name] = document.get().into();
        }
    }
    if body["timeout_ms"].as_u64().is_some_and(|ms| ms > MAX_TIMEOUT_MS.into()) {
        return refused(&format!("timeout_ms is not up to {MAX_TIMEOUT_MS}"));
    }
    macro_rules! read {
        ($type:ty) => {
            serde_path_to_error::deserialize::<_, $type>(body).map_err(named)?
        };
    }
    macro_rules! call {
        ($inputs:ident) => {
            Call { authorization: $inputs.authorization, instance: $inputs.instance, timeout_ms: $inputs.timeout_ms }
        };
    }
    Ok(match method {
        Method::Create => {
            let inputs = read!(Create);
            let options = CreateOptions {
                correlation_id: inputs.correlation_id,
                input_display_values: inputs.input_display_values.unwrap_or_default(),
                choice_check: inputs.choice_check,
            };
            MethodCall::Create(call!(inputs), inputs.request_body.into(), options)
        }
        Method::Get => {
            let inputs = read!(Get);
            MethodCall::Get(call!(inputs), IncidentRef { kind: inputs.kind.unwrap_or_default(), value: inputs.value })
        }
        Method::Update => {
            let inputs = read!(Update);
            let options = UpdateOptions {
                input_display_values: inputs.input_display_values.unwrap_or_default(),
                choice_check: inputs.choice_check,
            };
            MethodCall::Update(call!(inputs), inputs.sys_id, inputs.request_body.into(), options)
        }
        Method::Find => {
            let inputs = read!(Find);
            MethodCall::Find(call!(inputs), inputs.query, inputs.limit, inputs.offset.unwrap_or_default())
        }
        Method::Columns => {
            let inputs = read!(Nothing);
            MethodCall::Columns(call!(inputs))
        }
        Method::Push => {
            let inputs = read!(Push);
            let manual = inputs.manual.unwrap_or_default();
            MethodCall::Push(call!(inputs), inputs.rules.0, inputs.event.0, manual)
        }
        Method::Items => {
            let inputs = read!(Items);
            MethodCall::Items(inputs.rules.0, inputs.event.0)
        }
        Method::Authenticate => {
            let inputs = read!(Nothing);
            MethodCall::Authenticate(call!(inputs))
        }
    })
}

/// What is wrong, and with which input.
fn named(error: serde_path_to_error::Error<serde_json::Error>) -> String {
    match error.path().to_string().as_str() {
        // Of the inputs as a whole: the error names the one that is missing or unknown.
        "." => error.into_inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call { authorization: "main".to_string(), instance: "dev1".to_string(), timeout_ms: None }
    }

    #[test]
    fn inputs_are_read_as_their_schemas_have_them() {
        let create = br#"{"authorization":"main","instance":"dev1","correlation_id":"a",
            "request_body":{"case":"fields","value":[["urgency","2"]]}}"#;
        let body = RequestBody::Fields(vec![("urgency".to_string(), "2".to_string())]);
        let options =
            CreateOptions { correlation_id: Some("a".to_string()), input_display_values: false, choice_check: None };
        assert_eq!(read(Method::Create, create), Ok(MethodCall::Create(call(), body, options)));
        let plain = br#"{"authorization":"main","instance":"dev1",
            "request_body":{"u_cost":1.10,"case_number":"5"}}"#;
        let body = RequestBody::Json(r#"{"u_cost":1.10,"case_number":"5"}"#.to_string());
        assert_eq!(read(Method::Update, plain), Err("missing field `sys_id`".to_string()));
        let Ok(MethodCall::Create(_, read_body, _)) = read(Method::Create, plain) else { panic!("it is no create") };
        assert_eq!(read_body, body, "digits are kept");
        let push = br#"{"authorization":"main","instance":"dev1","rules":{"name":"R"},"event":"{\"id\":1.0}"}"#;
        let (rules, event) = (r#"{"name":"R"}"#.to_string(), r#"{"id":1.0}"#.to_string());
        assert_eq!(read(Method::Push, push), Ok(MethodCall::Push(call(), rules, event, false)));
        let get = br#"{"authorization":"main","instance":"dev1","kind":"number","value":"INC1"}"#;
        let reference = IncidentRef { kind: "number".to_string(), value: "INC1".to_string() };
        assert_eq!(read(Method::Get, get), Ok(MethodCall::Get(call(), reference)));
        let find = br#"{"authorization":"main","instance":"dev1","query":"","limit":5,"offset":null}"#;
        assert_eq!(read(Method::Find, find), Ok(MethodCall::Find(call(), String::new(), 5, 0)));
    }

    #[test]
    fn what_is_missing_unknown_given_twice_or_no_json_is_named() {
        for (method, body, says) in [
            ("get", r#"{"authorization":"main"}"#, "missing field `instance`"),
            ("get", r#"{"authorization":"main","instance":"d","kind":"number","valeu":""}"#, "unknown field `valeu`"),
            (
                "columns",
                r#"{"authorization":"main","instance":1}"#,
                "instance: invalid type: integer `1`, expected a string",
            ),
            ("columns", r#"{"authorization":"main","instance":"d","timeout_ms":5.5}"#, "timeout_ms: invalid"),
            (
                "create",
                r#"{"authorization":"a","instance":"b","request_body":{"case":"fields","value":{}}}"#,
                "request_body",
            ),
            ("items", r#"{"rules":{},"event":{},"manual":true}"#, "unknown field `manual`"),
            ("push", r#"{"authorization":"a","instance":"b","rules":[],"event":{}}"#, "rules: invalid type"),
            (
                "create",
                r#"{"authorization":"a","instance":"b","request_body":{"a":"1","a":"2"}}"#,
                "\"a\" stands twice",
            ),
            ("columns", r#"{"authorization":"a","instance":"b","instance":"c"}"#, "\"instance\" stands twice"),
            ("columns", "", "is not JSON: EOF"),
            ("columns", r#"["main","dev1",null]"#, "is not a JSON object"),
            ("create", r#"{"authorization":"a","instance":"b","request_body":["json","{}"]}"#, "request_body is not"),
            ("columns", r#"{"authorization":"a","instance":"b","timeout_ms":60001}"#, "timeout_ms is not up to 60000"),
            ("create", r#"{"authorization":"a","instance":"b","request_body":{"case":"xml","value":""}}"#, "`xml`"),
        ] {
            let Err(message) = read(Method::named(method).unwrap(), body.as_bytes()) else { panic!("{body}") };
            assert!(message.contains(says), "{message}");
        }
        assert_eq!(Method::named("delete"), None);
    }
}

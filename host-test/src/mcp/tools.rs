//! The node's methods as tools, made from what the node says of itself. Nothing here does any I/O.

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};
use servicenow_artifacts::interface;
use servicenow_host::manifest::Method;
use servicenow_json::schema::describe_package;
use servicenow_json::{SCHEMAS, tagged};
use std::sync::Arc;

/// Inputs that are the operator's, and are not offered to a model.
const OPERATORS: [&str; 3] = ["authorization", "instance", "timeout_ms"];

/// A method that takes this writes.
const WRITTEN: &str = "request_body";

/// A method that takes this is repeated without harm, where it is given.
const KEY: &str = "correlation_id";

/// The whole answer of the instance: a model has its parts.
pub const WHOLE_ANSWER: &str = "response_payload";

/// The interfaces whose functions are the node's methods.
const INTERFACES: [&str; 2] = ["incidents", "authorization"];

/// Where a tool's schema has the schemas of named types.
const DEFINITIONS: &str = "#/$defs/";

/// A method as a tool.
pub struct MethodTool {
    /// The method's name.
    pub method: String,
    /// Whether it writes.
    pub writes: bool,
    /// What is offered.
    pub tool: Tool,
}

/// What methods return, by the interface that a component carries.
pub struct Described {
    outcomes: Value,
    schemas: Map<String, Value>,
}

impl Described {
    /// Reads the interface of a component.
    ///
    /// # Errors
    ///
    /// If it has none of the node's.
    pub fn read(component: &[u8]) -> anyhow::Result<Self> {
        let (resolve, package) = interface(component)?;
        let mut described = describe_package(&resolve, package, &INTERFACES).map_err(anyhow::Error::msg)?;
        let schemas = described["schemas"].take();
        let schemas = schemas.as_object().cloned().unwrap_or_default();
        Ok(Self { outcomes: described["outcomes"].take(), schemas })
    }

    /// A method as a tool. Its name is its title's: `create_incident`.
    pub fn tool(&self, method: &Method) -> MethodTool {
        let takes = |name: &str| method.inputs.iter().any(|input| input.name == name);
        let (writes, is_keyed) = (takes(WRITTEN), takes(KEY));
        let annotations = ToolAnnotations::from_raw(
            Some(method.title.clone()),
            Some(!writes),
            // A create only adds.
            Some(writes && !is_keyed),
            // The key is required below. An update with a comment appends each time.
            Some(!writes || is_keyed),
            Some(true),
        );
        let name = method.title.to_lowercase().replace(' ', "_");
        let tool = Tool::new(name, method.description.clone(), Arc::new(inputs(method)))
            .with_raw_output_schema(Arc::new(self.outcome(method)))
            .with_annotations(annotations);
        MethodTool { method: method.name.clone(), writes, tool }
    }

    /// The schema of a method's outcomes, with the types that they refer to.
    fn outcome(&self, method: &Method) -> JsonObject {
        let carried = &self.outcomes[&method.name];
        let cases = method.outcomes.iter().map(|known| &known.case_name);
        let mut schema = json!({"oneOf": cases.map(|case| tagged(case, carried[case].clone())).collect::<Vec<_>>()});
        let mut definitions = Map::new();
        self.define(&mut schema, &mut definitions);
        let mut object = json_object(schema);
        object.insert("type".to_string(), "object".into());
        object.insert("$defs".to_string(), definitions.into());
        object
    }

    /// Points the references of a schema to the definitions, and puts there what they refer to. Descriptions are left out: each
    /// conversation has all of it, and the outcome has its sentence.
    fn define(&self, schema: &mut Value, definitions: &mut Map<String, Value>) {
        match schema {
            Value::Object(members) => {
                if members.get("description").is_some_and(Value::is_string) {
                    members.remove("description");
                }
                if let Some(Value::Object(properties)) = members.get_mut("properties") {
                    properties.remove(WHOLE_ANSWER);
                }
                if let Some(Value::Array(required)) = members.get_mut("required") {
                    required.retain(|name| name != WHOLE_ANSWER);
                }
                let referred = members.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix(SCHEMAS));
                if let Some(name) = referred.map(str::to_string) {
                    members.insert("$ref".to_string(), format!("{DEFINITIONS}{name}").into());
                    if !definitions.contains_key(&name) {
                        definitions.insert(name.clone(), Value::Null);
                        let mut definition = self.schemas[&name].clone();
                        self.define(&mut definition, definitions);
                        definitions.insert(name, definition);
                    }
                }
                members.values_mut().for_each(|member| self.define(member, definitions));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.define(item, definitions)),
            _ => {}
        }
    }
}

/// The schema of a method's inputs, without the operator's.
fn inputs(method: &Method) -> JsonObject {
    // The component wrote it, so it is JSON.
    let mut schema: Value = serde_json::from_str(&method.input_schema).unwrap_or_default();
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let properties: Map<_, _> = properties.into_iter().filter(|(name, _)| !OPERATORS.contains(&&**name)).collect();
    let required = method.inputs.iter().filter(|input| input.required || input.name == KEY).map(|input| &*input.name);
    let required: Vec<&str> = required.filter(|name| !OPERATORS.contains(name)).collect();
    schema["required"] = required.into();
    schema["properties"] = properties.into();
    if let Some(body) = schema["properties"].get_mut(WRITTEN) {
        *body = json!({
            "title": body["title"],
            "description": "The columns to write and their values, by the names that read_columns tells.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": ["string", "number", "boolean"]},
            "examples": [{"short_description": "Printer on fire", "urgency": "2"}],
        });
    }
    if let Some(key) = schema["properties"].get_mut(KEY) {
        key["description"] =
            "What makes the create safe to repeat: the same key makes one incident. Take what the incident \
            is for, such as an alert's id."
                .into();
    }
    json_object(schema)
}

fn json_object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

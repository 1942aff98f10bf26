//! A JSON Schema of a method's inputs, made from the inputs themselves.

use crate::bindings::manifest::{Input, ValueType};
use crate::json::quote;

/// The variant `request-body` in the JSON mapping of variants.
const REQUEST_BODY: &str = concat!(
    r#""oneOf":[{"type":"object","properties":{"case":{"const":"json"},"#,
    r#""value":{"type":"string","contentMediaType":"application/json"}},"#,
    r#""required":["case","value"],"additionalProperties":false},"#,
    r#"{"type":"object","properties":{"case":{"const":"fields"},"#,
    r#""value":{"type":"array","minItems":1,"items":{"type":"array","#,
    r#""prefixItems":[{"type":"string"},{"type":"string"}],"minItems":2,"maxItems":2}}},"#,
    r#""required":["case","value"],"additionalProperties":false}]"#
);

/// The schema of the inputs as one JSON object.
pub fn schema(title: &str, inputs: &[Input]) -> String {
    let properties: Vec<String> = inputs.iter().map(property).collect();
    let required: Vec<String> = inputs.iter().filter(|input| input.required).map(|input| quote(&input.name)).collect();
    let parts = [
        r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"#,
        &quote(title),
        r#","type":"object","properties":{"#,
        &properties.join(","),
        r#"},"required":["#,
        &required.join(","),
        r#"],"additionalProperties":false}"#,
    ];
    parts.join("")
}

fn property(input: &Input) -> String {
    let is_text = input.value_type == ValueType::Text;
    let mut members = vec![
        format!("\"title\":{}", quote(&input.label)),
        format!("\"description\":{}", quote(&input.description)),
        match input.value_type {
            ValueType::Number if input.name == "offset" => {
                r#""type":"integer","minimum":0,"maximum":4294967295"#.to_string()
            }
            ValueType::Number => r#""type":"integer","minimum":1,"maximum":4294967295"#.to_string(),
            ValueType::Boolean => r#""type":"boolean""#.to_string(),
            ValueType::Json => REQUEST_BODY.to_string(),
            _ => r#""type":"string""#.to_string(),
        },
    ];
    if !input.choices.is_empty() {
        let choices: Vec<String> = input.choices.iter().map(|choice| quote(choice)).collect();
        members.push(format!("\"enum\":[{}]", choices.join(",")));
    }
    // That of a number or boolean is its JSON text already.
    let value = |text: &str| if is_text { quote(text) } else { text.to_string() };
    if let Some(default) = &input.default_value {
        members.push(format!("\"default\":{}", value(default)));
    }
    let example = match input.value_type {
        ValueType::Json => format!("{{\"case\":\"json\",\"value\":{}}}", quote(&input.example)),
        _ => value(&input.example),
    };
    members.push(format!("\"examples\":[{example}]"));
    format!("{}:{{{}}}", quote(&input.name), members.join(","))
}

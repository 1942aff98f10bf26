//! The node and its methods.

use super::outcomes::{self, outcomes};
use super::{inputs, outputs, schema::schema};
use crate::bindings::manifest::{Input, Method, Node, Outcome, Output};

/// Describes the node.
pub fn describe() -> Node {
    Node {
        name: "servicenow".to_string(),
        title: "ServiceNow".to_string(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        description: "Creates, gets, updates and finds incidents of a ServiceNow instance.".to_string(),
        methods: methods(),
    }
}

fn methods() -> Vec<Method> {
    let write = |mut own: Vec<Input>| {
        own.extend(inputs::write_options());
        own
    };
    let create = write(vec![inputs::request_body(), inputs::correlation_id()]);
    let update = write(vec![inputs::sys_id(), inputs::request_body()]);
    vec![
        method(
            "create",
            "Create Incident",
            "Creates an incident. Safe to repeat with the same correlation id.",
            create,
            outputs::receipt(),
            outcomes(outcomes::CREATE),
        ),
        method(
            "get",
            "Get Incident",
            "Gets one incident by number, sys_id or correlation id, in whatever state it is.",
            inputs::incident_ref(),
            outputs::incident(),
            outcomes(outcomes::GET),
        ),
        method(
            "update",
            "Update Incident",
            "Updates the columns given of one incident and leaves the others alone.",
            update,
            outputs::receipt(),
            outcomes(outcomes::UPDATE),
        ),
        method(
            "find",
            "Find Incidents",
            "Finds incidents by an encoded query, a page at a time.",
            inputs::find(),
            outputs::page(),
            outcomes(outcomes::FIND),
        ),
        method(
            "columns",
            "Read Columns",
            "Reads the columns of the incident table with their choices, to draw a form.",
            Vec::new(),
            outputs::columns(),
            outcomes(outcomes::COLUMNS),
        ),
        method(
            "authenticate",
            "Authenticate",
            "Checks an authorization: obtains a token and makes one cheap read.",
            Vec::new(),
            outputs::access(),
            outcomes(outcomes::AUTHENTICATE),
        ),
    ]
}

fn method(
    name: &str,
    title: &str,
    description: &str,
    own: Vec<Input>,
    outputs: Vec<Output>,
    outcomes: Vec<Outcome>,
) -> Method {
    let mut inputs = inputs::call();
    inputs.extend(own);
    Method {
        name: name.to_string(),
        title: title.to_string(),
        description: description.to_string(),
        input_schema: schema(title, &inputs),
        inputs,
        outputs,
        outcomes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::manifest::ValueType;

    #[test]
    fn the_node_can_be_drawn_from_its_description_alone() {
        let node = describe();
        let names: Vec<&str> = node.methods.iter().map(|method| method.name.as_str()).collect();
        assert_eq!(names, ["create", "get", "update", "find", "columns", "authenticate"]);
        for method in &node.methods {
            let described = method.inputs.iter().map(|input| &input.description);
            let described = described.chain(method.outputs.iter().map(|output| &output.description));
            let mut described = described.chain(method.outcomes.iter().map(|outcome| &outcome.description));
            assert!(described.all(|text| !text.is_empty()), "{}", method.name);
        }
        let labels: Vec<&str> =
            node.methods.iter().take(3).flat_map(|method| &method.inputs).map(|input| input.label.as_str()).collect();
        for original in ["Authorization", "InstanceId", "Incident Id", "Sys Id", "Request Body"] {
            assert!(labels.contains(&original), "{original}");
        }
        let outputs: Vec<&str> =
            node.methods.iter().take(3).flat_map(|method| &method.outputs).map(|output| &*output.node_name).collect();
        for original in ["number", "sys_id", "task_effective_number", "responsePayload", "correlation_id"] {
            assert!(outputs.contains(&original), "{original}");
        }
    }

    #[test]
    fn each_input_has_an_example_that_fits_it_an_icon_and_its_group_together() {
        for method in &describe().methods {
            let mut groups: Vec<&str> = method.inputs.iter().map(|input| input.group.as_str()).collect();
            groups.dedup();
            assert!(["Connection", "Incident", "Options"].starts_with(&groups), "{}: {groups:?}", method.name);
            for Input { name, value_type, choices, example, icon, .. } in &method.inputs {
                let fits = match value_type {
                    ValueType::Number => example.parse::<u32>().is_ok(),
                    ValueType::Boolean => example.parse::<bool>().is_ok(),
                    ValueType::Json => serde_json::from_str::<serde_json::Value>(example).is_ok(),
                    _ => !example.is_empty() && (choices.is_empty() || choices.contains(example)),
                };
                assert!(fits && !icon.is_empty(), "{}: {name}", method.name);
            }
        }
    }

    #[test]
    fn each_method_has_the_outputs_of_its_success() {
        for (method, first) in
            describe().methods.iter().zip(["number", "matches", "number", "incidents", "columns", "origin"])
        {
            let outputs: Vec<&str> = method.outputs.iter().map(|output| output.name.as_str()).collect();
            assert_eq!(outputs.first(), Some(&first), "{}: {outputs:?}", method.name);
        }
    }

    #[test]
    fn a_schema_says_what_the_inputs_say() {
        let update = &describe().methods[2];
        let schema: serde_json::Value = serde_json::from_str(&update.input_schema).unwrap();
        assert_eq!(schema["required"], serde_json::json!(["authorization", "instance", "sys_id", "request_body"]));
        assert_eq!(schema["properties"]["timeout_ms"]["default"], 5000);
        assert_eq!(schema["properties"]["choice_check"]["enum"], serde_json::json!(["off", "base", "instance"]));
        assert_eq!(schema["properties"]["request_body"]["oneOf"][1]["properties"]["case"]["const"], "fields");
    }
}

//! Scripts that a test sets off: a UI action, a script include called by a form, a background script.

use super::actor::Actor;
use super::commit::run;
use super::engine::{Subject, Text, with_stack};
use super::reach::as_json;
use crate::Instance;
use crate::access::Caller;
use crate::tables::Row;
use crate::tables::dictionary;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What to run, as JSON says it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum ScriptCall {
    /// Presses the button of a record: the server-side script of a UI action.
    UiAction {
        /// The action's name or action name.
        action: String,
        /// The record's table.
        table: String,
        /// The record.
        sys_id: String,
    },
    /// Calls a method of a script include as `GlideAjax` does.
    Ajax {
        /// The script include.
        processor: String,
        /// The method.
        method: String,
        /// What `getParameter` returns.
        #[serde(default)]
        parameters: Map<String, Value>,
    },
    /// Runs a text as a background script.
    Script(String),
}

/// Runs a script on behalf of a user, the integration user where none is named. The value of its last statement.
pub fn invoke(instance: &Arc<Instance>, invocation: &ScriptCall, user: Option<&str>) -> Result<String, String> {
    let user = user.map_or_else(|| instance.settings().username.clone(), str::to_string);
    let caller = Caller::of(&instance.store(), &user).ok_or_else(|| format!("there is no user {user}"))?;
    let actor = Actor::new(caller);
    let run = |name: &str, condition: &str, source: &str, subject: Option<&Subject<'_>>| {
        let done = with_stack(|| run(instance, &actor, &Text { name, condition, source }, subject));
        match done {
            Some(done) if done.ran => Ok(done.value),
            Some(_) => Err(format!("the condition of {name} does not hold")),
            None => Err(format!("the script of {name} failed; the table syslog says why")),
        }
    };
    match invocation {
        ScriptCall::UiAction { action, table, sys_id } => {
            let (button, row) = {
                let store = instance.store();
                let parent = dictionary::table(table).and_then(|table| table.parent);
                let is_on = |name: &str| name == table || name == "global" || Some(name) == parent;
                let is_meant = |known: &&Row| {
                    (&known["name"] == action || &known["action_name"] == action)
                        && is_on(&known["table"])
                        && &known["active"] == "true"
                        && &known["client"] != "true"
                };
                let button = store.rows("sys_ui_action").find(is_meant).cloned();
                let button =
                    button.ok_or_else(|| format!("{table} has no active UI action {action} with a server's script"))?;
                let row = store.find(table, sys_id).ok_or_else(|| format!("{table} has no record {sys_id}"))?;
                (button, row.clone())
            };
            let subject = Subject { table, operation: "update", row: as_json(&row), before: Some(as_json(&row)) };
            run(action, &button["condition"], &button["script"], Some(&subject))
        }
        ScriptCall::Ajax { processor, method, parameters } => {
            let is_name =
                !processor.is_empty() && processor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                return Err(format!("{processor} is no name of a script include"));
            }
            let is_open = |known: &Row| &known["client_callable"] == "true" && &known["active"] == "true";
            if !instance.store().by("sys_script_include", "name", processor).any(is_open) {
                return Err(format!("no active script include {processor} that forms may call"));
            }
            let source = format!("new {processor}({})[{}]()", Value::from(parameters.clone()), json!(method));
            run(processor, "", &source, None)
        }
        ScriptCall::Script(source) => run("script", "", source, None),
    }
}

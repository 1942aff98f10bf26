//! Scripts that a test sets off: a UI action, a script include called by a form, a background script.

use super::commit::{Actor, run};
use super::engine::{Done, Subject, with_stack};
use super::reach::as_json;
use crate::simulator::Instance;
use crate::simulator::access::Caller;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What to run, as JSON says it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Invocation {
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
pub fn invoke(instance: &Arc<Instance>, invocation: &Invocation, user: Option<&str>) -> Result<String, String> {
    let user = user.map_or_else(|| instance.settings().username.clone(), str::to_string);
    let caller = Caller::of(&instance.store(), &user).ok_or_else(|| format!("there is no user {user}"))?;
    let actor = Actor::new(caller);
    let run = |name: &str, source: &str, subject: Option<&Subject<'_>>| {
        with_stack(|| run(instance, &actor, name, source, subject))
    };
    let failed = |name: &str| format!("the script of {name} failed; the table syslog says why");
    let done = |name: &str, done: Option<Done>| done.map(|done| done.value).ok_or_else(|| failed(name));
    match invocation {
        Invocation::UiAction { action, table, sys_id } => {
            let (script, row) = {
                let store = instance.store();
                let is_named = |known: &&crate::simulator::row::Row| {
                    (&known["name"] == action || &known["action_name"] == action)
                        && (&known["table"] == table || &known["table"] == "task" || &known["table"] == "global")
                        && &known["active"] == "true"
                };
                let found = store.rows("sys_ui_action").find(is_named);
                let found = found.ok_or_else(|| format!("{table} has no active UI action {action}"))?;
                let row = store.find(table, sys_id).ok_or_else(|| format!("{table} has no record {sys_id}"))?;
                (found["script"].to_string(), row.clone())
            };
            let subject = Subject { table, operation: "update", row: as_json(&row), before: Some(as_json(&row)) };
            done(action, run(action, &script, Some(&subject)))
        }
        Invocation::Ajax { processor, method, parameters } => {
            let is_name =
                !processor.is_empty() && processor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                return Err(format!("{processor} is no name of a script include"));
            }
            let source = format!("new {processor}({})[{}]()", Value::from(parameters.clone()), json!(method));
            done(processor, run(processor, &source, None))
        }
        Invocation::Script(source) => done("script", run("script", source, None)),
    }
}

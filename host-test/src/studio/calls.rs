//! Calls of the page, by the names of the manifest.

use super::Studio;
use super::events::micros;
use crate::lab::invocation::{Finished, Invocation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use servicenow_host::incidents::{CreateOptions, IncidentRef, RequestBody, UpdateOptions};
use servicenow_host::json::to_json;
use servicenow_host::mapping::{ItemsOutcome, PreviewOutcome};
use servicenow_host::types::Call;
use tracing::Instrument;

/// How many events of one the page is shown the preview of: it draws each.
const PREVIEWED: usize = 20;

/// What every call may have.
#[derive(Deserialize)]
struct Inputs {
    timeout_ms: Option<u32>,
    #[serde(flatten)]
    own: Value,
}

/// A request body, as the server component takes it too.
#[derive(Deserialize)]
#[serde(tag = "case", content = "value", rename_all = "kebab-case")]
enum Body {
    Json(String),
    Fields(Vec<(String, String)>),
}

impl From<Body> for RequestBody {
    fn from(body: Body) -> Self {
        match body {
            Body::Json(text) => RequestBody::Json(text),
            Body::Fields(pairs) => RequestBody::Fields(pairs),
        }
    }
}

#[derive(Deserialize)]
struct Write {
    request_body: Body,
    #[serde(default)]
    sys_id: String,
    correlation_id: Option<String>,
    #[serde(default)]
    input_display_values: bool,
    choice_check: Option<String>,
}

#[derive(Deserialize)]
struct Get {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Find {
    #[serde(default)]
    query: String,
    #[serde(default = "hundred")]
    limit: u32,
    #[serde(default)]
    offset: u32,
}

fn hundred() -> u32 {
    100
}

/// An event and its rules, as somebody edits them.
#[derive(Deserialize)]
struct Edited {
    event: String,
    rules: String,
}

impl Studio {
    /// Makes a call. The error is what is wrong with the request.
    pub async fn invoke(&self, method: &str, inputs: Value) -> Result<Value, String> {
        let Inputs { timeout_ms, own } = given(inputs)?;
        let invocation = match method {
            "create" | "update" if !self.writes => return Err("this studio only reads".to_string()),
            "create" => {
                let Write { request_body, correlation_id, input_display_values, choice_check, .. } = given(own)?;
                Invocation::Create(
                    request_body.into(),
                    CreateOptions { correlation_id, input_display_values, choice_check },
                )
            }
            "update" => {
                let Write { request_body, sys_id, input_display_values, choice_check, .. } = given(own)?;
                Invocation::Update(sys_id, request_body.into(), UpdateOptions { input_display_values, choice_check })
            }
            "get" => {
                let Get { kind, value } = given(own)?;
                Invocation::Get(IncidentRef { kind, value })
            }
            "find" => {
                let Find { query, limit, offset } = given(own)?;
                Invocation::Find(query, limit, offset)
            }
            "columns" => Invocation::Columns,
            "authenticate" => Invocation::Authenticate,
            other => return Err(format!("the node has no method {other}")),
        };
        let run = self.events.run();
        let call = Call { timeout_ms, ..self.call.clone() };
        let finished = invocation.run(&self.host, call).instrument(run.span.clone()).await;
        self.events.report(&run, 0, &finished);
        Ok(ended(finished))
    }

    /// What a push of each event that an event holds would send: of the first ones, and how many there are.
    pub async fn preview(&self, edited: Value) -> Result<Value, String> {
        let Edited { event, rules } = given(edited)?;
        let items = self.sync().items(rules.clone(), event).await.map_err(|error| format!("{error:#}"))?;
        let events = match items {
            ItemsOutcome::Items(events) => events,
            ItemsOutcome::InvalidData(violations) => {
                return Ok(json!({"events": 1, "outcomes": [to_json(&PreviewOutcome::InvalidData(violations))]}));
            }
        };
        let (count, mut outcomes) = (events.len(), Vec::new());
        for event in events.into_iter().take(PREVIEWED) {
            outcomes.push(to_json(
                &self.sync().preview(rules.clone(), event, false).await.map_err(|error| format!("{error:#}"))?,
            ));
        }
        Ok(json!({"events": count, "outcomes": outcomes}))
    }

    /// Pushes each event that an event holds.
    pub async fn push(&self, edited: Value) -> Result<Value, String> {
        if !self.writes {
            return Err("this studio only reads".to_string());
        }
        let Edited { event, rules } = given(edited)?;
        let call = Call { authorization: self.events_authorization(), ..self.call.clone() };
        let run = self.events.run();
        let reports = self.sync().push_each(call, rules, event, false, |_, _| ()).instrument(run.span.clone()).await;
        let reports = reports.map_err(|error| format!("{error:#}"))?;
        let finished = reports.into_iter().map(Finished::from).enumerate();
        Ok(finished
            .inspect(|(at, finished)| self.events.report(&run, *at, finished))
            .map(|(_, one)| ended(one))
            .collect())
    }
}

/// How a call ended, for the page. Its requests are told with what happened.
fn ended(finished: Finished) -> Value {
    json!({
        "case": finished.case,
        "value": finished.value,
        "elapsed_us": micros(finished.elapsed),
        "requests": finished.exchanges.len(),
    })
}

/// A part of a request. The error says which member is wrong.
pub fn given<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string().as_str() {
        "." => error.inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    })
}

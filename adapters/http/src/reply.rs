//! What is answered.

use serde::Serialize;
use serde_json::{Value, json};
use servicenow_json::to_json;

/// How much of what was given a refusal repeats.
const MAX_DETAIL_CHARS: usize = 300;

/// An answer.
#[derive(Debug, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The media type; empty where there is no body.
    pub media_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// An outcome, whichever it is: how a call ended is the answer.
    pub fn outcome(outcome: &impl Serialize) -> Self {
        Self::json(&to_json(outcome))
    }

    /// A JSON document.
    pub fn json(value: &Value) -> Self {
        Self { status: 200, media_type: "application/json", headers: Vec::new(), body: value.to_string() }
    }

    /// Nothing to add.
    pub fn empty(status: u16) -> Self {
        Self { status, media_type: "", headers: Vec::new(), body: String::new() }
    }

    /// A request that made no call, as RFC 9457 has it.
    pub fn problem(status: u16, title: &str, detail: &str) -> Self {
        let detail: String = detail.chars().take(MAX_DETAIL_CHARS).collect();
        let body = json!({"type": "about:blank", "title": title, "status": status, "detail": detail}).to_string();
        Self { status, media_type: "application/problem+json", headers: Vec::new(), body }
    }

    /// The same with a header.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

//! What a fault does to a request and its answer.

use super::answer::{Answer, typed};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

/// The most spaces that an answer is made longer by.
const MAX_PAD: usize = 256 * 1024 * 1024;

/// What a fault does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Effect {
    /// Answers this instead, and does nothing.
    Status {
        /// The status.
        status: u16,
        /// The body; the error envelope of that status where absent.
        #[serde(default)]
        body: Option<String>,
        /// The media type; JSON where absent.
        #[serde(default)]
        content_type: Option<String>,
        /// Further headers.
        #[serde(default)]
        headers: HashMap<String, String>,
    },
    /// Does what was asked, and answers this.
    CommitThenStatus {
        /// The status.
        status: u16,
    },
    /// Does what was asked, and changes the answer's text.
    Rewrite {
        /// What is replaced.
        from: String,
        /// What replaces it.
        to: String,
    },
    /// Does what was asked, and makes the answer so many spaces longer.
    Pad {
        /// Bytes.
        bytes: usize,
    },
    /// Makes all access tokens invalid, and then does what was asked: a request with one is answered 401.
    ExpireTokens,
    /// Answers 400 to a request that has one of these headers, or more than one credential; does what is asked by any other.
    RefuseHeaders {
        /// Their names, in small letters.
        names: Vec<String>,
    },
    /// Answers after so many milliseconds.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Does what was asked, and answers after so many milliseconds.
    CommitThenDelay {
        /// Milliseconds.
        ms: u64,
    },
    /// Never answers, and does nothing.
    Hang,
    /// Closes the connection without an answer, and does nothing.
    Close,
    /// Does what was asked, and closes the connection without an answer.
    CommitThenClose,
    /// Does what was asked after so many milliseconds, although the caller may have given up by then, and never answers.
    CommitLate {
        /// Milliseconds.
        ms: u64,
    },
    /// Does what was asked, and cuts the answer's text in half; the HTTP around it is whole.
    Truncate,
    /// Does what was asked, and breaks the connection in the middle of the answer.
    BreakBody,
}

/// What a fault makes of one request.
pub enum Strike {
    /// This answer, instead of doing anything.
    Instead(Answer),
    /// Doing it, and then this answer.
    After(Answer),
    /// Doing it, and replacing a text in the answer.
    Rewritten(String, String),
    /// Doing it, and so many spaces after the answer's text.
    Padded(usize),
    /// Doing it, once no access token is good any more.
    TokensExpired,
    /// Doing it, unless it has one of these headers.
    Refusing(Vec<String>),
    /// Waiting before it is done, or after it.
    Delayed {
        /// How long.
        time: Duration,
        /// Whether it was done before.
        committed: bool,
    },
    /// No answer, ever.
    Hung,
    /// A closed connection, without doing anything or after it.
    Closed {
        /// Whether it was done.
        committed: bool,
    },
    /// Doing it later, and no answer.
    Late(Duration),
    /// Doing it, and half of the answer's text.
    Truncated,
    /// Doing it, and a connection that breaks in the middle of the answer.
    Broken,
}

impl Effect {
    /// A status with the error envelope.
    pub fn status(status: u16) -> Self {
        Effect::Status { status, body: None, content_type: None, headers: HashMap::new() }
    }

    /// A status with a body of JSON.
    pub fn json(status: u16, body: &str) -> Self {
        Effect::Status { status, body: Some(body.to_string()), content_type: None, headers: HashMap::new() }
    }

    /// A page of HTML.
    pub fn html(status: u16, body: &str) -> Self {
        let content_type = Some("text/html".to_string());
        Effect::Status { status, body: Some(body.to_string()), content_type, headers: HashMap::new() }
    }

    /// The same status with a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Effect::Status { headers, .. } = &mut self {
            headers.insert(name.to_string(), value.to_string());
        }
        self
    }

    /// What is made of a request that meets this effect.
    pub fn strike(&self) -> Strike {
        match self {
            Effect::Status { status, body, content_type, headers } => {
                Strike::Instead(answer(*status, body.as_deref(), content_type.as_deref(), headers))
            }
            Effect::CommitThenStatus { status } => Strike::After(answer(*status, None, None, &HashMap::new())),
            Effect::Rewrite { from, to } => Strike::Rewritten(from.clone(), to.clone()),
            Effect::Pad { bytes } => Strike::Padded((*bytes).min(MAX_PAD)),
            Effect::ExpireTokens => Strike::TokensExpired,
            Effect::RefuseHeaders { names } => Strike::Refusing(names.clone()),
            Effect::Delay { ms } => Strike::Delayed { time: Duration::from_millis(*ms), committed: false },
            Effect::CommitThenDelay { ms } => Strike::Delayed { time: Duration::from_millis(*ms), committed: true },
            Effect::Hang => Strike::Hung,
            Effect::Close => Strike::Closed { committed: false },
            Effect::CommitThenClose => Strike::Closed { committed: true },
            Effect::CommitLate { ms } => Strike::Late(Duration::from_millis(*ms)),
            Effect::Truncate => Strike::Truncated,
            Effect::BreakBody => Strike::Broken,
        }
    }
}

fn answer(status: u16, body: Option<&str>, content_type: Option<&str>, headers: &HashMap<String, String>) -> Answer {
    let (message, detail) = match status {
        429 => ("Rate limit exceeded", "Rate limit of 100 requests per hour for Table API exceeded"),
        500 => ("Transaction cancelled: maximum execution time exceeded", "Check logs for error trace"),
        _ => ("Simulated failure", "Injected by a test"),
    };
    let envelope = super::answer::error(status, message, detail);
    let mut answer = match body {
        None => envelope,
        Some(body) => typed(status, content_type.unwrap_or("application/json;charset=UTF-8"), body.to_string()),
    };
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::from_str(value)) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

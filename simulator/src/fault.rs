//! What can go wrong, on demand: a fault matches requests and strikes so many times.

use super::answer::{Answer, typed};
use super::chaos::Chaos;
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

/// A fault. As JSON: `{"method":"POST","path":"/api/now/table/incident","times":1,"effect":{"status":{"status":500}}}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The method it matches; any where absent.
    #[serde(default)]
    pub method: Option<String>,
    /// What the path starts with; any where empty.
    #[serde(default)]
    pub path: String,
    /// How many matching requests pass before it strikes.
    #[serde(default)]
    pub after: u32,
    /// How often it strikes.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens.
    pub effect: Effect,
}

fn once() -> u32 {
    1
}

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

impl Fault {
    /// A fault that strikes the next matching request.
    pub fn once(method: &str, path: &str, effect: Effect) -> Self {
        Self { method: Some(method.to_string()), path: path.to_string(), after: 0, times: 1, effect }
    }

    /// The same fault, so many times.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// The same fault, after so many matching requests.
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }
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

    fn strike(&self) -> Strike {
        match self {
            Effect::Status { status, body, content_type, headers } => {
                Strike::Instead(answer(*status, body.as_deref(), content_type.as_deref(), headers))
            }
            Effect::CommitThenStatus { status } => Strike::After(answer(*status, None, None, &HashMap::new())),
            Effect::Rewrite { from, to } => Strike::Rewritten(from.clone(), to.clone()),
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

/// The faults that wait to strike.
#[derive(Default)]
pub struct Faults {
    named: Vec<Fault>,
    chaos: Option<Chaos>,
}

impl Faults {
    /// Adds a fault.
    pub fn add(&mut self, fault: Fault) {
        self.named.push(fault);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds a seeded mix, for the requests that no named fault strikes.
    pub fn mix(&mut self, seed: u64) {
        self.chaos = Some(Chaos::new(seed));
    }

    /// What becomes of a request: the first fault that matches it strikes.
    pub fn strike(&mut self, method: &str, address: &str, body: &[u8]) -> Option<Strike> {
        let path = address.split('?').next().unwrap_or(address);
        if let Some(strike) = self.named(method, path) {
            return Some(strike);
        }
        let effect = self.chaos.as_mut()?.effect(method, address, body)?;
        Some(effect.strike())
    }

    fn named(&mut self, method: &str, path: &str) -> Option<Strike> {
        let matches = |fault: &&mut Fault| {
            fault.times > 0
                && fault.method.as_deref().is_none_or(|wanted| wanted == method)
                && path.starts_with(&fault.path)
        };
        for fault in self.named.iter_mut().filter(matches) {
            // One that still lets requests pass does not stand in the way of the next.
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            fault.times -= 1;
            return Some(fault.effect.strike());
        }
        None
    }
}

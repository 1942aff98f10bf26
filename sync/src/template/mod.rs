//! Templates: Handlebars expressions in texts, over the places of an event.
//!
//! A name by itself is a place in the event, whatever functions there are; a name that is followed by something is a function.

mod compile;
mod functions;
mod path;

pub use compile::compile;
pub use functions::{date_time, equal, kind};
pub use path::{EXPECTED_PATH, as_text, at, at_or_null, is_blank, is_path, step, take};

use functions::{FUNCTIONS, Shown};
use handlebars::{Context, Handlebars, Output, RenderContext, RenderErrorReason, Renderable, no_escape};
use serde_json::Value;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// How much one text may come to: 10 MB is ServiceNow's limit for the whole body.
pub const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// How much work the texts over one event may be: as many items that are looped over, or as many times so many bytes that are gone
/// through. A host ends a call that computes for a second, and this is less.
const MAX_WORK: usize = 2_000_000;

/// How many bytes of a text are as much work as an item of a list.
const BYTES_OF_WORK: usize = 64;

/// How many remarks one text may have: a loop over a long list makes one for each item.
const MAX_REMARKS: usize = 20;

/// What becomes of a place that the event lacks, and of a value that a function cannot take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It comes to nothing, and is remarked.
    #[default]
    Lenient,
    /// The text is refused.
    Strict,
    /// The text is refused, and so is a value that is null, blank or has lost digits, for texts of different events could
    /// become the same.
    Key,
}

/// A rendered text.
#[derive(Debug, PartialEq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// What is likely a mistake.
    pub remarks: Vec<String>,
}

/// The engine that renders texts over one event.
pub struct Templates {
    engine: Handlebars<'static>,
    context: Context,
    scope: Arc<Scope>,
}

/// What functions know beside what they are given.
pub struct Scope {
    state: Mutex<State>,
    /// Names of severities, the worst first.
    severities: Vec<String>,
}

#[derive(Default)]
struct State {
    mode: Mode,
    remarks: Vec<String>,
    work: usize,
    /// How many values of the event were written.
    shown: usize,
}

impl Scope {
    fn mode(&self) -> Mode {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).mode
    }

    /// Counts the work that a value is. Too much of it ends the text, whatever the mode.
    fn work(&self, value: &Value) -> Result<(), RenderErrorReason> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.work += 1 + match value {
            Value::String(text) => text.len() / BYTES_OF_WORK,
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        };
        if state.work > MAX_WORK {
            return Err(RenderErrorReason::Other(format!(
                "the templates go through too much of the event: {MAX_WORK} items, or {BYTES_OF_WORK} times as many bytes, are the most"
            )));
        }
        Ok(())
    }

    /// Counts a value of the event that was written.
    fn shown(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).shown += 1;
    }

    /// A value that cannot be used: remarked, or the text is refused for it.
    fn problem(&self, problem: String) -> Result<(), RenderErrorReason> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.mode != Mode::Lenient {
            return Err(RenderErrorReason::Other(problem));
        }
        remark(&mut state.remarks, problem);
        Ok(())
    }

    /// What is likely a mistake, whatever the mode.
    fn remark(&self, text: String) {
        remark(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).remarks, text);
    }
}

fn remark(remarks: &mut Vec<String>, text: String) {
    if remarks.len() < MAX_REMARKS && !remarks.contains(&text) {
        remarks.push(text);
    }
}

impl Templates {
    /// Renders over this event. `severities` are the names that `worst` knows, the worst first.
    pub fn new(event: &Value, severities: Vec<String>) -> Self {
        let scope = Arc::new(Scope { state: Mutex::default(), severities });
        let mut engine = Handlebars::new();
        engine.register_escape_fn(no_escape);
        for name in ["log", "raw"] {
            engine.unregister_helper(name);
        }
        for (name, function) in FUNCTIONS.iter().flat_map(|function| function.within(&scope)) {
            engine.register_helper(&name, Box::new(function));
        }
        for (name, shown) in Shown::both(&scope) {
            engine.register_helper(name, Box::new(shown));
        }
        // What is no object or list is no event; that is checked before.
        let context = Context::wraps(event).unwrap_or_else(|_| Context::null());
        Self { engine, context, scope }
    }

    /// Renders one text. The error says what is wrong and where.
    pub fn render(&self, text: &str, mode: Mode) -> Result<Rendered, String> {
        if !has_expressions(text) {
            return Ok(Rendered { text: text.to_string(), remarks: Vec::new() });
        }
        let template = compile(text)?;
        {
            let mut state = self.scope.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.mode, state.remarks, state.shown) = (mode, Vec::new(), 0);
        }
        let mut rendered = Bounded(String::new());
        let mut block = RenderContext::new(None);
        template.render(&self.engine, &self.context, &mut block, &mut rendered).map_err(|error| {
            let place = match (error.line_no, error.column_no) {
                (Some(line), Some(column)) => format!(", at line {line} column {column} of the template"),
                _ => String::new(),
            };
            match error.reason() {
                RenderErrorReason::IOError(_) => format!("the text comes to more than {MAX_TEXT_BYTES} bytes"),
                reason => format!("{reason}{place}"),
            }
        })?;
        let mut state = self.scope.state.lock().unwrap_or_else(PoisonError::into_inner);
        if mode == Mode::Key && state.shown == 0 {
            return Err("no value of the event comes to be in the key, so that all events would share it".to_string());
        }
        Ok(Rendered { text: rendered.0, remarks: std::mem::take(&mut state.remarks) })
    }
}

/// The names of all functions.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

/// Whether a text is to be rendered at all.
pub fn has_expressions(text: &str) -> bool {
    text.contains("{{")
}

struct Bounded(String);

impl Output for Bounded {
    fn write(&mut self, segment: &str) -> io::Result<()> {
        if self.0.len() + segment.len() > MAX_TEXT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.push_str(segment);
        Ok(())
    }
}

//! The JavaScript engine: one run of one script, bounded in time, memory and stack.
//!
//! Only JSON crosses the border: no value of the engine outlives a run, and scripts reach the instance through one function.

use super::meter::{Gauge, Meter};
use rquickjs::context::EvalOptions;
use rquickjs::convert::Coerced;
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Exception, Function, Object, Runtime, Value as JsValue};
use serde::Deserialize;
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

/// The server-side API that scripts find, written in their own language.
const PRELUDE: &str = include_str!("prelude.js");

/// What the engine may use of the stack.
const MAX_STACK: usize = 512 << 10;

/// The stack of the thread that scripts run in: rules that set off rules run inside each other.
const THREAD_STACK: usize = 16 << 20;

/// What scripts reach of the instance.
pub trait Reach {
    /// Answers a question of the prelude. An error is thrown in the script.
    fn answer(&self, question: &str, arguments: &[Value], left: Duration) -> Result<Value, String>;
}

/// A script.
pub struct Text<'a> {
    /// Its name, for failures.
    pub name: &'a str,
    /// Under which condition it runs; always where empty.
    pub condition: &'a str,
    /// What it does.
    pub source: &'a str,
}

/// The record that a script is run for.
pub struct Subject<'a> {
    /// The table of the rule's record.
    pub table: &'a str,
    /// `insert`, `update` or `delete`.
    pub operation: &'a str,
    /// `current`.
    pub row: Value,
    /// What changes are told by, and `previous` but for a new record; `None` where the script may not see it.
    pub before: Option<Value>,
}

/// What a script did.
#[derive(Debug, Default)]
pub struct Done {
    /// Whether its condition held.
    pub ran: bool,
    /// The value of its last statement, as text.
    pub value: String,
    /// The columns of `current` that it set.
    pub set: BTreeMap<String, String>,
    /// Whether it called `setAbortAction(true)`.
    pub aborted: bool,
    /// The requests it left to be sent: `executeAsync`.
    pub requests: Vec<Value>,
}

#[derive(Deserialize)]
struct End {
    set: BTreeMap<String, String>,
    aborted: bool,
    requests: Vec<Value>,
}

/// Why a script failed: its own words, and the line where it could be told.
#[derive(Debug, PartialEq)]
pub struct Failed(pub String);

/// Does something in a thread whose stack is large enough for scripts within scripts.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("script".to_string()).stack_size(THREAD_STACK);
        let worker = thread.spawn_scoped(scope, work).expect("the machine has a thread for a script");
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs a script within a time, the answers it waits for included.
pub fn run(
    text: &Text<'_>,
    subject: Option<&Subject<'_>>,
    reach: Rc<dyn Reach>,
    time: Duration,
) -> Result<Done, Failed> {
    let failed = |error: rquickjs::Error| Failed(error.to_string());
    let gauge = Gauge::default();
    let runtime = Runtime::new_with_alloc(Meter(gauge.clone())).map_err(failed)?;
    runtime.set_max_stack_size(MAX_STACK);
    let deadline = Instant::now() + time;
    let stopped = Rc::new(Cell::new(None));
    let flag = Rc::clone(&stopped);
    runtime.set_interrupt_handler(Some(Box::new(move || {
        if gauge.is_over() {
            flag.set(Some("the script took too much memory"));
        } else if Instant::now() >= deadline {
            flag.set(Some("the script took too long"));
        }
        flag.get().is_some()
    })));
    let context = Context::full(&runtime).map_err(failed)?;
    let done = context.with(|context| {
        let done = evaluate(&context, text, subject, reach, deadline);
        done.catch(&context).map_err(|error| explain(error, text.name))
    });
    // No `catch` in a script sees that it is stopped.
    match stopped.get() {
        Some(why) => Err(Failed(why.to_string())),
        None => done,
    }
}

fn evaluate(
    context: &Ctx<'_>,
    text: &Text<'_>,
    subject: Option<&Subject<'_>>,
    reach: Rc<dyn Reach>,
    deadline: Instant,
) -> rquickjs::Result<Done> {
    let host = move |context: Ctx<'_>, question: String, arguments: String| -> rquickjs::Result<String> {
        let arguments: Vec<Value> = serde_json::from_str(&arguments)
            .map_err(|error| Exception::throw_message(&context, &format!("no text that can be stored: {error}")))?;
        let left = deadline.saturating_duration_since(Instant::now());
        let answer = reach.answer(&question, &arguments, left);
        answer.map(|answer| answer.to_string()).map_err(|message| Exception::throw_message(&context, &message))
    };
    let host = Function::new(context.clone(), host)?;
    let prelude: Function = context.eval_with_options(PRELUDE, sloppy("prelude.js"))?;
    let handle: Object = prelude.call((context.globals(), host))?;
    if let Some(subject) = subject {
        let json = |value: &Value| context.json_parse(value.to_string());
        let before = subject.before.as_ref().map_or_else(|| json(&Value::Null), json)?;
        let begin: Function = handle.get("begin")?;
        begin.call::<_, ()>((subject.table, subject.operation, json(&subject.row)?, before))?;
    }
    if !text.condition.trim().is_empty() {
        let condition: JsValue = context.eval_with_options(text.condition, sloppy(text.name))?;
        if !condition.get::<Coerced<bool>>()?.0 {
            return Ok(Done::default());
        }
    }
    let value: JsValue = context.eval_with_options(text.source, sloppy(text.name))?;
    let value = value.get::<Coerced<String>>()?.0;
    let end: Function = handle.get("end")?;
    let End { set, aborted, requests } = serde_json::from_str(&end.call::<_, String>(())?)
        .map_err(|error| Exception::throw_message(context, &error.to_string()))?;
    Ok(Done { ran: true, value, set, aborted, requests })
}

/// The engine's default is strict mode, and scripts of an instance are not written for it.
fn sloppy(name: &str) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.to_string());
    options
}

fn explain(error: CaughtError<'_>, name: &str) -> Failed {
    Failed(match error {
        CaughtError::Exception(error) => {
            let kind = error.as_object().get::<_, Coerced<String>>("name").map(|name| name.0).unwrap_or_default();
            let message = error.message().unwrap_or_default();
            match error.stack().and_then(|stack| line(&stack, name)) {
                Some(line) => format!("{kind}: {message} (line {line})"),
                None => format!("{kind}: {message}"),
            }
        }
        CaughtError::Value(value) => {
            value.get::<Coerced<String>>().map_or_else(|_| "a value without text was thrown".to_string(), |text| text.0)
        }
        CaughtError::Error(error) => error.to_string(),
    })
}

/// The line of the script's topmost frame: `    at f (NAME:3:7)`.
fn line(stack: &str, name: &str) -> Option<u32> {
    stack.lines().find_map(|frame| {
        let (_, rest) = frame.split_once(&format!("{name}:"))?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Nothing;

    impl Reach for Nothing {
        fn answer(&self, question: &str, _: &[Value], _: Duration) -> Result<Value, String> {
            match question {
                "includes" => Ok(json!([])),
                "columns" => Ok(json!([{"name": "state", "label": "State", "reference": null}])),
                other => Err(format!("no {other} here")),
            }
        }
    }

    fn ran(source: &str) -> Result<Done, Failed> {
        let subject = Subject {
            table: "incident",
            operation: "update",
            row: json!({"state": "2"}),
            before: Some(json!({"state": "1"})),
        };
        let text = Text { name: "rule.js", condition: "current.state == 2; // always", source };
        with_stack(|| run(&text, Some(&subject), Rc::new(Nothing), Duration::from_secs(1)))
    }

    #[test]
    fn a_script_reads_and_sets_its_record() {
        let done = ran("current.state = current.state.changesTo(2) ? 6 : 7; current.setAbortAction(true); typeof host")
            .unwrap();
        assert_eq!(done.set, BTreeMap::from([("state".to_string(), "6".to_string())]));
        assert!(done.aborted);
        assert_eq!(done.value, "undefined", "a script reaches the instance through the API alone");
    }

    #[test]
    fn a_failure_names_its_line() {
        for (source, message) in [
            ("var a = 1;\nnope();", "ReferenceError: nope is not defined (line 2)"),
            ("throw 'plain';", "plain"),
            ("\n\ngs.getProperty('x');", "Error: no property here (line 3)"),
        ] {
            assert_eq!(ran(source).unwrap_err().0, message, "{source}");
        }
        assert!(ran("var = ;").unwrap_err().0.starts_with("SyntaxError: "));
    }

    #[test]
    fn what_takes_too_much_ends_and_takes_nobody_with_it() {
        for source in [
            "var a = []; while (true) { a.push(new Array(10000).join('x')); }",
            "function f() { return f() + 1; } f();",
            "JSON.parse(new Array(100000).join('['))",
        ] {
            assert!(ran(source).is_err(), "{source}");
        }
    }
}

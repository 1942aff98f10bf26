//! The functions of templates. Each is pure; `docs/sync/functions.md` has them with examples that a test runs.

mod call;
mod condition;
mod list;
mod text;
mod value;

pub use call::{CHECK, SHOW, Shown};
pub use condition::equal;
pub use value::date_time;

use super::path::as_text;
use super::{MAX_TEXT_BYTES, Scope};
use call::InScope;
use serde_json::Value;
use std::sync::Arc;

/// How many items a function may make of a text.
const MAX_ITEMS: usize = 10_000;

/// A function.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How many values it takes, at least and at most.
    takes: (usize, usize),
    /// Names of further values, such as `zone="Europe/Berlin"`.
    options: &'static [&'static str],
    /// What it makes of a value that is missing.
    missing: Missing,
    /// Whether it says yes or no, so that it can stand for a block.
    pub is_condition: bool,
    apply: Apply,
}

/// What a function does: `None` is a value that is missing, given or come to.
type Apply = fn(&Arguments<'_>) -> Result<Option<Value>, String>;

/// What a function makes of a value that the event lacks.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    /// It comes to nothing, as a name by itself does.
    Propagates,
    /// It is told as a name by itself is, and the function goes on with nothing in its place.
    Compared,
    /// It is as good as false; in a key it is refused like any other.
    Optional,
    /// It is what the function is for, in keys too.
    Expected,
}

/// What a function is given.
pub struct Arguments<'a> {
    values: Vec<Option<&'a Value>>,
    options: Vec<(&'a str, &'a Value)>,
    severities: &'a [String],
    /// Whether the text is a key.
    is_key: bool,
}

/// As many values as there are.
const ANY: usize = usize::MAX;

const fn function_of(name: &'static str, least: usize, most: usize, apply: Apply) -> Function {
    Function { name, takes: (least, most), options: &[], missing: Missing::Propagates, is_condition: false, apply }
}

const fn condition(name: &'static str, least: usize, most: usize, apply: Apply) -> Function {
    Function { missing: Missing::Compared, is_condition: true, ..function_of(name, least, most, apply) }
}

const fn logic(name: &'static str, least: usize, most: usize, apply: Apply) -> Function {
    Function { missing: Missing::Optional, is_condition: true, ..function_of(name, least, most, apply) }
}

/// Every function, by name.
pub const FUNCTIONS: &[Function] = &[
    logic("and", 2, ANY, condition::and),
    function_of("capture", 2, 2, text::capture),
    Function { missing: Missing::Compared, ..function_of("concat", 1, ANY, text::concat) },
    condition("contains", 2, 2, condition::contains),
    Function { options: &["zone"], ..function_of("date", 1, 1, value::date) },
    Function { missing: Missing::Expected, ..function_of("default", 2, ANY, condition::default) },
    condition("eq", 2, 2, condition::eq),
    function_of("first", 1, 1, list::first),
    condition("gt", 2, 2, condition::gt),
    condition("gte", 2, 2, condition::gte),
    function_of("hash", 1, ANY, text::hash),
    condition("in", 2, ANY, condition::is_in),
    function_of("join", 2, 2, list::join),
    function_of("json", 1, 1, value::json),
    function_of("last", 1, 1, list::last),
    function_of("len", 1, 1, list::len),
    function_of("lookup", 2, 2, list::lookup),
    function_of("lower", 1, 1, text::lower),
    condition("lt", 2, 2, condition::lt),
    condition("lte", 2, 2, condition::lte),
    condition("matches", 2, 2, condition::matches),
    condition("ne", 2, 2, condition::ne),
    logic("not", 1, 1, condition::not),
    function_of("number", 1, 1, value::number),
    logic("or", 2, ANY, condition::or),
    function_of("parse_json", 1, 1, value::parse_json),
    function_of("pluck", 2, 2, list::pluck),
    function_of("replace", 3, 3, text::replace),
    function_of("split", 2, 2, text::split),
    function_of("trim", 1, 1, text::trim),
    function_of("truncate", 2, 3, text::truncate),
    function_of("unique", 1, 1, list::unique),
    function_of("upper", 1, 1, text::upper),
    function_of("where", 3, 3, list::where_),
    function_of("worst", 1, 1, list::worst),
];

/// A function by name.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

impl Function {
    /// Checks how many values it is given.
    pub fn check<'n>(&self, count: usize, mut options: impl Iterator<Item = &'n String>) -> Result<(), String> {
        let (least, most) = self.takes;
        if !(least..=most).contains(&count) {
            let values = |count: usize| if count == 1 { "1 value".to_string() } else { format!("{count} values") };
            let expected = match most {
                ANY => format!("{} or more", values(least)),
                most if most == least => values(least),
                most => format!("{least} or {most} values"),
            };
            return Err(format!("{} takes {expected}, and {count} follow it", self.name));
        }
        match options.find(|option| !self.options.contains(&option.as_str())) {
            Some(option) => Err(format!("{} takes no {option}=", self.name)),
            None => Ok(()),
        }
    }

    /// The function within what it knows, once for each way it is called.
    pub fn within(&'static self, scope: &Arc<Scope>) -> impl Iterator<Item = (String, InScope)> {
        let scope = Arc::clone(scope);
        [Within::Anything, Within::Condition, Within::Default]
            .into_iter()
            .map(move |within| (within.call(self.name), InScope { function: self, within, scope: Arc::clone(&scope) }))
    }
}

/// What a function is called in: what is optional there is so for what the function is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// A missing value is told.
    Anything,
    /// `and`, `or`, `not`, `#if` and `#unless`: it is as good as false, but in a key.
    Condition,
    /// `default`: it is what that is for.
    Default,
}

impl Within {
    /// The name of a function that is called there. A template cannot write those with brackets.
    pub fn call(self, name: &str) -> String {
        match self {
            Within::Anything => name.to_string(),
            Within::Condition => format!("({name})"),
            Within::Default => format!("(({name}))"),
        }
    }

    /// What the values of a function are called in.
    pub fn of(self, function: &Function) -> Self {
        match function.missing {
            Missing::Expected => Within::Default,
            Missing::Optional if self == Within::Anything => Within::Condition,
            _ => self,
        }
    }
}

impl Arguments<'_> {
    /// A value that is there; the caller's count of values is checked.
    fn value(&self, at: usize) -> Option<&Value> {
        self.values.get(at).copied().flatten()
    }

    /// A value as text.
    fn text(&self, at: usize) -> Result<String, String> {
        let value = self.value(at).unwrap_or(&Value::Null);
        as_text(value).ok_or_else(|| format!("a text is expected, and {} is given", kind(value)))
    }

    /// A value as a list.
    fn list(&self, at: usize) -> Result<&[Value], String> {
        match self.value(at) {
            Some(Value::Array(items)) => Ok(items),
            Some(Value::Null) | None => Ok(&[]),
            Some(value) => Err(format!("a list is expected, and {} is given", kind(value))),
        }
    }
}

/// What a value is, for a person.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// What is said of a text that a function would make.
fn too_large() -> String {
    format!("a text comes to more than {MAX_TEXT_BYTES} bytes")
}

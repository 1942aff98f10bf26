//! The functions of templates. Each is pure; `docs/sync/functions.md` has them with examples that a test runs.

mod condition;
mod list;
mod text;
mod value;

pub use condition::equal;
pub use value::date_time;

use super::path::as_text;
use super::{MAX_TEXT_BYTES, Mode, Scope};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, PathAndJson, RenderContext, RenderError,
    RenderErrorReason, Renderable, ScopedJson,
};
use serde_json::Value;
use std::sync::Arc;

/// The call that each expression becomes: it writes a value. Its name cannot be written in a template.
pub const SHOW: &str = "(show)";

/// The call before each block, which looks at what the block is given.
pub const CHECK: &str = "(check)";

/// From here on numbers that are no integers of 64 bits lose digits.
const EXACT: f64 = 9_007_199_254_740_992.0;

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
    apply: Apply,
}

/// What a function does: `None` is a value that is missing, given or come to.
type Apply = fn(&Arguments<'_>) -> Result<Option<Value>, String>;

/// What a function makes of a value that the event lacks.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    /// It comes to nothing, as a name by itself does.
    Propagates,
    /// It is told as a name by itself is, and compared as nothing.
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
}

/// As many values as there are.
const ANY: usize = usize::MAX;

const fn function_of(name: &'static str, least: usize, most: usize, apply: Apply) -> Function {
    Function { name, takes: (least, most), options: &[], missing: Missing::Propagates, apply }
}

const fn condition(name: &'static str, least: usize, most: usize, apply: Apply) -> Function {
    Function { missing: Missing::Compared, ..function_of(name, least, most, apply) }
}

const fn logic(name: &'static str, least: usize, most: usize, apply: Apply) -> Function {
    Function { missing: Missing::Optional, ..function_of(name, least, most, apply) }
}

/// Every function, by name.
pub const FUNCTIONS: &[Function] = &[
    logic("and", 2, ANY, condition::and),
    function_of("capture", 2, 2, text::capture),
    function_of("concat", 1, ANY, text::concat),
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
    /// Whether it says yes or no, so that it can stand for a block.
    pub fn is_condition(&self) -> bool {
        matches!(self.missing, Missing::Compared | Missing::Optional)
    }

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

    /// The function within what it knows.
    pub fn within(&'static self, scope: Arc<Scope>) -> InScope {
        InScope { function: self, scope }
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
            None => Ok(&[]),
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

/// A function with what it knows, as Handlebars calls it.
pub struct InScope {
    function: &'static Function,
    scope: Arc<Scope>,
}

impl HelperDef for InScope {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        block: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let Self { function, scope } = self;
        let mode = scope.mode();
        for param in helper.params() {
            scope.work(param.value())?;
            // What another function came to nothing for was told by it.
            let is_told = param.relative_path().is_none() && mode != Mode::Key;
            let is_accepted = match function.missing {
                Missing::Expected => true,
                Missing::Optional => mode != Mode::Key,
                Missing::Compared | Missing::Propagates => is_told,
            };
            let problem = unusable(param, mode).filter(|_| !is_accepted && !is_below_null(param, context, block, mode));
            if let Some(problem) = problem {
                scope.problem(problem)?;
            }
            if param.is_value_missing() && function.missing == Missing::Propagates {
                return Ok(ScopedJson::Missing);
            }
        }
        let values = helper.params().iter().map(|param| (!param.is_value_missing()).then(|| param.value())).collect();
        let options = helper.hash().iter().map(|(name, value)| (*name, value.value())).collect();
        let arguments = Arguments { values, options, severities: &scope.severities };
        match (function.apply)(&arguments) {
            Ok(Some(Value::String(text))) if text.len() > MAX_TEXT_BYTES => {
                Err(RenderErrorReason::Other(too_large()).into())
            }
            Ok(Some(value)) => Ok(value.into()),
            Ok(None) => Ok(ScopedJson::Missing),
            Err(problem) => {
                scope.problem(format!("{}: {problem}", function.name))?;
                Ok(ScopedJson::Missing)
            }
        }
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        engine: &'reg Handlebars<'reg>,
        context: &'rc Context,
        block: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = self.call_inner(helper, engine, context, block)?;
        let branch = if value.as_json().is_truthy(false) { helper.template() } else { helper.inverse() };
        branch.map_or(Ok(()), |branch| branch.render(engine, context, block, out))
    }
}

fn too_large() -> String {
    format!("a text comes to more than {MAX_TEXT_BYTES} bytes")
}

/// Why a value that stands at a place of the event cannot be used.
fn unusable(param: &PathAndJson<'_>, mode: Mode) -> Option<String> {
    let place = param.relative_path();
    let named = || place.map_or("what a function gives".to_string(), Clone::clone);
    if param.is_value_missing() {
        return Some(match place {
            Some(place) if function(place).is_some() => {
                format!("the event has no {place}; the function of this name needs a value after it")
            }
            Some(place) => format!("the event has no {place}"),
            None => "a function comes to nothing".to_string(),
        });
    }
    if mode != Mode::Key {
        return None;
    }
    match param.value() {
        Value::Null => Some(format!("{} is null", named())),
        Value::String(text) if text.trim().is_empty() => Some(format!("{} is blank", named())),
        Value::Number(number) if has_lost_digits(number) => {
            Some(format!("{} is a number that has lost digits; a text keeps them", named()))
        }
        Value::Array(items) if items.is_empty() => Some(format!("{} is an empty list", named())),
        Value::Object(members) if members.is_empty() => Some(format!("{} is an empty object", named())),
        _ => None,
    }
}

/// Whether the event has a null above a place: then it has the place, and says nothing there. A key is not made of that.
fn is_below_null<'rc>(
    param: &PathAndJson<'_>,
    context: &'rc Context,
    block: &RenderContext<'_, 'rc>,
    mode: Mode,
) -> bool {
    let (Some(place), true, true) = (param.relative_path(), param.is_value_missing(), mode != Mode::Key) else {
        return false;
    };
    let above = place.match_indices('.').map(|(end, _)| &place[..end]);
    let value = |place: &str| {
        block.evaluate(context, place).is_ok_and(|value| !value.is_missing() && value.as_json().is_null())
    };
    above.filter(|place| !place.is_empty()).any(value)
}

fn has_lost_digits(number: &serde_json::Number) -> bool {
    number.is_f64() && number.as_f64().is_some_and(|float| float.abs() >= EXACT)
}

/// Writes a value, or only looks at it.
pub struct Shown {
    scope: Arc<Scope>,
    is_written: bool,
}

impl Shown {
    /// Both calls, by name.
    pub fn both(scope: &Arc<Scope>) -> [(&'static str, Self); 2] {
        [(SHOW, true), (CHECK, false)].map(|(name, is_written)| (name, Self { scope: Arc::clone(scope), is_written }))
    }

    /// What a block is given. What is optional is a mistake in a key alone.
    fn check(&self, helper: &Helper<'_>, param: &PathAndJson<'_>, is_null: bool) -> HelperResult {
        let is_optional = helper.param(1).is_some_and(|optional| optional.value().as_bool() == Some(true));
        let mode = self.scope.mode();
        if (is_optional || is_null) && mode != Mode::Key {
            return Ok(());
        }
        match unusable(param, mode) {
            Some(problem) => Ok(self.scope.problem(problem)?),
            None => Ok(()),
        }
    }
}

impl HelperDef for Shown {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        block: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let Some(param) = helper.param(0) else { return Ok(()) };
        let mode = self.scope.mode();
        self.scope.work(param.value())?;
        let is_null = is_below_null(param, context, block, mode);
        if !self.is_written {
            return self.check(helper, param, is_null);
        }
        let is_called = param.relative_path().is_none();
        // What a function came to nothing for was told by it.
        if is_null || param.is_value_missing() && is_called && mode != Mode::Key {
            return Ok(());
        }
        let is_function = param.relative_path().is_some_and(|name| function(name).is_some());
        match unusable(param, mode) {
            // It is no place that events of this kind may lack.
            Some(problem) if is_function && param.is_value_missing() => {
                return Err(RenderErrorReason::Other(problem).into());
            }
            Some(problem) => return Ok(self.scope.problem(problem)?),
            None => {}
        }
        let value = param.value();
        let text = match as_text(value) {
            Some(text) => text,
            None => {
                let place = param.relative_path().map_or("what a function gives", String::as_str);
                let problem = format!(
                    "{place} is {}; one of its members, or a function such as join or json, makes a text",
                    kind(value)
                );
                if mode == Mode::Key {
                    return Err(RenderErrorReason::Other(problem).into());
                }
                self.scope.remark(problem);
                value.to_string()
            }
        };
        out.write(&text)?;
        Ok(())
    }
}

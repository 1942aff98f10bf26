//! Functions as Handlebars calls them, and what becomes of the values that they and expressions are given.

use super::super::path::{as_text, is_blank};
use super::super::{MAX_TEXT_BYTES, Mode, Scope};
use super::{Arguments, Function, Missing, Within, function, kind, too_large};
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

/// Functions that write a value as a whole.
const WHOLE: [&str; 3] = ["hash", "join", "json"];

/// With so many digits a number that is no integer may have had more.
const FRACTION_DIGITS: usize = 16;

/// A function with what it knows, as Handlebars calls it.
pub struct InScope {
    /// The function.
    pub function: &'static Function,
    /// What it is called in.
    pub within: Within,
    /// What it knows.
    pub scope: Arc<Scope>,
}

impl HelperDef for InScope {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        block: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let Self { function, within, scope } = self;
        let mode = scope.mode();
        for param in helper.params() {
            scope.work(param.value())?;
            // What another function came to nothing for was told by it.
            let is_told = param.relative_path().is_none() && mode != Mode::Key;
            let is_accepted = match (function.missing, within) {
                (Missing::Expected, _) | (_, Within::Default) => true,
                (Missing::Optional, _) | (_, Within::Condition) => mode != Mode::Key,
                (Missing::Compared | Missing::Propagates, Within::Anything) => is_told,
            };
            // One of several values that are hashed may be empty: it is told from others.
            let is_empty = function.name == "hash"
                && helper.params().len() > 1
                && matches!(param.value(), Value::Array(_) | Value::Object(_));
            let problem = unusable(param, mode)
                .filter(|_| !is_accepted && !is_empty && !is_below_null(param, context, block, mode));
            if let Some(problem) = problem {
                scope.problem(problem)?;
            }
            // A value that makes no key is none for a default either.
            let is_none = mode == Mode::Key && *within == Within::Default && unusable(param, mode).is_some();
            if is_none && function.missing != Missing::Expected {
                return Ok(ScopedJson::Missing);
            }
            if param.is_value_missing() && function.missing == Missing::Propagates {
                return Ok(ScopedJson::Missing);
            }
        }
        if let Some(problem) = unusable_within(function, helper.params()).filter(|_| mode == Mode::Key) {
            if *within == Within::Default {
                return Ok(ScopedJson::Missing);
            }
            scope.problem(problem)?;
        }
        let values = helper.params().iter().map(|param| (!param.is_value_missing()).then(|| param.value())).collect();
        let options = helper.hash().iter().map(|(name, value)| (*name, value.value())).collect();
        let arguments = Arguments { values, options, severities: &scope.severities, is_key: mode == Mode::Key };
        match (function.apply)(&arguments) {
            Ok(Some(Value::String(text))) if text.len() > MAX_TEXT_BYTES => {
                Err(RenderErrorReason::Other(too_large()).into())
            }
            Ok(Some(value)) => Ok(value.into()),
            Ok(None) => Ok(ScopedJson::Missing),
            Err(_) if *within == Within::Default || *within == Within::Condition && mode != Mode::Key => {
                Ok(ScopedJson::Missing)
            }
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

/// Why a value makes no key that a function writes as a whole: what is within it goes into the key as well. What functions only look
/// into may hold anything.
fn unusable_within(function: &Function, params: &[PathAndJson<'_>]) -> Option<String> {
    if !WHOLE.contains(&function.name) {
        return None;
    }
    let named =
        |param: &PathAndJson<'_>| param.relative_path().map_or("what a function gives".to_string(), Clone::clone);
    params.iter().find_map(|param| match param.value() {
        value if has_lost_digits_within(value) => {
            Some(format!("{} has a number in it that has lost digits; a text keeps them", named(param)))
        }
        // Joined, it could not be told from a list without the item.
        Value::Array(items) if function.name == "join" && items.iter().any(is_blank) => {
            Some(format!("an item of {} is blank", named(param)))
        }
        value if params.len() == 1 && is_blank(value) => Some(format!("{} has nothing but blanks in it", named(param))),
        _ => None,
    })
}

fn has_lost_digits_within(value: &Value) -> bool {
    match value {
        Value::Number(number) => has_lost_digits(number),
        Value::Array(items) => items.iter().any(has_lost_digits_within),
        Value::Object(members) => members.values().any(has_lost_digits_within),
        _ => false,
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
    let digits = || number.to_string().bytes().filter(u8::is_ascii_digit).count();
    number.is_f64() && (number.as_f64().is_some_and(|float| float.abs() >= EXACT) || digits() >= FRACTION_DIGITS)
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
        if param.try_get_constant_value().is_none() && !text.trim().is_empty() {
            self.scope.shown();
        }
        out.write(&text)?;
        Ok(())
    }
}

//! Yes or no. A number is compared as a number, also with a text: `2` is `2.0` and `"2"`, and of two texts `"2.0"` is not `"2"`.

use super::super::path::{as_text, is_blank};
use super::Arguments;
use crate::patterns::compiled;
use handlebars::JsonTruthy;
use serde_json::Value;
use std::cmp::Ordering;

type Answer = Result<Option<Value>, String>;

fn answer(is_so: bool) -> Answer {
    Ok(Some(Value::Bool(is_so)))
}

pub fn and(arguments: &Arguments<'_>) -> Answer {
    answer((0..arguments.values.len()).all(|at| is_true(arguments, at)))
}

pub fn or(arguments: &Arguments<'_>) -> Answer {
    answer((0..arguments.values.len()).any(|at| is_true(arguments, at)))
}

pub fn not(arguments: &Arguments<'_>) -> Answer {
    answer(!is_true(arguments, 0))
}

fn is_true(arguments: &Arguments<'_>, at: usize) -> bool {
    arguments.value(at).is_some_and(|value| value.is_truthy(false))
}

pub fn eq(arguments: &Arguments<'_>) -> Answer {
    answer(is_equal(arguments, 0, 1))
}

pub fn ne(arguments: &Arguments<'_>) -> Answer {
    answer(!is_equal(arguments, 0, 1))
}

pub fn is_in(arguments: &Arguments<'_>) -> Answer {
    answer((1..arguments.values.len()).any(|at| is_equal(arguments, 0, at)))
}

fn is_equal(arguments: &Arguments<'_>, left: usize, right: usize) -> bool {
    match (arguments.value(left), arguments.value(right)) {
        (Some(left), Some(right)) => equal(left, right),
        (left, right) => left.is_none() && right.is_none(),
    }
}

/// Whether two values are one: as numbers where one is a number, as texts, or else as they are.
pub fn equal(left: &Value, right: &Value) -> bool {
    let has_number = left.is_number() || right.is_number();
    // Integers are compared as such: as floats the largest would be equal to their neighbours.
    if let (true, Some(left), Some(right)) = (has_number, as_integer(left), as_integer(right)) {
        return left == right;
    }
    match (as_number(left), as_number(right)) {
        (Some(left), Some(right)) if has_number => left == right,
        _ => match (as_text(left), as_text(right)) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
    }
}

pub fn gt(arguments: &Arguments<'_>) -> Answer {
    compare(arguments, |order| order == Ordering::Greater)
}

pub fn gte(arguments: &Arguments<'_>) -> Answer {
    compare(arguments, |order| order != Ordering::Less)
}

pub fn lt(arguments: &Arguments<'_>) -> Answer {
    compare(arguments, |order| order == Ordering::Less)
}

pub fn lte(arguments: &Arguments<'_>) -> Answer {
    compare(arguments, |order| order != Ordering::Greater)
}

fn compare(arguments: &Arguments<'_>, is_so: fn(Ordering) -> bool) -> Answer {
    let (Some(left), Some(right)) = (arguments.value(0), arguments.value(1)) else { return answer(false) };
    match (as_number(left), as_number(right)) {
        (Some(left), Some(right)) => answer(left.partial_cmp(&right).is_some_and(is_so)),
        _ => answer(is_so(arguments.text(0)?.cmp(&arguments.text(1)?))),
    }
}

fn as_integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A number, or a text that is one.
pub fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// Whether a list has a value, an object a member, or a text a part.
pub fn contains(arguments: &Arguments<'_>) -> Answer {
    let (Some(whole), Some(part)) = (arguments.value(0), arguments.value(1)) else { return answer(false) };
    match whole {
        Value::Array(items) => answer(items.iter().any(|item| equal(item, part))),
        Value::Object(members) => answer(members.contains_key(&arguments.text(1)?)),
        _ => answer(arguments.text(0)?.contains(&arguments.text(1)?)),
    }
}

pub fn matches(arguments: &Arguments<'_>) -> Answer {
    let pattern = compiled(&arguments.text(1)?).map_err(|error| error.to_string())?;
    answer(arguments.value(0).is_some() && pattern.is_match(&arguments.text(0)?))
}

/// The first value that is there and not blank.
pub fn default(arguments: &Arguments<'_>) -> Answer {
    let mut values = arguments.values.iter().flatten();
    Ok(values.find(|value| !is_blank(value)).map(|value| (*value).clone()))
}

//! Lists, and what is in them.

use super::super::path::{as_text, at, at_or_null, is_blank};
use super::condition::{as_number, equal};
use super::{Arguments, MAX_TEXT_BYTES, kind, too_large};
use serde_json::Value;
use std::collections::HashSet;

type Answer = Result<Option<Value>, String>;

pub fn first(arguments: &Arguments<'_>) -> Answer {
    Ok(arguments.list(0)?.first().cloned())
}

pub fn last(arguments: &Arguments<'_>) -> Answer {
    Ok(arguments.list(0)?.last().cloned())
}

/// How many items a list has, members an object, or characters a text.
pub fn len(arguments: &Arguments<'_>) -> Answer {
    let length = match arguments.value(0) {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Object(members)) => members.len(),
        _ => arguments.text(0)?.chars().count(),
    };
    Ok(Some(length.into()))
}

/// A list's item by number, or an object's member by name.
pub fn lookup(arguments: &Arguments<'_>) -> Answer {
    let name = arguments.text(1)?;
    let found = match arguments.value(0) {
        Some(Value::Array(items)) => name.parse::<usize>().ok().and_then(|at| items.get(at)),
        Some(Value::Object(members)) => members.get(&name),
        Some(Value::Null) | None => return Ok(None),
        Some(value) => return Err(format!("a list or an object is expected, and {} is given", kind(value))),
    };
    found.cloned().map(Some).ok_or_else(|| format!("there is no {name}"))
}

pub fn join(arguments: &Arguments<'_>) -> Answer {
    let (items, by) = (arguments.list(0)?, arguments.text(1)?);
    let mut joined = String::new();
    for item in items.iter().filter(|item| !is_blank(item)) {
        if !joined.is_empty() {
            joined.push_str(&by);
        }
        joined.push_str(&as_text(item).unwrap_or_else(|| item.to_string()));
        if joined.len() > MAX_TEXT_BYTES {
            return Err(too_large());
        }
    }
    Ok(Some(joined.into()))
}

/// What stands at a place of each item, where it has that place.
pub fn pluck(arguments: &Arguments<'_>) -> Answer {
    let (items, path) = (arguments.list(0)?, arguments.text(1)?);
    let found: Vec<_> = items.iter().filter_map(|item| at_or_null(item, &path)).cloned().collect();
    if found.is_empty() && !items.is_empty() || arguments.is_key && found.len() < items.len() {
        return Err(format!("an item has no {path}"));
    }
    Ok(Some(found.into()))
}

/// The items that have a value at a place.
pub fn where_(arguments: &Arguments<'_>) -> Answer {
    let (path, wanted) = (arguments.text(1)?, arguments.value(2).unwrap_or(&Value::Null));
    let items = arguments.list(0)?;
    if !items.is_empty() && items.iter().all(|item| at_or_null(item, &path).is_none()) {
        return Err(format!("no item has {path}"));
    }
    let has = |item: &&Value| at(item, &path).is_some_and(|value| equal(value, wanted));
    Ok(Some(items.iter().filter(has).cloned().collect()))
}

/// The items without those that were there before.
pub fn unique(arguments: &Arguments<'_>) -> Answer {
    let mut seen = HashSet::new();
    Ok(Some(arguments.list(0)?.iter().filter(|item| seen.insert(item.to_string())).cloned().collect()))
}

/// The worst of the severities that the rules' map has, whatever the case of their letters.
pub fn worst(arguments: &Arguments<'_>) -> Answer {
    let items = arguments.list(0)?;
    if arguments.severities.is_empty() {
        return Err("the rules have no severity, whose map says which is worse".to_string());
    }
    let is_named = |name: &String, item: &Value| match as_number(item) {
        Some(number) => name.trim().parse() == Ok(number),
        None => as_text(item).is_some_and(|text| text.trim().to_lowercase() == name.to_lowercase()),
    };
    let worst = arguments.severities.iter().find(|name| items.iter().any(|item| is_named(name, item)));
    Ok(worst.map(|name| name.as_str().into()))
}

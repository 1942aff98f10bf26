//! Texts out of texts.

use super::super::path::{as_text, sorted};
use super::{Arguments, MAX_ITEMS, MAX_TEXT_BYTES, too_large};
use crate::patterns::compiled;
use serde_json::Value;
use servicenow_core::encoding::hex;
use sha2::{Digest, Sha256};

/// How much of a digest `hash` gives: two texts that share it are not to be found.
const HASH_BYTES: usize = 16;

type Answer = Result<Option<Value>, String>;

fn answer(text: impl Into<String>) -> Answer {
    Ok(Some(Value::String(text.into())))
}

pub fn lower(arguments: &Arguments<'_>) -> Answer {
    answer(arguments.text(0)?.to_lowercase())
}

pub fn upper(arguments: &Arguments<'_>) -> Answer {
    answer(arguments.text(0)?.to_uppercase())
}

pub fn trim(arguments: &Arguments<'_>) -> Answer {
    answer(arguments.text(0)?.trim())
}

/// The start of a text, of so many characters; one that is cut ends in the third value, which counts.
pub fn truncate(arguments: &Arguments<'_>) -> Answer {
    let (text, length) = (arguments.text(0)?, arguments.value(1).and_then(Value::as_u64));
    let length = length.and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or("a number of characters is expected after the text")?;
    if text.chars().nth(length).is_none() {
        return answer(text);
    }
    let end = if arguments.values.len() > 2 { arguments.text(2)? } else { String::new() };
    let kept = length.saturating_sub(end.chars().count());
    answer(text.chars().take(kept).chain(end.chars()).take(length).collect::<String>())
}

pub fn replace(arguments: &Arguments<'_>) -> Answer {
    let (text, from, to) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    if from.is_empty() {
        return Err("a part to replace is expected, and it is empty".to_string());
    }
    let growth = text.matches(&from).count().saturating_mul(to.len());
    if text.len().saturating_add(growth) > MAX_TEXT_BYTES {
        return Err(too_large());
    }
    answer(text.replace(&from, &to))
}

pub fn split(arguments: &Arguments<'_>) -> Answer {
    let (text, by) = (arguments.text(0)?, arguments.text(1)?);
    if by.is_empty() {
        return Err("what the parts are separated by is expected, and it is empty".to_string());
    }
    let parts: Vec<Value> = text.split(&by).take(MAX_ITEMS + 1).map(Value::from).collect();
    if parts.len() > MAX_ITEMS { Err(format!("more than {MAX_ITEMS} parts")) } else { Ok(Some(parts.into())) }
}

pub fn concat(arguments: &Arguments<'_>) -> Answer {
    let parts = (0..arguments.values.len()).map(|at| arguments.text(at)).collect::<Result<Vec<_>, _>>()?;
    if parts.iter().map(String::len).sum::<usize>() > MAX_TEXT_BYTES {
        Err(too_large())
    } else {
        answer(parts.concat())
    }
}

/// What the first group of a pattern holds, or all of it where there is no group.
pub fn capture(arguments: &Arguments<'_>) -> Answer {
    let (text, pattern) = (arguments.text(0)?, compiled(&arguments.text(1)?).map_err(|error| error.to_string())?);
    let group = usize::from(pattern.captures_len() > 1);
    let found = pattern.captures(&text).and_then(|found| found.get(group));
    Ok(found.map(|found| found.as_str().into()))
}

/// A digest of a value's text, or of several values as a list in JSON: the same values give the same 32 characters.
pub fn hash(arguments: &Arguments<'_>) -> Answer {
    let values: Vec<&Value> = arguments.values.iter().flatten().copied().collect();
    let text = match values.as_slice() {
        [one] => as_text(one).unwrap_or_else(|| sorted(one).to_string()),
        several => serde_json::to_string(&several.iter().map(|value| sorted(value)).collect::<Vec<_>>())
            .map_err(|error| error.to_string())?,
    };
    answer(hex(&Sha256::digest(text)[..HASH_BYTES]))
}

//! Numbers, dates and JSON.

use super::super::path::is_blank;
use super::condition::as_number;
use super::{Arguments, kind};
use crate::bounded::{MAX_PARTS, has_too_many_parts};
use crate::lenient::repaired;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use serde_json::{Number, Value};

/// How ServiceNow takes a date and time: in UTC.
const SERVICENOW: &str = "%Y-%m-%d %H:%M:%S";

/// Up to here a number is seconds; those after it would be of the year 5138.
const MAX_SECONDS: f64 = 1e11;
/// Up to here it is milliseconds.
const MAX_MILLISECONDS: f64 = 1e14;
/// Up to here it is microseconds; what is greater is nanoseconds.
const MAX_MICROSECONDS: f64 = 1e17;

type Answer = Result<Option<Value>, String>;

pub fn number(arguments: &Arguments<'_>) -> Answer {
    let Some(value) = arguments.value(0).filter(|value| !is_blank(value)) else { return Ok(None) };
    let number = as_number(value).ok_or_else(|| format!("{value} is no number"))?;
    let is_whole = number.fract() == 0.0 && number.abs() < 9e15;
    // Whole and small enough, so that nothing is lost.
    #[allow(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
    let number = if is_whole { Some(Number::from(number as i64)) } else { Number::from_f64(number) };
    Ok(number.map(Value::Number))
}

pub fn json(arguments: &Arguments<'_>) -> Answer {
    Ok(arguments.value(0).map(|value| value.to_string().into()))
}

pub fn parse_json(arguments: &Arguments<'_>) -> Answer {
    let text = match arguments.value(0) {
        Some(Value::String(text)) => text,
        // It is no text of JSON but what it says: some senders do either.
        other => return Ok(other.cloned()),
    };
    if has_too_many_parts(text) {
        return Err(format!("JSON of at most {MAX_PARTS} values is expected"));
    }
    serde_json::from_str(&repaired(text)).map(Some).map_err(|error| format!("JSON is expected; {error}"))
}

pub fn date(arguments: &Arguments<'_>) -> Answer {
    let zone = match arguments.options.iter().find(|(name, _)| *name == "zone") {
        Some((_, Value::String(name))) => TimeZone::get(name)
            .map_err(|_| format!("{name:?} is no time zone; one such as Europe/Berlin is expected"))?,
        Some((_, other)) => {
            return Err(format!("a time zone such as Europe/Berlin is expected, and {} is given", kind(other)));
        }
        None => TimeZone::UTC,
    };
    let Some(value) = arguments.value(0).filter(|value| !is_blank(value)) else { return Ok(None) };
    date_time(value, &zone).map(|text| Some(text.into()))
}

/// A date and time as ServiceNow takes it. One that names no zone is of this one.
pub fn date_time(value: &Value, zone: &TimeZone) -> Result<String, String> {
    let expected = || {
        format!(
            "a date by ISO 8601 or RFC 2822, or the seconds or milliseconds since 1970, is expected, and {value} is given"
        )
    };
    let timestamp = match (as_number(value), value) {
        (Some(number), _) => since_1970(number),
        (None, Value::String(text)) => read(text.trim(), zone),
        _ => None,
    };
    Ok(timestamp.ok_or_else(expected)?.strftime(SERVICENOW).to_string())
}

fn since_1970(number: f64) -> Option<Timestamp> {
    let seconds = match number.abs() {
        size if size < MAX_SECONDS => number,
        size if size < MAX_MILLISECONDS => number / 1e3,
        size if size < MAX_MICROSECONDS => number / 1e6,
        _ => number / 1e9,
    };
    #[allow(clippy::cast_possible_truncation, reason = "a cast of a float saturates, and jiff refuses what is no time")]
    let seconds = seconds.floor() as i64;
    Timestamp::from_second(seconds).ok()
}

fn read(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let local = || text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    let rfc2822 = || rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>().ok().or_else(local).or_else(rfc2822)
}

//! Numbers, dates and JSON.

use super::super::path::{as_text, is_blank, sorted};
use super::condition::as_number;
use super::{Arguments, kind};
use crate::bounded::{MAX_PARTS, has_too_many_parts};
use crate::lenient::repaired;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Number, Value};

/// How ServiceNow takes a date and time: in UTC.
const SERVICENOW: &str = "%Y-%m-%d %H:%M:%S";

/// Dates with a space before their offset.
const SPACED: [&str; 2] = ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S%.f %z"];

/// Below this a number is none of seconds: they would be before 1973, and a year or a badly written date is more likely.
const MIN_SECONDS: f64 = 1e8;
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
    Ok(arguments.value(0).map(|value| sorted(value).to_string().into()))
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
    let text = as_text(value).unwrap_or_default();
    let text = text.trim();
    let found = match as_number(value) {
        Some(number) => of_digits(text, zone).or_else(|| since_1970(number)),
        None => read(text, zone),
    };
    let expected = || {
        format!(
            "a date by ISO 8601 or RFC 2822, or the seconds or milliseconds since 1970, is expected, and {value} is given"
        )
    };
    Ok(found.ok_or_else(expected)?.strftime(SERVICENOW).to_string())
}

/// Digits that are a date: `20260429`, or `20260429163000`.
fn of_digits(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let format = match text.len() {
        8 => "%Y%m%d",
        14 => "%Y%m%d%H%M%S",
        _ => return None,
    };
    let time = strtime::parse(format, text).ok()?;
    let local = time.to_datetime().or_else(|_| time.to_date().map(DateTime::from)).ok()?;
    local.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

fn since_1970(number: f64) -> Option<Timestamp> {
    let seconds = match number.abs() {
        size if size < MIN_SECONDS => return None,
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
    let zoned = || text.parse::<Zoned>().ok().map(|zoned| zoned.timestamp());
    let offset = || text.parse::<Timestamp>().ok();
    let spaced = || SPACED.iter().find_map(|format| Timestamp::strptime(format, text).ok());
    let utc = || {
        Some(
            text.strip_suffix("UTC")
                .or(text.strip_suffix("GMT"))?
                .trim_end()
                .parse::<DateTime>()
                .ok()?
                .to_zoned(TimeZone::UTC)
                .ok()?
                .timestamp(),
        )
    };
    let local = || text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    let rfc2822 = || rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    zoned().or_else(offset).or_else(spaced).or_else(utc).or_else(local).or_else(rfc2822)
}

//! The dates that queries compute: `gs.daysAgo(3)` and the like, and relative ones such as `hour@ago@3`. All in UTC.

use crate::ids_and_clock::FORMAT;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// What a call of a date helper stands for. `None` where it is not known.
pub fn computed(script: &str, now: Timestamp) -> Option<String> {
    let (name, rest) = script.strip_prefix("gs.")?.split_once('(')?;
    let arguments = rest.strip_suffix(')')?;
    let now = now.to_zoned(TimeZone::UTC);
    let count = || match arguments.trim() {
        "" => Some(0),
        text => text.parse::<i64>().ok(),
    };
    let start = |at: &Zoned| at.start_of_day().ok();
    let end = |at: &Zoned| start(&at.tomorrow().ok()?)?.checked_sub(Span::new().seconds(1)).ok();
    let back = |span: Span| now.checked_sub(span).ok();
    let monday = || back(Span::new().days(i64::from(now.weekday().to_monday_zero_offset())));
    let at = match name {
        "now" | "nowDateTime" => now.clone(),
        "minutesAgo" | "minutesAgoStart" | "minutesAgoEnd" => back(Span::new().try_minutes(count()?).ok()?)?,
        "hoursAgo" | "hoursAgoStart" | "hoursAgoEnd" => back(Span::new().try_hours(count()?).ok()?)?,
        "daysAgo" => back(Span::new().try_days(count()?).ok()?)?,
        "daysAgoStart" => start(&back(Span::new().try_days(count()?).ok()?)?)?,
        "daysAgoEnd" => end(&back(Span::new().try_days(count()?).ok()?)?)?,
        "monthsAgo" => back(Span::new().try_months(count()?).ok()?)?,
        "monthsAgoStart" => start(&back(Span::new().try_months(count()?).ok()?)?)?,
        "yearsAgo" => back(Span::new().try_years(count()?).ok()?)?,
        "yesterday" => back(Span::new().days(1))?,
        "beginningOfToday" => start(&now)?,
        "endOfToday" => end(&now)?,
        "beginningOfYesterday" => start(&back(Span::new().days(1))?)?,
        "endOfYesterday" => end(&back(Span::new().days(1))?)?,
        "beginningOfTomorrow" => start(&now.tomorrow().ok()?)?,
        "endOfTomorrow" => end(&now.tomorrow().ok()?)?,
        "beginningOfThisWeek" => start(&monday()?)?,
        "endOfThisWeek" => end(&monday()?.checked_add(Span::new().days(6)).ok()?)?,
        "beginningOfLastWeek" => start(&monday()?.checked_sub(Span::new().days(7)).ok()?)?,
        "endOfLastWeek" => end(&monday()?.checked_sub(Span::new().days(1)).ok()?)?,
        "beginningOfThisMonth" => start(&now.first_of_month().ok()?)?,
        "endOfThisMonth" => end(&now.last_of_month().ok()?)?,
        "beginningOfLastMonth" => start(&back(Span::new().months(1))?.first_of_month().ok()?)?,
        "endOfLastMonth" => end(&back(Span::new().months(1))?.last_of_month().ok()?)?,
        "beginningOfThisYear" => start(&now.first_of_year().ok()?)?,
        "endOfThisYear" => end(&now.last_of_year().ok()?)?,
        "dateGenerate" => return generated(arguments),
        _ => return None,
    };
    Some(shown(&at))
}

/// `dateGenerate('2026-01-31','start')`: a day with a time, its start or its end.
fn generated(arguments: &str) -> Option<String> {
    let mut parts = arguments.split(',').map(|part| part.trim().trim_matches(['\'', '"']));
    let day = parts.next()?;
    // One argument is day and time already.
    let Some(time) = parts.next() else { return Some(day.to_string()) };
    let time = match time {
        "start" => "00:00:00",
        "end" => "23:59:59",
        time => time,
    };
    Some(format!("{day} {time}"))
}

/// The time that `unit@ago|ahead@count` stands for.
pub fn relative(text: &str, now: Timestamp) -> Option<String> {
    let mut parts = text.trim_start_matches('@').split('@');
    let (unit, direction, count) = (parts.next()?, parts.next()?, parts.next()?.parse::<i64>().ok()?);
    let span = match unit {
        "minute" => Span::new().try_minutes(count).ok()?,
        "hour" => Span::new().try_hours(count).ok()?,
        "dayofweek" | "day" => Span::new().try_days(count).ok()?,
        "week" => Span::new().try_weeks(count).ok()?,
        "month" => Span::new().try_months(count).ok()?,
        "quarter" => Span::new().try_months(count.checked_mul(3)?).ok()?,
        "year" => Span::new().try_years(count).ok()?,
        _ => return None,
    };
    let now = now.to_zoned(TimeZone::UTC);
    let at = if direction == "ahead" { now.checked_add(span) } else { now.checked_sub(span) };
    at.ok().map(|at| shown(&at))
}

fn shown(at: &Zoned) -> String {
    at.strftime(FORMAT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_computed_in_utc() {
        // A Wednesday.
        let now: Timestamp = "2026-03-04T10:20:30Z".parse().unwrap();
        for (script, expected) in [
            ("gs.daysAgo(3)", Some("2026-03-01 10:20:30")),
            ("gs.daysAgoStart(3)", Some("2026-03-01 00:00:00")),
            ("gs.daysAgoEnd(0)", Some("2026-03-04 23:59:59")),
            ("gs.hoursAgo(11)", Some("2026-03-03 23:20:30")),
            ("gs.minutesAgo(-10)", Some("2026-03-04 10:30:30")),
            ("gs.beginningOfToday()", Some("2026-03-04 00:00:00")),
            ("gs.endOfYesterday()", Some("2026-03-03 23:59:59")),
            ("gs.beginningOfThisWeek()", Some("2026-03-02 00:00:00")),
            ("gs.endOfThisWeek()", Some("2026-03-08 23:59:59")),
            ("gs.beginningOfLastMonth()", Some("2026-02-01 00:00:00")),
            ("gs.endOfLastMonth()", Some("2026-02-28 23:59:59")),
            ("gs.dateGenerate('2026-01-31','start')", Some("2026-01-31 00:00:00")),
            ("gs.dateGenerate(\"2020-01-01 00:00:00\")", Some("2020-01-01 00:00:00")),
            ("gs.daysAgo(99999999999999999999)", None),
            ("gs.daysAgo(x)", None),
            ("gs.daysAgo", None),
            ("gs.bunk()", None),
            ("alert(1)", None),
        ] {
            assert_eq!(computed(script, now).as_deref(), expected, "{script}");
        }
        for (text, expected) in [
            ("@hour@ago@3", Some("2026-03-04 07:20:30")),
            ("dayofweek@ahead@2", Some("2026-03-06 10:20:30")),
            ("month@ago@1", Some("2026-02-04 10:20:30")),
            ("hour@ago", None),
            ("eon@ago@1", None),
        ] {
            assert_eq!(relative(text, now).as_deref(), expected, "{text}");
        }
    }
}

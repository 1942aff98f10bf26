//! What becomes of a value that is written to a column.

use super::ids_and_clock::FORMAT;
use super::query::Now;
use super::{Settings, choices};
use crate::tables::Store;
use crate::tables::dictionary::{Column, Table};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// The longest column whose text may be cut.
const MAX_CUT: usize = 255;

/// The value as it is stored, given as a display value or not; `None` where it is dropped.
pub fn stored(
    table: &Table,
    column: &Column,
    value: &str,
    is_display: bool,
    settings: &Settings,
    (store, user): (&Store, &str),
) -> Option<String> {
    let replaced = Some(value).filter(|_| settings.may_replace_four_bytes).map(four_bytes_replaced);
    let value = replaced.as_deref().unwrap_or(value);
    let text = || Some(value.to_string());
    let is_choice = choices::is_choice(table.name, column.name);
    match column.reference() {
        // A boolean is never empty, and an empty text clears any other column but a choice.
        _ if column.is_boolean() => Some((value == "1" || value.eq_ignore_ascii_case("true")).to_string()),
        _ if value.is_empty() => text().filter(|_| !is_choice),
        Some(_) if !is_display && !settings.may_keep_bad_references && !is_sys_id(value) => None,
        Some(referred) if is_display => {
            let named = store.by_display(referred, value).map(|row| row["sys_id"].to_string());
            named.or_else(|| text().filter(|_| settings.may_keep_unmatched_names))
        }
        _ if is_choice => {
            let named =
                if is_display { choices::value(table.name, column.name, value).map(str::to_string) } else { None };
            named.or_else(|| choices::label(table.name, column.name, value).and_then(|_| text()))
        }
        _ if matches!(column.kind, "glide_date_time" | "due_date") && !settings.may_keep_bad_dates => {
            let zone = if is_display { Now::of(store, user).zone } else { TimeZone::UTC };
            date(value, &zone)
        }
        _ if settings.may_cut_text && column.kind == "string" => Some(cut(value, column.max_length())),
        _ => text(),
    }
}

/// A text as a column of the database keeps it. Longer columns are no columns of a limited length there (docs/servicenow-api.md 2.7).
fn cut(text: &str, max_length: &str) -> String {
    match max_length.parse() {
        Ok(length) if length <= MAX_CUT => text.chars().take(length).collect(),
        _ => text.to_string(),
    }
}

/// A time as it is stored: in UTC, whichever of the usual forms it is sent in. `None` of what is no time.
fn date(text: &str, zone: &TimeZone) -> Option<String> {
    let day = || Date::strptime("%Y-%m-%d", text).ok().map(|day| day.to_datetime(Time::midnight()));
    let said = DateTime::strptime(FORMAT, text).ok().or_else(day).or_else(|| text.parse().ok());
    let instant = text.parse::<Timestamp>().ok().or_else(|| zone.to_timestamp(said?).ok())?;
    Some(instant.strftime(FORMAT).to_string())
}

/// What a database without characters of four bytes makes of a text.
fn four_bytes_replaced(text: &str) -> String {
    text.chars().map(|c| if c.len_utf8() == 4 { "????".to_string() } else { c.to_string() }).collect()
}

/// Whether a text can be a key.
pub fn is_sys_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_stored_in_utc_whatever_form_it_has_and_what_is_none_is_not_stored() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (sent, zone, stored) in [
            ("2026-04-30 10:00:00", &TimeZone::UTC, Some("2026-04-30 10:00:00")),
            ("2026-04-30 10:00:00", &berlin, Some("2026-04-30 08:00:00")),
            ("2026-04-30T10:00:00Z", &berlin, Some("2026-04-30 10:00:00")),
            ("2026-04-30T10:00:00.123+02:00", &TimeZone::UTC, Some("2026-04-30 08:00:00")),
            ("2026-04-30T10:00:00", &TimeZone::UTC, Some("2026-04-30 10:00:00")),
            ("2026-04-30", &TimeZone::UTC, Some("2026-04-30 00:00:00")),
            ("30/04/2026 10:00:00", &TimeZone::UTC, None),
            ("nonsense", &TimeZone::UTC, None),
            ("2026-02-30 10:00:00", &TimeZone::UTC, None),
        ] {
            assert_eq!(date(sent, zone).as_deref(), stored, "{sent}");
        }
        assert_eq!(four_bytes_replaced("é🔥x"), "é????x");
    }
}

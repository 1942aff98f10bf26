//! What becomes of a value that is written to a column.

use super::{Settings, choices};
use crate::tables::Store;
use crate::tables::dictionary::{Column, Table};

/// The longest column whose text may be cut.
const MAX_CUT: usize = 255;

/// The value as it is stored, given as a display value or not; `None` where it is dropped.
pub fn stored(
    table: &Table,
    column: &Column,
    value: &str,
    is_display: bool,
    settings: &Settings,
    store: &Store,
) -> Option<String> {
    let text = || Some(value.to_string());
    let is_choice = choices::is_choice(table.name, column.name);
    match column.reference() {
        // An empty text clears any column but a choice.
        _ if value.is_empty() => text().filter(|_| !is_choice),
        Some(_) if !is_display && !settings.may_keep_bad_references && !is_sys_id(value) => None,
        Some(referred) if is_display => {
            store.by_display(referred, value).map(|row| row["sys_id"].to_string()).or_else(text)
        }
        _ if is_choice => {
            let named = if is_display { choices::value(column.name, value).map(str::to_string) } else { None };
            named.or_else(|| choices::label(column.name, value).and_then(|_| text()))
        }
        _ if settings.may_cut_text && column.kind == "string" => Some(cut(value, column.max_length())),
        _ if column.kind == "boolean" => Some((value == "1" || value.eq_ignore_ascii_case("true")).to_string()),
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

/// Whether a text can be a key.
pub fn is_sys_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

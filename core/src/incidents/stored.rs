//! Whether a column that was sent is in the record that came back.
//!
//! ServiceNow drops unknown columns, choices it does not allow and columns the user may not write, and says nothing.
//! The comparison depends on what the column holds:
//!
//! | column | stored when |
//! | --- | --- |
//! | text, choices | the same text, line breaks aside |
//! | boolean | the same truth: `1` is `true` |
//! | integer, and so `state`, `incident_state`, `impact`, `urgency` and `priority` | the same number |
//! | date and time | the same text, or the day of it where only a day was sent |
//! | duration | the same text |
//! | reference | the same sys_id |
//! | list of references | the same set |
//! | journal | never to be told: it reads back empty |
//! | not delivered with the table | the same text, or the same truth; an equal number, and what reads back empty or starred out, cannot be told |
//! | absent from the answer | never, where the table lacks it; not to be told, where the user may not read it |
//!
//! `priority` is recomputed from impact and urgency, and `incident_state` follows `state`; both are compared with what
//! they became, so that a value that was replaced shows as not stored.

use crate::bindings::incidents::Stored;
use crate::servicenow::incident_table::{self, Kind};
use crate::servicenow::record::{Cell, Record};
use crate::text::contains;

/// Compares one column. Display values are never compared with stored ones unless they are equal.
pub fn compare(name: &str, sent: &str, record: &Record, display_values: bool) -> Stored {
    let kind = incident_table::column(name).map(|column| column.kind);
    if kind == Some(Kind::Journal) {
        return if sent.is_empty() { Stored::Stored } else { Stored::Unverifiable };
    }
    let Some(cell) = record.cell(name) else {
        // A column of the table is absent where the user may not read it; one that the table lacks was dropped.
        return if kind.is_some() || is_password(name) { Stored::Unverifiable } else { Stored::NotStored };
    };
    let compared = match kind {
        Some(kind) if same(kind, sent, cell) => Stored::Stored,
        Some(_) => Stored::NotStored,
        None => compare_unknown(name, sent, &cell.value),
    };
    if compared == Stored::NotStored && display_values { Stored::Unverifiable } else { compared }
}

/// Compares a column whose kind is not known: it may be a number, a truth, a journal or a password.
fn compare_unknown(name: &str, sent: &str, got: &str) -> Stored {
    let is_truth = matches!(got, "true" | "false") && !sent.is_empty() && truth(sent) == truth(got);
    let may_be_number = number(sent).is_some() && number(sent) == number(got);
    if same_text(sent, got) || is_truth {
        Stored::Stored
    } else if may_be_number || got.is_empty() || is_starred(got) || is_password(name) {
        Stored::Unverifiable
    } else {
        Stored::NotStored
    }
}

fn same(kind: Kind, sent: &str, cell: &Cell) -> bool {
    let got = cell.value.as_str();
    match kind {
        Kind::Text => same_text(sent, got),
        Kind::Duration | Kind::Journal => sent == got,
        Kind::Boolean => truth(sent).is_some() && truth(sent) == truth(got),
        Kind::Integer => sent.trim() == got || number(sent).is_some() && number(sent) == number(got),
        Kind::Reference => sent.eq_ignore_ascii_case(got),
        Kind::List => same_set(sent, got),
        Kind::DateTime => {
            sent == got || is_day(sent) && got.strip_prefix(sent).is_some_and(|time| time.starts_with(' '))
        }
    }
}

fn same_text(sent: &str, got: &str) -> bool {
    sent == got || sent.contains('\r') && lines(sent).eq(lines(got))
}

/// A text whose lines all end in the same way.
fn lines(text: &str) -> impl Iterator<Item = char> {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || match (chars.next()?, chars.peek()) {
        ('\r', Some('\n')) => chars.next(),
        (c, _) => Some(c),
    })
}

fn same_set(sent: &str, got: &str) -> bool {
    fn items(list: &str) -> impl Iterator<Item = &str> {
        list.split(',').map(str::trim).filter(|item| !item.is_empty())
    }
    let holds = |list: &str, item: &str| items(list).any(|other| other.eq_ignore_ascii_case(item));
    items(sent).all(|item| holds(got, item)) && items(got).all(|item| holds(sent, item))
}

fn truth(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" | "" => Some(false),
        other => other.to_ascii_lowercase().parse().ok(),
    }
}

fn number(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

fn is_day(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}

fn is_password(name: &str) -> bool {
    contains(name, "password")
}

fn is_starred(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stored::{NotStored, Stored as Same, Unverifiable};

    fn record(name: &str, got: &str) -> Record {
        Record(vec![(name.to_string(), Cell { value: got.to_string(), ..Cell::default() })])
    }

    #[test]
    fn each_kind_of_column_is_compared_in_its_own_way() {
        for (name, sent, got, expected) in [
            ("short_description", "Printer", "Printer", Same),
            ("short_description", "Printer", "Print", NotStored),
            ("description", "a\r\nb", "a\nb", Same),
            ("description", "a\r", "a", NotStored),
            ("close_code", "Nonsense", "", NotStored),
            ("active", "1", "true", Same),
            ("active", "FALSE", "false", Same),
            ("active", "true", "false", NotStored),
            ("urgency", "1", "1", Same),
            ("urgency", " 01", "1", Same),
            ("urgency", "high", "3", NotStored),
            ("priority", "1", "5", NotStored),
            ("incident_state", "2", "2", Same),
            ("caller_id", "189D7FC183A51210D81DC590CEAAD387", "189d7fc183a51210d81dc590ceaad387", Same),
            ("caller_id", "Ann", "", NotStored),
            ("watch_list", "b, a", "a,b", Same),
            ("watch_list", "a,b", "a", NotStored),
            ("due_date", "2026-01-02", "2026-01-02 00:00:00", Same),
            ("due_date", "2026-01-02 03:04:05", "2026-01-02 03:04:05", Same),
            ("due_date", "tomorrow", "", NotStored),
            ("work_notes", "hello", "", Unverifiable),
            ("comments", "", "", Same),
            ("u_rack", "B7", "B7", Same),
            ("u_rack", "B7", "B8", NotStored),
            ("u_count", "7", "07", Unverifiable),
            ("u_count", "", "0", NotStored),
            ("u_flag", "1", "true", Same),
            ("u_flag", "", "false", NotStored),
            ("u_notes", "hello", "", Unverifiable),
            ("u_secret", "hello", "*****", Unverifiable),
            ("u_password", "hello", "8f3a", Unverifiable),
        ] {
            assert_eq!(compare(name, sent, &record(name, got), false), expected, "{name} {sent:?} {got:?}");
        }
    }

    #[test]
    fn a_column_that_does_not_come_back_was_dropped_or_may_not_be_read() {
        for (name, expected) in [
            ("u_bunk", NotStored),
            ("u_password", Unverifiable),
            ("description", Unverifiable),
            ("work_notes", Unverifiable),
        ] {
            assert_eq!(compare(name, "x", &record("number", "INC1"), false), expected, "{name}");
        }
    }

    #[test]
    fn a_display_value_is_stored_only_if_it_reads_back_the_same() {
        assert_eq!(compare("caller_id", "Ann", &record("caller_id", "189d"), true), Unverifiable);
        assert_eq!(compare("short_description", "Ann", &record("short_description", "Ann"), true), Same);
    }
}

//! What stands in a journal: its column reads back empty, its entries are rows of `sys_journal_field`, and its display value is their
//! text.

use crate::rules::Journal;
use servicenow_core::bindings::types::Reason;
use servicenow_core::failure::CallError;
use servicenow_core::servicenow::requests::{self, INCIDENT};
use servicenow_core::servicenow::response::Rows;
use servicenow_core::servicenow::session::Session;

/// The latest entries are looked at: an event is repeated soon, if at all.
const LIMIT: &str = "100";
const MAX_ENTRIES: u64 = 100;

/// Entries that the user may not see are left out of a page after it was cut.
const OTHERS: &str = "20";

/// Markup that instances put around a text or take from it, and what they write characters as.
const REWRITTEN: [(&str, &str); 14] = [
    ("[code]", ""),
    ("[/code]", ""),
    ("<p>", ""),
    ("</p>", "\n"),
    ("<br>", "\n"),
    ("<br/>", "\n"),
    ("<br />", "\n"),
    ("&nbsp;", " "),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&#34;", "\""),
    // The last: it may be a part of the others' own text.
    ("&amp;", "&"),
];

/// Whether a journal has a text. `None` where the user is not shown enough to say so: an answer without rows proves nothing, but where
/// the user is shown other entries.
pub fn has(session: &mut Session<'_>, sys_id: &str, journal: Journal, text: &str) -> Result<Option<bool>, CallError> {
    let column = journal.column();
    let query = format!("element_id={sys_id}^element={column}^ORDERBYDESCsys_created_on");
    let Some(rows) = entries(session, &query, LIMIT)? else { return in_display_value(session, sys_id, column, text) };
    let entries = rows.records.iter().filter(|row| row.value("element_id") == Some(sys_id));
    let stored: Vec<_> = entries.filter(|row| row.value("element") == Some(column)).collect();
    if stored.iter().any(|row| row.value("value").is_some_and(|stored| is_same(stored, text))) {
        return Ok(Some(true));
    }
    // Fewer are shown than are counted: it is there and hidden, or it is not there. So it is where none is shown, unless the user is
    // shown entries of other records.
    let shown = rows.records.len() as u64;
    let are_all_shown = shown == MAX_ENTRIES || rows.total.is_none_or(|total| total <= shown);
    let is_shown =
        are_all_shown && (!stored.is_empty() || rows.total == Some(0) && entries_of_others(session, column)?);
    if is_shown { Ok(Some(false)) } else { in_display_value(session, sys_id, column, text) }
}

/// Rows of the journals. `None` where the user may not read them.
fn entries(session: &mut Session<'_>, query: &str, limit: &str) -> Result<Option<Rows>, CallError> {
    let parameters =
        [("sysparm_query", query), ("sysparm_fields", "element_id,element,value"), ("sysparm_limit", limit)];
    match session.fetch(&requests::list(&session.origin, "sys_journal_field", &parameters)) {
        Ok(rows) => Ok(Some(rows)),
        Err(CallError::Rejected(failure)) if failure.reason == Reason::Forbidden => Ok(None),
        Err(CallError::Error(failure)) if failure.reason == Reason::DeniedByHost => Ok(None),
        Err(end) => Err(end),
    }
}

/// Whether the user is shown such entries of any record.
fn entries_of_others(session: &mut Session<'_>, column: &str) -> Result<bool, CallError> {
    Ok(entries(session, &format!("element={column}"), OTHERS)?.is_some_and(|rows| !rows.records.is_empty()))
}

/// Whether a text is in what the record itself shows of its journal. An empty one says nothing: whoever may not read it is shown the
/// same.
fn in_display_value(
    session: &mut Session<'_>,
    sys_id: &str,
    column: &str,
    text: &str,
) -> Result<Option<bool>, CallError> {
    let query = format!("sys_id={sys_id}");
    let parameters = [
        ("sysparm_query", query.as_str()),
        ("sysparm_fields", column),
        ("sysparm_display_value", "true"),
        ("sysparm_limit", "1"),
    ];
    let rows = match session.fetch(&requests::list(&session.origin, INCIDENT, &parameters)) {
        Ok(rows) => rows,
        // All of a long journal: nothing is known of it.
        Err(CallError::Error(failure) | CallError::Rejected(failure)) if failure.reason == Reason::TooLarge => {
            return Ok(None);
        }
        Err(end) => return Err(end),
    };
    let shown = rows.records.first().map(|record| record.text(column)).unwrap_or_default();
    Ok(Some(shown).filter(|shown| !shown.trim().is_empty()).map(|shown| holds(&shown, text)))
}

/// Whether a stored text is the one that was sent, whatever the instance made of it on the way.
fn is_same(stored: &str, sent: &str) -> bool {
    let (raw, sent) = (lines(stored), lines(sent));
    if raw == sent {
        return true;
    }
    let (stored, plain_sent) = (plain(stored), plain(&sent));
    // Where nothing but markup was sent there is nothing to compare.
    let is_like = |sent: &str| !sent.is_empty() && (stored == sent || without_astral(&stored, sent));
    is_like(&sent) || is_like(&plain_sent)
}

/// Whether one entry of a journal as it is shown is a text. Each begins with a line of its own: when, who, and which journal.
fn holds(shown: &str, sent: &str) -> bool {
    let is_header = |line: &str| {
        line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(" - ") && line.trim_end().ends_with(')')
    };
    let mut entries = vec![String::new()];
    for line in shown.lines() {
        match (is_header(line), entries.last_mut()) {
            (false, Some(entry)) => {
                entry.push_str(line);
                entry.push('\n');
            }
            _ => entries.push(String::new()),
        }
    }
    entries.iter().any(|entry| is_same(entry, sent))
}

/// Without markup, and with characters as they are.
pub fn plain(text: &str) -> String {
    let text = REWRITTEN.iter().fold(text.to_string(), |text, (from, to)| match text.contains(from) {
        true => text.replace(from, to),
        false => text,
    });
    lines(&text)
}

/// Without what a form or a rule may trim.
fn lines(text: &str) -> String {
    text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Whether a stored text is one that was sent, by a database of three bytes a character: it stores question marks in place of longer
/// ones (KB0621602).
fn without_astral(stored: &str, sent: &str) -> bool {
    let is_astral = |c: char| c > '\u{ffff}';
    let folded = |text: &str| {
        let mut kept = String::new();
        for c in text.chars().map(|c| if is_astral(c) { '?' } else { c }) {
            if c != '?' || !kept.ends_with('?') {
                kept.push(c);
            }
        }
        kept
    };
    sent.contains(is_astral) && !stored.contains(is_astral) && folded(stored) == folded(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_known_again_whatever_the_instance_made_of_it() {
        for (stored, sent, same) in [
            ("disk full", "disk full\n", true),
            ("[code]<p>disk full</p>[/code]", "disk full", true),
            ("a &amp; b &lt;c&gt; &quot;d&quot;", "a & b <c> \"d\"", true),
            ("fire ????", "fire \u{1f525}", true),
            ("fire ?", "fire \u{1f525}", true),
            ("a  \r\nb", "a\nb", true),
            ("fire \u{1f525}", "fire \u{1f9ca}", false),
            ("\u{78c1}\u{76d8}", "\u{5185}\u{5b58}", false),
            ("disk full", "disk", false),
            ("&amp;lt;", "&lt;", true),
            ("really?", "really!", false),
            ("really? \u{1f525}", "really? \u{1f9ca}", false),
            ("up??", "up?", false),
            ("", "&nbsp;", false),
            ("&nbsp;", "&nbsp;", true),
        ] {
            assert_eq!(is_same(stored, sent), same, "{stored:?} {sent:?}");
        }
        let shown = "2026-01-02 03:04:05 - Flow Integration (Additional comments)\n[code]disk &amp; cpu[/code]\n\n\
            2026-01-01 03:04:05 - Example Caller (Additional comments)\nhello ????\n\n";
        for (sent, there) in [
            ("disk & cpu", true),
            ("hello \u{1f525}", true),
            ("hello world", false),
            ("disk", false),
            ("cpu", false),
            ("&nbsp;", false),
        ] {
            assert_eq!(holds(shown, sent), there, "{sent}");
        }
    }
}

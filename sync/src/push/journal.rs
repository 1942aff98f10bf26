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
    if !stored.is_empty() {
        return Ok(Some(false));
    }
    // Nothing is shown: it is there and hidden, or it is not there.
    let is_shown = rows.total == Some(0) && entries_of_others(session)?;
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

/// Whether the user is shown any entry at all.
fn entries_of_others(session: &mut Session<'_>) -> Result<bool, CallError> {
    Ok(entries(session, "", "1")?.is_some_and(|rows| !rows.records.is_empty()))
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
    let rows = session.fetch(&requests::list(&session.origin, INCIDENT, &parameters))?;
    let shown = rows.records.first().map(|record| record.text(column)).unwrap_or_default();
    Ok(Some(shown).filter(|shown| !shown.trim().is_empty()).map(|shown| holds(&shown, text)))
}

/// Whether a stored text is the one that was sent, whatever the instance made of it on the way.
fn is_same(stored: &str, sent: &str) -> bool {
    let (stored, sent) = (plain(stored), plain(sent));
    stored == sent || stored.contains('?') && without_astral(&stored) == without_astral(&sent)
}

/// Whether a journal as it is shown holds a text.
fn holds(shown: &str, sent: &str) -> bool {
    let (shown, sent) = (plain(shown), plain(sent));
    shown.contains(&sent) || shown.contains('?') && without_astral(&shown).contains(&without_astral(&sent))
}

/// Without markup, with characters as they are, and without what a form or a rule may trim.
fn plain(text: &str) -> String {
    let text = REWRITTEN.iter().fold(text.to_string(), |text, (from, to)| match text.contains(from) {
        true => text.replace(from, to),
        false => text,
    });
    text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A database of three bytes a character stores question marks in place of others (KB0621602): one for each run of them.
fn without_astral(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        let c = if c > '\u{ffff}' { '?' } else { c };
        if c != '?' || !kept.ends_with('?') {
            kept.push(c);
        }
    }
    kept
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
        ] {
            assert_eq!(is_same(stored, sent), same, "{stored:?} {sent:?}");
        }
        let shown = "2026-01-02 03:04:05 - Flow Integration (Additional comments)\n[code]disk &amp; cpu[/code]\n\n\
            2026-01-01 03:04:05 - Example Caller (Additional comments)\nhello ????\n\n";
        for (sent, there) in [("disk & cpu", true), ("hello \u{1f525}", true), ("hello world", false)] {
            assert_eq!(holds(shown, sent), there, "{sent}");
        }
    }
}

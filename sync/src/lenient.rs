//! JSON as other systems write it: with a byte order mark, with control characters inside of texts, or with half of an emoji that
//! was cut. None of that is JSON, and none of it is a reason to lose an alert or a change.

use std::borrow::Cow;

/// What stands for a character that is lost (U+FFFD).
const LOST: &str = "\\ufffd";

/// The text as JSON, as far as these three go.
pub fn repaired(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_whole = !text.contains(|c: char| c < ' ') && !text.contains("\\u");
    if is_whole { Cow::Borrowed(text) } else { Cow::Owned(repair(text)) }
}

fn repair(text: &str) -> String {
    let (mut repaired, mut rest, mut in_text) = (String::with_capacity(text.len()), text, false);
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '\\' if in_text => {
                let (escape, length) = escape(rest);
                repaired.push_str(escape);
                taken = length;
            }
            // Instances were seen to send them as they are (superplanehq/superplane, `on_incident.go`).
            c if c < ' ' && in_text => repaired.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if c < ' ' => repaired.push(' '),
            c => {
                in_text ^= c == '"';
                repaired.push(c);
            }
        }
        rest = &rest[taken..];
    }
    repaired
}

/// What an escape becomes, and how long it was.
fn escape(text: &str) -> (&str, usize) {
    match (unit(text), text.get(6..).and_then(unit)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (&text[..12], 12),
        (Some(0xd800..=0xdfff), _) => (LOST, 6),
        // A backslash and what it escapes, which a reader refuses where it is none of its own. Before a control character it escapes nothing.
        _ => match text[1..].chars().next().filter(|c| *c >= ' ') {
            Some(c) => (&text[..1 + c.len_utf8()], 1 + c.len_utf8()),
            None => ("", 1),
        },
    }
}

/// The half of a character that `\uXXXX` names.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_nearly_json_is_read_as_what_it_says() {
        for (text, value) in [
            ("\u{feff}{\"a\":1}", json!({"a": 1})),
            ("{\"a\":\"x\ny\tz\u{1}\"}\n", json!({"a": "x\ny\tz\u{1}"})),
            (r#"{"a":"full \ud83d"}"#, json!({"a": "full \u{fffd}"})),
            (r#"{"a":"\ude00 \ud83d\ude00 \ud83dA"}"#, json!({"a": "\u{fffd} \u{1f600} \u{fffd}A"})),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, json!({"a": "\u{fffd}\u{1f600}"})),
            (r#"{"a":"\\ud83d\"","b":"é\\"}"#, json!({"a": "\\ud83d\"", "b": "é\\"})),
            ("{\"a\":\"\\\\\n\"}", json!({"a": "\\\n"})),
            ("{\"a\":\"x\\\ny\"}", json!({"a": "x\ny"})),
        ] {
            assert_eq!(serde_json::from_str::<Value>(&repaired(text)).unwrap(), value, "{text:?}");
        }
    }

    #[test]
    fn what_is_json_stays_what_it_is_and_what_is_none_becomes_none() {
        for text in [r#"{"a":"\u00e9\n\/"}"#, "{}", "[1, 2]", r#"{"a":"\u12"}"#, "{\"a\":\"", "\"\\", "nothing", "\\u"]
        {
            assert_eq!(
                serde_json::from_str::<Value>(&repaired(text)).ok(),
                serde_json::from_str::<Value>(text).ok(),
                "{text}"
            );
        }
    }
}

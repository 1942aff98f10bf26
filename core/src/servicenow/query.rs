//! Encoded queries and the parameters of a URL.
//!
//! An encoded query has no quoting: `^` starts the next condition, a line break may too, and a value that begins with
//! `javascript:` is run on the instance. Values with any of them are refused, never escaped.

use crate::encoding::percent_encode;

/// What a look-up value must be.
pub const EXPECTED_VALUE: &str =
    "text that is not empty, without ^, line breaks or other control characters, and does not start with javascript:";

/// Whether a value can stand in a condition without becoming another one, and does not match every record without one.
pub fn is_value(value: &str) -> bool {
    let start: String = value.trim_start().chars().take("javascript:".len()).collect();
    !value.trim().is_empty()
        && !value.contains(|c: char| c == '^' || c.is_control() || c == '\u{2028}' || c == '\u{2029}')
        && !start.eq_ignore_ascii_case("javascript:")
}

/// Whether a database may find two values equal: it compares without regard to case, and to accents.
pub fn is_alike(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.trim().chars(), other.trim().chars());
    let is_like = |a: char, b: char| a.eq_ignore_ascii_case(&b) || !a.is_ascii() || !b.is_ascii();
    loop {
        match (one.next(), other.next()) {
            (Some(a), Some(b)) if is_like(a, b) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// Names and values as the query of a URL or the body of a form.
pub fn form_encode(pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(String::new(), |mut text, (name, value)| {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(&percent_encode(name));
        text.push('=');
        text.push_str(&percent_encode(value));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_could_change_the_query_is_refused() {
        for good in ["INC0010001", "a=b", "x & y", "javascript", "привет", "🔥", "a'b\"c", "\u{202e}rtl"] {
            assert!(is_value(good), "{good:?}");
        }
        for bad in [
            "",
            " ",
            "a^b",
            "^NQactive=true",
            "a\nb",
            "a\rb",
            "a\0b",
            "a\u{85}b",
            "a\u{2028}b",
            "javascript:gs.x()",
            " JavaScript:x",
        ] {
            assert!(!is_value(bad), "{bad:?}");
        }
    }

    #[test]
    fn values_that_differ_by_case_or_accent_are_alike() {
        for (one, other, alike) in [
            ("Alert-1", "ALERT-1 ", true),
            ("caf\u{e9}", "cafe", true),
            ("a", "b", false),
            ("a", "ab", false),
            ("", "", true),
        ] {
            assert_eq!(is_alike(one, other), alike, "{one} {other}");
        }
    }

    #[test]
    fn everything_reserved_is_encoded() {
        assert_eq!(percent_encode("a-b_c.d~e"), "a-b_c.d~e");
        assert_eq!(percent_encode("number=INC1^ORx&y é"), "number%3DINC1%5EORx%26y%20%C3%A9");
        assert_eq!(form_encode(&[("a", "1&2"), ("b", "")]), "a=1%262&b=");
    }
}

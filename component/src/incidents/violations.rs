//! Collects what is wrong with the inputs of a call, so that all of it is reported at once.

use crate::bindings::types::Violation;
use crate::failure::End;

/// How much of a refused input is quoted.
const QUOTE_CHARS: usize = 80;

/// What is wrong with the inputs so far.
#[derive(Debug, Default)]
pub struct Violations {
    /// In the order they were found.
    pub list: Vec<Violation>,
}

impl Violations {
    /// Adds a refused input.
    pub fn add(&mut self, field: &str, given: &str, expected: &str) {
        self.list.push(Violation { field: quote(field), given: quote(given), expected: expected.to_string() });
    }

    /// Adds a refused input and takes its place with `None`.
    pub fn refuse<T>(&mut self, field: &str, given: &str, expected: &str) -> Option<T> {
        self.add(field, given, expected);
        None
    }

    /// The parsed inputs, if nothing is wrong. `parsed` is `None` only where something is.
    pub fn or_invalid_data<T>(self, parsed: Option<T>) -> Result<T, End> {
        match parsed {
            Some(parsed) if self.list.is_empty() => Ok(parsed),
            _ => Err(End::InvalidData(self.list)),
        }
    }
}

/// The start of a text, with control characters and direction marks escaped.
fn quote(text: &str) -> String {
    let escape = |c: char| match c {
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    };
    let mut quoted = String::new();
    for c in text.chars().take(QUOTE_CHARS) {
        if escape(c) {
            quoted.extend(c.escape_default());
        } else {
            quoted.push(c);
        }
    }
    if text.chars().nth(QUOTE_CHARS).is_some() {
        quoted.push_str("...");
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_short_and_shows_what_cannot_be_seen() {
        for (given, quoted) in [
            ("plain 'quotes' \"too\"", "plain 'quotes' \"too\""),
            ("a\0b\nc", "a\\u{0}b\\nc"),
            ("\u{202e}rtl", "\\u{202e}rtl"),
            ("🔥 שלום", "🔥 שלום"),
        ] {
            assert_eq!(quote(given), quoted);
        }
        assert_eq!(quote(&"é".repeat(1 << 20)).chars().count(), QUOTE_CHARS + 3);
    }
}

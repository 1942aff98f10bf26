//! Texts: excerpts for messages, and a search that ignores case.

/// How much of a refused input a message shows.
const EXCERPT_CHARS: usize = 80;

/// The start of a text, with control characters and direction marks escaped.
pub fn excerpt(text: &str) -> String {
    let escape = |c: char| match c {
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    };
    let mut shown = String::new();
    for c in text.chars().take(EXCERPT_CHARS) {
        if escape(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(EXCERPT_CHARS).is_some() {
        shown.push_str("...");
    }
    shown
}

/// The most that is passed on of what an instance or a token service says. Their longest messages have a few hundred characters.
pub const MAX_SAID_CHARS: usize = 2_000;

/// What an instance said, cut where it is longer than anybody reads.
pub fn said(text: String) -> String {
    match text.char_indices().nth(MAX_SAID_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Whether a text contains another one, which is not empty; letters of ASCII in either case.
pub fn contains(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len().max(1)).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_instance_says_is_cut_at_a_character() {
        for (given, chars) in [(0, 0), (MAX_SAID_CHARS - 1, MAX_SAID_CHARS - 1), (MAX_SAID_CHARS, MAX_SAID_CHARS)] {
            assert_eq!(said("é".repeat(given)).chars().count(), chars);
        }
        for longer in [MAX_SAID_CHARS + 1, 100_000] {
            assert_eq!(said("é".repeat(longer)), format!("{}...", "é".repeat(MAX_SAID_CHARS)));
        }
    }

    #[test]
    fn an_excerpt_is_short_and_shows_what_cannot_be_seen() {
        for (given, shown) in [
            ("plain 'quotes' \"too\"", "plain 'quotes' \"too\""),
            ("a\0b\nc", "a\\u{0}b\\nc"),
            ("\u{202e}rtl", "\\u{202e}rtl"),
            ("🔥 שלום", "🔥 שלום"),
        ] {
            assert_eq!(excerpt(given), shown);
        }
        assert_eq!(excerpt(&"é".repeat(1 << 20)).chars().count(), EXCERPT_CHARS + 3);
    }

    #[test]
    fn a_part_is_found_in_either_case() {
        assert!(contains("Transaction Cancelled: x", "transaction cancelled"));
        assert!(contains("é: CANCELLED", "cancelled"));
        assert!(!contains("cancel", "cancelled"));
        assert!(!contains("", "cancelled"));
    }
}

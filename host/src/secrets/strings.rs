//! The texts of a record or outcome, as they are and not as JSON writes them: nothing in them is escaped once more.

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use std::io::{self, Write};

/// What stands between texts: no secret holds it.
const BETWEEN: &[u8] = b"\0";

/// All texts, one after the other. `None` where it has no JSON form.
pub fn strings(of: &impl Serialize) -> Option<Vec<u8>> {
    let mut texts = Vec::new();
    of.serialize(&mut Serializer::with_formatter(&mut texts, Plain)).ok()?;
    Some(texts)
}

struct Plain;

impl Formatter for Plain {
    fn begin_string<W: ?Sized + Write>(&mut self, texts: &mut W) -> io::Result<()> {
        texts.write_all(BETWEEN)
    }

    fn end_string<W: ?Sized + Write>(&mut self, texts: &mut W) -> io::Result<()> {
        texts.write_all(BETWEEN)
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, texts: &mut W, escape: CharEscape) -> io::Result<()> {
        texts.write_all(&[match escape {
            CharEscape::Quote => b'"',
            CharEscape::ReverseSolidus => b'\\',
            CharEscape::Solidus => b'/',
            CharEscape::Backspace => 0x08,
            CharEscape::FormFeed => 0x0c,
            CharEscape::LineFeed => b'\n',
            CharEscape::CarriageReturn => b'\r',
            CharEscape::Tab => b'\t',
            CharEscape::AsciiControl(byte) => byte,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_they_are() {
        let texts = strings(&serde_json::json!({"a\"b": ["c\\d\n\u{1}", 5]})).unwrap();
        for text in ["a\"b", "c\\d\n\u{1}"] {
            let whole = [b"\0", text.as_bytes(), b"\0"].concat();
            assert!(texts.windows(whole.len()).any(|window| window == whole), "{text:?}");
        }
    }
}

//! Undoes the escapes that a text may write a secret with: those of JSON, of addresses and forms, and of HTML.
//!
//! Escapes are undone wherever they stand, whatever the text is: that finds more than a parser of one format, and needs to
//! know none. One kind is undone at a time, as one encoder writes one kind: what another kind would make of a secret's own
//! characters, together with what stands beside it, would hide the secret.

use std::borrow::Cow;
use std::ops::Range;

/// How often escapes are undone: a JSON text may hold an address in which a form was encoded.
pub const LAYERS: usize = 3;

/// The longest escape: `&#x10ffff;`, or a surrogate pair of JSON.
const MAX_ESCAPE: usize = 12;

/// The characters of HTML that have a name which encoders use.
const ENTITIES: [(&[u8], char); 6] =
    [(b"amp;", '&'), (b"lt;", '<'), (b"gt;", '>'), (b"quot;", '"'), (b"apos;", '\''), (b"#39;", '\'')];

/// A kind of escapes, by the byte that begins one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Those of JSON and JavaScript.
    Backslash,
    /// Those of addresses and forms.
    Percent,
    /// Those of HTML.
    Ampersand,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Backslash, Self::Percent, Self::Ampersand];

    fn mark(self) -> u8 {
        match self {
            Self::Backslash => b'\\',
            Self::Percent => b'%',
            Self::Ampersand => b'&',
        }
    }
}

/// A text with one layer of escapes undone, and what each of its bytes was made from.
pub struct Decoded {
    /// The text.
    pub bytes: Vec<u8>,
    /// Where each byte began, and one more: where the text ended.
    starts: Vec<u32>,
}

impl Decoded {
    /// What a part was made from.
    pub fn origin(&self, part: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.starts.get(index).map_or(0, |start| *start as usize);
        at(part.start)..at(part.end)
    }
}

/// Undoes one layer of escapes of a kind. `None` where there is none.
pub fn decode(text: &[u8], kind: Kind) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    let mut found = false;
    while let Some(at) = memchr::memchr(kind.mark(), rest) {
        match escape(&rest[at..]) {
            Some((decoded, length)) => {
                if !found {
                    bytes.reserve(text.len());
                    found = true;
                }
                bytes.extend_from_slice(&rest[..at]);
                bytes.extend_from_slice(&decoded);
                rest = &rest[at + length..];
            }
            None => {
                bytes.extend_from_slice(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    bytes.extend_from_slice(rest);
    found.then_some(bytes)
}

/// The same, with what each byte was made from. Slower and larger, so it is for texts in which something was found.
pub fn decode_with_origin(text: &[u8], kind: Kind) -> Decoded {
    let mut decoded = Decoded { bytes: Vec::with_capacity(text.len()), starts: Vec::with_capacity(text.len() + 1) };
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let undone = Some(&text[at..]).filter(|_| *byte == kind.mark()).and_then(escape);
        let (bytes, length) = undone.unwrap_or((Cow::Borrowed(&text[at..=at]), 1));
        for byte in bytes.iter() {
            decoded.bytes.push(*byte);
            decoded.starts.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        at += length;
    }
    decoded.starts.push(u32::try_from(at).unwrap_or(u32::MAX));
    decoded
}

/// The escape that a text begins with: what it stands for, and how long it is.
fn escape(text: &[u8]) -> Option<(Cow<'_, [u8]>, usize)> {
    let text = &text[..text.len().min(MAX_ESCAPE)];
    match text.first()? {
        b'%' => Some((Cow::Owned(vec![u8::try_from(hex(text.get(1..3)?)?).ok()?]), 3)),
        b'&' => entity(&text[1..]).map(|(c, length)| (utf8(c), length + 1)),
        _ => match text.get(1)? {
            b'u' => unicode(text).map(|(c, length)| (utf8(c), length)),
            b'x' => Some((utf8(char::from_u32(hex(text.get(2..4)?)?)?), 4)),
            c @ (b'/' | b'"' | b'\\' | b'\'') => Some((utf8(char::from(*c)), 2)),
            b'n' => Some((utf8('\n'), 2)),
            b'r' => Some((utf8('\r'), 2)),
            b't' => Some((utf8('\t'), 2)),
            _ => None,
        },
    }
}

fn utf8<'a>(c: char) -> Cow<'a, [u8]> {
    Cow::Owned(c.to_string().into_bytes())
}

fn hex(digits: &[u8]) -> Option<u32> {
    let is_hex = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    is_hex.then(|| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
}

/// `\u0041`, or the two of them that stand for one character.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let first = hex(text.get(2..6)?)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 6));
    }
    let second = text.get(6..8).filter(|start| *start == b"\\u").and_then(|_| hex(text.get(8..12)?))?;
    let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    char::decode_utf16(pair).next()?.ok().map(|c| (c, 12))
}

/// `amp;`, `#38;` or `#x26;`, behind the ampersand.
fn entity(text: &[u8]) -> Option<(char, usize)> {
    if let Some((name, c)) = ENTITIES.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((*c, name.len()));
    }
    let end = text.iter().position(|byte| *byte == b';')?;
    let code = match text.get(..end)? {
        [b'#', b'x' | b'X', digits @ ..] => hex(digits)?,
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
        _ => return None,
    };
    char::from_u32(code).map(|c| (c, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_escape_is_undone_and_its_origin_known() {
        for (text, decoded) in [
            (r"a\/b", "a/b"),
            (r"a\u003db", "a=b"),
            (r"a\u003Db", "a=b"),
            (r"\ud83d\ude00", "\u{1f600}"),
            (r"a\x3db", "a=b"),
            (r#"a\"b"#, "a\"b"),
            ("a%2fb%2Fc", "a/b/c"),
            ("a&amp;b", "a&b"),
            ("a&#61;b&#x3D;c&#x3d;d", "a=b=c=d"),
            ("100% & more; \\q \\u12", "100% & more; \\q \\u12"),
            ("%", "%"),
            ("\\", "\\"),
            ("&", "&"),
            (r"\ud83d", r"\ud83d"),
        ] {
            let expected = (decoded != text).then(|| decoded.as_bytes().to_vec());
            let kind = Kind::ALL.into_iter().find(|kind| decode(text.as_bytes(), *kind).is_some());
            let kind = kind.unwrap_or(Kind::Percent);
            assert_eq!(decode(text.as_bytes(), kind), expected, "{text}");
            let with_origin = decode_with_origin(text.as_bytes(), kind);
            assert_eq!(with_origin.bytes, decoded.as_bytes(), "{text}");
            assert_eq!(with_origin.origin(0..with_origin.bytes.len()), 0..text.len(), "{text}");
        }
        assert_eq!(decode_with_origin(b"x%41y", Kind::Percent).origin(1..2), 1..4);
    }
}

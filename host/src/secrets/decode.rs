//! Undoes the escapes that a text may write a secret with: those of JSON, of addresses and forms, and of HTML.
//!
//! Escapes are undone wherever they stand, whatever the text is: that finds more than a parser of one format, and needs to
//! know none. One kind is undone at a time, as one encoder writes one kind: what another kind would make of a secret's own
//! characters, together with what stands beside it, would hide the secret.

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

/// What an escape stands for.
enum Undone {
    Byte(u8),
    Char(char),
}

/// Undoes one layer of escapes of a kind. `None` where there is none. `notes` is told, for each byte that is made, where what it was
/// made from begins.
pub fn decode(text: &[u8], kind: Kind, mut notes: impl FnMut(usize)) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut at, mut found) = (0, false);
    while let Some(next) = memchr::memchr(kind.mark(), &text[at..]) {
        let mark = at + next;
        let undone = escape(&text[mark..]);
        if undone.is_some() && !found {
            bytes.reserve(text.len());
            bytes.extend_from_slice(&text[..at]);
            (0..at).for_each(&mut notes);
            found = true;
        }
        // Nothing is copied before there is something to undo.
        if found {
            bytes.extend_from_slice(&text[at..mark]);
            (at..mark).for_each(&mut notes);
        }
        let (before, length) = (bytes.len(), undone.as_ref().map_or(1, |(_, length)| *length));
        match undone {
            Some((Undone::Byte(byte), _)) => bytes.push(byte),
            Some((Undone::Char(c), _)) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None if found => bytes.push(kind.mark()),
            None => {}
        }
        (before..bytes.len()).for_each(|_| notes(mark));
        at = mark + length;
    }
    if !found {
        return None;
    }
    bytes.extend_from_slice(&text[at..]);
    (at..text.len()).for_each(notes);
    Some(bytes)
}

/// The escape that a text begins with: what it stands for, and how long it is.
fn escape(text: &[u8]) -> Option<(Undone, usize)> {
    let text = &text[..text.len().min(MAX_ESCAPE)];
    let char = |c: char, length: usize| (Undone::Char(c), length);
    match text.first()? {
        b'%' => Some((Undone::Byte(u8::try_from(hex(text.get(1..3)?)?).ok()?), 3)),
        b'&' => entity(&text[1..]).map(|(c, length)| char(c, length + 1)),
        _ => match text.get(1)? {
            b'u' => unicode(text).map(|(c, length)| char(c, length)),
            b'x' => Some(char(char::from_u32(hex(text.get(2..4)?)?)?, 4)),
            c @ (b'/' | b'"' | b'\\' | b'\'') => Some(char(char::from(*c), 2)),
            b'n' => Some(char('\n', 2)),
            b'r' => Some(char('\r', 2)),
            b't' => Some(char('\t', 2)),
            _ => None,
        },
    }
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
            (r"a\qb\/c", r"a\qb/c"),
            ("a%2fb%2Fc", "a/b/c"),
            ("100% a%2fb%", "100% a/b%"),
            ("a&amp;b", "a&b"),
            ("a&#61;b&#x3D;c&#x3d;d", "a=b=c=d"),
            ("100% & more; \\q \\u12", "100% & more; \\q \\u12"),
            ("%", "%"),
            ("\\", "\\"),
            ("&", "&"),
            (r"\ud83d", r"\ud83d"),
        ] {
            let expected = (decoded != text).then(|| decoded.as_bytes().to_vec());
            let undone = Kind::ALL.into_iter().find_map(|kind| {
                let mut starts = Vec::new();
                decode(text.as_bytes(), kind, |start| starts.push(start)).map(|undone| (undone, starts))
            });
            assert_eq!(undone.as_ref().map(|(undone, _)| undone.clone()), expected, "{text}");
            let starts = undone.map(|(_, starts)| starts).unwrap_or_default();
            assert_eq!(starts.len(), expected.map_or(0, |expected| expected.len()), "{text}");
            assert!(starts.is_sorted(), "{text}: {starts:?}");
        }
        let mut starts = Vec::new();
        assert_eq!(decode(b"x%41y", Kind::Percent, |start| starts.push(start)).as_deref(), Some(&b"xAy"[..]));
        assert_eq!(starts, [0, 1, 4]);
    }
}

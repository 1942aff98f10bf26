//! JSON, read in one pass without a tree, and written.
//!
//! Numbers are read as the text they are, so that their digits are kept. The reader stands on a lexer and not on
//! `serde_json`, which costs a sixth of the component's size and a quarter more instructions (DESIGN.md).

use hifijson::num::LexWrite as _;
use hifijson::str::LexAlloc as _;
use hifijson::token::{Expect, Lex};
use hifijson::{Error, SliceLexer, ignore};
use std::borrow::Cow;
use std::fmt::Write;

/// How deep arrays and objects may be nested: nobody's answer is, and each level takes some of the guest's small stack.
const MAX_DEPTH: u8 = 128;

/// The start of a value.
#[derive(Debug, PartialEq)]
pub enum Value<'a> {
    /// Text, and numbers and booleans as text.
    Text(Cow<'a, str>),
    /// Null.
    Null,
    /// An object; its members come next.
    Object,
    /// An array; its items come next.
    Array,
}

impl Value<'_> {
    /// A plain value as text; null is empty. `None` for what is nested.
    pub fn into_text(self) -> Option<String> {
        match self {
            Value::Text(text) => Some(text.into_owned()),
            Value::Null => Some(String::new()),
            Value::Object | Value::Array => None,
        }
    }
}

/// A reader of one JSON text.
pub struct Reader<'a> {
    lexer: SliceLexer<'a>,
    /// Whether an object or array was just started, so that no comma is due.
    started: bool,
}

/// The text is not JSON.
pub type Malformed = Error;

impl<'a> Reader<'a> {
    /// Starts to read, after a byte order mark where there is one.
    pub fn new(json: &'a str) -> Self {
        let json = json.strip_prefix('\u{feff}').unwrap_or(json);
        Self { lexer: SliceLexer::new(json.as_bytes()), started: false }
    }

    /// The start of the next value: after a member's name, and at the beginning.
    pub fn value(&mut self) -> Result<Value<'a>, Malformed> {
        let next = self.lexer.ws_peek().ok_or(Expect::Value)?;
        self.started = matches!(next, b'{' | b'[');
        Ok(match next {
            b'{' => {
                self.lexer.discarded();
                Value::Object
            }
            b'[' => {
                self.lexer.discarded();
                Value::Array
            }
            b'"' => Value::Text(self.lexer.discarded().str_string()?),
            b'-' | b'0'..=b'9' => {
                let (digits, _) = self.lexer.num_bytes().validated()?;
                Value::Text(std::str::from_utf8(digits).unwrap_or_default().into())
            }
            _ => match self.lexer.null_or_bool().ok_or(Expect::Value)? {
                Some(truth) => Value::Text(if truth { "true" } else { "false" }.into()),
                None => Value::Null,
            },
        })
    }

    /// The next item of an array, `None` at its end.
    pub fn item(&mut self) -> Result<Option<Value<'a>>, Malformed> {
        if self.ended(b']')? { Ok(None) } else { self.value().map(Some) }
    }

    /// The name of an object's next member, `None` at its end.
    pub fn name(&mut self) -> Result<Option<Cow<'a, str>>, Malformed> {
        if self.ended(b'}')? {
            return Ok(None);
        }
        self.lexer.expect(Lex::ws_peek, b'"').ok_or(Expect::String)?;
        let name = self.lexer.str_string()?;
        self.lexer.expect(Lex::ws_peek, b':').ok_or(Expect::Colon)?;
        Ok(Some(name))
    }

    /// Whether the object or array ends here. If not, the comma before its next member or item is read.
    fn ended(&mut self, end: u8) -> Result<bool, Malformed> {
        let started = std::mem::take(&mut self.started);
        match self.lexer.ws_peek() {
            Some(next) if next == end => {
                self.lexer.discarded();
                Ok(true)
            }
            Some(_) if started => Ok(false),
            Some(b',') => {
                self.lexer.discarded();
                Ok(false)
            }
            _ => Err(Expect::CommaOrEnd.into()),
        }
    }

    /// Reads to the end of a value that was started.
    pub fn skip(&mut self, value: &Value<'_>) -> Result<(), Malformed> {
        self.started = false;
        match value {
            Value::Object => skip_members(&mut self.lexer, MAX_DEPTH),
            Value::Array => skip_items(&mut self.lexer, MAX_DEPTH),
            Value::Text(_) | Value::Null => Ok(()),
        }
    }

    /// The next value as text, `None` if it is nested.
    pub fn text(&mut self) -> Result<Option<String>, Malformed> {
        let value = self.value()?;
        self.skip(&value)?;
        Ok(value.into_text())
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.lexer.ws_peek().map_or(Ok(()), |_| Err(Expect::Eof.into()))
    }
}

fn skip_items(lexer: &mut SliceLexer<'_>, depth: u8) -> Result<(), Malformed> {
    lexer.seq(b']', Lex::ws_peek, |next, lexer| skip_value(next, lexer, depth))
}

fn skip_members(lexer: &mut SliceLexer<'_>, depth: u8) -> Result<(), Malformed> {
    lexer.seq(b'}', Lex::ws_peek, |next, lexer| {
        lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
        lexer.str_string()?;
        lexer.expect(Lex::ws_peek, b':').ok_or(Expect::Colon)?;
        let next = lexer.ws_peek().ok_or(Expect::Value)?;
        skip_value(next, lexer, depth)
    })
}

fn skip_value(next: u8, lexer: &mut SliceLexer<'_>, depth: u8) -> Result<(), Malformed> {
    let deeper = depth.checked_sub(1).ok_or(Error::Depth);
    match next {
        b'[' => skip_items(lexer.discarded(), deeper?),
        b'{' => skip_members(lexer.discarded(), deeper?),
        // Not `str_ignore`, which lets broken escapes pass.
        b'"' => lexer.discarded().str_string().map(drop).map_err(Error::Str),
        _ => ignore::parse(next, lexer),
    }
}

/// Where a text stops being JSON. Both count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    fn after(text: &[u8]) -> Self {
        let starts_char = |byte: &&u8| **byte & 0xc0 != 0x80;
        let in_line = text.iter().rev().take_while(|byte| **byte != b'\n');
        Self {
            line: 1 + text.iter().filter(|byte| **byte == b'\n').count(),
            column: 1 + in_line.filter(starts_char).count(),
        }
    }
}

/// Reads a member of an object, by its name: all of its value.
type ReadMember<'f, 'a> = &'f mut dyn FnMut(Cow<'a, str>, &mut Reader<'a>) -> Result<(), Malformed>;

/// Reads the members of a JSON object's text, each with `member`. `Ok(false)` where the text is another value.
pub fn read_object<'a>(json: &'a str, member: ReadMember<'_, 'a>) -> Result<bool, Position> {
    let mut reader = Reader::new(json);
    read_members(&mut reader, member).map_err(|_| {
        let rest = reader.lexer.as_slice().len();
        Position::after(&json.as_bytes()[..json.len() - rest])
    })
}

fn read_members<'a>(reader: &mut Reader<'a>, member: ReadMember<'_, 'a>) -> Result<bool, Malformed> {
    let value = reader.value()?;
    if value != Value::Object {
        reader.skip(&value)?;
        return reader.end().map(|()| false);
    }
    while let Some(name) = reader.name()? {
        member(name, reader)?;
    }
    reader.end().map(|()| true)
}

/// A text as JSON.
pub fn quote(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    push_quoted(&mut json, text);
    json
}

/// An object of texts.
pub fn object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut json = String::from("{");
    for (name, value) in members {
        if json.len() > 1 {
            json.push(',');
        }
        push_quoted(&mut json, name);
        json.push(':');
        push_quoted(&mut json, value);
    }
    json.push('}');
    json
}

fn push_quoted(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\0'..='\u{1f}' => drop(write!(json, "\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<(String, Option<String>)>, Position> {
        let mut members = Vec::new();
        let is_object = read_object(json, &mut |name, reader| {
            members.push((name.into_owned(), reader.text()?));
            Ok(())
        })?;
        assert!(is_object, "{json}");
        Ok(members)
    }

    #[test]
    fn a_value_keeps_its_text() {
        let json = r#" {"a": "x\n", "b":9007199254740993, "a":{"c":[1,{}]}, "d":null, "e":true, "f":-1.50e3} "#;
        let expected = [
            ("a", Some("x\n")),
            ("b", Some("9007199254740993")),
            ("a", None),
            ("d", Some("")),
            ("e", Some("true")),
            ("f", Some("-1.50e3")),
        ];
        assert_eq!(read(json).unwrap(), expected.map(|(name, value)| (name.to_string(), value.map(str::to_string))));
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for json in [
            "",
            " ",
            "{\"a\":1",
            "{\"a\":1} x",
            "{\"a\":1}{}",
            "{'a':1}",
            "{\"a\":NaN}",
            "{\"a\":01}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":[}]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{\"a\":\"\n\"}",
        ] {
            assert!(read_object(json, &mut |_, reader| reader.text().map(drop)).is_err(), "{json:?}");
        }
        for json in ["[1,{}]", "null", "\"text\"", "7"] {
            assert!(matches!(read_object(json, &mut |_, _| Ok(())), Ok(false)), "{json}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(read(&nested(100)).unwrap(), [("a".to_string(), None)]);
        assert!(read_object(&nested(1_000_000), &mut |_, reader| reader.text().map(drop)).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(read("\u{feff}{}").unwrap(), []);
    }

    #[test]
    fn a_text_that_is_no_json_says_where() {
        for (json, line, column) in [("", 1, 1), ("{\"a\":1,\n  \"é\" 1}", 2, 7), ("[1,]", 1, 4), ("{} x", 1, 4)] {
            let found = read_object(json, &mut |_, reader| reader.text().map(drop));
            assert_eq!(found, Err(Position { line, column }), "{json:?}");
        }
    }

    #[test]
    fn lines_and_tabs_take_two_characters_in_json() {
        assert_eq!(quote("a\r\n\tb"), r#""a\r\n\tb""#);
    }

    #[test]
    fn a_quote_in_a_value_cannot_end_it() {
        let pairs = [("a", "\",\"b\":\"c"), ("d\"", "\u{1}\u{0}\n")];
        let json = object(pairs.into_iter());
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read, serde_json::json!({"a": "\",\"b\":\"c", "d\"": "\u{1}\u{0}\n"}));
        assert_eq!(object([].into_iter()), "{}");
    }
}

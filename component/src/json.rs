//! JSON, read in one pass without a tree, and written.
//!
//! Numbers are read as the text they are: their digits are kept, and no float arithmetic gets into the component, which
//! would cost a fifth of its size. That is why this is an event parser and not `serde_json`.

use json_event_parser::{JsonEvent, JsonSyntaxError, SliceJsonParser, WriterJsonSerializer};
use std::borrow::Cow;

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
pub struct Reader<'a>(SliceJsonParser<'a>);

/// The text is not JSON.
pub type Malformed = JsonSyntaxError;

impl<'a> Reader<'a> {
    /// Starts to read.
    pub fn new(json: &'a str) -> Self {
        Self(SliceJsonParser::new(json.as_bytes()))
    }

    /// The start of the next value: after a member's name, and at the beginning.
    pub fn value(&mut self) -> Result<Value<'a>, Malformed> {
        // Where a value is due the parser yields one or fails, so that `None` is left for the end of a text.
        Ok(start(self.0.parse_next()?).unwrap_or(Value::Null))
    }

    /// The next item of an array, `None` at its end.
    pub fn item(&mut self) -> Result<Option<Value<'a>>, Malformed> {
        Ok(start(self.0.parse_next()?))
    }

    /// The name of an object's next member, `None` at its end.
    pub fn name(&mut self) -> Result<Option<String>, Malformed> {
        match self.0.parse_next()? {
            JsonEvent::ObjectKey(name) => Ok(Some(name.into_owned())),
            _ => Ok(None),
        }
    }

    /// Reads to the end of a value that was started. Nesting takes no stack, and the parser limits it.
    pub fn skip(&mut self, value: &Value<'_>) -> Result<(), Malformed> {
        let mut depth = u32::from(matches!(value, Value::Object | Value::Array));
        while depth > 0 {
            match self.0.parse_next()? {
                JsonEvent::StartObject | JsonEvent::StartArray => depth += 1,
                JsonEvent::EndObject | JsonEvent::EndArray => depth -= 1,
                JsonEvent::Eof => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// The next value as text, `None` if it is nested.
    pub fn text(&mut self) -> Result<Option<String>, Malformed> {
        let value = self.value()?;
        self.skip(&value)?;
        Ok(value.into_text())
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.0.parse_next().map(drop)
    }
}

fn start(event: JsonEvent<'_>) -> Option<Value<'_>> {
    match event {
        JsonEvent::String(text) | JsonEvent::Number(text) => Some(Value::Text(text)),
        JsonEvent::Boolean(value) => Some(Value::Text(if value { "true" } else { "false" }.into())),
        JsonEvent::Null => Some(Value::Null),
        JsonEvent::StartObject => Some(Value::Object),
        JsonEvent::StartArray => Some(Value::Array),
        JsonEvent::ObjectKey(_) | JsonEvent::EndObject | JsonEvent::EndArray | JsonEvent::Eof => None,
    }
}

/// Reads the members of a JSON object's text, each with `member`. `Ok(false)` where the text is another value.
pub fn read_object<'a>(
    json: &'a str,
    member: &mut dyn FnMut(String, &mut Reader<'a>) -> Result<(), Malformed>,
) -> Result<bool, Malformed> {
    let mut reader = Reader::new(json);
    let value = reader.value()?;
    if value != Value::Object {
        reader.skip(&value)?;
        return reader.end().map(|()| false);
    }
    while let Some(name) = reader.name()? {
        member(name, &mut reader)?;
    }
    reader.end().map(|()| true)
}

/// A text as JSON.
pub fn quote(text: &str) -> String {
    written([JsonEvent::String(text.into())].into_iter())
}

/// An object of texts.
pub fn object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let members =
        members.flat_map(|(name, value)| [JsonEvent::ObjectKey(name.into()), JsonEvent::String(value.into())]);
    written([JsonEvent::StartObject].into_iter().chain(members).chain([JsonEvent::EndObject]))
}

fn written<'a>(events: impl Iterator<Item = JsonEvent<'a>>) -> String {
    let mut json = Vec::new();
    let mut writer = WriterJsonSerializer::new(&mut json);
    for event in events {
        // Writing to memory does not fail, and the events above are in order.
        let _ = writer.serialize_event(event);
    }
    String::from_utf8(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<(String, Option<String>)>, Malformed> {
        let mut members = Vec::new();
        let is_object = read_object(json, &mut |name, reader| {
            members.push((name, reader.text()?));
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
    fn a_quote_in_a_value_cannot_end_it() {
        let pairs = [("a", "\",\"b\":\"c"), ("d\"", "\u{1}\u{0}\n")];
        let json = object(pairs.into_iter());
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read, serde_json::json!({"a": "\",\"b\":\"c", "d\"": "\u{1}\u{0}\n"}));
        assert_eq!(object([].into_iter()), "{}");
    }
}

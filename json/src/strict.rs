//! JSON without doubled names: of two members of one name one reader takes the first and another the last, so that what was checked
//! need not be what is done.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Map, Value};
use std::fmt;

/// Reads JSON in which no object has two members of one name.
///
/// # Errors
///
/// If it is no JSON, or a name stands twice in an object.
pub fn read(text: &[u8]) -> Result<Value, Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! plainly {
    ($($visit:ident: $type:ty),+ $(,)?) => {
        $(fn $visit<E>(self, value: $type) -> Result<Value, E> {
            Ok(value.into())
        })+
    };
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    plainly! { visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str, visit_string: String }

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("{name:?} stands twice in an object; give it once")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_serde_json_reads_unless_a_name_stands_twice() {
        for text in [r#"{"a":[1,-2,3.5,null,true,"x",{"b":{}}],"c":"a"}"#, "[]", "1", "{", "1 2", "", r#"{"a":1e400}"#]
        {
            assert_eq!(read(text.as_bytes()).ok(), serde_json::from_str::<Value>(text).ok(), "{text}");
        }
        for text in [r#"{"a":1,"a":1}"#, r#"[{"a":{"b":1,"c":2,"\u0062":3}}]"#] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("stands twice"), "{error}");
        }
    }
}

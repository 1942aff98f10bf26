//! The one JSON mapping of the interface, for hosts, command lines and servers.
//!
//! Record fields are in snake_case, names of cases in kebab-case, a variant is `{"case": .., "value": ..}`, an enum is its
//! case's name, and absent options are left out. A failure always has `status`, `reason`, `message`, `detail`, `retry` and
//! `write_happened`, so that no expression over one meets a missing key.

#[cfg(feature = "schema")]
pub mod schema;
pub mod strict;

use serde::ser::{self, Serialize, Serializer};
use serde_json::value::Serializer as Plain;
use serde_json::{Error, Map, Value, json};

/// Keys that are there even where they hold nothing.
const ALWAYS: [&str; 2] = ["status", "detail"];

/// A record or outcome as JSON.
pub fn to_json(value: &impl Serialize) -> Value {
    // Records of text, numbers and booleans always have a JSON form.
    value.serialize(Mapping).unwrap_or_default()
}

/// `CreateIncidentFailure` as `create-incident-failure`.
pub fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

/// Where a description has the schemas of named types, for those that refer to them.
pub const SCHEMAS: &str = "#/components/schemas/";

/// The JSON Schema of a variant's case that carries something.
pub fn tagged(case: &str, value: Value) -> Value {
    // Some generators of clients do not see from the constant that it is text.
    let properties = json!({"case": {"type": "string", "const": case}, "value": value});
    json!({"type": "object", "properties": properties, "required": ["case", "value"]})
}

/// Serializes the records and variants of the generated bindings.
struct Mapping;

macro_rules! plainly {
    ($($method:ident: $type:ty),+ $(,)?) => {
        $(fn $method(self, value: $type) -> Result<Value, Error> {
            value.serialize(Plain)
        })+
    };
}

impl Serializer for Mapping {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = ser::Impossible<Value, Error>;
    type SerializeMap = ser::Impossible<Value, Error>;
    type SerializeStruct = Record;
    type SerializeStructVariant = ser::Impossible<Value, Error>;

    plainly! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_str: &str,
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Error> {
        bytes.serialize(Plain)
    }

    fn serialize_none(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, case: &'static str) -> Result<Value, Error> {
        Ok(kebab(case).into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        case: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        Ok(json!({"case": kebab(case), "value": value.serialize(Mapping)?}))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, Error> {
        Ok(List(Vec::new()))
    }

    fn serialize_tuple(self, _: usize) -> Result<List, Error> {
        Ok(List(Vec::new()))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List, Error> {
        Ok(List(Vec::new()))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(ser::Error::custom(format!("{name}: no variant of the interface has several values")))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        Err(ser::Error::custom("the interface has no maps"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Record, Error> {
        Ok(Record(Map::new()))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(ser::Error::custom(format!("{name}: no variant of the interface has named values")))
    }
}

struct List(Vec<Value>);

impl ser::SerializeSeq for List {
    type Ok = Value;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.0.push(value.serialize(Mapping)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Array(self.0))
    }
}

impl ser::SerializeTuple for List {
    type Ok = Value;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Array(self.0))
    }
}

impl ser::SerializeTupleStruct for List {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Array(self.0))
    }
}

struct Record(Map<String, Value>);

impl ser::SerializeStruct for Record {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        let value = value.serialize(Mapping)?;
        if !value.is_null() || ALWAYS.contains(&name) {
            self.0.insert(name.to_string(), value);
        }
        Ok(())
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Object(self.0))
    }
}

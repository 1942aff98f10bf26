//! The texts of a token response.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Members of a token response that are no secrets, and that components and people are shown.
const NOT_SECRET: [&str; 2] = ["scope", "token_type"];

/// Every text in it, those of the members that are no secrets left out. What is no JSON gives those before it breaks off.
pub fn texts(body: &[u8]) -> Vec<String> {
    let mut texts = Texts::default();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let _ = serde_json::Deserializer::from_slice(body).deserialize_any(&mut texts);
    texts.0
}

#[derive(Default)]
struct Texts(Vec<String>);

impl<'de> Visitor<'de> for &mut Texts {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push(text.to_string());
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(&mut *self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if NOT_SECRET.contains(&name.as_str()) {
                members.next_value::<IgnoredAny>()?;
            } else {
                members.next_value_seed(&mut *self)?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Texts {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

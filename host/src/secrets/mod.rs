//! The secrets of one authorization, as one set: whatever an instance sends to a component, and whatever a component sends
//! out or returns, is searched for them.

mod decode;

use crate::secret::Secret;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use url::form_urlencoded;

/// A shorter text would be found by chance.
const MIN_SEARCHED: usize = 8;

/// How many texts of token responses are remembered beside the authorization's own: those of some forty renewals, each of
/// which lasts longer than a call. The oldest are forgotten.
const MAX_ISSUED: usize = 100;

/// How many texts of one response are remembered: it has a handful.
const MAX_TEXTS: usize = 16;

/// The longest of them; a JWT has a few kilobytes.
const MAX_TEXT: usize = 16 * 1024;

/// Members of a token response that are no secrets, and that components and people are shown.
const NOT_SECRET: [&str; 2] = ["scope", "token_type"];

/// The secrets of one authorization: those of the authorizations file, and every text of the token responses. Clones share
/// the set.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    own: Vec<Secret>,
    issued: VecDeque<Secret>,
    /// Finds each of them, as it is and as base64 writes it. `None` where there is none.
    search: Option<AhoCorasick>,
    /// The same in lower case, for names of headers.
    search_names: Option<AhoCorasick>,
}

impl Secrets {
    /// Adds secrets of the authorization itself. Of the value of a header, `Bearer x` or `Basic x`, it is `x`.
    pub fn add<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        self.change(|known| {
            for secret in secrets {
                let secret = without_scheme(secret);
                if secret.len() >= MIN_SEARCHED && !known.has(secret) {
                    known.own.push(Secret::new(secret.to_string()));
                }
            }
        });
    }

    /// Adds every text of a token response: a token may stand in a member of any name.
    pub fn add_token_response(&self, body: &[u8]) {
        let mut texts = Texts::default();
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let _ = serde_json::Deserializer::from_slice(body).deserialize_any(&mut texts);
        self.change(|known| {
            for text in texts.0.into_iter().take(MAX_TEXTS) {
                // An address is no secret, and the instance's own stands in every answer.
                let is_address = text.starts_with("https://") || text.starts_with("http://");
                if (MIN_SEARCHED..=MAX_TEXT).contains(&text.len()) && !is_address && !known.has(&text) {
                    known.issued.push_back(Secret::new(text));
                }
            }
            let surplus = known.issued.len().saturating_sub(MAX_ISSUED);
            known.issued.drain(..surplus);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = (known.own.len(), known.issued.back().map(|last| last.expose().to_string()));
        change(&mut known);
        if before != (known.own.len(), known.issued.back().map(|last| last.expose().to_string())) {
            known.prepare();
        }
    }

    /// Whether one of them is in a text: as it is, as base64 writes it, or behind escapes of JSON, addresses or HTML. Who
    /// disguises it in another way is not found out.
    pub fn are_in(&self, text: &[u8]) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.search.as_ref().is_some_and(|search| is_in(search, text))
    }

    /// Whether one of them is in a header's name, which has lost its capital letters.
    pub fn are_in_name(&self, name: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.search_names.as_ref().is_some_and(|search| search.is_match(name))
    }

    /// The text with stars in their place.
    pub fn redact(&self, text: Bytes) -> Bytes {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(search) = known.search.as_ref().filter(|search| is_in(search, &text)) else { return text };
        let mut redacted = text.to_vec();
        places(search, &text).into_iter().for_each(|place| redacted[place].fill(b'*'));
        redacted.into()
    }

    /// A text with stars in their place.
    pub fn redact_text(&self, text: &str) -> String {
        // Whole characters are starred, so it stays UTF-8.
        String::from_utf8_lossy(&self.redact(Bytes::copy_from_slice(text.as_bytes()))).into_owned()
    }
}

impl Known {
    fn has(&self, secret: &str) -> bool {
        self.own.iter().chain(&self.issued).any(|known| known.expose() == secret)
    }

    fn prepare(&mut self) {
        let all = self.own.iter().chain(&self.issued);
        let needles: Vec<Vec<u8>> = all.flat_map(|secret| forms(secret.expose())).collect();
        let names: Vec<Vec<u8>> = needles.iter().map(|needle| needle.to_ascii_lowercase()).collect();
        self.search = searcher(&needles);
        self.search_names = searcher(&names);
    }
}

fn searcher(needles: &[Vec<u8>]) -> Option<AhoCorasick> {
    // The small form: tokens are long, and there may be a hundred authorizations.
    let built = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(needles);
    Some(needles).filter(|needles| !needles.is_empty()).and_then(|_| built.ok())
}

/// A secret as it is, as a form writes it, and as base64 does, wherever in an encoded text it stands.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.as_bytes().to_vec()];
    let in_form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    if in_form.contains('+') {
        forms.push(in_form.into_bytes());
        forms.push(secret.replace(' ', "+").into_bytes());
    }
    // What is left of one with an escape in it where a text's other escapes are undone.
    let mut layer = decode::decode(secret.as_bytes());
    while let Some(decoded) = layer.filter(|decoded| decoded.len() >= MIN_SEARCHED) {
        layer = decode::decode(&decoded);
        forms.push(decoded);
    }
    for before in 0..3 {
        let padded = [&vec![0; before], secret.as_bytes()].concat();
        // Characters that neighbours have a part in are left out.
        let first = (before * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let stable = encoded.as_bytes().get(first..end).unwrap_or_default();
            if stable.len() >= MIN_SEARCHED && !forms.iter().any(|form| form == stable) {
                forms.push(stable.to_vec());
            }
        }
    }
    forms
}

fn is_in(search: &AhoCorasick, text: &[u8]) -> bool {
    if search.is_match(text) {
        return true;
    }
    let mut layer = decode::decode(text);
    for _ in 1..=decode::LAYERS {
        let Some(decoded) = layer else { return false };
        if search.is_match(&decoded) {
            return true;
        }
        layer = decode::decode(&decoded);
    }
    false
}

/// Where they are, in every layer.
fn places(search: &AhoCorasick, text: &[u8]) -> Vec<Range<usize>> {
    let mut layers: Vec<decode::Decoded> = Vec::new();
    let mut places = Vec::new();
    for _ in 0..=decode::LAYERS {
        let bytes = layers.last().map_or(text, |layer| layer.bytes.as_slice());
        for found in search.find_overlapping_iter(bytes) {
            let origin = layers.iter().rev().fold(found.range(), |part, layer| layer.origin(part));
            places.push(origin);
        }
        let next = decode::decode_with_origin(bytes);
        layers.push(next);
    }
    places
}

fn without_scheme(value: &str) -> &str {
    let is = |scheme: &str| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if is("bearer ") || is("basic ") { value.split_once(' ').map_or(value, |(_, rest)| rest) } else { value }
}

/// Every text in a JSON value, those of the members that are no secrets left out.
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

impl<'de> serde::de::DeserializeSeed<'de> for &mut Texts {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_each_spelling_and_nothing_else_is() {
        let secrets = Secrets::default();
        secrets.add(["Bearer to\"ken-12345", "short"]);
        for (text, found) in [
            ("x to\"ken-12345 y", true),
            (r#"{"a":"to\"ken-12345"}"#, true),
            ("secret=to%22ken-12345", true),
            ("dG8ia2VuLTEyMzQ1", true),
            ("Bearer token", false),
            ("short", false),
            ("", false),
        ] {
            assert_eq!(secrets.are_in(text.as_bytes()), found, "{text}");
        }
        assert_eq!(secrets.redact_text("<to\"ken-12345> <to%22ken-12345>"), "<************> <**************>");
        assert!(!Secrets::default().are_in(b"anything"));
        secrets.add(["pw%41/xyz1234", "with a/blank-1"]);
        for text in
            ["pw%41/xyz1234", r"pw%41\/xyz1234", "pw%2541%2fxyz1234", "a=with+a%2fblank-1", "with%20a%2Fblank-1"]
        {
            assert!(secrets.are_in(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn secrets_that_overlap_are_struck_whole() {
        let secrets = Secrets::default();
        secrets.add(["abcdefgh", "defghijk", "abcdefghijklm"]);
        assert_eq!(secrets.redact_text("-abcdefghijk- -abcdefghijklm-"), "-***********- -*************-");
    }

    #[test]
    fn every_text_of_a_token_response_is_known_and_the_oldest_are_forgotten() {
        let secrets = Secrets::default();
        secrets.add(["own-secret"]);
        secrets.add_token_response(br#"{"access_token":"first-token","scope":"useraccount","instance":"https://dev1.example.com","n":12345678}"#);
        for (text, known) in
            [("first-token", true), ("useraccount", false), ("https://dev1.example.com", false), ("12345678", false)]
        {
            assert_eq!(secrets.are_in(text.as_bytes()), known, "{text}");
        }
        for number in 0..MAX_ISSUED {
            secrets.add_token_response(format!(r#"{{"access_token":"later-token-{number:03}"}}"#).as_bytes());
        }
        assert!(!secrets.are_in(b"first-token"));
        assert!(secrets.are_in(b"later-token-000") && secrets.are_in(b"own-secret"));
    }
}

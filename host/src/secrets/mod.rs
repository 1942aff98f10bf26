//! The secrets of one authorization, as one set: whatever an instance sends to a component, and whatever a component sends
//! out or returns, is searched for them.

mod decode;

pub use decode::LAYERS;

use crate::secret::Secret;
use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use decode::Kind;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use url::form_urlencoded;

/// A shorter text would be found by chance.
const MIN_SEARCHED: usize = 8;

/// How much of the texts of token responses is remembered beside the authorization's own secrets: all of one response, which is
/// bounded to this, or the tokens of dozens of renewals. The oldest are forgotten; each lives longer than a call.
const MAX_ISSUED_BYTES: usize = 64 * 1024;

/// Members of a token response that are no secrets, and that components and people are shown.
const NOT_SECRET: [&str; 2] = ["scope", "token_type"];

/// The secrets of one authorization: those of the authorizations file, and every text of the token responses. Clones share
/// the set.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Held while the search is made anew, so that those who search wait for nobody.
    known: Mutex<Known>,
    search: RwLock<Arc<Search>>,
}

#[derive(Default)]
struct Known {
    own: Vec<Secret>,
    issued: VecDeque<Secret>,
}

/// Finds each secret, as it is and as base64 writes it.
#[derive(Default)]
enum Search {
    /// There is none.
    #[default]
    Nothing,
    /// In texts, and in names of headers, which have lost their capital letters.
    For { texts: AhoCorasick, names: AhoCorasick },
    /// There are more than can be searched for: every text counts as one of them.
    Anything,
}

impl Secrets {
    /// Adds secrets of the authorization itself. Of the value of a header, `Bearer x` or `Basic x`, it is `x`.
    pub fn add<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        self.change(|known| {
            let before = known.own.len();
            for secret in secrets {
                let secret = without_scheme(secret);
                if secret.len() >= MIN_SEARCHED && !known.is_own(secret) {
                    known.own.push(Secret::new(secret.to_string()));
                }
            }
            known.own.len() > before
        });
    }

    /// Adds every text of a token response: a token may stand in a member of any name.
    pub fn add_token_response(&self, body: &[u8]) {
        let mut texts = Texts::default();
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let _ = serde_json::Deserializer::from_slice(body).deserialize_any(&mut texts);
        self.add_issued(texts.0);
    }

    /// Adds what was made for a while.
    pub fn add_issued(&self, issued: impl IntoIterator<Item = String>) {
        self.change(|known| {
            let mut is_new = false;
            for text in issued {
                // An address is no secret, and the instance's own stands in every answer.
                let is_address = text.starts_with("https://") || text.starts_with("http://");
                if text.len() < MIN_SEARCHED || is_address || known.is_own(&text) {
                    continue;
                }
                // One that is named again is young again.
                let at = known.issued.iter().position(|issued| issued.expose() == text);
                is_new |= at.is_none();
                at.map(|at| known.issued.remove(at));
                known.issued.push_back(Secret::new(text));
            }
            while known.issued.iter().map(|secret| secret.expose().len()).sum::<usize>() > MAX_ISSUED_BYTES {
                known.issued.pop_front();
            }
            is_new
        });
    }

    /// `change` says whether there is something new.
    fn change(&self, change: impl FnOnce(&mut Known) -> bool) {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if change(&mut known) {
            let search = Arc::new(known.search());
            *self.0.search.write().unwrap_or_else(PoisonError::into_inner) = search;
        }
    }

    fn search(&self) -> Arc<Search> {
        self.0.search.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether one of them is in a text: as it is, as base64 writes it, or behind escapes of JSON, addresses or HTML. Who
    /// disguises it in another way is not found out.
    pub fn are_in(&self, text: &[u8]) -> bool {
        match &*self.search() {
            Search::Nothing => false,
            Search::For { texts, .. } => is_in(texts, text),
            Search::Anything => true,
        }
    }

    /// Whether one of them is in a header's name, which has lost its capital letters.
    pub fn are_in_name(&self, name: &str) -> bool {
        match &*self.search() {
            Search::Nothing => false,
            Search::For { names, .. } => names.is_match(name),
            Search::Anything => true,
        }
    }

    /// The text with stars in their place.
    pub fn redact(&self, text: Bytes) -> Bytes {
        let places = match &*self.search() {
            Search::Nothing => return text,
            Search::For { texts, .. } if !is_in(texts, &text) => return text,
            Search::For { texts, .. } => places(texts, &text, LAYERS),
            Search::Anything => return vec![b'*'; text.len()].into(),
        };
        let mut redacted = text.to_vec();
        places.into_iter().for_each(|place| redacted[place].fill(b'*'));
        redacted.into()
    }

    /// A text with stars in their place.
    pub fn redact_text(&self, text: &str) -> String {
        // Whole characters are starred, so it stays UTF-8.
        String::from_utf8_lossy(&self.redact(Bytes::copy_from_slice(text.as_bytes()))).into_owned()
    }
}

impl Known {
    fn is_own(&self, secret: &str) -> bool {
        self.own.iter().any(|own| own.expose() == secret)
    }

    fn search(&self) -> Search {
        let all = self.own.iter().chain(&self.issued);
        let needles: Vec<Vec<u8>> = all.flat_map(|secret| forms(secret.expose())).collect();
        let names: Vec<Vec<u8>> = needles.iter().map(|needle| needle.to_ascii_lowercase()).collect();
        if needles.is_empty() {
            return Search::Nothing;
        }
        match (searcher(&needles), searcher(&names)) {
            (Ok(texts), Ok(names)) => Search::For { texts, names },
            (Err(_), _) | (_, Err(_)) => Search::Anything,
        }
    }
}

fn searcher(needles: &[Vec<u8>]) -> Result<AhoCorasick, BuildError> {
    // The small form: tokens are long, and there may be a hundred authorizations.
    AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(needles)
}

/// A secret as it is, as a form writes it, and as base64 does, wherever in an encoded text it stands.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.as_bytes().to_vec()];
    let in_form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    if in_form.contains('+') {
        forms.push(in_form.into_bytes());
        forms.push(secret.replace(' ', "+").into_bytes());
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
    is_in_layers(search, text, LAYERS)
}

fn is_in_layers(search: &AhoCorasick, text: &[u8], layers: usize) -> bool {
    let is_below = |kind| decode::decode(text, kind).is_some_and(|text| is_in_layers(search, &text, layers - 1));
    search.is_match(text) || layers > 0 && Kind::ALL.into_iter().any(is_below)
}

/// Where they are, in every layer.
fn places(search: &AhoCorasick, text: &[u8], layers: usize) -> Vec<Range<usize>> {
    let mut places: Vec<_> = search.find_overlapping_iter(text).map(|found| found.range()).collect();
    for kind in Kind::ALL.into_iter().filter(|kind| layers > 0 && decode::decode(text, *kind).is_some()) {
        let decoded = decode::decode_with_origin(text, kind);
        places.extend(self::places(search, &decoded.bytes, layers - 1).into_iter().map(|place| decoded.origin(place)));
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
        // What stands beside it in the text is of another kind, and would make an escape with its ends.
        secrets.add(["de'adbeef\\"]);
        for text in ["%de&#39;adbeef\\n", r#""\\x64e\\x26#39;adbeef\\x5c" "#] {
            assert!(secrets.are_in(text.as_bytes()), "{text}");
        }
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
        let long = |number: usize| format!("{{\"access_token\":\"{}{number}\"}}", "y".repeat(MAX_ISSUED_BYTES / 4));
        secrets.add_token_response(br#"{"access_token":"again-token"}"#);
        for number in 0..4 {
            secrets.add_token_response(long(number).as_bytes());
            secrets.add_token_response(br#"{"access_token":"again-token"}"#);
        }
        assert!(!secrets.are_in(b"first-token") && !secrets.are_in(long(0).as_bytes()));
        assert!(secrets.are_in(long(1).as_bytes()) && secrets.are_in(b"again-token") && secrets.are_in(b"own-secret"));
        // The largest response that is read is known as a whole.
        secrets.add_token_response(
            format!(r#"{{"a":"{0}a","b":"{0}b"}}"#, "x".repeat(MAX_ISSUED_BYTES / 2 - 20)).as_bytes(),
        );
        assert!(secrets.are_in(format!("{}a", "x".repeat(MAX_ISSUED_BYTES / 2 - 20)).as_bytes()));
    }
}

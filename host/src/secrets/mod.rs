//! The secrets of one authorization, as one set: whatever an instance sends to a component, and whatever a component sends
//! out or returns, is searched for them.

mod decode;
mod layers;
mod long;
mod strings;
mod token_response;

#[cfg(all(any(test, fuzzing), feature = "sync"))]
pub use layers::LAYERS;
pub use long::{NoRoom, Room};
#[cfg(all(any(test, fuzzing), feature = "sync"))]
pub use strings::strings;

use crate::secret::Secret;
use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use layers::Layers;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::task::spawn_blocking;
use url::form_urlencoded;

/// A shorter text would be found by chance.
const MIN_SEARCHED: usize = 8;

/// How much of the texts of token responses is remembered beside the secrets in use: all of one response, which is bounded to
/// this, or the tokens of dozens of renewals. The oldest are forgotten.
const MAX_ISSUED_BYTES: usize = 64 * 1024;

/// A token response has a handful of texts. One with more is none.
const MAX_TEXTS: usize = 64;

/// From a response of this length on, the search is made anew on another thread.
const LONG_RESPONSE: usize = 4 * 1024;

/// More places than this in one text are no accident: it is struck as a whole.
const MAX_PLACES: usize = 10_000;

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
    /// The tokens in use.
    current: Vec<Secret>,
    /// What token responses brought, the latest last.
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

/// A token response with more texts than one has.
#[derive(Debug)]
pub struct TooMany;

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

    /// Keeps the tokens in use, in place of those before: however many token responses come, they are searched for.
    pub fn keep_current<'a>(&self, tokens: impl IntoIterator<Item = &'a str>) {
        let tokens = tokens.into_iter().map(without_scheme).filter(|token| token.len() >= MIN_SEARCHED);
        let tokens: Vec<_> = tokens.map(|token| Secret::new(token.to_string())).collect();
        // Both came with a token response, so that the search has them already.
        self.change(|known| {
            known.current = tokens;
            false
        });
    }

    /// Adds every text of a token response: a token may stand in a member of any name.
    ///
    /// # Errors
    ///
    /// If it has more texts than a token response has.
    pub async fn add_token_response(&self, body: &Bytes) -> Result<(), TooMany> {
        let (secrets, body, is_long) = (self.clone(), body.clone(), body.len() > LONG_RESPONSE);
        let add = move || {
            let texts = token_response::texts(&body);
            if texts.len() > MAX_TEXTS {
                return Err(TooMany);
            }
            // An address is no secret, and the instance's own stands in every answer.
            let is_address = |text: &String| text.starts_with("https://") || text.starts_with("http://");
            secrets.add_issued(texts.into_iter().filter(|text| !is_address(text)));
            Ok(())
        };
        // A thread that ended without a word has added nothing.
        if is_long { spawn_blocking(add).await.unwrap_or(Err(TooMany)) } else { add() }
    }

    /// Adds what is good for a while.
    pub fn add_issued(&self, issued: impl IntoIterator<Item = String>) {
        self.change(|known| {
            let mut is_new = false;
            for text in issued.into_iter().filter(|text| text.len() >= MIN_SEARCHED) {
                if known.is_own(&text) {
                    continue;
                }
                // One that is named again is young again.
                let at = known.issued.iter().position(|issued| issued.expose() == text);
                is_new |= at.is_none();
                at.map(|at| known.issued.remove(at));
                known.issued.push_back(Secret::new(text));
            }
            let mut bytes: usize = known.issued.iter().map(|secret| secret.expose().len()).sum();
            while let Some(oldest) = known.issued.pop_front_if(|_| bytes > MAX_ISSUED_BYTES) {
                bytes -= oldest.expose().len();
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

    /// Whether one of them is in a short text: as it is, as base64 writes it, or behind escapes of JSON, addresses or HTML. Who
    /// disguises it in another way is not found out.
    pub fn are_in(&self, text: &[u8]) -> bool {
        let search = self.search();
        match &*search {
            Search::Nothing => false,
            Search::Anything => true,
            Search::For { .. } => {
                let mut layers = Layers::new(Bytes::copy_from_slice(text), false);
                let mut found = false;
                while !found && layers.advance() {
                    found = search.is_in_layer(layers.bytes());
                }
                found
            }
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

    /// A short text with stars in their place.
    pub fn redact(&self, text: Bytes) -> Bytes {
        if !self.are_in(&text) {
            return text;
        }
        let search = self.search();
        let mut struck = Struck::new(text);
        while struck.strike_layer(&search) {}
        struck.into_text()
    }

    /// A short text with stars in their place.
    pub fn redact_text(&self, text: &str) -> String {
        // Whole characters are starred, so it stays UTF-8.
        String::from_utf8_lossy(&self.redact(Bytes::copy_from_slice(text.as_bytes()))).into_owned()
    }
}

impl Search {
    fn is_in_layer(&self, layer: &[u8]) -> bool {
        match self {
            Search::Nothing => false,
            Search::For { texts, .. } => texts.is_match(layer),
            Search::Anything => true,
        }
    }
}

/// A text in which secrets are struck, a layer at a time.
struct Struck {
    layers: Layers,
    text: Vec<u8>,
    places: usize,
}

impl Struck {
    fn new(text: Bytes) -> Self {
        Self { text: text.to_vec(), layers: Layers::new(text, true), places: 0 }
    }

    /// Strikes what is in the next layer. Whether there may be more.
    fn strike_layer(&mut self, search: &Search) -> bool {
        if !self.layers.advance() {
            return false;
        }
        let Search::For { texts, .. } = search else { return self.strike_all() };
        for found in texts.find_overlapping_iter(self.layers.bytes()) {
            self.places += 1;
            if self.places > MAX_PLACES {
                return self.strike_all();
            }
            self.text[self.layers.origin(found.range())].fill(b'*');
        }
        true
    }

    fn strike_all(&mut self) -> bool {
        self.text.fill(b'*');
        false
    }

    fn into_text(self) -> Bytes {
        self.text.into()
    }
}

impl Known {
    fn is_own(&self, secret: &str) -> bool {
        self.own.iter().any(|own| own.expose() == secret)
    }

    fn search(&self) -> Search {
        let all = self.own.iter().chain(&self.current).chain(&self.issued);
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

fn without_scheme(value: &str) -> &str {
    let is = |scheme: &str| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if is("bearer ") || is("basic ") { value.split_once(' ').map_or(value, |(_, rest)| rest) } else { value }
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

    #[tokio::test]
    async fn every_text_of_a_token_response_is_known_and_the_oldest_are_forgotten() {
        let secrets = Secrets::default();
        secrets.add(["own-secret"]);
        let add = async |body: &str| secrets.add_token_response(&Bytes::from(body.to_string())).await;
        add(r#"{"access_token":"first-token","scope":"useraccount","instance":"https://dev1.example.com","n":12345678}"#).await.unwrap();
        for (text, known) in
            [("first-token", true), ("useraccount", false), ("https://dev1.example.com", false), ("12345678", false)]
        {
            assert_eq!(secrets.are_in(text.as_bytes()), known, "{text}");
        }
        let long = |number: usize| format!("{{\"access_token\":\"{}{number}\"}}", "y".repeat(MAX_ISSUED_BYTES / 4));
        add(r#"{"access_token":"again-token"}"#).await.unwrap();
        for number in 0..4 {
            add(&long(number)).await.unwrap();
            add(r#"{"access_token":"again-token"}"#).await.unwrap();
        }
        assert!(!secrets.are_in(b"first-token") && !secrets.are_in(long(0).as_bytes()));
        assert!(secrets.are_in(long(1).as_bytes()) && secrets.are_in(b"again-token") && secrets.are_in(b"own-secret"));
        // The largest response that is read is known as a whole.
        add(&format!(r#"{{"a":"{0}a","b":"{0}b"}}"#, "x".repeat(MAX_ISSUED_BYTES / 2 - 20))).await.unwrap();
        assert!(secrets.are_in(format!("{}a", "x".repeat(MAX_ISSUED_BYTES / 2 - 20)).as_bytes()));
        // Tokens in use stay, and what has more texts than a response has is none.
        add(r#"{"access_token":"token-in-use","refresh_token":"refresh-in-use"}"#).await.unwrap();
        secrets.keep_current(["Bearer token-in-use", "refresh-in-use"]);
        for number in 0..5 {
            add(&long(number)).await.unwrap();
        }
        assert!(secrets.are_in(b"token-in-use") && secrets.are_in(b"refresh-in-use"));
        let texts = |count: usize| format!("[{}\"\"]", "\"some-text\",".repeat(count - 1));
        assert!(add(&texts(MAX_TEXTS)).await.is_ok() && add(&texts(MAX_TEXTS + 1)).await.is_err());
    }

    #[test]
    fn a_text_full_of_secrets_is_struck_as_a_whole() {
        let secrets = Secrets::default();
        secrets.add(["aaaaaaaa"]);
        let text = format!("-{}- the rest", "a".repeat(MAX_PLACES + 7));
        assert!(secrets.redact_text(&text).starts_with("-**") && secrets.redact_text(&text).ends_with("- the rest"));
        let text = format!("{}a", text);
        let more = text.replace("-aa", "-aaa");
        assert_eq!(secrets.redact_text(&more), "*".repeat(more.len()));
    }

    #[tokio::test]
    async fn a_long_text_is_searched_like_a_short_one() {
        let limits = crate::Limits::default();
        let budgets = crate::call_state::Budgets::new(&limits);
        let room = Room { budgets: &budgets, who: "main" };
        let secrets = Secrets::default();
        secrets.add(["a-long-secret-1"]);
        for length in [16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 300_000] {
            for (spelled, found) in
                [("a-long-secret-1", true), ("a%2dlong%2dsecret%2d1", true), ("a-long-secret-2", false)]
            {
                let text = format!("{}{spelled}", "x\\n&amp;".repeat(length).split_at(length - spelled.len()).0);
                assert_eq!(text.len(), length);
                let text = Bytes::from(text);
                assert_eq!(secrets.are_within(text.clone(), room).await.ok(), Some(found), "{length} {spelled}");
                let redacted = secrets.redacted(text.clone(), room).await.ok().unwrap();
                assert_eq!(redacted.ends_with(b"****"), found, "{length} {spelled}");
                assert_eq!(redacted, secrets.redact(text), "{length} {spelled}");
            }
        }
        // What there could never be memory for is not searched, and not taken for harmless.
        let budgets = crate::call_state::Budgets::new(&crate::Limits { max_total_memory: 100_000, ..limits });
        let room = Room { budgets: &budgets, who: "main" };
        assert!(secrets.are_within(Bytes::from(vec![b'x'; 100_000]), room).await.is_err());
    }
}

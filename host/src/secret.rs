//! Secrets: text that is never shown and is wiped when dropped.

use bytes::Bytes;
use serde::Deserialize;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::form_urlencoded;
use zeroize::Zeroizing;

/// A secret. It has no `Debug` and no `Display`, so that it cannot reach a log or an error by accident.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, to be sent and not to be kept.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Secrets that texts are searched for, shared by all that may meet them.
#[derive(Clone, Default)]
pub struct Redactor(Arc<Mutex<Vec<Secret>>>);

/// A shorter secret would be found by chance.
const MIN_SEARCHED: usize = 8;

impl Redactor {
    /// Notes a secret, as it is, as JSON writes it and as a form does. Of the value of a header, `Bearer x` or `Basic x`, it
    /// is `x`.
    pub fn register(&self, value: &str) {
        let scheme = |scheme: &str| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        let value =
            if scheme("bearer ") || scheme("basic ") { value.split_once(' ').map_or(value, |(_, x)| x) } else { value };
        let quoted = serde_json::Value::from(value).to_string();
        let in_form: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let mut known = self.lock();
        for form in [value, &quoted[1..quoted.len() - 1], &in_form] {
            if form.len() >= MIN_SEARCHED && !known.iter().any(|secret| secret.expose() == form) {
                known.push(Secret::new(form.to_string()));
            }
        }
    }

    /// Whether one of them is in a text, as it is. A guest that disguises it is not found out.
    pub fn matches(&self, text: &[u8]) -> bool {
        self.lock().iter().any(|secret| memchr::memmem::find(text, secret.expose().as_bytes()).is_some())
    }

    /// The text with stars in their place.
    pub fn redact(&self, text: Bytes) -> Bytes {
        if !self.matches(&text) {
            return text;
        }
        let mut text = text.to_vec();
        for secret in self.lock().iter() {
            let places: Vec<usize> = memchr::memmem::find_iter(&text, secret.expose().as_bytes()).collect();
            places.into_iter().for_each(|at| text[at..at + secret.expose().len()].fill(b'*'));
        }
        text.into()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a secret comes from: the text itself, `{ env = "NAME" }` or `{ file = "PATH" }`.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// The text itself.
    Literal(String),
    /// An environment variable.
    Env {
        /// Its name.
        env: String,
    },
    /// A file, without its last line break.
    File {
        /// Its path.
        file: PathBuf,
    },
}

/// Why a secret cannot be had. It names the source and never the secret.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// The environment variable is not set, or is not UTF-8.
    #[error("environment variable {0} is not set to text; export it before starting, or give the secret by file")]
    Env(String),
    /// The file cannot be read.
    #[error("{path}: {error}; the secret's file must be readable text", path = .0.display(), error = .1)]
    File(PathBuf, std::io::Error),
    /// The secret is empty, or would not fit into a header.
    #[error("the secret is empty or holds a line break or another control character")]
    Unusable,
}

impl Source {
    /// Reads the secret.
    pub fn read(self) -> Result<Secret, Missing> {
        let text = match self {
            Source::Literal(text) => text,
            Source::Env { env } => std::env::var(&env).map_err(|_| Missing::Env(env))?,
            Source::File { file } => fs::read_to_string(&file).map_err(|error| Missing::File(file, error))?,
        };
        let text = Zeroizing::new(text);
        let secret = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        if secret.is_empty() || secret.contains(char::is_control) {
            return Err(Missing::Unusable);
        }
        Ok(Secret::new(secret.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_each_of_its_sources() {
        let file = std::env::temp_dir().join(format!("servicenow-secret-{}", std::process::id()));
        for text in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            fs::write(&file, text).unwrap();
            assert_eq!(Source::File { file: file.clone() }.read().ok().unwrap().expose(), "s3cret");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(Source::Literal("s3cret".to_string()).read().ok().unwrap().expose(), "s3cret");
        let path = std::env::var("PATH").unwrap();
        assert_eq!(Source::Env { env: "PATH".to_string() }.read().ok().unwrap().expose(), path);
    }

    #[test]
    fn a_secret_is_found_as_it_is_and_as_json_writes_it() {
        let known = Redactor::default();
        known.register("Bearer to\"ken-12345");
        known.register("short");
        for (text, found) in [
            ("x to\"ken-12345 y", true),
            (r#"{"a":"to\"ken-12345"}"#, true),
            ("secret=to%22ken-12345", true),
            ("Bearer token", false),
            ("short", false),
            ("", false),
        ] {
            assert_eq!(known.matches(text.as_bytes()), found, "{text}");
        }
        let struck = known.redact(Bytes::from_static(b"<to\"ken-12345>"));
        assert_eq!(struck, b"<************>".as_slice());
    }
}

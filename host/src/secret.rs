//! Secrets: text that is never shown and is wiped when dropped.

use crate::files;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret. It has no `Debug` and no `Display`, so that it cannot reach a log or an error by accident.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// One that nobody can guess, for a single use.
    pub fn one_time() -> Self {
        Self::new(uuid::Uuid::new_v4().simple().to_string())
    }

    /// Whether a text is this one, in a time that tells nothing of it.
    pub fn is(&self, text: &str) -> bool {
        let digest = |text: &str| digest(&SHA256, text.as_bytes());
        digest(self.expose()).as_ref().ct_eq(digest(text).as_ref()).into()
    }

    /// The text, to be sent and not to be kept.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// More than any token or key.
const MAX_FILE_BYTES: usize = 64 * 1024;

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
    /// Reads a secret of one line. A relative path is one from the folder of the file that names it.
    pub fn read(self, named_in: &Path) -> Result<Secret, Missing> {
        let text = self.read_text(named_in)?;
        let text = text.expose();
        let secret = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        if secret.is_empty() || secret.contains(char::is_control) {
            return Err(Missing::Unusable);
        }
        Ok(Secret::new(secret.to_string()))
    }

    /// Reads a secret of any lines, such as a key.
    pub fn read_text(self, named_in: &Path) -> Result<Secret, Missing> {
        let text = match self {
            Source::Literal(text) => text,
            Source::Env { env } => std::env::var(&env).map_err(|_| Missing::Env(env))?,
            Source::File { file } => {
                let file = files::beside(named_in, &file);
                let read = || {
                    let content = files::read(&file, MAX_FILE_BYTES)?;
                    content.warn_if_open(&file);
                    content.text().map(str::to_string)
                };
                read().map_err(|error| Missing::File(file.clone(), error))?
            }
        };
        Ok(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_secret_is_read_from_each_of_its_sources() {
        let file = std::env::temp_dir().join(format!("servicenow-secret-{}", std::process::id()));
        for text in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            fs::write(&file, text).unwrap();
            assert_eq!(Source::File { file: file.clone() }.read(Path::new("a.toml")).ok().unwrap().expose(), "s3cret");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(Source::Literal("s3cret".to_string()).read(Path::new("a.toml")).ok().unwrap().expose(), "s3cret");
        let path = std::env::var("PATH").unwrap();
        assert_eq!(Source::Env { env: "PATH".to_string() }.read(Path::new("a.toml")).ok().unwrap().expose(), path);
    }
}

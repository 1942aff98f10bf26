//! The file that keeps a rotated refresh token: many services accept each refresh token once, so that the last one they gave is the
//! only good one, and a process that loses it has to be connected anew by a person.

use crate::files;
use crate::secret::Secret;
use ring::digest::{SHA256, digest};
use std::fmt::Write;
use std::io;
use std::path::Path;

/// The first line, by which the file is known to be this library's.
const MARK: &str = "# Refresh token kept by servicenow-host; remove this file after connecting anew.";

/// More than any token.
const MAX_BYTES: usize = 64 * 1024;

/// The token that was kept, where it descends from this one: another in the authorizations file is a new connection. `None` where
/// there is none yet.
///
/// # Errors
///
/// If the file cannot be read, or is another's.
pub fn load(path: &Path, first: &Secret) -> io::Result<Option<Secret>> {
    let content = match files::read(path, MAX_BYTES) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    content.warn_if_open(path);
    let mut lines = content.text()?.lines();
    if lines.next() != Some(MARK) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it keeps no refresh token of this library; give another path",
        ));
    }
    let descends = lines.next() == Some(&*origin(first));
    Ok(lines.next().filter(|token| descends && !token.is_empty()).map(|token| Secret::new(token.to_string())))
}

/// Keeps a token that descends from `first`, in a file of its owner's alone, on the disk before it is used.
///
/// # Errors
///
/// If the file cannot be written, or another's stands there.
pub fn save(path: &Path, first: &Secret, token: &Secret) -> io::Result<()> {
    let text = format!("{MARK}\n{}\n{}\n", origin(first), token.expose());
    files::replace(path, text.as_bytes(), |present| present.starts_with(MARK.as_bytes()))
}

/// Names the token of the authorizations file without showing it.
fn origin(first: &Secret) -> String {
    digest(&SHA256, first.expose().as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a text does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_token_is_taken_up_again_unless_the_authorization_was_connected_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let secret = |text: &str| Secret::new(text.to_string());
        let loaded =
            |first: &str| load(&path, &secret(first)).map(|token| token.map(|token| token.expose().to_string()));
        assert_eq!(loaded("first").unwrap(), None);
        for token in ["second", "third"] {
            save(&path, &secret("first"), &secret(token)).unwrap();
            assert_eq!(loaded("first").unwrap().as_deref(), Some(token));
        }
        assert_eq!(loaded("connected anew").unwrap(), None);
        std::fs::write(&path, "an operator's file").unwrap();
        assert!(loaded("first").is_err() && save(&path, &secret("first"), &secret("fourth")).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "an operator's file");
    }
}

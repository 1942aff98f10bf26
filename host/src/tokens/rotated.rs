//! The file that keeps a rotated refresh token: many services accept each refresh token once, so that the last one they gave is the
//! only good one, and a process that loses it has to be connected anew by a person.

use crate::files;
use crate::secret::Secret;
use ring::digest::{SHA256, digest};
use rustix::fs::{Mode, OFlags, open};
use std::fmt::Write;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The first line, by which the file is known to be this library's.
const MARK: &str = "# Refresh token kept by servicenow-host; remove this file after connecting anew.";

/// Any token response, with each of its characters escaped.
const MAX_BYTES: usize = 512 * 1024;

/// Holds the file until this is dropped: of two processes with one file, the second takes up what the first one was given.
///
/// # Errors
///
/// If the file beside it cannot be made; `TimedOut` where another has it for longer than this.
pub fn hold(path: &Path, at_most: Duration) -> io::Result<File> {
    let mut name = path.as_os_str().to_os_string();
    name.push(".lock");
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let lock = File::from(open(Path::new(&name), flags, Mode::RUSR | Mode::WUSR)?);
    let until = Instant::now() + at_most;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// How often it is tried to have the file.
const PAUSE: Duration = Duration::from_millis(50);

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
    // Somebody may have made the file with the rights it is to have.
    let Some(mark) = lines.next() else { return Ok(None) };
    let no_token =
        || io::Error::new(io::ErrorKind::InvalidData, "it keeps no refresh token of this library; give another path");
    if mark != MARK {
        return Err(no_token());
    }
    if lines.next() != Some(&*origin(first)) {
        return Ok(None);
    }
    let token = lines.next().and_then(|token| serde_json::from_str(token).ok()).ok_or_else(no_token)?;
    Ok(Some(Secret::new(token)))
}

/// Keeps a token that descends from `first`, in a file of its owner's alone, on the disk before it is used.
///
/// # Errors
///
/// If the file cannot be written, or another's stands there.
pub fn save(path: &Path, first: &Secret, token: &Secret) -> io::Result<()> {
    // As a JSON text: a token is whatever a service gives, also of several lines.
    let text = Zeroizing::new(format!("{MARK}\n{}\n{}\n", origin(first), serde_json::to_string(token.expose())?));
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
        std::fs::write(&path, "").unwrap();
        assert_eq!(loaded("first").unwrap(), None);
        for token in ["second", "of\ntwo \"lines\"\r", &"\u{1}".repeat(64 * 1024), "third"] {
            save(&path, &secret("first"), &secret(token)).unwrap();
            assert_eq!(loaded("first").unwrap().as_deref(), Some(token));
        }
        assert_eq!(loaded("connected anew").unwrap(), None);
        std::fs::write(&path, "an operator's file").unwrap();
        assert!(loaded("first").is_err() && save(&path, &secret("first"), &secret("fourth")).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "an operator's file");
    }
}

//! The authorizations of a host: named credentials, and the one origin each is valid for.

pub mod addresses;
pub mod allowed_call;
mod authorization;
mod file;

pub use addresses::Addresses;
pub use allowed_call::{AllowedCall, NotACall};
pub use authorization::{Authorization, Client, ClientCertificate, CredentialMode, Grant};
pub use file::Invalid;

use crate::files;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Some thousand authorizations.
const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// All authorizations of a host, by name.
#[derive(Clone, Default)]
pub struct Authorizations(BTreeMap<String, Arc<Authorization>>);

impl Authorizations {
    /// Reads a file, and the secrets it points to.
    pub fn from_file(path: &Path) -> Result<Self, Invalid> {
        let unreadable = |error| Invalid::Unreadable(path.to_path_buf(), error);
        let content = files::read(path, MAX_FILE_BYTES).map_err(unreadable)?;
        let read = Self::parse(content.text().map_err(unreadable)?, path)?;
        content.warn_if_open(path);
        Ok(read)
    }

    /// Reads the text of an authorizations file. `path` is named in messages, and the files that the text names are relative to its
    /// folder.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Invalid> {
        let read = file::parse(text, path)?;
        Ok(Self(read.into_iter().map(|(name, authorization)| (name, Arc::new(authorization))).collect()))
    }

    /// One authorization.
    pub fn get(&self, name: &str) -> Option<&Arc<Authorization>> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Authorization)> {
        self.0.iter().map(|(name, authorization)| (name, &**authorization))
    }

    /// Adds or replaces one.
    pub fn insert(&mut self, name: impl Into<String>, authorization: Authorization) {
        self.0.insert(name.into(), Arc::new(authorization));
    }
}

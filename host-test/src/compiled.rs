//! The component, compiled: kept in a folder so that a new process need not compile it again.
//!
//! Compiled code is machine code, and whoever writes it runs in this process. So it is read from a folder and a file that
//! belong to this user and that nobody else may write, and put there in one step. Anything else is compiled anew.

use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Only this user's.
const PRIVATE: u32 = 0o700;

/// What others may write has one of these bits.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The folder that is used where none is named: below the user's own for such things. `None` where there is no such user.
pub fn usual_folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
    Some(base.join("servicenow-host"))
}

/// Loads a component from the folder, or compiles it and keeps it there. A folder that cannot be used is no error: the
/// component is compiled then.
pub fn load(engine: &Engine, bytes: &[u8], folder: &Path) -> wasmtime::Result<Component> {
    let file = folder.join(name(engine, bytes));
    if is_ours(folder) && is_ours(&file) {
        // SAFETY: the file was written by `keep` in a folder that nobody but this user can write, by an engine that is
        // compatible with this one: its name says so, and wasmtime checks it again.
        match unsafe { Component::deserialize_file(engine, &file) } {
            Ok(component) => return Ok(component),
            Err(error) => tracing::info!(%error, file = %file.display(), "the compiled component is made anew"),
        }
    }
    let component = Component::new(engine, bytes)?;
    if let Err(error) = keep(&component, folder, &file) {
        tracing::info!(error = format!("{error:#}"), folder = %folder.display(), "the compiled component is not kept");
    }
    Ok(component)
}

/// A name that differs wherever the compiled code would.
fn name(engine: &Engine, bytes: &[u8]) -> String {
    let mut compatible = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut compatible);
    let component: String = Sha256::digest(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{component}-{:016x}.cwasm", compatible.finish())
}

fn keep(component: &Component, folder: &Path, file: &Path) -> wasmtime::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(folder)?;
    if !is_ours(folder) {
        return Err(wasmtime::Error::msg("others may write to the folder, or it is not this user's"));
    }
    // At once, so that no process ever reads half of it.
    let part = file.with_extension(format!("{}.part", std::process::id()));
    fs::write(&part, component.serialize()?)?;
    fs::set_permissions(&part, fs::Permissions::from_mode(0o600))?;
    Ok(fs::rename(&part, file)?)
}

/// Whether a path belongs to this user alone. A link does not count: it may lead anywhere.
fn is_ours(path: &Path) -> bool {
    let ours = |found: Metadata| {
        let owner = rustix::process::geteuid().as_raw();
        found.uid() == owner && found.permissions().mode() & WRITABLE_BY_OTHERS == 0 && !found.is_symlink()
    };
    fs::symlink_metadata(path).is_ok_and(ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::COMPONENT;

    #[test]
    fn compiled_code_is_taken_from_a_place_of_this_user_s_alone() {
        let engine = Engine::default();
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("cache");
        assert!(load(&engine, COMPONENT, &folder).is_ok());
        let file = folder.join(name(&engine, COMPONENT));
        let written = || fs::metadata(&file).unwrap().ino();
        let first = written();
        assert!(load(&engine, COMPONENT, &folder).is_ok());
        assert_eq!(written(), first, "it was there");
        // Writable by others: compiled anew, and put in the place of what stood there.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(load(&engine, COMPONENT, &folder).is_ok());
        assert_ne!(written(), first);
        // A folder that others may write is not used at all.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(&file, "not compiled code").unwrap();
        assert!(load(&engine, COMPONENT, &folder).is_ok());
        assert_eq!(fs::read_to_string(&file).unwrap(), "not compiled code");
        // A broken file of this user's is replaced.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(load(&engine, COMPONENT, &folder).is_ok());
        assert!(fs::metadata(&file).unwrap().len() > 1_000);
        let linked = base.path().join("linked");
        std::os::unix::fs::symlink(&folder, &linked).unwrap();
        assert!(!is_ours(&linked));
    }
}

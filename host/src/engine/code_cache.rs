//! The component, compiled: kept in a folder so that a new process need not compile it again.
//!
//! Compiled code is machine code, and whoever writes it runs in this process. So it is read from a folder and a file that
//! belong to this user and that nobody else may write, and put there in one step. Anything else is compiled anew.

use ring::digest::{SHA256, digest};
use rustix::fs::{Mode, OFlags, Stat, fstat, open, openat};
use std::fs::{DirBuilder, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use wasmtime::component::Component;
use wasmtime::{Engine, Error, Result};

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
pub fn load(engine: &Engine, bytes: &[u8], folder: &Path) -> Result<Component> {
    let name = name(engine, bytes);
    match read(folder, &name) {
        Ok(Some(code)) => {
            // SAFETY: the code was written by `keep` into a folder and a file of this user's that nobody else can write, which
            // was looked at where it was read; by an engine that is compatible with this one, as its name says and wasmtime
            // checks again.
            match unsafe { Component::deserialize(engine, code) } {
                Ok(component) => return Ok(component),
                Err(error) => tracing::info!(%error, name, "the compiled component is made anew"),
            }
        }
        Ok(None) => {}
        Err(error) => tracing::info!(error = format!("{error:#}"), "the compiled component is not read"),
    }
    let component = Component::new(engine, bytes)?;
    if let Err(error) = keep(&component, folder, &name) {
        tracing::info!(error = format!("{error:#}"), folder = %folder.display(), "the compiled component is not kept");
    }
    Ok(component)
}

/// A name that differs wherever the compiled code would.
fn name(engine: &Engine, bytes: &[u8]) -> String {
    let mut compatible = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut compatible);
    let component: String = digest(&SHA256, bytes).as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{component}-{:016x}.cwasm", compatible.finish())
}

/// The file of that name. Folder and file are opened once and looked at where they are open, so that nothing can be put in
/// their place in between.
fn read(folder: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let Ok(folder) = open(folder, flags | OFlags::DIRECTORY, Mode::empty()) else { return Ok(None) };
    check(&folder)?;
    let Ok(file) = openat(&folder, name, flags, Mode::empty()) else { return Ok(None) };
    check(&file)?;
    let mut code = Vec::new();
    File::from(file).read_to_end(&mut code)?;
    Ok(Some(code))
}

fn keep(component: &Component, folder: &Path, name: &str) -> Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(folder)?;
    check(&open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?)?;
    // A file of its own, which takes the name at once: no process reads half of it, and two never write the same.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&component.serialize()?)?;
    file.persist(folder.join(name))?;
    Ok(())
}

/// Whether what is open belongs to this user alone.
fn check(open: &OwnedFd) -> Result<()> {
    let Stat { st_uid, st_mode, .. } = fstat(open)?;
    match st_uid == rustix::process::geteuid().as_raw() && st_mode & WRITABLE_BY_OTHERS == 0 {
        true => Ok(()),
        false => Err(Error::msg("others may write to the folder or the file, or it is not this user's")),
    }
}

#[cfg(all(test, feature = "bundled"))]
mod tests {
    use super::*;
    use crate::bundled::COMPONENT;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

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
        // A link may lead anywhere.
        let linked = base.path().join("linked");
        std::os::unix::fs::symlink(&folder, &linked).unwrap();
        assert!(read(&linked, &name(&engine, COMPONENT)).is_ok_and(|found| found.is_none()));
    }
}

//! Files that hold secrets, or that this library writes: regular files only, no link is followed, and nothing is replaced that was
//! not written by it.

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Who else than the owner may read or write a file has one of these bits.
const OTHERS: u32 = 0o077;

/// A file that was read.
pub struct Content {
    /// Its bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The rights of others to it, as `chmod` writes them, where there are any.
    pub open_to_others: Option<String>,
}

impl Content {
    /// As text.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8.
    pub fn text(&self) -> io::Result<&str> {
        std::str::from_utf8(&self.bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text in UTF-8"))
    }

    /// Warns, as ssh does, where others may read a file with something secret in it.
    pub fn warn_if_open(&self, path: &Path) {
        if let Some(mode) = &self.open_to_others {
            tracing::warn!(path = %path.display(), mode, "others may read this file with secrets in it; chmod 600 it");
        }
    }
}

/// Reads a regular file of at most so many bytes.
///
/// # Errors
///
/// If it cannot be read, is a link, a folder, a pipe or a device, or is larger.
pub fn read(path: &Path, max: usize) -> io::Result<Content> {
    // A pipe without a writer would hold this up.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => invalid("it is a symbolic link; give the file itself"),
        other => other.into(),
    })?;
    let Stat { st_mode, .. } = fstat(&file)?;
    if FileType::from_raw_mode(st_mode) != FileType::RegularFile {
        return Err(invalid("it is no regular file"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    File::from(file).take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > max {
        return Err(invalid(&format!("it is larger than {max} bytes")));
    }
    let others = st_mode & OTHERS;
    Ok(Content { bytes, open_to_others: (others != 0).then(|| format!("{:04o}", st_mode & 0o7777)) })
}

/// Writes a file that only its owner may read, at once: a reader never sees half of it. An existing file is replaced where `is_ours`
/// says that it was written by this library.
///
/// # Errors
///
/// If something else stands there, or it cannot be written.
pub fn replace(path: &Path, bytes: &[u8], is_ours: impl Fn(&[u8]) -> bool) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(_) => {
            let present = read(path, usize::MAX - 1)?;
            if !present.bytes.is_empty() && !is_ours(&present.bytes) {
                return Err(invalid(
                    "another file stands there, which is not replaced; give another path or remove it",
                ));
            }
        }
    }
    // Made by a name that nothing has, with rights for its owner alone; a rename replaces a link and not what it leads to.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(bytes)?;
    fresh.as_file().sync_data()?;
    fresh.persist(path)?;
    // The new name is lost with a crash otherwise.
    File::open(folder)?.sync_all()
}

/// A path that a file names: relative to the folder of that file, and not to the shell's.
pub fn beside(file: &Path, named: &Path) -> PathBuf {
    file.parent().map_or_else(|| named.to_path_buf(), |folder| folder.join(named))
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn only_a_regular_file_of_bounded_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "12345678").unwrap();
        symlink(path("file"), path("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        for (name, max, problem) in [
            ("file", 8, ""),
            ("file", 9, ""),
            ("file", 7, "larger than 7"),
            ("link", 8, "symbolic link"),
            ("pipe", 8, "no regular file"),
            ("", 8, "no regular file"),
            ("missing", 8, "No such file"),
        ] {
            let problem_found = read(&path(name), max).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(
                problem_found.contains(problem) && problem.is_empty() == problem_found.is_empty(),
                "{name}: {problem_found}"
            );
        }
        assert!(read(Path::new("/dev/zero"), 8).is_err());
        for (mode, open) in
            [(0o600, None), (0o400, None), (0o640, Some("0640")), (0o644, Some("0644")), (0o602, Some("0602"))]
        {
            fs::set_permissions(path("file"), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path("file"), 8).unwrap().open_to_others.as_deref(), open, "{mode:o}");
        }
    }

    #[test]
    fn only_what_was_written_here_is_replaced_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let is_ours = |bytes: &[u8]| bytes.starts_with(b"ours");
        replace(&path, b"ours 1", is_ours).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        replace(&path, b"ours 2", is_ours).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"ours 2");
        fs::write(&path, "theirs").unwrap();
        assert!(replace(&path, b"ours 3", is_ours).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(replace(&link, b"ours 4", |_| true).is_err());
        assert!(replace(Path::new("/dev/null"), b"ours 5", |_| true).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn a_path_is_relative_to_the_file_that_names_it() {
        for (file, named, path) in [
            ("/etc/flow/a.toml", "secret", "/etc/flow/secret"),
            ("/etc/flow/a.toml", "/run/secret", "/run/secret"),
            ("a.toml", "secret", "secret"),
        ] {
            assert_eq!(beside(Path::new(file), Path::new(named)), Path::new(path));
        }
    }
}

//! `package`: everything there is to publish, in a folder.

use super::{print, print_table, table};
use crate::lab::package::files;
use anyhow::Context;
use clap::Args;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The folder of the interface.
const WIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");

/// Options of `package`.
#[derive(Args)]
pub struct Package {
    /// The folder; made where it is missing
    #[arg(long, value_name = "DIR", default_value = "dist")]
    out: PathBuf,
}

impl Package {
    /// Always true: what cannot be written is an error.
    pub async fn run(self) -> anyhow::Result<bool> {
        let out = &self.out;
        fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        let mut lines = table(&["file", "bytes"]);
        for file in files(Path::new(WIT)).await? {
            let path = out.join(&file.name);
            fs::write(&path, &file.bytes).with_context(|| format!("cannot write {}", path.display()))?;
            if file.name.ends_with(".sh") {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            }
            lines.add_row([file.name, file.bytes.len().to_string()]);
        }
        print_table(&lines);
        let script = out.join("publish.sh");
        print(&format!("\nin {}; `{} REGISTRY/FOLDER` pushes them to a registry.", out.display(), script.display()));
        Ok(true)
    }
}

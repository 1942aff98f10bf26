//! Compiles a guest for `wasm32-unknown-unknown` into a target folder of its own.

use anyhow::{Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

/// The most memory that a component declares, which binds it in engines without a limit of their own. The same as that of
/// `servicenow-host`.
pub const MAX_MEMORY_BYTES: u32 = 128 * 1024 * 1024;

/// How a guest is linked.
pub struct Guest {
    /// The package.
    pub package: &'static str,
    /// Its features beside the default ones.
    pub features: &'static [&'static str],
    /// Its stack. A smaller one makes an instance cheaper to start.
    pub stack_bytes: u32,
    /// Its memory at the start: stack, data, and what a usual call allocates, so that it grows none.
    pub memory_bytes: u32,
}

/// Settings of the outer build that would reach into the guest's: flags and wrappers meant for the host's code, and
/// the place of its output.
const OUTER_SETTINGS: [&str; 7] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "CARGO_MAKEFLAGS",
];

/// Compiles a package of the workspace, and returns the core module.
pub fn compile(workspace: &Path, guest: &Guest, target_dir: &Path) -> Result<PathBuf> {
    add_target()?;
    let workspace = workspace.canonicalize()?;
    let Guest { package, features, stack_bytes, memory_bytes } = guest;
    let home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo")))?;
    // Paths of this machine stay out of the component, so that it is the same wherever it is built.
    let flags = [
        format!("--remap-path-prefix={}=.", workspace.display()),
        format!("--remap-path-prefix={home}=cargo"),
        format!("-Clink-arg=-zstack-size={stack_bytes}"),
        format!("-Clink-arg=--initial-memory={memory_bytes}"),
        format!("-Clink-arg=--max-memory={MAX_MEMORY_BYTES}"),
        "-Clink-arg=--compress-relocations".to_string(),
    ];
    let mut cargo = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_string()));
    for name in OUTER_SETTINGS {
        cargo.env_remove(name);
    }
    let module = target_dir.join(TARGET).join("guest").join(format!("{}.wasm", package.replace('-', "_")));
    if !module.exists() {
        eprintln!("compiling {package} for {TARGET}, which takes up to a minute the first time");
    }
    let status = cargo
        .current_dir(workspace)
        .args(["build", "--quiet", "--locked", "--lib", "--package", package, "--profile", "guest"])
        .args(["--features", &features.join(",")])
        .args(["--target", TARGET, "--target-dir"])
        .arg(target_dir)
        // Encoded, because a path may hold a space.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .status()?;
    if !status.success() {
        bail!("{package} did not compile; the compiler's messages are above");
    }
    Ok(module)
}

/// Adds the target through rustup where the compiler lacks it. Only a target: the toolchain stays as it is.
fn add_target() -> Result<()> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let libdir = Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]).output()?;
    if Path::new(String::from_utf8(libdir.stdout)?.trim()).is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    match added {
        Ok(status) if status.success() => Ok(()),
        _ => bail!(
            "the component needs the Rust target {TARGET}, and `rustup target add {TARGET}` did not work; \
             install the target for {rustc} and build again"
        ),
    }
}

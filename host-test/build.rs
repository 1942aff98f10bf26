//! Builds the guests: compiles each for `wasm32-unknown-unknown` into a target folder of its own, turns the core modules
//! into components, composes those that are made of several, and adds the documentation of `wit/`.
//!
//! Doing this here makes `cargo run` and `cargo test` the whole set-up.

#[path = "build/component.rs"]
mod component;
#[path = "build/guest.rs"]
mod guest;
#[path = "build/guests.rs"]
mod guests;

use anyhow::Result;
use guests::Built;
use std::env;
use std::fs;
use std::path::PathBuf;

/// What guests are made of. A change of one of them builds them again.
const INPUTS: [&str; 7] = ["component", "sync", "adapters", "json", "wit", "Cargo.lock", "Cargo.toml"];

fn main() -> Result<()> {
    let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    for Built { file, bytes } in guests::build(&workspace, &out.join("guest"))? {
        let path = out.join(file);
        fs::write(&path, bytes)?;
        // The crate's code finds `servicenow-env.wasm` by the variable SERVICENOW_ENV_WASM.
        println!("cargo::rustc-env={}={}", file.to_uppercase().replace(['-', '.'], "_"), path.display());
    }
    Ok(())
}

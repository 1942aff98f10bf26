//! Builds the guest: compiles it for `wasm32-unknown-unknown` into a target folder of its own, turns the core module
//! into a component and adds the documentation of `wit/`.
//!
//! Doing this here makes `cargo run` and `cargo test` the whole set-up.

#[path = "build/guest.rs"]
mod guest;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::read::ZlibEncoder;
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use wit_component::ComponentEncoder;
use wit_parser::{PackageMetadata, Resolve};

/// Where the documentation of `wit/` is in the component, compressed to a third; `src/inspection.rs` reads it back.
const DOCS_SECTION: &str = "package-docs:servicenow:plugin:zlib";

/// The id of a custom section.
const CUSTOM_SECTION: u8 = 0;

fn main() -> Result<()> {
    let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for input in ["component/src", "component/Cargo.toml", "wit", "Cargo.lock", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    let module = fs::read(guest::compile(&workspace, "servicenow-component", &out.join("guest"))?)?;
    let encoded = ComponentEncoder::default().validate(true).module(&module)?.encode()?;
    let mut component = strip_names(&encoded)?;
    append_docs(&mut component, &workspace.join("wit"))?;
    let path = out.join("servicenow.wasm");
    fs::write(&path, component)?;
    println!("cargo::rustc-env=SERVICENOW_WASM={}", path.display());
    Ok(())
}

/// Doc comments do not reach a component by themselves: they go into a section of their own.
///
/// Not into `package-docs`, where tools would look first: decoders apply that section to the synthetic package that they
/// name a decoded component after, find none of our interfaces in it, and refuse the component.
fn append_docs(component: &mut Vec<u8>, wit: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    // A decoded component has its interfaces, and a world of another name.
    resolve.packages[package].worlds.clear();
    let docs = PackageMetadata::extract(&resolve, package).encode()?;
    let mut docs = ZlibEncoder::new(docs.as_slice(), Compression::best());
    let mut section = Vec::new();
    leb128(&mut section, DOCS_SECTION.len());
    section.extend_from_slice(DOCS_SECTION.as_bytes());
    docs.read_to_end(&mut section)?;
    component.push(CUSTOM_SECTION);
    leb128(component, section.len());
    component.extend_from_slice(&section);
    Ok(())
}

/// Leaves out the names that `wit-component` gives its own definitions: they help nobody who runs the component.
fn strip_names(component: &[u8]) -> Result<Vec<u8>> {
    let mut kept = component[..8].to_vec();
    let mut rest = &component[8..];
    while let [id, after @ ..] = rest {
        let (length, body) = read_leb128(after)?;
        let (body, next) = body.split_at_checked(length).context("a section is longer than the component")?;
        let is_names = *id == CUSTOM_SECTION && body.get(1..).is_some_and(|name| name.starts_with(b"component-name"));
        if !is_names {
            kept.extend_from_slice(&rest[..rest.len() - next.len()]);
        }
        rest = next;
    }
    Ok(kept)
}

fn read_leb128(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0).context("a length without an end")?;
    let length = bytes[..=end].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
    Ok((length, &bytes[end + 1..]))
}

fn leb128(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

//! Builds the guest: compiles it for `wasm32-unknown-unknown` into a target folder of its own, turns the core module
//! into a component and adds the documentation of `wit/`.
//!
//! Doing this here makes `cargo run` and `cargo test` the whole set-up.

#[path = "build/guest.rs"]
mod guest;

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::read::ZlibEncoder;
use guest::Guest;
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{PackageMetadata, Resolve, WorldItem};

/// Where the documentation of `wit/` is in the component, compressed to a third; `src/inspection.rs` reads it back.
const DOCS_SECTION: &str = "package-docs:servicenow:plugin:zlib";

/// The id of a custom section.
const CUSTOM_SECTION: u8 = 0;

/// The incident node. Its stack needs a fraction of this.
const INCIDENT_NODE: Guest =
    Guest { package: "servicenow-component", stack_bytes: 64 * 1024, memory_bytes: 512 * 1024 };

/// Events both ways. Templates and JSON are parsed by calls within calls: some 400 levels of them fit.
const EVENTS: Guest = Guest { package: "servicenow-sync", stack_bytes: 1024 * 1024, memory_bytes: 4 * 1024 * 1024 };

fn main() -> Result<()> {
    let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for input in
        ["component/src", "component/Cargo.toml", "sync/src", "sync/Cargo.toml", "wit", "Cargo.lock", "Cargo.toml"]
    {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    build(&workspace, &out, &INCIDENT_NODE, "plugin", "servicenow.wasm", "SERVICENOW_WASM")?;
    build(&workspace, &out, &EVENTS, "events", "servicenow-sync.wasm", "SERVICENOW_SYNC_WASM")
}

/// Builds a component of a world, and tells the crate's code where it is.
fn build(workspace: &Path, out: &Path, guest: &Guest, world: &str, file: &str, variable: &str) -> Result<()> {
    let module = fs::read(guest::compile(workspace, guest, &out.join("guest"))?)?;
    let encoded = ComponentEncoder::default().validate(true).module(&module)?.encode()?;
    let mut component = strip_names(&encoded)?;
    append_docs(&mut component, &workspace.join("wit"), world)?;
    let path = out.join(file);
    fs::write(&path, component)?;
    println!("cargo::rustc-env={variable}={}", path.display());
    Ok(())
}

/// Doc comments do not reach a component by themselves: they go into a section of their own.
///
/// Not into `package-docs`, where tools would look first: decoders apply that section to the synthetic package that they
/// name a decoded component after, find none of our interfaces in it, and refuse the component.
fn append_docs(component: &mut Vec<u8>, wit: &Path, world: &str) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = &resolve.worlds[resolve.select_world(&[package], Some(world))?];
    let used = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    };
    let used: Vec<_> = world.imports.values().chain(world.exports.values()).filter_map(used).collect();
    // A decoded component has the interfaces of its world, and a world of another name.
    resolve.packages[package].interfaces.retain(|_, id| used.contains(id));
    resolve.packages[package].worlds.clear();
    // And of the interfaces it imports, the functions that it calls.
    let DecodedWasm::Component(decoded, _) = wit_component::decode(component)? else { bail!("this is no component") };
    let functions = |name: &str| {
        let found = decoded.interfaces.iter().find(|(_, interface)| interface.name.as_deref() == Some(name));
        found.map(|(_, interface)| interface.functions.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    for (name, id) in resolve.packages[package].interfaces.clone() {
        let called = functions(&name);
        resolve.interfaces[id].functions.retain(|function, _| called.contains(function));
    }
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

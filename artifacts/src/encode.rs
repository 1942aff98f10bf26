//! A component's bytes: made from a core module, without the names of its definitions, with the documentation of `wit/`.

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::read::ZlibEncoder;
use std::io::Read;
use std::path::Path;
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{PackageMetadata, Resolve};

/// The custom section with the documentation of `wit/`, compressed to a third. [`interface`](crate::interface()) reads it.
pub const DOCS_SECTION: &str = "package-docs:servicenow:plugin:zlib";

/// The id of a custom section.
const CUSTOM_SECTION: u8 = 0;

/// Turns a core module into a component.
pub fn encode(module: &[u8]) -> Result<Vec<u8>> {
    strip_names(&ComponentEncoder::default().validate(true).module(module)?.encode()?)
}

/// Doc comments do not reach a component by themselves: they go into a section of their own.
///
/// Not into `package-docs`, where tools would look first: decoders apply that section to the synthetic package that they
/// name a decoded component after, find none of our interfaces in it, and refuse the component.
pub fn append_docs(component: &mut Vec<u8>, wit: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    // A decoded component has the interfaces of its world, and a world of another name.
    let DecodedWasm::Component(decoded, _) = wit_component::decode(component)? else { bail!("this is no component") };
    let ours = decoded.packages.iter().find(|(_, known)| known.name == resolve.packages[package].name);
    let used = &ours.context("the component has no interface of wit/")?.1.interfaces;
    resolve.packages[package].interfaces.retain(|name, _| used.contains_key(name));
    resolve.packages[package].worlds.clear();
    // And of the interfaces it imports, the functions that it calls.
    let functions = |name: &str| decoded.interfaces[used[name]].functions.keys().cloned().collect::<Vec<_>>();
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
pub fn strip_names(component: &[u8]) -> Result<Vec<u8>> {
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

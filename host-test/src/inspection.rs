//! What a component is made of: its imports, its exports, its size.

use anyhow::{Context, bail};
use flate2::read::ZlibDecoder;
use serde::Serialize;
use std::io::Read;
use wasmtime::Engine;
use wasmtime::component::Component;
use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::{PackageId, PackageMetadata, Resolve};

/// Where the build puts the documentation of `wit/`.
const DOCS_SECTION: &[u8] = b"package-docs:servicenow:plugin:zlib";

/// Ten times what the documentation has today. A component is not trusted, and few bytes can be made into very many.
const MAX_DOCS_BYTES: u64 = 256 * 1024;

/// A component, seen from outside.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// Its size.
    pub bytes: usize,
    /// The interfaces it needs from a host.
    pub imports: Vec<String>,
    /// The interfaces it offers.
    pub exports: Vec<String>,
}

/// Looks at a component without running it.
pub fn inspect(bytes: &[u8]) -> wasmtime::Result<Inspection> {
    let engine = Engine::default();
    let component = Component::new(&engine, bytes)?;
    let ty = component.component_type();
    Ok(Inspection {
        bytes: bytes.len(),
        imports: ty.imports(&engine).map(|(name, _)| name.to_string()).collect(),
        exports: ty.exports(&engine).map(|(name, _)| name.to_string()).collect(),
    })
}

/// The interface that a component carries, with its documentation.
pub fn interface(bytes: &[u8]) -> anyhow::Result<(Resolve, PackageId)> {
    let DecodedWasm::Component(mut resolve, _) = wit_component::decode(bytes)? else {
        bail!("this is the text of an interface and not a component");
    };
    let ours = resolve.packages.iter().find(|(_, package)| package.name.namespace == "servicenow");
    let package = ours.context("the component has no interface of the package servicenow:plugin")?.0;
    if let Some(start) = bytes.windows(DOCS_SECTION.len()).rposition(|window| window == DOCS_SECTION) {
        let mut docs = Vec::new();
        let compressed = &bytes[start + DOCS_SECTION.len()..];
        let unreadable = "the documentation in the component cannot be read: build the component again";
        ZlibDecoder::new(compressed).take(MAX_DOCS_BYTES).read_to_end(&mut docs).context(unreadable)?;
        PackageMetadata::decode(&docs).context(unreadable)?.inject(&mut resolve, package)?;
    }
    Ok((resolve, package))
}

/// The same as text.
pub fn wit(bytes: &[u8]) -> anyhow::Result<String> {
    let (resolve, package) = interface(bytes)?;
    let mut printer = WitPrinter::default();
    printer.print(&resolve, package, &[])?;
    Ok(printer.output.to_string())
}

//! The interface: as a component carries it, as text, and as a package for registries.

use crate::encode::DOCS_SECTION;
use anyhow::{Context, bail};
use flate2::read::ZlibDecoder;
use std::io::Read;
use std::path::Path;
use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::{PackageId, PackageMetadata, Resolve};

/// Ten times what the documentation has today. A component is not trusted, and few bytes can be made into very many.
const MAX_DOCS_BYTES: u64 = 256 * 1024;

/// The interface that a component carries, with its documentation.
pub fn interface(bytes: &[u8]) -> anyhow::Result<(Resolve, PackageId)> {
    let DecodedWasm::Component(mut resolve, _) = wit_component::decode(bytes)? else {
        bail!("this is the text of an interface and not a component");
    };
    let ours = resolve.packages.iter().find(|(_, package)| package.name.namespace == "servicenow");
    let package = ours.context("the component has no interface of the package servicenow:plugin")?.0;
    if let Some(start) = bytes.windows(DOCS_SECTION.len()).rposition(|window| window == DOCS_SECTION.as_bytes()) {
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

/// The package of an interface's folder in binary form, as registries have it, with its documentation.
pub fn package(wit: &Path) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let unreadable = || format!("{}: the interface cannot be read", wit.display());
    let (package, _) = resolve.push_dir(wit).with_context(unreadable)?;
    wit_component::encode(&resolve, package)
}

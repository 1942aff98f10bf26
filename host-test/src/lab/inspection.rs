//! What a component is made of: its imports, its exports, its size.

use serde::Serialize;
use wasmtime::Engine;
use wasmtime::component::Component;

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

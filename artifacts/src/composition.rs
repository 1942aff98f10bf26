//! Composes components by wac.

use crate::encode::strip_names;
use anyhow::Result;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, plug};

/// Satisfies imports of a component by the exports of others. What is left of its imports, and those of the others, are the
/// imports of the whole; its exports are its own.
pub fn compose(component: &[u8], others: &[&[u8]]) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let mut register = |name: String, bytes: &[u8]| {
        let package = Package::from_bytes(&name, None, bytes, graph.types_mut())?;
        anyhow::Ok(graph.register_package(package)?)
    };
    let socket = register("servicenow:component".to_string(), component)?;
    let plugs = others.iter().enumerate().map(|(at, bytes)| register(format!("servicenow:plug{at}"), bytes));
    let plugs = plugs.collect::<Result<Vec<_>>>()?;
    plug(&mut graph, plugs, socket)?;
    strip_names(&graph.encode(EncodeOptions::default())?)
}

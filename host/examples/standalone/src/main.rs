//! An embedder outside of the workspace: loads a component from a file, and prints what its manifest describes.

use anyhow::Context;
use servicenow_host::Host;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("give the path of servicenow.wasm")?;
    let bytes = std::fs::read(&path).with_context(|| format!("{path} cannot be read"))?;
    let host = Host::builder().component(bytes).build()?;
    let node = host.describe().await?;
    println!("{} {}", node.title, node.version);
    for method in node.methods {
        println!("  {}: {} outcomes", method.name, method.outcomes.len());
    }
    Ok(())
}

//! `inspect`: what a component is made of.

use super::{print, print_table, table};
use crate::builder::COMPONENT;
use crate::host::Host;
use crate::inspection::{inspect, wit};
use crate::json::to_json;
use anyhow::Context;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Options of `inspect`.
#[derive(Args)]
pub struct Inspect {
    /// The component; the one built with this program where absent
    file: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Print the interface as WIT, with its documentation
    #[arg(long, conflicts_with = "json")]
    wit: bool,
}

impl Inspect {
    /// Always true: what cannot be inspected is an error.
    pub async fn run(self) -> anyhow::Result<bool> {
        let bytes = match &self.file {
            Some(path) => std::fs::read(path)
                .with_context(|| format!("{}: give the path of a .wasm component", path.display()))?,
            None => COMPONENT.to_vec(),
        };
        let name = self.file.as_ref().map_or("servicenow.wasm".to_string(), |path| path.display().to_string());
        let seen = inspect(&bytes)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{name} is not a WebAssembly component"))?;
        if self.wit {
            print(wit(&bytes)?.trim_end());
            return Ok(true);
        }
        let host = Host::builder().component(bytes).build()?;
        let node = host.describe().await.map_err(anyhow::Error::from)?;
        if self.json {
            let all = json!({"bytes": seen.bytes, "imports": seen.imports, "exports": seen.exports, "manifest": to_json(&node)});
            print(&serde_json::to_string_pretty(&all)?);
            return Ok(true);
        }
        print(&format!("{name}: {} {}, {} bytes\n", node.title, node.version, seen.bytes));
        for (title, interfaces) in [("imports", &seen.imports), ("exports", &seen.exports)] {
            print(&format!("{title}\n  {}\n", interfaces.join("\n  ")));
        }
        for method in &node.methods {
            print(&format!("{} ({}): {}", method.name, method.title, method.description));
            let mut lines = table(&["input", "label", "type", "", "description"]);
            for input in &method.inputs {
                let needed = if input.required { "required" } else { "" };
                let choices = if input.choices.is_empty() {
                    String::new()
                } else {
                    format!(" One of: {}.", input.choices.join(", "))
                };
                let kind = to_json(&input.value_type);
                lines.add_row([
                    &input.name,
                    &input.label,
                    kind.as_str().unwrap_or_default(),
                    needed,
                    &(input.description.clone() + &choices),
                ]);
            }
            print_table(&lines);
            print("");
            let mut lines = table(&["outcome", "edge", "when"]);
            for outcome in &method.outcomes {
                lines.add_row([&outcome.case_name, &outcome.node_name, &outcome.description]);
            }
            print_table(&lines);
            print(&format!("\n {} output variables; --json lists them.\n", method.outputs.len()));
        }
        Ok(true)
    }
}

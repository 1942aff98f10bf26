//! `inspect`: what a component is made of.

use super::{print, print_table, table};
use crate::components;
use crate::lab::inspection::inspect;
use anyhow::Context;
use clap::Args;
use serde_json::json;
use servicenow_artifacts::{Artifact, wit};
use servicenow_host::Host;
use servicenow_host::json::to_json;
use std::path::PathBuf;

/// The interface that describes a node; a component for event sync has none.
const MANIFEST: &str = "servicenow:plugin/manifest@";

/// Options of `inspect`.
#[derive(Args)]
pub struct Inspect {
    /// The component; the incident node built with this program where absent
    file: Option<PathBuf>,
    /// The component for two-way event sync, built from this checkout
    #[arg(long, alias = "events", conflicts_with = "file")]
    sync: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Print the interface as WIT, with its documentation
    #[arg(long, conflicts_with = "json")]
    wit: bool,
}

impl Inspect {
    /// The component that is looked at where no file is given.
    fn artifact(&self) -> Artifact {
        if self.sync { Artifact::Sync } else { Artifact::Node }
    }

    /// Always true: what cannot be inspected is an error.
    pub async fn run(self) -> anyhow::Result<bool> {
        let bytes = match &self.file {
            Some(path) => std::fs::read(path)
                .with_context(|| format!("{}: give the path of a .wasm component", path.display()))?,
            None => components::load(self.artifact())?.to_vec(),
        };
        let built_in = || self.artifact().file_name().to_string();
        let name = self.file.as_ref().map_or_else(built_in, |path| path.display().to_string());
        let seen = inspect(&bytes)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{name} is not a WebAssembly component"))?;
        if self.wit {
            print(wit(&bytes)?.trim_end());
            return Ok(true);
        }
        let node = match seen.exports.iter().any(|export| export.starts_with(MANIFEST)) {
            true => match Host::builder().component(bytes).build() {
                Ok(host) => Some(host.describe().await.map_err(anyhow::Error::from)?),
                // It can be looked at all the same.
                Err(error) => {
                    eprintln!("its manifest is not read: {error}");
                    None
                }
            },
            false => None,
        };
        if self.json {
            let all = json!({"bytes": seen.bytes, "imports": seen.imports, "exports": seen.exports, "manifest": to_json(&node)});
            print(&serde_json::to_string_pretty(&all)?);
            return Ok(true);
        }
        let title = node.as_ref().map(|node| format!("{} {}, ", node.title, node.version)).unwrap_or_default();
        print(&format!("{name}: {title}{} bytes\n", seen.bytes));
        for (title, interfaces) in [("imports", &seen.imports), ("exports", &seen.exports)] {
            print(&format!("{title}\n  {}\n", interfaces.join("\n  ")));
        }
        for method in node.iter().flat_map(|node| &node.methods) {
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

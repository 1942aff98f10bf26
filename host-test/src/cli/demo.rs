//! `demo`: every outcome of every method.

use super::{print, print_table, table};
use crate::lab::invocation::node_outcome;
use crate::lab::scenarios::{self, TestBed};
use clap::Args;
use serde_json::json;
use std::time::Instant;

/// Options of `demo`.
#[derive(Args)]
pub struct Demo {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl Demo {
    /// Whether every outcome was the declared one.
    pub async fn run(self) -> anyhow::Result<bool> {
        let started = Instant::now();
        let bed = TestBed::set().await?;
        let ready = started.elapsed();
        let node = bed.host.describe().await.map_err(anyhow::Error::from)?;
        let (mut rows, mut lines) = (Vec::new(), table(&["method", "outcome", "edge", "time", "what happened"]));
        let mut wrong = 0;
        for scenario in scenarios::all() {
            let finished = bed.run(&scenario).await;
            let as_declared = finished.case == scenario.case;
            wrong += u32::from(!as_declared);
            let edge = node_outcome(&node, finished.method, finished.case);
            let time = format!("{:.1} ms", finished.elapsed.as_secs_f64() * 1e3);
            let story = if as_declared {
                scenario.story.to_string()
            } else {
                format!("{} (expected {})", scenario.story, scenario.case)
            };
            lines.add_row([finished.method, finished.case, edge, &time, &story]);
            rows.push(json!({
                "method": finished.method,
                "outcome": finished.case,
                "node_outcome": edge,
                "expected": scenario.case,
                "elapsed_ms": finished.elapsed.as_secs_f64() * 1e3,
                "story": scenario.story,
            }));
        }
        if self.json {
            print(&serde_json::to_string_pretty(&json!({"scenarios": rows, "wrong": wrong}))?);
            return Ok(wrong == 0);
        }
        print(&format!(
            "Simulator at {}, component loaded in {:.0} ms.\n",
            bed.simulator.access().base_url,
            ready.as_secs_f64() * 1e3
        ));
        print_table(&lines);
        match wrong {
            0 => print(&format!("\nAll {} outcomes are the declared ones.", rows.len())),
            _ => print(&format!("\n{wrong} of {} outcomes are not the declared ones.", rows.len())),
        }
        Ok(wrong == 0)
    }
}

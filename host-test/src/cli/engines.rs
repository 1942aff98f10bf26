//! `engines`: the component in engines that others wrote.

use super::{print, print_table, table};
use crate::lab::engines::{Engine, Ran};
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;
use servicenow_simulator::Simulator;

/// Options of `engines`.
#[derive(Args)]
pub struct Engines {
    /// Which engines; all of them where none is named
    engines: Vec<Engine>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl Engines {
    /// Whether every engine's tests passed.
    pub async fn run(self) -> anyhow::Result<bool> {
        let engines = if self.engines.is_empty() { Engine::value_variants().to_vec() } else { self.engines };
        let simulator = Simulator::start(Default::default()).await.context("the simulator did not start")?;
        // The simulator answers on this runtime's other threads.
        let ran = tokio::task::spawn_blocking(move || {
            engines.into_iter().map(|engine| (engine, engine.run(&simulator))).collect::<Vec<_>>()
        });
        let ran = ran.await?;
        if self.json {
            let row = |(engine, ran): &(Engine, anyhow::Result<Ran>)| match ran {
                Ok(ran) => json!({"passed": true, "engine": engine.name(), "ran": ran}),
                Err(error) => json!({"passed": false, "engine": engine.name(), "error": format!("{error:#}")}),
            };
            print(&serde_json::to_string_pretty(&ran.iter().map(row).collect::<Vec<_>>())?);
        } else {
            print_text(&ran);
        }
        Ok(ran.iter().all(|(_, ran)| ran.is_ok()))
    }
}

fn print_text(ran: &[(Engine, anyhow::Result<Ran>)]) {
    let mut lines = table(&["engine", "with", "what ran", "result", "first outcome", "each further", "64 at once"]);
    for (engine, ran) in ran {
        match ran {
            Ok(Ran { with, what, first_ms, call_ms, per_second }) => {
                let ms = |ms: &f64| format!("{ms:.1} ms");
                let rate = per_second.map(|rate| format!("{rate:.0}/s")).unwrap_or_default();
                lines.add_row([engine.name(), with.as_str(), what, "passed", &ms(first_ms), &ms(call_ms), &rate]);
            }
            Err(_) => {
                lines.add_row([engine.name(), "", "", "FAILED", "", "", ""]);
            }
        }
    }
    print_table(&lines);
    for (engine, error) in ran.iter().filter_map(|(engine, ran)| Some((engine, ran.as_ref().err()?))) {
        print(&format!("\n{}: {error:#}", engine.name()));
    }
}

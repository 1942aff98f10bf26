//! Runs a simulator until interrupted.

use clap::Parser;
use servicenow_simulator::cli::Command;
use std::num::NonZero;
use std::process::ExitCode;

/// Exit code of a mistake in the command or its files. `clap` uses the same.
const MISTAKE: u8 = 2;

/// A ServiceNow stand-in to try things on
#[derive(Parser)]
#[command(name = "servicenow-simulator", version)]
struct Cli {
    #[command(flatten)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Named here, or tokio reads TOKIO_WORKER_THREADS and panics where that is no number of threads.
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let run = |runtime: tokio::runtime::Runtime| runtime.block_on(cli.command.run());
    match runtime.map_err(anyhow::Error::from).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(MISTAKE)
        }
    }
}

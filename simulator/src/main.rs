//! Runs a simulator until interrupted.

use clap::Parser;
use servicenow_simulator::cli::Command;
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

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().command.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(MISTAKE)
        }
    }
}

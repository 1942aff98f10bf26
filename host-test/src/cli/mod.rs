//! The command line: each command is a file, and this is the way in.

mod bench;
mod call;
mod changes;
mod conformance;
mod connection;
mod demo;
mod engines;
mod hints;
mod input;
mod inspect;
mod ledger;
mod limits;
mod listen;
mod map;
mod mcp;
mod metrics;
mod names;
mod outbox;
mod package;
mod provision;
mod push;
mod show;
mod soak;
mod studio;
mod third_party_clients;
mod token;

use crate::studio::events::Events;
use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Exit code of a call that ended in another outcome than success.
pub const OTHER_OUTCOME: u8 = 1;

/// Exit code of a mistake in the command or its files, and of a host that does not start. `clap` uses the same.
pub const HOST_ERROR: u8 = 2;

/// Calls ServiceNow through the sandboxed component.
#[derive(Parser)]
#[command(name = "host-test", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Show what the host and its libraries log, such as `info` or `servicenow_host=debug`. Logs go to standard error.
    #[arg(long, global = true, value_name = "FILTER", default_value = "warn")]
    log: String,
}

const EXAMPLES: &str = "\
Examples:
  host-test demo
      Everything the component does, against a simulator in this process.
  host-test simulator --ready-file ready.json --authorizations-file authorizations.toml
      A ServiceNow stand-in to try things on.
  host-test call create --instance http://127.0.0.1:PORT --authorization main \\
      --authorizations authorizations.toml --field short_description='Printer on fire'
      One real call. Exit code 0 is success, 1 any other outcome, 2 a mistake in the command.";

#[derive(Subcommand)]
enum Command {
    /// Walk through every outcome of every method, against a simulator in this process
    Demo(demo::Demo),
    /// Make one call
    #[command(subcommand)]
    Call(call::Method),
    /// Try rules on events, without an instance
    #[command(subcommand)]
    Map(map::Map),
    /// Bring an event into ServiceNow by rules
    Push(push::Push),
    /// Set an instance up to deliver its changes
    #[command(subcommand)]
    Provision(provision::Provision),
    /// Receive deliveries, show how each is judged, and read what was missed
    Listen(listen::Listen),
    /// Show what the references of a record are called: deliveries carry keys
    Names(names::Names),
    /// See to the events that wait for the consumer of listen --forward
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Take a ledger of an earlier version over
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Read what changed since the last time
    Changes(changes::Changes),
    /// Offer the methods to agents as tools of the Model Context Protocol
    Mcp(mcp::Mcp),
    /// Open a page that draws the node, runs it and shows what happens: on a simulator, or on an instance
    Studio(studio::StudioPage),
    /// Run a ServiceNow stand-in until interrupted
    Simulator(servicenow_simulator::cli::Command),
    /// Run clients that others wrote against the simulator; installs them from PyPI and crates.io first
    #[command(alias = "clients")]
    ThirdPartyClients(third_party_clients::Clients),
    /// Run the component in engines that others wrote; installs what they need first
    #[command(alias = "hosts")]
    Engines(engines::Engines),
    /// Check a component that claims the world of the incident node, in whatever language it is written
    Conformance(conformance::Conformance),
    /// Make many calls at once while everything goes wrong, and audit what they were told
    Soak(soak::Soak),
    /// Time the component against a native client, on this machine
    Bench(bench::Bench),
    /// The server that `bench` times against
    #[command(hide = true)]
    CannedServer(bench::CannedServer),
    /// Write everything there is to publish to a folder: components, interface, manifest, checksums
    Package(package::Package),
    /// Show a component's imports, exports, size and manifest
    Inspect(inspect::Inspect),
}

/// Runs a command.
pub async fn run(cli: Cli) -> ExitCode {
    let filter = match EnvFilter::builder().parse(&cli.log) {
        Ok(filter) => filter,
        Err(error) => return fail(&anyhow::anyhow!("--log {:?}: {error}; give a level such as info", cli.log)),
    };
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let events = Events::default();
    let told = matches!(cli.command, Command::Studio(_)).then(|| events.layer());
    let log = log.with_filter(filter.and(filter_fn(is_ours_to_show)));
    tracing_subscriber::registry().with(log).with(told).init();
    let done = match cli.command {
        Command::Demo(command) => command.run().await,
        Command::Call(method) => method.run().await,
        Command::Map(map) => map.run().await,
        Command::Push(command) => command.run().await,
        Command::Provision(provision) => provision.run().await,
        Command::Listen(command) => command.run().await,
        Command::Names(command) => command.run().await,
        Command::Outbox(command) => command.run(),
        Command::Ledger(command) => command.run(),
        Command::Changes(command) => command.run().await,
        Command::Mcp(command) => command.run().await,
        Command::Studio(command) => command.run(events).await,
        Command::Simulator(command) => command.run().await.map(|()| true),
        Command::ThirdPartyClients(command) => command.run().await,
        Command::Engines(command) => command.run().await,
        Command::Package(command) => command.run().await,
        Command::Conformance(command) => command.run().await,
        Command::Soak(command) => command.run().await,
        Command::Bench(command) => command.run().await,
        Command::CannedServer(command) => command.run().await,
        Command::Inspect(command) => command.run().await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(OTHER_OUTCOME),
        Err(error) => fail(&error),
    }
}

/// The WASI library traces every argument of the component, which may be a secret that the component was handed.
fn is_ours_to_show(metadata: &Metadata<'_>) -> bool {
    !(metadata.target().starts_with("wasmtime_wasi") && *metadata.level() == Level::TRACE)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(HOST_ERROR)
}

/// Prints to standard output. A reader that went away, such as `head`, is no error.
fn print(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Wide enough for a line of text, narrow enough for a terminal.
const TABLE_WIDTH: u16 = 120;

/// A table without frames; without a header where none is given.
fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_width(TABLE_WIDTH);
    if !header.is_empty() {
        table.set_header(header);
    }
    table
}

/// Prints a table without the blanks that fill its lines.
fn print_table(table: &comfy_table::Table) {
    table.lines().for_each(|line| print(line.trim_end()));
}

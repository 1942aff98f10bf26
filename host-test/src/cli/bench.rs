//! `bench`: what a sandboxed call costs, against the same request made natively.

use super::{print, print_table, table};
use crate::lab::bench::canned::{Addresses, Canned};
use crate::lab::bench::{Figures, Plan};
use anyhow::{Context, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};

/// Options of `bench`.
#[derive(Args)]
pub struct Bench {
    /// Measure for a few seconds instead of a minute
    #[arg(long)]
    quick: bool,
    /// Time pysnow, aiosnow, Node's fetch and the hosts in Node.js and Python too; installs what they need from PyPI and npm
    #[arg(long)]
    peers: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Options of the server that calls are timed against.
#[derive(Args)]
pub struct CannedServer {
    /// Where the CA's certificate goes
    folder: PathBuf,
}

/// The server's process. It ends with this.
struct Server {
    process: Child,
    addresses: Addresses,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut process = Process::new(std::env::current_exe()?)
            .arg("canned-server")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .context("the canned server did not start")?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("the canned server has no output")?).read_line(&mut line)?;
        let addresses = serde_json::from_str(&line).context("the canned server did not say where it listens")?;
        Ok(Self { process, addresses, _folder: folder })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl CannedServer {
    /// Serves until it is killed.
    pub async fn run(self) -> anyhow::Result<bool> {
        raise_descriptors();
        let server = Canned::bind(self.folder)?;
        print(&serde_json::to_string(&server.addresses)?);
        server.serve().await;
        Ok(true)
    }
}

impl Bench {
    /// Measures, and prints the figures.
    pub async fn run(self) -> anyhow::Result<bool> {
        let plan = Plan { peers: self.peers, ..if self.quick { Plan::QUICK } else { Plan::FULL } };
        if cfg!(debug_assertions) {
            eprintln!(
                "this is a build without optimisation: `cargo run --release -p host-test -- bench` measures what users get"
            );
        }
        raise_descriptors();
        let server = Server::start()?;
        let bar = ProgressBar::new(plan.steps());
        // The template is a constant.
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len}, {elapsed}").expect("it is a template"));
        let figures = plan.run(&server.addresses, || bar.inc(1)).await?;
        bar.finish_and_clear();
        if self.json {
            print(&serde_json::to_string_pretty(&figures)?);
        } else {
            print_text(&figures);
        }
        ensure!(figures.inflight_10k_ok, "not all of the calls in flight came back right");
        Ok(true)
    }
}

/// Ten thousand calls in flight take as many connections on either side: as many descriptors as the system grants are asked
/// for.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused, fewer calls run at once, and the figures say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

fn print_text(figures: &Figures) {
    let mut lines = table(&["what", "component", "native", "ratio"]);
    let us = |us: f64| format!("{us:.0} us");
    let times = |ratio: f64| format!("{ratio:.2}");
    let none = String::new;
    let rows = [
        [
            "create, half of the calls".to_string(),
            us(figures.create_p50_us),
            us(figures.native_p50_us),
            times(figures.ratio_p50),
        ],
        ["create, 99 of 100".to_string(), us(figures.create_p99_us), none(), none()],
        [
            "processor time of a create".to_string(),
            us(figures.cpu_us_per_call),
            us(figures.cpu_us_native),
            times(figures.cpu_us_per_call / figures.cpu_us_native),
        ],
        [
            "creates a second, 64 at once".to_string(),
            format!("{:.0}", figures.throughput_per_s),
            format!("{:.0}", figures.native_throughput_per_s),
            times(figures.ratio_throughput_64),
        ],
        ["  processor time of one".to_string(), us(figures.cpu_us_at_64), none(), none()],
        ["  against one at a time".to_string(), none(), none(), times(figures.throughput_64_over_1)],
        ["  100 authorizations against one".to_string(), none(), none(), times(figures.throughput_100_authorizations)],
        [
            "with instances kept: create, half of the calls".to_string(),
            us(figures.create_p50_kept_us),
            us(figures.native_p50_us),
            times(figures.ratio_p50_kept),
        ],
        ["  processor time of a create".to_string(), us(figures.cpu_us_kept), none(), none()],
        [
            "  creates a second, 64 at once".to_string(),
            format!("{:.0}", figures.throughput_kept_per_s),
            format!("{:.0}", figures.native_throughput_per_s),
            times(figures.ratio_throughput_64_kept),
        ],
        ["  processor time of one".to_string(), us(figures.cpu_us_kept_at_64), none(), none()],
        [
            "over wasi:http: create, half of the calls".to_string(),
            us(figures.create_p50_wasi_us),
            us(figures.native_p50_us),
            times(figures.create_p50_wasi_us / figures.native_p50_us),
        ],
        ["  processor time of a create".to_string(), us(figures.cpu_us_wasi), none(), none()],
        [
            "  creates a second, 64 at once".to_string(),
            format!("{:.0}", figures.throughput_wasi_per_s),
            format!("{:.0}", figures.native_throughput_per_s),
            times(figures.throughput_wasi_per_s / figures.native_throughput_per_s),
        ],
        ["  processor time of one".to_string(), us(figures.cpu_us_wasi_at_64), none(), none()],
        [
            "over TLS, a connection per call against kept ones".to_string(),
            none(),
            none(),
            times(figures.ratio_unpooled_tls),
        ],
        ["store and instance".to_string(), format!("{:.1} us", figures.instantiate_p50_us), none(), none()],
        ["compile the component".to_string(), format!("{:.0} ms", figures.load_wasm_ms), none(), none()],
        ["load it compiled".to_string(), format!("{:.2} ms", figures.load_precompiled_ms), none(), none()],
        ["process start to first outcome".to_string(), format!("{:.0} ms", figures.first_call_ms), none(), none()],
        ["the component".to_string(), format!("{} bytes", figures.component_bytes), none(), none()],
        ["connections of 1,000 creates and a token".to_string(), figures.connections.to_string(), none(), none()],
        [
            "memory of a call in flight, of 10,000".to_string(),
            format!("{:.0} KB", figures.rss_per_inflight_kb),
            none(),
            none(),
        ],
        ["find of 1 KB".to_string(), us(figures.find_us[0]), none(), none()],
        ["find of 100 KB".to_string(), us(figures.find_us[1]), none(), none()],
        ["find of 5 MB".to_string(), us(figures.find_us[2]), none(), none()],
        ["guest memory for each byte of 5 MB".to_string(), times(figures.guest_memory_per_byte), none(), none()],
    ];
    lines.add_rows(rows);
    for peer in &figures.peers {
        lines.add_row([
            format!("create by {}, and the component's gain", peer.name),
            us(peer.create_p50_us),
            none(),
            times(peer.create_p50_us / figures.create_p50_us),
        ]);
        lines.add_row([
            "  creates a second, 64 at once".to_string(),
            format!("{:.0}", peer.throughput_per_s),
            none(),
            times(figures.throughput_beside_peers_per_s.unwrap_or_default() / peer.throughput_per_s),
        ]);
    }
    print_table(&lines);
}

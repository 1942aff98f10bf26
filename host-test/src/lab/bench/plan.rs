//! How each figure is measured.

use super::canned::Addresses;
use super::contenders::{AT_ONCE, Contender, IN_FLIGHT, Native, Sandboxed, authorizations, keeping, limits};
use super::figures::Figures;
use super::measure::{median, resident_kb, us};
use super::peers::{self, Peers};
use super::turns::{Crowds, Rounds, at_once, calls_at_once, one_by_one, ratios};
use crate::components;
use anyhow::Context;
use servicenow_artifacts::Artifact;
use servicenow_host::{Connections, Proxy};
use servicenow_host::{Host, Limits};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many calls one connection has to serve.
const SEQUENTIAL: usize = 1_000;

/// How many rounds the clients of other languages have: each starts a process.
const PEER_ROUNDS: usize = 5;

/// How many authorizations share the throughput.
const AUTHORIZATIONS: usize = 100;

/// Those who take turns.
struct Contenders {
    /// The component over `transport`, in a new instance for each call.
    fresh: Sandboxed,
    /// The same with instances kept.
    kept: Sandboxed,
    /// The component over `wasi:http`.
    over_wasi: Sandboxed,
    native: Native,
}

/// What is measured, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many rounds the contenders take turns in.
    pub rounds: usize,
    /// How many calls of each a round has.
    pub calls: usize,
    /// Whether clients of other languages are timed too.
    pub peers: bool,
}

impl Plan {
    /// A minute: for numbers to keep.
    pub const FULL: Self = Self { rounds: 15, calls: 300, peers: false };

    /// A few seconds: for a look.
    pub const QUICK: Self = Self { rounds: 5, calls: 100, peers: false };

    /// How many steps a progress bar has.
    pub fn steps(&self) -> u64 {
        self.rounds as u64 * 3 + 8
    }
}

impl Plan {
    /// Measures everything. `step` is called after each step.
    pub async fn run(&self, addresses: &Addresses, step: impl Fn()) -> anyhow::Result<Figures> {
        let mut figures = Figures { component_bytes: servicenow_host::COMPONENT.len(), ..Figures::default() };
        self.loading(&mut figures, addresses)?;
        step();
        let host = Host::builder().limits(keeping()).proxy(Proxy::default()).build()?;
        let idle_kb = resident_kb();
        let one = authorizations(&addresses.http, addresses, 1)?;
        let plain = Sandboxed::new(host.with(one.clone(), limits())?, &addresses.http, 1);
        let kept = Sandboxed::new(host.with(one.clone(), keeping())?, &addresses.http, 1);
        // A second pool of ten thousand places does not always find its addresses.
        let few = || Limits { max_calls: 2 * AT_ONCE, ..limits() };
        let over_wasi = Host::builder().component(components::load(Artifact::Node)?.to_vec()).limits(few());
        let over_wasi = over_wasi.proxy(Proxy::default()).build()?.with(one, few())?;
        let over_wasi = Sandboxed::new(over_wasi, &addresses.http, 1);
        let native = Native::new(&addresses.http, addresses)?;
        figures.instantiate_p50_us = self.instantiation(&plain).await?;
        step();
        let contenders = Contenders { fresh: plain, kept, over_wasi, native };
        self.latency(&mut figures, &contenders, &step).await?;
        self.throughput(&mut figures, &contenders, &step).await?;
        if self.peers {
            self.peers(&mut figures, &contenders.fresh, addresses).await?;
        }
        step();
        let plain = contenders.fresh;
        let many = authorizations(&addresses.http, addresses, AUTHORIZATIONS)?;
        let many = Sandboxed::new(host.with(many, limits())?, &addresses.http, AUTHORIZATIONS);
        figures.throughput_100_authorizations = self.shared(&plain, &many).await?;
        step();
        figures.ratio_unpooled_tls = self.tls(&host, addresses, &step).await?;
        self.sizes(&mut figures, &plain).await?;
        step();
        figures.connections = self.connections(&host, addresses).await?;
        step();
        self.in_flight(&mut figures, &host, addresses, idle_kb).await?;
        step();
        Ok(figures)
    }

    /// A store and an instance, made and dropped.
    async fn instantiation(&self, sandboxed: &Sandboxed) -> anyhow::Result<f64> {
        let mut samples = Vec::new();
        for _ in 0..self.rounds * self.calls {
            let started = Instant::now();
            sandboxed.host().instantiate().await?;
            samples.push(us(started.elapsed()));
        }
        Ok(median(&mut samples))
    }

    /// Turns, one call at a time.
    async fn latency(
        &self,
        figures: &mut Figures,
        Contenders { fresh, kept, over_wasi, native }: &Contenders,
        step: &impl Fn(),
    ) -> anyhow::Result<()> {
        one_by_one(fresh, self.calls).await?;
        one_by_one(kept, self.calls).await?;
        one_by_one(over_wasi, self.calls).await?;
        one_by_one(native, self.calls).await?;
        let (mut ours, mut again, mut theirs) = (Rounds::default(), Rounds::default(), Rounds::default());
        let mut wasi = Rounds::default();
        for _ in 0..self.rounds {
            ours.add(one_by_one(fresh, self.calls).await?);
            again.add(one_by_one(kept, self.calls).await?);
            wasi.add(one_by_one(over_wasi, self.calls).await?);
            theirs.add(one_by_one(native, self.calls).await?);
            step();
        }
        figures.create_p50_wasi_us = median(&mut wasi.p50);
        figures.cpu_us_wasi = median(&mut wasi.cpu);
        figures.ratio_p50_kept = median(&mut ratios(&again.p50, &theirs.p50));
        figures.create_p50_kept_us = median(&mut again.p50);
        figures.cpu_us_kept = median(&mut again.cpu);
        figures.ratio_p50 = median(&mut ratios(&ours.p50, &theirs.p50));
        figures.create_p50_us = median(&mut ours.p50);
        figures.create_p99_us = median(&mut ours.p99);
        figures.native_p50_us = median(&mut theirs.p50);
        figures.cpu_us_per_call = median(&mut ours.cpu);
        figures.cpu_us_native = median(&mut theirs.cpu);
        Ok(())
    }

    /// Turns, many calls at once.
    async fn throughput(
        &self,
        figures: &mut Figures,
        Contenders { fresh, kept, over_wasi, native }: &Contenders,
        step: &impl Fn(),
    ) -> anyhow::Result<()> {
        let count = calls_at_once(self.calls);
        at_once(fresh, AT_ONCE, count).await?;
        at_once(kept, AT_ONCE, count).await?;
        at_once(over_wasi, AT_ONCE, count).await?;
        at_once(native, AT_ONCE, count).await?;
        let (mut ours, mut again, mut wasi) = (Crowds::default(), Crowds::default(), Crowds::default());
        let (mut theirs, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            ours.add(fresh, count).await?;
            alone.push(at_once(fresh, 1, self.calls).await?);
            again.add(kept, count).await?;
            wasi.add(over_wasi, count).await?;
            theirs.push(at_once(native, AT_ONCE, count).await?);
            step();
        }
        figures.ratio_throughput_64_kept = median(&mut ratios(&again.per_second, &theirs));
        figures.ratio_throughput_64 = median(&mut ratios(&ours.per_second, &theirs));
        figures.throughput_64_over_1 = median(&mut ratios(&ours.per_second, &alone));
        (figures.throughput_per_s, figures.cpu_us_at_64) = ours.medians();
        (figures.throughput_kept_per_s, figures.cpu_us_kept_at_64) = again.medians();
        (figures.throughput_wasi_per_s, figures.cpu_us_wasi_at_64) = wasi.medians();
        figures.native_throughput_per_s = median(&mut theirs);
        Ok(())
    }

    /// Clients of other languages, in turns with the component, many creates at once.
    async fn peers(&self, figures: &mut Figures, ours: &Sandboxed, addresses: &Addresses) -> anyhow::Result<()> {
        let mut peers = Peers::install(addresses)?;
        let mut component = Vec::new();
        for _ in 0..PEER_ROUNDS {
            component.push(at_once(ours, AT_ONCE, calls_at_once(self.calls)).await?);
            peers.round()?;
        }
        figures.throughput_beside_peers_per_s = Some(median(&mut component));
        figures.peers = peers.medians();
        let pysnow = figures.peers.iter().find(|peer| peer.name == peers::PYSNOW);
        figures.peer_ratio = pysnow.map(|peer| peer.create_p50_us / figures.create_p50_us);
        Ok(())
    }

    /// One authorization and many, in turns.
    async fn shared(&self, one: &Sandboxed, many: &Sandboxed) -> anyhow::Result<f64> {
        let count = calls_at_once(self.calls);
        at_once(many, AT_ONCE, count).await?;
        let mut ratios = Vec::new();
        for _ in 0..self.rounds {
            let alone = at_once(one, AT_ONCE, count).await?;
            ratios.push(at_once(many, AT_ONCE, count).await? / alone);
        }
        Ok(median(&mut ratios))
    }

    /// Over TLS, with a connection per request and with a pool.
    async fn tls(&self, host: &Host, addresses: &Addresses, step: &impl Fn()) -> anyhow::Result<f64> {
        let authorizations = authorizations(&addresses.https, addresses, 1)?;
        let pooled = Sandboxed::new(host.with(authorizations.clone(), limits())?, &addresses.https, 1);
        let unpooled = host.with_connections(authorizations, limits(), Connections::PerRequest)?;
        let unpooled = Sandboxed::new(unpooled, &addresses.https, 1);
        let count = self.calls / 5;
        one_by_one(&pooled, count).await?;
        one_by_one(&unpooled, count).await?;
        let (mut with, mut without) = (Rounds::default(), Rounds::default());
        for _ in 0..self.rounds {
            with.add(one_by_one(&pooled, count).await?);
            without.add(one_by_one(&unpooled, count).await?);
            step();
        }
        Ok(median(&mut ratios(&without.p50, &with.p50)))
    }

    /// Answers of three sizes.
    async fn sizes(&self, figures: &mut Figures, sandboxed: &Sandboxed) -> anyhow::Result<()> {
        for (at, limit) in [1, 100, 1_000].into_iter().enumerate() {
            let mut samples = Vec::new();
            for _ in 0..self.rounds.max(5) {
                let report = sandboxed.host().find(sandboxed.call(), String::new(), limit, 0).await;
                let servicenow_host::incidents::FindOutcome::FindSuccess(page) = report.outcome else {
                    anyhow::bail!("a find ended in {:?}", report.outcome);
                };
                anyhow::ensure!(page.incidents.len() == limit as usize, "a page is short");
                samples.push(us(report.elapsed));
                let bytes: u64 = report.exchanges.iter().map(|exchange| exchange.response_bytes).sum();
                figures.guest_memory_per_byte = report.guest_memory as f64 / bytes.max(1) as f64;
            }
            figures.find_us[at] = median(&mut samples);
        }
        Ok(())
    }

    /// Connections that sequential creates open, with a token fetched first.
    async fn connections(&self, host: &Host, addresses: &Addresses) -> anyhow::Result<usize> {
        let text = format!(
            "[authorizations.bench-0]\ninstance = {:?}\ngrant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"s\"\nallow-http-loopback = true\n",
            addresses.http
        );
        let authorizations = servicenow_host::Authorizations::parse(&text, Path::new("the benchmark's own file"))?;
        let fresh = Sandboxed::new(host.with(authorizations, limits())?, &addresses.http, 1);
        let before = count(&addresses.http).await?;
        for _ in 0..SEQUENTIAL {
            fresh.create().await?;
        }
        // The one that counts is one itself.
        Ok(count(&addresses.http).await?.saturating_sub(before + 1))
    }

    /// Many calls that wait for a late answer.
    /// They come last, for they leave every place of the pool used; what they hold is counted from before the first call, so
    /// that nothing that earlier calls left is missed.
    async fn in_flight(
        &self,
        figures: &mut Figures,
        host: &Host,
        addresses: &Addresses,
        idle_kb: u64,
    ) -> anyhow::Result<()> {
        let authorizations = authorizations(&addresses.slow, addresses, 1)?;
        let slow = Sandboxed::new(host.with(authorizations, limits())?, &addresses.slow, 1);
        let mut calls = JoinSet::new();
        for _ in 0..IN_FLIGHT {
            let slow = slow.clone();
            calls.spawn(async move { slow.create().await });
        }
        let mut most = idle_kb;
        let mut right = 0_usize;
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            tokio::select! {
                ended = calls.join_next() => match ended {
                    Some(Ok(Ok(()))) => right += 1,
                    Some(Ok(Err(error))) => tracing::warn!("a call in flight failed: {error:#}"),
                    Some(Err(error)) => tracing::warn!("a call in flight failed: {error}"),
                    None => break,
                },
                _ = look.tick() => most = most.max(resident_kb()),
            }
        }
        let at_once = IN_FLIGHT.min(limits().max_calls);
        figures.rss_per_inflight_kb = most.saturating_sub(idle_kb) as f64 / at_once as f64;
        figures.inflight_10k_ok = right == IN_FLIGHT && at_once == IN_FLIGHT;
        Ok(())
    }
}

/// How many connections the canned server has accepted.
async fn count(origin: &str) -> anyhow::Result<usize> {
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let response = client
        .request(
            http::Request::get(format!("{origin}/connections")).body(http_body_util::Empty::<bytes::Bytes>::new())?,
        )
        .await?;
    let body = http_body_util::BodyExt::collect(response.into_body()).await?.to_bytes();
    String::from_utf8_lossy(&body).parse().context("the canned server counts its connections")
}

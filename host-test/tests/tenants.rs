//! A hundred authorizations on one host, five of which mean no good: the others' calls go on as if they were alone. A program of
//! its own: it lowers the limit of descriptors for its process.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use host_test::lab::scenarios::{columns, create};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use servicenow_artifacts::guest::{self, Guest};
use servicenow_artifacts::{encode, target_dir, workspace};
use servicenow_host::incidents::CreateOutcome;
use servicenow_host::types::{Call, Reason};
use servicenow_host::{Authorizations, Host, Limits, Outcome};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// What a user's process may open by default.
const DESCRIPTORS: u64 = 1_024;

/// What calls may have of memory.
const MEMORY: usize = 2 << 30;

/// What the process may come to, with all that is not counted.
const MAX_RESIDENT_KB: u64 = 2_200_000;

/// Authorizations that create incidents.
const QUIET: usize = 95;

/// Authorizations that attack.
const HOSTILE: usize = 5;

/// How many incidents each creates, one after the other.
const CREATES: usize = 20;

/// How late an answer comes.
const LATENCY_MS: u64 = 50;

/// How many calls of each attack each makes at once. All end at the same deadlines, and an unoptimised host takes ten times as
/// long to end a call.
const AT_ONCE: usize = if cfg!(debug_assertions) { 1 } else { 5 };

/// More hosts than a process has a reason for.
const HOSTS: usize = 8;

/// Memory mappings of a place that no call takes: a stack and its guard.
const MAPPINGS_OF_A_PLACE: usize = 2;

/// Memory mappings of a thousand threads.
const LEFT_FOR_THREADS: usize = 2_000;

/// Sockets that are being closed.
const CLOSING: usize = 10;

/// The deadline of an attack.
const ATTACK_MS: u32 = 1_000;

/// How much later than its deadline an attack may end, and how much the others' calls may be held up. The goals are 100 and
/// 50 ms; docs/performance.md has what is measured, and why it is more.
const LATE: Duration = Duration::from_millis(250 * UNOPTIMISED);
const HELD_UP: Duration = Duration::from_millis(150 * UNOPTIMISED);

/// How many times as long a host takes that is not optimised, on a slow machine.
const UNOPTIMISED: u64 = if cfg!(debug_assertions) { 3 } else { 1 };

/// The tests measure times, each with all processors.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Everything that a guest knows to hold a host up.
const ATTACKS: [&str; 12] = [
    "compute without end",
    "call the host without end",
    "wait without end",
    "grow memory",
    "fill memory and wait",
    "recurse",
    "large random",
    "large list",
    "many requests",
    "many unfinished bodies",
    "body without end",
    "requests without end",
];

/// The instance: a server of its own process, which answers late.
struct Instance {
    process: Child,
    access: serde_json::Value,
}

impl Instance {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = folder.path().join("faults.json");
        let late = serde_json::json!([{"path": "/api/now/table/", "times": u32::MAX, "effect": {"delay": {"ms": LATENCY_MS}}}]);
        std::fs::write(&faults, late.to_string()).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_host-test"))
            .args(["simulator", "--forget-requests", "--faults"])
            .arg(&faults)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        Self { process, access: line }
    }
}

impl Instance {
    fn text(&self, name: &str) -> &str {
        self.access[name].as_str().unwrap()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn authorizations(instance: &Instance, names: impl Iterator<Item = String>) -> Authorizations {
    let [origin, id, secret] = ["base_url", "client_id", "client_secret"].map(|name| instance.text(name));
    let one = |name: String| {
        format!(
            "[authorizations.{name}]\ninstance = {origin:?}\ngrant = \"client-credentials\"\nclient-id = {id:?}\n\
             client-secret = {secret:?}\nallow-http-loopback = true\n"
        )
    };
    Authorizations::parse(&names.map(one).collect::<String>(), Path::new("a.toml")).unwrap()
}

fn call(name: &str, origin: &str, timeout_ms: u32) -> Call {
    Call { authorization: name.to_string(), instance: origin.to_string(), timeout_ms: Some(timeout_ms) }
}

/// The quiet authorizations' creates: how long each took, the shortest first.
async fn creates(host: &Arc<Host>, origin: &str) -> Vec<Duration> {
    let mut quiet = JoinSet::new();
    for at in 0..QUIET {
        let (host, origin) = (Arc::clone(host), origin.to_string());
        quiet.spawn(async move {
            let mut took = Vec::new();
            for _ in 0..CREATES {
                let call = call(&format!("quiet-{at}"), &origin, 5_000);
                let report = host.create(call, columns(&[("short_description", "x")]), create()).await;
                assert!(matches!(report.outcome, CreateOutcome::IncidentCreated(_)), "{:?}", report.outcome);
                took.push(report.elapsed);
            }
            took
        });
    }
    let mut took = quiet.join_all().await.concat();
    took.sort_unstable();
    took
}

/// Attacks until it is told to stop. The most that one of them was late, and how many there were.
async fn attack(host: Arc<Host>, name: String, origin: String, stop: Arc<AtomicBool>) -> (Duration, usize) {
    let authority = origin.strip_prefix("http://").unwrap().to_string();
    let mut running = JoinSet::new();
    for attack in ATTACKS.into_iter().cycle().take(ATTACKS.len() * AT_ONCE) {
        let (host, name, origin, stop) = (Arc::clone(&host), name.clone(), origin.clone(), Arc::clone(&stop));
        let authority = authority.clone();
        running.spawn(async move {
            let (mut latest, mut count) = (Duration::ZERO, 0);
            while !stop.load(Ordering::Relaxed) {
                let order = [
                    ("attack", attack),
                    ("authorization", &*name),
                    ("authority", &*authority),
                    ("path", "/api/now/table/incident"),
                    ("method", if attack.starts_with("body") { "POST" } else { "GET" }),
                ];
                let report = host.create(call(&name, &origin, ATTACK_MS), columns(&order), create()).await;
                let failure = report.outcome.failure().unwrap();
                assert!(
                    matches!(failure.reason, Reason::Limit | Reason::Deadline | Reason::Lost),
                    "{attack}: {failure:?}"
                );
                let late = report.elapsed.saturating_sub(Duration::from_millis(ATTACK_MS.into()));
                if late > LATE {
                    println!("{attack} ended {late:?} late");
                }
                latest = latest.max(late);
                count += 1;
            }
            (latest, count)
        });
    }
    let ended = running.join_all().await;
    let latest = ended.iter().map(|(latest, _)| *latest).max().unwrap_or_default();
    (latest, ended.iter().map(|(_, count)| count).sum())
}

fn hostile_component() -> Vec<u8> {
    let guest = Guest { package: "hostile-guest", features: &[], stack_bytes: 64 * 1024, memory_bytes: 512 * 1024 };
    encode(&std::fs::read(guest::compile(&workspace(), &guest, &target_dir()).unwrap()).unwrap()).unwrap()
}

fn resident_kb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How many sockets this process has open.
fn sockets() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let is_socket = |path: std::path::PathBuf| path.to_string_lossy().starts_with("socket:");
    open.filter(|entry| std::fs::read_link(entry.path()).is_ok_and(is_socket)).count()
}

fn p99(took: &[Duration]) -> Duration {
    took[took.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_for_want_of_a_socket() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let instance = Instance::start();
    let names = || (0..QUIET).map(|at| format!("quiet-{at}"));
    // Fewer than there are authorizations: each waits for its turn, and closes connections that others left idle.
    let limits = Limits { max_sockets: 40, ..Limits::default() };
    let host = Host::builder().authorizations(authorizations(&instance, names())).limits(limits).build().unwrap();
    let before = sockets();
    let took = creates(&Arc::new(host), instance.text("base_url")).await;
    assert_eq!(took.len(), QUIET * CREATES);
    assert!(sockets() <= before + 40 + CLOSING, "{} sockets", sockets() - before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_hosts_in_one_process_leave_it_mappings_for_its_threads() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let instance = Instance::start();
    let build = || Host::builder().authorizations(authorizations(&instance, ["main".to_string()].into_iter()));
    let most: usize = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
    let mut hosts = Vec::new();
    for _ in 0..HOSTS {
        let mapped = std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
        // Where there is no room the host does without a pool, and threads that start meanwhile end the process.
        let places = MAPPINGS_OF_A_PLACE * Limits::default().max_calls;
        assert!(mapped + places + LEFT_FOR_THREADS <= most, "{mapped} and {places} of {most}");
        hosts.push(build().build().unwrap());
    }
    for host in &hosts {
        let call = call("main", instance.text("base_url"), 10_000);
        let report = host.create(call, columns(&[("short_description", "x")]), create()).await;
        assert!(matches!(report.outcome, CreateOutcome::IncidentCreated(_)), "{:?}", report.outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_beside_guests_that_compute_and_those_end_in_time() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let instance = Instance::start();
    let names = || ["hostile".to_string(), "quiet-0".to_string()].into_iter();
    let quiet = Host::builder().authorizations(authorizations(&instance, names())).build().unwrap();
    let hostile = Arc::new(quiet.with_component(&hostile_component()).unwrap());
    let create_one = || async {
        let call = call("quiet-0", instance.text("base_url"), 5_000);
        let report = quiet.create(call, columns(&[("short_description", "x")]), create()).await;
        assert!(matches!(report.outcome, CreateOutcome::IncidentCreated(_)), "{:?}", report.outcome);
        report.elapsed
    };
    create_one().await;
    let mut attacks = JoinSet::new();
    for _ in 0..50 {
        let (hostile, call) = (Arc::clone(&hostile), call("hostile", instance.text("base_url"), ATTACK_MS));
        attacks
            .spawn(async move { hostile.create(call, columns(&[("attack", "compute without end")]), create()).await });
    }
    // Without a thread of their own these took a second and more.
    for _ in 0..5 {
        let took = create_one().await;
        assert!(took < Duration::from_millis(LATENCY_MS) + HELD_UP, "{took:?}");
    }
    while let Some(report) = attacks.join_next().await {
        let report = report.unwrap();
        let late = report.elapsed.saturating_sub(Duration::from_millis(ATTACK_MS.into()));
        assert!(late < LATE, "{late:?} late: {:?}", report.outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_computes_for_longer_than_it_may_ends_at_that_limit() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let instance = Instance::start();
    let limits = Limits { max_computing: Duration::from_millis(200), ..Limits::default() };
    let host = Host::builder().authorizations(authorizations(&instance, ["main".to_string()].into_iter()));
    let host = host.component(hostile_component()).limits(limits).build().unwrap();
    let call = call("main", instance.text("base_url"), 10_000);
    let report = host.create(call, columns(&[("attack", "compute without end")]), create()).await;
    assert_eq!(report.outcome.failure().unwrap().reason, Reason::Limit);
    assert!(report.elapsed < Duration::from_secs(5), "{:?}", report.elapsed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_large_calls_is_given_back() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let instance = Instance::start();
    let host = Host::builder().authorizations(authorizations(&instance, ["main".to_string()].into_iter()));
    let host = Arc::new(host.component(hostile_component()).build().unwrap());
    let fill = || async {
        let order = [("attack", "fill memory and wait")];
        let mut calls = JoinSet::new();
        for _ in 0..10 {
            let (host, call) = (Arc::clone(&host), call("main", instance.text("base_url"), 2_000));
            calls.spawn(async move { host.create(call, columns(&order), create()).await });
        }
        calls.join_all().await;
    };
    fill().await;
    // It is given back beside other work.
    let began = Instant::now();
    while resident_kb("VmRSS:") > 400_000 && began.elapsed() < Duration::from_secs(20) {
        tokio::task::yield_now().await;
    }
    assert!(resident_kb("VmHWM:") > 600_000, "it was really filled: {} kB", resident_kb("VmHWM:"));
    assert!(resident_kb("VmRSS:") <= 400_000, "{} kB", resident_kb("VmRSS:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute of both processors: cargo test -p host-test --release --test tenants -- --ignored"]
async fn quiet_authorizations_go_on_beside_hostile_ones() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), ..before }).unwrap();
    let instance = Instance::start();
    let names = || (0..QUIET).map(|at| format!("quiet-{at}")).chain((0..HOSTILE).map(|at| format!("hostile-{at}")));
    let limits = Limits { max_total_memory: MEMORY, ..Limits::default() };
    let build = || Host::builder().authorizations(authorizations(&instance, names())).limits(limits.clone());
    let quiet = Arc::new(build().build().unwrap());
    // A token each, before anything is measured.
    creates(&quiet, instance.text("base_url")).await;
    let alone = creates(&quiet, instance.text("base_url")).await;

    // The same budgets for both.
    let hostile = Arc::new(quiet.with_component(&hostile_component()).unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let mut attacks = JoinSet::new();
    for at in 0..HOSTILE {
        attacks.spawn(attack(
            Arc::clone(&hostile),
            format!("hostile-{at}"),
            instance.text("base_url").to_string(),
            Arc::clone(&stop),
        ));
    }
    // Until the attacks are in full swing.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        creates(&quiet, instance.text("base_url")).await;
    }
    let beside = creates(&quiet, instance.text("base_url")).await;
    stop.store(true, Ordering::Relaxed);
    let (mut latest, mut count) = (Duration::ZERO, 0);
    while let Some(ended) = attacks.join_next().await {
        let (late, attacks) = ended.unwrap();
        (latest, count) = (latest.max(late), count + attacks);
    }
    println!(
        "alone: p50 {:?}, p99 {:?}; beside {count} attacks: p50 {:?}, p99 {:?}; an attack was {latest:?} late at most; {} kB",
        alone[alone.len() / 2],
        p99(&alone),
        beside[beside.len() / 2],
        p99(&beside),
        resident_kb("VmHWM:")
    );
    assert!(p99(&beside) <= p99(&alone) + HELD_UP);
    assert!(latest <= LATE);
    assert!(resident_kb("VmHWM:") <= MAX_RESIDENT_KB);
}

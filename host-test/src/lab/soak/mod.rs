//! The ledger test: many calls at once, under a seeded mix of faults, and then an audit of what they were told against what
//! the instance holds.

mod audit;

pub use audit::{Entry, Task, Told, audit};

use crate::lab::invocation::{Finished, Invocation};
use crate::lab::scenarios::{authorizations, by, columns, create, update};
use serde::Serialize;
use servicenow_host::BuildError;
use servicenow_host::Host;
use servicenow_host::Limits;
use servicenow_host::types::{Call, WriteHappened};
use servicenow_simulator::Simulator;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The deadline of each call. Short, so that a call that is left hanging does not hold up the rest.
const TIMEOUT: Duration = Duration::from_millis(1_000);

/// The deadline of the calls that prepare the instance, before anything goes wrong.
const PATIENT: Duration = Duration::from_secs(30);

/// How many calls share a correlation id where they share one.
const SHARING: usize = 16;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many calls are made.
    pub calls: usize,
    /// How many at once.
    pub concurrency: usize,
    /// What goes wrong, and what is called.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The seed, to do it again.
    pub seed: u64,
    /// How many calls ended in an outcome.
    pub calls: usize,
    /// How many records the instance holds.
    pub records: usize,
    /// How many HTTP requests the instance got.
    pub requests: usize,
    /// How many calls ended in each outcome.
    pub outcomes: BTreeMap<String, usize>,
    /// Where an outcome and the instance contradict each other. None should be here.
    pub contradictions: Vec<String>,
    /// How long all calls took, in milliseconds.
    pub elapsed_ms: u64,
    /// How much later than its deadline a call ended, in milliseconds: 99.9 of a hundred ended earlier.
    pub late_p999_ms: f64,
    /// The same of the latest call.
    pub late_max_ms: f64,
}

/// How much later than its deadline nearly every call must end, in milliseconds.
pub const TOLERATED_MS: f64 = 500.0;

impl Verdict {
    /// Whether no outcome contradicts the records, and no call held on to its caller.
    pub fn is_good(&self) -> bool {
        self.contradictions.is_empty() && self.late_p999_ms <= TOLERATED_MS
    }
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum NoVerdict {
    /// The simulator did not start.
    #[error("the simulator did not start: {0}")]
    Simulator(#[from] std::io::Error),
    /// The host did not build.
    #[error(transparent)]
    Host(#[from] BuildError),
    /// An incident to work on was not created, before anything went wrong.
    #[error("an incident to work on was not created: {0}")]
    Preparation(String),
    /// A call ended without an outcome.
    #[error("a call ended without an outcome: {0}")]
    NoOutcome(#[from] tokio::task::JoinError),
}

impl Plan {
    /// What the call of this number does.
    pub fn task(&self, call: usize) -> Task {
        let mut random = fastrand::Rng::with_seed(self.seed ^ (call as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let seed = self.seed;
        match random.u8(..10) {
            0..=3 => Task::Create { correlation_id: format!("soak-{seed}-{call}") },
            4 => Task::Create { correlation_id: format!("soak-{seed}-shared-{}", call / SHARING) },
            5..=7 => Task::Update { incident: call },
            _ => Task::Get { incident: call },
        }
    }

    /// Carries the plan out on the host's component. `done` is told how many calls have ended.
    pub async fn run(
        self,
        host: &Host,
        limits: Limits,
        done: impl Fn(usize) + Send + Sync + 'static,
    ) -> Result<Verdict, NoVerdict> {
        let simulator = Simulator::start(Default::default()).await?;
        let host = Arc::new(host.with(authorizations(&simulator), limits)?);
        let instance = simulator.access().base_url.clone();
        let prepared = self.prepare(&host, &instance).await?;
        simulator.mix(self.seed);
        let started = Instant::now();
        let next = Arc::new(AtomicUsize::new(0));
        let (prepared, done) = (Arc::new(prepared), Arc::new(done));
        let mut workers = JoinSet::new();
        for _ in 0..self.concurrency {
            let (host, instance, next) = (Arc::clone(&host), instance.clone(), Arc::clone(&next));
            let (prepared, done) = (Arc::clone(&prepared), Arc::clone(&done));
            workers.spawn(async move {
                let mut entries = Vec::new();
                loop {
                    let call = next.fetch_add(1, Ordering::Relaxed);
                    if call >= self.calls {
                        return entries;
                    }
                    let task = self.task(call);
                    let sys_id = prepared.get(&call).cloned().unwrap_or_default();
                    let finished = invocation(&task, call, &sys_id).run(&host, named(&instance, TIMEOUT)).await;
                    entries.push(Entry { call, task, sys_id, told: told(&finished) });
                    done(call);
                }
            });
        }
        let mut entries = Vec::new();
        while let Some(worker) = workers.join_next().await {
            entries.extend(worker?);
        }
        let elapsed = started.elapsed();
        simulator.settled().await;
        Ok(self.judge(&entries, &simulator, elapsed))
    }

    /// Creates the incidents that updates and gets work on, one for each.
    async fn prepare(&self, host: &Arc<Host>, instance: &str) -> Result<BTreeMap<usize, String>, NoVerdict> {
        let mut creating = JoinSet::new();
        for call in (0..self.calls).filter(|call| !matches!(self.task(*call), Task::Create { .. })) {
            let (host, instance) = (Arc::clone(host), named(instance, PATIENT));
            creating.spawn(async move {
                let columns =
                    columns(&[("short_description", "prepared"), ("correlation_id", &audit::prepared_for(call))]);
                (call, Invocation::Create(columns, create()).run(&host, instance).await)
            });
        }
        let mut prepared = BTreeMap::new();
        while let Some(created) = creating.join_next().await {
            let (call, finished) = created?;
            let sys_id = finished.value["sys_id"].as_str().filter(|_| finished.is_success);
            let sys_id = sys_id.ok_or_else(|| NoVerdict::Preparation(format!("{finished:?}")))?;
            prepared.insert(call, sys_id.to_string());
        }
        Ok(prepared)
    }

    fn judge(&self, entries: &[Entry], simulator: &Simulator, elapsed: Duration) -> Verdict {
        let rows = simulator.rows("incident");
        let mut outcomes = BTreeMap::new();
        for entry in entries {
            *outcomes.entry(entry.told.outcome.clone()).or_default() += 1;
        }
        let mut late: Vec<_> = entries.iter().map(|entry| entry.told.elapsed.saturating_sub(TIMEOUT)).collect();
        late.sort_unstable();
        let ms = |late: Option<&Duration>| late.map_or(0.0, |late| late.as_secs_f64() * 1e3);
        Verdict {
            seed: self.seed,
            calls: entries.len(),
            records: rows.len(),
            requests: simulator.requests().len(),
            outcomes,
            contradictions: audit(self.calls, entries, &rows),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            late_p999_ms: ms(late.get(late.len() * 999 / 1_000)),
            late_max_ms: ms(late.last()),
        }
    }
}

fn named(instance: &str, timeout: Duration) -> Call {
    let timeout_ms = u32::try_from(timeout.as_millis()).ok();
    Call { authorization: "main".to_string(), instance: instance.to_string(), timeout_ms }
}

fn invocation(task: &Task, call: usize, sys_id: &str) -> Invocation {
    match task {
        Task::Create { correlation_id } => Invocation::Create(columns(&[("correlation_id", correlation_id)]), create()),
        Task::Update { .. } => {
            let columns = columns(&[("short_description", &audit::written_by(call))]);
            Invocation::Update(sys_id.to_string(), columns, update())
        }
        Task::Get { .. } => Invocation::Get(by("sys_id", sys_id)),
    }
}

fn told(finished: &Finished) -> Told {
    let write_happened = match (finished.is_success, finished.value["write_happened"].as_str()) {
        (true, _) => WriteHappened::Yes,
        (false, Some("no")) => WriteHappened::No,
        (false, Some("yes")) => WriteHappened::Yes,
        // Refused inputs carry no failure record. No input here is to be refused, and the audit finds those that are.
        (false, _) => WriteHappened::Unknown,
    };
    Told {
        outcome: format!("{} {}", finished.method, finished.case),
        is_success: finished.is_success,
        sys_id: finished.value["sys_id"].as_str().unwrap_or_default().to_string(),
        write_happened,
        elapsed: finished.elapsed,
    }
}

//! The checks of `engines/host-checks.json`: what the component that checks its host is asked, and what a host has to end in.

use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// How much later than its deadline a call may end.
const TOLERANCE: Duration = Duration::from_millis(500);

/// A check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostCheck {
    /// Its name, which is the `short_description` of the create.
    pub check: String,
    /// The duty of `docs/hosts.md`.
    pub duty: String,
    /// What happens, in a sentence.
    pub story: String,
    /// The authorization of the call. `nowhere` is one whose origin is [`NOWHERE`].
    #[serde(default = "main")]
    pub authorization: String,
    /// What goes wrong in the simulator.
    pub fault: Option<Value>,
    /// The deadline of the call.
    #[serde(default = "patient")]
    pub timeout_ms: u32,
    /// The outcomes that are right.
    pub cases: Vec<String>,
    /// What has to be said of writes where the call does not end in `incident-created`.
    pub write_happened: Option<String>,
}

/// An origin where nothing listens.
pub const NOWHERE: &str = "http://127.0.0.1:1";

fn main() -> String {
    "main".to_string()
}

fn patient() -> u32 {
    10_000
}

/// How a check ended.
#[derive(Debug)]
pub struct Ended {
    /// The outcome's case.
    pub case: String,
    /// What the host or the component said.
    pub message: String,
    /// What it said of writes.
    pub write_happened: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// All checks, in the order in which they are made.
pub fn all() -> Vec<HostCheck> {
    serde_json::from_str(include_str!("../../engines/host-checks.json")).unwrap()
}

impl HostCheck {
    /// What is wrong with how it ended.
    pub fn problem(&self, ended: &Ended) -> Option<String> {
        let Self { check, story, cases, timeout_ms, write_happened, .. } = self;
        let is_told = ended.case == "incident-created" || ended.write_happened == *write_happened;
        let is_right = cases.contains(&ended.case) && is_told;
        let in_time = ended.elapsed <= Duration::from_millis(u64::from(*timeout_ms)) + TOLERANCE;
        (!is_right || !in_time).then(|| format!("{check}: {story}. {ended:?}"))
    }
}

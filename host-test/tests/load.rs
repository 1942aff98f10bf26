//! More calls at once than the machine has room for. A program of its own: it leaves no time to tests beside it.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use host_test::lab::scenarios::{TestBed, authorizations, by};
use servicenow_host::incidents::GetOutcome;
use servicenow_host::{Host, Limits};
use servicenow_simulator::{Effect, Fault};
use std::sync::Arc;
use tokio::task::JoinSet;

/// More than the mappings of a usual Linux allow.
const OFFERED: u32 = 12_000;

/// Long enough for all of them, one batch after the other, on a machine that takes three times the minute of a slow one: what is
/// asked is whether one fails, and not how long they take.
const PATIENT_MS: u32 = 180_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_what_the_machine_can_hold_wait_and_none_fails() {
    let bed = TestBed::set().await.unwrap();
    // Held by the instance for a while, so that as many as may run do run at once.
    let held = Fault::once("GET", "/api/now/table/incident", Effect::Delay { ms: 1_000 });
    bed.simulator.inject(held.times(OFFERED));
    // The simulator's ends of the connections are in this process too.
    let limits = Limits::default();
    let max_calls = limits.max_calls * 2 / 3;
    let limits = Limits {
        max_calls,
        max_calls_per_authorization: OFFERED as usize,
        max_timeout: std::time::Duration::from_millis(PATIENT_MS.into()),
        ..limits
    };
    let host = Host::builder().authorizations(authorizations(&bed.simulator)).limits(limits).build().unwrap();
    let host = Arc::new(host);
    let mut calls = JoinSet::new();
    for _ in 0..OFFERED {
        let (host, call) = (Arc::clone(&host), bed.call(PATIENT_MS));
        calls.spawn(async move { host.get(call, by("number", "INC0010001")).await.outcome });
    }
    let (mut succeeded, mut most) = (0, 0);
    while let Some(outcome) = calls.join_next().await {
        match outcome.unwrap() {
            GetOutcome::GetIncidentSuccess(_) => succeeded += 1,
            other => panic!("{other:?}"),
        }
        if succeeded % 500 == 0 {
            most = most.max(std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count()));
        }
    }
    println!("{max_calls} at once, at most {most} memory mappings seen");
    assert_eq!(succeeded, OFFERED);
}

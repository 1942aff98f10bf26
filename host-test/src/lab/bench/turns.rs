//! How a contender takes its turn: calls one after the other, or many at once.

use super::contenders::{AT_ONCE, Contender};
use super::measure::{cpu, median, percentile, us};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The samples of a contender's rounds.
#[derive(Default)]
pub struct Rounds {
    /// The median of each round, in microseconds.
    pub p50: Vec<f64>,
    /// What 99 of 100 are faster than.
    pub p99: Vec<f64>,
    /// Processor time of a call.
    pub cpu: Vec<f64>,
}

impl Rounds {
    /// Adds a round.
    pub fn add(&mut self, (mut times, cpu): (Vec<f64>, Duration)) {
        self.cpu.push(us(cpu) / times.len().max(1) as f64);
        self.p50.push(median(&mut times));
        self.p99.push(percentile(&mut times, 0.99));
    }
}

/// The same of rounds with many calls at once: creates a second, and the processor time of each.
#[derive(Default)]
pub struct Crowds {
    /// Creates a second.
    pub per_second: Vec<f64>,
    /// Processor time of each.
    pub cpu: Vec<f64>,
}

impl Crowds {
    /// Has a contender take its turn.
    pub async fn add(&mut self, contender: &impl Contender, count: usize) -> anyhow::Result<()> {
        let before = cpu();
        self.per_second.push(at_once(contender, AT_ONCE, count).await?);
        self.cpu.push(us(cpu() - before) / count as f64);
        Ok(())
    }

    /// The medians of all rounds.
    pub fn medians(mut self) -> (f64, f64) {
        (median(&mut self.per_second), median(&mut self.cpu))
    }
}

/// Calls one after the other: the time of each, and the processor time of all.
pub async fn one_by_one(contender: &impl Contender, count: usize) -> anyhow::Result<(Vec<f64>, Duration)> {
    let contender = contender.clone();
    // In a task, as an engine calls: outside of one, each answer would cross threads.
    let calls = tokio::spawn(async move {
        let (mut times, before) = (Vec::with_capacity(count), cpu());
        for _ in 0..count {
            let started = Instant::now();
            contender.create().await?;
            times.push(us(started.elapsed()));
        }
        Ok((times, cpu() - before))
    });
    calls.await?
}

/// Ten rounds' calls, as a multiple of those that are made at once.
pub fn calls_at_once(calls: usize) -> usize {
    (calls * 10).next_multiple_of(AT_ONCE)
}

/// Round by round, one against the other.
pub fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()
}

/// So many calls, so many at once: calls a second.
pub async fn at_once(contender: &impl Contender, width: usize, count: usize) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..width {
        let contender = contender.clone();
        workers.spawn(async move {
            for _ in 0..count / width {
                contender.create().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok((count / width * width) as f64 / started.elapsed().as_secs_f64())
}

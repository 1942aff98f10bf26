//! `soak`: many calls under a seeded mix of faults, and an audit.

use super::limits::LimitOptions;
use super::{print, print_table, table};
use crate::lab::soak::{Plan, Verdict};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use servicenow_host::limits::SPARE;
use std::time::Duration;

/// How many contradictions the text output shows.
const SHOWN: usize = 20;

/// Options of `soak`.
#[derive(Args)]
pub struct Soak {
    /// How many calls to make
    #[arg(long, default_value_t = 10_000)]
    calls: usize,
    /// How many calls run at once
    #[arg(long, default_value_t = 200, value_parser = at_least_one)]
    concurrency: usize,
    /// What goes wrong, and what is called; made up where absent, and always printed
    #[arg(long)]
    seed: Option<u64>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitOptions,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "expected a number of at least 1".to_string())
}

impl Soak {
    /// Whether no outcome contradicts what the instance holds.
    pub async fn run(self) -> anyhow::Result<bool> {
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        let bar = ProgressBar::new(self.calls as u64);
        // The template is a constant.
        bar.set_style(
            ProgressStyle::with_template("{bar:40} {pos}/{len} calls, {eta} left").expect("it is a template"),
        );
        let plan = Plan { calls: self.calls, concurrency: self.concurrency, seed };
        let limits = self.limits.limits();
        let host = crate::components::builder()?.limits(limits.clone()).build()?;
        let counted = bar.clone();
        let before = Held::now();
        let verdict = plan.run(&host, limits, move |_| counted.inc(1)).await?;
        bar.finish_and_clear();
        let little = Held::little(self.concurrency);
        let left = Held::since(&before, &little).await;
        if self.json {
            let mut all = serde_json::to_value(&verdict)?;
            all["descriptors_left"] = left.descriptors.into();
            all["mappings_left"] = left.mappings.into();
            print(&serde_json::to_string_pretty(&all)?);
        } else {
            print_text(&verdict);
            print(&format!("left behind: descriptors {}, memory mappings {}", left.descriptors, left.mappings));
        }
        Ok(verdict.is_good() && left.is_within(&little))
    }
}

/// What the process holds, as far as the kernel says.
struct Held {
    descriptors: usize,
    mappings: usize,
}

/// A handful of descriptors and the memory of threads and allocator stay; calls that leaked would leave thousands.
const LITTLE: Held = Held { descriptors: 16, mappings: 512 };

/// The places of the pool stay mapped when they were used once.
const MAPPINGS_PER_PLACE: usize = 7;

/// Connections are closed by tasks of their own, which need a moment after the last call.
const MOMENT: Duration = Duration::from_millis(50);

/// How many moments they get.
const MOMENTS: u32 = 100;

impl Held {
    fn now() -> Self {
        let count = |path: &str| std::fs::read_dir(path).map_or(0, Iterator::count);
        let mappings = std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count());
        Self { descriptors: count("/proc/self/fd"), mappings }
    }

    /// What may be left of so many calls at once.
    fn little(concurrency: usize) -> Self {
        let places = concurrency.saturating_add(SPARE as usize);
        Self { mappings: LITTLE.mappings.saturating_add(places.saturating_mul(MAPPINGS_PER_PLACE)), ..LITTLE }
    }

    /// How much more is held than before.
    async fn since(before: &Self, little: &Self) -> Self {
        let mut left = Self { descriptors: usize::MAX, mappings: usize::MAX };
        for _ in 0..MOMENTS {
            let now = Self::now();
            left.descriptors = now.descriptors.saturating_sub(before.descriptors);
            left.mappings = now.mappings.saturating_sub(before.mappings);
            if left.is_within(little) {
                break;
            }
            tokio::time::sleep(MOMENT).await;
        }
        left
    }

    fn is_within(&self, little: &Self) -> bool {
        self.descriptors <= little.descriptors && self.mappings <= little.mappings
    }
}

fn print_text(verdict: &Verdict) {
    let mut lines = table(&["outcome", "calls"]);
    for (outcome, calls) in &verdict.outcomes {
        lines.add_row([outcome, &calls.to_string()]);
    }
    print_table(&lines);
    print(&format!(
        "\n{} calls, {} requests and {} records in {:.1} s, seed {}",
        verdict.calls,
        verdict.requests,
        verdict.records,
        verdict.elapsed_ms as f64 / 1e3,
        verdict.seed
    ));
    print(&format!(
        "later than the deadline: {:.1} ms at 99.9 %, {:.1} ms at most",
        verdict.late_p999_ms, verdict.late_max_ms
    ));
    for contradiction in verdict.contradictions.iter().take(SHOWN) {
        print(contradiction);
    }
    match verdict.contradictions.len() {
        0 => print("no outcome contradicts what the instance holds"),
        count => print(&format!("{count} contradictions; the same seed finds them again")),
    }
}

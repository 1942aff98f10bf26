//! Where keys and times come from: chance and the clock, or a seed that makes them the same each time.

use jiff::{SignedDuration, Timestamp};

/// How an instance writes times.
pub const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// When the clock of a seeded instance starts: 2026-01-01 00:00:00 UTC.
const SEEDED_START: i64 = 1_767_225_600;

/// Where keys and times come from.
pub struct Source {
    random: fastrand::Rng,
    clock: Option<Timestamp>,
}

impl Source {
    /// By chance and the clock, or by a seed: then each record is written a second after the last.
    pub fn new(seed: Option<u64>) -> Self {
        Self {
            random: seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed),
            clock: seed.and_then(|_| Timestamp::from_second(SEEDED_START).ok()),
        }
    }

    /// A new key.
    pub fn sys_id(&mut self) -> String {
        format!("{:032x}", self.random.u128(..))
    }

    /// The time of a write, in UTC.
    pub fn now(&mut self) -> String {
        let now = match &mut self.clock {
            None => Timestamp::now(),
            Some(clock) => {
                *clock = clock.saturating_add(SignedDuration::from_secs(1)).unwrap_or(*clock);
                *clock
            }
        };
        written(now)
    }

    /// The time without writing, as records have it.
    pub fn clock(&self) -> String {
        written(self.peek())
    }

    /// The time without writing, in UTC.
    pub fn peek(&self) -> Timestamp {
        self.clock.unwrap_or_else(Timestamp::now)
    }
}

fn written(time: Timestamp) -> String {
    time.strftime(FORMAT).to_string()
}

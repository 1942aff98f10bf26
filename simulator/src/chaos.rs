//! A seeded mix of faults: each request meets one or none, by what it says and how often it was seen. So the same seed and
//! the same calls meet the same faults, in whatever order they arrive.
//!
//! The token endpoint always answers: while it hangs, nothing else can be tried.

use super::effect::Effect;
use super::oauth;
use fnv::FnvHasher;
use std::collections::HashMap;
use std::hash::Hasher;

/// Of a hundred requests, how many meet no fault.
const CALM: u8 = 70;

/// Longer than the deadline of any call that is made under chaos, so that the caller has given up.
const LATE_MS: u64 = 1_500;

/// A seeded mix of faults.
pub struct Chaos {
    seed: u64,
    seen: HashMap<u64, u32>,
}

impl Chaos {
    /// The mix of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, seen: HashMap::new() }
    }

    /// The fault that a request meets.
    pub fn effect(&mut self, method: &str, address: &str, body: &[u8]) -> Option<Effect> {
        let mut hasher = FnvHasher::with_key(self.seed);
        for part in [method.as_bytes(), address.as_bytes(), body] {
            hasher.write(part);
        }
        let seen = self.seen.entry(hasher.finish()).or_default();
        *seen += 1;
        hasher.write(&seen.to_le_bytes());
        let effect = effect(&mut fastrand::Rng::with_seed(hasher.finish()))?;
        let never_answers = matches!(effect, Effect::Hang | Effect::CommitLate { .. });
        (address != oauth::PATH || !never_answers).then_some(effect)
    }
}

fn effect(random: &mut fastrand::Rng) -> Option<Effect> {
    if random.u8(..100) < CALM {
        return None;
    }
    Some(match random.u8(..18) {
        0 => Effect::status(401),
        1 => Effect::status(403),
        2 => Effect::status(429).header("retry-after", "0"),
        3 => Effect::status(500),
        4 => Effect::status(503),
        5 => Effect::html(502, "<html>Bad Gateway</html>"),
        6 => Effect::html(200, "<html>Log in</html>"),
        7 => Effect::status(302).header("location", "http://127.0.0.1:1/"),
        8 => Effect::CommitThenStatus { status: 500 },
        9 => Effect::CommitThenStatus { status: 504 },
        10 => Effect::Close,
        11 => Effect::CommitThenClose,
        12 => Effect::CommitLate { ms: LATE_MS },
        13 => Effect::Hang,
        14 => Effect::Truncate,
        15 => Effect::BreakBody,
        16 => Effect::json(200, r#"{"result":[],"error":{"message":"Transaction cancelled"}}"#),
        _ => Effect::Delay { ms: random.u64(1..400) },
    })
}

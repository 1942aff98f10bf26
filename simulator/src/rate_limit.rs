//! Rate limits: counted by the hour of the clock, and told in headers (docs/servicenow-api.md 3).

use super::answer::{Answer, error};
use super::settings::RateRule;
use http::HeaderValue;
use jiff::Timestamp;
use std::collections::HashMap;

const HOUR: i64 = 3_600;

/// How many requests met each rule in the current hour.
#[derive(Default)]
pub struct Rates {
    hour: i64,
    counts: HashMap<String, u32>,
}

impl Rates {
    /// Counts a request. What it means for its answer; `None` where no rule is met.
    pub fn count(&mut self, rules: &[RateRule], path: &str, now: Timestamp) -> Option<Counted> {
        let rule = rules.iter().find(|rule| path.starts_with(&rule.path))?;
        let hour = now.as_second().div_euclid(HOUR);
        if hour != self.hour {
            *self = Self { hour, counts: HashMap::new() };
        }
        let count = self.counts.entry(rule.path.clone()).or_default();
        *count = count.saturating_add(1);
        let reset = (hour + 1) * HOUR;
        Some(Counted { limit: rule.per_hour, is_over: *count > rule.per_hour, reset, left: reset - now.as_second() })
    }
}

/// A request that met a rule.
pub struct Counted {
    limit: u32,
    is_over: bool,
    reset: i64,
    left: i64,
}

impl Counted {
    /// Answers by `answer` unless the request is over the limit, and adds the rule's headers.
    pub fn answer(&self, answer: impl FnOnce() -> Answer) -> Answer {
        let mut answer = if self.is_over {
            let detail = format!("Rate limit of {} requests per hour for Table API exceeded", self.limit);
            let mut refused = error(429, "Rate limit exceeded", &detail);
            refused.headers_mut().insert("retry-after", HeaderValue::from(self.left));
            refused
        } else {
            answer()
        };
        answer.headers_mut().insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        answer.headers_mut().insert("x-ratelimit-reset", HeaderValue::from(self.reset));
        answer.headers_mut().insert("x-ratelimit-rule", HeaderValue::from_static(RULE));
        answer
    }
}

/// The key of the rule's record.
const RULE: &str = "6d4ca9f5eb223300b749215df5206a1b";

//! Rate limits: counted by the hour of the clock, and told in headers (facts 3).

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
    /// Counts a request, answers it by `answer` unless it is over a limit, and adds the headers of the rule it met.
    pub fn apply(&mut self, rules: &[RateRule], path: &str, now: Timestamp, answer: impl FnOnce() -> Answer) -> Answer {
        let Some(rule) = rules.iter().find(|rule| path.starts_with(&rule.path)) else { return answer() };
        let hour = now.as_second().div_euclid(HOUR);
        if hour != self.hour {
            *self = Self { hour, counts: HashMap::new() };
        }
        let count = self.counts.entry(rule.path.clone()).or_default();
        *count = count.saturating_add(1);
        let reset = (hour + 1) * HOUR;
        let mut answer = if *count > rule.per_hour {
            let detail = format!("Rate limit of {} requests per hour for Table API exceeded", rule.per_hour);
            let mut refused = error(429, "Rate limit exceeded", &detail);
            refused.headers_mut().insert("retry-after", HeaderValue::from(reset - now.as_second()));
            refused
        } else {
            answer()
        };
        answer.headers_mut().insert("x-ratelimit-limit", HeaderValue::from(rule.per_hour));
        answer.headers_mut().insert("x-ratelimit-reset", HeaderValue::from(reset));
        answer.headers_mut().insert("x-ratelimit-rule", HeaderValue::from_static(RULE));
        answer
    }
}

/// The key of the rule's record.
const RULE: &str = "6d4ca9f5eb223300b749215df5206a1b";

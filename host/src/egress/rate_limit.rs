//! What an instance said about its rate limit, remembered per authorization: a request that would be refused is not sent.

use crate::authorizations::Authorizations;
use crate::telemetry;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use servicenow_core::host::Response as Answer;
use servicenow_core::servicenow::response::retry_after_ms;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The pause after a 429 that names none.
const ASSUMED_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause: ServiceNow's rules count by the hour.
const MAX_PAUSE: Duration = Duration::from_secs(3_600);

/// The headers that name a pause.
const NAMING: [&str; 2] = ["retry-after", "x-ratelimit-reset"];

/// While an authorization pauses, a request this often is sent all the same: a server that names an hour by mistake silences
/// nobody for an hour.
const PROBE: Duration = Duration::from_secs(60);

/// Until when each authorization pauses.
#[derive(Clone)]
pub struct RateLimits(Arc<HashMap<String, Mutex<Option<Pause>>>>);

/// A pause.
#[derive(Clone, Copy)]
struct Pause {
    until: Instant,
    probe: Instant,
}

/// Whether a request may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It may; in a pause, to see whether that is over.
    Go {
        /// Whether it is sent in a pause.
        is_probe: bool,
    },
    /// Not before the pause ends.
    Wait {
        /// When it ends.
        until: Instant,
        /// When to ask again.
        next: Instant,
    },
}

impl RateLimits {
    /// No pauses.
    pub fn new(authorizations: &Authorizations) -> Self {
        Self(Arc::new(authorizations.iter().map(|(name, _)| (name.clone(), Mutex::default())).collect()))
    }

    /// Whether this authorization may send a request now.
    pub fn turn(&self, authorization: &str) -> Turn {
        let now = Instant::now();
        let Some(slot) = self.0.get(authorization) else { return Turn::Go { is_probe: false } };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Some(pause) if now < pause.until && now < pause.probe => {
                Turn::Wait { until: pause.until, next: pause.until.min(pause.probe) }
            }
            Some(pause) if now < pause.until => {
                pause.probe = now + PROBE;
                Turn::Go { is_probe: true }
            }
            _ => Turn::Go { is_probe: false },
        }
    }

    /// Remembers the pause that an answer calls for, if it does, and ends one that a probe found to be over.
    pub fn learn(&self, authorization: &str, is_probe: bool, status: StatusCode, headers: &HeaderMap) {
        let Some(slot) = self.0.get(authorization) else { return };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                if slot.is_none_or(|pause| pause.until <= now) {
                    telemetry::paused(authorization);
                }
                let until = now + named(headers).unwrap_or(ASSUMED_PAUSE).min(MAX_PAUSE);
                // The later one holds, in whatever order the answers came.
                let until = slot.map_or(until, |pause| pause.until.max(until));
                *slot = Some(Pause { until, probe: now + PROBE });
            }
            _ if is_probe => *slot = None,
            _ => {}
        }
    }
}

fn named(headers: &HeaderMap) -> Option<Duration> {
    let value = |name: &str| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_string()));
    let headers = NAMING.iter().filter_map(|name| value(name)).collect();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let answer = Answer { status: 429, headers, body: Vec::new() };
    retry_after_ms(&answer, now).map(|ms| Duration::from_millis(ms.into()))
}

/// The answer to a request that is not sent: what ServiceNow would say again, and that it was not asked.
pub fn refusal(until: Instant) -> Response<Bytes> {
    let seconds = until.saturating_duration_since(Instant::now()).as_secs() + 1;
    let body = serde_json::json!({
        "error": {
            "message": "Rate limit exceeded",
            "detail": "not sent: an earlier answer said when this authorization may call again",
        },
        "status": "failure",
    });
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    answer.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_pause_is_named_in_seconds_by_a_time_or_not_at_all() {
        let text = "[authorizations.main]\ninstance = \"dev1\"\ngrant = \"bearer\"\ntoken = \"t\"";
        let authorizations = Authorizations::parse(text, Path::new("a.toml")).unwrap();
        let in_a_minute = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 60;
        for (name, value, seconds) in [
            ("retry-after", "30".to_string(), 30),
            ("x-ratelimit-reset", in_a_minute.to_string(), 60),
            ("retry-after", "soon".to_string(), 1),
            ("retry-after", u64::MAX.to_string(), 3_600),
            ("x-other", "1".to_string(), 1),
        ] {
            let limits = RateLimits::new(&authorizations);
            let mut headers = HeaderMap::new();
            headers.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
            let go = Turn::Go { is_probe: false };
            limits.learn("main", false, StatusCode::OK, &headers);
            assert_eq!(limits.turn("main"), go);
            limits.learn("main", false, StatusCode::TOO_MANY_REQUESTS, &headers);
            let Turn::Wait { until, .. } = limits.turn("main") else { panic!("no pause for {name}: {value}") };
            let left = until - Instant::now();
            let expected = Duration::from_secs(seconds);
            assert!(left <= expected && left + Duration::from_secs(2) > expected, "{name}: {value}: {left:?}");
            assert_eq!(limits.turn("other"), go);
        }
    }

    #[test]
    fn a_request_a_minute_sees_whether_a_pause_is_over() {
        let text = "[authorizations.main]\ninstance = \"dev1\"\ngrant = \"bearer\"\ntoken = \"t\"";
        let limits = RateLimits::new(&Authorizations::parse(text, Path::new("a.toml")).unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, 999_999_999.into());
        limits.learn("main", false, StatusCode::TOO_MANY_REQUESTS, &headers);
        let later = || limits.0["main"].lock().unwrap().as_mut().unwrap().probe -= PROBE;
        assert!(matches!(limits.turn("main"), Turn::Wait { .. }));
        later();
        assert_eq!(limits.turn("main"), Turn::Go { is_probe: true });
        assert!(matches!(limits.turn("main"), Turn::Wait { .. }), "one, and not all that wait");
        limits.learn("main", true, StatusCode::TOO_MANY_REQUESTS, &headers);
        assert!(matches!(limits.turn("main"), Turn::Wait { .. }));
        later();
        assert_eq!(limits.turn("main"), Turn::Go { is_probe: true });
        // An answer to what was sent before the pause says nothing of it.
        limits.learn("main", false, StatusCode::OK, &headers);
        assert!(matches!(limits.turn("main"), Turn::Wait { .. }));
        limits.learn("main", true, StatusCode::OK, &headers);
        assert_eq!(limits.turn("main"), Turn::Go { is_probe: false });
    }
}

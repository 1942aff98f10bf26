//! On whose behalf a script or a write runs, and the requests that are sent for it.

use super::outbound::{Message, Response};
use crate::Instance;
use crate::access::Caller;
use crate::tables::Row;
use crate::tables::dictionary;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Who writes, and from how deep within scripts.
#[derive(Clone)]
pub struct Actor {
    /// The user.
    pub caller: Caller,
    /// How many scripts set one another off before this one.
    pub depth: u8,
    /// Whether its writes set off business rules.
    pub runs_rules: bool,
    /// When the script that acts has to end: what it sets off ends with it.
    until: Option<Instant>,
}

impl Actor {
    /// A user who writes from outside.
    pub fn new(caller: Caller) -> Self {
        Self { caller, depth: 0, runs_rules: true, until: None }
    }

    /// The same user, by a script that has so much time left.
    pub fn within(&self, runs_rules: bool, left: Duration) -> Self {
        let until = Instant::now().checked_add(left);
        Self { caller: self.caller.clone(), depth: self.depth.saturating_add(1), runs_rules, until }
    }

    /// The same user, by a script that runs later.
    pub fn later(&self) -> Self {
        Self { caller: self.caller.clone(), depth: self.depth.saturating_add(1), runs_rules: true, until: None }
    }

    /// How long a script may take that this sets off.
    pub fn time(&self, instance: &Instance) -> Duration {
        let time = Duration::from_millis(instance.settings().script_ms);
        self.until.map_or(time, |until| time.min(until.saturating_duration_since(Instant::now())))
    }

    /// Sends a request for a script, and logs it where the instance logs such requests.
    pub fn send(&self, instance: &Instance, message: &Message, left: Duration) -> Value {
        let response = instance.outbound.send(message, left);
        note(instance, message, &response);
        serde_json::to_value(response).unwrap_or_default()
    }
}

fn note(instance: &Instance, message: &Message, response: &Response) {
    let status = if response.status == 0 { String::new() } else { response.status.to_string() };
    let method = message.method.to_ascii_uppercase();
    for table in instance.settings().clone().outbound_logs {
        let Some(table) = dictionary::table(&table) else { continue };
        let mut store = instance.store();
        let now = store.source.clock();
        let columns = [
            ("url", message.endpoint.as_str()),
            ("method", &method),
            ("response_status", &status),
            ("request_body", &message.body),
            ("response_body", &response.body),
            ("error", response.error.as_deref().unwrap_or_default()),
            ("sys_created_on", &now),
        ];
        store.add(table.name, Row::new(table.name, columns));
    }
}

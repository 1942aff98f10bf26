//! What may go wrong in the simulator, for a visitor to switch on and off.

use serde_json::{Value, json};
use servicenow_simulator::{Effect, Fault, Simulator};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something to go wrong.
struct Known {
    name: &'static str,
    title: &'static str,
    story: &'static str,
    faults: fn() -> Vec<Fault>,
}

const TABLES: &str = "/api/now/table/";

/// The one that goes wrong once.
const ONCE: &str = "token-expired";

/// What ServiceNow shows of an instance that sleeps.
const HIBERNATING: &str =
    "<html><head><title>Instance Hibernating page</title></head><body>Your instance is hibernating</body></html>";

const ALL: [Known; 13] = [
    Known {
        name: "lost-answer",
        title: "The answer to a write is lost",
        story: "The record is written, and the connection closes. A create finds it again; an update reads it.",
        faults: || of_writes(Effect::CommitThenClose),
    },
    Known {
        name: "late-answer",
        title: "A write is answered after ten seconds",
        story: "The record is written; the call ends at its deadline, and says that it may have been.",
        faults: || of_writes(Effect::CommitThenDelay { ms: 10_000 }),
    },
    Known {
        name: "rate-limited",
        title: "The rate limit is reached",
        story: "429 with Retry-After: 2. The host sends nothing more until then.",
        faults: || vec![any(Effect::status(429).header("retry-after", "2"))],
    },
    Known {
        name: "hibernating",
        title: "The instance hibernates",
        story: "A page of HTML with status 200.",
        faults: || vec![any(Effect::html(200, HIBERNATING))],
    },
    Known {
        name: "slow",
        title: "The instance is slow",
        story: "Each request waits for two seconds.",
        faults: || vec![any(Effect::Delay { ms: 2_000 })],
    },
    Known {
        name: "html-error",
        title: "A proxy answers",
        story: "502 with a page of HTML.",
        faults: || vec![any(Effect::html(502, "<html><body><h1>502 Bad Gateway</h1></body></html>"))],
    },
    Known {
        name: "server-error",
        title: "The instance fails",
        story: "500, and nothing is done.",
        faults: || vec![any(Effect::status(500))],
    },
    Known {
        name: "silent",
        title: "The instance never answers",
        story: "Nothing is done. A call ends at its deadline.",
        faults: || vec![any(Effect::Hang)],
    },
    Known {
        name: "bad-request",
        title: "The request is refused",
        story: "400, as a business rule that aborts answers.",
        faults: || vec![any(Effect::status(400))],
    },
    Known {
        name: "unauthorized",
        title: "The credential is refused",
        story: "401, also with a fresh token.",
        faults: || vec![any(Effect::status(401))],
    },
    Known {
        name: "not-found",
        title: "The record is gone",
        story: "404, whatever is asked for.",
        faults: || vec![any(Effect::status(404))],
    },
    Known {
        name: "cut-off",
        title: "An answer is cut off",
        story: "The connection breaks in the middle of an answer.",
        faults: || vec![any(Effect::BreakBody)],
    },
    Known {
        name: ONCE,
        title: "The token expires",
        story: "Once: no access token is good any more. The host fetches another after the 401.",
        faults: || vec![Fault { times: 1, ..any(Effect::ExpireTokens) }],
    },
];

/// Of every request for a table.
fn any(effect: Effect) -> Fault {
    Fault { method: None, path: TABLES.to_string(), after: 0, times: u32::MAX, effect }
}

/// Of every create and update.
fn of_writes(effect: Effect) -> Vec<Fault> {
    ["POST", "PATCH"].map(|method| Fault { method: Some(method.into()), ..any(effect.clone()) }).into()
}

/// All of them, as the page shows them.
pub fn all() -> Value {
    ALL.iter().map(|Known { name, title, story, .. }| json!({"name": name, "title": title, "story": story})).collect()
}

/// Those that are switched on, by name.
#[derive(Default)]
pub struct Active(Mutex<BTreeSet<&'static str>>);

impl Active {
    /// Switches one on or off. Those that are on then; nothing where there is none of that name.
    pub fn switch(&self, name: &str, on: bool, simulator: &Simulator) -> Option<Value> {
        let known = ALL.iter().find(|known| known.name == name)?;
        let mut active = self.lock();
        match on {
            true => active.insert(known.name),
            false => active.remove(known.name),
        };
        simulator.heal();
        for known in ALL.iter().filter(|known| active.contains(known.name)) {
            (known.faults)().into_iter().for_each(|fault| simulator.inject(fault));
        }
        // What goes wrong once is over by itself.
        active.remove(ONCE);
        Some(json!(*active))
    }

    /// Those that are on.
    pub fn names(&self) -> Value {
        json!(*self.lock())
    }

    /// Switches all off.
    pub fn clear(&self, simulator: &Simulator) {
        self.lock().clear();
        simulator.heal();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

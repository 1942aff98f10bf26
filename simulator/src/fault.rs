//! What can go wrong, on demand: a fault matches requests and strikes so many times.

use super::chaos::Chaos;
use super::effect::{Effect, Strike};
use serde::Deserialize;

/// A fault. As JSON: `{"method":"POST","path":"/api/now/table/incident","times":1,"effect":{"status":{"status":500}}}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The method it matches; any where absent.
    #[serde(default)]
    pub method: Option<String>,
    /// What the path starts with; any where empty.
    #[serde(default)]
    pub path: String,
    /// How many matching requests pass before it strikes.
    #[serde(default)]
    pub after: u32,
    /// How often it strikes.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens.
    pub effect: Effect,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// A fault that strikes the next matching request.
    pub fn once(method: &str, path: &str, effect: Effect) -> Self {
        Self { method: Some(method.to_string()), path: path.to_string(), after: 0, times: 1, effect }
    }

    /// The same fault, so many times.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// The same fault, after so many matching requests.
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }
}

/// The faults that wait to strike.
#[derive(Default)]
pub struct Faults {
    named: Vec<Fault>,
    chaos: Option<Chaos>,
}

impl Faults {
    /// Adds a fault.
    pub fn add(&mut self, fault: Fault) {
        self.named.push(fault);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds a seeded mix, for the requests that no named fault strikes.
    pub fn mix(&mut self, seed: u64) {
        self.chaos = Some(Chaos::new(seed));
    }

    /// What becomes of a request: the first fault that matches it strikes.
    pub fn strike(&mut self, method: &str, address: &str, body: &[u8]) -> Option<Strike> {
        let path = address.split('?').next().unwrap_or(address);
        if let Some(strike) = self.named(method, path) {
            return Some(strike);
        }
        let effect = self.chaos.as_mut()?.effect(method, address, body)?;
        Some(effect.strike())
    }

    fn named(&mut self, method: &str, path: &str) -> Option<Strike> {
        let matches = |fault: &&mut Fault| {
            fault.times > 0
                && fault.method.as_deref().is_none_or(|wanted| wanted == method)
                && path.starts_with(&fault.path)
        };
        for fault in self.named.iter_mut().filter(matches) {
            // One that still lets requests pass does not stand in the way of the next.
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            fault.times -= 1;
            return Some(fault.effect.strike());
        }
        None
    }
}

//! The scenarios that the engines share: one for each outcome of create, get and update, as data.

use serde::Deserialize;
use serde_json::Value;

/// The scenarios, as they stand in `engines/scenarios.json`.
const SCENARIOS: &str = include_str!("../../../../engines/scenarios.json");

/// An outcome to reach, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineCase {
    /// The method.
    pub method: String,
    /// The outcome's case.
    pub case: String,
    /// What happens, in a sentence.
    pub story: String,
    /// What goes wrong in the simulator.
    #[serde(default)]
    pub fault: Option<Value>,
    /// The inputs, named as in the manifest.
    pub inputs: Value,
}

/// All of them, with the simulator's address and its first incident filled in.
pub fn all(instance: &str, number: &str, sys_id: &str) -> serde_json::Result<Vec<EngineCase>> {
    let filled = SCENARIOS.replace("{instance}", instance).replace("{number}", number);
    serde_json::from_str(&filled.replace("{sys_id}", sys_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use servicenow_host::incidents::{CreateOutcome, GetOutcome, UpdateOutcome};
    use servicenow_host::outcome::Outcome;

    #[test]
    fn there_is_one_for_each_outcome() {
        let scenarios = all("i", "n", "s").unwrap();
        let mut found: Vec<_> = scenarios.iter().map(|known| (known.method.as_str(), known.case.as_str())).collect();
        let of = |method, cases: &'static [&str]| cases.iter().map(move |case| (method, *case));
        let mut expected: Vec<_> = of("create", CreateOutcome::CASES)
            .chain(of("get", GetOutcome::CASES))
            .chain(of("update", UpdateOutcome::CASES))
            .collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

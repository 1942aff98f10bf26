//! Examples of events and rules: the cookbook's.

use serde_json::{Value, json};

macro_rules! recipe {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../docs/sync/cookbook/", $name, ".md")))
    };
}

const RECIPES: [(&str, &str); 12] = [
    recipe!("alertmanager"),
    recipe!("alertmanager-group"),
    recipe!("apono"),
    recipe!("azure-monitor"),
    recipe!("cloudwatch-sns"),
    recipe!("datadog"),
    recipe!("flashduty"),
    recipe!("github-issues"),
    recipe!("icinga2"),
    recipe!("nagios"),
    recipe!("opsgenie"),
    recipe!("pagerduty"),
];

/// Blocks of a recipe that are no events: rules, and what the sender is configured with.
const NO_EVENTS: [&str; 4] = ["rules", "note-rules", "payload", "subscription"];

/// All of them: a name, a title, the rules, and the events by what they tell of, such as `open` and `recover`.
pub fn all() -> Value {
    RECIPES.iter().filter_map(|(name, text)| example(name, text)).collect()
}

fn example(name: &str, text: &str) -> Option<Value> {
    let title = text.lines().next()?.trim_start_matches("# ");
    let blocks: Vec<_> = text.split("```json ").skip(1).filter_map(block).collect();
    let (_, rules) = blocks.iter().find(|(name, _)| *name == "rules")?;
    let events: Vec<_> = blocks
        .iter()
        .filter(|(name, _)| !NO_EVENTS.contains(name))
        .map(|(name, text)| json!({"name": name, "text": text}))
        .collect();
    Some(json!({"name": name, "title": title, "rules": rules, "events": events}))
}

/// The name and the text of a block: its first line is the name of a file.
fn block(block: &str) -> Option<(&str, &str)> {
    let (file, text) = block.split_once('\n')?;
    Some((file.strip_suffix(".json")?, text.split("```").next()?.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_has_rules_and_the_events_of_an_incidents_life() {
        let all = all();
        let all = all.as_array().unwrap();
        assert_eq!(all.len(), RECIPES.len());
        let is_json = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).is_ok();
        for one in all {
            assert!(is_json(&one["rules"]), "{one}");
            let events = one["events"].as_array().unwrap();
            assert!(events.iter().all(|event| is_json(&event["text"])), "{one}");
            for name in ["open", "change", "recover"] {
                assert!(events.iter().any(|event| event["name"] == name), "{name} of {one}");
            }
        }
    }
}

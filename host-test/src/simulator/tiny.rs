//! Short addresses: a long query is kept, and its key stands for it.

use super::answer::{Answer, error, json};
use super::{Instance, lock};
use serde_json::{Value, json};

/// The parameter that carries the key.
pub const PARAMETER: &str = "sysparm_tiny";

/// How many are kept: the oldest are forgotten, and no loop of a client fills the memory.
const MAX_KEPT: usize = 10_000;

/// POST of `{"url": ...}`: the address with a key in place of its parameters.
pub fn shorten(instance: &Instance, body: &[u8]) -> Answer {
    let Ok(Value::String(url)) = serde_json::from_slice(body).map(|mut body: Value| body["url"].take()) else {
        return error(400, "Exception while reading request", "url must be a text");
    };
    let path = url.split_once('?').map_or(url.as_str(), |(path, _)| path).to_string();
    let mut kept = lock(&instance.tiny);
    if kept.len() >= MAX_KEPT {
        kept.remove(0);
    }
    let key = instance.store().source.sys_id();
    kept.push((key.clone(), url));
    json(201, &json!({"result": format!("{path}?{PARAMETER}={key}")}))
}

/// The query that a key stands for.
pub fn query(instance: &Instance, key: &str) -> Option<String> {
    let kept = lock(&instance.tiny);
    let (_, url) = kept.iter().find(|(known, _)| known == key)?;
    Some(url.split_once('?').map_or("", |(_, query)| query).to_string())
}

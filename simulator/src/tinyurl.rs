//! Short addresses: a long query is kept, and its key stands for it.

use super::answer::{Answer, error, json};
use super::{Instance, lock};
use serde_json::{Value, json};

/// The parameter that carries the key.
pub const PARAMETER: &str = "sysparm_tiny";

/// The longest that is kept: a query of a thousand keys.
const MAX_URL: usize = 64 * 1024;

/// How many are kept: the oldest are forgotten, so that no loop of a client fills the memory.
const MAX_KEPT: usize = 1_000;

/// POST of `{"url": ...}`: the address with a key in place of its parameters.
pub fn shorten(instance: &Instance, body: &[u8]) -> Answer {
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(url) = sent.get("url").and_then(Value::as_str).filter(|url| url.len() <= MAX_URL) else {
        let detail = format!("url must be a text of at most {MAX_URL} bytes");
        return error(400, "Exception while reading request", &detail);
    };
    let path = url.split_once('?').map_or(url, |(path, _)| path).to_string();
    let mut kept = lock(&instance.tinyurl);
    if kept.len() >= MAX_KEPT {
        kept.remove(0);
    }
    let key = instance.store().source.sys_id();
    kept.push((key.clone(), url.to_string()));
    json(201, &json!({"result": format!("{path}?{PARAMETER}={key}")}))
}

/// The query that a key stands for.
pub fn query(instance: &Instance, key: &str) -> Option<String> {
    let kept = lock(&instance.tinyurl);
    let (_, url) = kept.iter().find(|(known, _)| known == key)?;
    Some(url.split_once('?').map_or("", |(_, query)| query).to_string())
}

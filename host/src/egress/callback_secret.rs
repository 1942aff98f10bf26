//! Puts the callback secret into the one property that the component provisions: the guest sends a placeholder and never sees the
//! secret, for what answers repeat of it is struck out.

use crate::secret::Secret;
use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value};
use servicenow_core::callback_secret::PLACEHOLDER;

/// Where properties are.
const PROPERTIES: &str = "/api/now/table/sys_properties";

/// How the name of the property ends.
const NAME_END: &str = ".callback_secret";

/// Why a placeholder is not filled in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfilled {
    /// The authorization has none.
    #[error("the authorization has no callback-secret; to set up deliveries, add callback-secret to it")]
    NoSecret,
    /// The property is another one than the one provisioned.
    #[error("a callback secret goes into a private property whose name ends with .callback_secret alone")]
    OtherProperty,
}

/// The body with the secret where the placeholder is, where this request is the one that sets it.
pub fn fill(method: &Method, path: &str, body: Bytes, secret: Option<&Secret>) -> Result<Bytes, Unfilled> {
    let below = path.strip_prefix(PROPERTIES).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_write = [Method::POST, Method::PATCH].contains(method);
    if below.is_none() || !is_write {
        return Ok(body);
    }
    let Ok(mut columns) = serde_json::from_slice::<Map<String, Value>>(&body) else { return Ok(body) };
    if columns.get("value").and_then(Value::as_str) != Some(PLACEHOLDER) {
        return Ok(body);
    }
    let text = |column: &str| columns.get(column).and_then(Value::as_str);
    let is_provisioned =
        text("name").is_some_and(|name| name.ends_with(NAME_END)) && text("is_private") == Some("true");
    if !is_provisioned {
        return Err(Unfilled::OtherProperty);
    }
    let secret = secret.ok_or(Unfilled::NoSecret)?;
    columns.insert("value".to_string(), secret.expose().into());
    // An object of texts always has a JSON form.
    Ok(serde_json::to_vec(&columns).unwrap_or_default().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_goes_where_it_was_asked_for_and_nowhere_else() {
        let secret = Secret::new("s3cret-of-callbacks".to_string());
        let property = r#"{"name":"x_a.callback_secret","value":"{{callback-secret}}","is_private":"true"}"#;
        let value = r#"{"value":"{{callback-secret}}"}"#;
        let public = r#"{"name":"x_a.callback_secret","value":"{{callback-secret}}","is_private":"false"}"#;
        for (method, path, body, filled) in [
            ("POST", "/api/now/table/sys_properties", property, Ok(true)),
            ("PATCH", "/api/now/table/sys_properties/1", property, Ok(true)),
            ("PATCH", "/api/now/table/sys_properties/1", value, Err(Unfilled::OtherProperty)),
            ("PATCH", "/api/now/table/sys_properties/1", public, Err(Unfilled::OtherProperty)),
            ("POST", "/api/now/table/sys_properties", value, Err(Unfilled::OtherProperty)),
            (
                "POST",
                "/api/now/table/sys_properties",
                r#"{"name":"x","value":"{{callback-secret}}","is_private":"true"}"#,
                Err(Unfilled::OtherProperty),
            ),
            ("POST", "/api/now/table/sys_properties", r#"{"value":"x {{callback-secret}}"}"#, Ok(false)),
            ("POST", "/api/now/table/sys_properties", r#"{"description":"{{callback-secret}}"}"#, Ok(false)),
            ("POST", "/api/now/table/sys_properties", "{{callback-secret}}", Ok(false)),
            ("POST", "/api/now/table/sys_properties_other", property, Ok(false)),
            ("POST", "/api/now/table/incident", property, Ok(false)),
            ("GET", "/api/now/table/sys_properties", property, Ok(false)),
        ] {
            let method: Method = method.parse().unwrap();
            let sent = fill(&method, path, Bytes::from(body), Some(&secret));
            let has_secret = sent.map(|sent| String::from_utf8_lossy(&sent).contains("s3cret-of-callbacks"));
            assert_eq!(has_secret, filled, "{method} {path} {body}");
        }
        assert_eq!(fill(&Method::PATCH, PROPERTIES, Bytes::from(property), None), Err(Unfilled::NoSecret));
    }
}

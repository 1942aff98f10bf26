//! The request body of a create or update: columns and values, from JSON text or from individual pairs.

use super::violations::Violations;
use crate::bindings::incidents::RequestBody;
use crate::bindings::types::Reason;
use crate::failure::CallError;
use crate::json;
use crate::text::excerpt;

/// `glide.rest.max_content_length` as delivered: ServiceNow refuses a larger body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// No column name comes near; this keeps an absurd one from being sent.
const MAX_COLUMN_NAME: usize = 100;

const FIELD: &str = "request_body";

const VALUE: &str = "text, a number, true, false or null; a nested value can be given as JSON text";

/// Some five times as many as the incident table has.
const MAX_COLUMNS: usize = 500;

/// Columns and values in the order given, each column once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// What to write.
    pub columns: Vec<(String, String)>,
}

impl Body {
    /// A column's value.
    pub fn value(&self, column: &str) -> Option<&str> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, value)| value.as_str())
    }

    /// The body as it is sent, with what the component adds. It must fit into ServiceNow's limit.
    pub fn to_json(&self, added: &[(&str, &str)]) -> Result<String, CallError> {
        let own = self.columns.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let json = json::object(own.chain(added.iter().copied()));
        let mut violations = Violations::default();
        if json.len() > MAX_BODY_BYTES {
            let expected = format!("at most {MAX_BODY_BYTES} bytes, ServiceNow's limit");
            violations.add(FIELD, &format!("{} bytes", json.len()), &expected);
        }
        violations.or_invalid_data(Some(json))
    }
}

/// Checks a request body. The outer error is a key that stands twice among individual pairs: like the original node,
/// such a call ends in `error`.
pub fn check(body: &RequestBody, violations: &mut Violations) -> Result<Option<Body>, CallError> {
    let found = violations.list.len();
    let columns = match body {
        RequestBody::Json(text) => parse(text, violations),
        RequestBody::Fields(pairs) => pairs.clone(),
    };
    for (name, value) in columns.iter().take(MAX_COLUMNS) {
        check_column(name, value, violations);
    }
    if columns.is_empty() && violations.list.len() == found {
        violations.add(FIELD, "no columns", "at least one column");
    }
    if columns.len() > MAX_COLUMNS {
        violations.add(FIELD, &format!("{} columns", columns.len()), &format!("at most {MAX_COLUMNS} columns"));
        return Ok(None);
    }
    match (repeated(&columns), body) {
        (Some(name), RequestBody::Json(_)) => violations.add(name, "given more than once", "each member once"),
        (Some(name), RequestBody::Fields(_)) if violations.list.is_empty() => {
            let message =
                format!("the key \"{}\" stands more than once among the pairs; nothing was sent", excerpt(name));
            return Err(CallError::error(Reason::DuplicateKey, message));
        }
        _ => {}
    }
    Ok((violations.list.len() == found).then_some(Body { columns }))
}

fn check_column(name: &str, value: &str, violations: &mut Violations) {
    if name.trim().is_empty() || name.len() > MAX_COLUMN_NAME || name.contains(char::is_control) {
        violations.add(FIELD, name, "column names of 1 to 100 bytes without control characters");
    } else if name == "sys_id" {
        violations.add(
            "sys_id",
            value,
            "no sys_id in the request body: it is the record's key and not a column to write",
        );
    }
}

/// A name that stands more than once. The number of columns is limited before this looks at all pairs of them.
fn repeated(columns: &[(String, String)]) -> Option<&str> {
    let is_earlier = |at: usize, name: &str| columns[..at].iter().any(|(earlier, _)| earlier == name);
    let second = columns.iter().enumerate().find(|(at, (name, _))| is_earlier(*at, name));
    second.map(|(_, (name, _))| name.as_str())
}

/// Reads the members of a JSON object: numbers keep their digits, booleans become text, null clears. Whatever cannot be
/// a column's value becomes a violation.
fn parse(text: &str, violations: &mut Violations) -> Vec<(String, String)> {
    let mut columns = Vec::new();
    let read = json::read_object(text, &mut |name, reader| {
        match reader.text()? {
            Some(value) => columns.push((name.into_owned(), value)),
            None => violations.add(&name, "a nested value", VALUE),
        }
        Ok(())
    });
    match read {
        Ok(true) => {}
        Ok(false) => violations.add(FIELD, text, "the text of a JSON object"),
        Err(at) => {
            let expected = format!("the text of a JSON object; it is none at line {} column {}", at.line, at.column);
            violations.add(FIELD, text, &expected);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(body: RequestBody) -> Result<Body, CallError> {
        let mut violations = Violations::default();
        let body = check(&body, &mut violations)?;
        let body = violations.or_invalid_data(body)?;
        body.to_json(&[]).map(|_| body)
    }

    fn json(text: &str) -> Result<Body, CallError> {
        checked(RequestBody::Json(text.to_string()))
    }

    fn pairs(pairs: &[(&str, &str)]) -> Result<Body, CallError> {
        checked(RequestBody::Fields(pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()))
    }

    fn refused(result: Result<Body, CallError>) -> Vec<String> {
        match result {
            Err(CallError::InvalidData(violations)) => {
                violations.into_iter().map(|violation| violation.field).collect()
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn json_values_become_the_text_that_servicenow_stores() {
        for (text, value) in [
            (r#"{"a":"x"}"#, "x"),
            (r#"{"a":""}"#, ""),
            (r#"{"a":null}"#, ""),
            (r#"{"a":true}"#, "true"),
            (r#"{"a":false}"#, "false"),
            (r#"{"a":3}"#, "3"),
            (r#"{"a":9007199254740993}"#, "9007199254740993"),
            (r#"{"a":123456789012345678901234567890}"#, "123456789012345678901234567890"),
            (r#"{"a":-1.50e3}"#, "-1.50e3"),
            (r#"{"a":"\u0000\n\"^"}"#, "\0\n\"^"),
            (r#"{"a":"\ud83d\udd25"}"#, "🔥"),
            (r#" { "a" : "שלום" } "#, "שלום"),
        ] {
            assert_eq!(json(text).unwrap().value("a"), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_of_plain_values_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        for (text, field) in [
            ("", "request_body"),
            ("{}", "request_body"),
            ("[]", "request_body"),
            ("null", "request_body"),
            ("\"text\"", "request_body"),
            ("{\"a\":1", "request_body"),
            ("{\"a\":1} x", "request_body"),
            ("{'a':'b'}", "request_body"),
            ("{\"a\":NaN}", "request_body"),
            (r#"{"":"x"}"#, "request_body"),
            (r#"{"a\nb":"x"}"#, "request_body"),
            (r#"{"a\u0000b":"x"}"#, "request_body"),
            (r#"{"\ud800":"x"}"#, "request_body"),
            (r#"{"a":{"b":"c"}}"#, "a"),
            (r#"{"a":["b"]}"#, "a"),
            (r#"{"a":"\ud800"}"#, "request_body"),
            (r#"{"a":"1","a":"2"}"#, "a"),
            (r#"{"sys_id":"1"}"#, "sys_id"),
            (&deep, "request_body"),
        ] {
            assert_eq!(refused(json(text)), [field], "{}", &text[..text.len().min(40)]);
        }
        assert_eq!(refused(json(r#"{"a":{},"b":[],"c":"fine"}"#)), ["a", "b"]);
    }

    #[test]
    fn a_body_above_servicenow_s_limit_is_refused_and_one_of_a_megabyte_is_not() {
        assert!(pairs(&[("description", &"x".repeat(1 << 20))]).is_ok());
        assert_eq!(refused(pairs(&[("description", &"x".repeat(MAX_BODY_BYTES))])), ["request_body"]);
        assert_eq!(refused(pairs(&[("description", &"\0".repeat(MAX_BODY_BYTES / 5))])), ["request_body"]);
        assert_eq!(refused(pairs(&[(&"x".repeat(1 << 20), "v")])), ["request_body"]);
    }

    #[test]
    fn the_same_key_twice_among_pairs_is_an_error_that_names_it() {
        match pairs(&[("urgency", "1"), ("impact", "1"), ("urgency", "2")]) {
            Err(CallError::Error(failure)) => {
                assert_eq!(failure.reason, Reason::DuplicateKey);
                assert!(failure.message.contains("urgency"), "{}", failure.message);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_quote_in_a_value_cannot_end_it() {
        let body = pairs(&[("description", "\",\"admin\":\"true")]).unwrap();
        assert_eq!(
            body.to_json(&[("correlation_id", "x\"y")]).unwrap(),
            r#"{"description":"\",\"admin\":\"true","correlation_id":"x\"y"}"#
        );
    }
}

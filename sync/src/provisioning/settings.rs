//! Checks what is to be set up.

use super::set_up;
use crate::bindings::provisioning::Settings;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::origin::Origin;
use servicenow_core::servicenow::query;
use servicenow_core::set_up::{TABLES, USUAL, everything};

/// The longest product name: with what is put before and after it stays below the 40 characters of a rule's name.
const MAX_PRODUCT: usize = 20;

/// The dictionary's lengths of a rule's name and of a MID server's.
const MAX_RULE: usize = 40;
const MAX_SERVER: usize = 100;

/// How many records of an earlier kind a set-up takes the place of: a call makes so many requests and no more.
const MAX_LEGACY: usize = 20;

/// The dictionary's length of a property's value.
const MAX_URL: usize = 4_000;

/// Checks settings.
pub fn check(settings: &Settings, violations: &mut Violations) {
    let product = &settings.product;
    let starts_with_letter = product.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !starts_with_letter || !product.split(' ').all(is_word) || product.len() > MAX_PRODUCT {
        let expected = "a letter, and letters, digits and single spaces after it; 20 at most";
        violations.add("product", product, expected);
    }
    if let Some(server) = settings.mid_server.as_ref().filter(|name| !is_server(name)) {
        violations.add(
            "mid_server",
            server,
            "the name of a MID server: letters, digits, spaces and -_. of 100 at most",
        );
    }
    if let Some(name) = settings.rule_name.as_ref().filter(|name| !is_rule(name)) {
        let expected = "a name of 1 to 40 characters without ^ and control characters, and no space at its ends";
        violations.add("rule_name", name, expected);
    }
    check_url(settings, violations);
    check_rule(settings, violations);
    for table in settings.tables.iter().filter(|table| !TABLES.contains(&table.as_str())) {
        violations.add("tables", table, &format!("one of: {}", TABLES.join(", ")));
    }
    let condition = &settings.condition;
    // It stands behind the condition on the table.
    let escapes = condition.split('^').any(|part| part.starts_with("NQ") || part.starts_with("ORDERBY"))
        || ["^", "OR", "EQ"].iter().any(|start| condition.starts_with(start));
    if escapes || !is_text(condition) || condition.len() > MAX_URL {
        let expected = "an encoded query without ^NQ, ORDERBY and control characters, as copied from a list's filter";
        violations.add("condition", condition, expected);
    }
    let is_column = |name: &String| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    for column in settings.columns.iter().filter(|column| !is_column(column)) {
        violations.add("columns", column, "the names of columns, such as u_site");
    }
    for column in settings.columns.iter().filter(|column| USUAL.contains(&column.as_str())) {
        violations.add("columns", column, "a column that is not delivered anyway");
    }
    for record in settings.legacy.iter().filter(|record| !query::is_value(&record.name)) {
        violations.add("legacy", &record.name, query::EXPECTED_VALUE);
    }
    if settings.legacy.len() > MAX_LEGACY {
        violations.add("legacy", &settings.legacy.len().to_string(), &format!("{MAX_LEGACY} records at most"));
    }
    // No record takes its own place.
    let set_up = set_up(settings);
    for record in &set_up.legacy {
        if everything(&set_up).iter().any(|wanted| (wanted.table, &wanted.name) == (record.table, &record.name)) {
            violations.add(
                "legacy",
                &record.name,
                "an earlier record, and not one that is made: give the rule another name",
            );
        }
    }
}

/// Whether a text can stand in a record, and in a file of XML: control characters and noncharacters cannot.
fn is_text(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// Whether a name can stand in a script.
fn is_server(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -_.".contains(&byte);
    !name.trim().is_empty() && name.len() <= MAX_SERVER && name.bytes().all(is_plain)
}

/// Whether a rule can be called so, and found by that.
fn is_rule(name: &str) -> bool {
    let length = name.chars().count();
    (1..=MAX_RULE).contains(&length) && name.trim() == name && is_text(name) && query::is_value(name)
}

/// Nothing is delivered by a set-up without a rule and a button.
fn check_rule(settings: &Settings, violations: &mut Violations) {
    if !settings.automatic && !settings.button {
        violations.add("automatic", "false, without a button", "a rule, a button, or both");
    }
}

fn check_url(settings: &Settings, violations: &mut Violations) {
    let url = &settings.callback_url;
    let authority_end = url.find("://").map(|at| at + 3).and_then(|start| {
        let rest = url.get(start..)?;
        Some(start + rest.find(['/', '?']).unwrap_or(rest.len()))
    });
    let origin = authority_end.and_then(|end| Origin::parse(url.get(..end)?));
    let is_clean = url.len() <= MAX_URL && url.bytes().all(|byte| (0x21..0x7f).contains(&byte)) && !url.contains('#');
    let is_allowed = |origin: &Origin| {
        let rest = origin.as_str().strip_prefix("https://");
        settings.any_url || rest.is_some_and(|host| settings.any_port || !host.contains(':'))
    };
    if !is_clean || !origin.as_ref().is_some_and(is_allowed) {
        let expected = match (settings.any_url, settings.any_port) {
            (true, _) => "an http or https address",
            (false, true) => "an https address",
            (false, false) => "an https address without a port, unless ports are allowed",
        };
        violations.add("callback_url", url, expected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::provisioning::{LegacyKind, LegacyRecord};

    fn settings() -> Settings {
        Settings {
            product: "Acme".into(),
            callback_url: "https://flows.example.com/callback?x=1".into(),
            tables: Vec::new(),
            condition: String::new(),
            columns: Vec::new(),
            automatic: true,
            button: false,
            legacy: Vec::new(),
            any_url: false,
            any_port: false,
            mid_server: None,
            rule_name: None,
        }
    }

    fn refused(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let mut settings = settings();
        change(&mut settings);
        let mut violations = Violations::default();
        check(&settings, &mut violations);
        violations.list.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn nothing_that_could_end_a_script_a_query_or_a_header_is_taken() {
        assert!(refused(|_| {}).is_empty());
        assert!(refused(|s| s.condition = "active=true^urgency=1^ORurgency=2^EQ".into()).is_empty());
        assert!(
            refused(|s| {
                s.callback_url = "http://127.0.0.1:8080/x".into();
                s.any_url = true
            })
            .is_empty()
        );
        for product in ["Neo Agent", "a1", "A B C"] {
            assert!(refused(|s| s.product = product.into()).is_empty(), "{product}");
        }
        let with_port = |s: &mut Settings| s.callback_url = "https://flows.example.com:8443/".into();
        assert_eq!(refused(with_port), ["callback_url"]);
        assert!(
            refused(|s| {
                with_port(s);
                s.any_port = true;
            })
            .is_empty()
        );
        for (name, is_taken) in [("mid-1.prod", true), ("MID 2", true), ("", false), ("a'b", false), ("a\nb", false)] {
            assert_eq!(refused(|s| s.mid_server = Some(name.into())).is_empty(), is_taken, "{name}");
        }
        let long = "r".repeat(41);
        for (name, is_taken) in
            [("Neo Agent: \"all\"", true), ("", false), (" a", false), ("a^b", false), (&long, false)]
        {
            assert_eq!(refused(|s| s.rule_name = Some(name.into())).is_empty(), is_taken, "{name}");
        }
        for product in ["", "1a", "a  b", "a ", " a", "a'b", "Ä", &"a".repeat(41)] {
            assert_eq!(refused(|s| s.product = product.into()), ["product"], "{product}");
        }
        for url in [
            "http://flows.example.com/",
            "https://flows.example.com:8443/",
            "flows.example.com",
            "https://",
            "https://a b/",
            "https://u:p@flows.example.com/",
            "https://flows.example.com/\r\nx: y",
            "javascript:alert(1)",
        ] {
            assert_eq!(refused(|s| s.callback_url = url.into()), ["callback_url"], "{url}");
        }
        for column in ["", "u_a'", "u_a]", "U_A", "a.b", "state"] {
            assert_eq!(refused(|s| s.columns = vec![column.into()]), ["columns"], "{column}");
        }
        for condition in [
            "^active=true",
            "active=true^NQactive=false",
            "active=true^ORDERBYnumber",
            "a\nb",
            "ORpriority=1",
            "NQactive=true",
        ] {
            assert_eq!(refused(|s| s.condition = condition.into()), ["condition"], "{condition}");
        }
        assert_eq!(refused(|s| s.tables = vec!["sys_user".into()]), ["tables"]);
        for (kind, name, is_taken) in [
            (LegacyKind::Rule, "a^ORb", false),
            (LegacyKind::Rule, "Acme: deliver changes", false),
            (LegacyKind::ScriptInclude, "AcmeDelivery", false),
            (LegacyKind::Button, "Send to Acme", false),
            (LegacyKind::Button, "Send To Acme", true),
            (LegacyKind::ScriptInclude, "Acme: deliver changes", true),
        ] {
            let listed = refused(|s| s.legacy = vec![LegacyRecord { kind, name: name.into() }]);
            assert_eq!(listed.is_empty(), is_taken, "{kind:?} {name}");
        }
        assert_eq!(refused(|s| s.automatic = false), ["automatic"]);
    }
}

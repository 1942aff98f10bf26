//! Get: always a list query, so that ServiceNow counts, and the row is checked against what was asked for: an unknown
//! column in a query is dropped and then matches everything.

use super::call::{self, ValidCall};
use super::choice_check::unknown;
use super::inputs::{check_correlation_id, check_sys_id};
use super::receipt::effective_number;
use super::violations::Violations;
use crate::bindings::incidents::{Field, GetOutcome, Incident, IncidentRef};
use crate::bindings::types::{Call, Failure, Reason, WriteHappened};
use crate::failure::{CallError, failure};
use crate::host::Host;
use crate::outcome_of_errors;
use crate::servicenow::origin::Origin;
use crate::servicenow::query::{EXPECTED_VALUE, is_alike, is_value};
use crate::servicenow::record::{Cell, Record};
use crate::servicenow::requests::{self, INCIDENT, record_page};
use crate::servicenow::response::Rows;
use crate::servicenow::session::Session;
use crate::servicenow::sys_id::SysId;

/// The declared choices of a look-up's kind.
pub const KINDS: [&str; 3] = [DEFAULT_KIND, "sys_id", "correlation_id"];

/// The kind where none is given: the original node looks up by number alone.
pub const DEFAULT_KIND: &str = "number";

/// The dictionary's length of `number`.
const MAX_NUMBER: usize = 40;

/// Two rows tell one match from several.
const LIMIT: &str = "2";

/// Rows of correlation ids that differ by case or accent alone come along.
const LIMIT_ALIKE: &str = "20";

/// A look-up by a key that can stand in a query.
#[derive(Clone, Debug, PartialEq)]
enum Key {
    Number(String),
    SysId(SysId),
    CorrelationId(String),
}

impl Key {
    fn check(incident: &IncidentRef, violations: &mut Violations) -> Result<Option<Self>, CallError> {
        let value = &incident.value;
        let kind = if incident.kind.is_empty() { DEFAULT_KIND } else { &incident.kind };
        Ok(match kind {
            "number" if is_value(value) && value.chars().count() <= MAX_NUMBER => {
                Some(Key::Number(value.trim().to_string()))
            }
            "number" => {
                violations.refuse("number", value, &format!("{EXPECTED_VALUE}; at most {MAX_NUMBER} characters"))
            }
            "sys_id" => check_sys_id(value, violations).map(Key::SysId),
            "correlation_id" => check_correlation_id(value, violations).map(Key::CorrelationId),
            other if violations.list.is_empty() => {
                return Err(CallError::InvalidChoice(vec![unknown("kind", other, &KINDS)]));
            }
            _ => None,
        })
    }

    /// Any state is looked at; among several incidents with one correlation id the oldest comes first.
    fn query(&self) -> String {
        match self {
            Key::Number(number) => format!("number={number}"),
            Key::SysId(sys_id) => format!("sys_id={sys_id}"),
            Key::CorrelationId(id) => format!("correlation_id={id}^ORDERBYsys_created_on"),
        }
    }

    fn limit(&self) -> &'static str {
        if matches!(self, Key::CorrelationId(_)) { LIMIT_ALIKE } else { LIMIT }
    }

    fn is_of(&self, record: &Record) -> bool {
        let is =
            |column: &str, wanted: &str| record.value(column).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        match self {
            Key::Number(number) => is("number", number),
            Key::SysId(sys_id) => is("sys_id", sys_id.as_str()),
            Key::CorrelationId(id) => record.value("correlation_id") == Some(id),
        }
    }

    /// Whether a database may take a record for the one that is asked for: another record's key, which differs by case or accent.
    fn is_like(&self, record: &Record) -> bool {
        let Key::CorrelationId(id) = self else { return false };
        record.value("correlation_id").is_some_and(|value| is_alike(value, id))
    }
}

/// Gets an incident.
pub fn get(call: &Call, incident: &IncidentRef, host: &mut dyn Host) -> GetOutcome {
    let started_ms = host.now_ms();
    check(call, incident).and_then(|(call, key)| run(&call, &key, started_ms, host)).unwrap_or_else(GetOutcome::from)
}

fn check(call: &Call, incident: &IncidentRef) -> Result<(ValidCall, Key), CallError> {
    let mut violations = Violations::default();
    let call = call::check(call, &mut violations);
    let key = Key::check(incident, &mut violations)?;
    let parsed = match (call, key) {
        (Some(call), Some(key)) => Some((call, key)),
        _ => None,
    };
    violations.or_invalid_data(parsed)
}

fn run(call: &ValidCall, key: &Key, started_ms: u64, host: &mut dyn Host) -> Result<GetOutcome, CallError> {
    let mut session = Session::open(call, started_ms, host)?;
    let request = requests::list(
        &session.origin,
        INCIDENT,
        &[("sysparm_query", &key.query()), ("sysparm_limit", key.limit()), ("sysparm_display_value", "all")],
    );
    let rows = session.fetch(&request)?;
    Ok(pick(rows, key, &session.origin))
}

/// The incident among the rows, by ServiceNow's count where it counted.
fn pick(mut rows: Rows, key: &Key, origin: &Origin) -> GetOutcome {
    let before = rows.records.len();
    rows.records.retain(|record| !key.is_like(record) || key.is_of(record));
    let others = (before - rows.records.len()) as u64;
    let shown = rows.records.len() as u64;
    // Fewer were counted than are there: what is there counts.
    let count = rows.total.map_or(shown, |total| total.saturating_sub(others).max(shown));
    let several = count > 1 && !matches!(key, Key::CorrelationId(_));
    let are_asked_for = rows.records.iter().all(|record| key.is_of(record));
    match rows.records.into_iter().next() {
        _ if count == 0 => GetOutcome::IncidentNotFound(judged(Reason::NotFound, "no incident matches")),
        None => GetOutcome::GetIncidentFailure(judged(
            Reason::Forbidden,
            "ServiceNow counts a match and shows none: the user may not read it",
        )),
        Some(_) if !are_asked_for => GetOutcome::GetIncidentFailure(judged(
            Reason::WrongRecord,
            "ServiceNow answered with another incident than the one asked for",
        )),
        Some(_) if several => {
            GetOutcome::GetIncidentFailure(judged(Reason::Ambiguous, &format!("{count} incidents match")))
        }
        Some(record) => match incident(record, count, origin, rows.payload) {
            Some(incident) => GetOutcome::GetIncidentSuccess(incident),
            None => GetOutcome::GetIncidentFailure(judged(
                Reason::UnexpectedAnswer,
                "the incident came back without its number or sys_id",
            )),
        },
    }
}

fn judged(reason: Reason, message: &str) -> Failure {
    Failure { status: Some(200), ..failure(reason, message.to_string(), WriteHappened::No) }
}

fn incident(record: Record, matches: u64, origin: &Origin, payload: String) -> Option<Incident> {
    let sys_id = SysId::parse(record.value("sys_id")?)?;
    Some(Incident {
        number: record.value("number").filter(|number| !number.is_empty())?.to_string(),
        task_effective_number: effective_number(&record),
        state: record.text("state"),
        matches: u32::try_from(matches).unwrap_or(u32::MAX),
        url: record_page(origin, &sys_id),
        fields: fields(record),
        sys_id: sys_id.to_string(),
        response_payload: payload,
    })
}

/// The columns of a record that was read with `sysparm_display_value=all`.
pub fn fields(record: Record) -> Vec<Field> {
    let field = |(name, cell): (String, Cell)| {
        let display_value = cell.display_value.unwrap_or_else(|| cell.value.clone());
        Field { name, value: cell.value, display_value, link: cell.link }
    };
    record.0.into_iter().map(field).collect()
}

outcome_of_errors!(GetOutcome {
    choice => InvalidChoice,
    no_credential => AuthorizationFail,
    401 => AuthorizationFail,
    404 => IncidentNotFound,
    rejected => GetIncidentFailure,
});

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(total: Option<u64>, numbers: &[&str]) -> Rows {
        let row = |number: &&str| {
            let cell = |name: &str, value: &str| format!(r#""{name}":{{"value":"{value}"}}"#);
            let cells = [cell("number", number), cell("sys_id", &"1".repeat(32)), cell("correlation_id", "c")];
            Record::from_json(&format!("{{{}}}", cells.join(",")))
        };
        Rows { records: numbers.iter().map(row).collect(), total, payload: String::new() }
    }

    fn reason(outcome: GetOutcome) -> Option<Reason> {
        match outcome {
            GetOutcome::GetIncidentSuccess(_) => None,
            GetOutcome::IncidentNotFound(failure) | GetOutcome::GetIncidentFailure(failure) => Some(failure.reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_count_and_the_rows_decide_together() {
        let origin = Origin::parse("dev12345").unwrap();
        let number = Key::Number("inc1".to_string());
        let correlation = Key::CorrelationId("c".to_string());
        for (key, total, numbers, expected) in [
            (&number, Some(1), vec!["INC1"], None),
            (&number, None, vec!["INC1"], None),
            (&number, Some(0), vec![], Some(Reason::NotFound)),
            (&number, None, vec![], Some(Reason::NotFound)),
            (&number, Some(1), vec![], Some(Reason::Forbidden)),
            (&number, Some(5), vec![], Some(Reason::Forbidden)),
            (&number, Some(1), vec!["INC2"], Some(Reason::WrongRecord)),
            (&number, Some(22_400), vec!["INC2", "INC3"], Some(Reason::WrongRecord)),
            (&number, Some(2), vec!["INC1", "INC1"], Some(Reason::Ambiguous)),
            (&number, None, vec!["INC1", "INC1"], Some(Reason::Ambiguous)),
            (&number, Some(1), vec!["INC1", "INC1"], Some(Reason::Ambiguous)),
            (&correlation, Some(3), vec!["INC1", "INC2"], None),
        ] {
            let picked = pick(rows(total, &numbers), key, &origin);
            if let GetOutcome::GetIncidentSuccess(incident) = &picked {
                assert_eq!(u64::from(incident.matches), total.unwrap_or(1));
            }
            assert_eq!(reason(picked), expected, "{key:?} {total:?} {numbers:?}");
        }
    }

    #[test]
    fn of_keys_that_differ_by_case_or_accent_the_exact_one_is_taken() {
        let origin = Origin::parse("dev12345").unwrap();
        let rows = |ids: &[&str], total| {
            let row = |(at, id): (usize, &&str)| {
                let cell = |name: &str, value: &str| format!(r#""{name}":{{"value":"{value}"}}"#);
                let number = cell("number", &format!("INC{at}"));
                Record::from_json(&format!(
                    "{{{number},{},{}}}",
                    cell("sys_id", &"1".repeat(32)),
                    cell("correlation_id", id)
                ))
            };
            Rows { records: ids.iter().enumerate().map(row).collect(), total, payload: String::new() }
        };
        for (ids, total, number, reason_expected) in [
            (&["ALERT-\u{e9}", "Alert-\u{e9}", "Alert-e"][..], Some(3), Some(("INC1", 1)), None),
            (&["Alert-\u{e9}", "ALERT-\u{c9}", "Alert-\u{e9}"], Some(3), Some(("INC0", 2)), None),
            (&["ALERT-\u{e9}"], Some(1), None, Some(Reason::NotFound)),
            (&["ALERT-\u{e9}", "other"], Some(2), None, Some(Reason::WrongRecord)),
        ] {
            let picked = pick(rows(ids, total), &Key::CorrelationId("Alert-\u{e9}".to_string()), &origin);
            if let GetOutcome::GetIncidentSuccess(incident) = &picked {
                assert_eq!(Some((incident.number.as_str(), incident.matches)), number, "{ids:?}");
            }
            assert_eq!(reason(picked), reason_expected, "{ids:?}");
        }
    }

    #[test]
    fn a_kind_outside_its_choices_ends_in_invalid_choice() {
        let call = Call { authorization: "main".into(), instance: "dev12345".into(), timeout_ms: None };
        let incident = IncidentRef { kind: "Number".into(), value: "INC1".into() };
        match check(&call, &incident) {
            Err(CallError::InvalidChoice(violations)) => {
                assert_eq!(violations[0].expected, "one of: number, sys_id, correlation_id")
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_a_kind_a_key_is_a_number() {
        let incident = IncidentRef { kind: String::new(), value: "INC1".into() };
        let key = Key::check(&incident, &mut Violations::default());
        assert_eq!(key, Ok(Some(Key::Number("INC1".to_string()))));
    }

    #[test]
    fn a_key_that_could_match_other_records_is_refused() {
        let mut refused = Vec::new();
        for (kind, value) in
            [("number", ""), ("number", "INC1^ORactive=true"), ("sys_id", "1"), ("correlation_id", " ")]
        {
            let mut violations = Violations::default();
            let key = Key::check(&IncidentRef { kind: kind.into(), value: value.into() }, &mut violations);
            assert_eq!(key, Ok(None), "{kind} {value:?}");
            refused.extend(violations.list.into_iter().map(|violation| violation.field));
        }
        assert_eq!(refused, ["number", "number", "sys_id", "correlation_id"]);
    }
}

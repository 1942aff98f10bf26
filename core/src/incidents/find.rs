//! Find: one page of incidents by an encoded query.

use super::call::{self, ValidCall};
use super::get::fields;
use super::violations::Violations;
use crate::bindings::incidents::{FindOutcome, IncidentPage, IncidentRow};
use crate::bindings::types::Call;
use crate::failure::CallError;
use crate::host::Host;
use crate::outcome_of_errors;
use crate::servicenow::record::Record;
use crate::servicenow::requests::{self, INCIDENT};
use crate::servicenow::response::Rows;
use crate::servicenow::session::Session;

/// A page of this many incidents in all display shapes is some 8 MB: below the 10 MB that the reference host accepts.
pub const MAX_LIMIT: u32 = 1_000;

/// Instances refuse longer addresses with 414; clients in the field switch to other means near 10,000 characters.
const MAX_QUERY: usize = 8_000;

/// Finds incidents.
pub fn find(call: &Call, query: &str, limit: u32, offset: u32, host: &mut dyn Host) -> FindOutcome {
    match check(call, query, limit).and_then(|call| run(&call, query, limit, offset, host)) {
        Ok(page) => FindOutcome::FindSuccess(page),
        Err(end) => end.into(),
    }
}

fn check(call: &Call, query: &str, limit: u32) -> Result<ValidCall, CallError> {
    let mut violations = Violations::default();
    let call = call::check(call, &mut violations);
    if query.len() > MAX_QUERY || query.contains(char::is_control) {
        violations.add(
            "query",
            query,
            "an encoded query of at most 8000 bytes without line breaks or other control characters",
        );
    }
    if limit == 0 || limit > MAX_LIMIT {
        violations.add("limit", &limit.to_string(), "a number from 1 to 1000");
    }
    violations.or_invalid_data(call)
}

fn run(call: &ValidCall, query: &str, limit: u32, offset: u32, host: &mut dyn Host) -> Result<IncidentPage, CallError> {
    let started_ms = host.now_ms();
    let mut session = Session::open(call, started_ms, host)?;
    let request = requests::list(
        &session.origin,
        INCIDENT,
        &[
            ("sysparm_query", query),
            ("sysparm_limit", &limit.to_string()),
            ("sysparm_offset", &offset.to_string()),
            ("sysparm_display_value", "all"),
        ],
    );
    Ok(page(session.fetch(&request)?, limit, offset))
}

/// ServiceNow cuts the page before it leaves out rows that the user may not read, so a short page is no last page:
/// its count decides, and only without one the length does.
fn page(rows: Rows, limit: u32, offset: u32) -> IncidentPage {
    let next = offset.checked_add(limit);
    let more = match rows.total {
        Some(total) => next.is_some_and(|next| u64::from(next) < total),
        None => rows.records.len() as u64 >= u64::from(limit),
    };
    let row = |record: Record| IncidentRow {
        number: record.text("number"),
        sys_id: record.text("sys_id"),
        fields: fields(record),
    };
    IncidentPage {
        incidents: rows.records.into_iter().map(row).collect(),
        total: rows.total.map(|total| u32::try_from(total).unwrap_or(u32::MAX)),
        next_offset: next.filter(|_| more),
    }
}

outcome_of_errors!(FindOutcome {
    choice => InvalidData,
    no_credential => AuthorizationFail,
    401 => AuthorizationFail,
    rejected => FindFailure,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_says_whether_a_page_follows() {
        let rows = |total, length| Rows { records: vec![Default::default(); length], total, payload: String::new() };
        for (total, length, limit, offset, next) in [
            (Some(250), 100, 100, 0, Some(100)),
            (Some(250), 60, 100, 100, Some(200)),
            (Some(250), 50, 100, 200, None),
            (Some(200), 100, 100, 100, None),
            (Some(0), 0, 100, 0, None),
            (None, 100, 100, 0, Some(100)),
            (None, 99, 100, 0, None),
            (None, 1, 1, u32::MAX, None),
        ] {
            assert_eq!(
                page(rows(total, length), limit, offset).next_offset,
                next,
                "{total:?} {length} {limit} {offset}"
            );
        }
    }
}

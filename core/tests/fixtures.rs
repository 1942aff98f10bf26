//! The core against bodies in the shapes that each endpoint is documented or recorded to answer with. The values are
//! made up; member order, types and empties are as recorded.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use servicenow_core::bindings::credentials::GrantType;
use servicenow_core::bindings::incidents::{Made, RequestBody, Stored};
use servicenow_core::bindings::types::Reason;
use servicenow_core::host::Response;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::incidents::{body, get, receipt};
use servicenow_core::servicenow::response::{self, ApiError, Rows};
use servicenow_core::servicenow::{choices, oauth, origin::Origin};

fn response(status: u16, body: &str) -> Response {
    let headers = vec![("content-type".to_string(), "application/json;charset=UTF-8".to_string())];
    Response { status, headers, body: body.as_bytes().to_vec() }
}

fn rows(status: u16, body: &str) -> Rows {
    response::read(response(status, body), status, 0).unwrap()
}

fn refusal(status: u16, body: &str) -> ApiError {
    response::read(response(status, body), 200, 0).expect_err("a refusal")
}

#[test]
fn a_created_record_makes_a_receipt() {
    let rows = rows(201, include_str!("fixtures/create-201.json"));
    let sent = [("short_description", "Printer on fire"), ("priority", "1"), ("work_notes", "x"), ("u_bunk", "x")];
    let sent = RequestBody::Fields(sent.map(|(name, value)| (name.to_string(), value.to_string())).into());
    let sent = body::check(&sent, &mut Violations::default()).unwrap().unwrap();
    let origin = Origin::parse("dev12345").unwrap();
    let receipt = receipt::receipt(&origin, &rows.records[0], rows.payload, Made::Created, &sent, false).unwrap();
    assert_eq!((receipt.number.as_str(), receipt.task_effective_number.as_str()), ("INC0010001", "INC0010001"));
    assert_eq!(receipt.correlation_id, "alert-4711");
    let stored: Vec<Stored> = receipt.columns.iter().map(|column| column.stored).collect();
    assert_eq!(stored, [Stored::Stored, Stored::NotStored, Stored::Unverifiable, Stored::NotStored]);
}

#[test]
fn a_list_in_both_values_shows_each_column() {
    let rows = rows(200, include_str!("fixtures/list-display-all-200.json"));
    let fields = get::fields(rows.records[0].clone());
    let shown = |name: &str| {
        let field = fields.iter().find(|field| field.name == name).unwrap();
        (field.value.as_str(), field.display_value.as_str(), field.link.is_some())
    };
    for (name, expected) in [
        ("state", ("2", "In Progress", false)),
        ("close_code", ("", "", false)),
        ("caller_id", ("5137153cc611227c000bbd1bd8cd2005", "Example Caller", true)),
        ("assigned_to", ("", "", false)),
        ("opened_at", ("2026-04-16 15:52:19", "16/04/2026 17:52:19", false)),
        ("sla_due", ("", "UNKNOWN", false)),
        ("u_rack", ("B7", "B7", false)),
    ] {
        assert_eq!(shown(name), expected, "{name}");
    }
}

#[test]
fn choices_and_columns_are_rows_like_any_other() {
    let declared = choices::from_rows(&rows(200, include_str!("fixtures/choices-200.json")).records);
    let values: Vec<(&str, &str, &str)> =
        declared.iter().map(|c| (c.column.as_str(), c.value.as_str(), c.dependent_value.as_str())).collect();
    assert_eq!(values, [("urgency", "1", ""), ("urgency", "2", ""), ("subcategory", "vpn", "network")]);
    let dictionary = rows(200, include_str!("fixtures/dictionary-200.json"));
    assert_eq!(dictionary.records[0].value("reference"), Some("sys_user"));
    assert_eq!(dictionary.records[1].value("reference"), Some(""));
}

#[test]
fn each_error_has_its_reason_and_keeps_servicenow_s_words() {
    for (status, body, reason, message) in [
        (400, include_str!("fixtures/error-400.json"), Reason::BadRequest, "Invalid table incidents"),
        (401, include_str!("fixtures/error-401.json"), Reason::Unauthorized, "User is not authenticated"),
        (403, include_str!("fixtures/error-403-data-policy.json"), Reason::DataPolicy, "Operation Failed"),
        (403, include_str!("fixtures/error-403-unscoped.json"), Reason::UnscopedClient, "User Not Authorized"),
        (404, include_str!("fixtures/error-404.json"), Reason::NotFound, "No Record found"),
        (429, include_str!("fixtures/error-429.json"), Reason::RateLimited, "Rate limit exceeded"),
        (
            500,
            include_str!("fixtures/error-500.json"),
            Reason::Cancelled,
            "Transaction cancelled: maximum execution time exceeded",
        ),
    ] {
        let refusal = refusal(status, body);
        assert_eq!((refusal.reason, refusal.message.as_str()), (reason, message), "{status}");
    }
}

#[test]
fn a_token_answer_gives_a_token_and_a_refusal_its_words() {
    let token = oauth::read(&response(200, include_str!("fixtures/token-200.json")), GrantType::Password).ok().unwrap();
    assert!(token.authorization.starts_with("Bearer W3t"));
    assert_eq!((token.info.expires_in, token.info.scope.as_deref()), (Some(1799), Some("useraccount")));
    assert!(token.refresh_token.is_some());
    match oauth::read(&response(401, include_str!("fixtures/token-401.json")), GrantType::Password) {
        Err(oauth::Denied::Refused(refusal)) => {
            assert_eq!((refusal.error.as_str(), refusal.description.as_str()), ("server_error", "access_denied"));
        }
        _ => panic!("not refused"),
    }
}

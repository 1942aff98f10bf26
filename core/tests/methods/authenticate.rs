//! Authenticate: one read, and what its answer says of the set-up.

use super::scripted::{ORIGIN, Scripted, Step, broken, call, granted, header, page, refusal, rows};
use servicenow_core::authorization::authenticate;
use servicenow_core::bindings::authorization::AuthenticateOutcome;
use servicenow_core::bindings::credentials::{
    CredentialError, GrantType, Granted, Refusal, TokenInfo, UnreachableReason,
};
use servicenow_core::bindings::types::{Call, Reason};

fn row() -> String {
    format!(r#"{{"sys_id":"{}"}}"#, "0".repeat(32))
}

#[test]
fn an_authorization_that_works_tells_what_is_known_of_it() {
    for (found, sees) in [(vec![row()], true), (vec![], false)] {
        let token = TokenInfo { scope: Some("useraccount".into()), expires_in: Some(60) };
        let known = Granted { token: Some(token), ..granted(GrantType::ClientCredentials, header("x")) };
        let mut host = Scripted::new([rows(&found)]).with(Ok(known));
        let AuthenticateOutcome::Authenticated(access) = authenticate(&call(), &mut host) else { panic!("refused") };
        assert_eq!((access.origin.as_str(), access.scope.as_deref()), (ORIGIN, Some("useraccount")));
        assert_eq!((access.expires_in, access.sees_incidents), (Some(60), sees));
        assert_eq!(host.asked(), ["Get /api/now/table/incident?sysparm_fields=sys_id&sysparm_limit=1"]);
    }
}

/// Whether the first cause is proven, and how it begins.
fn diagnosed(outcome: AuthenticateOutcome) -> (bool, String) {
    let AuthenticateOutcome::NotAuthenticated(diagnosis) = outcome else { panic!("{outcome:?}") };
    assert!(diagnosis.causes.iter().all(|cause| !cause.explanation.is_empty() && !cause.check.is_empty()));
    assert!(!diagnosis.proven || diagnosis.causes.len() == 1);
    (diagnosis.proven, diagnosis.causes[0].explanation.clone())
}

#[test]
fn an_answer_of_the_table_api_names_its_causes() {
    for (grant_type, step, proven, begins) in [
        (GrantType::Basic, refusal(401, "x"), false, "wrong user name or password"),
        (GrantType::ApiKey, refusal(401, "x"), false, "the API key is unknown"),
        (GrantType::Bearer, refusal(401, "x"), false, "the token expired"),
        (
            GrantType::Basic,
            refusal(403, "Access to unscoped api is not allowed"),
            true,
            "the OAuth client is securely scoped",
        ),
        (GrantType::Basic, refusal(403, "x"), false, "the user may not call the Table API"),
        (GrantType::Basic, page(200, "Your instance is hibernating"), true, "the instance is hibernating"),
        (GrantType::Basic, page(200, "<html>"), false, "what answers is not a ServiceNow instance"),
        (GrantType::Basic, page(302, ""), true, "what answers is not a ServiceNow instance"),
        (GrantType::Basic, refusal(404, "x"), false, "what answers is not a ServiceNow instance"),
        (GrantType::Basic, refusal(500, "x"), false, "the instance limits or fails requests"),
        (GrantType::Basic, broken(Reason::Dns, None, true), true, "no host of that name"),
        (GrantType::Basic, broken(Reason::Tls, None, true), true, "the TLS handshake failed"),
        (GrantType::Basic, broken(Reason::Lost, None, false), false, "no connection to the instance"),
        (GrantType::Basic, broken(Reason::Limit, None, true), false, "the instance limits or fails requests"),
        (
            GrantType::Basic,
            broken(Reason::TooLarge, Some(200), false),
            false,
            "what answers is not a ServiceNow instance",
        ),
    ] {
        let mut host = Scripted::new([step]).with(Ok(granted(grant_type, header("x"))));
        let (is_proven, first) = diagnosed(authenticate(&call(), &mut host));
        assert!(first.starts_with(begins), "{first}");
        assert_eq!(is_proven, proven, "{first}");
    }
    let steps: [Step; 2] = [refusal(401, "x"), refusal(401, "x")];
    let (_, first) = diagnosed(authenticate(&call(), &mut Scripted::new(steps)));
    assert!(first.starts_with("the token is not accepted by the Table API"), "{first}");
}

#[test]
fn a_token_service_s_answer_names_its_causes() {
    let refused = |grant_type, error: &str| {
        let (error, description) = (error.to_string(), String::new());
        CredentialError::Refused(Refusal { grant_type, status: Some(401), error, description })
    };
    for (error, proven, begins) in [
        (
            refused(GrantType::ClientCredentials, "unauthorized_client"),
            true,
            "the OAuth client has no application user",
        ),
        (refused(GrantType::ClientCredentials, "server_error"), false, "client credentials are not enabled"),
        (refused(GrantType::Password, "server_error"), false, "wrong user name or password"),
        (refused(GrantType::Password, ""), false, "the token URL of the authorization"),
        (refused(GrantType::RefreshToken, "invalid_grant"), false, "the refresh token expired"),
        (refused(GrantType::JwtBearer, "server_error"), false, "the assertion's key"),
        (refused(GrantType::Bearer, "no longer accepted"), false, "the token expired"),
        (refused(GrantType::Bearer, ""), false, "the token expired"),
        (CredentialError::Unreachable(UnreachableReason::Dns), false, "no host of that name"),
        (CredentialError::Unreachable(UnreachableReason::Connect), false, "no connection to the instance"),
        (CredentialError::Unreachable(UnreachableReason::NotJson), false, "the token URL of the authorization"),
        (CredentialError::Unreachable(UnreachableReason::ServerError), false, "the instance limits or fails requests"),
    ] {
        let mut host = Scripted::new([]).with(Err(error));
        let (is_proven, first) = diagnosed(authenticate(&call(), &mut host));
        assert!(first.starts_with(begins), "{first}");
        assert_eq!(is_proven, proven, "{first}");
    }
}

#[test]
fn a_token_service_that_cannot_be_reached_may_have_another_address() {
    for reason in [UnreachableReason::Connect, UnreachableReason::Lost, UnreachableReason::Dns] {
        let mut host = Scripted::new([]).with(Err(CredentialError::Unreachable(reason)));
        let AuthenticateOutcome::NotAuthenticated(diagnosis) = authenticate(&call(), &mut host) else {
            panic!("works")
        };
        let second = diagnosis.causes.get(1).map(|cause| cause.explanation.as_str());
        assert_eq!(second, Some("the token URL of the authorization is not the address of the token service"));
    }
}

#[test]
fn what_the_caller_or_the_host_decided_is_no_diagnosis() {
    let wrong = Call { authorization: String::new(), ..call() };
    assert!(matches!(authenticate(&wrong, &mut Scripted::new([])), AuthenticateOutcome::InvalidData(_)));
    for (error, reason) in [
        (CredentialError::UnknownAuthorization, Reason::UnknownAuthorization),
        (CredentialError::Unreachable(UnreachableReason::DeniedByHost), Reason::DeniedByHost),
    ] {
        let AuthenticateOutcome::Error(failure) = authenticate(&call(), &mut Scripted::new([]).with(Err(error))) else {
            panic!("not an error")
        };
        assert_eq!(failure.reason, reason);
    }
    let mut host = Scripted::new([broken(Reason::Deadline, None, false)]);
    assert!(matches!(authenticate(&call(), &mut host), AuthenticateOutcome::Timeout(_)));
}

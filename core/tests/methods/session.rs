//! The session that every method has: its credential, its deadline, and what is sent again.

use super::scripted::{
    ORIGIN, Scripted, Step, TABLE, TIMEOUT_MS, answer, broken, call, granted, header, page, refusal, rows, said,
};
use servicenow_core::bindings::credentials::{
    Credential, CredentialError, GrantType, Granted, OauthClient, Refusal, UnreachableReason,
};
use servicenow_core::bindings::incidents::{GetOutcome, IncidentRef, RequestBody, UpdateOptions, UpdateOutcome};
use servicenow_core::bindings::types::{Call, Failure, Reason, Retry, WriteHappened};
use servicenow_core::host::Method;
use servicenow_core::incidents::{get::get, update::update};

const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn found() -> Step {
    rows(&[format!(r#"{{"number":"INC1","sys_id":"{KEY}","state":"1"}}"#)])
}

fn written() -> Step {
    answer(200, &format!(r#"{{"result":{{"number":"INC1","sys_id":"{KEY}","urgency":"2"}}}}"#))
}

fn read(host: &mut Scripted) -> GetOutcome {
    get(&call(), &IncidentRef { kind: "number".into(), value: "INC1".into() }, host)
}

fn write(host: &mut Scripted) -> UpdateOutcome {
    let body = RequestBody::Fields(vec![("urgency".into(), "2".into())]);
    let options = UpdateOptions { input_display_values: false, choice_check: None };
    update(&call(), KEY, &body, &options, host)
}

fn failed(outcome: GetOutcome) -> (&'static str, Failure) {
    match outcome {
        GetOutcome::AuthorizationFail(failure) => ("authorization-fail", failure),
        GetOutcome::GetIncidentFailure(failure) => ("get-incident-failure", failure),
        GetOutcome::IncidentNotFound(failure) => ("incident-not-found", failure),
        GetOutcome::Timeout(failure) => ("timeout", failure),
        GetOutcome::Error(failure) => ("error", failure),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_header_goes_with_each_request_and_a_host_s_own_with_none() {
    let mut host = Scripted::new([found()]).with(Ok(granted(GrantType::Basic, header("Basic x"))));
    assert!(matches!(read(&mut host), GetOutcome::GetIncidentSuccess(_)));
    assert_eq!(host.sent[0].authorization.as_deref(), Some("authorization: Basic x"));
    let mut host = Scripted::new([found()]);
    assert!(matches!(read(&mut host), GetOutcome::GetIncidentSuccess(_)));
    assert_eq!(host.sent[0].authorization, None);
}

fn client() -> Granted {
    let client = OauthClient { client_id: "i".into(), client_secret: "s".into(), scope: None };
    granted(GrantType::ClientCredentials, Credential::Grant(client))
}

#[test]
fn a_client_s_token_is_fetched_first_and_anew_after_a_401() {
    let token = |token: &str| answer(200, &format!(r#"{{"access_token":"{token}","expires_in":60}}"#));
    let steps = [token("one"), refusal(401, "x"), token("two"), found()];
    let mut host = Scripted::new(steps).with(Ok(client()));
    assert!(matches!(read(&mut host), GetOutcome::GetIncidentSuccess(_)));
    let asked: Vec<_> = host.sent.iter().map(|sent| (sent.method, sent.authorization.as_deref())).collect();
    let expected = [
        (Method::Post, None),
        (Method::Get, Some("authorization: Bearer one")),
        (Method::Post, None),
        (Method::Get, Some("authorization: Bearer two")),
    ];
    assert_eq!(asked, expected);
    assert_eq!(host.sent[0].url, format!("{ORIGIN}/oauth_token.do"));
    assert_eq!(host.renewals, 1);
}

#[test]
fn a_401_is_answered_by_one_fresh_credential_where_there_can_be_one() {
    for grant_type in [GrantType::ClientCredentials, GrantType::Password, GrantType::RefreshToken, GrantType::JwtBearer]
    {
        let mut host = Scripted::new([refusal(401, "x"), found()]);
        host.granted = [Ok(granted(grant_type, header("one"))), Ok(granted(grant_type, header("two")))].into();
        assert!(matches!(read(&mut host), GetOutcome::GetIncidentSuccess(_)));
        assert_eq!(host.sent[1].authorization.as_deref(), Some("authorization: two"));
        let mut host = Scripted::new([refusal(401, "x"), refusal(401, "y")]);
        let (case, failure) = failed(read(&mut host));
        assert_eq!((case, failure.message.as_str(), host.renewals), ("authorization-fail", "y", 1));
    }
    for grant_type in [GrantType::Bearer, GrantType::Basic, GrantType::ApiKey] {
        let mut host = Scripted::new([refusal(401, "x")]).with(Ok(granted(grant_type, header("one"))));
        let (case, failure) = failed(read(&mut host));
        let expected = (Some(401), Reason::Unauthorized, WriteHappened::No, Retry::Never);
        assert_eq!((case, said(&failure), host.renewals), ("authorization-fail", expected, 0));
    }
    let mut host = Scripted::new([refusal(401, "x")]);
    host.granted = [host.granted[0].clone(), Err(CredentialError::Timeout)].into();
    let (case, failure) = failed(read(&mut host));
    assert_eq!((case, failure.message.as_str()), ("timeout", "no access token before the deadline"));
}

#[test]
fn why_there_is_no_credential_is_told() {
    use UnreachableReason as Because;
    let refused = |error: &str, description: &str| {
        CredentialError::Refused(Refusal {
            grant_type: GrantType::Password,
            status: Some(401),
            error: error.into(),
            description: description.into(),
        })
    };
    let service = "no access token from the token service:";
    for (error, case, status, reason, retry, message) in [
        (
            CredentialError::UnknownAuthorization,
            "error",
            None,
            Reason::UnknownAuthorization,
            Retry::Never,
            "the host knows no authorization named \"main\"".to_string(),
        ),
        (
            CredentialError::Timeout,
            "timeout",
            None,
            Reason::Deadline,
            Retry::Later,
            "no access token before the deadline".into(),
        ),
        (
            refused("server_error", "access_denied"),
            "authorization-fail",
            Some(401),
            Reason::Unauthorized,
            Retry::Never,
            "no access token: server_error access_denied".into(),
        ),
        (
            refused("", ""),
            "authorization-fail",
            Some(401),
            Reason::Unauthorized,
            Retry::Never,
            "no access token: the answer names no reason".into(),
        ),
        (
            CredentialError::Unreachable(Because::Dns),
            "error",
            None,
            Reason::Dns,
            Retry::Later,
            format!("{service} the host name could not be resolved"),
        ),
        (
            CredentialError::Unreachable(Because::Connect),
            "error",
            None,
            Reason::Connect,
            Retry::Later,
            format!("{service} no connection could be made"),
        ),
        (
            CredentialError::Unreachable(Because::Tls),
            "error",
            None,
            Reason::Tls,
            Retry::Never,
            format!("{service} the TLS handshake failed: check the host name, the certificate's issuer and its dates"),
        ),
        (
            CredentialError::Unreachable(Because::Lost),
            "error",
            None,
            Reason::Lost,
            Retry::Later,
            format!("{service} the connection broke before the whole answer arrived"),
        ),
        (
            CredentialError::Unreachable(Because::DeniedByHost),
            "error",
            None,
            Reason::DeniedByHost,
            Retry::Never,
            format!("{service} the host's policy refused the request; its log says what would allow it"),
        ),
        (
            CredentialError::Unreachable(Because::Hibernating),
            "authorization-fail",
            None,
            Reason::Hibernating,
            Retry::Later,
            format!("{service} the instance is hibernating"),
        ),
        (
            CredentialError::Unreachable(Because::NotJson),
            "authorization-fail",
            None,
            Reason::NotJson,
            Retry::Never,
            format!("{service} the answer is not a token answer"),
        ),
        (
            CredentialError::Unreachable(Because::RateLimited),
            "authorization-fail",
            None,
            Reason::RateLimited,
            Retry::Later,
            format!("{service} it answered 429"),
        ),
        (
            CredentialError::Unreachable(Because::ServerError),
            "authorization-fail",
            None,
            Reason::ServerError,
            Retry::Later,
            format!("{service} it answered with a server error"),
        ),
    ] {
        let mut host = Scripted::new([]).with(Err(error));
        let (ended, failure) = failed(read(&mut host));
        assert_eq!((ended, said(&failure)), (case, (status, reason, WriteHappened::No, retry)));
        assert_eq!(failure.message, message);
    }
}

#[test]
fn a_token_request_that_fails_is_told_as_one() {
    for (step, case, status, reason) in [
        (broken(Reason::Deadline, None, false), "timeout", None, Reason::Deadline),
        (broken(Reason::TooLarge, Some(200), false), "authorization-fail", None, Reason::TooLarge),
        (broken(Reason::Connect, None, true), "error", None, Reason::Connect),
        (answer(401, r#"{"error":"invalid_client"}"#), "authorization-fail", Some(401), Reason::Unauthorized),
        (page(503, ""), "authorization-fail", None, Reason::ServerError),
    ] {
        let mut host = Scripted::new([step]).with(Ok(client()));
        let (ended, failure) = failed(read(&mut host));
        assert_eq!((ended, failure.status, failure.reason), (case, status, reason));
        assert_eq!(failure.write_happened, WriteHappened::No);
        assert!(failure.message.starts_with("no access token"), "{}", failure.message);
    }
}

#[test]
fn an_instance_that_is_not_the_authorization_s_is_refused_before_anything_is_sent() {
    let other = Granted { origin: "https://dev99999.service-now.com".into(), ..granted(GrantType::Basic, header("x")) };
    let mut host = Scripted::new([]).with(Ok(other));
    let (case, failure) = failed(read(&mut host));
    assert_eq!((case, failure.reason), ("error", Reason::WrongInstance));
    let expected = format!("authorization \"main\" is valid for https://dev99999.service-now.com and not for {ORIGIN}");
    assert_eq!(failure.message, expected);
}

#[test]
fn a_read_is_sent_three_times_at_most_and_a_write_once() {
    for status in [429, 502, 503, 504] {
        let mut host = Scripted::new([page(status, ""), page(status, ""), found()]);
        assert!(matches!(read(&mut host), GetOutcome::GetIncidentSuccess(_)), "{status}");
        let mut host = Scripted::new([page(status, ""), page(status, ""), page(status, "")]);
        assert_eq!(failed(read(&mut host)).1.status, Some(status));
        assert_eq!(host.waited, [0, 0]);
        let steps = if status == 429 { vec![page(status, "")] } else { vec![page(status, ""), rows(&[])] };
        let mut host = Scripted::new(steps);
        assert!(matches!(write(&mut host), UpdateOutcome::IncidentUpdateFailure(_)), "{status}");
        assert_eq!(host.asked().iter().filter(|asked| asked.starts_with("Patch")).count(), 1);
    }
    for status in [400, 403, 404, 500, 501, 505] {
        let mut host = Scripted::new([refusal(status, "x")]);
        assert_eq!(failed(read(&mut host)).1.status, Some(status));
    }
}

#[test]
fn what_never_left_is_sent_again() {
    let refused = || broken(Reason::Connect, None, true);
    let mut host = Scripted::new([refused(), written()]);
    assert!(matches!(write(&mut host), UpdateOutcome::IncidentUpdateSuccess(_)));
    let mut host = Scripted::new([refused(), refused()]);
    let UpdateOutcome::Error(failure) = write(&mut host) else { panic!("written") };
    assert_eq!(said(&failure), (None, Reason::Connect, WriteHappened::No, Retry::Later));
    let mut host = Scripted::new([refused(), refused(), refused()]);
    assert_eq!(failed(read(&mut host)).0, "error");
    // What may have left, and what has another reason, is not.
    for step in
        [broken(Reason::Connect, None, false), broken(Reason::Lost, None, true), broken(Reason::Dns, None, true)]
    {
        let mut host = Scripted::new([step]);
        assert_eq!(failed(read(&mut host)).0, "error");
    }
}

#[test]
fn pauses_are_random_and_grow() {
    for (random, expected) in [(0_u16, [0, 0]), (199, [199, 199]), (200, [0, 200]), (399, [199, 399]), (400, [0, 0])] {
        let mut host = Scripted::new([page(503, ""), page(503, ""), found()]);
        host.random[..2].copy_from_slice(&random.to_le_bytes());
        assert!(matches!(read(&mut host), GetOutcome::GetIncidentSuccess(_)));
        assert_eq!(host.waited, expected, "{random}");
    }
}

#[test]
fn a_429_that_names_a_time_is_waited_for_where_it_fits() {
    let limited = |seconds: &str| refusal(429, "slow down").header("retry-after", seconds);
    for (after_ms, fits) in [(0, true), (2_000 - 1, false), (2_000 - 201, true), (2_000 - 200, false)] {
        // The request itself takes some of the 5 s; 3 s are named.
        let mut host = Scripted::new([limited("3").after(after_ms)].into_iter().chain(fits.then(written)));
        match write(&mut host) {
            UpdateOutcome::IncidentUpdateSuccess(_) => assert!(fits, "{after_ms}"),
            UpdateOutcome::IncidentUpdateFailure(failure) => {
                assert!(!fits, "{after_ms}");
                assert_eq!(failure.retry_after_ms, Some(3_000));
                assert_eq!(said(&failure), (Some(429), Reason::RateLimited, WriteHappened::No, Retry::Later));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(host.waited, if fits { vec![3_000] } else { vec![] });
    }
    let mut host = Scripted::new([limited("1"), limited("1")]);
    assert!(matches!(write(&mut host), UpdateOutcome::IncidentUpdateFailure(_)), "a write waits once");
}

#[test]
fn each_request_gets_what_is_left_of_the_deadline() {
    let mut host = Scripted::new([page(503, "").after(1_000), found().after(10)]);
    assert!(matches!(read(&mut host), GetOutcome::GetIncidentSuccess(_)));
    let within: Vec<_> = host.sent.iter().map(|sent| sent.within_ms).collect();
    assert_eq!(within, [TIMEOUT_MS, TIMEOUT_MS - 1_000]);
    // No time is left for another try, and none is made.
    let mut host = Scripted::new([page(503, "").after(TIMEOUT_MS - 200)]);
    assert_eq!(failed(read(&mut host)).1.status, Some(503));
    // A token that took all of it.
    let token = answer(200, r#"{"access_token":"t"}"#).after(TIMEOUT_MS);
    let mut host = Scripted::new([token]).with(Ok(client()));
    let (case, failure) = failed(read(&mut host));
    assert_eq!((case, said(&failure)), ("timeout", (None, Reason::Deadline, WriteHappened::No, Retry::Later)));
    assert_eq!(failure.message, "no answer before the deadline");
    let short = Call { timeout_ms: Some(7), ..call() };
    let mut host = Scripted::new([found()]);
    get(&short, &IncidentRef { kind: "number".into(), value: "INC1".into() }, &mut host);
    assert_eq!(host.sent[0].within_ms, 7);
}

#[test]
fn what_an_exchange_ends_in_is_told_in_a_sentence() {
    for (reason, status, case, message) in [
        (Reason::Deadline, None, "timeout", "no answer before the deadline"),
        (Reason::TooLarge, Some(200), "get-incident-failure", "the answer is larger than the host accepts"),
        (Reason::Limit, None, "error", "the host had no place for the request before the deadline"),
        (Reason::Lost, Some(200), "error", "the connection broke before the whole answer arrived"),
        (Reason::Connect, None, "error", "no connection could be made"),
    ] {
        let mut host = Scripted::new([broken(reason, status, false)]);
        let (ended, failure) = failed(read(&mut host));
        assert_eq!((ended, failure.message.as_str(), failure.status), (case, message, status));
        assert_eq!(failure.write_happened, WriteHappened::No);
        assert!(host.sent[0].url.starts_with(TABLE));
    }
}

//! Credentials: fetched once, renewed when refused, and never shown.

use crate::support::PATIENT_MS;
use host_test::lab::scenarios::{TestBed, by};
use ring::signature::RsaKeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use servicenow_host::authorization::AuthenticateOutcome;
use servicenow_host::incidents::GetOutcome;
use servicenow_host::types::{Call, Reason};
use servicenow_host::{Authorizations, Host, Outcome};
use servicenow_simulator::{Effect, Fault, JwtVerifier, Simulator};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

const TOKEN: &str = "/oauth_token.do";

fn token_requests(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.contains(TOKEN)).count()
}

/// A host with one authorization, given as the lines after its instance.
fn host(simulator: &Simulator, lines: &str) -> Host {
    let base_url = &simulator.access().base_url;
    let text = format!("[authorizations.main]\ninstance = {base_url:?}\nallow-http-loopback = true\n{lines}\n");
    crate::support::host(&text)
}

fn call(simulator: &Simulator) -> Call {
    Call {
        authorization: "main".to_string(),
        instance: simulator.access().base_url.clone(),
        timeout_ms: Some(PATIENT_MS),
    }
}

const CLIENT: &str = "client-id = \"3f6c0f0e8d1b4c55a1d2c3b4a5968778\"\nclient-secret = \"simulated-client-secret\"\n";

#[tokio::test]
async fn each_kind_of_grant_gets_in() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let minted =
        servicenow_test_support::client::token(&simulator.access().token_url, "grant_type=client_credentials").await;
    let token = minted["access_token"].as_str().unwrap();
    let user = "username = \"flow.integration\"\npassword = \"simulated-password\"\n";
    for lines in [
        format!("grant = \"client-credentials\"\n{CLIENT}"),
        format!("grant = \"client-credentials\"\ncredential = \"header\"\n{CLIENT}"),
        format!("grant = \"client-credentials\"\ncredential = \"grant\"\n{CLIENT}"),
        format!("grant = \"password\"\n{CLIENT}{user}"),
        format!("grant = \"bearer\"\ntoken = {token:?}\n"),
        format!("grant = \"bearer\"\ncredential = \"header\"\ntoken = {token:?}\n"),
        format!("grant = \"basic\"\n{user}"),
        format!("grant = \"basic\"\ncredential = \"header\"\n{user}"),
        "grant = \"api-key\"\napi-key = \"simulated-api-key\"\n".to_string(),
        "grant = \"api-key\"\ncredential = \"header\"\napi-key = \"simulated-api-key\"\n".to_string(),
    ] {
        let report = host(&simulator, &lines).authenticate(call(&simulator)).await;
        match report.outcome {
            AuthenticateOutcome::Authenticated(access) => {
                assert_eq!(access.expires_in.is_some(), lines.contains("client-id"), "{lines}");
                assert!(!access.sees_incidents, "the table is empty");
            }
            other => panic!("{lines}: {other:?}"),
        }
    }
}

const JWT: &str = "grant = \"jwt-bearer\"\nprivate-key = { file = \"tests/fixtures/jwt-client.pem\" }\n";

/// A simulator that knows the keys of the tests, and the lines of an authorization that signs with ES256.
async fn simulator_with_keys(folder: &Path) -> (Simulator, String) {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let pem = std::fs::read("tests/fixtures/jwt-client.pem").unwrap();
    let rsa = PrivatePkcs8KeyDer::from_pem_slice(&pem).unwrap();
    let rsa = RsaKeyPair::from_pkcs8(rsa.secret_pkcs8_der()).unwrap().public().as_ref().to_vec();
    let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let file = folder.join("ec.pem");
    std::fs::write(&file, made.serialize_pem()).unwrap();
    let verifier = |key_id: &str, algorithm: &str, public_key: &[u8]| JwtVerifier {
        key_id: key_id.to_string(),
        algorithm: algorithm.to_string(),
        public_key: public_key.to_vec(),
    };
    simulator.set(|settings| {
        settings.jwt_verifiers = vec![
            verifier("rsa", "RS256", &rsa),
            verifier("rsa", "RS512", &rsa),
            verifier("ec", "ES256", made.public_key_raw()),
        ];
    });
    (simulator, format!("grant = \"jwt-bearer\"\nalgorithm = \"ES256\"\nprivate-key = {{ file = {file:?} }}\n"))
}

#[tokio::test]
async fn a_signed_assertion_gets_in_where_key_issuer_and_subject_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let (simulator, es256) = simulator_with_keys(folder.path()).await;
    let subject = "subject = \"flow.integration\"\n";
    for (lines, gets_in) in [
        (format!("{JWT}{CLIENT}{subject}key-id = \"rsa\""), true),
        (format!("{JWT}{CLIENT}{subject}key-id = \"rsa\"\nalgorithm = \"RS512\""), true),
        (format!("{es256}{CLIENT}{subject}key-id = \"ec\""), true),
        (format!("{JWT}{CLIENT}{subject}key-id = \"other\""), false),
        (format!("{JWT}{CLIENT}{subject}"), false),
        (format!("{JWT}{CLIENT}{subject}key-id = \"rsa\"\nalgorithm = \"RS384\""), false),
        (format!("{JWT}{CLIENT}{subject}key-id = \"rsa\"\naudience = \"https://elsewhere.example\""), false),
        (format!("{JWT}{CLIENT}subject = \"somebody.else\"\nkey-id = \"rsa\""), false),
    ] {
        match host(&simulator, &lines).authenticate(call(&simulator)).await.outcome {
            AuthenticateOutcome::Authenticated(access) => assert!(gets_in && access.expires_in.is_some(), "{lines}"),
            AuthenticateOutcome::NotAuthenticated(diagnosis) => {
                assert!(!gets_in && diagnosis.causes[0].explanation.contains("assertion"), "{lines} {diagnosis:?}");
            }
            other => panic!("{lines}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_wrong_token_url_is_named_among_the_causes() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let base_url = simulator.access().base_url.clone();
    for (url, first) in [
        // The instance's own answer to an address that it has nothing at.
        (format!("{base_url}/wrong.do"), true),
        // A page in place of a token.
        (format!("{base_url}/login.do"), true),
        (format!("{base_url}/api/now/table/incident"), true),
        ("http://127.0.0.1:9/oauth_token.do".to_string(), false),
    ] {
        let lines = format!("grant = \"client-credentials\"\ntoken-url = {url:?}\n{CLIENT}");
        match host(&simulator, &lines).authenticate(call(&simulator)).await.outcome {
            AuthenticateOutcome::NotAuthenticated(diagnosis) => {
                let at = diagnosis.causes.iter().position(|cause| cause.check.contains("token-url"));
                assert_eq!((at == Some(0), at.is_some()), (first, true), "{url} {diagnosis:?}");
                assert!(!diagnosis.proven && !diagnosis.failure.message.ends_with(": "), "{url} {diagnosis:?}");
            }
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_rotated_token_that_cannot_be_read_is_not_replaced_by_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rotated");
    std::fs::write(&file, "somebody else's").unwrap();
    let lines = |name: &str| {
        format!(
            "[authorizations.{name}]\ninstance = \"dev1\"\ngrant = \"refresh-token\"\n{CLIENT}refresh-token = \"first-one\"\nrotated-token-file = {file:?}\n"
        )
    };
    let parse = |text: &str| Authorizations::parse(text, Path::new("authorizations.toml"));
    let built = Host::builder().authorizations(parse(&lines("main")).unwrap()).build();
    let error = built.err().unwrap().to_string();
    assert!(error.contains("rotated-token-file") && error.contains("main"), "{error}");
    // Nor do two share a file, in whatever spelling.
    let other = lines("other").replace("/rotated", "/./rotated");
    let error = parse(&(lines("main") + &other)).err().unwrap().to_string();
    assert!(error.contains("that of authorization \"main\""), "{error}");
}

#[tokio::test]
async fn a_refresh_token_is_rotated_and_a_revoked_one_says_to_reconnect() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    simulator.set(|settings| settings.may_rotate_refresh_token = true);
    // A password grant gives out the first refresh token.
    let form = "grant_type=password&username=flow.integration&password=simulated-password";
    let first = servicenow_test_support::client::token(&simulator.access().token_url, form).await;
    let refresh_token = first["refresh_token"].as_str().unwrap().to_string();
    let host = host(&simulator, &format!("grant = \"refresh-token\"\n{CLIENT}refresh-token = {refresh_token:?}"));
    for _ in 0..3 {
        assert!(matches!(host.authenticate(call(&simulator)).await.outcome, AuthenticateOutcome::Authenticated(_)));
        // Each renewal uses the token that the last one brought: the simulator takes no other.
        simulator.revoke_tokens();
    }
    assert_eq!(token_requests(&simulator), 1 + 3);
    simulator.inject(Fault::once(
        "POST",
        TOKEN,
        Effect::json(401, r#"{"error":"server_error","error_description":"access_denied"}"#),
    ));
    match host.get(call(&simulator), by("number", "INC1")).await.outcome {
        GetOutcome::AuthorizationFail(failure) => assert!(failure.message.contains("reconnect"), "{failure:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn many_calls_at_once_fetch_one_token() {
    let bed = Arc::new(TestBed::set().await.unwrap());
    bed.simulator.revoke_tokens();
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let bed = Arc::clone(&bed);
        calls.spawn(async move { bed.host.get(bed.call(PATIENT_MS), by("number", "INC0010001")).await });
    }
    for report in calls.join_all().await {
        assert!(matches!(report.outcome, GetOutcome::GetIncidentSuccess(_)), "{:?}", report.outcome);
    }
    // One for the bed, and one after the revocation.
    assert_eq!(token_requests(&bed.simulator), 2);
}

#[tokio::test]
async fn a_call_that_runs_out_of_time_leaves_the_fetch_to_the_others() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let host = host(&simulator, &format!("grant = \"client-credentials\"\n{CLIENT}"));
    simulator.inject(Fault::once("POST", TOKEN, Effect::Delay { ms: 400 }));
    let impatient = Call { timeout_ms: Some(150), ..call(&simulator) };
    let (short, long) = tokio::join!(host.authenticate(impatient), host.authenticate(call(&simulator)));
    assert!(matches!(short.outcome, AuthenticateOutcome::Timeout(_)), "{:?}", short.outcome);
    assert!(matches!(long.outcome, AuthenticateOutcome::Authenticated(_)), "{:?}", long.outcome);
    assert_eq!(token_requests(&simulator), 1);
}

#[tokio::test]
async fn a_token_refused_once_is_renewed_and_one_refused_always_is_an_authorization_failure() {
    let bed = TestBed::set().await.unwrap();
    bed.simulator.revoke_tokens();
    let report = bed.host.get(bed.call(PATIENT_MS), by("number", "INC0010001")).await;
    assert!(matches!(report.outcome, GetOutcome::GetIncidentSuccess(_)), "{:?}", report.outcome);
    bed.simulator.inject(Fault::once("GET", "/api/now/", Effect::status(401)).times(9));
    let report = bed.host.get(bed.call(PATIENT_MS), by("number", "INC0010001")).await;
    assert_eq!(report.exchanges.len(), 2);
    assert!(matches!(report.outcome, GetOutcome::AuthorizationFail(_)), "{:?}", report.outcome);
}

#[tokio::test]
async fn a_token_service_that_cannot_be_asked_is_told_from_one_that_refuses() {
    for (effect, reason) in [
        (Effect::html(200, "<p class=\"instance-hibernating-page\">"), Reason::Hibernating),
        (Effect::html(200, "<html>"), Reason::NotJson),
        (Effect::status(429), Reason::RateLimited),
        (Effect::status(503), Reason::ServerError),
        (Effect::Close, Reason::Lost),
    ] {
        let simulator = Simulator::start(Default::default()).await.unwrap();
        let host = host(&simulator, &format!("grant = \"client-credentials\"\n{CLIENT}"));
        simulator.inject(Fault::once("POST", TOKEN, effect.clone()));
        match host.get(call(&simulator), by("number", "INC1")).await.outcome {
            // A token service that answers has no token to give; one that does not was not reached.
            GetOutcome::AuthorizationFail(failure) if reason != Reason::Lost => {
                assert_eq!(failure.reason, reason, "{effect:?}")
            }
            GetOutcome::Error(failure) if reason == Reason::Lost => assert_eq!(failure.reason, reason, "{effect:?}"),
            other => panic!("{effect:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn set_up_mistakes_are_proven_or_listed() {
    for (set, proven, says) in [
        ((|s| s.has_application_user = false) as fn(&mut servicenow_simulator::Settings), true, "application user"),
        (|s| s.client_credentials_enabled = false, false, "client credentials are not enabled"),
        (|s| s.client_secret = "another".to_string(), false, "client credentials are not enabled"),
        (|s| s.is_securely_scoped = true, true, "securely scoped"),
        (|s| s.is_hibernating = true, true, "hibernating"),
    ] {
        let simulator = Simulator::start(Default::default()).await.unwrap();
        simulator.set(set);
        let host = host(&simulator, &format!("grant = \"client-credentials\"\n{CLIENT}"));
        match host.authenticate(call(&simulator)).await.outcome {
            AuthenticateOutcome::NotAuthenticated(diagnosis) => {
                assert_eq!(diagnosis.proven, proven, "{says}");
                assert!(diagnosis.causes[0].explanation.contains(says), "{says}: {:?}", diagnosis.causes);
                assert!(!diagnosis.causes[0].check.is_empty());
            }
            other => panic!("{says}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn no_secret_is_in_an_outcome_whoever_adds_the_credential() {
    for credential in ["added-by-host", "header", "grant"] {
        let simulator = Simulator::start(Default::default()).await.unwrap();
        let host = host(&simulator, &format!("grant = \"client-credentials\"\ncredential = {credential:?}\n{CLIENT}"));
        simulator.set(|settings| settings.is_securely_scoped = true);
        let report = host.authenticate(call(&simulator)).await;
        let shown = format!("{:?} {:?}", report.outcome, report.exchanges);
        assert!(report.outcome.failure().is_some());
        assert!(!shown.contains("simulated-client-secret") && !shown.contains("Bearer"), "{shown}");
    }
}

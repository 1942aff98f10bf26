//! What must hold for any address. `tests/suite/policy.rs` tries some on every run of the tests, and the fuzz target
//! `policy` in `fuzz/` as many as there is time for.

use servicenow_host::Authorizations;
use servicenow_host::policy::{Policy, Target};
use std::path::Path;
use std::sync::LazyLock;

/// One that also reaches the token service, which is the wider one.
static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = "[authorizations.main]\ninstance = \"dev1\"\ncredential = \"grant\"\ngrant = \"client-credentials\"\n\
        client-id = \"c\"\nclient-secret = \"s\"";
    Policy::new(Authorizations::parse(text, Path::new("a.toml")).unwrap().get("main").unwrap())
});

/// Whatever address is asked for, what is let through is the instance and one of its few paths, however it is read.
pub fn a_reached_address_is_the_instance_s_own(method: &str, address: &str) {
    let (Ok(method), Ok(uri)) = (method.parse(), address.parse::<http::Uri>()) else { return };
    let Ok(allowed) = POLICY.check(&method, &uri) else { return };
    assert!(allowed.uri.to_string().starts_with("https://dev1.service-now.com/"), "{address}");
    assert_eq!((allowed.uri.path(), allowed.uri.query()), (uri.path(), uri.query()), "{address}");
    if allowed.target == Target::TokenService {
        assert_eq!((method.as_str(), uri.path(), uri.query()), ("POST", "/oauth_token.do", None), "{address}");
        return;
    }
    // Read once as a browser reads it, and once as it stands.
    let url = url::Url::parse(address).unwrap();
    assert_eq!((url.scheme(), url.port_or_known_default()), ("https", Some(443)), "{address}");
    assert_eq!(url.host_str().unwrap().trim_end_matches('.'), "dev1.service-now.com", "{address}");
    assert_eq!((url.username(), url.password()), ("", None), "{address}");
    assert_eq!(url.path(), uri.path(), "{address}");
    let below = ["/api/now/table/incident", "/api/now/table/sys_choice", "/api/now/table/sys_dictionary"];
    let is_below = |path: &&str| url.path() == *path || url.path().starts_with(&format!("{path}/"));
    assert!(below.iter().any(is_below), "{address}");
    assert!(["GET", "POST", "PATCH"].contains(&method.as_str()), "{method}");
    assert!(!url.path().contains(['%', '\\', ';']) && !url.path().contains("/."), "{address}");
}

//! The egress policy: which requests may leave, as data with a match. No I/O happens here.

use crate::authorizations::{Authorization, Handout};
use crate::origin::Origin;
use http::{Method, Uri};
use url::Url;

/// The methods and paths that the component uses, and no more. `/api/now/v1/batch` is not among them: it tunnels any
/// other path.
const ALLOWED: [(&[Method], &str); 3] = [
    (&[Method::GET, Method::POST, Method::PATCH], "/api/now/table/incident"),
    (&[Method::GET], "/api/now/table/sys_choice"),
    (&[Method::GET], "/api/now/table/sys_dictionary"),
];

/// What one authorization may reach.
#[derive(Clone, Debug)]
pub struct Policy {
    instance: Origin,
    token_url: Option<Url>,
}

/// Where an allowed request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The instance: the credential belongs here.
    Instance,
    /// The token service.
    TokenService,
}

/// Why a request may not leave, and what would allow it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Another origin.
    #[error("{0} is not the authorization's instance {1}")]
    Origin(String, Origin),
    /// A path or method that the component does not need.
    #[error("{0} {1} is not among the calls of the Table API that the component makes")]
    Call(Method, String),
    /// An address that is no plain origin and path.
    #[error("{0} is not a plain http address")]
    Address(String),
}

impl Policy {
    /// The policy of an authorization. The token service is reachable only for a guest that obtains tokens itself.
    pub fn new(authorization: &Authorization) -> Self {
        Self {
            instance: authorization.instance.clone(),
            token_url: (authorization.credential == Handout::Grant).then(|| authorization.token_url.clone()),
        }
    }

    /// Where a request goes, if it may.
    pub fn check(&self, method: &Method, uri: &Uri) -> Result<Target, Denied> {
        let address = || Denied::Address(uri.to_string());
        if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err(address());
        }
        let url = Url::parse(&uri.to_string()).map_err(|_| address())?;
        if self.token_url.as_ref() == Some(&url) && method == Method::POST {
            return Ok(Target::TokenService);
        }
        let origin = Origin::of(&url).ok_or_else(address)?;
        if origin != self.instance {
            return Err(Denied::Origin(origin.to_string(), self.instance.clone()));
        }
        // The path as sent, not as normalised: what the server makes of dots and encoded slashes is its own affair.
        let path = uri.path();
        let call = || Denied::Call(method.clone(), path.to_string());
        let is_record = |rest: &str| rest.is_empty() || is_sys_id(rest.strip_prefix('/').unwrap_or_default());
        let allows = |(methods, prefix): &(&[Method], &str)| {
            methods.contains(method) && path.strip_prefix(prefix).is_some_and(is_record)
        };
        if ALLOWED.iter().any(allows) { Ok(Target::Instance) } else { Err(call()) }
    }
}

fn is_sys_id(segment: &str) -> bool {
    segment.len() == 32 && segment.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorizations::Authorizations;
    use std::path::Path;

    fn policy(credential: &str) -> Policy {
        let text = format!(
            "[authorizations.main]\ninstance = \"dev1\"\ngrant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"s\"\ncredential = {credential:?}"
        );
        Policy::new(Authorizations::parse(&text, Path::new("a.toml")).unwrap().get("main").unwrap())
    }

    #[test]
    fn only_the_calls_the_component_makes_leave_and_only_to_the_instance() {
        let record = "https://dev1.service-now.com/api/now/table/incident/189d7fc183a51210d81dc590ceaad387";
        for (method, uri, allowed) in [
            ("GET", "https://dev1.service-now.com/api/now/table/incident?sysparm_limit=1", true),
            ("POST", "https://dev1.service-now.com/api/now/table/incident", true),
            ("POST", "https://DEV1.service-now.com:443/api/now/table/incident", true),
            ("PATCH", record, true),
            ("GET", "https://dev1.service-now.com/api/now/table/sys_choice?x=y", true),
            ("GET", "https://dev1.service-now.com/api/now/table/sys_dictionary", true),
            ("POST", "https://dev1.service-now.com/api/now/table/sys_choice", false),
            ("DELETE", record, false),
            ("PUT", record, false),
            ("GET", "https://dev1.service-now.com/api/now/table/sys_user", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incidents", false),
            ("POST", "https://dev1.service-now.com/api/now/v1/batch", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident/../sys_user", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident/%2e%2e/sys_user", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident%2f..%2fsys_user", false),
            ("GET", "https://dev1.service-now.com//api/now/table/incident", false),
            ("GET", "http://dev1.service-now.com/api/now/table/incident", false),
            ("GET", "https://dev1.service-now.com:8443/api/now/table/incident", false),
            ("GET", "https://dev1.service-now.com.evil.example/api/now/table/incident", false),
            ("GET", "https://dev1.service-now.com@evil.example/api/now/table/incident", false),
            ("GET", "https://evil.example/api/now/table/incident", false),
            ("POST", "https://dev1.service-now.com/oauth_token.do", false),
        ] {
            let uri: Uri = uri.parse().unwrap();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(policy("added-by-host").check(&method, &uri).is_ok(), allowed, "{method} {uri}");
        }
    }

    #[test]
    fn the_token_service_is_reachable_only_for_a_guest_that_obtains_tokens_itself() {
        let uri: Uri = "https://dev1.service-now.com/oauth_token.do".parse().unwrap();
        assert_eq!(policy("grant").check(&Method::POST, &uri), Ok(Target::TokenService));
        assert!(policy("grant").check(&Method::GET, &uri).is_err());
        assert!(policy("header").check(&Method::POST, &uri).is_err());
    }
}

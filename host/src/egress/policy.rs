//! The egress policy: which requests may leave, as data with a match. No I/O happens here.

use super::query_script::runs_other_script;
use super::set_up::{PROPERTIES, SetUpCheck, is_for_set_ups, is_list, only_condition, secret_table};
use crate::authorizations::allowed_call::{AllowedCall, is_batch, is_plain};
use crate::authorizations::{Authorization, CredentialMode};
use crate::intent::Intent;
use crate::origin::Origin;
use http::{Method, Uri};
use servicenow_core::set_up::OUTBOUND_LOGS;
use std::sync::Arc;
use url::Url;

/// What one authorization may reach.
#[derive(Clone, Debug)]
pub struct Policy {
    instance: Origin,
    token_url: Option<Url>,
    calls: Arc<[AllowedCall]>,
    /// Whether the instance holds a secret of this authorization, which scripts in queries could ask for.
    guards_secret: bool,
    reads_only: bool,
    set_up: Option<Arc<SetUpCheck>>,
}

/// Where an allowed request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The instance: the credential belongs here.
    Instance,
    /// The token service.
    TokenService,
}

/// A request that may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Where it goes.
    pub target: Target,
    /// The address it goes to, made of the policy's own origin and the path as it was asked for.
    pub uri: Uri,
}

/// Why a request may not leave, and what would allow it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// Another origin.
    #[error(
        "{0} is not the authorization's instance {1}; to allow it, add an authorization with instance = \"{0}\" and \
         name it in the call"
    )]
    Origin(String, Origin),
    /// A write by a method that only reads.
    #[error("{0} {1} is a write, and this method only reads; nothing would allow it")]
    Write(Method, String),
    /// A query with a script that is none of those that filters of lists use.
    #[error(
        "the query runs a script other than the functions for dates, users and groups that filters of lists have; an \
         authorization without callback-secret may run any"
    )]
    Script,
    /// Properties that are not read by name.
    #[error(
        "properties are read by name; to allow it, add \"GET /api/now/table/sys_properties?name=NAME\" to allowed-calls of \
         the authorization, and query for name=NAME alone"
    )]
    Properties,
    /// A log of what scripts sent, which is read for anything but the deliveries of the set-up.
    #[error("a log of what scripts sent is read for the callback address of the set-up alone; nothing would allow it")]
    OutboundLog,
    /// A write of a script or a property by anything but a set-up.
    #[error("{0} {1} writes a script or a property, which only setting the instance up may do; nothing would allow it")]
    SetUp(Method, String),
    /// A path or method that is not allowed.
    #[error(
        "{0} {1} is not among the allowed calls; to allow it, add \"{0} {1}\" to allowed-calls of the authorization"
    )]
    Call(Method, String),
    /// A path that a server may read as another one, or that tunnels others.
    #[error("{0:?} has a dot, empty or encoded segment, or is the batch API; nothing would allow it")]
    Path(String),
    /// An address that is no plain origin and path.
    #[error("this is not a plain http address of a host; nothing would allow it")]
    Address,
}

impl Policy {
    /// The policy of an authorization. The token service is reachable only for a guest that obtains tokens itself.
    pub fn new(authorization: &Authorization) -> Self {
        Self {
            instance: authorization.instance.clone(),
            token_url: (authorization.credential == CredentialMode::Grant).then(|| authorization.token_url.clone()),
            calls: Arc::clone(&authorization.allowed_calls),
            guards_secret: authorization.guards_secret,
            reads_only: false,
            set_up: None,
        }
    }

    /// The same for a call that has this intent.
    pub fn for_intent(self, intent: &Intent) -> Self {
        let set_up = intent.set_up.clone().map(|set_up| Arc::new(SetUpCheck::new(set_up)));
        Self { reads_only: !intent.writes, set_up, ..self }
    }

    /// The set-up that the call is for.
    pub fn set_up(&self) -> Option<&SetUpCheck> {
        self.set_up.as_deref()
    }

    /// A path without what names a record: that of the allowed call which it falls under.
    pub fn route(&self, path: &str) -> String {
        let under = self.calls.iter().filter(|call| call.is_above(path)).map(AllowedCall::path);
        match under.max_by_key(|known| known.len()) {
            Some(known) if known == path => known.to_string(),
            Some(known) => format!("{known}/{{key}}"),
            None => "/".to_string(),
        }
    }

    /// Where a request goes, if it may.
    pub fn check(&self, method: &Method, uri: &Uri) -> Result<Allowed, Denied> {
        if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err(Denied::Address);
        }
        let url = Url::parse(&uri.to_string()).map_err(|_| Denied::Address)?;
        let origin = Origin::of(&url).ok_or(Denied::Address)?;
        if let Some(token_url) = self.token_url.as_ref().filter(|_| method == Method::POST) {
            // As it stands, and not as it would be read: nothing in it is to be resolved on the way.
            let same = (uri.path(), uri.query()) == (token_url.path(), token_url.query());
            if same && Origin::of(token_url).as_ref() == Some(&origin) {
                return allowed(Target::TokenService, token_url.as_str());
            }
        }
        if origin != self.instance {
            return Err(Denied::Origin(origin.to_string(), self.instance.clone()));
        }
        // The path as sent, not as normalised: what the server makes of dots and encoded slashes is its own affair.
        let path = uri.path();
        if !is_plain(path) || is_batch(path) {
            return Err(Denied::Path(path.to_string()));
        }
        if self.reads_only && method != Method::GET {
            return Err(Denied::Write(method.clone(), path.to_string()));
        }
        let allows = |method: &Method| self.calls.iter().any(|call| call.allows(method, path));
        // An authorization that lets incidents be changed lets the one of a test be removed.
        let ends_test = || self.set_up.as_ref().is_some_and(|check| check.ends_test(method, path));
        if !(allows(method) || ends_test() && allows(&Method::PATCH)) {
            return Err(Denied::Call(method.clone(), path.to_string()));
        }
        if is_for_set_ups(method, path) && self.set_up.is_none() {
            return Err(Denied::SetUp(method.clone(), path.to_string()));
        }
        if self.guards_secret && runs_other_script(uri.query().unwrap_or_default()) {
            return Err(Denied::Script);
        }
        if let Some(table) = secret_table(method, path) {
            let condition = only_condition(uri.query().unwrap_or_default()).filter(|_| is_list(path, table));
            let is_allowed = |condition: &str| {
                let of_set_up = self.set_up.as_ref().is_some_and(|check| check.allows_condition(table, condition));
                let mut calls = self.calls.iter();
                of_set_up || table == PROPERTIES && calls.any(|call| call.allows_property(condition))
            };
            if !condition.as_deref().is_some_and(is_allowed) {
                return Err(if OUTBOUND_LOGS.contains(&table) { Denied::OutboundLog } else { Denied::Properties });
            }
        }
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        allowed(Target::Instance, &format!("{}{path}{query}", self.instance))
    }
}

fn allowed(target: Target, address: &str) -> Result<Allowed, Denied> {
    address.parse().map(|uri| Allowed { target, uri }).map_err(|_| Denied::Address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorizations::Authorizations;
    use servicenow_core::set_up::SetUp;
    use std::path::Path;
    use url::form_urlencoded;

    fn policy(more: &str) -> Policy {
        let text = format!(
            "[authorizations.main]\ninstance = \"dev1\"\ngrant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"s\"\n{more}"
        );
        Policy::new(Authorizations::parse(&text, Path::new("a.toml")).unwrap().get("main").unwrap())
    }

    fn allows(policy: &Policy, method: &str, uri: &str) -> bool {
        policy.check(&method.parse().unwrap(), &uri.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_the_calls_the_component_makes_leave_and_only_to_the_instance() {
        let policy = policy("");
        let record = "https://dev1.service-now.com/api/now/table/incident/189d7fc183a51210d81dc590ceaad387";
        for (method, uri, allowed) in [
            ("GET", "https://dev1.service-now.com/api/now/table/incident?sysparm_limit=1", true),
            ("POST", "https://dev1.service-now.com/api/now/table/incident", true),
            ("POST", "https://DEV1.service-now.com:443/api/now/table/incident", true),
            ("POST", "https://dev1.service-now.com./api/now/table/incident", true),
            ("PATCH", record, true),
            ("GET", "https://dev1.service-now.com/api/now/table/sys_choice?x=y", true),
            ("GET", "https://dev1.service-now.com/api/now/table/sys_dictionary", true),
            ("GET", "https://dev1.service-now.com/api/now/table/incident?sysparm_query=a/../b%2e", true),
            ("POST", "https://dev1.service-now.com/api/now/table/sys_choice", false),
            ("DELETE", record, false),
            ("PUT", record, false),
            ("get", "https://dev1.service-now.com/api/now/table/incident", false),
            ("GET", "https://dev1.service-now.com/api/now/table/sys_user", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incidents", false),
            ("GET", "https://dev1.service-now.com/API/now/table/incident", false),
            ("POST", "https://dev1.service-now.com/api/now/v1/batch", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident/../sys_user", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident/./x", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident/..9now", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident/%2e%2e/sys_user", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident/.%2E/sys_user", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident%2f..%2fsys_user", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident/%5c../x", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident;jsessionid=1", false),
            ("GET", "https://dev1.service-now.com/api/now/table/incident/", false),
            ("GET", "https://dev1.service-now.com//api/now/table/incident", false),
            ("GET", "http://dev1.service-now.com/api/now/table/incident", false),
            ("GET", "http://dev1.service-now.com:443/api/now/table/incident", false),
            ("GET", "https://dev1.service-now.com:8443/api/now/table/incident", false),
            ("GET", "https://dev1.service-now.com.evil.example/api/now/table/incident", false),
            ("GET", "https://dev1.service-now.com@evil.example/api/now/table/incident", false),
            ("GET", "https://evil.example@dev1.service-now.com/api/now/table/incident", false),
            ("GET", "https://evil.example/api/now/table/incident", false),
            ("GET", "https://[::1]/api/now/table/incident", false),
            ("GET", "https://127.0.0.1/api/now/table/incident", false),
            ("GET", "/api/now/table/incident", false),
            ("POST", "https://dev1.service-now.com/oauth_token.do", false),
        ] {
            assert_eq!(allows(&policy, method, uri), allowed, "{method} {uri}");
        }
    }

    #[test]
    fn tables_with_secrets_in_their_rows_are_read_by_the_conditions_of_a_set_up_alone() {
        let set_up = SetUp {
            product: "Acme".into(),
            callback_url: "https://flows.example.com/callback?a=b".into(),
            automatic: true,
            ..SetUp::default()
        };
        let plain = policy("allowed-calls = [\"provisioning\", \"GET /api/now/table/sys_properties?name=a.b\"]");
        let setting_up = plain.clone().for_intent(&Intent::set_up(set_up, false));
        let deliveries = "urlSTARTSWITHhttps://flows.example.com/callback^ORDERBYDESCsys_created_on";
        let oracle = "urlSTARTSWITHhttps://flows.example.com/callback^request_headersLIKEa";
        for (path, condition, by_set_up, by_others) in [
            ("sys_outbound_http_log", deliveries, true, false),
            ("sys_outbound_rest_message_log", deliveries, true, false),
            ("sys_outbound_http_log", oracle, false, false),
            ("SYS_OUTBOUND_HTTP_LOG", deliveries, false, false),
            ("sys_outbound_http_log", "name=a.b", false, false),
            ("sys_outbound_http_log/189d7fc183a51210d81dc590ceaad387", deliveries, false, false),
            ("sys_properties", "name=a.b", true, true),
            ("sys_properties", "valueSTARTSWITHa", false, false),
        ] {
            let query =
                form_urlencoded::Serializer::new(String::new()).append_pair("sysparm_query", condition).finish();
            let address = format!("https://dev1.service-now.com/api/now/table/{path}?{query}");
            let allowed = [&setting_up, &plain].map(|policy| allows(policy, "GET", &address));
            assert_eq!(allowed, [by_set_up, by_others], "{address}");
        }
    }

    #[test]
    fn equal_origins_are_equal_in_every_spelling() {
        for (instance, uri) in [
            ("https://bücher.example", "https://xn--bcher-kva.example/api/now/table/incident"),
            ("https://[::1]:8443", "https://[0:0:0:0:0:0:0:1]:8443/api/now/table/incident"),
            ("https://[::ffff:10.0.0.1]", "https://[::ffff:a00:1]/api/now/table/incident"),
            ("https://ITSM.example.com.", "https://itsm.EXAMPLE.com/api/now/table/incident"),
        ] {
            let policy = policy("").for_instance(instance);
            let allowed = policy.check(&Method::GET, &uri.parse().unwrap()).unwrap();
            assert!(allowed.uri.to_string().starts_with(policy.instance.as_str()), "{instance} {uri} {}", allowed.uri);
        }
    }

    impl Policy {
        fn for_instance(self, instance: &str) -> Self {
            Self { instance: Origin::parse(instance).unwrap(), ..self }
        }
    }

    #[test]
    fn the_token_service_is_reachable_only_for_a_guest_that_obtains_tokens_itself() {
        let uri: Uri = "https://dev1.service-now.com/oauth_token.do".parse().unwrap();
        let grant = policy("credential = \"grant\"");
        assert_eq!(grant.check(&Method::POST, &uri).map(|allowed| allowed.target), Ok(Target::TokenService));
        for path in ["/api/now/v1/batch/../../../../oauth_token.do", "/%2e%2e/oauth_token.do", "/x/../oauth_token.do"] {
            assert!(!allows(&grant, "POST", &format!("https://dev1.service-now.com{path}")), "{path}");
        }
        assert!(grant.check(&Method::GET, &uri).is_err());
        assert!(policy("credential = \"header\"").check(&Method::POST, &uri).is_err());
    }

    #[test]
    fn an_authorization_s_own_list_replaces_the_default() {
        let policy = policy("allowed-calls = [\"GET /api/now/table/incident\", \"POST /api/x_acme/flow/\"]");
        for (method, path, allowed) in [
            ("GET", "/api/now/table/incident", true),
            ("POST", "/api/now/table/incident", false),
            ("POST", "/api/x_acme/flow", true),
            ("POST", "/api/x_acme/flow/v1", true),
            ("POST", "/api/x_acme/flowers", false),
            ("GET", "/api/now/table/sys_choice", false),
        ] {
            assert_eq!(
                allows(&policy, method, &format!("https://dev1.service-now.com{path}")),
                allowed,
                "{method} {path}"
            );
        }
        let wide = "POST /api/now".parse().unwrap();
        let wide = Policy { calls: [wide].into(), ..policy };
        assert!(allows(&wide, "POST", "https://dev1.service-now.com/api/now/import/x"));
        assert!(!allows(&wide, "POST", "https://dev1.service-now.com/api/now/v1/batch"), "it tunnels any path");
    }

    #[test]
    fn a_denial_says_what_to_add() {
        let policy = policy("");
        for (uri, says) in [
            ("https://evil.example/x", "instance = \"https://evil.example\""),
            (
                "https://dev1.service-now.com/api/now/table/problem",
                "add \"GET /api/now/table/problem\" to allowed-calls",
            ),
            ("https://dev1.service-now.com/api/now/v1/batch", "nothing would allow it"),
        ] {
            let denied = policy.check(&Method::GET, &uri.parse().unwrap()).unwrap_err().to_string();
            assert!(denied.contains(says), "{denied}");
        }
    }
}

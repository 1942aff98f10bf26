//! The calls that an authorization allows: methods and a path each, and the sets of them that the components need.

use http::Method;
use std::fmt;
use std::str::FromStr;

/// The calls that the incident node makes, and no more: what an authorization allows that names none.
const INCIDENT_CALLS: [&str; 3] =
    ["GET,POST,PATCH /api/now/table/incident", "GET /api/now/table/sys_choice", "GET /api/now/table/sys_dictionary"];

/// What events need beside it: journals, the tables of the task family, those of records that columns refer to, and the user's time
/// zone.
const EVENT_CALLS: [&str; 15] = [
    "GET /api/now/table/sys_journal_field",
    "GET /api/now/table/task",
    "GET /api/now/table/sc_request",
    "GET /api/now/table/sc_req_item",
    "GET /api/now/table/sc_task",
    "GET /api/now/table/change_request",
    "GET /api/now/table/problem",
    "GET /api/now/table/sys_user",
    "GET /api/now/table/sys_user_group",
    "GET /api/now/table/cmdb_ci",
    "GET /api/now/table/cmdb_ci_service",
    "GET /api/now/table/service_offering",
    "GET /api/now/table/core_company",
    "GET /api/now/table/cmn_location",
    "GET /api/now/table/sys_properties?name=glide.sys.default.tz",
];

/// What setting an instance up needs. An authorization for it is best one of its own.
const PROVISIONING_CALLS: [&str; 7] = [
    "GET,POST,PATCH /api/now/table/incident",
    "GET,POST,PATCH,DELETE /api/now/table/sys_properties",
    "GET,POST,PATCH,DELETE /api/now/table/sys_script",
    "GET,POST,PATCH,DELETE /api/now/table/sys_script_include",
    "GET,POST,PATCH,DELETE /api/now/table/sys_ui_action",
    "GET /api/now/table/sys_outbound_http_log",
    "GET /api/now/table/sys_outbound_rest_message_log",
];

/// The segment that is never reached, whatever is allowed: the batch API tunnels any other path.
const BATCH: &str = "batch";

/// How a call ends that reads one property.
const BY_NAME: &str = "/sys_properties?name=";

/// Methods, and what the path must start with: `GET,POST /api/now/table/incident`. Properties hold secrets, so they are read by
/// their names: `GET /api/now/table/sys_properties?name=glide.sys.default.tz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedCall {
    methods: Vec<Method>,
    path: String,
    /// The one property that may be read.
    property: Option<String>,
}

/// Why a text is no allowed call.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no allowed call; give methods and a path, such as \"GET,POST /api/now/table/incident\", or one of the sets \
     incidents, events and provisioning"
)]
pub struct NotACall(String);

impl AllowedCall {
    /// The calls that the incident node makes.
    pub fn defaults() -> Vec<Self> {
        Self::all(&INCIDENT_CALLS)
    }

    /// The calls of a set, by its name.
    pub fn set(name: &str) -> Option<Vec<Self>> {
        match name {
            "incidents" => Some(Self::all(&INCIDENT_CALLS)),
            "events" => Some(Self::all(&EVENT_CALLS)),
            "provisioning" => Some(Self::all(&PROVISIONING_CALLS)),
            _ => None,
        }
    }

    fn all(calls: &[&str]) -> Vec<Self> {
        calls.iter().filter_map(|call| call.parse().ok()).collect()
    }

    /// Whether this call lets properties be read by this condition.
    pub fn allows_property(&self, condition: &str) -> bool {
        self.property.as_deref().is_some_and(|name| condition.strip_prefix("name=") == Some(name))
    }

    /// A path is allowed with everything below it.
    pub fn allows(&self, method: &Method, path: &str) -> bool {
        self.methods.contains(method) && self.is_above(path)
    }

    /// Whether a path is this one, or below it.
    pub fn is_above(&self, path: &str) -> bool {
        let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        path.strip_prefix(&self.path).is_some_and(is_below)
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for AllowedCall {
    type Err = NotACall;

    fn from_str(text: &str) -> Result<Self, NotACall> {
        let wrong = || NotACall(text.to_string());
        let (methods, path) = text.split_once(' ').ok_or_else(wrong)?;
        let (path, property) = match path.split_once(BY_NAME) {
            Some((_, name)) => (&path[..path.len() - name.len() - "?name=".len()], Some(name.to_string())),
            None => (path, None),
        };
        let is_name = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if property.as_ref().is_some_and(|name| methods != "GET" || !is_name(name)) {
            return Err(wrong());
        }
        let method = |name: &str| {
            [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE]
                .into_iter()
                .find(|known| known == name)
        };
        let methods: Option<Vec<_>> = methods.split(',').map(method).collect();
        let path = path.strip_suffix('/').unwrap_or(path);
        let methods = methods.filter(|_| is_plain(path) && !is_batch(path)).ok_or_else(wrong)?;
        Ok(Self { methods, path: path.to_string(), property })
    }
}

impl fmt::Display for AllowedCall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.methods.iter().map(Method::as_str).collect();
        write!(out, "{} {}", methods.join(","), self.path)?;
        self.property.iter().try_for_each(|name| write!(out, "?name={name}"))
    }
}

/// Whether every segment is a plain name: no server can read it as another path.
pub fn is_plain(path: &str) -> bool {
    let is_name = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_name))
}

/// Whether a path is the batch API.
pub fn is_batch(path: &str) -> bool {
    path.split('/').any(|segment| segment.eq_ignore_ascii_case(BATCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_call_is_methods_and_a_plain_path() {
        for call in INCIDENT_CALLS.iter().chain(&EVENT_CALLS).chain(&PROVISIONING_CALLS) {
            assert_eq!(AllowedCall::from_str(call).unwrap().to_string(), *call);
        }
        for bad in [
            "",
            "GET",
            "GET ",
            "GET /",
            "FETCH /api",
            "GET api",
            "GET /a/../b",
            "GET /a%2e",
            "POST /api/now/v1/batch",
            "GET  /api",
            "GET /api/now/table/sys_properties?name=",
            "GET /api/now/table/sys_properties?name=a^ORname=b",
            "PATCH /api/now/table/sys_properties?name=a",
        ] {
            assert_eq!(AllowedCall::from_str(bad), Err(NotACall(bad.to_string())));
        }
    }
}

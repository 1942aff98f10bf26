//! Which request is for what, and who may make it.

use crate::inputs::Method;
use crate::reply::Reply;
use servicenow_core::secret::is_secret;

/// The variable with the token that every request but a delivery must carry.
pub const TOKEN: &str = "SIDECAR_TOKEN";

/// The variable with the address that deliveries are forwarded to as CloudEvents.
pub const SINK: &str = "SIDECAR_CLOUDEVENTS_SINK";

/// The header with the secret of a delivery.
pub const CALLBACK_SECRET: &str = "x-callback-secret";

/// What begins the address of a method.
const METHODS: &str = "/v1/";

/// What begins the address that an instance delivers to; the authorization's name follows.
const CALLBACKS: &str = "/v1/callbacks/";

/// A request, but for its body.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The one value of a header. Several are none: which one counts would be anybody's guess.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }
}

/// Where it is asked whether the server is there. It tells nothing, so that it takes no token.
pub const HEALTH: &str = "/health";

/// What a request is for.
#[derive(Debug, PartialEq)]
pub enum Route {
    /// Whether the server is there.
    Health,
    /// The node's description.
    Manifest,
    /// The description of this server.
    OpenApi,
    /// A call.
    Call(Method),
    /// A delivery for an authorization.
    Callback(String),
}

/// Finds what a request is for, and refuses who may not make it.
pub fn route(head: &Head, token: Option<&str>) -> Result<Route, Reply> {
    let path = head.path.split('?').next().unwrap_or_default();
    let called = || path.strip_prefix(METHODS).and_then(Method::named);
    let (route, method) = match (path, path.strip_prefix(CALLBACKS)) {
        (HEALTH, _) => (Route::Health, "GET"),
        ("/openapi.json", _) => (Route::OpenApi, "GET"),
        ("/v1/manifest", _) => (Route::Manifest, "GET"),
        (_, Some(authorization)) => (Route::Callback(authorization.to_string()), "POST"),
        (path, None) => match called() {
            Some(method) => (Route::Call(method), "POST"),
            None => return authorized(head, token).and(Err(not_found(path))),
        },
    };
    // A delivery is authenticated by its own secret, which the instance has and the token it has not.
    if !matches!(route, Route::Callback(_) | Route::Health) {
        authorized(head, token)?;
    }
    if head.method != method {
        let detail = format!("{path} takes {method}, and this was {}", head.method);
        return Err(Reply::problem(405, "Method Not Allowed", &detail).with("allow", method));
    }
    Ok(route)
}

/// The secret that a delivery came with.
pub fn callback_secret(head: &Head) -> Result<&str, Reply> {
    head.header(CALLBACK_SECRET).ok_or_else(unauthentic)
}

/// A delivery that nobody vouches for.
pub fn unauthentic() -> Reply {
    let detail = format!("send the authorization's callback secret in {CALLBACK_SECRET}, once");
    Reply::problem(401, "Unauthorized", &detail).with("www-authenticate", "X-Callback-Secret")
}

/// A path that leads nowhere.
fn not_found(path: &str) -> Reply {
    let detail = format!("there is no {path}; /openapi.json lists what there is");
    Reply::problem(404, "Not Found", &detail)
}

fn authorized(head: &Head, token: Option<&str>) -> Result<(), Reply> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        let detail = format!("the server has no token to compare with: set {TOKEN}");
        return Err(Reply::problem(503, "Service Unavailable", &detail));
    };
    if token.trim() != token || token.chars().any(char::is_control) {
        let detail = format!("{TOKEN} holds a line break, or blanks at its ends, which no header can");
        return Err(Reply::problem(503, "Service Unavailable", &detail));
    }
    let presented = head.header("authorization").and_then(|value| value.split_once(' '));
    match presented {
        Some((scheme, presented)) if scheme.eq_ignore_ascii_case("bearer") && is_secret(token, presented) => Ok(()),
        _ => Err(Reply::problem(401, "Unauthorized", "send the header Authorization: Bearer with the server's token")
            .with("www-authenticate", "Bearer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, path: &str, authorization: &[&str]) -> Head {
        let header = |value: &&str| ("authorization".to_string(), (*value).to_string());
        Head { method: method.to_string(), path: path.to_string(), headers: authorization.iter().map(header).collect() }
    }

    #[test]
    fn each_address_has_its_method() {
        for (method, path, expected) in [
            ("GET", "/health", Ok(Route::Health)),
            ("POST", "/health", Err(405)),
            ("GET", "/v1/manifest", Ok(Route::Manifest)),
            ("GET", "/openapi.json?pretty", Ok(Route::OpenApi)),
            ("POST", "/v1/create", Ok(Route::Call(Method::Create))),
            ("POST", "/v1/callbacks/main", Ok(Route::Callback("main".to_string()))),
            ("GET", "/v1/create", Err(405)),
            ("POST", "/v1/manifest", Err(405)),
            ("GET", "/", Err(404)),
            ("GET", "/v2/create", Err(404)),
            ("GET", "/v1/delete", Err(404)),
            ("POST", "/v1/delete", Err(404)),
            ("POST", "/v1/create/", Err(404)),
        ] {
            let routed = route(&head(method, path, &["Bearer secret"]), Some("secret")).map_err(|reply| reply.status);
            assert_eq!(routed, expected, "{method} {path}");
        }
    }

    #[test]
    fn a_delivery_comes_with_one_secret() {
        let secret = |values: &[&str]| {
            let header = |value: &&str| (CALLBACK_SECRET.to_string(), (*value).to_string());
            let head = Head { headers: values.iter().map(header).collect(), ..Head::default() };
            callback_secret(&head).map(str::to_string).map_err(|reply| reply.status)
        };
        assert_eq!(secret(&["a"]), Ok("a".to_string()));
        assert_eq!(secret(&[]), Err(401));
        assert_eq!(secret(&["a", "a"]), Err(401));
    }

    #[test]
    fn nothing_but_a_delivery_and_health_goes_without_the_token() {
        for (given, token, status) in [
            (&[][..], Some("secret"), 401),
            (&["Bearer wrong"], Some("secret"), 401),
            (&["Bearer secret "], Some("secret"), 401),
            (&["Basic secret"], Some("secret"), 401),
            (&["Bearer secret", "Bearer secret"], Some("secret"), 401),
            (&["Bearer "], Some(""), 503),
            (&["Bearer secret"], Some("secret\n"), 503),
            (&["Bearer secret"], None, 503),
        ] {
            for path in ["/v1/create", "/v1/manifest", "/openapi.json", "/nowhere"] {
                let refused = route(&head("POST", path, given), token).map_err(|reply| reply.status);
                assert_eq!(refused, Err(status), "{path} {given:?} {token:?}");
            }
            let delivery = route(&head("POST", "/v1/callbacks/main", given), token);
            assert_eq!(delivery, Ok(Route::Callback("main".to_string())));
        }
        assert_eq!(route(&head("GET", HEALTH, &[]), None), Ok(Route::Health));
        let spelled = route(&head("POST", "/v1/get", &["bearer secret"]), Some("secret"));
        assert_eq!(spelled, Ok(Route::Call(Method::Get)));
    }
}

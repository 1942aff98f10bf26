//! The token endpoint, `/oauth_token.do`.

use super::answer::{Answer, json};
use super::{Instance, assertion, lock};
use base64::prelude::{BASE64_STANDARD, Engine};
use http::{HeaderMap, header};
use serde_json::{Map, json};
use std::collections::HashMap;
use std::time::SystemTime;
use url::form_urlencoded;

/// Where it is.
pub const PATH: &str = "/oauth_token.do";

/// Where tokens are revoked.
pub const REVOKE_PATH: &str = "/oauth_revoke_token.do";

/// Answers a request for a token.
pub fn token(instance: &Instance, headers: &HeaderMap, body: &[u8]) -> Answer {
    let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let settings = instance.settings().clone();
    let (id, secret) = match basic(headers) {
        Some(pair) => pair,
        None => (field("client_id").to_string(), field("client_secret").to_string()),
    };
    let named = settings.may_name_token_errors;
    if id != settings.client_id || secret != settings.client_secret {
        return if named { known(401, "invalid_client") } else { refused() };
    }
    let mut tokens = lock(&instance.tokens);
    let sent = field("refresh_token");
    let refresh_token = match field("grant_type") {
        "client_credentials" if !settings.client_credentials_enabled => return refused(),
        "client_credentials" if !settings.has_application_user => {
            let description = "OAuth Application User is not configured for the client";
            return json(400, &json!({"error_description": description, "error": "unauthorized_client"}));
        }
        "client_credentials" => settings.may_refresh_client_credentials.then(|| tokens.refresh(None)),
        "password" if field("username") == settings.username && field("password") == settings.password => {
            Some(tokens.refresh(None))
        }
        "refresh_token" if tokens.is_refresh(sent) => {
            settings.may_rotate_refresh_token.then(|| tokens.refresh(Some(sent)))
        }
        assertion::GRANT_TYPE if assertion::is_accepted(&settings, field("assertion"), SystemTime::now()) => None,
        "password" | "refresh_token" | assertion::GRANT_TYPE if named => return known(401, "invalid_grant"),
        _ if named => return known(400, "unsupported_grant_type"),
        _ => return refused(),
    };
    let (access_token, expires_in) = tokens.access(settings.token_life);
    // In the order that captures show.
    let mut answer = Map::from_iter([("access_token".to_string(), access_token.into())]);
    answer.extend(refresh_token.map(|token| ("refresh_token".to_string(), token.into())));
    answer.extend([
        ("scope".to_string(), "useraccount".into()),
        ("token_type".to_string(), "Bearer".into()),
        ("expires_in".to_string(), expires_in.into()),
    ]);
    json(200, &answer.into())
}

/// The answer to nearly every mistake: the cause stands in the instance's own log alone.
fn refused() -> Answer {
    json(401, &json!({"error_description": "access_denied", "error": "server_error"}))
}

/// The answer of an endpoint that says what was wrong.
fn known(status: u16, error: &str) -> Answer {
    json(status, &json!({"error_description": "access_denied", "error": error}))
}

/// Makes a token invalid: no credentials are asked for (docs/servicenow-api.md 1.1).
pub fn revoke(instance: &Instance, query: &str, body: &[u8]) -> Answer {
    let sent = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(body));
    sent.filter(|(name, _)| name == "token").for_each(|(_, token)| lock(&instance.tokens).revoke(&token));
    json(200, &json!({}))
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
    pair.split_once(':').map(|(id, secret)| (id.to_string(), secret.to_string()))
}

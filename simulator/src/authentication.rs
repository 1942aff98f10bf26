//! Who is calling: a bearer token, a user and password, or an API key.

use super::access::Caller;
use super::answer::{Answer, error};
use super::{Instance, Settings, lock};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use http::{HeaderMap, header};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The access and refresh tokens given out.
#[derive(Default)]
pub struct Tokens {
    access: Vec<(String, Instant)>,
    refresh: Vec<String>,
    sessions: HashMap<String, String>,
}

impl Tokens {
    /// The current access token and the seconds it has left: asking again within its life returns the same one.
    pub fn access(&mut self, life: u64) -> (String, u64) {
        let now = Instant::now();
        if let Some((token, expires)) = self.access.last().filter(|(_, expires)| *expires > now) {
            return (token.clone(), expires.duration_since(now).as_secs());
        }
        let token = random();
        self.access.push((token.clone(), now + Duration::from_secs(life)));
        (token, life)
    }

    /// A new refresh token. Those given out before stay good, unless they are `replaced`.
    pub fn refresh(&mut self, replaced: Option<&str>) -> String {
        let token = random();
        self.refresh.retain(|known| Some(known.as_str()) != replaced);
        self.refresh.push(token.clone());
        token
    }

    /// Whether this is a refresh token that was given out.
    pub fn is_refresh(&self, token: &str) -> bool {
        self.refresh.iter().any(|known| known == token)
    }

    /// Makes one token invalid, of either kind.
    pub fn revoke(&mut self, token: &str) {
        self.access.retain(|(known, _)| known != token);
        self.refresh.retain(|known| known != token);
    }

    /// The session of a user. There is one for each, so that memory does not grow by sessions.
    pub fn session(&mut self, user_name: &str) -> String {
        let session = self.sessions.entry(user_name.to_string());
        session.or_insert_with(|| uuid::Uuid::new_v4().simple().to_string().to_uppercase()).clone()
    }

    fn user_of(&self, session: &str) -> Option<String> {
        self.sessions.iter().find(|(_, known)| *known == session).map(|(user, _)| user.clone())
    }

    /// Makes all access tokens invalid.
    pub fn clear(&mut self) {
        self.access.clear();
    }

    fn is_valid(&self, token: &str) -> bool {
        self.access.iter().any(|(known, expires)| known == token && *expires > Instant::now())
    }
}

/// An opaque token of some 86 characters, as instances give out.
fn random() -> String {
    let bytes: Vec<u8> = (0..4).flat_map(|_| uuid::Uuid::new_v4().into_bytes()).collect();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Who makes a request.
pub fn check(instance: &Instance, headers: &HeaderMap) -> Result<Caller, Box<Answer>> {
    let settings = instance.settings();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let user_name = match text(header::AUTHORIZATION.as_str()).and_then(|value| value.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            if !lock(&instance.tokens).is_valid(token) {
                return Err(unauthenticated());
            }
            if settings.is_securely_scoped {
                return Err(Box::new(error(403, "User Not Authorized", "Access to unscoped api is not allowed")));
            }
            Some(settings.username.clone())
        }
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => {
            user(&settings, pair).filter(|_| !settings.refuses_basic)
        }
        _ if text("x-sn-apikey").is_some() => {
            (text("x-sn-apikey") == Some(&settings.api_key)).then(|| settings.username.clone())
        }
        // A session that was opened before lets in without credentials (docs/servicenow-api.md 1.5).
        _ => session(headers).and_then(|session| lock(&instance.tokens).user_of(session)),
    };
    drop(settings);
    user_name.and_then(|user_name| Caller::of(&instance.store(), &user_name)).ok_or_else(unauthenticated)
}

fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == "JSESSIONID").map(|(_, value)| value)
}

/// The user whose name and password these are.
fn user(settings: &Settings, pair: &str) -> Option<String> {
    let pair = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
    let (name, password) = pair.split_once(':')?;
    let known = settings.users.iter().find(|user| user.name == name && user.password == password);
    let integration = (name, password) == (&settings.username, &settings.password);
    (integration || known.is_some()).then(|| name.to_string())
}

fn unauthenticated() -> Box<Answer> {
    Box::new(error(401, "User is not authenticated", "Required to provide Auth information"))
}

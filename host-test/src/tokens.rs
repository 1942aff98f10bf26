//! The token service: access tokens, fetched natively and shared by all calls of an authorization.
//!
//! One fetch at a time per authorization, in a task of its own: a call that runs out of time does not take the fetch
//! away from the others.

use crate::authorizations::{Authorization, Authorizations, Client, Grant};
use crate::bindings::servicenow::plugin::credentials::{GrantType, Refusal, TokenInfo, UnreachableReason};
use crate::egress::{Clients, Sent};
use crate::secret::Secret;
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Limited};
use servicenow_component::bindings::credentials as guest;
use servicenow_component::host::Response;
use servicenow_component::servicenow::oauth;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;
use url::form_urlencoded;
use wasmtime_wasi_http::Error;

/// A fetch is given up after this, however long the calls that wait for it may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// A token is renewed when a tenth of its life is left, and at most this long before its end.
const MAX_RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// The life of a token whose answer names none. ServiceNow's default is 1800 s; a shorter guess costs one more fetch.
const ASSUMED_LIFE: Duration = Duration::from_secs(300);

/// A token answer is below 1 KB, or a few KB with a JWT.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// A credential, ready to be sent.
#[derive(Clone)]
pub struct Access {
    /// The header's name.
    pub name: HeaderName,
    /// The header's value.
    pub value: Secret,
    /// What is known of the token; `None` for a credential that is no token of ours.
    pub scope: Option<String>,
    expires: Option<Instant>,
    obtained: Instant,
    /// Counts the tokens of an authorization, so that only the token that was refused is dropped.
    pub generation: u64,
}

/// Why there is no credential.
#[derive(Clone, Debug)]
pub enum NoAccess {
    /// The token service refused, or the stored credential is no longer accepted.
    Refused(Refusal),
    /// The token service could not be asked.
    Unreachable(UnreachableReason),
    /// The deadline passed.
    Timeout,
}

type Fetched = Result<Access, NoAccess>;

/// The tokens of all authorizations.
#[derive(Clone)]
pub struct Tokens {
    slots: Arc<HashMap<String, Arc<Slot>>>,
    clients: Clients,
}

struct Slot {
    name: String,
    authorization: Authorization,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Access>,
    fetching: Option<watch::Receiver<Option<Fetched>>>,
    refresh_token: Option<Secret>,
    generation: u64,
}

impl Access {
    /// What the guest is told of the token.
    pub fn info(&self) -> Option<TokenInfo> {
        let left = self.expires.map(|at| at.saturating_duration_since(Instant::now()).as_secs());
        let expires_in = left.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
        (self.scope.is_some() || expires_in.is_some()).then(|| TokenInfo { scope: self.scope.clone(), expires_in })
    }

    /// The header's value, marked so that no log shows it.
    pub fn header_value(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(self.value.expose()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn is_valid(&self) -> bool {
        self.expires.is_none_or(|at| Instant::now() < at)
    }

    fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|at| {
            let margin = (at.saturating_duration_since(self.obtained) / 10).min(MAX_RENEWAL_MARGIN);
            Instant::now() + margin < at
        })
    }
}

impl Tokens {
    /// The tokens of these authorizations; none is fetched before it is asked for.
    pub fn new(authorizations: &Authorizations, clients: Clients) -> Self {
        let slot = |(name, authorization): (&String, &Authorization)| {
            let slot = Slot { name: name.clone(), authorization: authorization.clone(), state: Mutex::default() };
            (name.clone(), Arc::new(slot))
        };
        Self { slots: Arc::new(authorizations.iter().map(slot).collect()), clients }
    }

    /// The current credential of an authorization, fetched if there is none. `None` for an unknown name.
    pub async fn get(&self, authorization: &str, deadline: Instant) -> Option<Fetched> {
        let slot = self.slots.get(authorization)?;
        if let Some(access) = fixed(&slot.authorization.grant) {
            return Some(Ok(access));
        }
        let mut fetching = match self.current_or_fetch(slot) {
            Ok(access) => return Some(Ok(access)),
            Err(fetching) => fetching,
        };
        let fetched = tokio::time::timeout_at(deadline.into(), fetching.wait_for(Option::is_some)).await;
        Some(match fetched {
            Ok(Ok(fetched)) => fetched.clone().unwrap_or(Err(NoAccess::Timeout)),
            // The task ended without a word.
            Ok(Err(_)) => Err(NoAccess::Unreachable(UnreachableReason::Lost)),
            Err(_) => Err(NoAccess::Timeout),
        })
    }

    /// A credential after ServiceNow refused the one of this generation.
    pub async fn refused(&self, authorization: &str, generation: u64, deadline: Instant) -> Option<Fetched> {
        let slot = self.slots.get(authorization)?;
        if fixed(&slot.authorization.grant).is_some() {
            let description = "the stored credential is no longer accepted; store a new one";
            return Some(Err(refusal(grant_type(&slot.authorization.grant), Some(401), "", description)));
        }
        slot.lock().current.take_if(|current| current.generation == generation);
        self.get(authorization, deadline).await
    }

    fn current_or_fetch(&self, slot: &Arc<Slot>) -> Result<Access, watch::Receiver<Option<Fetched>>> {
        let mut state = slot.lock();
        if let Some(access) = state.current.as_ref().filter(|access| access.is_fresh()) {
            return Ok(access.clone());
        }
        // A fetch whose task is gone, with its runtime for instance, is no fetch.
        if let Some(fetching) = state.fetching.as_ref().filter(|fetching| fetching.has_changed().is_ok()) {
            return Err(fetching.clone());
        }
        let (done, fetching) = watch::channel(None);
        state.fetching = Some(fetching.clone());
        drop(state);
        let (slot, clients) = (Arc::clone(slot), self.clients.clone());
        tokio::spawn(async move {
            let fetched = timeout(FETCH_TIMEOUT, slot.fetch(&clients)).await.unwrap_or(Err(NoAccess::Timeout));
            let fetched = slot.keep(fetched);
            // Nobody may be waiting any more; the token is kept all the same.
            let _ = done.send(Some(fetched));
        });
        Err(fetching)
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, fetched: Result<Answer, NoAccess>) -> Fetched {
        let mut state = self.lock();
        state.fetching = None;
        let answer = match fetched {
            Ok(answer) => answer,
            // An early renewal that failed: the token at hand is still good.
            Err(error) => return state.current.clone().filter(Access::is_valid).ok_or(error),
        };
        if let Some(rotated) = answer.refresh_token {
            state.refresh_token = Some(rotated);
        }
        state.generation += 1;
        let access = Access { generation: state.generation, ..answer.access };
        state.current = Some(access.clone());
        Ok(access)
    }

    async fn fetch(&self, clients: &Clients) -> Result<Answer, NoAccess> {
        let grant_type = grant_type(&self.authorization.grant);
        let request =
            self.request().ok_or_else(|| refusal(grant_type, None, "", "the authorization has no token to fetch"))?;
        let response =
            clients.send(&self.name, request, &Sent::default()).await.map_err(|error| unreachable(&error))?;
        let status = response.status().as_u16();
        let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let headers = media_type.map(|value| ("content-type".to_string(), value.to_string())).into_iter().collect();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|_| NoAccess::Unreachable(UnreachableReason::Lost))?.to_bytes().into();
        take(&Response { status, headers, body }, grant_type)
    }

    fn request(&self) -> Option<Request<Bytes>> {
        let rotated = self.lock().refresh_token.clone();
        let mut form = form_urlencoded::Serializer::new(String::new());
        let client_into = |form: &mut form_urlencoded::Serializer<'_, String>, client: &Client| {
            form.append_pair("client_id", &client.id).append_pair("client_secret", client.secret.expose());
            if let Some(scope) = &client.scope {
                form.append_pair("scope", scope);
            }
        };
        let url = match &self.authorization.grant {
            Grant::ClientCredentials(client) => {
                client_into(form.append_pair("grant_type", "client_credentials"), client);
                &self.authorization.token_url
            }
            Grant::Password { client, username, password } => {
                client_into(form.append_pair("grant_type", "password"), client);
                form.append_pair("username", username).append_pair("password", password.expose());
                &self.authorization.token_url
            }
            Grant::RefreshToken { client, refresh_token } => {
                client_into(form.append_pair("grant_type", "refresh_token"), client);
                form.append_pair("refresh_token", rotated.as_ref().unwrap_or(refresh_token).expose());
                &self.authorization.refresh_url
            }
            Grant::Bearer(_) | Grant::Basic { .. } | Grant::ApiKey(_) => return None,
        };
        Request::post(url.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(Bytes::from(form.finish()))
            .ok()
    }
}

struct Answer {
    access: Access,
    refresh_token: Option<Secret>,
}

/// Takes over a token answer, which the component's own core reads.
fn take(answer: &Response, grant_type: GrantType) -> Result<Answer, NoAccess> {
    let token = oauth::read(answer, guest_grant_type(grant_type)).map_err(|denied| match denied {
        oauth::Denied::Unreachable(reason) => NoAccess::Unreachable(host_reason(reason)),
        oauth::Denied::Refused(refused) => {
            let description = match grant_type {
                GrantType::RefreshToken => "the refresh token expired or was revoked: reconnect",
                _ => refused.description.as_str(),
            };
            refusal(grant_type, refused.status, &refused.error, description)
        }
    })?;
    let life = token.info.expires_in.map_or(ASSUMED_LIFE, |seconds| Duration::from_secs(seconds.into()));
    let obtained = Instant::now();
    Ok(Answer {
        access: Access {
            name: header::AUTHORIZATION,
            value: Secret::new(token.authorization),
            scope: token.info.scope,
            expires: obtained.checked_add(life),
            obtained,
            generation: 0,
        },
        refresh_token: token.refresh_token.map(Secret::new),
    })
}

fn guest_grant_type(grant_type: GrantType) -> guest::GrantType {
    match grant_type {
        GrantType::ClientCredentials => guest::GrantType::ClientCredentials,
        GrantType::Password => guest::GrantType::Password,
        GrantType::RefreshToken => guest::GrantType::RefreshToken,
        GrantType::Bearer => guest::GrantType::Bearer,
        GrantType::Basic => guest::GrantType::Basic,
        GrantType::ApiKey => guest::GrantType::ApiKey,
    }
}

fn host_reason(reason: guest::UnreachableReason) -> UnreachableReason {
    match reason {
        guest::UnreachableReason::Dns => UnreachableReason::Dns,
        guest::UnreachableReason::Connect => UnreachableReason::Connect,
        guest::UnreachableReason::Tls => UnreachableReason::Tls,
        guest::UnreachableReason::Lost => UnreachableReason::Lost,
        guest::UnreachableReason::DeniedByHost => UnreachableReason::DeniedByHost,
        guest::UnreachableReason::Hibernating => UnreachableReason::Hibernating,
        guest::UnreachableReason::NotJson => UnreachableReason::NotJson,
        guest::UnreachableReason::RateLimited => UnreachableReason::RateLimited,
        guest::UnreachableReason::ServerError => UnreachableReason::ServerError,
    }
}

/// A credential that needs no token service.
fn fixed(grant: &Grant) -> Option<Access> {
    let (name, value) = match grant {
        Grant::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {}", token.expose())),
        Grant::Basic { username, password } => {
            let pair = Secret::new(format!("{username}:{}", password.expose()));
            (header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(pair.expose())))
        }
        Grant::ApiKey(key) => (HeaderName::from_static("x-sn-apikey"), key.expose().to_string()),
        Grant::ClientCredentials(_) | Grant::Password { .. } | Grant::RefreshToken { .. } => return None,
    };
    let obtained = Instant::now();
    Some(Access { name, value: Secret::new(value), scope: None, expires: None, obtained, generation: 0 })
}

/// The kind of a grant, as the guest is told it.
pub fn grant_type(grant: &Grant) -> GrantType {
    match grant {
        Grant::ClientCredentials(_) => GrantType::ClientCredentials,
        Grant::Password { .. } => GrantType::Password,
        Grant::RefreshToken { .. } => GrantType::RefreshToken,
        Grant::Bearer(_) => GrantType::Bearer,
        Grant::Basic { .. } => GrantType::Basic,
        Grant::ApiKey(_) => GrantType::ApiKey,
    }
}

fn refusal(grant_type: GrantType, status: Option<u16>, error: &str, description: &str) -> NoAccess {
    let (error, description) = (error.to_string(), description.to_string());
    NoAccess::Refused(Refusal { grant_type, status, error, description })
}

fn unreachable(error: &Error) -> NoAccess {
    NoAccess::Unreachable(match error {
        Error::DnsError { .. } => UnreachableReason::Dns,
        Error::TlsCertificateError => UnreachableReason::Tls,
        Error::ConnectionRefused => UnreachableReason::Connect,
        _ => UnreachableReason::Lost,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(expires_in: &str) -> Access {
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer"{expires_in}}}"#).into_bytes();
        let headers = vec![("content-type".to_string(), "application/json".to_string())];
        take(&Response { status: 200, headers, body }, GrantType::ClientCredentials).ok().unwrap().access
    }

    #[test]
    fn a_token_lives_as_long_as_its_answer_says_or_as_long_as_is_safe_to_assume() {
        for (expires_in, seconds) in
            [(r#","expires_in":1799"#, 1799), (r#","expires_in":"1799""#, 1799), (r#","expires_in":3"#, 3), ("", 300)]
        {
            let access = access(expires_in);
            assert_eq!(access.expires, Some(access.obtained + Duration::from_secs(seconds)), "{expires_in}");
            assert!(access.is_fresh(), "{expires_in}");
        }
    }

    #[test]
    fn a_token_is_renewed_when_a_tenth_of_its_life_is_left() {
        let mut access = access(r#","expires_in":100"#);
        for (age, fresh) in [(0, true), (89, true), (91, false), (200, false)] {
            let obtained = Instant::now() - Duration::from_secs(age);
            (access.obtained, access.expires) = (obtained, Some(obtained + Duration::from_secs(100)));
            assert_eq!(access.is_fresh(), fresh, "after {age} s of 100");
        }
    }
}

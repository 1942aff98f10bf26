//! One exchange with the token service: the request that a grant makes, and what its answer gives.
//!
//! The answer is read by the component's own core: one idea, one place.

use super::assertion;
use super::credential::{IssuedCredential, NoCredential, grant_type, refusal};
use crate::authorizations::{Authorization, Client, Grant};
use crate::bindings::servicenow::plugin::credentials::{GrantType, UnreachableReason};
use crate::egress::{Clients, Sent, unreachable_reason};
use crate::secret::Secret;
use crate::secrets::TooMany;
use crate::telemetry::ExchangeSpan;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Limited};
use servicenow_core::bindings::credentials as guest;
use servicenow_core::host::Response;
use servicenow_core::servicenow::oauth;
use std::time::{Duration, Instant, SystemTime};
use tracing::{Instrument, Span};
use url::form_urlencoded;

/// The life of a token whose answer names none. ServiceNow's default is 1800 s; a shorter guess costs one more fetch.
const ASSUMED_LIFE: Duration = Duration::from_secs(300);

/// A token is used for this long whatever life its answer names: a service that names none worth the name would be asked with
/// every call.
const MIN_LIFE: Duration = Duration::from_secs(10);

/// A token answer is below 1 KB, or a few KB with a JWT.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The scopes of a client are a few words; a longer text is not shown.
const MAX_SCOPE: usize = 1_000;

/// A fetch is given up after this, however long the calls that wait for it may take: a token comes within a second, and
/// while a fetch hangs nobody can start another.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// What a token service gave.
pub struct Answer {
    /// The credential.
    pub credential: IssuedCredential,
    /// A refresh token that replaces the last.
    pub refresh_token: Option<Secret>,
}

/// Fetches a token. `rotated` is the refresh token that the last answer brought.
pub async fn fetch(
    name: &str,
    authorization: &Authorization,
    rotated: Option<Secret>,
    clients: &Clients,
) -> Result<Answer, NoCredential> {
    let grant_type = grant_type(&authorization.grant);
    let request = request(authorization, rotated)
        .ok_or_else(|| refusal(grant_type, None, "", "the authorization has no token to fetch"))?;
    let route = request.uri().path().to_string();
    let exchange = ExchangeSpan::begin(&Span::none(), request.method(), request.uri(), route);
    let (sent, deadline) = (Sent::default(), Instant::now() + FETCH_TIMEOUT);
    let sending = clients.send(name, request, &sent, deadline);
    let response = sending.instrument(exchange.span.clone()).await;
    exchange.end(response.as_ref().map(|answer| answer.response.status().as_u16()));
    let response = response.map_err(|error| NoCredential::Unreachable(unreachable_reason(&error)))?;
    let (response, connection) = response.into_parts();
    let status = response.status().as_u16();
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let headers = media_type.map(|value| ("content-type".to_string(), value.to_string())).into_iter().collect();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|_| NoCredential::Unreachable(UnreachableReason::Lost))?.to_bytes();
    connection.keep();
    let secrets = &authorization.secrets;
    // A token service may quote what it was sent: in a refusal it is struck before anything is cut to a length.
    let body = match (200..300).contains(&status) {
        true => {
            let added = secrets.add_token_response(&body).await;
            added.map_err(|TooMany| NoCredential::Unreachable(UnreachableReason::NotJson))?;
            body
        }
        false => secrets.redact(body),
    };
    match take(&Response { status, headers, body: body.into() }, grant_type) {
        Ok(mut answer) => {
            // The scope is shown to the component and to people. Of one that was cut nobody knows what stood there.
            let is_withheld = |scope: &mut String| scope.len() > MAX_SCOPE || secrets.are_in(scope.as_bytes());
            answer.credential.scope.take_if(is_withheld);
            Ok(answer)
        }
        other => other,
    }
}

fn request(authorization: &Authorization, rotated: Option<Secret>) -> Option<Request<Bytes>> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    let client_into = |form: &mut form_urlencoded::Serializer<'_, String>, client: &Client| {
        form.append_pair("client_id", &client.id).append_pair("client_secret", client.secret.expose());
        if let Some(scope) = &client.scope {
            form.append_pair("scope", scope);
        }
    };
    let url = match &authorization.grant {
        Grant::ClientCredentials(client) => {
            client_into(form.append_pair("grant_type", "client_credentials"), client);
            &authorization.token_url
        }
        Grant::Password { client, username, password } => {
            client_into(form.append_pair("grant_type", "password"), client);
            form.append_pair("username", username).append_pair("password", password.expose());
            &authorization.token_url
        }
        Grant::RefreshToken { client, refresh_token, .. } => {
            client_into(form.append_pair("grant_type", "refresh_token"), client);
            form.append_pair("refresh_token", rotated.as_ref().unwrap_or(refresh_token).expose());
            &authorization.refresh_url
        }
        Grant::JwtBearer { client, assertion } => {
            client_into(form.append_pair("grant_type", assertion::GRANT_TYPE), client);
            let assertion = assertion.sign(SystemTime::now())?;
            // A refusal may repeat it.
            authorization.secrets.add_issued([assertion.expose().to_string()]);
            form.append_pair("assertion", assertion.expose());
            &authorization.token_url
        }
        Grant::Bearer(_) | Grant::Basic { .. } | Grant::ApiKey(_) => return None,
    };
    Request::post(url.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Bytes::from(form.finish()))
        .ok()
}

/// Takes over a token answer, which the component's own core reads.
fn take(answer: &Response, grant_type: GrantType) -> Result<Answer, NoCredential> {
    let token = oauth::read(answer, guest_grant_type(grant_type)).map_err(|denied| match denied {
        oauth::Denied::Unreachable(reason) => NoCredential::Unreachable(host_reason(reason)),
        oauth::Denied::Refused(refused) => {
            // An answer without a reason is no token service's.
            let names_reason = !refused.error.is_empty() || !refused.description.is_empty();
            let description = match grant_type {
                GrantType::RefreshToken if names_reason => "the refresh token expired or was revoked: reconnect",
                _ => refused.description.as_str(),
            };
            refusal(grant_type, refused.status, &refused.error, description)
        }
    })?;
    let life = token.info.expires_in.map_or(ASSUMED_LIFE, |seconds| Duration::from_secs(seconds.into())).max(MIN_LIFE);
    let obtained = Instant::now();
    Ok(Answer {
        credential: IssuedCredential {
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
        GrantType::JwtBearer => guest::GrantType::JwtBearer,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(expires_in: &str) -> IssuedCredential {
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer"{expires_in}}}"#).into_bytes();
        let headers = vec![("content-type".to_string(), "application/json".to_string())];
        take(&Response { status: 200, headers, body }, GrantType::ClientCredentials).ok().unwrap().credential
    }

    #[test]
    fn a_token_lives_as_long_as_its_answer_says_or_as_long_as_is_safe_to_assume() {
        for (expires_in, seconds) in [
            (r#","expires_in":1799"#, 1799),
            (r#","expires_in":"1799""#, 1799),
            (r#","expires_in":3"#, 10),
            (r#","expires_in":0"#, 10),
            ("", 300),
        ] {
            let credential = credential(expires_in);
            assert_eq!(credential.expires, Some(credential.obtained + Duration::from_secs(seconds)), "{expires_in}");
            assert!(credential.is_fresh(), "{expires_in}");
        }
    }
}

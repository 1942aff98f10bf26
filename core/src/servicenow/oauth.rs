//! OAuth: the client credentials grant, for hosts that hand out an OAuth client instead of a token, and the reading of
//! token answers, which the reference host's own token service uses too.

use super::query::form_encode;
use super::response::{is_hibernating, is_json_type};
use crate::bindings::credentials::{GrantType, OauthClient, Refusal, TokenInfo, UnreachableReason};
use crate::host::{Method, Request, Response};
use crate::json;
use crate::text::said;

/// The media type of a token request's body.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A token, ready to use.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub struct Token {
    /// The value of the `Authorization` header.
    pub authorization: String,
    /// The refresh token that came with it.
    pub refresh_token: Option<String>,
    /// Its scope and life.
    pub info: TokenInfo,
}

/// Why there is no token.
#[derive(Debug, PartialEq)]
pub enum Denied {
    /// The token service refused.
    Refused(Refusal),
    /// What answered is no token service.
    Unreachable(UnreachableReason),
}

#[derive(Default)]
struct TokenAnswer {
    access_token: String,
    refresh_token: Option<String>,
    scope: Option<String>,
    expires_in: Option<u32>,
    error: String,
    description: String,
}

impl TokenAnswer {
    fn read(json: &str) -> Option<Self> {
        let mut answer = Self::default();
        let is_object = json::read_object(json, &mut |name, reader| {
            let Some(text) = reader.text()? else { return Ok(()) };
            match &*name {
                "access_token" => answer.access_token = text,
                "refresh_token" => answer.refresh_token = Some(text).filter(|token| !token.is_empty()),
                "scope" => answer.scope = Some(text),
                "expires_in" => answer.expires_in = whole_seconds(&text),
                "error" => answer.error = text,
                "error_description" => answer.description = text,
                _ => {}
            }
            Ok(())
        });
        is_object.is_ok_and(|is_object| is_object).then_some(answer)
    }
}

/// The request for a token.
pub fn request(token_url: &str, client: &OauthClient) -> Request {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client.client_id.as_str()),
        ("client_secret", client.client_secret.as_str()),
    ];
    if let Some(scope) = &client.scope {
        form.push(("scope", scope));
    }
    Request {
        method: Method::Post,
        url: token_url.to_string(),
        headers: vec![
            ("accept".to_string(), "application/json".to_string()),
            ("content-type".to_string(), FORM.to_string()),
        ],
        body: Some(form_encode(&form)),
    }
}

/// Reads the token service's answer. The status decides: `error` is `server_error` for nearly every mistake.
pub fn read(response: &Response, grant_type: GrantType) -> Result<Token, Denied> {
    let text = std::str::from_utf8(&response.body).unwrap_or_default();
    let is_json = response.header("content-type").is_some_and(is_json_type);
    if !is_json && is_hibernating(text) {
        return Err(Denied::Unreachable(UnreachableReason::Hibernating));
    }
    let answer = if is_json { TokenAnswer::read(text) } else { None };
    match (response.status, answer) {
        (429, _) => Err(Denied::Unreachable(UnreachableReason::RateLimited)),
        (500..=599, _) => Err(Denied::Unreachable(UnreachableReason::ServerError)),
        (200, Some(answer)) if is_token(&answer.access_token) => Ok(Token {
            authorization: format!("Bearer {}", answer.access_token),
            refresh_token: answer.refresh_token,
            info: TokenInfo { scope: answer.scope.map(said), expires_in: answer.expires_in },
        }),
        (status @ 400..=499, answer) if answer.is_some() || matches!(status, 400 | 401 | 403) => {
            let answer = answer.unwrap_or_default();
            Err(Denied::Refused(Refusal {
                grant_type,
                status: Some(response.status),
                error: said(answer.error),
                description: said(answer.description),
            }))
        }
        _ => Err(Denied::Unreachable(UnreachableReason::NotJson)),
    }
}

fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A lifetime, which was seen as a number; some clients in the field met a numeric text. Fractions are cut.
fn whole_seconds(text: &str) -> Option<u32> {
    text.trim().split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, media_type: &str, body: &str) -> Result<Token, Denied> {
        let headers = vec![("content-type".to_string(), media_type.to_string())];
        read(&Response { status, headers, body: body.as_bytes().to_vec() }, GrantType::ClientCredentials)
    }

    fn expires_in(member: &str) -> Option<u32> {
        let body = format!(r#"{{"access_token":"t","scope":"useraccount","token_type":"Bearer"{member}}}"#);
        answer(200, "application/json", &body).unwrap().info.expires_in
    }

    #[test]
    fn the_request_is_a_form_and_nothing_in_it_can_end_a_field() {
        let client =
            OauthClient { client_id: "a&b".into(), client_secret: "c=d e".into(), scope: Some("useraccount".into()) };
        let request = request("https://x.service-now.com/oauth_token.do", &client);
        assert_eq!(
            request.body.as_deref(),
            Some("grant_type=client_credentials&client_id=a%26b&client_secret=c%3Dd%20e&scope=useraccount")
        );
    }

    #[test]
    fn a_lifetime_is_a_number_or_its_text_or_absent() {
        for (member, seconds) in [
            (r#","expires_in":1799"#, Some(1799)),
            (r#","expires_in":"1799""#, Some(1799)),
            (r#","expires_in":1799.5"#, Some(1799)),
            (r#","expires_in":0"#, Some(0)),
            (r#","expires_in":-5"#, None),
            (r#","expires_in":"soon""#, None),
            (r#","expires_in":null"#, None),
            ("", None),
        ] {
            assert_eq!(expires_in(member), seconds, "{member}");
        }
    }

    #[test]
    fn what_is_no_token_says_why() {
        let refused = |status, error: &str, description: &str| {
            Err(Denied::Refused(Refusal {
                grant_type: GrantType::ClientCredentials,
                status: Some(status),
                error: error.to_string(),
                description: description.to_string(),
            }))
        };
        let json = "application/json";
        for (given, expected) in [
            (
                answer(401, json, r#"{"error_description":"access_denied","error":"server_error"}"#),
                refused(401, "server_error", "access_denied"),
            ),
            (answer(400, json, r#"{"error":"unauthorized_client"}"#), refused(400, "unauthorized_client", "")),
            (answer(401, "text/html", "<html>"), refused(401, "", "")),
            (
                answer(200, "text/html", "<p>Your instance is hibernating</p>"),
                Err(Denied::Unreachable(UnreachableReason::Hibernating)),
            ),
            (answer(200, "text/html", "<html>"), Err(Denied::Unreachable(UnreachableReason::NotJson))),
            (answer(200, json, "{}"), Err(Denied::Unreachable(UnreachableReason::NotJson))),
            (answer(200, json, r#"{"access_token":"a\nb"}"#), Err(Denied::Unreachable(UnreachableReason::NotJson))),
            (answer(404, "text/html", "<html>"), Err(Denied::Unreachable(UnreachableReason::NotJson))),
            (answer(302, json, ""), Err(Denied::Unreachable(UnreachableReason::NotJson))),
            (answer(429, json, ""), Err(Denied::Unreachable(UnreachableReason::RateLimited))),
            (answer(502, "text/html", ""), Err(Denied::Unreachable(UnreachableReason::ServerError))),
        ] {
            assert_eq!(given, expected);
        }
    }
}

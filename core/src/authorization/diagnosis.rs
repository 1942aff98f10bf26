//! What an answer says about the set-up of an authorization.
//!
//! ServiceNow answers most mistakes with the same words on purpose, and only its own log knows the cause. What an
//! answer proves is asserted; otherwise the candidates are listed, the likeliest first, each with a way to check it.

use crate::bindings::authorization::Cause;
use crate::bindings::credentials::GrantType;
use crate::bindings::types::{Failure, Reason};
use crate::servicenow::session::NO_REASON;
use crate::text::contains;

/// Who gave the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// The token service, or nobody in its place; with the kind of grant where it refused.
    TokenService(Option<GrantType>),
    /// The Table API, or nobody; with the kind of grant where it got so far.
    TableApi(Option<GrantType>),
}

type Explained = (&'static str, &'static str);

const NO_APPLICATION_USER: Explained = (
    "the OAuth client has no application user",
    "Application Registry > the client > OAuth Application User: choose the integration user (add the field by Configure > Form Design if it is missing)",
);
const UNSCOPED_CLIENT: Explained = (
    "the OAuth client is securely scoped and may not call the Table API",
    "Application Registry > the client > Auth Scopes: give it useraccount (broadly scoped), or a scope that covers the Table API with GET, POST and PATCH",
);
const HIBERNATING: Explained = (
    "the instance is hibernating",
    "sign in to the developer site and wake the instance; an instance unused for ten days is reclaimed",
);
const NO_SUCH_HOST: Explained = (
    "no host of that name",
    "compare the instance with the address in the browser; behind a proxy, ask whoever runs the engine's name service",
);
const NOT_SERVICENOW: Explained = (
    "what answers is not a ServiceNow instance's API",
    "compare the instance with the address in the browser: a portal, a login page or a proxy answers there",
);
const NO_CONNECTION: Explained =
    ("no connection to the instance", "check the port, and whether the engine's network lets it out to this address");
const BAD_TLS: Explained = (
    "the TLS handshake failed",
    "compare the certificate's names and dates with the instance; for a company's own issuer name its CA file in the authorization (ca-file)",
);
const PROPERTY_OFF: Explained = (
    "client credentials are not enabled on the instance",
    "sys_properties: glide.oauth.inbound.client.credential.grant_type.enabled must exist, type true | false, value true",
);
const WRONG_CLIENT: Explained = (
    "wrong client id, or the client is inactive",
    "Application Registry > the client: compare the Client ID and check that Active is ticked",
);
const WRONG_SECRET: Explained =
    ("wrong client secret", "Application Registry > the client: show the Client Secret by its lock and compare");
const WRONG_SCOPE: Explained =
    ("the scope asked for is not the client's", "leave the scope out, or ask for one that Auth Scopes lists");
const OAUTH_OFF: Explained =
    ("OAuth is switched off", "sys_properties: com.snc.platform.security.oauth.is.active must be true");
const WRONG_PASSWORD: Explained =
    ("wrong user name or password", "sign in to the instance with both, in a private window");
const NEEDS_RESET: Explained = (
    "the user's password needs a reset, or the user is locked out or inactive",
    "Users > the user: Password needs reset and Locked out must not be ticked, Active must be",
);
const REVOKED: Explained =
    ("the refresh token expired or was revoked", "reconnect: authorize again and store the new refresh token");
const BASIC_GATE: Explained = (
    "the instance refuses basic authentication for interactive users, which new instances do, admins included",
    "use OAuth, give the user the role snc_basic_auth_api_access, or tick Web service access only",
);
const TOKEN_RESTRICTED: Explained = (
    "the token is not accepted by the Table API",
    "Application Registry > the client: Enforce Token Restrictions must not be ticked unless an API access policy allows it",
);
const TOKEN_EXPIRED: Explained = ("the token expired or was revoked", "obtain a new one and store it");
const NO_REST_ROLE: Explained = (
    "the user may not call the Table API",
    "Users > the user > Roles: snc_platform_rest_api_access, which itil contains",
);
const API_KEY: Explained = (
    "the API key is unknown, or no policy accepts API keys for the Table API",
    "REST API Key: compare the key; REST API Access Policies: the Table API needs an API-key authentication profile",
);
const NO_READ_ROLE: Explained = (
    "the user may not read incidents",
    "Users > the user > Roles: sn_incident_read to read, sn_incident_write to write",
);
const WRONG_TOKEN_URL: Explained = (
    "the token URL of the authorization is not the address of the token service",
    "the authorization: leave token-url out, or compare it with https://INSTANCE/oauth_token.do",
);
const WRONG_ASSERTION: Explained = (
    "the assertion's key, key id, issuer or audience is not the one that the instance expects",
    "Application Registry > the JWT client > JWT Verifier Maps: compare kid and certificate; the client id must be issuer and audience",
);
const WRONG_SUBJECT: Explained = (
    "no active user is the assertion's subject",
    "Application Registry > the JWT client: compare the subject with the column that User field names",
);
const BUSY: Explained = ("the instance limits or fails requests at the moment", "try again later");

fn is_fixed(grant_type: GrantType) -> bool {
    matches!(grant_type, GrantType::Bearer | GrantType::Basic | GrantType::ApiKey)
}

/// The causes of a failure, and whether the first is proven.
pub fn diagnose(failure: &Failure, answerer: Answerer) -> (bool, Vec<Cause>) {
    let says = |needle: &str| contains(&failure.message, needle);
    let (proven, causes): (bool, &[Explained]) = match (failure.reason, answerer) {
        // A token service says why in JSON, however little.
        (Reason::Unauthorized, Answerer::TokenService(Some(grant_type)))
            if says(NO_REASON) && !is_fixed(grant_type) =>
        {
            (false, &[WRONG_TOKEN_URL, OAUTH_OFF])
        }
        (Reason::Unauthorized, Answerer::TokenService(grant_type)) => match grant_type {
            Some(GrantType::ClientCredentials) if says("unauthorized_client") => (true, &[NO_APPLICATION_USER]),
            Some(GrantType::ClientCredentials) => (
                false,
                &[
                    PROPERTY_OFF,
                    WRONG_SECRET,
                    WRONG_CLIENT,
                    NO_APPLICATION_USER,
                    WRONG_SCOPE,
                    OAUTH_OFF,
                    WRONG_TOKEN_URL,
                ],
            ),
            Some(GrantType::Password) => {
                (false, &[WRONG_PASSWORD, NEEDS_RESET, WRONG_SECRET, WRONG_CLIENT, OAUTH_OFF, WRONG_TOKEN_URL])
            }
            Some(GrantType::RefreshToken) => {
                (false, &[REVOKED, WRONG_SECRET, WRONG_CLIENT, OAUTH_OFF, WRONG_TOKEN_URL])
            }
            Some(GrantType::JwtBearer) => {
                (false, &[WRONG_ASSERTION, WRONG_SUBJECT, WRONG_SECRET, WRONG_CLIENT, OAUTH_OFF, WRONG_TOKEN_URL])
            }
            Some(GrantType::Bearer | GrantType::Basic | GrantType::ApiKey) | None => (false, &[TOKEN_EXPIRED]),
        },
        (Reason::Unauthorized, Answerer::TableApi(grant_type)) => match grant_type {
            Some(GrantType::Basic) => (false, &[WRONG_PASSWORD, BASIC_GATE, NEEDS_RESET, NO_REST_ROLE]),
            Some(GrantType::ApiKey) => (false, &[API_KEY, NEEDS_RESET]),
            Some(GrantType::Bearer) => (false, &[TOKEN_EXPIRED, TOKEN_RESTRICTED, NO_REST_ROLE]),
            _ => (false, &[TOKEN_RESTRICTED, NEEDS_RESET, NO_REST_ROLE]),
        },
        (Reason::UnscopedClient, _) => (true, &[UNSCOPED_CLIENT]),
        (Reason::Forbidden, _) => (false, &[NO_REST_ROLE, NO_READ_ROLE]),
        (Reason::Hibernating, _) => (true, &[HIBERNATING]),
        (Reason::Dns, Answerer::TokenService(_)) => (false, &[NO_SUCH_HOST, WRONG_TOKEN_URL]),
        (Reason::Dns, _) => (true, &[NO_SUCH_HOST]),
        (Reason::Connect | Reason::Lost, Answerer::TokenService(_)) => (false, &[NO_CONNECTION, WRONG_TOKEN_URL]),
        (Reason::Connect | Reason::Lost, _) => (false, &[NO_CONNECTION]),
        (Reason::Tls, _) => (true, &[BAD_TLS]),
        (Reason::NotJson, Answerer::TokenService(_)) => (false, &[WRONG_TOKEN_URL, NOT_SERVICENOW]),
        (Reason::Redirected, _) => (true, &[NOT_SERVICENOW]),
        (
            Reason::NotJson
            | Reason::UnexpectedAnswer
            | Reason::Encoded
            | Reason::TooLarge
            | Reason::BadRequest
            | Reason::NotFound
            | Reason::UnsupportedRequest
            | Reason::UnexpectedStatus,
            _,
        ) => (false, &[NOT_SERVICENOW]),
        _ => (false, &[BUSY]),
    };
    let cause =
        |(explanation, check): &Explained| Cause { explanation: explanation.to_string(), check: check.to_string() };
    (proven, causes.iter().map(cause).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::WriteHappened;
    use crate::failure::failure;

    #[test]
    fn what_an_answer_proves_is_asserted_and_what_it_leaves_open_is_listed_in_order() {
        let token = |grant_type| Answerer::TokenService(Some(grant_type));
        let table = |grant_type| Answerer::TableApi(Some(grant_type));
        for (reason, message, answerer, proven, first) in [
            (
                Reason::Unauthorized,
                "no access token: unauthorized_client the integration user is not configured",
                token(GrantType::ClientCredentials),
                true,
                NO_APPLICATION_USER,
            ),
            (
                Reason::Unauthorized,
                "no access token: server_error access_denied",
                token(GrantType::ClientCredentials),
                false,
                PROPERTY_OFF,
            ),
            (
                Reason::Unauthorized,
                "no access token: server_error access_denied",
                token(GrantType::Password),
                false,
                WRONG_PASSWORD,
            ),
            (
                Reason::Unauthorized,
                "no access token: server_error access_denied",
                token(GrantType::RefreshToken),
                false,
                REVOKED,
            ),
            (
                Reason::Unauthorized,
                "no access token: server_error access_denied",
                token(GrantType::JwtBearer),
                false,
                WRONG_ASSERTION,
            ),
            (
                Reason::Unauthorized,
                "no access token: the answer names no reason",
                token(GrantType::RefreshToken),
                false,
                WRONG_TOKEN_URL,
            ),
            (
                Reason::Unauthorized,
                "no access token: the answer names no reason",
                token(GrantType::Bearer),
                false,
                TOKEN_EXPIRED,
            ),
            (Reason::NotJson, "", Answerer::TokenService(None), false, WRONG_TOKEN_URL),
            (Reason::Dns, "", Answerer::TokenService(None), false, NO_SUCH_HOST),
            (Reason::Unauthorized, "User is not authenticated", table(GrantType::Basic), false, WRONG_PASSWORD),
            (
                Reason::Unauthorized,
                "User is not authenticated",
                table(GrantType::ClientCredentials),
                false,
                TOKEN_RESTRICTED,
            ),
            (Reason::UnscopedClient, "User Not Authorized", table(GrantType::ClientCredentials), true, UNSCOPED_CLIENT),
            (Reason::Hibernating, "", Answerer::TableApi(None), true, HIBERNATING),
            (Reason::Dns, "", Answerer::TableApi(None), true, NO_SUCH_HOST),
            (Reason::Tls, "", Answerer::TableApi(None), true, BAD_TLS),
            (Reason::NotJson, "", Answerer::TableApi(None), false, NOT_SERVICENOW),
            (Reason::Redirected, "", Answerer::TableApi(None), true, NOT_SERVICENOW),
        ] {
            let (is_proven, causes) = diagnose(&failure(reason, message.to_string(), WriteHappened::No), answerer);
            assert_eq!((is_proven, causes[0].explanation.as_str()), (proven, first.0), "{reason:?} {answerer:?}");
            assert!(!is_proven || causes.len() == 1, "a proven cause stands alone");
        }
    }
}

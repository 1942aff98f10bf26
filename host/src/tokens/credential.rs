//! A credential, ready to be sent, and how long it stays good.

use crate::authorizations::Grant;
use crate::bindings::servicenow::plugin::credentials::{GrantType, Refusal, TokenInfo, UnreachableReason};
use crate::secret::Secret;
use base64::prelude::{BASE64_STANDARD, Engine};
use http::{HeaderName, HeaderValue, header};
use std::time::{Duration, Instant};

/// A token is renewed when a tenth of its life is left, and at most this long before its end.
const MAX_RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// A credential, ready to be sent.
#[derive(Clone)]
pub struct IssuedCredential {
    /// The header's name.
    pub name: HeaderName,
    /// The header's value.
    pub value: Secret,
    /// What is known of the token; `None` for a credential that is no token of ours.
    pub scope: Option<String>,
    /// When it ends; never, for a credential that is no token of ours.
    pub expires: Option<Instant>,
    /// When it came.
    pub obtained: Instant,
    /// Counts the tokens of an authorization, so that only the token that was refused is dropped.
    pub generation: u64,
}

/// Why there is no credential.
#[derive(Clone, Debug)]
pub enum NoCredential {
    /// The token service refused, or the stored credential is no longer accepted.
    Refused(Refusal),
    /// The token service could not be asked.
    Unreachable(UnreachableReason),
    /// The deadline passed.
    Timeout,
}

impl IssuedCredential {
    /// The scope and life of the token, for the guest.
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

    /// Whether it has not ended.
    pub fn is_valid(&self) -> bool {
        self.expires.is_none_or(|at| Instant::now() < at)
    }

    /// Whether it need not be renewed yet.
    pub fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|at| {
            let margin = (at.saturating_duration_since(self.obtained) / 10).min(MAX_RENEWAL_MARGIN);
            Instant::now() + margin < at
        })
    }
}

/// A credential that needs no token service.
pub fn fixed(grant: &Grant) -> Option<IssuedCredential> {
    let (name, value) = match grant {
        Grant::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {}", token.expose())),
        Grant::Basic { username, password } => {
            let pair = Secret::new(format!("{username}:{}", password.expose()));
            (header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(pair.expose())))
        }
        Grant::ApiKey(key) => (HeaderName::from_static("x-sn-apikey"), key.expose().to_string()),
        Grant::ClientCredentials(_) | Grant::Password { .. } | Grant::RefreshToken { .. } | Grant::JwtBearer { .. } => {
            return None;
        }
    };
    let obtained = Instant::now();
    Some(IssuedCredential { name, value: Secret::new(value), scope: None, expires: None, obtained, generation: 0 })
}

/// The kind of a grant, for the guest.
pub fn grant_type(grant: &Grant) -> GrantType {
    match grant {
        Grant::ClientCredentials(_) => GrantType::ClientCredentials,
        Grant::Password { .. } => GrantType::Password,
        Grant::RefreshToken { .. } => GrantType::RefreshToken,
        Grant::JwtBearer { .. } => GrantType::JwtBearer,
        Grant::Bearer(_) => GrantType::Bearer,
        Grant::Basic { .. } => GrantType::Basic,
        Grant::ApiKey(_) => GrantType::ApiKey,
    }
}

/// A refusal, by the token service or by the host itself.
pub fn refusal(grant_type: GrantType, status: Option<u16>, error: &str, description: &str) -> NoCredential {
    let (error, description) = (error.to_string(), description.to_string());
    NoCredential::Refused(Refusal { grant_type, status, error, description })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_when_a_tenth_of_its_life_is_left() {
        let mut credential = fixed(&Grant::Bearer(Secret::new("t".to_string()))).unwrap();
        assert!(credential.is_fresh(), "a credential that is no token does not end");
        for (age, fresh) in [(0, true), (89, true), (91, false), (200, false)] {
            let obtained = Instant::now() - Duration::from_secs(age);
            (credential.obtained, credential.expires) = (obtained, Some(obtained + Duration::from_secs(100)));
            assert_eq!(credential.is_fresh(), fresh, "after {age} s of 100");
        }
    }
}

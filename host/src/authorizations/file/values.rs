//! Values of the authorizations file: parsed without being quoted when they are none of their choices, for each may be a secret in
//! the wrong place.

use crate::authorizations::allowed_call::AllowedCall;
use crate::authorizations::authorization::CredentialMode;
use crate::origin::{Origin, is_placeholder};
use crate::secret::{Missing, Secret, Source};
use crate::tokens::Algorithm;
use ipnet::IpNet;
use serde::Deserialize;
use std::path::Path;
use std::str::FromStr;
use url::Url;

/// How access is obtained.
#[derive(Clone, Copy)]
pub enum GrantName {
    ClientCredentials,
    Password,
    RefreshToken,
    JwtBearer,
    Bearer,
    Basic,
    ApiKey,
}

impl<'de> Deserialize<'de> for GrantName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "client-credentials" => Ok(Self::ClientCredentials),
            "password" => Ok(Self::Password),
            "refresh-token" => Ok(Self::RefreshToken),
            "jwt-bearer" => Ok(Self::JwtBearer),
            "bearer" => Ok(Self::Bearer),
            "basic" => Ok(Self::Basic),
            "api-key" => Ok(Self::ApiKey),
            _ => Err(serde::de::Error::custom(
                "grant is one of client-credentials, password, refresh-token, jwt-bearer, bearer, basic and api-key",
            )),
        }
    }
}

/// An address.
pub struct Address(pub Url);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_placeholder(&text) {
            return Err(serde::de::Error::custom(
                "this address is the placeholder of a template: put the instance's own name into it, or leave the line out, which \
                 means https://INSTANCE/oauth_token.do",
            ));
        }
        Url::parse(&text)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("this is no address; give one such as https://host/path"))
    }
}

/// How much of the credential the guest is shown.
#[derive(Default)]
pub struct CredentialModeName(pub CredentialMode);

impl<'de> Deserialize<'de> for CredentialModeName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "added-by-host" => Ok(Self(CredentialMode::HostInjected)),
            "header" => Ok(Self(CredentialMode::Header)),
            "grant" => Ok(Self(CredentialMode::Grant)),
            _ => Err(serde::de::Error::custom("credential is one of added-by-host, header and grant")),
        }
    }
}

/// How an assertion is signed.
#[derive(Default)]
pub struct AlgorithmName(pub Algorithm);

impl<'de> Deserialize<'de> for AlgorithmName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let algorithm = Algorithm::named(&String::deserialize(deserializer)?).map(Self);
        algorithm.ok_or_else(|| serde::de::Error::custom("algorithm is one of RS256, RS384, RS512 and ES256"))
    }
}

/// Calls, and sets of them by their names.
pub fn parse_all(calls: &[String]) -> Result<Vec<AllowedCall>, String> {
    let parse = |call: &String| match AllowedCall::set(call) {
        Some(calls) => Ok(calls),
        None => AllowedCall::from_str(call).map(|call| vec![call]).map_err(|error| format!("allowed-calls: {error}")),
    };
    calls.iter().map(parse).collect::<Result<Vec<_>, _>>().map(|calls| calls.concat())
}

/// Networks such as `10.1.0.0/16`, and single addresses.
pub fn networks(given: &[String]) -> Result<Vec<IpNet>, String> {
    let parse = |text: &String| {
        text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| IpNet::from(address))).map_err(|_| {
            format!("allowed-addresses: {text:?} is no network; give one such as \"10.1.0.0/16\", or an address")
        })
    };
    given.iter().map(parse).collect()
}

/// Refuses http, but for loopback where that is allowed.
pub fn check_scheme(key: &str, origin: &Origin, allow_http_loopback: bool) -> Result<(), String> {
    if !origin.is_http() || (allow_http_loopback && origin.is_loopback()) {
        return Ok(());
    }
    Err(format!("{key} {origin} must be https; http is for loopback with allow-http-loopback = true"))
}

/// Refuses an address that holds a user, or is none of https.
pub fn check_address(key: &str, url: &Url, allow_http_loopback: bool) -> Result<(), String> {
    let bare = url.username().is_empty() && url.password().is_none();
    let origin = Origin::of(url).filter(|_| bare);
    let origin = origin.ok_or_else(|| format!("{key} must be an https address without a user"))?;
    check_scheme(key, &origin, allow_http_loopback)
}

/// A text that must be there.
pub fn text(key: &str, value: Option<String>) -> Result<String, String> {
    value.filter(|value| !value.is_empty() && !value.contains(char::is_control)).ok_or_else(|| missing(key))
}

/// A secret that must be there.
pub fn read(key: &str, source: Option<Source>, path: &Path) -> Result<Secret, String> {
    let source = source.ok_or_else(|| missing(key))?;
    source.read(path).map_err(|error: Missing| format!("{key}: {error}"))
}

/// A shorter one could be guessed.
const MIN_CALLBACK_SECRET: usize = 16;

/// A secret that deliveries come with.
pub fn read_callback_secret(key: &str, source: Source, path: &Path) -> Result<Secret, String> {
    let secret = source.read(path).map_err(|error: Missing| format!("{key}: {error}"))?;
    let is_header = secret.expose().bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if secret.expose().len() < MIN_CALLBACK_SECRET || !is_header {
        return Err(format!("{key} must be {MIN_CALLBACK_SECRET} printable characters or more, without spaces"));
    }
    Ok(secret)
}

/// Says that a key is needed.
pub fn missing(key: &str) -> String {
    format!("{key} is missing or empty; this grant needs it")
}

//! The format of the authorizations file.

use super::addresses::Addresses;
use super::allowed_call::AllowedCall;
use super::authorization::{Authorization, Client, ClientCertificate, CredentialMode, Grant};
use crate::files::beside;
use crate::origin::Origin;
use crate::secret::{Missing, Secret, Source};
use crate::secrets::Secrets;
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use url::Url;

/// Why an authorizations file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// The file cannot be read.
    #[error("{path}: {error}; give the path of an authorizations file", path = .0.display(), error = .1)]
    Unreadable(PathBuf, std::io::Error),
    /// The text is not TOML of this format.
    #[error("{0}: {1}")]
    Format(PathBuf, String),
    /// An authorization is incomplete or contradicts itself.
    #[error("authorization {name:?}: {problem}")]
    Authorization {
        /// Its name.
        name: String,
        /// What is wrong, and what is expected.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    authorizations: BTreeMap<String, Entry>,
}

#[derive(Clone, Copy)]
enum GrantName {
    ClientCredentials,
    Password,
    RefreshToken,
    Bearer,
    Basic,
    ApiKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Entry {
    instance: Origin,
    grant: GrantName,
    token_url: Option<Address>,
    refresh_url: Option<Address>,
    client_id: Option<String>,
    client_secret: Option<Source>,
    scope: Option<String>,
    username: Option<String>,
    password: Option<Source>,
    refresh_token: Option<Source>,
    rotated_token_file: Option<PathBuf>,
    token: Option<Source>,
    api_key: Option<Source>,
    #[serde(default)]
    credential: CredentialModeName,
    #[serde(default)]
    ca_files: Vec<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_key: Option<PathBuf>,
    allowed_calls: Option<Vec<String>>,
    #[serde(default)]
    allowed_addresses: Vec<String>,
    #[serde(default)]
    allow_http_loopback: bool,
    callback_secret: Option<Source>,
    previous_callback_secret: Option<Source>,
}

impl<'de> Deserialize<'de> for GrantName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "client-credentials" => Ok(Self::ClientCredentials),
            "password" => Ok(Self::Password),
            "refresh-token" => Ok(Self::RefreshToken),
            "bearer" => Ok(Self::Bearer),
            "basic" => Ok(Self::Basic),
            "api-key" => Ok(Self::ApiKey),
            _ => Err(serde::de::Error::custom(
                "grant is one of client-credentials, password, refresh-token, bearer, basic and api-key",
            )),
        }
    }
}

/// An address that is not quoted when it is none: it may be a secret in the wrong place.
struct Address(Url);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parsed = Url::parse(&String::deserialize(deserializer)?);
        parsed.map(Self).map_err(|_| serde::de::Error::custom("this is no address; give one such as https://host/path"))
    }
}

/// A text that is parsed without being quoted when it is none of its choices: it may be a secret in the wrong place.
#[derive(Default)]
struct CredentialModeName(CredentialMode);

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

/// Reads the text of an authorizations file.
pub fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, Authorization>, Invalid> {
    let file: File = toml::from_str(text).map_err(|error| Invalid::Format(path.to_path_buf(), redact(&error, text)))?;
    if file.authorizations.contains_key("") {
        let problem = "an authorization needs a name: [authorizations.NAME]".to_string();
        return Err(Invalid::Authorization { name: String::new(), problem });
    }
    let check = |(name, entry): (String, Entry)| match entry.check(path) {
        Ok(authorization) => Ok((name, authorization)),
        Err(problem) => Err(Invalid::Authorization { name, problem }),
    };
    let mut all = file.authorizations.into_iter().map(check).collect::<Result<BTreeMap<_, _>, Invalid>>()?;
    share_callback_secrets(&mut all);
    Ok(all)
}

/// Lets each authorization guard the callback secrets of all that are for the same instance: its queries and answers could tell
/// them as well.
fn share_callback_secrets(all: &mut BTreeMap<String, Authorization>) {
    let of = |known: &Authorization| {
        known.callback_secrets.iter().map(|secret| (known.instance.clone(), secret.clone())).collect::<Vec<_>>()
    };
    let known: Vec<(Origin, Secret)> = all.values().flat_map(of).collect();
    for authorization in all.values_mut() {
        let own = known.iter().filter(|(instance, _)| *instance == authorization.instance);
        let secrets: Vec<&str> = own.map(|(_, secret)| secret.expose()).collect();
        authorization.guards_secret = !secrets.is_empty();
        authorization.secrets.add(secrets);
    }
}

/// A parser's message and place, without the line it quotes: that line may hold a secret.
fn redact(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

impl Entry {
    fn check(mut self, path: &Path) -> Result<Authorization, String> {
        let secret =
            |key, source: Option<Source>| source.map(|source| read_callback_secret(key, source, path)).transpose();
        let current = secret("callback-secret", self.callback_secret.take())?;
        let previous = secret("previous-callback-secret", self.previous_callback_secret.take())?;
        if current.is_none() && previous.is_some() {
            return Err("previous-callback-secret is accepted beside callback-secret, which is missing".to_string());
        }
        let callback_secrets: Vec<Secret> = current.into_iter().chain(previous).collect();
        let default_url =
            || Url::parse(&format!("{}/oauth_token.do", self.instance)).map_err(|error| error.to_string());
        let token_url = self.token_url.take().map_or_else(default_url, |address| Ok(address.0))?;
        let refresh_url = self.refresh_url.take().map_or_else(|| token_url.clone(), |address| address.0);
        for (key, url) in [("token-url", &token_url), ("refresh-url", &refresh_url)] {
            let bare = url.username().is_empty() && url.password().is_none();
            let origin = Origin::of(url).filter(|_| bare);
            let origin = origin.ok_or_else(|| format!("{key} must be an https address without a user"))?;
            check_scheme(key, &origin, self.allow_http_loopback)?;
        }
        check_scheme("instance", &self.instance, self.allow_http_loopback)?;
        let client_certificate = match (self.client_certificate.clone(), self.client_key.clone()) {
            (Some(certificate), Some(key)) => {
                Some(ClientCertificate { certificate: beside(path, &certificate), key: beside(path, &key) })
            }
            (None, None) => None,
            _ => return Err("client-certificate and client-key belong together: give both or neither".to_string()),
        };
        let allowed_calls = self.allowed_calls.as_ref().map(|calls| parse_all(calls)).transpose()?;
        let addresses = Addresses::new(networks(&self.allowed_addresses)?);
        let ca_files = self.ca_files.iter().map(|file| beside(path, file)).collect();
        let (instance, credential) = (self.instance.clone(), self.credential.0);
        let addresses = if self.allow_http_loopback { addresses.with_loopback() } else { addresses };
        let grant = self.grant(path)?;
        if credential == CredentialMode::Grant && !matches!(grant, Grant::ClientCredentials(_)) {
            return Err("credential = \"grant\" needs grant = \"client-credentials\"".to_string());
        }
        let allowed_calls = allowed_calls.unwrap_or_else(AllowedCall::defaults);
        let secrets = Secrets::default();
        grant.add_to(&secrets);
        secrets.add(callback_secrets.iter().map(Secret::expose));
        Ok(Authorization {
            instance,
            grant,
            token_url,
            refresh_url,
            credential,
            ca_files,
            client_certificate,
            allowed_calls,
            addresses,
            guards_secret: !callback_secrets.is_empty(),
            callback_secrets,
            secrets,
        })
    }

    fn grant(self, path: &Path) -> Result<Grant, String> {
        let client = |id, secret, scope| {
            Ok::<_, String>(Client { id: text("client-id", id)?, secret: read("client-secret", secret, path)?, scope })
        };
        Ok(match self.grant {
            GrantName::ClientCredentials => {
                Grant::ClientCredentials(client(self.client_id, self.client_secret, self.scope)?)
            }
            GrantName::Password => Grant::Password {
                client: client(self.client_id, self.client_secret, self.scope)?,
                username: text("username", self.username)?,
                password: read("password", self.password, path)?,
            },
            GrantName::RefreshToken => Grant::RefreshToken {
                client: client(self.client_id, self.client_secret, self.scope)?,
                refresh_token: read("refresh-token", self.refresh_token, path)?,
                rotated_token_file: self.rotated_token_file.map(|file| beside(path, &file)),
            },
            GrantName::Bearer => Grant::Bearer(read("token", self.token, path)?),
            GrantName::Basic => Grant::Basic {
                username: text("username", self.username)?,
                password: read("password", self.password, path)?,
            },
            GrantName::ApiKey => Grant::ApiKey(read("api-key", self.api_key, path)?),
        })
    }
}

fn parse_all(calls: &[String]) -> Result<Vec<AllowedCall>, String> {
    let parse = |call: &String| match AllowedCall::set(call) {
        Some(calls) => Ok(calls),
        None => AllowedCall::from_str(call).map(|call| vec![call]).map_err(|error| format!("allowed-calls: {error}")),
    };
    calls.iter().map(parse).collect::<Result<Vec<_>, _>>().map(|calls| calls.concat())
}

/// Networks such as `10.1.0.0/16`, and single addresses.
fn networks(given: &[String]) -> Result<Vec<IpNet>, String> {
    let parse = |text: &String| {
        text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| IpNet::from(address))).map_err(|_| {
            format!("allowed-addresses: {text:?} is no network; give one such as \"10.1.0.0/16\", or an address")
        })
    };
    given.iter().map(parse).collect()
}

fn check_scheme(key: &str, origin: &Origin, allow_http_loopback: bool) -> Result<(), String> {
    if !origin.is_http() || (allow_http_loopback && origin.is_loopback()) {
        return Ok(());
    }
    Err(format!("{key} {origin} must be https; http is for loopback with allow-http-loopback = true"))
}

fn text(key: &str, value: Option<String>) -> Result<String, String> {
    value.filter(|value| !value.is_empty() && !value.contains(char::is_control)).ok_or_else(|| missing(key))
}

fn read(key: &str, source: Option<Source>, path: &Path) -> Result<Secret, String> {
    let source = source.ok_or_else(|| missing(key))?;
    source.read(path).map_err(|error: Missing| format!("{key}: {error}"))
}

/// A shorter one could be guessed.
const MIN_CALLBACK_SECRET: usize = 16;

fn read_callback_secret(key: &str, source: Source, path: &Path) -> Result<Secret, String> {
    let secret = source.read(path).map_err(|error: Missing| format!("{key}: {error}"))?;
    let is_header = secret.expose().bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if secret.expose().len() < MIN_CALLBACK_SECRET || !is_header {
        return Err(format!("{key} must be {MIN_CALLBACK_SECRET} printable characters or more, without spaces"));
    }
    Ok(secret)
}

fn missing(key: &str) -> String {
    format!("{key} is missing or empty; this grant needs it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Authorizations;

    fn parse(body: &str) -> Result<Authorizations, String> {
        let text = format!("[authorizations.main]\n{body}");
        Authorizations::parse(&text, Path::new("a.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn each_grant_names_what_it_needs() {
        let instance = "instance = \"https://dev12345.service-now.com\"\n";
        let client = "client-id = \"c\"\nclient-secret = \"s\"\n";
        for (grant, rest, missing) in [
            ("client-credentials", client, None),
            ("client-credentials", "client-id = \"c\"", Some("client-secret")),
            ("client-credentials", "client-id = \"\"\nclient-secret = \"s\"", Some("client-id")),
            ("password", &format!("{client}username = \"u\"\npassword = \"p\""), None),
            ("password", client, Some("username")),
            ("refresh-token", &format!("{client}refresh-token = \"r\""), None),
            ("refresh-token", client, Some("refresh-token")),
            ("bearer", "token = \"t\"", None),
            ("basic", "username = \"u\"\npassword = \"p\"", None),
            ("basic", "username = \"u\"", Some("password")),
            ("api-key", "api-key = \"k\"", None),
            ("api-key", "", Some("api-key")),
        ] {
            let parsed = parse(&format!("{instance}grant = {grant:?}\n{rest}"));
            match missing {
                None => assert!(parsed.is_ok(), "{grant} {rest}"),
                Some(key) => assert!(parsed.err().is_some_and(|error| error.contains(key)), "{grant} {rest}"),
            }
        }
    }

    #[test]
    fn authorizations_of_one_instance_guard_each_other_s_callback_secrets() {
        let one = |name: &str, instance: &str, more: &str| {
            format!("[authorizations.{name}]\ninstance = {instance:?}\ngrant = \"bearer\"\ntoken = \"t\"\n{more}\n")
        };
        let secret = "callback-secret = \"a-callback-secret\"";
        let text = [one("events", "dev1", secret), one("main", "dev1", ""), one("other", "dev2", "")].concat();
        let parsed = Authorizations::parse(&text, Path::new("a.toml")).unwrap();
        for (name, guards) in [("events", true), ("main", true), ("other", false)] {
            let known = parsed.get(name).unwrap();
            assert_eq!((known.guards_secret, known.secrets.are_in(b"a-callback-secret")), (guards, guards), "{name}");
        }
        let nameless = Authorizations::parse(&one("\"\"", "dev1", ""), Path::new("a.toml"));
        assert!(nameless.err().is_some_and(|error| error.to_string().contains("needs a name")));
    }

    #[test]
    fn a_token_url_defaults_to_the_instance_s_own() {
        let parsed = parse("instance = \"itsm.example.com\"\ngrant = \"bearer\"\ntoken = \"t\"").unwrap();
        let main = parsed.get("main").unwrap();
        assert_eq!(main.token_url.as_str(), "https://itsm.example.com/oauth_token.do");
        assert_eq!(main.credential, CredentialMode::HostInjected);
    }

    #[test]
    fn a_mistake_is_named_and_no_secret_with_it() {
        for (body, says) in [
            ("instance = \"http://dev.example.com\"\ngrant = \"bearer\"\ntoken = \"hunter2\"", "must be https"),
            ("instance = \"http://127.0.0.1\"\ngrant = \"bearer\"\ntoken = \"hunter2\"", "allow-http-loopback"),
            (
                "instance = \"http://10.0.0.1\"\nallow-http-loopback = true\ngrant = \"bearer\"\ntoken = \"hunter2\"",
                "must be https",
            ),
            ("instance = \"dev12345\"\ngrant = \"magic\"\ntoken = \"hunter2\"", "client-credentials"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntokn = \"hunter2\"", "tokn"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2", "basic string"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\\n\\n\"", "line break"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = { env = \"NO_SUCH_VARIABLE\" }", "NO_SUCH_VARIABLE"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = { file = \"/no/such/file\" }", "/no/such/file"),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"\ncredential = \"grant\"",
                "client-credentials",
            ),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"t\"\ncredential = \"hunter2\"", "added-by-host"),
            ("instance = \"https://u:hunter2@dev\"\ngrant = \"bearer\"\ntoken = \"t\"", "with a user"),
            (
                "instance = \"dev12345\"\ntoken-url = \"https://u:hunter2@dev/\"\ngrant = \"bearer\"\ntoken = \"t\"",
                "without a user",
            ),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"\nclient-key = \"k.pem\"",
                "both or neither",
            ),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"\nallowed-calls = [\"GET\"]",
                "\"GET\" is no allowed call",
            ),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"\nallowed-addresses = [\"10.1\"]",
                "\"10.1\" is no network",
            ),
            ("instance = \"dev12345\"\ngrant = \"hunter2\"\ntoken = \"t\"", "client-credentials"),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"t\"\ntoken-url = \"hunter2\"",
                "this is no address",
            ),
            ("instance = \"https://.\"\ngrant = \"bearer\"\ntoken = \"t\"", "no instance"),
            ("instance = \"dev 12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"", "no instance"),
        ] {
            let error = parse(body).err().unwrap_or_default();
            assert!(error.contains(says), "{body}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

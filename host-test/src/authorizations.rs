//! The authorizations file: named credentials, and the one origin each is valid for.

use crate::origin::Origin;
use crate::secret::{Missing, Secret, Source};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use url::Url;

/// All authorizations of a host, by name.
#[derive(Clone, Default)]
pub struct Authorizations(BTreeMap<String, Authorization>);

/// A named credential.
#[derive(Clone)]
pub struct Authorization {
    /// The only origin it is valid for.
    pub instance: Origin,
    /// How access is obtained.
    pub grant: Grant,
    /// Where tokens come from.
    pub token_url: Url,
    /// Where a refresh token is exchanged.
    pub refresh_url: Url,
    /// How much of the credential the guest is shown.
    pub credential: Handout,
    /// Certificates trusted beside the platform's, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether http is accepted, on loopback alone.
    pub allow_http_loopback: bool,
}

/// How access is obtained.
#[derive(Clone)]
pub enum Grant {
    /// OAuth 2.0 client credentials.
    ClientCredentials(Client),
    /// OAuth 2.0 resource owner password.
    Password {
        /// The client.
        client: Client,
        /// The user's name.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// OAuth 2.0 refresh token.
    RefreshToken {
        /// The client.
        client: Client,
        /// The first refresh token; a rotated one replaces it while the host runs.
        refresh_token: Secret,
    },
    /// A bearer token made elsewhere.
    Bearer(Secret),
    /// HTTP Basic.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// A ServiceNow API key.
    ApiKey(Secret),
}

/// An OAuth client.
#[derive(Clone)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: Secret,
    /// The scope to ask for.
    pub scope: Option<String>,
}

/// How much of a credential the guest is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handout {
    /// Nothing: the host adds the header to allowed requests itself.
    #[default]
    AddedByHost,
    /// The header with the token.
    Header,
    /// The OAuth client, with which the guest obtains a token itself.
    Grant,
}

/// Why an authorizations file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// The file cannot be read.
    #[error("{path}: {error}; give the path of an authorizations file, or let `host-test simulator --authorizations-file` write one", path = .0.display(), error = .1)]
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

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    token_url: Option<Url>,
    refresh_url: Option<Url>,
    client_id: Option<String>,
    client_secret: Option<Source>,
    scope: Option<String>,
    username: Option<String>,
    password: Option<Source>,
    refresh_token: Option<Source>,
    token: Option<Source>,
    api_key: Option<Source>,
    #[serde(default)]
    credential: HandoutName,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    allow_http_loopback: bool,
}

/// A text that is parsed without being quoted when it is none of its choices: it may be a secret in the wrong place.
#[derive(Default)]
struct HandoutName(Handout);

impl<'de> Deserialize<'de> for HandoutName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "added-by-host" => Ok(Self(Handout::AddedByHost)),
            "header" => Ok(Self(Handout::Header)),
            "grant" => Ok(Self(Handout::Grant)),
            _ => Err(serde::de::Error::custom("credential is one of added-by-host, header and grant")),
        }
    }
}

impl Authorizations {
    /// Reads a file, and the secrets it points to.
    pub fn from_file(path: &Path) -> Result<Self, Invalid> {
        let text = fs::read_to_string(path).map_err(|error| Invalid::Unreadable(path.to_path_buf(), error))?;
        Self::parse(&text, path)
    }

    /// Reads the text of an authorizations file. `path` is named in messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Invalid> {
        let file: File =
            toml::from_str(text).map_err(|error| Invalid::Format(path.to_path_buf(), redact(&error, text)))?;
        let authorizations = file.authorizations.into_iter().map(|(name, entry)| {
            let authorization =
                entry.check().map_err(|problem| Invalid::Authorization { name: name.clone(), problem })?;
            Ok((name, authorization))
        });
        authorizations.collect::<Result<_, _>>().map(Self)
    }

    /// One authorization.
    pub fn get(&self, name: &str) -> Option<&Authorization> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Authorization)> {
        self.0.iter()
    }

    /// Adds or replaces one.
    pub fn insert(&mut self, name: impl Into<String>, authorization: Authorization) {
        self.0.insert(name.into(), authorization);
    }
}

/// A parser's message and place, without the line it quotes: that line may hold a secret.
fn redact(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

impl Entry {
    fn check(self) -> Result<Authorization, String> {
        let default_url =
            || Url::parse(&format!("{}/oauth_token.do", self.instance)).map_err(|error| error.to_string());
        let token_url = self.token_url.clone().map_or_else(default_url, Ok)?;
        let refresh_url = self.refresh_url.clone().unwrap_or_else(|| token_url.clone());
        for (key, url) in [("token-url", &token_url), ("refresh-url", &refresh_url)] {
            let bare = url.username().is_empty() && url.password().is_none();
            let origin = Origin::of(url).filter(|_| bare);
            let origin = origin.ok_or_else(|| format!("{key} must be an https address without a user"))?;
            check_scheme(key, &origin, self.allow_http_loopback)?;
        }
        check_scheme("instance", &self.instance, self.allow_http_loopback)?;
        let (instance, credential, ca_file, allow_http_loopback) =
            (self.instance.clone(), self.credential.0, self.ca_file.clone(), self.allow_http_loopback);
        let grant = self.grant()?;
        if credential == Handout::Grant && !matches!(grant, Grant::ClientCredentials(_)) {
            return Err("credential = \"grant\" needs grant = \"client-credentials\"".to_string());
        }
        Ok(Authorization { instance, grant, token_url, refresh_url, credential, ca_file, allow_http_loopback })
    }

    fn grant(self) -> Result<Grant, String> {
        let client = |id, secret, scope| {
            Ok::<_, String>(Client { id: text("client-id", id)?, secret: read("client-secret", secret)?, scope })
        };
        Ok(match self.grant {
            GrantName::ClientCredentials => {
                Grant::ClientCredentials(client(self.client_id, self.client_secret, self.scope)?)
            }
            GrantName::Password => Grant::Password {
                client: client(self.client_id, self.client_secret, self.scope)?,
                username: text("username", self.username)?,
                password: read("password", self.password)?,
            },
            GrantName::RefreshToken => Grant::RefreshToken {
                client: client(self.client_id, self.client_secret, self.scope)?,
                refresh_token: read("refresh-token", self.refresh_token)?,
            },
            GrantName::Bearer => Grant::Bearer(read("token", self.token)?),
            GrantName::Basic => {
                Grant::Basic { username: text("username", self.username)?, password: read("password", self.password)? }
            }
            GrantName::ApiKey => Grant::ApiKey(read("api-key", self.api_key)?),
        })
    }
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

fn read(key: &str, source: Option<Source>) -> Result<Secret, String> {
    let source = source.ok_or_else(|| missing(key))?;
    source.read().map_err(|error: Missing| format!("{key}: {error}"))
}

fn missing(key: &str) -> String {
    format!("{key} is missing or empty; this grant needs it")
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_token_url_defaults_to_the_instance_s_own() {
        let parsed = parse("instance = \"itsm.example.com\"\ngrant = \"bearer\"\ntoken = \"t\"").unwrap();
        let main = parsed.get("main").unwrap();
        assert_eq!(main.token_url.as_str(), "https://itsm.example.com/oauth_token.do");
        assert_eq!(main.credential, Handout::AddedByHost);
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
            ("instance = \"dev 12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"", "no instance"),
        ] {
            let error = parse(body).err().unwrap_or_default();
            assert!(error.contains(says), "{body}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

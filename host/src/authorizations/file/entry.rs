//! One authorization of the file, and what it comes to.

use super::values::{
    Address, AlgorithmName, CredentialModeName, GrantName, check_address, check_scheme, missing, networks, parse_all,
    read, read_callback_secret, text,
};
use crate::authorizations::addresses::Addresses;
use crate::authorizations::allowed_call::AllowedCall;
use crate::authorizations::authorization::{Authorization, Client, ClientCertificate, CredentialMode, Grant};
use crate::files::beside;
use crate::origin::Origin;
use crate::secret::{Secret, Source};
use crate::secrets::Secrets;
use crate::tokens::{Assertion, Signer};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entry {
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
    private_key: Option<Source>,
    algorithm: Option<AlgorithmName>,
    key_id: Option<String>,
    subject: Option<String>,
    audience: Option<String>,
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
    #[serde(default)]
    trace_context: bool,
    callback_secret: Option<Source>,
    previous_callback_secret: Option<Source>,
}

impl Entry {
    /// The authorization. The error is what is wrong, and what is expected.
    pub fn check(mut self, path: &Path) -> Result<Authorization, String> {
        let secret =
            |key, source: Option<Source>| source.map(|source| read_callback_secret(key, source, path)).transpose();
        let current = secret("callback-secret", self.callback_secret.take())?;
        let previous = secret("previous-callback-secret", self.previous_callback_secret.take())?;
        if current.is_none() && previous.is_some() {
            return Err("previous-callback-secret is accepted beside callback-secret, which is missing".to_string());
        }
        let callback_secrets: Vec<Secret> = current.into_iter().chain(previous).collect();
        check_scheme("instance", &self.instance, self.allow_http_loopback)?;
        let default_url =
            || Url::parse(&format!("{}/oauth_token.do", self.instance)).map_err(|error| error.to_string());
        let token_url = self.token_url.take().map_or_else(default_url, |address| Ok(address.0))?;
        let refresh_url = self.refresh_url.take().map_or_else(|| token_url.clone(), |address| address.0);
        for (key, url) in [("token-url", &token_url), ("refresh-url", &refresh_url)] {
            check_address(key, url, self.allow_http_loopback)?;
        }
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
        let (instance, credential, trace_context) = (self.instance.clone(), self.credential.0, self.trace_context);
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
            allowed_calls: allowed_calls.into(),
            addresses,
            trace_context,
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
            GrantName::JwtBearer => {
                let client = client(self.client_id, self.client_secret, self.scope)?;
                let key = self.private_key.ok_or_else(|| missing("private-key"))?;
                let key = key.read_text(path).map_err(|error| format!("private-key: {error}"))?;
                let signer = Signer::new(self.algorithm.unwrap_or_default().0, &key);
                let assertion = Assertion {
                    signer: Arc::new(signer.map_err(|problem| format!("private-key {problem}"))?),
                    key_id: self.key_id.map(|id| text("key-id", Some(id))).transpose()?,
                    issuer: client.id.clone(),
                    subject: text("subject", self.subject)?,
                    audience: self.audience.map_or_else(|| Ok(client.id.clone()), |of| text("audience", Some(of)))?,
                };
                Grant::JwtBearer { client, assertion }
            }
            GrantName::Bearer => Grant::Bearer(read("token", self.token, path)?),
            GrantName::Basic => Grant::Basic {
                username: text("username", self.username)?,
                password: read("password", self.password, path)?,
            },
            GrantName::ApiKey => Grant::ApiKey(read("api-key", self.api_key, path)?),
        })
    }
}

//! A named credential, and what may be done with it.

use super::addresses::Addresses;
use super::allowed_call::AllowedCall;
use crate::origin::Origin;
use crate::secret::Secret;
use crate::secrets::Secrets;
use crate::tokens::Assertion;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

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
    pub credential: CredentialMode,
    /// Files of certificates trusted beside the platform's, as PEM.
    pub ca_files: Vec<PathBuf>,
    /// The certificate that the host shows of itself, and its key, as PEM.
    pub client_certificate: Option<ClientCertificate>,
    /// The methods and paths that requests may be made with.
    pub allowed_calls: Arc<[AllowedCall]>,
    /// The addresses that connections may be made to.
    pub addresses: Addresses,
    /// Whether requests carry the trace of the embedder's span.
    pub trace_context: bool,
    /// What deliveries from the instance come with: the one that is written to the instance first, and after it one that is
    /// accepted while that is new.
    pub callback_secrets: Vec<Secret>,
    /// Whether the instance holds a callback secret of this or another authorization, which queries could ask for.
    pub guards_secret: bool,
    /// Everything above that is secret, and what token responses add to it.
    pub secrets: Secrets,
}

impl Authorization {
    /// Whether a text is one of the callback secrets, in a time that tells nothing of them.
    pub fn is_callback_secret(&self, presented: &str) -> bool {
        // Each is compared, whichever it is.
        self.callback_secrets.iter().map(|secret| secret.is(presented)).fold(false, |any, equal| any | equal)
    }
}

/// A certificate that the host shows of itself, for mutual TLS.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate, with its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
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
        /// The first refresh token; a rotated one replaces it.
        refresh_token: Secret,
        /// Where a rotated one is kept for the next process; only in memory where there is no such file.
        rotated_token_file: Option<PathBuf>,
    },
    /// A signed assertion of who asks for whom (RFC 7523).
    JwtBearer {
        /// The client.
        client: Client,
        /// What is asserted, and the key.
        assertion: Assertion,
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

impl Grant {
    /// Adds what is secret in it.
    pub fn add_to(&self, secrets: &Secrets) {
        match self {
            Grant::ClientCredentials(client) | Grant::JwtBearer { client, .. } => secrets.add([client.secret.expose()]),
            Grant::Password { client, password, .. } => secrets.add([client.secret.expose(), password.expose()]),
            Grant::RefreshToken { client, refresh_token, .. } => {
                secrets.add([client.secret.expose(), refresh_token.expose()]);
            }
            Grant::Bearer(secret) | Grant::ApiKey(secret) => secrets.add([secret.expose()]),
            Grant::Basic { username, password } => {
                // What the header holds encoded.
                let pair = Secret::new(format!("{username}:{}", password.expose()));
                secrets.add([password.expose(), pair.expose()]);
            }
        }
    }
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
pub enum CredentialMode {
    /// Nothing: the host adds the header to allowed requests itself.
    #[default]
    HostInjected,
    /// The header with the token.
    Header,
    /// The OAuth client, with which the guest obtains a token itself.
    Grant,
}

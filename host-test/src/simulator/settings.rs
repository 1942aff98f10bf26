//! How the simulated instance is set up. What no public source confirms starts with `may_`.

/// How the simulated instance is set up. Each field that starts with `may_` is a behaviour without a confirming source.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The OAuth client's id.
    pub client_id: String,
    /// The OAuth client's secret.
    pub client_secret: String,
    /// The integration user's name.
    pub username: String,
    /// The integration user's password.
    pub password: String,
    /// An API key of the integration user.
    pub api_key: String,
    /// Seconds that an access token lives.
    pub token_life: u64,
    /// `glide.oauth.inbound.client.credential.grant_type.enabled`.
    pub client_credentials_enabled: bool,
    /// Whether the OAuth client has an application user.
    pub has_application_user: bool,
    /// Whether the OAuth client is securely scoped: it gets tokens and then 403 from every call.
    pub is_securely_scoped: bool,
    /// Whether basic authentication is refused for interactive users.
    pub refuses_basic: bool,
    /// Whether every address answers with the wake-up page.
    pub is_hibernating: bool,
    /// Whether the integration user may read incidents; otherwise lists are empty.
    pub reads_incidents: bool,
    /// Whether the integration user may read the dictionary; otherwise 403.
    pub reads_dictionary: bool,
    /// Columns that the integration user may not write: dropped without a word.
    pub protected_columns: Vec<String>,
    /// Whether requests are kept, to be asked for later. Without it memory does not grow by them.
    pub keeps_requests: bool,
    /// Further users.
    pub users: Vec<User>,
    /// How long an answer takes: between so many milliseconds and so many.
    pub latency_ms: (u64, u64),
    /// The rate limits of `sys_rate_limit_rules`.
    pub rate_limits: Vec<RateRule>,
    /// Whether a client's own sys_id is taken on insert. Confirmed by a client's test; some instances may not.
    pub may_take_sys_id: bool,
    /// Whether a refresh token is replaced by a new one when it is used. The documents name none in that answer; some clients
    /// read one.
    pub may_rotate_refresh_token: bool,
    /// The status of an insert that repeats a key. Undocumented; 403 like its siblings.
    pub may_refuse_key_with: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_id: "3f6c0f0e8d1b4c55a1d2c3b4a5968778".to_string(),
            client_secret: "simulated-client-secret".to_string(),
            username: "flow.integration".to_string(),
            password: "simulated-password".to_string(),
            api_key: "simulated-api-key".to_string(),
            token_life: 1_800,
            client_credentials_enabled: true,
            has_application_user: true,
            is_securely_scoped: false,
            refuses_basic: false,
            is_hibernating: false,
            reads_incidents: true,
            reads_dictionary: true,
            protected_columns: Vec::new(),
            keeps_requests: true,
            users: Vec::new(),
            latency_ms: (0, 0),
            rate_limits: Vec::new(),
            may_take_sys_id: true,
            may_rotate_refresh_token: false,
            may_refuse_key_with: 403,
        }
    }
}

/// A user who signs in with basic authentication.
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
    /// The roles, such as `itil`.
    pub roles: Vec<String>,
}

/// A rate limit: so many requests an hour to the addresses that start like this (facts 3).
#[derive(Clone, Debug)]
pub struct RateRule {
    /// What the path starts with.
    pub path: String,
    /// How many requests an hour pass.
    pub per_hour: u32,
}

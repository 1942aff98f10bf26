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
    /// The keys that assertions may be signed with.
    pub jwt_verifiers: Vec<JwtVerifier>,
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
    /// Milliseconds after which a transaction is cancelled (docs/servicenow-api.md 3). A write is done all the same.
    pub quota_ms: u64,
    /// Milliseconds that a script may take, the answers it waits for included.
    pub script_ms: u64,
    /// The tables that log what scripts send. The documents of products use both names; only one is the platform's.
    pub outbound_logs: Vec<String>,
    /// Whether a client's own sys_id is taken on insert. Confirmed by a client's test; some instances may not.
    pub may_take_sys_id: bool,
    /// Whether a refresh token is replaced by a new one when it is used. The documents name none in that answer; some clients
    /// read one.
    pub may_rotate_refresh_token: bool,
    /// The status of an insert that repeats a key. Undocumented; 403 like its siblings.
    pub may_refuse_key_with: u16,
    /// The status of a body that is no JSON. Undocumented.
    pub may_refuse_malformed_with: u16,
    /// The status of a body above 10 MB. The text is known, the status is not.
    pub may_refuse_large_with: u16,
    /// Whether a client-credentials token comes with a refresh token. Sources contradict each other.
    pub may_refresh_client_credentials: bool,
    /// Whether the token endpoint says what was wrong (`invalid_client`, `invalid_grant`). Seen in made-up tests alone.
    pub may_name_token_errors: bool,
    /// Whether `Link` names a page before the first, at a negative offset. Seen with a limit of 1.
    pub may_link_before_the_first: bool,
    /// Whether `X-Total-Count` comes although `sysparm_no_count` is set. The documents imply that it does not.
    pub may_count_anyway: bool,
    /// Whether On Hold takes a reason over REST, as on a form.
    pub may_require_hold_reason: bool,
    /// Whether text longer than a column of up to 255 characters is cut.
    pub may_cut_text: bool,
    /// Whether a reference keeps a value that is no key.
    pub may_keep_bad_references: bool,
    /// Whether the display value of a journal is its text.
    pub may_show_journals: bool,
    /// Whether `sysparm_limit=0` is refused. Public clients send it and expect 200.
    pub may_refuse_no_limit: bool,
    /// Whether a reference keeps a display value that names no record.
    pub may_keep_unmatched_names: bool,
    /// Whether a time keeps a text that is none.
    pub may_keep_bad_dates: bool,
    /// Whether a character of four bytes becomes `????`, as in a database that has none.
    pub may_replace_four_bytes: bool,
    /// Whether `=` in a query takes letters with and without accents for the same, as some databases do.
    pub may_ignore_accents: bool,
    /// Whether who may not close incidents may change closed ones.
    pub may_change_closed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_id: "3f6c0f0e8d1b4c55a1d2c3b4a5968778".to_string(),
            client_secret: "simulated-client-secret".to_string(),
            username: "flow.integration".to_string(),
            password: "simulated-password".to_string(),
            api_key: "simulated-api-key".to_string(),
            jwt_verifiers: Vec::new(),
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
            quota_ms: 60_000,
            script_ms: 10_000,
            outbound_logs: ["sys_outbound_http_log", "sys_outbound_rest_message_log"].map(str::to_string).to_vec(),
            may_take_sys_id: true,
            may_rotate_refresh_token: false,
            may_refuse_key_with: 403,
            may_refuse_malformed_with: 400,
            may_refuse_large_with: 400,
            may_refresh_client_credentials: false,
            may_name_token_errors: false,
            may_link_before_the_first: false,
            may_count_anyway: false,
            may_require_hold_reason: false,
            may_cut_text: false,
            may_keep_bad_references: true,
            may_show_journals: true,
            may_refuse_no_limit: false,
            may_keep_unmatched_names: true,
            may_keep_bad_dates: false,
            may_replace_four_bytes: false,
            may_ignore_accents: false,
            may_change_closed: true,
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

/// A key that assertions may be signed with: a row of JWT Verifier Maps.
#[derive(Clone, Debug)]
pub struct JwtVerifier {
    /// The `kid` of the assertions.
    pub key_id: String,
    /// The `alg` of the assertions: RS256, RS384, RS512 or ES256.
    pub algorithm: String,
    /// The public key: an `RSAPublicKey` in DER, or an uncompressed point.
    pub public_key: Vec<u8>,
}

/// A rate limit: so many requests an hour to the addresses that start like this (docs/servicenow-api.md 3).
#[derive(Clone, Debug)]
pub struct RateRule {
    /// What the path starts with.
    pub path: String,
    /// How many requests an hour pass.
    pub per_hour: u32,
}

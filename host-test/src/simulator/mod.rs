//! A ServiceNow stand-in: real HTTP on loopback, behaving as `docs/servicenow-setup.md` and the documented API say.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use servicenow_host::simulator::{Effect, Fault, Simulator};
//!
//! let simulator = Simulator::start(Default::default()).await?;
//! simulator.inject(Fault::once("POST", "/api/now/table/incident", Effect::Hang));
//! let authorizations = simulator.authorizations();
//! # Ok(()) }
//! ```
//!
//! What no public source confirms is listed in [`Settings`], with the default taken.

mod access;
mod admin;
mod answer;
mod authentication;
mod batch;
mod chaos;
mod choices;
mod dictionary;
mod fault;
mod incident;
mod instance;
mod oauth;
mod query;
mod render;
mod router;
mod row;
mod server;
mod source;
mod stats;
mod store;
mod table_api;
mod tls;
mod write;

pub use fault::{Effect, Fault};
pub use row::Row;

use crate::authorizations::Authorizations;
use fault::Faults;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Store;
use tokio::task::{JoinHandle, JoinSet};

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
    /// Further users.
    pub users: Vec<User>,
    /// Whether a client's own sys_id is taken on insert. Confirmed by a client's test; some instances may not.
    pub may_take_sys_id: bool,
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
            users: Vec::new(),
            may_take_sys_id: true,
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

/// How the simulator is run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where it listens; `127.0.0.1:0` where absent.
    pub listen: Option<SocketAddr>,
    /// A folder for a generated CA, which turns TLS on.
    pub tls: Option<PathBuf>,
    /// How the instance is set up.
    pub settings: Settings,
    /// Makes keys and times the same each time; chance and the clock where absent.
    pub seed: Option<u64>,
}

/// What a client needs to call the simulator.
#[derive(Clone, Debug, Serialize)]
pub struct Access {
    /// The instance's origin.
    pub base_url: String,
    /// Where tokens come from.
    pub token_url: String,
    /// The OAuth client's id.
    pub client_id: String,
    /// The OAuth client's secret.
    pub client_secret: String,
    /// The integration user's name.
    pub username: String,
    /// The integration user's password.
    pub password: String,
    /// The CA's certificate, with TLS.
    pub ca_cert: Option<PathBuf>,
}

/// A running simulator. It stops when dropped.
pub struct Simulator {
    instance: Arc<Instance>,
    access: Access,
    task: JoinHandle<()>,
}

/// The simulated instance: shared by all connections.
struct Instance {
    base_url: String,
    settings: Mutex<Settings>,
    store: Mutex<Store>,
    tokens: Mutex<authentication::Tokens>,
    faults: Mutex<Faults>,
    requests: Mutex<Vec<String>>,
    late: Mutex<JoinSet<()>>,
    connections: AtomicUsize,
}

impl Instance {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Simulator {
    /// Starts a simulator in the background.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let address = options.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = server::listen(address)?;
        let tls = options.tls.as_deref().map(tls::generate).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base_url = format!("{scheme}://{}", listener.local_addr()?);
        let settings = options.settings;
        let access = Access {
            token_url: format!("{base_url}{}", oauth::PATH),
            base_url: base_url.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            username: settings.username.clone(),
            password: settings.password.clone(),
            // Absolute: the authorizations file may be read from another folder.
            ca_cert: options.tls.as_deref().map(tls::ca_path).map(std::fs::canonicalize).transpose()?,
        };
        let instance = Arc::new(Instance {
            base_url,
            store: Mutex::new(instance::fresh(&settings, options.seed)),
            settings: Mutex::new(settings),
            tokens: Mutex::default(),
            faults: Mutex::default(),
            requests: Mutex::default(),
            late: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let task = tokio::spawn(server::serve(listener, tls, Arc::clone(&instance)));
        Ok(Self { instance, access, task })
    }

    /// What a client needs to call it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// An authorizations file for it, with one authorization named `main`.
    pub fn authorizations_file(&self) -> String {
        let Access { base_url, client_id, client_secret, ca_cert, .. } = &self.access;
        let trust = match ca_cert {
            Some(path) => {
                format!("ca-files = [{:?}]\nallowed-addresses = [\"127.0.0.0/8\"]\n", path.display().to_string())
            }
            None => "allow-http-loopback = true\n".to_string(),
        };
        format!(
            "[authorizations.main]\ninstance = {base_url:?}\ngrant = \"client-credentials\"\nclient-id = {client_id:?}\nclient-secret = {client_secret:?}\n{trust}"
        )
    }

    /// The authorizations of that file.
    ///
    /// # Panics
    ///
    /// If the file it writes itself cannot be read back.
    pub fn authorizations(&self) -> Authorizations {
        Authorizations::parse(&self.authorizations_file(), Path::new("the simulator's own file"))
            .expect("the simulator writes a file that can be read")
    }

    /// Adds a user who signs in with basic authentication.
    pub fn add_user(&self, user: User) {
        let mut store = self.instance.store();
        let row = Row::new("sys_user", [("user_name", user.name.as_str()), ("name", &user.name), ("active", "true")]);
        let roles: Vec<&str> = user.roles.iter().map(String::as_str).collect();
        access::add_user(&mut store, row, &roles);
        drop(store);
        self.instance.settings().users.push(user);
    }

    /// Changes the set-up of the instance.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.instance.settings());
    }

    /// Lets something go wrong.
    pub fn inject(&self, fault: Fault) {
        lock(&self.instance.faults).add(fault);
    }

    /// Lets each request meet a fault or none, by this seed.
    pub fn mix(&self, seed: u64) {
        lock(&self.instance.faults).mix(seed);
    }

    /// Lets the faults of a script go wrong: a JSON list, or one fault.
    ///
    /// # Errors
    ///
    /// If the text is neither.
    pub fn script(&self, text: &str) -> Result<(), String> {
        admin::faults(text.as_bytes())?.into_iter().for_each(|fault| self.inject(fault));
        Ok(())
    }

    /// All tables as JSON, to be loaded again.
    pub fn snapshot(&self) -> String {
        admin::save(&self.instance.store()).to_string()
    }

    /// Puts the tables of a snapshot in the place of those there are.
    ///
    /// # Errors
    ///
    /// If the text is no snapshot.
    pub fn load(&self, snapshot: &str) -> Result<(), String> {
        admin::load(&mut self.instance.store(), snapshot.as_bytes())
    }

    /// Waits for everything that is still to be done although its caller gave up.
    pub async fn settled(&self) {
        let late = std::mem::take(&mut *lock(&self.instance.late));
        late.join_all().await;
    }

    /// Forgets all faults that have not struck.
    pub fn heal(&self) {
        lock(&self.instance.faults).clear();
    }

    /// The rows of a table, in the order they were inserted.
    pub fn rows(&self, table: &str) -> Vec<Row> {
        self.instance.store().rows(table).cloned().collect()
    }

    /// Every request so far, as `METHOD /path?query`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.instance.requests).clone()
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.instance.connections.load(Ordering::Relaxed)
    }

    /// Makes every access token that was given out invalid.
    pub fn revoke_tokens(&self) {
        lock(&self.instance.tokens).clear();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

//! A ServiceNow stand-in: real HTTP on loopback, behaving as `docs/servicenow-setup.md` and the documented API say.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use servicenow_simulator::{Effect, Fault, Simulator};
//!
//! let simulator = Simulator::start(Default::default()).await?;
//! simulator.inject(Fault::once("POST", "/api/now/table/incident", Effect::Hang));
//! let access = simulator.access(); // base_url, token_url, client_id, client_secret, ...
//! # Ok(()) }
//! ```
//!
//! What no public source confirms is listed in [`Settings`], with the default taken.

mod access;
mod admin;
mod answer;
mod api_errors;
mod assertion;
mod attachments;
mod authentication;
mod batch;
mod chaos;
mod choices;
#[cfg(feature = "cli")]
pub mod cli;
mod defaults;
mod effect;
mod fault;
mod ids_and_clock;
mod import;
mod in_process;
mod incident;
mod instance;
mod oauth;
mod query;
mod rate_limit;
mod render;
mod request_log;
mod resource;
mod router;
mod script;
mod server;
mod settings;
mod stats;
mod table_api;
mod table_write;
mod tables;
mod tinyurl;
pub mod tls;
mod update_set;
mod value;
mod write;

pub use effect::Effect;
pub use fault::Fault;
pub use in_process::InProcess;
pub use server::listen;
pub use settings::{JwtVerifier, RateRule, Settings, User};
pub use tables::Row;

use instance::{Instance, lock};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinHandle;

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
    /// The integration user's API key.
    pub api_key: String,
    /// The CA's certificate, with TLS.
    pub ca_cert: Option<PathBuf>,
}

/// The callback secret of the authorizations file that a simulator writes.
const CALLBACK_SECRET: &str = "simulated-callback-secret";

/// A running simulator. It stops when dropped.
pub struct Simulator {
    instance: Arc<Instance>,
    access: Access,
    task: JoinHandle<()>,
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
            api_key: settings.api_key.clone(),
            // Absolute: the authorizations file may be read from another folder.
            ca_cert: options.tls.as_deref().map(tls::ca_path).map(std::fs::canonicalize).transpose()?,
        };
        let instance = Arc::new(Instance::new(base_url, settings, options.seed));
        let task = tokio::spawn(server::serve(listener, tls, Arc::clone(&instance)));
        Ok(Self { instance, access, task })
    }

    /// What a client needs to call it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// An authorizations file for it: `main` for incidents, `events` for events and deliveries, and `setup` for setting the
    /// instance up.
    pub fn authorizations_file(&self) -> String {
        let Access { base_url, client_id, client_secret, ca_cert, .. } = &self.access;
        let trust = match ca_cert {
            Some(path) => {
                format!("ca-files = [{:?}]\nallowed-addresses = [\"127.0.0.0/8\"]\n", path.display().to_string())
            }
            None => "allow-http-loopback = true\n".to_string(),
        };
        let authorization = |name: &str, more: &str| {
            format!(
                "[authorizations.{name}]\ninstance = {base_url:?}\ngrant = \"client-credentials\"\nclient-id = {client_id:?}\nclient-secret = {client_secret:?}\n{trust}{more}"
            )
        };
        let deliveries = |calls: &str| format!("allowed-calls = [{calls}]\ncallback-secret = {CALLBACK_SECRET:?}\n");
        [
            authorization("events", &deliveries("\"incidents\", \"events\"")),
            authorization("setup", &deliveries("\"provisioning\"")),
            authorization("main", ""),
        ]
        .join("\n")
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

    /// Presses the button of a record: runs the server-side script of a UI action, on behalf of the integration user.
    ///
    /// # Errors
    ///
    /// If there is no such action or record, or the script fails; the table `syslog` then says why.
    pub async fn press(&self, action: &str, table: &str, sys_id: &str) -> Result<String, String> {
        let (action, table, sys_id) = (action.to_string(), table.to_string(), sys_id.to_string());
        self.invoke(script::ScriptCall::UiAction { action, table, sys_id }).await
    }

    /// Runs a background script on behalf of the integration user. The value of its last statement.
    ///
    /// # Errors
    ///
    /// If the script fails; the table `syslog` then says why.
    pub async fn run(&self, script: &str) -> Result<String, String> {
        self.invoke(script::ScriptCall::Script(script.to_string())).await
    }

    async fn invoke(&self, invocation: script::ScriptCall) -> Result<String, String> {
        let instance = Arc::clone(&self.instance);
        let run = move || script::invoke(&instance, &invocation, None);
        let value = tokio::task::spawn_blocking(run).await;
        server::work(&self.instance);
        value.unwrap_or_else(|_| Err("the simulator failed".to_string()))
    }

    /// Waits for everything that is still to be done although its caller gave up.
    pub async fn settled(&self) {
        loop {
            let late = std::mem::take(&mut *lock(&self.instance.late));
            let is_at_work = self.instance.working.load(Ordering::Acquire) || !lock(&self.instance.jobs).is_empty();
            if late.is_empty() && !is_at_work {
                break;
            }
            late.join_all().await;
            tokio::task::yield_now().await;
        }
    }

    /// Forgets all faults that have not struck.
    pub fn heal(&self) {
        lock(&self.instance.faults).clear();
    }

    /// The rows of a table, in the order they were inserted.
    pub fn rows(&self, table: &str) -> Vec<Row> {
        self.instance.store().rows(table).cloned().collect()
    }

    /// The lines of the instance's own log, as `LEVEL SOURCE: MESSAGE`.
    pub fn log(&self) -> Vec<String> {
        let line = |row: &Row| format!("{} {}: {}", &row["level"], &row["source"], &row["message"]);
        self.rows("syslog").iter().map(line).collect()
    }

    /// Every request so far, as `METHOD /path?query`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.instance.requests).iter().map(|logged| logged.line.clone()).collect()
    }

    /// Every request so far, with its headers as they were sent, and its body up to 64 KiB.
    pub fn whole_requests(&self) -> Vec<serde_json::Value> {
        lock(&self.instance.requests).iter().map(request_log::Logged::whole).collect()
    }

    /// Loads an update set that was exported to XML, and commits it. How many records it changed.
    ///
    /// # Errors
    ///
    /// If the text is none.
    pub fn commit(&self, update_set: &str) -> Result<usize, String> {
        update_set::commit(&mut self.instance.store(), update_set)
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
        // What was left for later is left undone.
        self.instance.stopped.store(true, Ordering::Release);
    }
}

//! The simulated instance: its state, and what is in its tables before anybody writes.

use super::Settings;
use super::access::add_user;
use super::fault::Faults;
use super::request_log::Logged;
use super::{authentication, import, rate_limit, script};
use crate::tables::Row;
use crate::tables::Store;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// The simulated instance: shared by all connections.
pub struct Instance {
    /// Its origin.
    pub base_url: String,
    /// How it is set up.
    pub settings: Mutex<Settings>,
    /// Its tables.
    pub store: Mutex<Store>,
    /// The access tokens that it gave out.
    pub tokens: Mutex<authentication::Tokens>,
    /// What is to go wrong.
    pub faults: Mutex<Faults>,
    /// The requests that its rate rules count.
    pub rates: Mutex<rate_limit::Rates>,
    /// The chance by which answers wait.
    pub latency: Mutex<fastrand::Rng>,
    /// Every request so far.
    pub requests: Mutex<Vec<Logged>>,
    /// What still runs although its caller gave up.
    pub late: Mutex<JoinSet<()>>,
    /// How many connections were accepted.
    pub connections: AtomicUsize,
    /// How many transactions began.
    pub transactions: AtomicU64,
    /// The contents of attachments.
    pub files: Mutex<HashMap<String, Bytes>>,
    /// What came over the Import Set API.
    pub import_sets: Mutex<import::ImportSets>,
    /// The short addresses, and what they stand for.
    pub tinyurl: Mutex<Vec<(String, String)>>,
    /// What scripts keep for a user, by user and name.
    pub client_data: Mutex<HashMap<(String, String), String>>,
    /// The client of its outbound requests.
    pub outbound: script::Outbound,
    /// What scripts left for later.
    pub jobs: Mutex<VecDeque<script::Job>>,
    /// Whether somebody works on the jobs.
    pub working: AtomicBool,
    /// Whether the simulator is gone.
    pub stopped: AtomicBool,
}

impl Instance {
    /// A new instance.
    pub fn new(base_url: String, settings: Settings, seed: Option<u64>) -> Self {
        Self {
            base_url,
            store: Mutex::new(fresh(&settings, seed)),
            settings: Mutex::new(settings),
            tokens: Mutex::default(),
            faults: Mutex::default(),
            rates: Mutex::default(),
            latency: Mutex::new(seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)),
            requests: Mutex::default(),
            late: Mutex::default(),
            connections: AtomicUsize::new(0),
            transactions: AtomicU64::new(0),
            files: Mutex::default(),
            import_sets: Mutex::default(),
            tinyurl: Mutex::default(),
            client_data: Mutex::default(),
            outbound: script::Outbound::new(),
            jobs: Mutex::default(),
            working: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        }
    }

    /// How it is set up, locked.
    pub fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    /// Its tables, locked.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

/// Locks; a panic of another holder left nothing half done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The roles of the integration user: an administrator, so that a test is not held up by rights it does not test.
const ROLES: [&str; 2] = ["admin", "itil"];

/// A store with the integration user, a caller, and a group.
pub fn fresh(settings: &Settings, seed: Option<u64>) -> Store {
    let mut store = Store::new(seed);
    let integration = [
        ("sys_id", "6816f79cc0a8016401c5a33be04be441"),
        ("user_name", &*settings.username),
        ("name", "Flow Integration"),
        ("email", "flow.integration@example.com"),
        ("active", "true"),
    ];
    add_user(&mut store, Row::new("sys_user", integration), &ROLES);
    let caller = [
        ("sys_id", "5137153cc611227c000bbd1bd8cd2005"),
        ("user_name", "example.caller"),
        ("name", "Example Caller"),
        ("email", "caller@example.com"),
        ("active", "true"),
    ];
    add_user(&mut store, Row::new("sys_user", caller), &[]);
    let desk = [("sys_id", "679434f053231300e321ddeeff7b12d8"), ("name", "Service Desk"), ("active", "true")];
    store.add("sys_user_group", Row::new("sys_user_group", desk));
    let zone = [("name", "glide.sys.default.tz"), ("value", "UTC"), ("type", "string")];
    store.add("sys_properties", Row::new("sys_properties", zone));
    // Somebody has written something before.
    let entry = [("element_id", "46e9b4afa9fe19810102030405060708"), ("element", "comments"), ("value", "Thank you.")];
    store.add("sys_journal_field", Row::new("sys_journal_field", entry));
    // An instance ships with hundreds of scripts. These do nothing.
    let rule = [("name", "mark closed"), ("collection", "incident"), ("when", "before"), ("active", "false")];
    store.add("sys_script", Row::new("sys_script", rule));
    store.add("sys_script_include", Row::new("sys_script_include", [("name", "ArrayUtil"), ("active", "false")]));
    let action = [("name", "Close Incident"), ("table", "incident"), ("active", "false")];
    store.add("sys_ui_action", Row::new("sys_ui_action", action));
    store
}

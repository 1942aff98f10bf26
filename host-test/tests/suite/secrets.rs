//! Secrets: planted in every grant, and then looked for in everything that comes out and in the guest's memory.

use crate::faults::faults;
use crate::network::MS;
use crate::support::PATIENT_MS;
use crate::sync::test_bed::{RULES, alert};
use base64::prelude::{BASE64_STANDARD, Engine};
use host_test::components::load;
use host_test::lab::scenarios::{by, columns, create, update};
use host_test::lab::soak::Plan;
use servicenow_artifacts::Artifact;
use servicenow_host::callbacks::Delivery;
use servicenow_host::changes::Selection;
use servicenow_host::incidents::CreateOutcome;
use servicenow_host::provisioning::Settings;
use servicenow_host::types::Call;
use servicenow_host::{Authorizations, Host, Outcome, SqliteLedger};
use servicenow_simulator::Simulator;
use servicenow_test_support::{ScriptedServer, Step, answer};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;
use wasmtime::{Config, LinearMemory, MemoryCreator, MemoryType};

/// Grants, with secrets that all hold this word.
const CANARY: &str = "canary";

const GRANTS: [&str; 6] = [
    "grant = \"client-credentials\"\nclient-id = \"c\"\nclient-secret = \"canary-client-secret\"",
    "grant = \"password\"\nclient-id = \"c\"\nclient-secret = \"canary-client-secret\"\nusername = \"u\"\npassword = \"canary-password\"",
    "grant = \"refresh-token\"\nclient-id = \"c\"\nclient-secret = \"canary-client-secret\"\nrefresh-token = \"canary-refresh-token\"",
    "grant = \"bearer\"\ntoken = \"canary-bearer-token\"",
    "grant = \"basic\"\nusername = \"u\"\npassword = \"canary-password\"",
    "grant = \"api-key\"\napi-key = \"canary-api-key\"",
];

/// Everything logged while it lives, at the finest level, by this thread: the runtime of a test has no other.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Starts to keep what is logged.
    pub fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        Self::start_at(tracing::Level::TRACE)
    }

    /// Starts to keep what is logged at this level and above it.
    pub fn start_at(level: tracing::Level) -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(log.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// What was logged.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Where the secrets are in a text, also as basic authentication encodes them.
fn secrets_in(text: &[u8]) -> Option<String> {
    let basic = ["u:canary-password", "flow.integration:canary-password"].map(|pair| BASE64_STANDARD.encode(pair));
    let needles = [CANARY, &basic[0], &basic[1]];
    let at =
        needles.iter().find_map(|needle| text.windows(needle.len()).position(|window| window == needle.as_bytes()))?;
    let around = text.get(at.saturating_sub(60)..(at + 60).min(text.len())).unwrap_or_default();
    Some(String::from_utf8_lossy(around).into_owned())
}

fn authorizations(origin: &str, token_service: &str, more: &str) -> Authorizations {
    let text = format!(
        "[authorizations.main]\ninstance = {origin:?}\nallow-http-loopback = true\ntoken-url = \"{token_service}/oauth_token.do\"\n{more}"
    );
    Authorizations::parse(&text, Path::new("a.toml")).unwrap()
}

async fn token_service() -> ScriptedServer {
    let token = br#"{"access_token":"canary-access-token","refresh_token":"canary-rotated-token","expires_in":1799}"#;
    ScriptedServer::run(vec![Step::Read, Step::Send(answer("200 OK", "", token))]).await
}

#[tokio::test]
async fn no_secret_is_in_a_log_an_outcome_or_a_trace_whatever_goes_wrong() {
    let (log, _guard) = Log::start();
    let tokens = token_service().await;
    let host = crate::support::host("");
    for (at, fault) in faults().into_iter().enumerate() {
        let wire = ScriptedServer::run(fault.script).await;
        let ms = if fault.expected.at_deadline() { MS } else { PATIENT_MS };
        // Each fault with one grant, and each grant with many faults.
        let mut grants = vec![GRANTS[at % GRANTS.len()].to_string()];
        grants.push(format!("{}\ncredential = \"header\"", GRANTS[(at + 1) % GRANTS.len()]));
        grants.push(format!("{}\ncredential = \"grant\"", GRANTS[0]));
        for grant in grants {
            let host = host.with(authorizations(&wire.origin, &tokens.origin, &grant), Default::default()).unwrap();
            let call = || Call { authorization: "main".into(), instance: wire.origin.clone(), timeout_ms: Some(ms) };
            let created = host.create(call(), columns(&[("urgency", "1")]), create()).await;
            let updated = host.update(call(), "1".repeat(32), columns(&[("urgency", "1")]), update()).await;
            let shown = format!("{created:?} {updated:?} {:?}", host.authenticate(call()).await);
            assert_eq!(secrets_in(shown.as_bytes()), None, "{}: {grant}", fault.name);
        }
    }
    let logged = log.text();
    assert!(logged.lines().count() > 1_000, "the log is really kept: {} lines", logged.lines().count());
    assert_eq!(secrets_in(logged.as_bytes()), None);
}

#[tokio::test]
async fn no_secret_is_logged_while_everything_goes_wrong_at_once() {
    let (log, _guard) = Log::start();
    let plan = Plan { calls: 200, concurrency: 50, seed: 7 };
    let verdict = plan.run(&crate::support::host(""), Default::default(), |_| {}).await.unwrap();
    let shown = format!("{} {verdict:?}", log.text());
    assert!(shown.len() > 10_000, "the log is really kept: {} bytes", shown.len());
    let planted = Simulator::start(Default::default()).await.unwrap().access().clone();
    for secret in [&planted.client_secret, &planted.password] {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert!(!shown.contains("Bearer "), "an access token");
}

/// A memory of a guest, searched when it is given back.
struct Memory {
    bytes: Box<[u8]>,
    size: usize,
    found: Arc<Mutex<Vec<bool>>>,
}

// SAFETY: the bytes are allocated once, zeroed and never moved, and `size` never exceeds them.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.bytes.len()
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        if new_size > self.bytes.len() {
            return Err(wasmtime::Error::msg("the memory of this test is full"));
        }
        self.size = new_size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.bytes.as_ptr().cast_mut()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.found.lock().unwrap().push(secrets_in(&self.bytes[..self.size]).is_some());
    }
}

/// Makes memories that are searched. Wasmtime shows the memory of a component in no other way.
struct Memories(Arc<Mutex<Vec<bool>>>);

// SAFETY: as of `Memory`; no guard is promised, and the engine is configured to rely on none.
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        _: Option<usize>,
        _: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        const CAPACITY: usize = 16 << 20;
        Ok(Box::new(Memory { bytes: vec![0; CAPACITY].into(), size: minimum, found: Arc::clone(&self.0) }))
    }
}

/// A host whose guests' memories are searched, and what was found in each.
fn watched() -> (Host, Arc<Mutex<Vec<bool>>>) {
    let found = Arc::new(Mutex::new(Vec::new()));
    let mut config = Config::new();
    config.with_host_memory(Arc::new(Memories(Arc::clone(&found))));
    config.memory_reservation(0).memory_guard_size(0).memory_init_cow(false);
    (Host::builder().config(config).build().unwrap(), found)
}

#[tokio::test]
async fn no_secret_is_in_the_guest_s_memory_unless_the_authorization_hands_it_out() {
    let (watched, found) = watched();
    let tokens = token_service().await;
    let record = br#"{"result":{"number":"INC1","sys_id":"189d7fc183a51210d81dc590ceaad387"}}"#;
    let wire = ScriptedServer::run(vec![Step::Read, Step::Send(answer("201 Created", "", record))]).await;
    for grant in GRANTS {
        for (handout, shown) in [("", false), ("\ncredential = \"header\"", true)] {
            let authorizations = authorizations(&wire.origin, &tokens.origin, &format!("{grant}{handout}"));
            let host = watched.with(authorizations, Default::default()).unwrap();
            let call =
                || Call { authorization: "main".into(), instance: wire.origin.clone(), timeout_ms: Some(PATIENT_MS) };
            found.lock().unwrap().clear();
            let created = host.create(call(), columns(&[("urgency", "1")]), create()).await.outcome;
            assert!(matches!(created, CreateOutcome::IncidentCreated(_)), "{created:?}");
            host.get(call(), by("number", "INC1")).await;
            host.authenticate(call()).await;
            let found = found.lock().unwrap().clone();
            // Handed out it is found in some: a guest writes over what it no longer needs.
            assert_eq!((found.len(), found.contains(&true)), (3, shown), "{grant}{handout}");
        }
    }
}

#[tokio::test]
async fn no_secret_is_in_the_memory_of_event_sync_nor_in_its_log_its_ledger_or_its_outcomes() {
    let (log, _guard) = Log::start();
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    let (watched, found) = watched();
    let simulator = Simulator::start(Default::default()).await.unwrap();
    simulator.set(|settings| settings.password = "canary-password".into());
    let access = simulator.access().clone();
    let grants = [
        "grant = \"basic\"\nusername = \"flow.integration\"\npassword = \"canary-password\"".to_string(),
        format!(
            "grant = \"password\"\nclient-id = {:?}\nclient-secret = {:?}\nusername = \"flow.integration\"\npassword = \"canary-password\"",
            access.client_id, access.client_secret
        ),
    ];
    for grant in grants {
        let more = format!(
            "callback-secret = \"canary-callback-secret\"\nallowed-calls = [\"incidents\", \"events\", \"provisioning\"]\n{grant}"
        );
        let host = watched.with(authorizations(&access.base_url, &access.base_url, &more), Default::default()).unwrap();
        let sync = host.event_sync_with(&load(Artifact::Sync).unwrap(), SqliteLedger::open(&ledger).unwrap()).unwrap();
        let call =
            || Call { authorization: "main".into(), instance: access.base_url.clone(), timeout_ms: Some(PATIENT_MS) };
        let settings = || Settings {
            product: "Acme".into(),
            callback_url: "https://flows.example.com/callback".into(),
            tables: Vec::new(),
            condition: String::new(),
            columns: Vec::new(),
            automatic: true,
            button: true,
            legacy: Vec::new(),
            any_url: false,
            any_port: false,
            mid_server: None,
            rule_name: None,
        };
        let delivery = Delivery {
            authorization: "main".into(),
            headers: vec![("x-callback-secret".into(), "canary-callback-secret".into())],
            body: br#"{"note":"canary-callback-secret"}"#.to_vec(),
        };
        let selection =
            Selection { tables: vec!["incident".into()], time_zone: None, overlap_seconds: None, limit: None };
        let pushed = sync.push(call(), RULES.to_string(), alert(1, "Critical", "Trigger", "hello"), false).await;
        assert!(["created", "unchanged", "updated"].contains(&pushed.outcome.case()), "{pushed:?}");
        let shown = format!(
            "{pushed:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            sync.apply(call(), settings()).await,
            sync.inspect(call(), settings()).await,
            sync.deliver(delivery, Some(RULES.to_string()), |_| async { Ok::<_, String>(()) }).await,
            sync.since(call(), selection, None, None).await,
            sync.rotate(call(), settings()).await,
            sync.remove(call(), settings()).await,
            sync.preview(RULES.to_string(), alert(2, "Info", "Trigger", ""), false).await,
        );
        assert!(shown.contains("Create") && shown.contains("Acme"), "{shown}");
        assert_eq!(secrets_in(shown.as_bytes()), None, "{grant}");
        drop((sync, host));
        // A large memory is given back on another thread.
        while found.lock().unwrap().len() < 8 {
            tokio::task::yield_now().await;
        }
        let found = std::mem::take(&mut *found.lock().unwrap());
        assert!(!found.contains(&true), "{grant}: {found:?}");
        let kept = std::fs::read(&ledger).unwrap();
        assert!(!kept.is_empty() && secrets_in(&kept).is_none(), "{grant}");
    }
    let logged = log.text();
    assert!(logged.lines().count() > 1_000, "the log is really kept: {} lines", logged.lines().count());
    assert_eq!(secrets_in(logged.as_bytes()), None);
}

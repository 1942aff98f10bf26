//! What the tests of events have in common: an instance, a host, a receiver, and the event's side as a table.

use crate::support::{PATIENT_MS, host_with};
use host_test::components::flavour;
use host_test::components::load;
use host_test::lab::scenarios::authorizations;
use serde_json::{Value, json};
use servicenow_host::callbacks::{Change, Verdict};
use servicenow_host::event_sync::{ChangeHandler, NotDelivered, Receiver};
use servicenow_host::provisioning::{Settings, StepsOutcome};
use servicenow_host::push::PushOutcome;
use servicenow_host::types::Call;
use servicenow_host::{EventSync, Ledger, Limits, MemoryLedger, Outcome, Report};
use servicenow_simulator::{Options, Simulator};
use servicenow_test_support::client::write;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Rules for alerts, both ways: those of the README.
pub const RULES: &str = include_str!("../../../examples/rules.json");

/// An alert.
pub fn alert(id: u32, severity: &str, progress: &str, comment: &str) -> String {
    json!({"id": id, "title": format!("Disk {id} is full"), "text": "98 %", "severity": severity, "progress": progress,
        "comment": comment})
    .to_string()
}

/// Takes changes into a channel, and verdicts into another.
pub struct Handler {
    changes: UnboundedSender<Change>,
    verdicts: UnboundedSender<String>,
    /// Refuses what comes next, as often as this says.
    pub refusals: Mutex<u32>,
}

impl ChangeHandler for Handler {
    async fn handle(&self, change: &Change) -> Result<(), String> {
        let mut refusals = self.refusals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return Err("not now".to_string());
        }
        self.changes.send(change.clone()).map_err(|error| error.to_string())
    }

    fn judged(&self, verdict: &Result<Verdict, NotDelivered<String>>) {
        let name = match verdict {
            Ok(Verdict::Accepted(_)) => "accepted".to_string(),
            Ok(Verdict::Duplicate) => "duplicate".to_string(),
            Ok(Verdict::Stale) => "stale".to_string(),
            Ok(Verdict::Echo) => "echo".to_string(),
            Ok(Verdict::Late(_)) => "late".to_string(),
            Ok(Verdict::Ignored(_)) => "ignored".to_string(),
            Ok(Verdict::Unauthenticated) => "unauthenticated".to_string(),
            Ok(Verdict::InvalidData(violations)) => format!("invalid {}", violations[0].field),
            Err(error) => error.to_string(),
        };
        let _ = self.verdicts.send(name);
    }
}

/// An instance and a host that knows it.
pub struct TestBed {
    /// The instance.
    pub simulator: Simulator,
    /// Event sync of the host.
    pub sync: Arc<EventSync>,
    /// The receiver, where deliveries are set up.
    pub receiver: Option<Receiver>,
    /// The changes that arrived.
    pub changes: UnboundedReceiver<Change>,
    /// How deliveries were judged.
    pub verdicts: UnboundedReceiver<String>,
    /// Where changes are taken.
    pub handler: Arc<Handler>,
}

/// The host of all these tests, with its second component compiled once.
pub fn event_sync(simulator: &Simulator, ledger: impl Ledger) -> EventSync {
    static LOADED: LazyLock<EventSync> = LazyLock::new(|| {
        let host = host_with(Default::default(), Limits::default());
        host.event_sync_with(&load(flavour().sync).unwrap(), MemoryLedger::default()).unwrap()
    });
    LOADED.of(&host_with(authorizations(simulator), Limits::default()), ledger)
}

impl TestBed {
    /// An instance without deliveries.
    pub async fn set() -> Self {
        Self::on(Simulator::start(Options { seed: Some(1), ..Options::default() }).await.unwrap())
    }

    /// A bed with this instance.
    pub fn on(simulator: Simulator) -> Self {
        let sync = Arc::new(event_sync(&simulator, MemoryLedger::default()));
        let (change, changes) = unbounded_channel();
        let (verdict, verdicts) = unbounded_channel();
        let handler = Arc::new(Handler { changes: change, verdicts: verdict, refusals: Mutex::new(0) });
        Self { simulator, sync, receiver: None, changes, verdicts, handler }
    }

    /// An instance that delivers its changes to a receiver with these rules.
    pub async fn delivering(rules: &str) -> Self {
        let mut bed = Self::set().await;
        bed.receive(rules).await;
        let applied = bed.apply().await;
        assert!(matches!(applied, StepsOutcome::Steps(_)), "{applied:?}");
        bed
    }

    /// Starts the receiver.
    pub async fn receive(&mut self, rules: &str) {
        let started = Receiver::start(
            ([127, 0, 0, 1], 0).into(),
            Arc::clone(&self.sync),
            "events".to_string(),
            Some(rules.to_string()),
            Arc::clone(&self.handler),
        );
        self.receiver = Some(started.await.unwrap());
    }

    /// What is set up.
    pub fn settings(&self) -> Settings {
        let address = self.receiver.as_ref().map(Receiver::address);
        let callback_url =
            address.map_or("https://flows.example.com/hook".to_string(), |at| format!("http://{at}/hook"));
        Settings {
            product: "Acme".to_string(),
            callback_url,
            tables: Vec::new(),
            condition: String::new(),
            columns: Vec::new(),
            automatic: true,
            button: false,
            legacy: Vec::new(),
            any_url: true,
            any_port: false,
            mid_server: None,
            rule_name: None,
        }
    }

    /// Sets the instance up.
    pub async fn apply(&self) -> StepsOutcome {
        self.sync.apply(self.call("setup"), self.settings()).await.outcome
    }

    /// A call of this authorization.
    pub fn call(&self, authorization: &str) -> Call {
        Call {
            authorization: authorization.to_string(),
            instance: self.simulator.access().base_url.clone(),
            timeout_ms: Some(PATIENT_MS),
        }
    }

    /// Pushes an event.
    pub async fn push(&self, rules: &str, event: &str) -> Report<PushOutcome> {
        self.sync.push(self.call("events"), rules.to_string(), event.to_string(), false).await
    }

    /// Pushes an event, and names how that ended.
    pub async fn pushed(&self, event: &str) -> &'static str {
        self.push(RULES, event).await.outcome.case()
    }

    /// What an agent does in the instance.
    pub async fn agent(&self, path: &str, columns: Value) -> Value {
        let method = if path.contains('/') { "PATCH" } else { "POST" };
        let (status, answer) = write(&self.simulator.access().base_url, method, path, columns).await;
        assert!(status == 200 || status == 201, "{status} {answer}");
        answer["result"].clone()
    }

    /// The next change that arrives.
    pub async fn change(&mut self) -> Change {
        self.changes.recv().await.unwrap()
    }

    /// The next verdict.
    pub async fn verdict(&mut self) -> String {
        self.verdicts.recv().await.unwrap()
    }
}

/// The incident of a push that has one.
pub fn incident(outcome: &PushOutcome) -> servicenow_host::push::Pushed {
    match outcome {
        PushOutcome::Created(pushed)
        | PushOutcome::Updated(pushed)
        | PushOutcome::Commented(pushed)
        | PushOutcome::Reopened(pushed)
        | PushOutcome::Resolved(pushed)
        | PushOutcome::Unchanged(pushed) => pushed.clone(),
        other => panic!("{other:?}"),
    }
}

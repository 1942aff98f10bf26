//! Both ways on the simulator: it is set up, its agent changes an incident, and what it delivers is judged.

use super::Studio;
use super::calls::given;
use super::events::Events;
use serde::Deserialize;
use serde_json::{Value, json};
use servicenow_host::callbacks::{Change, Verdict};
use servicenow_host::changes::{ChangesOutcome, Selection};
use servicenow_host::event_sync::{ChangeHandler, NotDelivered, Receiver};
use servicenow_host::outcome::Outcome;
use servicenow_host::provisioning::Settings;
use servicenow_host::types::Call;
use servicenow_simulator::Simulator;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The product whose name the set-up has.
const PRODUCT: &str = "Studio";

/// The receiver, and what was set up.
#[derive(Default)]
pub struct Ways {
    state: Mutex<State>,
    /// Held by what changes the set-up or the receiver, which takes some requests.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    receiver: Option<Receiver>,
    /// Where the receiver was: it comes back there.
    address: Option<SocketAddr>,
    provisioned: bool,
}

/// What an agent does to the latest incident.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    urgency: Option<String>,
    comments: Option<String>,
    state: Option<String>,
}

/// Tells the page of each delivery.
struct Told(Events);

impl ChangeHandler for Told {
    async fn handle(&self, _: &Change) -> Result<(), String> {
        Ok(())
    }

    fn judged(&self, verdict: &Result<Verdict, NotDelivered<String>>) {
        let (name, change, why) = match verdict {
            Ok(Verdict::Accepted(accepted)) => ("accepted", Some(&accepted.change), None),
            Ok(Verdict::Late(accepted)) => ("late", Some(&accepted.change), None),
            Ok(Verdict::Duplicate) => ("duplicate", None, None),
            Ok(Verdict::Stale) => ("stale", None, None),
            Ok(Verdict::Echo) => ("echo", None, None),
            Ok(Verdict::Ignored(why)) => ("ignored", None, Some(why.clone())),
            Ok(Verdict::Unauthenticated) => ("unauthenticated", None, None),
            Ok(Verdict::InvalidData(_)) => ("invalid-data", None, None),
            Err(error) => ("not-taken", None, Some(error.to_string())),
        };
        self.0.tell(&delivery(name, change, why));
    }
}

fn delivery(verdict: &str, change: Option<&Change>, why: Option<String>) -> Value {
    json!({
        "kind": "delivery",
        "verdict": verdict,
        "number": change.map(|change| &change.number),
        "changed": change.map(|change| change.changed.clone()).unwrap_or_default(),
        "why": why,
    })
}

impl Ways {
    /// Waits until nobody else changes the set-up or the receiver.
    pub async fn changing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Stops the receiver, and forgets what was set up.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Studio {
    /// The authorization for events: on the simulator one of its own.
    pub fn events_authorization(&self) -> String {
        if self.simulator.is_some() { "events".to_string() } else { self.call.authorization.clone() }
    }

    /// What the view shows: whether the instance is set up, the receiver listens, and which incident is the latest.
    pub fn ways(&self, simulator: &Simulator) -> Value {
        let state = self.ways.lock();
        let latest = simulator.rows("incident").last().map(|row| {
            let [number, state, urgency] = ["number", "state", "urgency"].map(|name| row[name].to_string());
            json!({"number": number, "state": state, "urgency": urgency})
        });
        json!({"provisioned": state.provisioned, "receiving": state.receiver.is_some(), "incident": latest})
    }

    /// Stops the receiver, or starts it where it was.
    pub async fn receive(&self, on: bool) -> Result<(), String> {
        let _changing = self.ways.changing().await;
        self.set_receiver(on).await
    }

    async fn set_receiver(&self, on: bool) -> Result<(), String> {
        let address = self.ways.lock().address;
        if !on {
            self.ways.lock().receiver = None;
            return Ok(());
        }
        let listen = address.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let told = Arc::new(Told(self.events.clone()));
        let started = Receiver::start(listen, self.sync(), self.events_authorization(), None, told).await;
        let receiver = started.map_err(|error| format!("the receiver cannot listen: {error}"))?;
        let mut state = self.ways.lock();
        state.address = Some(receiver.address());
        state.receiver = Some(receiver);
        Ok(())
    }

    /// Sets the simulator up to deliver to the receiver.
    pub async fn provision(&self) -> Result<(), String> {
        let _changing = self.ways.changing().await;
        if self.ways.lock().receiver.is_none() {
            self.set_receiver(true).await?;
        }
        let address = self.ways.lock().address.ok_or("the receiver does not listen")?;
        let call = Call { authorization: "setup".to_string(), ..self.call.clone() };
        let settings = Settings {
            product: PRODUCT.to_string(),
            callback_url: format!("http://{address}/hook"),
            tables: vec!["incident".to_string()],
            condition: String::new(),
            columns: Vec::new(),
            automatic: true,
            button: false,
            legacy: Vec::new(),
            any_port: true,
            any_url: true,
            mid_server: None,
            rule_name: None,
        };
        let report = self.sync().apply(call, settings).await;
        if !report.outcome.is_success() {
            return Err(format!("setting up ended in {}", report.outcome.case()));
        }
        self.ways.lock().provisioned = true;
        // The cursor: what comes from now on is read where it was missed.
        self.reconcile().await
    }

    /// Does to the latest incident what an agent would.
    pub async fn agent(&self, simulator: &Simulator, edit: Value) -> Result<(), String> {
        let Edit { urgency, comments, state } = given(edit)?;
        let key = simulator.rows("incident").last().map(|row| row["sys_id"].to_string());
        let set = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("r.setValue({}, {});", json!(name), json!(value))).unwrap_or_default()
        };
        let comment = comments.as_ref().map(|text| format!("r.comments = {};", json!(text))).unwrap_or_default();
        let closing = state.as_deref().filter(|state| *state == "6").map_or(
            "",
            |_| "r.setValue('close_code', 'Resolved by caller'); r.setValue('close_notes', 'It works again');",
        );
        let changes = format!("{}{}{comment}{closing}", set("urgency", &urgency), set("state", &state));
        let script = match key {
            Some(key) => format!("var r = new GlideRecord('incident'); r.get({}); {changes} r.update();", json!(key)),
            None => format!(
                "var r = new GlideRecord('incident'); r.initialize(); r.setValue('short_description', 'Opened by an agent'); {changes} r.insert();"
            ),
        };
        simulator.run(&script).await.map(drop)
    }

    /// Reads what deliveries missed.
    pub async fn reconcile(&self) -> Result<(), String> {
        let call = Call { authorization: self.events_authorization(), ..self.call.clone() };
        let selection =
            Selection { tables: vec!["incident".to_string()], time_zone: None, overlap_seconds: None, limit: None };
        let events = self.events.clone();
        let act = |change: Change| {
            events.tell(&delivery("reconciled", Some(&change), None));
            async { Ok::<(), Infallible>(()) }
        };
        match self.sync().reconcile(&call, &selection, None, act).await {
            Ok((report, _)) if matches!(report.outcome, ChangesOutcome::ChangesPage(_)) => Ok(()),
            Ok((report, _)) => Err(format!("reading what was missed ended in {}", report.outcome.case())),
            Err(error) => Err(error.to_string()),
        }
    }
}

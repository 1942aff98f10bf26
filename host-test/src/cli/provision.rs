//! `provision`: sets an instance up to deliver its changes.

use super::connection::Connection;
use super::{print, print_table, table};
use crate::lab::invocation::Finished;
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;
use servicenow_host::Report;
use servicenow_host::callbacks::{Change, Verdict};
use servicenow_host::event_sync::{ChangeHandler, EventSync, NotDelivered, Receiver};
use servicenow_host::json::{kebab, to_json};
use servicenow_host::outcome::Outcome;
use servicenow_host::provisioning::{
    BrokenOff, LegacyKind, LegacyRecord, ProbeOutcome, Settings, Step, StepsOutcome, TestChange,
};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch::{Sender, channel};

/// What to do with the set-up.
#[derive(Subcommand)]
pub enum Provision {
    /// Show what `apply` would do, and why
    Plan(SetUp),
    /// Set up what is missing or different, and nothing else
    Apply(SetUp),
    /// Show the set-up as it is: drift, earlier rules, missing roles, the last deliveries
    Inspect(SetUp),
    /// Write the callback secret anew, after it changed in the authorizations file
    Rotate(SetUp),
    /// Switch the rule off; the button goes on
    Pause(SetUp),
    /// Switch the rule on
    Resume(SetUp),
    /// Remove what was set up, and nothing that others made
    Remove(SetUp),
    /// Print the same records as an update set, for an administrator to load under Retrieved Update Sets
    Export {
        #[command(flatten)]
        product: Product,
        /// Write it to this file instead of standard output
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make a harmless change, wait for its delivery, and remove what was made
    Verify {
        #[command(flatten)]
        set_up: SetUp,
        /// Where deliveries to the callback address arrive on this machine
        #[arg(long, value_name = "ADDRESS")]
        listen: SocketAddr,
    },
}

/// What is to be set up, and where.
#[derive(Args)]
pub struct SetUp {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    product: Product,
}

/// What is to be set up.
#[derive(Args)]
pub struct Product {
    /// The product's name: it names the properties, the rule and the log entries
    #[arg(long, value_name = "NAME")]
    product: String,
    /// Where deliveries go: an https address without a port, unless --any-port
    #[arg(long, value_name = "URL")]
    callback_url: String,
    /// A table of the task family whose changes are delivered; may be given several times, all six where absent
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// An encoded query that a record must meet, as copied from a list's filter
    #[arg(long, value_name = "QUERY", default_value = "")]
    condition: String,
    /// A column to deliver beside the usual ones, such as u_site; may be given several times
    #[arg(long = "column", value_name = "NAME")]
    columns: Vec<String>,
    /// Make no rule: only the button delivers
    #[arg(long, requires = "button")]
    manual: bool,
    /// Give incidents a button that delivers them by hand
    #[arg(long)]
    button: bool,
    /// A business rule that was made by hand and that this one takes the place of; may be given several times
    #[arg(long = "legacy-rule", value_name = "NAME")]
    legacy_rules: Vec<String>,
    /// A UI action that was made by hand and that goes; may be given several times
    #[arg(long = "legacy-button", value_name = "NAME")]
    legacy_buttons: Vec<String>,
    /// A script include that was made by hand and that goes; may be given several times
    #[arg(long = "legacy-script", value_name = "NAME")]
    legacy_scripts: Vec<String>,
    /// Take a callback address with a port
    #[arg(long)]
    any_port: bool,
    /// The MID server that deliveries go through, by its name on the instance
    #[arg(long, value_name = "NAME")]
    mid_server: Option<String>,
    /// The rule's name, where it is not to be "PRODUCT: deliver changes"
    #[arg(long, value_name = "NAME")]
    rule_name: Option<String>,
    /// Take a callback address over http or with a port: for tests
    #[arg(long)]
    any_url: bool,
}

impl Product {
    fn settings(&self) -> Settings {
        let legacy = [
            (LegacyKind::Rule, &self.legacy_rules),
            (LegacyKind::Button, &self.legacy_buttons),
            (LegacyKind::ScriptInclude, &self.legacy_scripts),
        ];
        let legacy = legacy
            .into_iter()
            .flat_map(|(kind, names)| names.iter().map(move |name| LegacyRecord { kind, name: name.clone() }));
        Settings {
            product: self.product.clone(),
            callback_url: self.callback_url.clone(),
            tables: self.tables.clone(),
            condition: self.condition.clone(),
            columns: self.columns.clone(),
            automatic: !self.manual,
            button: self.button,
            legacy: legacy.collect(),
            any_url: self.any_url,
            any_port: self.any_port,
            mid_server: self.mid_server.clone(),
            rule_name: self.rule_name.clone(),
        }
    }
}

impl SetUp {
    fn settings(&self) -> Settings {
        self.product.settings()
    }

    fn event_sync(&self) -> anyhow::Result<EventSync> {
        // One call, and the judging of its delivery beside it.
        self.connection.target.event_sync(&self.connection.target.host_for(4)?, None)
    }

    fn show_steps(&self, report: Report<StepsOutcome>) -> anyhow::Result<bool> {
        let steps = match &report.outcome {
            StepsOutcome::Steps(steps)
            | StepsOutcome::ProvisioningFailure(BrokenOff { done: steps, .. })
            | StepsOutcome::Timeout(BrokenOff { done: steps, .. })
            | StepsOutcome::Error(BrokenOff { done: steps, .. }) => steps.clone(),
            StepsOutcome::InvalidData(_) | StepsOutcome::AuthorizationFail(_) => Vec::new(),
        };
        let well = report.outcome.is_success();
        let finished = Finished::from(report);
        if self.connection.json || !well {
            self.connection.show(&finished, "")?;
        } else {
            let mut lines = table(&["step", "record", "name", "why"]);
            lines.add_rows(steps.iter().map(row));
            print_table(&lines);
            self.connection.trace(&finished);
        }
        Ok(well)
    }
}

fn row(step: &Step) -> [String; 4] {
    let name = |debug: String| kebab(debug.rsplit("::").next().unwrap_or_default());
    [name(format!("{:?}", step.action)), name(format!("{:?}", step.artifact)), step.name.clone(), step.why.clone()]
}

impl Provision {
    /// Whether it went well.
    pub async fn run(self) -> anyhow::Result<bool> {
        match self {
            Provision::Plan(set_up) => {
                let report = set_up.event_sync()?.plan(set_up.connection.target.call(), set_up.settings()).await;
                set_up.show_steps(report)
            }
            Provision::Apply(set_up) => {
                let report = set_up.event_sync()?.apply(set_up.connection.target.call(), set_up.settings()).await;
                set_up.show_steps(report)
            }
            Provision::Rotate(set_up) => {
                let report = set_up.event_sync()?.rotate(set_up.connection.target.call(), set_up.settings()).await;
                set_up.show_steps(report)
            }
            Provision::Pause(set_up) => {
                let report = set_up.event_sync()?.pause(set_up.connection.target.call(), set_up.settings()).await;
                set_up.show_steps(report)
            }
            Provision::Resume(set_up) => {
                let report = set_up.event_sync()?.resume(set_up.connection.target.call(), set_up.settings()).await;
                set_up.show_steps(report)
            }
            Provision::Remove(set_up) => {
                let report = set_up.event_sync()?.remove(set_up.connection.target.call(), set_up.settings()).await;
                set_up.show_steps(report)
            }
            Provision::Inspect(set_up) => {
                let report = set_up.event_sync()?.inspect(set_up.connection.target.call(), set_up.settings()).await;
                let well = report.outcome.is_success();
                set_up.connection.show(&Finished::from(report), "")?;
                Ok(well)
            }
            Provision::Export { product, output } => export(&product, output.as_deref()).await,
            Provision::Verify { set_up, listen } => verify(&set_up, listen).await,
        }
    }
}

async fn export(product: &Product, output: Option<&Path>) -> anyhow::Result<bool> {
    let sync = super::map::event_sync()?;
    let made = sync.update_set(product.settings()).await.map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let update_set = match made {
        Ok(update_set) => update_set,
        Err(violations) => {
            super::show::value(&json!({"violations": to_json(&violations)}));
            return Ok(false);
        }
    };
    match output {
        Some(file) => std::fs::write(file, update_set).with_context(|| format!("cannot write {}", file.display()))?,
        None => print(&update_set),
    }
    Ok(true)
}

/// Waits for one delivery.
struct Waiter {
    arrived: Sender<Vec<(String, Option<u32>)>>,
    refused: AtomicBool,
}

impl ChangeHandler for Waiter {
    async fn handle(&self, change: &Change) -> Result<(), String> {
        self.arrived.send_modify(|all| all.push((change.sys_id.clone(), change.mod_count)));
        Ok(())
    }

    fn judged(&self, verdict: &Result<Verdict, NotDelivered<String>>) {
        if matches!(verdict, Ok(Verdict::Unauthenticated)) {
            self.refused.store(true, Ordering::Relaxed);
        }
    }
}

/// Removes the incident of a test, and says so where that fails. Whether it is removed.
async fn end_test(set_up: &SetUp, sync: &EventSync) -> anyhow::Result<bool> {
    let removed = sync.end_probe(set_up.connection.target.call(), set_up.settings()).await;
    let is_removed = removed.outcome.is_success();
    if !is_removed {
        print("the incident of the test may be left: it could not be removed");
        set_up.connection.show(&Finished::from(removed), "")?;
    }
    Ok(is_removed)
}

async fn verify(set_up: &SetUp, listen: SocketAddr) -> anyhow::Result<bool> {
    if set_up.product.manual {
        anyhow::bail!("verify: with --manual only the button delivers; press it on an incident while `listen` runs");
    }
    let sync = Arc::new(set_up.event_sync()?);
    let (arrived, mut arrivals) = channel(Vec::new());
    let waiter = Arc::new(Waiter { arrived, refused: AtomicBool::new(false) });
    let authorization = set_up.connection.target.authorization.clone();
    let receiver = Receiver::start(listen, Arc::clone(&sync), authorization, None, Arc::clone(&waiter));
    let _receiver = receiver
        .await
        .map_err(|error| anyhow::anyhow!("--listen {listen}: {error}; give an address of this machine"))?;
    let report = sync.probe(set_up.connection.target.call(), set_up.settings()).await;
    let ProbeOutcome::Changed(TestChange { number, sys_id, version }) = &report.outcome else {
        set_up.connection.show(&Finished::from(report), "")?;
        // It may be there all the same.
        end_test(set_up, &sync).await?;
        return Ok(false);
    };
    let (number, wanted) = (number.clone(), (sys_id.clone(), Some(*version)));
    let delivered = arrivals.wait_for(|all| all.contains(&wanted));
    let delivered = tokio::time::timeout(set_up.connection.target.patience(), delivered).await;
    let is_removed = end_test(set_up, &sync).await?;
    if delivered.is_ok() {
        print(&format!("delivered: version {version} of {number}"));
        return Ok(is_removed);
    }
    let problem = if waiter.refused.load(Ordering::Relaxed) {
        "something arrived without the secret: if it was this delivery, run `provision rotate`"
    } else if !set_up.product.condition.is_empty() {
        "nothing arrived; the test incident is cancelled and of low urgency, so the condition may leave it out"
    } else {
        "nothing arrived in time"
    };
    print(&format!("not delivered: version {version} of {number}: {problem}"));
    let report = sync.inspect(set_up.connection.target.call(), set_up.settings()).await;
    super::show::value(&to_json(&report.outcome)["value"]);
    Ok(false)
}

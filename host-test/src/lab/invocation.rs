//! A call as a value, for everything that makes calls by name: the command line and the scenarios.

use serde::Serialize;
use serde_json::Value;
use servicenow_host::Exchange;
use servicenow_host::Host;
use servicenow_host::incidents::{CreateOptions, IncidentRef, RequestBody, UpdateOptions};
use servicenow_host::json::to_json;
use servicenow_host::manifest::Node;
use servicenow_host::outcome::Outcome;
use servicenow_host::types::Call;
use servicenow_host::{EndedBy, Report};
use std::time::Duration;

/// A method with its inputs, but for the ones that every method has.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// Create.
    Create(RequestBody, CreateOptions),
    /// Get.
    Get(IncidentRef),
    /// Update: sys_id, columns, options.
    Update(String, RequestBody, UpdateOptions),
    /// Find: encoded query, limit, offset.
    Find(String, u32, u32),
    /// Columns.
    Columns,
    /// Authenticate.
    Authenticate,
}

/// How an invocation ended.
#[derive(Debug)]
pub struct Finished {
    /// The method.
    pub method: &'static str,
    /// The outcome's case.
    pub case: &'static str,
    /// Whether it is the method's success.
    pub is_success: bool,
    /// What the case carries, in the JSON mapping of the interface.
    pub value: Value,
    /// How long it took.
    pub elapsed: Duration,
    /// How long it waited, of that, for its turn.
    pub waited: Duration,
    /// How long the component ran, of that.
    pub computed: Duration,
    /// The HTTP exchanges made.
    pub exchanges: Vec<Exchange>,
    /// Who ended the call.
    pub ended_by: EndedBy,
}

impl Invocation {
    /// Makes the call.
    pub async fn run(self, host: &Host, call: Call) -> Finished {
        match self {
            Invocation::Create(body, options) => host.create(call, body, options).await.into(),
            Invocation::Get(incident) => host.get(call, incident).await.into(),
            Invocation::Update(sys_id, body, options) => host.update(call, sys_id, body, options).await.into(),
            Invocation::Find(query, limit, offset) => host.find(call, query, limit, offset).await.into(),
            Invocation::Columns => host.columns(call).await.into(),
            Invocation::Authenticate => host.authenticate(call).await.into(),
        }
    }
}

impl<T: Outcome + Serialize> From<Report<T>> for Finished {
    fn from(report: Report<T>) -> Self {
        Self {
            method: T::METHOD,
            case: report.outcome.case(),
            is_success: report.outcome.is_success(),
            value: to_json(&report.outcome)["value"].take(),
            elapsed: report.elapsed,
            waited: report.waited,
            computed: report.computed,
            exchanges: report.exchanges,
            ended_by: report.ended_by,
        }
    }
}

/// The name that an outcome has in the original node; empty where the manifest lacks it.
pub fn node_outcome<'a>(node: &'a Node, method: &str, case: &str) -> &'a str {
    let outcomes = node.methods.iter().filter(|known| known.name == method).flat_map(|method| &method.outcomes);
    outcomes.into_iter().find(|outcome| outcome.case_name == case).map_or("", |outcome| &outcome.node_name)
}

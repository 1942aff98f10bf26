//! The host: built once, called many times and from many tasks at once.

use crate::authorizations::Authorizations;
use crate::bindings::exports::servicenow::plugin::authorization::AuthenticateOutcome;
use crate::bindings::exports::servicenow::plugin::incidents::{
    ColumnResult, ColumnsOutcome, CreateOptions, CreateOutcome, FindOutcome, GetOutcome, IncidentRef, Made, Receipt,
    RequestBody, Stored, UpdateOptions, UpdateOutcome,
};
use crate::bindings::exports::servicenow::plugin::manifest::Node;
use crate::bindings::exports::servicenow::plugin::types::{Call, Reason};
use crate::egress::Connections;
use crate::engine::component::LoadedComponent;
use crate::engine::functions::{FunctionIndex, NodeFunctions};
use crate::error::BuildError;
use crate::intent::Intent;
use crate::limits::Limits;
use crate::outcome::ended_by_host;
use crate::runner::{EndedBy, Report, Runner};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// The world of the component that a host calls.
pub(crate) const NODE_WORLD: &str = "incident-node";

/// A host with a loaded component.
pub struct Host {
    pub(crate) runner: Runner,
    pub(crate) exports: Arc<NodeFunctions>,
    pub(crate) cache: Option<PathBuf>,
}

impl Host {
    /// The same component with other authorizations and limits, for an engine whose authorizations change while it runs.
    /// Nothing is compiled again; tokens and connections are new.
    pub fn with(&self, authorizations: Authorizations, limits: Limits) -> Result<Self, BuildError> {
        self.with_connections(authorizations, limits, Connections::Kept)
    }

    /// Another component of the world `incident-node` or `plugin` with this host's authorizations, tokens and connections, in the
    /// same budgets.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a component.
    pub fn with_component(&self, component: &[u8]) -> Result<Self, BuildError> {
        let functions = NodeFunctions::load(&self.runner.engine, component, self.cache.as_deref());
        let functions = functions.map_err(|error| BuildError::Component { world: NODE_WORLD, error })?;
        Ok(Self { runner: self.runner.clone(), exports: Arc::new(functions), cache: self.cache.clone() })
    }

    /// The same with connections that are kept or not, to compare the two.
    pub fn with_connections(
        &self,
        authorizations: Authorizations,
        limits: Limits,
        connections: Connections,
    ) -> Result<Self, BuildError> {
        let runner = self.runner.with(authorizations, limits, connections)?;
        Ok(Self { runner, exports: Arc::new(self.exports.afresh()), cache: self.cache.clone() })
    }

    /// Creates an incident. Where the call has no correlation id the host makes one: the guest's own would be lost with
    /// a call that has to be killed.
    pub async fn create(&self, call: Call, body: RequestBody, mut options: CreateOptions) -> Report<CreateOutcome> {
        let started = Instant::now();
        let key = correlation_id(&body, &options).unwrap_or_else(|| {
            let made = uuid::Uuid::new_v4().simple().to_string();
            options.correlation_id = Some(made.clone());
            made
        });
        let authorization = call.authorization.clone();
        let report = self
            .runner
            .run(started, call, Intent::create(key), self.function(|exports| &exports.create), |call| {
                (call, body, options)
            })
            .await;
        if let CreateOutcome::IncidentCreated(Receipt { made: Made::Found, columns, number, .. }) = &report.outcome {
            let lost = |column: &ColumnResult| column.stored == Stored::NotStored;
            if !columns.is_empty() && columns.iter().all(lost) {
                // Somebody else may have made a record with the key that this create chooses.
                tracing::warn!(
                    authorization,
                    number,
                    "the create found a record that holds nothing of what was sent: look at it"
                );
            }
        }
        report
    }

    /// Gets an incident.
    pub async fn get(&self, call: Call, incident: IncidentRef) -> Report<GetOutcome> {
        self.runner
            .run(Instant::now(), call, Intent::read(), self.function(|exports| &exports.get), |call| (call, incident))
            .await
    }

    /// Updates an incident.
    pub async fn update(
        &self,
        call: Call,
        sys_id: String,
        body: RequestBody,
        options: UpdateOptions,
    ) -> Report<UpdateOutcome> {
        self.runner
            .run(Instant::now(), call, Intent::write(), self.function(|exports| &exports.update), |call| {
                (call, sys_id, body, options)
            })
            .await
    }

    /// Finds incidents.
    pub async fn find(&self, call: Call, query: String, limit: u32, offset: u32) -> Report<FindOutcome> {
        self.runner
            .run(Instant::now(), call, Intent::read(), self.function(|exports| &exports.find), |call| {
                (call, query, limit, offset)
            })
            .await
    }

    /// Reads the columns of the incident table.
    pub async fn columns(&self, call: Call) -> Report<ColumnsOutcome> {
        self.runner
            .run(Instant::now(), call, Intent::read(), self.function(|exports| &exports.columns), |call| (call,))
            .await
    }

    /// Whether the component can check an authorization: one of the world `plugin` can, one of `incident-node` cannot.
    pub fn authenticates(&self) -> bool {
        self.exports.authenticate.is_some()
    }

    /// Checks an authorization.
    pub async fn authenticate(&self, call: Call) -> Report<AuthenticateOutcome> {
        let started = Instant::now();
        let Some(authenticate) = &self.exports.authenticate else {
            let message = "this component is of the world incident-node, which does not check authorizations";
            let failure = ended_by_host(Reason::UnsupportedRequest, message, false, None);
            let outcome = AuthenticateOutcome::Error(failure);
            return Report::without_exchange(started, outcome, EndedBy::Host);
        };
        self.runner.run(started, call, Intent::read(), (&self.exports.component, authenticate), |call| (call,)).await
    }

    /// Describes the node. The error is a component that does not keep to its world.
    pub async fn describe(&self) -> wasmtime::Result<Node> {
        let (component, describe) = self.function(|exports| &exports.describe);
        self.runner.compute("", |state| state, component, describe, ()).await
    }

    /// Makes an instance and drops it: what every call pays before its own work.
    pub async fn instantiate(&self) -> wasmtime::Result<()> {
        self.runner.instantiate(&self.exports.component).await
    }

    /// A function with the component that has it.
    fn function(&self, function: impl FnOnce(&NodeFunctions) -> &FunctionIndex) -> (&LoadedComponent, &FunctionIndex) {
        (&self.exports.component, function(&self.exports))
    }
}

/// The correlation id that a create is made with, if it has one: read as the component reads it.
fn correlation_id(body: &RequestBody, options: &CreateOptions) -> Option<String> {
    let mut found = None;
    match body {
        _ if options.correlation_id.is_some() => return options.correlation_id.clone(),
        RequestBody::Fields(pairs) => {
            found = pairs.iter().find(|(name, _)| name == "correlation_id").map(|(_, value)| value.clone());
        }
        RequestBody::Json(text) => {
            // What is not JSON is the component's to refuse.
            let _ = servicenow_core::json::read_object(text, &mut |name, reader| {
                let value = reader.text()?;
                if name == "correlation_id" {
                    found = value;
                }
                Ok(())
            });
        }
    }
    found
}

//! Setting an instance up to deliver its changes, and looking at how it is set up.

use super::service::EventSync;
use crate::bindings::exports::servicenow::plugin::provisioning::{
    InspectOutcome, LegacyKind, ProbeOutcome, Settings, StepsOutcome,
};
use crate::bindings::exports::servicenow::plugin::types::{Call, Violation};
use crate::engine::functions::{FunctionIndex, SyncFunctions};
use crate::intent::Intent;
use crate::runner::Report;
use servicenow_core::set_up::SetUp;
use servicenow_core::set_up_of;
use std::time::Instant;

impl EventSync {
    /// What setting up would do.
    pub async fn plan(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, false, |exports| &exports.plan).await
    }

    /// Sets the instance up.
    pub async fn apply(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.apply).await
    }

    /// Writes the callback secret anew.
    pub async fn rotate(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.rotate).await
    }

    /// Switches deliveries off.
    pub async fn pause(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.pause).await
    }

    /// Switches deliveries on.
    pub async fn resume(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.resume).await
    }

    /// Removes what was set up.
    pub async fn remove(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.remove).await
    }

    /// Shows the set-up as it is.
    pub async fn inspect(&self, call: Call, settings: Settings) -> Report<InspectOutcome> {
        let inspect = self.function(|exports| &exports.inspect);
        let intent = Intent::set_up(set_up(&settings), false);
        self.runner.run(Instant::now(), call, intent, inspect, |call| (call, settings)).await
    }

    /// Makes a harmless change, so that a delivery follows.
    pub async fn probe(&self, call: Call, settings: Settings) -> Report<ProbeOutcome> {
        let probe = self.function(|exports| &exports.probe);
        let intent = Intent::set_up(set_up(&settings), true);
        self.runner.run(Instant::now(), call, intent, probe, |call| (call, settings)).await
    }

    /// Removes the incident that the change was made to.
    pub async fn end_probe(&self, call: Call, settings: Settings) -> Report<StepsOutcome> {
        self.steps(call, settings, true, |exports| &exports.end_probe).await
    }

    /// The same records as an update set, which an administrator loads. Needs no network.
    pub async fn update_set(&self, settings: Settings) -> wasmtime::Result<Result<String, Vec<Violation>>> {
        let (component, update_set) = self.function(|exports| &exports.update_set);
        self.runner.compute("", |state| state, component, update_set, (settings,)).await
    }

    async fn steps(
        &self,
        call: Call,
        settings: Settings,
        writes: bool,
        function: impl FnOnce(&SyncFunctions) -> &FunctionIndex,
    ) -> Report<StepsOutcome> {
        let function = self.function(function);
        let intent = Intent::set_up(set_up(&settings), writes);
        self.runner.run(Instant::now(), call, intent, function, |call| (call, settings)).await
    }
}

/// What the operator asks for, as the policy checks it.
fn set_up(settings: &Settings) -> SetUp {
    set_up_of!(settings, LegacyKind)
}

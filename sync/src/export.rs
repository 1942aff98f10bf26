//! What the component exports: one thin implementation per interface.

use crate::bindings::callbacks::{self, Delivery, NamesOutcome, Verdict};
use crate::bindings::changes::{self, ChangesOutcome, Selection};
use crate::bindings::mapping::{self, InstanceColumn, ItemsOutcome, PathsOutcome, PreviewOutcome};
use crate::bindings::provisioning::{self, InspectOutcome, ProbeOutcome, Settings, StepsOutcome};
use crate::bindings::push::{self, PushOutcome};
use crate::ledger::Imported;

use servicenow_core::bindings::credentials;
use servicenow_core::bindings::types::{Call, Violation};
use servicenow_core::imports::ImportedHost;

/// The component.
pub struct Component;

impl mapping::Guest for Component {
    fn preview(rules: String, event: String, manual: bool, columns: Vec<InstanceColumn>) -> PreviewOutcome {
        crate::mapping::preview(&rules, &event, manual, &columns)
    }

    fn items(rules: String, event: String) -> ItemsOutcome {
        crate::mapping::items(&rules, &event)
    }

    fn paths(event: String) -> PathsOutcome {
        crate::mapping::paths(&event)
    }
}

impl push::Guest for Component {
    fn push(call: Call, rules: String, event: String, manual: bool) -> PushOutcome {
        crate::push::push(&call, &rules, &event, manual, &mut Imported(&call.authorization), &mut ImportedHost)
    }
}

impl callbacks::Guest for Component {
    fn receive(delivery: Delivery, rules: Option<String>) -> Verdict {
        let ledger = &mut Imported(&delivery.authorization);
        crate::callbacks::receive(&delivery, rules.as_deref(), ledger, credentials::verify_callback)
    }

    fn names(call: Call, table: String, sys_id: String) -> NamesOutcome {
        crate::callbacks::names(&call, &table, &sys_id, &mut ImportedHost)
    }
}

impl changes::Guest for Component {
    fn since(call: Call, selection: Selection, rules: Option<String>, cursor: Option<String>) -> ChangesOutcome {
        let ledger = &mut Imported(&call.authorization);
        crate::changes::since(&call, &selection, rules.as_deref(), cursor.as_deref(), ledger, &mut ImportedHost)
    }
}

impl provisioning::Guest for Component {
    fn plan(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::plan(&call, &settings, &mut ImportedHost)
    }

    fn apply(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::apply(&call, &settings, &mut ImportedHost)
    }

    fn inspect(call: Call, settings: Settings) -> InspectOutcome {
        crate::provisioning::inspect(&call, &settings, &mut ImportedHost)
    }

    fn rotate(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::rotate(&call, &settings, &mut ImportedHost)
    }

    fn pause(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::pause(&call, &settings, &mut ImportedHost)
    }

    fn resume(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::resume(&call, &settings, &mut ImportedHost)
    }

    fn remove(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::remove(&call, &settings, &mut ImportedHost)
    }

    fn probe(call: Call, settings: Settings) -> ProbeOutcome {
        crate::provisioning::probe(&call, &settings, &mut ImportedHost)
    }

    fn end_probe(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::end_probe(&call, &settings, &mut ImportedHost)
    }

    fn update_set(settings: Settings) -> Result<String, Vec<Violation>> {
        crate::provisioning::update_set(&settings, &ImportedHost)
    }
}

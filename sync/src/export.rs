//! What the component exports: one thin implementation per interface.

use crate::bindings::callbacks::{self, Delivery, Judgement, Known, NamesOutcome, Verdict, Version};
use crate::bindings::changes::{self, ChangesOutcome, Selection};
use crate::bindings::mapping::{self, PathsOutcome, PreviewOutcome};
use crate::bindings::provisioning::{self, InspectOutcome, ProbeOutcome, Settings, StepsOutcome};
use crate::bindings::sync::{self, PushOutcome};

use servicenow_core::bindings::credentials;
use servicenow_core::bindings::types::Call;
use servicenow_core::wasi::p2::Wasi;

/// The component.
pub struct Component;

impl mapping::Guest for Component {
    fn preview(rules: String, event: String, manual: bool) -> PreviewOutcome {
        crate::mapping::preview(&rules, &event, manual)
    }

    fn paths(event: String) -> PathsOutcome {
        crate::mapping::paths(&event)
    }
}

impl sync::Guest for Component {
    fn push(call: Call, rules: String, event: String, manual: bool) -> PushOutcome {
        crate::push::push(&call, &rules, &event, manual, &mut Wasi)
    }
}

impl callbacks::Guest for Component {
    fn subject(body: Vec<u8>) -> Option<String> {
        crate::callbacks::subject(&body)
    }

    fn receive(delivery: Delivery, rules: Option<String>, known: Known) -> Verdict {
        crate::callbacks::receive(&delivery, rules.as_deref(), &known, |authorization, presented| {
            credentials::verify_callback(authorization, presented)
        })
    }

    fn judge(version: Version, known: Known) -> Judgement {
        crate::callbacks::judge(&version, &known)
    }

    fn names(call: Call, table: String, sys_id: String) -> NamesOutcome {
        crate::callbacks::names(&call, &table, &sys_id, &mut Wasi)
    }
}

impl changes::Guest for Component {
    fn since(call: Call, selection: Selection, rules: Option<String>, cursor: Option<String>) -> ChangesOutcome {
        crate::changes::since(&call, &selection, rules.as_deref(), cursor.as_deref(), &mut Wasi)
    }
}

impl provisioning::Guest for Component {
    fn plan(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::plan(&call, &settings, &mut Wasi)
    }

    fn apply(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::apply(&call, &settings, &mut Wasi)
    }

    fn inspect(call: Call, settings: Settings) -> InspectOutcome {
        crate::provisioning::inspect(&call, &settings, &mut Wasi)
    }

    fn rotate(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::rotate(&call, &settings, &mut Wasi)
    }

    fn pause(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::pause(&call, &settings, &mut Wasi)
    }

    fn resume(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::resume(&call, &settings, &mut Wasi)
    }

    fn remove(call: Call, settings: Settings) -> StepsOutcome {
        crate::provisioning::remove(&call, &settings, &mut Wasi)
    }

    fn probe(call: Call, settings: Settings) -> ProbeOutcome {
        crate::provisioning::probe(&call, &settings, &mut Wasi)
    }
}

//! The world `sync`. An event of `push`, and the condition of a set-up, say what to do as lines of `NAME=VALUE`; the message of
//! the outcome says what was seen. A delivery is told back as it came.

use crate::attacks::Order;
use crate::bindings::exports::servicenow::plugin::callbacks::{Delivery, Guest as Callbacks, NamesOutcome, Verdict};
use crate::bindings::exports::servicenow::plugin::changes::{ChangesOutcome, Guest as Changes, Selection};
use crate::bindings::exports::servicenow::plugin::mapping::{
    Guest as Mapping, InstanceColumn, ItemsOutcome, PathsOutcome, PreviewOutcome,
};
use crate::bindings::exports::servicenow::plugin::provisioning::{
    BrokenOff, Guest as Provisioning, InspectOutcome, ProbeOutcome, Settings, StepsOutcome,
};
use crate::bindings::exports::servicenow::plugin::push::{Guest as Push, PushOutcome};
use crate::bindings::exports::servicenow::plugin::types::{Call, Failure, Reason, Retry, Violation, WriteHappened};
use crate::bindings::servicenow::plugin::{credentials, ledger};

/// The component.
pub struct Guest;

fn ordered(text: &str) -> Failure {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let mut order = Order(lines.map(|(name, value)| (name.to_string(), value.to_string())).collect());
    failure(if order.text("attack") == "ledger" { ask_ledger(&order) } else { order.attack() })
}

/// Asks the ledger, as often as it is told to.
fn ask_ledger(order: &Order) -> String {
    let (authorization, name) = (order.text("authorization"), order.text("name").repeat(times(order, "name times")));
    let text = order.text("text").repeat(times(order, "text times"));
    for at in 0..times(order, "times") {
        match order.text("call") {
            "known" => drop(ledger::known(authorization, &name)),
            "seen" => drop(ledger::seen(authorization, &name, None, &text)),
            "remember" => ledger::remember(authorization, &format!("{name}{at}"), &text),
            "last-event" => drop(ledger::last_event(authorization, &name)),
            _ => drop(ledger::claim_note(authorization, &name, "digest")),
        }
    }
    "answered".to_string()
}

fn times(order: &Order, name: &str) -> usize {
    order.text(name).parse().unwrap_or(1)
}

fn failure(message: String) -> Failure {
    Failure {
        status: None,
        reason: Reason::Lost,
        message,
        detail: None,
        retry: Retry::Never,
        retry_after_ms: None,
        write_happened: WriteHappened::No,
        correlation_id: None,
    }
}

fn seen(given: String) -> Vec<Violation> {
    vec![Violation { field: "seen".to_string(), given, expected: String::new() }]
}

fn set_up(settings: &Settings) -> StepsOutcome {
    StepsOutcome::ProvisioningFailure(BrokenOff { done: Vec::new(), failure: ordered(&settings.condition) })
}

impl Push for Guest {
    fn push(_: Call, _: String, event: String, _: bool) -> PushOutcome {
        PushOutcome::Error(ordered(&event))
    }
}

impl Mapping for Guest {
    fn preview(_: String, event: String, _: bool, _: Vec<InstanceColumn>) -> PreviewOutcome {
        PreviewOutcome::FilteredOut(ordered(&event).message)
    }

    fn items(_: String, event: String) -> ItemsOutcome {
        ItemsOutcome::Items(vec![event])
    }

    fn paths(_: String) -> PathsOutcome {
        PathsOutcome::Paths(Vec::new())
    }
}

impl Callbacks for Guest {
    fn receive(delivery: Delivery, rules: Option<String>) -> Verdict {
        let body = String::from_utf8_lossy(&delivery.body);
        if let Some(order) = rules {
            return Verdict::InvalidData(seen(ordered(&order).message));
        }
        let presented = delivery.headers.iter().find(|(name, _)| name == "x-callback-secret");
        let presented = presented.map(|(_, value)| value.as_str()).unwrap_or_default();
        let verified = [&delivery.authorization, "other", &delivery.authorization]
            .map(|name| credentials::verify_callback(name, presented));
        Verdict::InvalidData(seen(format!("{:?} {body} {verified:?}", delivery.headers)))
    }

    fn names(_: Call, table: String, _: String) -> NamesOutcome {
        NamesOutcome::Error(ordered(&table))
    }
}

impl Changes for Guest {
    fn since(_: Call, _: Selection, rules: Option<String>, _: Option<String>) -> ChangesOutcome {
        ChangesOutcome::Error(ordered(&rules.unwrap_or_default()))
    }
}

impl Provisioning for Guest {
    fn plan(_: Call, settings: Settings) -> StepsOutcome {
        set_up(&settings)
    }

    fn apply(_: Call, settings: Settings) -> StepsOutcome {
        set_up(&settings)
    }

    fn inspect(_: Call, settings: Settings) -> InspectOutcome {
        InspectOutcome::Error(ordered(&settings.condition))
    }

    fn rotate(_: Call, settings: Settings) -> StepsOutcome {
        set_up(&settings)
    }

    fn pause(_: Call, settings: Settings) -> StepsOutcome {
        set_up(&settings)
    }

    fn resume(_: Call, settings: Settings) -> StepsOutcome {
        set_up(&settings)
    }

    fn remove(_: Call, settings: Settings) -> StepsOutcome {
        set_up(&settings)
    }

    fn probe(_: Call, settings: Settings) -> ProbeOutcome {
        ProbeOutcome::Error(ordered(&settings.condition))
    }

    fn end_probe(_: Call, settings: Settings) -> StepsOutcome {
        set_up(&settings)
    }

    fn update_set(settings: Settings) -> Result<String, Vec<Violation>> {
        Ok(ordered(&settings.condition).message)
    }
}

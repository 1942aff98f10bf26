//! The outbox: two processes that send what was put in, of two records.

use super::{MAIN, OWNERS, Texts, check};
use crate::bindings::exports::servicenow::plugin::callbacks::Change;
use crate::event_sync::claims::Claims;
use crate::event_sync::ledger::MemoryLedger;
use crate::event_sync::outbox::tests::change as change_of;
use crate::event_sync::outbox::{Outbox, Waiting};
use stateright::{Model, Property};
use std::sync::Arc;

/// How far a process that sends has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sender {
    Idle,
    /// It saw that an event is due.
    Due(u64, String),
    /// It has the claim, and sends.
    Sending(u64, String),
    /// The consumer answered, or did not.
    Answered(u64, String, bool),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OutboxState {
    texts: Texts,
    to_put: Vec<&'static str>,
    senders: [Sender; 2],
    /// What the consumer took, in its order.
    taken: Vec<String>,
    kills: u8,
    refusals: u8,
    lost_answers: u8,
}

#[derive(Clone, Debug, PartialEq)]
enum OutboxStep {
    Put,
    Looks(usize, usize),
    Begins(usize),
    IsTaken(usize),
    IsRefused(usize),
    LosesItsAnswer(usize),
    Ends(usize),
    Dies(usize),
    TimePasses(usize),
}

/// Two processes that send what two records' changes put in.
struct Sending;

fn outbox(ledger: &Arc<MemoryLedger>) -> Outbox {
    Outbox::new(ledger.clone(), MAIN)
}

/// The change of an event such as `a1`: record a, version 1.
fn change(event: &str) -> Change {
    Change { cloud_event: event.into(), ..change_of(&event[..1], 1) }
}

fn waiting(text: &str) -> Waiting {
    serde_json::from_str(text).unwrap()
}

impl OutboxState {
    fn due(&self) -> Vec<(u64, Waiting)> {
        self.texts.clone().with(|ledger| outbox(ledger).due().unwrap())
    }
}

impl Model for Sending {
    type State = OutboxState;
    type Action = OutboxStep;

    fn init_states(&self) -> Vec<OutboxState> {
        vec![OutboxState {
            texts: Texts::default(),
            // The last is taken first.
            to_put: vec!["a2", "b1", "a1"],
            senders: [Sender::Idle, Sender::Idle],
            taken: Vec::new(),
            kills: 1,
            refusals: 1,
            lost_answers: 1,
        }]
    }

    fn actions(&self, state: &OutboxState, actions: &mut Vec<OutboxStep>) {
        if !state.to_put.is_empty() {
            actions.push(OutboxStep::Put);
        }
        for (at, owner) in OWNERS.into_iter().enumerate() {
            match &state.senders[at] {
                Sender::Idle => actions.extend((0..state.due().len()).map(|due| OutboxStep::Looks(at, due))),
                Sender::Due(..) => actions.push(OutboxStep::Begins(at)),
                Sender::Sending(..) => {
                    actions.push(OutboxStep::IsTaken(at));
                    if state.refusals > 0 {
                        actions.push(OutboxStep::IsRefused(at));
                    }
                    if state.lost_answers > 0 {
                        actions.push(OutboxStep::LosesItsAnswer(at));
                    }
                }
                Sender::Answered(..) => actions.push(OutboxStep::Ends(at)),
            }
            let is_idle = state.senders[at] == Sender::Idle;
            if !is_idle && state.kills > 0 {
                actions.push(OutboxStep::Dies(at));
            }
            if is_idle && state.texts.has_live_claim(owner) {
                actions.push(OutboxStep::TimePasses(at));
            }
        }
    }

    fn next_state(&self, last: &OutboxState, step: OutboxStep) -> Option<OutboxState> {
        let mut state = last.clone();
        match step {
            OutboxStep::Put => {
                let event = state.to_put.pop()?;
                state.texts.with(|ledger| outbox(ledger).put(&change(event)).unwrap());
            }
            OutboxStep::Looks(at, due) => {
                let (number, waiting) = state.due().swap_remove(due);
                state.senders[at] = Sender::Due(number, serde_json::to_string(&waiting).unwrap());
            }
            OutboxStep::Begins(at) => {
                let Sender::Due(number, text) = state.senders[at].clone() else { return None };
                let begins = state.texts.with(|ledger| {
                    let (outbox, waiting) = (outbox(ledger), waiting(&text));
                    let claim = outbox.sending(&waiting, OWNERS[at].into());
                    let begins = outbox.begin(number, &waiting, &claim).unwrap();
                    if !begins {
                        Claims(ledger.clone()).release(&claim).unwrap();
                    }
                    begins
                });
                state.senders[at] = if begins { Sender::Sending(number, text) } else { Sender::Idle };
            }
            OutboxStep::IsTaken(at) | OutboxStep::LosesItsAnswer(at) | OutboxStep::IsRefused(at) => {
                let Sender::Sending(number, text) = state.senders[at].clone() else { return None };
                match step {
                    OutboxStep::IsRefused(_) => state.refusals -= 1,
                    OutboxStep::LosesItsAnswer(_) => state.lost_answers -= 1,
                    _ => {}
                }
                if !matches!(step, OutboxStep::IsRefused(_)) {
                    state.taken.push(waiting(&text).event);
                }
                state.senders[at] = Sender::Answered(number, text, matches!(step, OutboxStep::IsTaken(_)));
            }
            OutboxStep::Ends(at) => {
                let Sender::Answered(number, text, taken) = state.senders[at].clone() else { return None };
                state.texts.with(|ledger| {
                    let (outbox, waiting) = (outbox(ledger), waiting(&text));
                    let taken = if taken { Ok(()) } else { Err("no answer".to_string()) };
                    outbox.end(number, &waiting, taken).unwrap();
                    Claims(ledger.clone()).release(&outbox.sending(&waiting, OWNERS[at].into())).unwrap();
                });
                state.senders[at] = Sender::Idle;
            }
            OutboxStep::Dies(at) => {
                state.kills -= 1;
                state.senders[at] = Sender::Idle;
            }
            OutboxStep::TimePasses(at) => state.texts.expire(OWNERS[at]),
        }
        // A process that looks in vain does not look for ever here.
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("the changes of a record come in their order", |_, state| {
                let of_a: Vec<_> = state.taken.iter().filter(|event| event.starts_with('a')).collect();
                of_a.is_sorted()
            }),
            Property::<Self>::always("what no longer waits was taken", |_, state| {
                let waits = |event: &str| state.texts.0.values().any(|text| text.contains(&format!("\"{event}\"")));
                ["a1", "a2", "b1"].into_iter().all(|event| {
                    state.to_put.contains(&event) || waits(event) || state.taken.iter().any(|taken| taken == event)
                })
            }),
            Property::<Self>::always("an event comes again only after a kill or a lost answer", |_, state| {
                let again =
                    state.taken.iter().enumerate().filter(|(at, event)| state.taken[..*at].contains(event)).count();
                again <= usize::from(2 - state.kills - state.lost_answers)
            }),
            Property::<Self>::eventually("everything is taken", |_, state| {
                state.to_put.is_empty()
                    && ["a1", "a2", "b1"].into_iter().all(|event| state.taken.iter().any(|t| t == event))
            }),
            Property::<Self>::sometimes("an event comes twice", |_, state| {
                state.taken.iter().enumerate().any(|(at, event)| state.taken[..at].contains(event))
            }),
        ]
    }
}

#[test]
fn in_every_order_what_was_put_into_the_outbox_is_taken_in_order_for_its_record() {
    check(Sending, 1_000);
}

//! The protocol of ledger, claims and turns, checked in every order: processes that push, two that receive deliveries or read
//! changes, an agent, and each of the processes killed at any step. What is judged is judged by the component's own functions.
//!
//! host/src/event_sync has the steps that are modelled here: `push`, `deliver` and `reconcile`.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use serde_json::json;
use servicenow_core::servicenow::record::{Cell, Record};
use servicenow_sync::bindings::ledger::{KnownRecord, NoteClaim, NoteEnd};
use servicenow_sync::callbacks::payload::Payload;
use servicenow_sync::callbacks::seen::Source;
use servicenow_sync::callbacks::{Judged, judged};
use servicenow_sync::ledger::Ledger;
use stateright::{Checker, Model, Property};
use std::collections::BTreeSet;

const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

/// How often a process is killed, and a delivery lost.
const KILLS: u8 = 1;
const LOSSES: u8 = 1;

/// How many changes are told before nobody reads the table any more, which would go on for ever.
const READ_UNTIL: usize = 5;

/// Who wrote a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Author {
    Agent,
    Own,
}

/// What the ledger has of the one record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Known {
    seen: Option<String>,
    settled: BTreeSet<u32>,
}

impl Ledger for Known {
    fn known(&mut self, _: &str) -> KnownRecord {
        KnownRecord { seen: self.seen.clone(), settled: self.settled.iter().copied().collect() }
    }

    fn seen(&mut self, _: &str, before: Option<&str>, after: &str) -> bool {
        let is_as_before = self.seen.as_deref() == before;
        if is_as_before {
            self.seen = Some(after.to_string());
        }
        is_as_before
    }

    fn settle(&mut self, _: &str, mod_count: u32) {
        self.settled.insert(mod_count);
    }

    fn last_event(&mut self, _: &str) -> Option<String> {
        None
    }

    fn remember(&mut self, _: &str, _: &str) {}

    fn claim_note(&mut self, _: &str, _: &str) -> NoteClaim {
        NoteClaim::NotKept
    }

    fn end_claim(&mut self, _: &str, _: &str, _: NoteEnd) {}
}

/// A push that is under way: who pushes, and which of its pushes it is.
type Claim = (usize, usize);

/// How far a process that pushes has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pusher {
    Idle,
    /// It has a claim, and sends its write.
    Claimed,
    /// Its write is committed as this version.
    Wrote(u32),
    /// It is dead; its claim ends when its time is over.
    Dead,
}

/// A change that a receiver holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    count: u32,
    from_table: bool,
    is_acted_on: bool,
}

/// How far a receiver has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Receiver {
    Idle,
    /// It waits for the pushes that were under way when the delivery came.
    Waits(Held, BTreeSet<Claim>),
    /// It is to judge the change.
    Judges(Held),
    /// It judged it by what the ledger had then, and takes the record's turn; from a table only after the pushes that were under way.
    Accepted {
        held: Held,
        told: Known,
        after: String,
        waits: BTreeSet<Claim>,
    },
    /// It acted, and is to remember.
    Acted {
        held: Held,
        before: Option<String>,
        after: String,
    },
}

/// Everything, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    authors: Vec<Author>,
    ledger: Known,
    pushers: [Pusher; 2],
    own_left: [usize; 2],
    agent_left: usize,
    /// Deliveries on their way.
    sent: Vec<u32>,
    receivers: [Receiver; 2],
    /// Whose turn the record is.
    turn: Option<usize>,
    told: Vec<u32>,
    kills: u8,
    losses: u8,
    doubles: u8,
    pusher_died: bool,
    receiver_died: bool,
    /// Whether what a reading told was not remembered, because an own write was remembered in between.
    is_unremembered: bool,
    /// What went wrong.
    wrong: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    AgentWrites,
    Push(usize),
    PusherDies(usize),
    ClaimEnds(usize),
    Arrives { at: usize, receiver: usize, again: bool },
    Lost(usize),
    Reads(usize),
    Step(usize),
    ReceiverDies(usize),
}

struct Protocol {
    /// How often a delivery comes twice.
    doubles: u8,
    /// How often the agent writes, and each of the processes that push.
    agent_writes: usize,
    own_writes: [usize; 2],
}

fn payload(count: u32, from_table: bool) -> Payload {
    if from_table {
        let columns = [("sys_id", KEY), ("number", "INC1"), ("sys_class_name", "incident")];
        let cell = |value: &str| Cell { value: value.to_string(), ..Cell::default() };
        let mut columns: Vec<_> = columns.map(|(name, value)| (name.to_string(), cell(value))).into();
        columns.push(("sys_mod_count".to_string(), cell(&count.to_string())));
        return Payload::of_record(&Record(columns)).unwrap();
    }
    let body = json!({"sys_id": KEY, "number": "INC1", "table": "incident", "action": "update",
        "sys_mod_count": count, "current": {"description": count.to_string()}, "previous": {"description": ""}});
    Payload::read(body.to_string().as_bytes()).unwrap()
}

impl State {
    fn write(&mut self, author: Author) -> u32 {
        self.authors.push(author);
        // The insert was version 0, and everybody knows it.
        let count = u32::try_from(self.authors.len()).unwrap();
        self.sent.push(count);
        self.sent.sort_unstable();
        count
    }

    /// The pushes that are under way, as far as the ledger says.
    fn claims(&self) -> BTreeSet<Claim> {
        let busy = (0..2).filter(|at| self.pushers[*at] != Pusher::Idle);
        busy.map(|at| (at, self.own_left[at])).collect()
    }

    fn author(&self, count: u32) -> Author {
        self.authors[count as usize - 1]
    }

    /// The change is handed on.
    fn act(&mut self, count: u32) {
        if self.told.contains(&count) && !self.receiver_died && !self.is_unremembered {
            self.wrong = Some("a change is told twice");
        }
        let tells_of_agent = (1..=count).any(|of| self.author(of) == Author::Agent && !self.told.contains(&of));
        // What a killed process did not remember, or one that somebody came before, is told once more, and with it an own write
        // behind it.
        let is_in_doubt = self.pusher_died || self.receiver_died || self.is_unremembered;
        if !tells_of_agent && !self.told.contains(&count) && !is_in_doubt {
            self.wrong = Some("an own write is told as a change");
        }
        self.told.push(count);
    }

    /// The next step of a receiver, where it can go on.
    fn step(&mut self, at: usize) {
        self.receivers[at] = match self.receivers[at].clone() {
            Receiver::Idle => return,
            Receiver::Waits(held, _) => Receiver::Judges(held),
            Receiver::Judges(held) => {
                let told = self.ledger.clone();
                let source = if held.from_table { Source::Table } else { Source::Delivery };
                match judged(payload(held.count, held.from_table), None, source, "main", &mut self.ledger) {
                    Judged::Accepted(accepted) | Judged::Late(accepted) => {
                        let waits = if held.from_table { self.claims() } else { BTreeSet::new() };
                        Receiver::Accepted { held, told, after: accepted.after, waits }
                    }
                    _ => self.rest(at),
                }
            }
            Receiver::Accepted { held, told, after, .. } => {
                self.turn = Some(at);
                let settled = |known: &Known| known.settled.range(..=held.count).copied().collect::<Vec<_>>();
                if self.ledger.seen != told.seen || settled(&self.ledger) != settled(&told) {
                    // A page is read again, and knows what of it was handed on; a delivery is judged again.
                    match held.from_table {
                        true => {
                            self.rest(at);
                            let count = u32::try_from(self.authors.len()).unwrap();
                            let is_acted_on = held.is_acted_on && count == held.count;
                            Receiver::Judges(Held { count, is_acted_on, ..held })
                        }
                        false => Receiver::Judges(held),
                    }
                } else {
                    if !held.is_acted_on {
                        self.act(held.count);
                    }
                    Receiver::Acted { held: Held { is_acted_on: true, ..held }, before: told.seen, after }
                }
            }
            Receiver::Acted { held, before, after } => match self.ledger.seen(KEY, before.as_deref(), &after) {
                true => self.rest(at),
                // Judged by what the ledger has now, and not acted on again: a delivery in the same turn, and a page in another,
                // before which somebody else may act on it too.
                false => {
                    if held.from_table {
                        self.is_unremembered = true;
                        self.rest(at);
                    }
                    Receiver::Judges(held)
                }
            },
        };
    }

    fn rest(&mut self, at: usize) -> Receiver {
        if self.turn == Some(at) {
            self.turn = None;
        }
        Receiver::Idle
    }

    /// Whether a receiver can go on.
    fn can_step(&self, at: usize) -> bool {
        match &self.receivers[at] {
            Receiver::Idle => false,
            Receiver::Waits(_, claims) => self.claims().is_disjoint(claims),
            Receiver::Accepted { waits, .. } => self.turn.is_none_or(|of| of == at) && self.claims().is_disjoint(waits),
            Receiver::Judges(_) | Receiver::Acted { .. } => true,
        }
    }

    fn is_quiet(&self) -> bool {
        self.pushers == [Pusher::Idle; 2]
            && self.sent.is_empty()
            && self.agent_left == 0
            && self.receivers.iter().all(|receiver| *receiver == Receiver::Idle)
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let seen = Some(json!({"version": {"mod_count": 0, "updated_on": "", "digests": []}}).to_string());
        vec![State {
            authors: Vec::new(),
            ledger: Known { seen, settled: BTreeSet::new() },
            pushers: [Pusher::Idle; 2],
            own_left: self.own_writes,
            agent_left: self.agent_writes,
            sent: Vec::new(),
            receivers: [Receiver::Idle, Receiver::Idle],
            turn: None,
            told: Vec::new(),
            kills: KILLS,
            losses: LOSSES,
            doubles: self.doubles,
            pusher_died: false,
            receiver_died: false,
            is_unremembered: false,
            wrong: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.agent_left > 0 {
            actions.push(Action::AgentWrites);
        }
        for at in 0..2 {
            match state.pushers[at] {
                Pusher::Idle if state.own_left[at] > 0 => actions.push(Action::Push(at)),
                Pusher::Idle => {}
                Pusher::Claimed | Pusher::Wrote(_) => {
                    actions.push(Action::Push(at));
                    if state.kills > 0 {
                        actions.push(Action::PusherDies(at));
                    }
                }
                Pusher::Dead => actions.push(Action::ClaimEnds(at)),
            }
        }
        for receiver in 0..2 {
            if state.receivers[receiver] == Receiver::Idle {
                for at in 0..state.sent.len() {
                    actions.push(Action::Arrives { at, receiver, again: false });
                    if state.doubles > 0 {
                        actions.push(Action::Arrives { at, receiver, again: true });
                    }
                }
                if !state.authors.is_empty() && state.told.len() < READ_UNTIL {
                    actions.push(Action::Reads(receiver));
                }
                continue;
            }
            if state.can_step(receiver) {
                actions.push(Action::Step(receiver));
            }
            if state.kills > 0 {
                actions.push(Action::ReceiverDies(receiver));
            }
        }
        if state.losses > 0 {
            actions.extend((0..state.sent.len()).map(Action::Lost));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::AgentWrites => {
                state.agent_left -= 1;
                state.write(Author::Agent);
            }
            Action::Push(at) => {
                state.pushers[at] = match state.pushers[at] {
                    Pusher::Idle => Pusher::Claimed,
                    Pusher::Claimed => Pusher::Wrote(state.write(Author::Own)),
                    Pusher::Wrote(count) => {
                        state.own_left[at] -= 1;
                        state.ledger.settle(KEY, count);
                        Pusher::Idle
                    }
                    Pusher::Dead => Pusher::Dead,
                };
            }
            Action::PusherDies(at) => {
                (state.kills, state.pusher_died) = (state.kills - 1, true);
                state.pushers[at] = Pusher::Dead;
            }
            Action::ClaimEnds(at) => {
                state.own_left[at] -= 1;
                state.pushers[at] = Pusher::Idle;
            }
            Action::Arrives { at, receiver, again } => {
                let count = if again { state.sent[at] } else { state.sent.remove(at) };
                state.doubles -= u8::from(again);
                let held = Held { count, from_table: false, is_acted_on: false };
                state.receivers[receiver] = match state.claims() {
                    none if none.is_empty() => Receiver::Judges(held),
                    claims => Receiver::Waits(held, claims),
                };
            }
            Action::Lost(at) => {
                state.losses -= 1;
                state.sent.remove(at);
            }
            Action::Reads(receiver) => {
                let count = u32::try_from(state.authors.len()).unwrap();
                state.receivers[receiver] = Receiver::Judges(Held { count, from_table: true, is_acted_on: false });
            }
            Action::Step(receiver) => state.step(receiver),
            Action::ReceiverDies(receiver) => {
                (state.kills, state.receiver_died) = (state.kills - 1, true);
                // Its turn ends when its time is over; until then nobody else does anything that this order does not have too.
                state.receivers[receiver] = state.rest(receiver);
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("nothing is told wrongly", |_, state| state.wrong.is_none()),
            Property::<Self>::always("after a last reading every record's last change is told", |_, state| {
                if !state.is_quiet() {
                    return true;
                }
                let mut last = state.clone();
                let count = u32::try_from(last.authors.len()).unwrap();
                last.receivers[0] = Receiver::Judges(Held { count, from_table: true, is_acted_on: false });
                while last.can_step(0) {
                    last.step(0);
                }
                let changed = last.authors.iter().rposition(|author| *author == Author::Agent);
                let changed = changed.and_then(|at| u32::try_from(at + 1).ok());
                changed.is_none_or(|changed| last.told.iter().any(|told| *told >= changed)) && last.wrong.is_none()
            }),
            Property::<Self>::sometimes("a change is told late", |_, state| {
                state.told.windows(2).any(|two| two[0] > two[1])
            }),
            Property::<Self>::sometimes("a killed receiver's change is told again", |_, state| {
                state.told.iter().collect::<BTreeSet<_>>().len() < state.told.len()
            }),
        ]
    }
}

fn check(protocol: Protocol, at_least: usize) {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
    assert!(checker.unique_state_count() > at_least, "{} states", checker.unique_state_count());
}

#[test]
fn in_every_order_of_steps_losses_and_kills_each_change_is_told_and_no_own_write() {
    check(Protocol { doubles: 0, agent_writes: 2, own_writes: [1, 0] }, 100_000);
}

#[test]
#[ignore = "it takes a minute; `.ci/run` runs it"]
fn in_every_order_with_doubled_deliveries_each_change_is_told_and_no_own_write() {
    check(Protocol { doubles: 1, agent_writes: 2, own_writes: [1, 0] }, 1_000_000);
}

#[test]
#[ignore = "it takes a minute; `.ci/run` runs it"]
fn in_every_order_of_two_that_push_each_change_is_told_and_no_own_write() {
    check(Protocol { doubles: 0, agent_writes: 1, own_writes: [1, 1] }, 100_000);
}

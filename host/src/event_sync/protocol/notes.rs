//! Notes: two processes with the same note for the same incident.

use super::{LIVE, MAIN, OWNERS, Texts, check, later};
use crate::event_sync::claims::{Claim, Claimed, Claims};
use servicenow_core::bindings::types::WriteHappened;
use servicenow_sync::bindings::ledger::{NoteClaim, NoteEnd};
use servicenow_sync::bindings::push::NoteResult;
use servicenow_sync::push::{claim_end, decided};
use stateright::{Model, Property};

/// How far a process has come with its note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Writer {
    Ready,
    /// It has decided to write.
    Decided(Told),
    /// Its write is on the way.
    Sent(Told),
    /// Its write is answered.
    Answered(Told),
    Ended(Told),
    Dead,
}

/// What the outcome says of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Told {
    Added,
    AlreadyThere,
    MayBeTwice,
    Withheld,
    /// A write may have happened.
    Unknown,
}

impl From<NoteResult> for Told {
    fn from(result: NoteResult) -> Self {
        match result {
            NoteResult::Added => Self::Added,
            NoteResult::AlreadyThere => Self::AlreadyThere,
            NoteResult::MayBeTwice => Self::MayBeTwice,
            NoteResult::Withheld | NoteResult::None => Self::Withheld,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct NoteState {
    texts: Texts,
    writers: [Writer; 2],
    /// The note in the journal, as often as it is there, and as what each was written.
    copies: Vec<Told>,
    /// What was told so far, in any order.
    told: Vec<Told>,
    /// Writes of which no answer came and that are not committed yet.
    in_flight: Vec<(String, Told)>,
    /// Each call claims as an owner of its own.
    calls: [u8; 2],
    repeats: u8,
    kills: u8,
    lost_answers: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum NoteStep {
    Claims(usize),
    Sends(usize),
    IsAnswered(usize),
    LosesItsAnswer(usize),
    CommitsLate(usize),
    FailsLate(usize),
    Ends(usize),
    Dies(usize),
    TimePasses,
    ComesAgain(usize),
}

/// Two processes with the same note for the same incident.
struct Notes {
    /// Whether the journal is shown to them.
    shows_journal: bool,
    /// Whether the ledger has the incident's events since it was made.
    is_followed: bool,
}

impl NoteState {
    fn owner(&self, at: usize) -> String {
        format!("{}{}", OWNERS[at], self.calls[at])
    }

    fn note_claim(&self, at: usize) -> Claim {
        Claim { authorization: MAIN.into(), name: "note/1".into(), owner: self.owner(at) }
    }

    fn is_at_work(&self, at: usize) -> bool {
        !matches!(self.writers[at], Writer::Ready | Writer::Ended(_) | Writer::Dead)
    }
}

impl Notes {
    fn claim(&self, state: &mut NoteState, at: usize) {
        let claim = state.note_claim(at);
        let claimed = state.texts.with(|ledger| Claims(ledger.clone()).claim(&claim, later()).unwrap());
        // One who finds it taken waits, and gives up at its deadline.
        let claim = match claimed {
            None => NoteClaim::Busy,
            Some(Claimed::Granted) => NoteClaim::Granted,
            Some(Claimed::Orphaned) => NoteClaim::Orphaned,
            Some(Claimed::Done) => NoteClaim::Written,
        };
        let in_journal = self.shows_journal.then_some(!state.copies.is_empty());
        let told = Told::from(decided(claim, in_journal, false, self.is_followed));
        let holds = !matches!(claim, NoteClaim::Busy | NoteClaim::Written);
        state.writers[at] = match told {
            Told::Added | Told::MayBeTwice => Writer::Decided(told),
            _ if holds => Writer::Answered(told),
            _ => Self::ended(state, told),
        };
    }

    fn ended(state: &mut NoteState, told: Told) -> Writer {
        state.told.push(told);
        state.told.sort_unstable_by_key(|told| format!("{told:?}"));
        Writer::Ended(told)
    }

    fn end(state: &mut NoteState, at: usize, told: Told) {
        let result = match told {
            Told::Added => Some(NoteResult::Added),
            Told::AlreadyThere => Some(NoteResult::AlreadyThere),
            Told::MayBeTwice => Some(NoteResult::MayBeTwice),
            Told::Withheld => Some(NoteResult::Withheld),
            Told::Unknown => None,
        };
        let written = WriteHappened::Unknown;
        let claim = state.note_claim(at);
        state.texts.with(|ledger| {
            let claims = Claims(ledger.clone());
            match claim_end(result, written) {
                Some(NoteEnd::Written) => claims.done(&claim).unwrap(),
                Some(NoteEnd::Released) => claims.release(&claim).unwrap(),
                None => {}
            }
        });
        state.writers[at] = Self::ended(state, told);
    }
}

impl Model for Notes {
    type State = NoteState;
    type Action = NoteStep;

    fn init_states(&self) -> Vec<NoteState> {
        vec![NoteState {
            texts: Texts::default(),
            writers: [Writer::Ready; 2],
            copies: Vec::new(),
            told: Vec::new(),
            in_flight: Vec::new(),
            calls: [0; 2],
            repeats: 2,
            kills: 2,
            lost_answers: 1,
        }]
    }

    fn actions(&self, state: &NoteState, actions: &mut Vec<NoteStep>) {
        for at in 0..2 {
            match state.writers[at] {
                Writer::Ready => actions.push(NoteStep::Claims(at)),
                Writer::Decided(_) => actions.push(NoteStep::Sends(at)),
                Writer::Sent(_) => {
                    actions.push(NoteStep::IsAnswered(at));
                    if state.lost_answers > 0 {
                        actions.push(NoteStep::LosesItsAnswer(at));
                    }
                }
                Writer::Answered(_) => actions.push(NoteStep::Ends(at)),
                Writer::Ended(_) | Writer::Dead if state.repeats > 0 => {
                    actions.push(NoteStep::ComesAgain(at));
                }
                Writer::Ended(_) | Writer::Dead => {}
            }
            if state.is_at_work(at) && state.kills > 0 {
                actions.push(NoteStep::Dies(at));
            }
        }
        for at in 0..state.in_flight.len() {
            actions.extend([NoteStep::CommitsLate(at), NoteStep::FailsLate(at)]);
        }
        // A claim lasts longer than its call and than a write that is on its way.
        let lasts = |owner: &str| {
            (0..2).any(|at| state.is_at_work(at) && state.owner(at) == owner)
                || state.in_flight.iter().any(|(of, _)| of == owner)
        };
        let claim = state.texts.0.get("note/1").filter(|claim| claim.contains(LIVE));
        if claim.and_then(|claim| claim.split(' ').next()).is_some_and(|owner| !lasts(owner)) {
            actions.push(NoteStep::TimePasses);
        }
    }

    fn next_state(&self, last: &NoteState, step: NoteStep) -> Option<NoteState> {
        let mut state = last.clone();
        match step {
            NoteStep::Claims(at) => self.claim(&mut state, at),
            NoteStep::Sends(at) => {
                let Writer::Decided(told) = state.writers[at] else { return None };
                state.writers[at] = Writer::Sent(told);
            }
            NoteStep::IsAnswered(at) => {
                let Writer::Sent(told) = state.writers[at] else { return None };
                state.copies.push(told);
                state.writers[at] = Writer::Answered(told);
            }
            NoteStep::LosesItsAnswer(at) => {
                let Writer::Sent(told) = state.writers[at] else { return None };
                state.lost_answers -= 1;
                state.in_flight.push((state.owner(at), told));
                state.writers[at] = Writer::Answered(Told::Unknown);
            }
            NoteStep::CommitsLate(at) => {
                let (_, told) = state.in_flight.remove(at);
                state.copies.push(told);
            }
            NoteStep::FailsLate(at) => drop(state.in_flight.remove(at)),
            NoteStep::Ends(at) => {
                let Writer::Answered(told) = state.writers[at] else { return None };
                Self::end(&mut state, at, told);
            }
            NoteStep::Dies(at) => {
                state.kills -= 1;
                if let Writer::Sent(told) = state.writers[at] {
                    state.in_flight.push((state.owner(at), told));
                }
                state.writers[at] = Writer::Dead;
            }
            NoteStep::TimePasses => {
                let claim = state.texts.0.get("note/1")?;
                let owner = claim.split(' ').next()?.to_string();
                state.texts.expire(&owner);
            }
            NoteStep::ComesAgain(at) => {
                state.repeats -= 1;
                state.calls[at] += 1;
                state.writers[at] = Writer::Ready;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("a second one is written as one that may be that", |_, state| {
                state.copies.iter().filter(|told| **told == Told::Added).count() <= 1
            }),
            Property::<Self>::always("what is told to be there is there", |_, state| {
                let says = [Told::Added, Told::AlreadyThere].into_iter().any(|wanted| state.told.contains(&wanted));
                !says || !state.copies.is_empty()
            }),
            Property::<Self>::always("where the journal is shown nothing is written twice", |model: &Self, state| {
                !model.shows_journal || state.copies.len() <= 1
            }),
            Property::<Self>::sometimes("somebody finds what another wrote", |_, state| {
                state.told.contains(&Told::AlreadyThere)
            }),
            Property::<Self>::sometimes("somebody takes over what another left", |_, state| {
                state.texts.0.values().any(|text| text.ends_with("in-doubt"))
            }),
        ]
    }
}

#[test]
fn in_every_order_a_note_is_there_once_or_told_as_in_doubt() {
    for shows_journal in [true, false] {
        for is_followed in [true, false] {
            check(Notes { shows_journal, is_followed }, 100);
        }
    }
}

//! A note on its way into a journal, once: claimed in the ledger, looked for in the journal, written with the update.

use super::journal;
use crate::bindings::ledger::{NoteClaim, NoteEnd};
use crate::bindings::push::{NoteResult, PushOutcome};
use crate::callbacks::seen;
use crate::ledger::Ledger;
use crate::rules::Journal;
use servicenow_core::bindings::types::WriteHappened;
use servicenow_core::encoding::hex;
use servicenow_core::failure::CallError;
use servicenow_core::servicenow::session::Session;
use sha2::{Digest, Sha256};

/// What is to become of a note. `in_journal` is whether it is there, as far as the journal is shown.
pub fn decided(claim: NoteClaim, in_journal: Option<bool>, alone: bool, is_followed: bool) -> NoteResult {
    match (in_journal, claim) {
        (_, NoteClaim::Written) => NoteResult::AlreadyThere,
        (_, NoteClaim::Busy) => NoteResult::Withheld,
        (Some(true), _) => NoteResult::AlreadyThere,
        (Some(false), _) => NoteResult::Added,
        (None, NoteClaim::Granted) if is_followed => NoteResult::Added,
        // A repeated event finds the columns as it wants them: then nothing is appended a second time.
        (None, NoteClaim::NotKept) if alone => NoteResult::Withheld,
        (None, _) => NoteResult::MayBeTwice,
    }
}

/// How a note's claim ends, by what the outcome says of it, or by whether a write of an outcome without one happened. `None` where
/// it stays until its time: nobody knows.
pub fn claim_end(result: Option<NoteResult>, written: WriteHappened) -> Option<NoteEnd> {
    match result {
        Some(NoteResult::Added | NoteResult::MayBeTwice | NoteResult::AlreadyThere) => Some(NoteEnd::Written),
        Some(NoteResult::None | NoteResult::Withheld) => Some(NoteEnd::Released),
        None if written == WriteHappened::No => Some(NoteEnd::Released),
        None => None,
    }
}

/// A note of an event.
pub struct Note {
    /// The journal it goes to.
    pub journal: Journal,
    /// Its text.
    pub text: String,
    /// The incident that it is claimed for.
    claimed: Option<String>,
}

impl Note {
    /// A note that nobody has claimed.
    pub fn new((journal, text): (Journal, String)) -> Self {
        Self { journal, text, claimed: None }
    }

    /// The column and its text.
    pub fn column(&self) -> (String, String) {
        (self.journal.column().to_string(), self.text.clone())
    }

    /// Whether the note is to be written to an incident. `alone` is whether nothing else is written, and `is_followed` whether the
    /// ledger has the incident's events since it was made: only then what it does not know was not written.
    pub fn decide(
        &mut self,
        sys_id: &str,
        alone: bool,
        is_followed: bool,
        ledger: &mut dyn Ledger,
        session: &mut Session<'_>,
    ) -> Result<NoteResult, CallError> {
        let claim = ledger.claim_note(sys_id, &self.digest());
        if let NoteClaim::Written | NoteClaim::Busy = claim {
            return Ok(decided(claim, None, alone, is_followed));
        }
        self.claimed = Some(sys_id.to_string());
        let in_journal = journal::has(session, sys_id, self.journal, &self.text)?;
        Ok(decided(claim, in_journal, alone, is_followed))
    }

    /// Tells the ledger how it ended. Where a write may have happened the claim stays until its time: nobody knows.
    pub fn end(&self, outcome: &PushOutcome, ledger: &mut dyn Ledger) {
        let (sys_id, result) = match outcome.pushed() {
            Some(pushed) => (pushed.sys_id.as_str(), Some(pushed.note)),
            None => (self.claimed.as_deref().unwrap_or_default(), None),
        };
        if self.claimed.is_none() && result == Some(NoteResult::Added) {
            // It was made with the incident.
            ledger.claim_note(sys_id, &self.digest());
        } else if self.claimed.is_none() {
            return;
        }
        let was_written = matches!(result, Some(NoteResult::Added | NoteResult::MayBeTwice));
        if was_written && self.journal == Journal::Comments {
            seen::change(ledger, sys_id, |seen| seen.with_written(&self.text));
        }
        let written = outcome.failure().map_or(WriteHappened::No, |failure| failure.write_happened);
        if let Some(end) = claim_end(result, written) {
            ledger.end_claim(sys_id, &self.digest(), end);
        }
    }

    fn digest(&self) -> String {
        let digest = Sha256::new().chain_update(self.journal.column()).chain_update([0]).chain_update(&self.text);
        hex(&digest.finalize()[..16])
    }
}

//! What the component has its host remember.

use crate::bindings::ledger::{self as imported, KnownRecord, NoteClaim, NoteEnd};

/// The ledger of one authorization.
pub trait Ledger {
    /// What is known of a record.
    fn known(&mut self, sys_id: &str) -> KnownRecord;

    /// Remembers what was seen of a record, unless it is no longer what it was before. Whether it did.
    fn seen(&mut self, sys_id: &str, before: Option<&str>, after: &str) -> bool;

    /// Remembers a count that needs no attention.
    fn settle(&mut self, sys_id: &str, mod_count: u32);

    /// What the last event with a correlation id said.
    fn last_event(&mut self, correlation_id: &str) -> Option<String>;

    /// Remembers what an event said.
    fn remember(&mut self, correlation_id: &str, event: &str);

    /// Claims a note.
    fn claim_note(&mut self, sys_id: &str, digest: &str) -> NoteClaim;

    /// Ends the claim of a note.
    fn end_claim(&mut self, sys_id: &str, digest: &str, end: NoteEnd);
}

/// The ledger behind the component's import.
pub struct Imported<'a>(pub &'a str);

impl Ledger for Imported<'_> {
    fn known(&mut self, sys_id: &str) -> KnownRecord {
        imported::known(self.0, sys_id)
    }

    fn seen(&mut self, sys_id: &str, before: Option<&str>, after: &str) -> bool {
        imported::seen(self.0, sys_id, before, after)
    }

    fn settle(&mut self, sys_id: &str, mod_count: u32) {
        imported::settle(self.0, sys_id, mod_count);
    }

    fn last_event(&mut self, correlation_id: &str) -> Option<String> {
        imported::last_event(self.0, correlation_id)
    }

    fn remember(&mut self, correlation_id: &str, event: &str) {
        imported::remember(self.0, correlation_id, event);
    }

    fn claim_note(&mut self, sys_id: &str, digest: &str) -> NoteClaim {
        imported::claim_note(self.0, sys_id, digest)
    }

    fn end_claim(&mut self, sys_id: &str, digest: &str, end: NoteEnd) {
        imported::end_claim(self.0, sys_id, digest, end);
    }
}

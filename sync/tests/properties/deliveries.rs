//! What holds for any delivery: tests try it on made-up ones, and a fuzzer on what it finds.

use servicenow_core::servicenow::sys_id::SysId;
use servicenow_sync::bindings::callbacks::{Delivery, Verdict};
use servicenow_sync::bindings::ledger::{KnownRecord, NoteClaim, NoteEnd};
use servicenow_sync::callbacks::receive;
use servicenow_sync::ledger::Ledger;

/// A count that is further than this beyond the last one is told and not believed, so that it is told again.
const MAX_GAP: u32 = 10_000;

/// What is remembered of one record.
#[derive(Default)]
struct Record {
    seen: Option<String>,
    settled: Vec<u32>,
}

impl Ledger for Record {
    fn known(&mut self, _: &str) -> KnownRecord {
        KnownRecord { seen: self.seen.clone(), settled: self.settled.clone() }
    }

    fn seen(&mut self, _: &str, _: Option<&str>, after: &str) -> bool {
        self.seen = Some(after.to_string());
        true
    }

    fn settle(&mut self, _: &str, mod_count: u32) {
        self.settled.push(mod_count);
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

/// A delivery is judged whatever it holds and whatever the ledger has; a change has a key and an event in JSON, and once it is
/// remembered it is no news.
pub fn a_delivery_is_judged(body: &[u8], seen: Option<String>, rules: Option<&str>) {
    let mut record = Record { seen, settled: Vec::new() };
    let headers = vec![("x-callback-secret".to_string(), "secret".to_string())];
    let delivery = Delivery { authorization: "main".to_string(), headers, body: body.to_vec() };
    let verdict = receive(&delivery, rules, &mut record, |_, _| true);
    let (Verdict::Accepted(accepted) | Verdict::Late(accepted)) = verdict else { return };
    let change = &accepted.change;
    assert!(SysId::parse(&change.sys_id).is_some(), "{}", change.sys_id);
    let event: serde_json::Value = serde_json::from_str(&change.cloud_event).expect("the event is JSON");
    assert!(event["id"].as_str().is_some_and(|id| id.starts_with(&change.sys_id)), "{event}");
    record.seen = Some(accepted.after);
    let again = receive(&delivery, rules, &mut record, |_, _| true);
    let is_far = change.mod_count.is_some_and(|count| count > MAX_GAP);
    assert!(is_far || !matches!(again, Verdict::Accepted(_) | Verdict::Late(_)), "{again:?} after {:?}", record.seen);
}

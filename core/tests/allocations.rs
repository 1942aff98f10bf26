//! How often the core allocates for a usual answer and a usual request: the same on every machine, and the larger part of what
//! it costs. A program of its own: the allocator counts for all of it.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use servicenow_core::bindings::incidents::RequestBody;
use servicenow_core::host::Response;
use servicenow_core::incidents::body;
use servicenow_core::incidents::violations::Violations;
use servicenow_core::servicenow::response;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNT.load(Ordering::Relaxed);
    let done = work();
    (COUNT.load(Ordering::Relaxed) - before, done)
}

#[test]
fn a_record_takes_two_allocations_a_column() {
    let json = include_str!("fixtures/create-201.json");
    let headers = vec![("content-type".to_string(), "application/json;charset=UTF-8".to_string())];
    let response = Response { status: 201, headers, body: json.into() };
    let (count, rows) = allocations(|| response::read(response, 201, 0).unwrap());
    let columns = rows.records[0].0.len();
    // A name and a value each; two more for the link of a reference, and a few for the lists they stand in.
    assert!(columns > 50 && count < columns * 2 + 32, "{count} allocations for {columns} columns");

    let pairs = [("short_description", "Printer on fire"), ("urgency", "1"), ("impact", "2")];
    let sent = RequestBody::Fields(pairs.map(|(name, value)| (name.to_string(), value.to_string())).into());
    let (count, body) = allocations(|| {
        let body = body::check(&sent, &mut Violations::default()).unwrap().unwrap();
        body.to_json(&[]).unwrap()
    });
    assert!(count < 16, "{count} allocations for {body}");
}

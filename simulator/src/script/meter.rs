//! Counts what the JavaScript engine allocates, so that a script that takes too much is stopped at its next turn.
//!
//! The engine's own memory limit refuses every allocation alike, and some of its native functions do not survive that
//! (quickjs-ng 0.16.2: `bind`, property stores, `for in`). Here only large blocks are refused, which it survives, and a
//! script is interrupted before small ones add up.

use rquickjs::allocator::{Allocator, RustAllocator};
use std::cell::Cell;
use std::ptr;
use std::rc::Rc;

/// What a script may hold. The engine with its prelude takes 0.2 MB; a script that builds the body of a webhook some more.
pub const LIMIT: usize = 32 << 20;

/// A block that is refused beyond twice the limit. Smaller ones are allowed until the script is interrupted.
const LARGE: usize = 256 << 10;

/// Where everything is refused: never reached by a script that is interrupted in time.
const END: usize = LIMIT + (256 << 20);

/// How much is held.
#[derive(Clone, Default)]
pub struct Gauge(Rc<Cell<usize>>);

impl Gauge {
    /// Whether a script holds more than it may.
    pub fn is_over(&self) -> bool {
        self.0.get() > LIMIT
    }

    fn fits(&self, size: usize) -> bool {
        let after = self.0.get().saturating_add(size);
        after <= LIMIT * 2 || size < LARGE && after <= END
    }
}

/// The allocator of one engine.
pub struct Meter(pub Gauge);

impl Meter {
    /// Counts a block in place of one that held `old` bytes.
    fn count(&self, old: usize, block: *mut u8) -> *mut u8 {
        if !block.is_null() {
            // SAFETY: the allocator has just returned the block.
            let new = unsafe { RustAllocator::usable_size(block) };
            self.0.0.set(self.0.0.get().saturating_sub(old).saturating_add(new));
        }
        block
    }
}

// SAFETY: every block comes from `RustAllocator` and goes back to it; a refusal is a null pointer, as the trait wants it.
unsafe impl Allocator for Meter {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if self.0.fits(size) { self.count(0, RustAllocator.alloc(size)) } else { ptr::null_mut() }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let fits = count.checked_mul(size).is_some_and(|size| self.0.fits(size));
        if fits { self.count(0, RustAllocator.calloc(count, size)) } else { ptr::null_mut() }
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        // SAFETY: the caller promises that this allocator returned the block.
        unsafe {
            self.0.0.set(self.0.0.get().saturating_sub(RustAllocator::usable_size(block)));
            RustAllocator.dealloc(block);
        }
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        if block.is_null() {
            return self.alloc(size);
        }
        // SAFETY: the caller promises that this allocator returned the block.
        let old = unsafe { RustAllocator::usable_size(block) };
        if size > old && !self.0.fits(size - old) {
            return ptr::null_mut();
        }
        // SAFETY: as above.
        self.count(old, unsafe { RustAllocator.realloc(block, size) })
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: the caller promises that this allocator returned the block.
        unsafe { RustAllocator::usable_size(block) }
    }
}

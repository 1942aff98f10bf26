//! The guest's allocator: an arena that is empty again when a call is over.
//!
//! A call allocates, answers and gives everything back, so its blocks stand one after the other in the memory that the
//! instance has from its start, and what is given back last is used again first. Memory that grows costs a host a system
//! call, and on some machines an interrupt of every processor; a usual call grows none. The price is that a block given
//! back between others stays unused until the call is over.

/// How much of the memory is in use: everything below `next`, until nothing is.
#[derive(Clone, Copy, Debug)]
pub struct Arena {
    start: usize,
    next: usize,
    blocks: usize,
}

impl Arena {
    /// An empty arena that begins at an address.
    pub const fn new(start: usize) -> Self {
        Self { start, next: start, blocks: 0 }
    }

    /// A place for a block: its address, and where the arena then ends. `None` beyond the last address there is.
    pub fn place(&self, size: usize, align: usize) -> Option<(usize, usize)> {
        let at = self.next.checked_next_multiple_of(align)?;
        Some((at, at.checked_add(size)?))
    }

    /// Takes the place up to its end.
    pub fn take(&mut self, end: usize) {
        self.next = end;
        self.blocks += 1;
    }

    /// Gives a block back.
    pub fn give_back(&mut self, at: usize, size: usize) {
        self.blocks = self.blocks.saturating_sub(1);
        if self.blocks == 0 {
            self.next = self.start;
        } else if at + size == self.next {
            self.next = at;
        }
    }

    /// Where a block would end with another size, if it can stay where it is: a smaller one can, and the last one.
    pub fn resized(&self, at: usize, old: usize, new: usize) -> Option<usize> {
        let is_last = at + old == self.next;
        let end = at.checked_add(new)?;
        match is_last {
            true => Some(end),
            false => (new <= old).then_some(self.next),
        }
    }

    /// Takes up what [`resized`](Self::resized) found.
    pub fn resize(&mut self, end: usize) {
        self.next = end;
    }
}

#[cfg(target_arch = "wasm32")]
mod global {
    use super::Arena;
    use core::arch::wasm32::{memory_grow, memory_size};
    use std::alloc::{GlobalAlloc, Layout};
    use std::cell::Cell;
    use std::ptr;

    const PAGE: usize = 64 * 1024;

    /// Memory that has to grow grows by so much at least, while it is far from any limit.
    const MIN_GROWTH_PAGES: usize = 16;

    /// From here on it grows by what is missing.
    const LARGE_PAGES: usize = 1024;

    unsafe extern "C" {
        /// The first address after the data and the stack: the linker sets it.
        static __heap_base: u8;
    }

    /// The guest has one thread.
    struct Global(Cell<Option<Arena>>);

    // SAFETY: a component instance is entered by one thread at a time, and this target has no others.
    unsafe impl Sync for Global {}

    #[global_allocator]
    static GLOBAL: Global = Global(Cell::new(None));

    impl Global {
        fn arena(&self) -> Arena {
            self.0.get().unwrap_or_else(|| Arena::new(&raw const __heap_base as usize))
        }
    }

    /// Whether memory reaches that far, or grew to.
    fn reaches(end: usize) -> bool {
        let pages = memory_size::<0>();
        let missing = end.div_ceil(PAGE).saturating_sub(pages);
        let growth = if pages < LARGE_PAGES { missing.max(MIN_GROWTH_PAGES) } else { missing };
        missing == 0 || memory_grow::<0>(growth) != usize::MAX
    }

    // SAFETY: blocks that were not given back never overlap, which the tests of `Arena` try; they lie in memory that is there.
    unsafe impl GlobalAlloc for Global {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let mut arena = self.arena();
            match arena.place(layout.size(), layout.align()) {
                Some((at, end)) if reaches(end) => {
                    arena.take(end);
                    self.0.set(Some(arena));
                    at as *mut u8
                }
                _ => ptr::null_mut(),
            }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            let mut arena = self.arena();
            arena.give_back(block as usize, layout.size());
            self.0.set(Some(arena));
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, new: usize) -> *mut u8 {
            let mut arena = self.arena();
            if let Some(end) = arena.resized(block as usize, layout.size(), new).filter(|end| reaches(*end)) {
                arena.resize(end);
                self.0.set(Some(arena));
                return block;
            }
            // SAFETY: the caller promises a size that fits the alignment.
            let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(new, layout.align())) };
            if !moved.is_null() {
                // SAFETY: both blocks are that long, and the new one overlaps nothing.
                unsafe {
                    ptr::copy_nonoverlapping(block, moved, layout.size().min(new));
                    self.dealloc(block, layout);
                }
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_arena_is_empty_when_its_blocks_are_given_back_in_whatever_order() {
        let mut arena = Arena::new(1_000);
        let blocks: Vec<_> = [(10, 1), (20, 8), (30, 16)]
            .into_iter()
            .map(|(size, align)| {
                let (at, end) = arena.place(size, align).unwrap();
                arena.take(end);
                (at, size)
            })
            .collect();
        assert_eq!(blocks, [(1_000, 10), (1_016, 20), (1_040, 30)]);
        for (at, size) in blocks {
            arena.give_back(at, size);
        }
        assert_eq!(arena.place(1, 1), Some((1_000, 1_001)));
        assert_eq!(arena.place(usize::MAX, 1), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn blocks_in_use_never_overlap(steps in prop::collection::vec((0..3_u8, 1..64_usize, 0..5_u32, 0..8_usize), 0..60)) {
            let mut arena = Arena::new(16);
            let mut blocks: Vec<(usize, usize)> = Vec::new();
            for (what, size, align, which) in steps {
                let at_hand = (!blocks.is_empty()).then(|| which % blocks.len());
                match (what, at_hand) {
                    (1, Some(which)) => {
                        let (at, size) = blocks.swap_remove(which);
                        arena.give_back(at, size);
                    }
                    (2, Some(which)) => {
                        let (at, old) = blocks[which];
                        if let Some(end) = arena.resized(at, old, size) {
                            arena.resize(end);
                            blocks[which].1 = size;
                        }
                    }
                    _ => {
                        let (at, end) = arena.place(size, 1 << align).unwrap();
                        arena.take(end);
                        prop_assert_eq!(at % (1 << align), 0);
                        blocks.push((at, size));
                    }
                }
                let mut sorted = blocks.clone();
                sorted.sort_unstable();
                prop_assert!(sorted.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{:?}", sorted);
            }
        }
    }
}

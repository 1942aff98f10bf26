//! A text, and what its escapes stand for, in every order of their kinds.

use super::decode::{Kind, decode};
use bytes::Bytes;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

/// How often escapes are undone: a JSON text may hold an address in which a form was encoded.
pub const LAYERS: usize = 3;

/// The layers of a text, one after the other. The text itself is the first.
pub struct Layers {
    stack: Vec<Layer>,
    /// The text, until it was the first layer.
    text: Option<Bytes>,
    /// Layers that were there, by depth and digest: escapes that are not one within the other give the same text in every order.
    seen: HashSet<(usize, u64)>,
    hasher: RandomState,
    with_origin: bool,
}

struct Layer {
    bytes: Bytes,
    /// Where what each byte was made from begins, and at the end where it ends. Empty for the text itself, or without origins.
    starts: Vec<u32>,
    /// How many kinds were undone in it.
    undone: usize,
}

impl Layers {
    /// Of a text. `with_origin` has each layer know what its parts were made from, which takes four bytes for one.
    pub fn new(text: Bytes, with_origin: bool) -> Self {
        let (seen, hasher) = (HashSet::new(), RandomState::new());
        Self { stack: Vec::new(), text: Some(text), seen, hasher, with_origin }
    }

    /// Goes on to the next layer. Whether there is one.
    pub fn advance(&mut self) -> bool {
        if let Some(bytes) = self.text.take() {
            self.stack.push(Layer { bytes, starts: Vec::new(), undone: 0 });
            return true;
        }
        loop {
            let depth = self.stack.len();
            let Some(top) = self.stack.last_mut() else { return false };
            let Some(kind) = Kind::ALL.get(top.undone).filter(|_| depth <= LAYERS) else {
                self.stack.pop();
                continue;
            };
            top.undone += 1;
            let mut starts = Vec::new();
            let undone = match self.with_origin {
                true => decode(&top.bytes, *kind, |start| starts.push(u32::try_from(start).unwrap_or(u32::MAX))),
                false => decode(&top.bytes, *kind, |_| {}),
            };
            let Some(bytes) = undone else { continue };
            starts.push(u32::try_from(top.bytes.len()).unwrap_or(u32::MAX));
            if self.seen.insert((depth, self.hasher.hash_one(&bytes))) {
                self.stack.push(Layer { bytes: bytes.into(), starts, undone: 0 });
                return true;
            }
        }
    }

    /// The present layer.
    pub fn bytes(&self) -> &[u8] {
        self.stack.last().map_or(&[], |layer| &layer.bytes)
    }

    /// What a part of the present layer was made from, in the text.
    pub fn origin(&self, part: Range<usize>) -> Range<usize> {
        self.stack.iter().skip(1).rev().fold(part, |part, layer| {
            let at = |index: usize| layer.starts.get(index).map_or(0, |start| *start as usize);
            at(part.start)..at(part.end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(text: &'static str) -> Vec<String> {
        let mut layers = Layers::new(Bytes::from_static(text.as_bytes()), false);
        let mut all = Vec::new();
        while layers.advance() {
            all.push(String::from_utf8_lossy(layers.bytes()).into_owned());
        }
        all
    }

    #[test]
    fn each_order_of_kinds_is_tried_and_none_twice_that_comes_to_the_same() {
        assert_eq!(layers("plain"), ["plain"]);
        assert_eq!(layers(r"a\n%41"), [r"a\n%41", "a\n%41", "a\nA", r"a\nA"]);
        assert_eq!(layers(r"\\\\\\\\n"), [r"\\\\\\\\n", r"\\\\n", r"\\n", r"\n"], "three deep");
        let mut origin = Layers::new(Bytes::from_static(b"x%26amp;y"), true);
        while origin.bytes() != b"x&y" {
            assert!(origin.advance());
        }
        assert_eq!(origin.origin(1..2), 1..8);
    }
}

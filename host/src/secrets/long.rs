//! Searches of texts that may be long: with memory and a permit from the budgets of the host, a layer at a time, on a thread that
//! holds no other call up.

use super::layers::{LAYERS, Layers};
use super::strings::strings;
use super::{Search, Secrets, Struck};
use crate::call_state::Budgets;
use bytes::Bytes;
use serde::Serialize;

/// A text of up to this length is searched within a millisecond or two, in every order of its escapes.
const SHORT: usize = 16 * 1024;

/// A search has the text's layers at a time, and the one that is being made.
const SEARCH_COPIES: usize = LAYERS + 1;

/// Redaction has the origin of each of their bytes too, and the text that it writes.
const REDACTION_COPIES: usize = 1 + 5 * (LAYERS + 1);

/// Whose budgets a search takes from.
#[derive(Clone, Copy)]
pub struct Room<'a> {
    /// The budgets.
    pub budgets: &'a Budgets,
    /// The authorization.
    pub who: &'a str,
}

/// There could never be memory enough.
pub struct NoRoom;

impl Secrets {
    /// Whether one of them is in a text.
    pub async fn are_within(&self, text: Bytes, room: Room<'_>) -> Result<bool, NoRoom> {
        if text.len() <= SHORT {
            return Ok(self.are_in(&text));
        }
        let _held = room.budgets.memory.take(room.who, SEARCH_COPIES * text.len()).await.ok_or(NoRoom)?;
        let search = self.search();
        let Search::For { .. } = &*search else { return Ok(self.are_in(&text)) };
        let mut layers = Layers::new(text, false);
        loop {
            let search = search.clone();
            let step = move || {
                let found = layers.advance().then(|| search.is_in_layer(layers.bytes()));
                (layers, found)
            };
            let (rest, found) = room.budgets.processor.elsewhere(room.who, step).await;
            match found {
                Some(false) => layers = rest,
                Some(true) => return Ok(true),
                None => return Ok(false),
            }
        }
    }

    /// Whether one of them is in a text of a record or outcome, which may be large. It counts as one that holds some where it has no
    /// JSON form.
    pub async fn are_among(&self, texts: &impl Serialize, room: Room<'_>) -> Result<bool, NoRoom> {
        match strings(texts) {
            Some(texts) => self.are_within(texts.into(), room).await,
            None => Ok(true),
        }
    }

    /// The text with stars in their place.
    pub async fn redacted(&self, text: Bytes, room: Room<'_>) -> Result<Bytes, NoRoom> {
        if !self.are_within(text.clone(), room).await? {
            return Ok(text);
        }
        if text.len() <= SHORT {
            return Ok(self.redact(text));
        }
        let _held = room.budgets.memory.take(room.who, REDACTION_COPIES * text.len()).await.ok_or(NoRoom)?;
        let search = self.search();
        let mut struck = Struck::new(text);
        loop {
            let search = search.clone();
            let step = move || {
                let goes_on = struck.strike_layer(&search);
                (struck, goes_on)
            };
            let (rest, goes_on) = room.budgets.processor.elsewhere(room.who, step).await;
            struck = rest;
            if !goes_on {
                return Ok(struck.into_text());
            }
        }
    }
}

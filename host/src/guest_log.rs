//! Lines of the log that components cause: short, without secrets, and only so many a minute for each authorization, so that a
//! component cannot fill the log.

use crate::authorizations::Authorizations;
use crate::secrets::Secrets;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a window of counted lines lasts.
const WINDOW: Duration = Duration::from_secs(60);

/// The longest line: room for an address and what would allow it.
const MAX_CHARS: usize = 600;

/// Whose lines calls without a known authorization use.
const OTHERS: &str = "";

/// The lines of all authorizations.
#[derive(Clone)]
pub struct GuestLog(Arc<HashMap<String, Lines>>);

struct Lines {
    secrets: Secrets,
    max: u32,
    window: Mutex<Window>,
}

struct Window {
    began: Instant,
    lines: u32,
    left_out: u64,
}

impl GuestLog {
    /// Of these authorizations, with so many lines a minute for each.
    pub fn new(authorizations: &Authorizations, max: u32) -> Self {
        let lines = |secrets: Secrets| {
            let window = Mutex::new(Window { began: Instant::now(), lines: 0, left_out: 0 });
            Lines { secrets, max, window }
        };
        let known = authorizations.iter().map(|(name, known)| (name.clone(), lines(known.secrets.clone())));
        let others = (OTHERS.to_string(), lines(Secrets::default()));
        Self(Arc::new(known.chain([others]).collect()))
    }

    /// Warns of what a component of this authorization did. Names that are no authorization's share their lines.
    pub fn warn(&self, authorization: &str, what: &dyn Display) {
        let Some(lines) = self.0.get(authorization).or_else(|| self.0.get(OTHERS)) else { return };
        let Some(left_out) = lines.take() else { return };
        if left_out > 0 {
            tracing::warn!(authorization, left_out, "lines of this authorization were left out");
        }
        let text = lines.secrets.redact_text(&what.to_string());
        let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect();
        if text.chars().nth(MAX_CHARS).is_some() {
            line.push_str(" ...");
        }
        tracing::warn!(authorization, "{line}");
    }
}

impl Lines {
    /// A line of this minute, and how many were left out before it. `None` where there is none left.
    fn take(&self) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.began.elapsed() >= WINDOW {
            (window.began, window.lines) = (Instant::now(), 0);
        }
        if window.lines >= self.max {
            window.left_out += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn an_authorization_has_so_many_lines_and_the_next_window_says_how_many_were_left_out() {
        let text = "[authorizations.main]\ninstance = \"dev1\"\ngrant = \"bearer\"\ntoken = \"t\"";
        let authorizations = Authorizations::parse(text, Path::new("a.toml")).unwrap();
        let log = GuestLog::new(&authorizations, 2);
        let lines = &log.0["main"];
        assert_eq!([lines.take(), lines.take(), lines.take(), lines.take()], [Some(0), Some(0), None, None]);
        lines.window.lock().unwrap().began -= WINDOW;
        assert_eq!([lines.take(), lines.take()], [Some(2), Some(0)]);
        log.warn("other", &"no authorization of this name");
    }
}

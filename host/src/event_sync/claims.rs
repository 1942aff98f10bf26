//! Claims: what somebody does for a while, so that others wait for it. One who dies loses a claim when its time is over.

use super::ledger::Ledger;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// A clock that is set is set by more than this; one that is only corrected makes no claim one of the future.
const SET_BACK_MS: u128 = 10 * 60 * 1000;

/// How soon it is looked whether another is done, and how seldom after a while.
const PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// What was claimed and done stays so.
const DONE: &str = "done";

/// The claims in a ledger.
#[derive(Clone)]
pub struct Claims(pub Arc<dyn Ledger>);

/// What is claimed, and by whom.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The authorization it is about.
    pub authorization: String,
    /// What is claimed.
    pub name: String,
    /// Who claims it: one call, or one turn.
    pub owner: String,
}

/// What a claim came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Claimed {
    /// Nobody had it.
    Granted,
    /// Whoever had it let its time pass: what it did is not known.
    Orphaned,
    /// It was claimed before, and done.
    Done,
}

/// A claim as the ledger has it.
struct Held<'t> {
    owner: &'t str,
    from: u128,
    until: u128,
    /// Whether one who had it before let its time pass.
    in_doubt: bool,
}

impl Claims {
    /// Claims something until a time. `None` where somebody else has it now.
    pub fn claim(&self, claim: &Claim, until: SystemTime) -> io::Result<Option<Claimed>> {
        let Claim { authorization, name, owner } = claim;
        loop {
            let text = self.0.get(authorization, name)?;
            let claimed = match text.as_deref() {
                None => Claimed::Granted,
                Some(DONE) => return Ok(Some(Claimed::Done)),
                Some(text) => match Held::read(text) {
                    Some(held) if held.owner == *owner && !held.in_doubt => Claimed::Granted,
                    Some(held) if held.owner != *owner && !held.is_over() => return Ok(None),
                    _ => Claimed::Orphaned,
                },
            };
            let (from, until) = (ms(SystemTime::now()), ms(until));
            let held = Held { owner, from, until, in_doubt: claimed == Claimed::Orphaned };
            if self.0.replace(authorization, name, text.as_deref(), Some(&held.to_text()))? {
                return Ok(Some(claimed));
            }
        }
    }

    /// The same, once nobody else has it.
    pub async fn wait(&self, claim: &Claim, at_most: Duration) -> io::Result<Claimed> {
        let mut pause = PAUSE;
        loop {
            if let Some(claimed) = self.claim(claim, SystemTime::now() + at_most)? {
                return Ok(claimed);
            }
            sleep(pause).await;
            pause = MAX_PAUSE.min(pause * 2);
        }
    }

    /// Waits for the claims that others have now, of those whose names begin so, and for none that is made meanwhile.
    pub async fn ended(&self, authorization: &str, start: &str) -> io::Result<()> {
        let mut pause = PAUSE;
        for name in self.0.names(authorization, start)? {
            while let Some(text) = self.0.get(authorization, &name)? {
                if Held::read(&text).is_none_or(|held| held.is_over()) {
                    self.0.replace(authorization, &name, Some(&text), None)?;
                    break;
                }
                sleep(pause).await;
                pause = MAX_PAUSE.min(pause * 2);
            }
        }
        Ok(())
    }

    /// Gives a claim up. What is in doubt stays so.
    pub fn release(&self, claim: &Claim) -> io::Result<()> {
        self.end(claim, |held| held.in_doubt.then(|| Held { from: 0, until: 0, ..held }.to_text()))
    }

    /// Ends a claim for ever: it is done.
    pub fn done(&self, claim: &Claim) -> io::Result<()> {
        self.end(claim, |_| Some(DONE.to_string()))
    }

    fn end(&self, claim: &Claim, end: impl Fn(Held<'_>) -> Option<String>) -> io::Result<()> {
        let Claim { authorization, name, owner } = claim;
        while let Some(text) = self.0.get(authorization, name)? {
            let Some(held) = Held::read(&text).filter(|held| held.owner == *owner) else { return Ok(()) };
            if self.0.replace(authorization, name, Some(&text), end(held).as_deref())? {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl<'t> Held<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let mut parts = text.split(' ');
        let owner = parts.next()?;
        let (from, until) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { owner, from, until, in_doubt: parts.next().is_some() })
    }

    fn to_text(&self) -> String {
        let Self { owner, from, until, in_doubt } = self;
        format!("{owner} {from} {until}{}", if *in_doubt { " in-doubt" } else { "" })
    }

    /// Whether its time passed. One of the future was made before a clock was set back.
    fn is_over(&self) -> bool {
        let now = ms(SystemTime::now());
        self.until < now || self.from > now + SET_BACK_MS
    }
}

fn ms(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_sync::ledger::MemoryLedger;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn claim(owner: &str) -> Claim {
        Claim { authorization: "main".into(), name: "note/1".into(), owner: owner.into() }
    }

    #[test]
    fn a_claim_is_one_s_until_it_ends_or_its_time_passed() {
        let claims = Claims(Arc::new(MemoryLedger::default()));
        let (soon, past) = (SystemTime::now() + HOUR, SystemTime::now() - HOUR);
        let take = |owner: &str, until: SystemTime| claims.claim(&claim(owner), until).unwrap();
        assert_eq!(take("one", soon), Some(Claimed::Granted));
        assert_eq!(take("one", soon), Some(Claimed::Granted), "it is its own");
        assert_eq!(take("other", soon), None);
        claims.release(&claim("other")).unwrap();
        claims.done(&claim("other")).unwrap();
        assert_eq!(take("other", soon), None, "nobody ends another's claim");
        claims.release(&claim("one")).unwrap();
        assert_eq!(take("other", past), Some(Claimed::Granted));
        assert_eq!(take("one", soon), Some(Claimed::Orphaned), "the time of the other passed");
        assert_eq!(take("one", soon), Some(Claimed::Orphaned));
        claims.release(&claim("one")).unwrap();
        assert_eq!(take("other", soon), Some(Claimed::Orphaned), "giving it up leaves the doubt");
        claims.done(&claim("other")).unwrap();
        assert_eq!((take("one", soon), take("other", soon)), (Some(Claimed::Done), Some(Claimed::Done)));
    }

    #[test]
    fn a_claim_made_before_a_clock_was_set_back_is_over() {
        let ledger = Arc::new(MemoryLedger::default());
        let future = ms(SystemTime::now() + HOUR);
        let text = format!("one {future} {}", future + 1_000);
        assert!(ledger.replace("main", "note/1", None, Some(&text)).unwrap());
        let claims = Claims(ledger);
        assert_eq!(claims.claim(&claim("other"), SystemTime::now() + HOUR).unwrap(), Some(Claimed::Orphaned));
    }
}

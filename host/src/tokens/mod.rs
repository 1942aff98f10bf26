//! The token service: access tokens, fetched natively and shared by all calls of an authorization.
//!
//! One fetch at a time per authorization, in a task of its own: a call that runs out of time does not take the fetch
//! away from the others.

mod assertion;
mod credential;
mod exchange;
mod rotated;

pub use assertion::{Algorithm, Assertion, Signer};
pub use credential::{IssuedCredential, NoCredential, grant_type};

use crate::authorizations::{Authorization, Authorizations, Grant};
use crate::bindings::servicenow::plugin::credentials::UnreachableReason;
use crate::egress::Clients;
use crate::error::BuildError;
use crate::secret::Secret;
use crate::telemetry;
use credential::{fixed, refusal};
use exchange::{Answer, FETCH_TIMEOUT};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

type Fetched = Result<IssuedCredential, NoCredential>;

/// The tokens of all authorizations.
#[derive(Clone)]
pub struct Tokens {
    slots: Arc<HashMap<String, Arc<Slot>>>,
    clients: Clients,
}

struct Slot {
    name: String,
    authorization: Authorization,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<IssuedCredential>,
    fetching: Option<watch::Receiver<Option<Fetched>>>,
    refresh_token: Option<Secret>,
    /// Whether the file of rotated tokens has one before this.
    is_unsaved: bool,
    generation: u64,
}

impl Tokens {
    /// The tokens of these authorizations; none is fetched before it is asked for. The error is a file of a rotated token that
    /// cannot be used.
    pub fn new(authorizations: &Authorizations, clients: Clients) -> Result<Self, BuildError> {
        let slot = |(name, authorization): (&String, &Authorization)| {
            let state = State { refresh_token: kept_token(name, authorization)?, ..State::default() };
            let slot = Slot { name: name.clone(), authorization: authorization.clone(), state: Mutex::new(state) };
            Ok((name.clone(), Arc::new(slot)))
        };
        let slots = authorizations.iter().map(slot).collect::<Result<_, BuildError>>()?;
        Ok(Self { slots: Arc::new(slots), clients })
    }

    /// The current credential of an authorization, fetched if there is none. `None` for an unknown name.
    pub async fn get(&self, authorization: &str, deadline: Instant) -> Option<Fetched> {
        let slot = self.slots.get(authorization)?;
        if let Some(credential) = fixed(&slot.authorization.grant) {
            return Some(Ok(credential));
        }
        let mut fetching = match self.current_or_fetch(slot) {
            Ok(credential) => return Some(Ok(credential)),
            Err(fetching) => fetching,
        };
        let fetched = tokio::time::timeout_at(deadline.into(), fetching.wait_for(Option::is_some)).await;
        Some(match fetched {
            Ok(Ok(fetched)) => fetched.clone().unwrap_or(Err(NoCredential::Timeout)),
            // The task ended without a word.
            Ok(Err(_)) => Err(NoCredential::Unreachable(UnreachableReason::Lost)),
            Err(_) => Err(NoCredential::Timeout),
        })
    }

    /// A credential after ServiceNow refused the one of this generation.
    pub async fn refused(&self, authorization: &str, generation: u64, deadline: Instant) -> Option<Fetched> {
        let slot = self.slots.get(authorization)?;
        if fixed(&slot.authorization.grant).is_some() {
            let description = "the stored credential is no longer accepted; store a new one";
            return Some(Err(refusal(grant_type(&slot.authorization.grant), Some(401), "", description)));
        }
        slot.lock().current.take_if(|current| current.generation == generation);
        self.get(authorization, deadline).await
    }

    fn current_or_fetch(&self, slot: &Arc<Slot>) -> Result<IssuedCredential, watch::Receiver<Option<Fetched>>> {
        let mut state = slot.lock();
        if let Some(credential) = state.current.as_ref().filter(|credential| credential.is_fresh()) {
            return Ok(credential.clone());
        }
        // A fetch whose task is gone, with its runtime for instance, is no fetch.
        if let Some(fetching) = state.fetching.as_ref().filter(|fetching| fetching.has_changed().is_ok()) {
            return Err(fetching.clone());
        }
        let (done, fetching) = watch::channel(None);
        state.fetching = Some(fetching.clone());
        drop(state);
        let (slot, clients) = (Arc::clone(slot), self.clients.clone());
        tokio::spawn(async move {
            let fetched = slot.fetch(&clients).await;
            telemetry::token_fetched(&fetched);
            let fetched = slot.keep(fetched);
            // Nobody may be waiting any more; the token is kept all the same.
            let _ = done.send(Some(fetched));
        });
        Err(fetching)
    }
}

/// The rotated refresh token that an earlier process kept.
fn kept_token(name: &str, authorization: &Authorization) -> Result<Option<Secret>, BuildError> {
    let Grant::RefreshToken { refresh_token, rotated_token_file: Some(path), .. } = &authorization.grant else {
        return Ok(None);
    };
    let unusable = |error| BuildError::RotatedToken { authorization: name.to_string(), path: path.clone(), error };
    let kept = rotated::load(path, refresh_token).map_err(unusable)?;
    Ok(kept.inspect(|token| authorization.secrets.add([token.expose()])))
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, fetched: Result<Answer, NoCredential>) -> Fetched {
        let mut state = self.lock();
        state.fetching = None;
        let answer = match fetched {
            Ok(answer) => answer,
            // An early renewal that failed: the token at hand is still good.
            Err(error) => return state.current.clone().filter(IssuedCredential::is_valid).ok_or(error),
        };
        if answer.refresh_token.is_some() {
            state.refresh_token = answer.refresh_token;
        }
        state.generation += 1;
        let credential = IssuedCredential { generation: state.generation, ..answer.credential };
        state.current = Some(credential.clone());
        let refresh_token = state.refresh_token.as_ref().map(Secret::expose);
        self.authorization.secrets.keep_current(refresh_token.into_iter().chain([credential.value.expose()]));
        Ok(credential)
    }

    async fn fetch(&self, clients: &Clients) -> Result<Answer, NoCredential> {
        let rotated = self.lock().refresh_token.clone();
        let Grant::RefreshToken { refresh_token: first, rotated_token_file: Some(path), .. } =
            &self.authorization.grant
        else {
            return self.exchange(rotated, clients).await;
        };
        let (file, descends_from) = (path.clone(), first.clone());
        let held = spawn_blocking(move || {
            let held = rotated::hold(&file, FETCH_TIMEOUT)?;
            Ok((held, rotated::load(&file, &descends_from)?))
        });
        let held: io::Result<_> = held.await.map_err(io::Error::other).flatten();
        let (_held, rotated) = match held {
            // Another process may have been given one since; but where this one could not keep its last, the file has a past one.
            Ok((held, kept)) => {
                kept.iter().for_each(|kept| self.authorization.secrets.add_issued([kept.expose().to_string()]));
                let is_unsaved = self.lock().is_unsaved;
                (Some(held), if is_unsaved { rotated.or(kept) } else { kept.or(rotated) })
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(NoCredential::Timeout),
            Err(error) => {
                self.not_kept(path, &error);
                (None, rotated)
            }
        };
        self.lock().refresh_token = rotated.clone();
        let fetched = self.exchange(rotated, clients).await?;
        // On the disk before anything is done with what came with it: the one before is no longer good.
        if let Some(rotated) = fetched.refresh_token.clone() {
            let (file, first) = (path.clone(), first.clone());
            let saved = spawn_blocking(move || rotated::save(&file, &first, &rotated)).await;
            let saved = saved.map_err(io::Error::other).flatten();
            self.lock().is_unsaved = saved.is_err();
            if let Err(error) = saved {
                self.not_kept(path, &error);
            }
        }
        Ok(fetched)
    }

    async fn exchange(&self, rotated: Option<Secret>, clients: &Clients) -> Result<Answer, NoCredential> {
        let fetched = timeout(FETCH_TIMEOUT, exchange::fetch(&self.name, &self.authorization, rotated, clients)).await;
        fetched.unwrap_or(Err(NoCredential::Timeout))
    }

    fn not_kept(&self, path: &Path, error: &io::Error) {
        let authorization = &self.name;
        tracing::error!(authorization, path = %path.display(), %error, "a rotated refresh token is not kept: a restart loses it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_early_renewal_that_fails_leaves_the_token_at_hand_in_use() {
        let text = "[authorizations.main]\ninstance = \"dev1\"\ngrant = \"bearer\"\ntoken = \"t\"";
        let authorizations = Authorizations::parse(text, Path::new("a.toml")).unwrap();
        let authorization = Authorization::clone(authorizations.get("main").unwrap());
        let slot = Slot { name: "main".to_string(), authorization, state: Mutex::default() };
        let failed = || Err(NoCredential::Unreachable(UnreachableReason::ServerError));
        assert!(slot.keep(failed()).is_err(), "there is no token at hand");
        let mut credential = fixed(&Grant::Bearer(Secret::new("t".to_string()))).unwrap();
        for (left, kept) in [(60, true), (0, false)] {
            credential.expires = Instant::now().checked_add(Duration::from_secs(left));
            slot.lock().current = Some(credential.clone());
            assert_eq!(slot.keep(failed()).is_ok(), kept, "{left} s left");
        }
    }
}

//! The state of one call's store: what the guest holds, and what it can reach.

use crate::authorizations::{Authorization, Authorizations, CredentialMode, Grant};
use crate::beside::Beside;
use crate::bindings::servicenow::plugin::credentials::{
    Credential, CredentialError, Granted, Header, Host as Credentials, OauthClient, UnreachableReason,
};
use crate::budget::Budget;
use crate::egress::{CallEgress, Clients, Connections, Egress, Journal, Proxy, RateLimits, Sockets};
use crate::engine::processor::{Computing, Processor};
use crate::engine::resource_limiter::Bounds;
use crate::error::BuildError;
#[cfg(feature = "sync")]
use crate::event_sync::CallLedger;
use crate::guest_log::GuestLog;
use crate::intent::Intent;
use crate::limits::{Limits, MAX_RANDOM_BYTES};
use crate::secret::Secret;
use crate::telemetry::{BudgetOf, TraceContext};
use crate::tokens::{IssuedCredential, NoCredential, Tokens, grant_type};
use std::sync::Arc;
#[cfg(feature = "sync")]
use std::time::Duration;
use std::time::Instant;
use tracing::Span;
use wasmtime::component::{HasSelf, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// A call asks for its credential once, and once more after each 401; twice as often is beyond any need.
const MAX_CREDENTIAL_CALLS: u32 = 16;

/// The state of one call.
pub struct CallState {
    /// What the guest may use, and has used.
    pub bounds: Bounds,
    /// What it computes.
    pub computing: Computing,
    /// What a component needs of WASI, made when it first asks: one over `transport` never does.
    wasi: Option<Box<Wasi>>,
    hook: Egress,
    /// Where its exchanges are done, of a component over `transport`.
    pub beside: Beside,
    /// What the call has for its requests.
    pub egress: Arc<CallEgress>,
    name: String,
    authorization: Option<Arc<Authorization>>,
    tokens: Tokens,
    log: GuestLog,
    renewed: bool,
    credentials_left: u32,
    generation: u64,
    deadline: Instant,
    one_time: Option<Secret>,
    /// What is remembered, where the call has it.
    #[cfg(feature = "sync")]
    pub ledger: Option<CallLedger>,
}

/// What the calls of an engine have together, whatever their authorizations.
#[derive(Clone)]
pub struct Budgets {
    /// Connections.
    pub sockets: Sockets,
    /// Memory.
    pub memory: Budget,
    /// Processor time.
    pub processor: Processor,
}

impl Budgets {
    /// By these limits.
    pub fn new(limits: &Limits) -> Self {
        let memory = limits.max_total_memory.max(1);
        Self {
            sockets: Sockets::new(limits.max_sockets),
            memory: Budget::seen(BudgetOf::Memory, memory),
            processor: Processor::default(),
        }
    }
}

/// What credentials and egress are shared by all calls of a host.
#[derive(Clone)]
pub struct Shared {
    /// The authorizations.
    pub authorizations: Authorizations,
    /// Their tokens.
    pub tokens: Tokens,
    /// Their connections.
    pub clients: Clients,
    /// What their instances said about rate limits.
    pub rate_limits: RateLimits,
    /// What their components have logged.
    pub log: GuestLog,
    /// What the calls of the engine have together.
    pub budgets: Budgets,
    /// What one call may use.
    pub limits: Limits,
    /// What tells an instance of the trace of a call.
    pub trace: Option<TraceContext>,
}

impl Shared {
    /// What the calls with these authorizations share.
    pub fn new(
        authorizations: Authorizations,
        limits: Limits,
        proxy: &Proxy,
        budgets: &Budgets,
        connections: Connections,
    ) -> Result<Self, BuildError> {
        budgets.memory.divide(authorizations.iter().count());
        let clients =
            Clients::new(&authorizations, proxy, budgets.sockets.clone(), limits.max_header_bytes, connections)?;
        let tokens = Tokens::new(&authorizations, clients.clone())?;
        let rate_limits = RateLimits::new(&authorizations);
        let log = GuestLog::new(&authorizations, limits.max_log_lines);
        Ok(Self { authorizations, tokens, clients, rate_limits, log, budgets: budgets.clone(), limits, trace: None })
    }
}

impl CallState {
    /// The state of a call made with this authorization: it answers for no other.
    pub fn new(shared: &Shared, authorization: &str, intent: &Intent, journal: Journal, deadline: Instant) -> Self {
        let known = shared.authorizations.get(authorization);
        Self::with(shared, authorization, known, intent, journal, (deadline, Span::current()))
    }

    /// `known` is what it may reach and use, and `who` whose share of the budgets it takes.
    fn with(
        shared: &Shared,
        who: &str,
        known: Option<&Arc<Authorization>>,
        intent: &Intent,
        journal: Journal,
        (deadline, span): (Instant, Span),
    ) -> Self {
        let limits = &shared.limits;
        let means = (&shared.budgets, shared.clients.clone(), shared.rate_limits.clone(), shared.log.clone(), journal);
        let (known_here, traced) = (known.map(Arc::as_ref), (span, shared.trace.as_ref()));
        let egress = Arc::new(CallEgress::new(who, known_here, intent, means, traced, deadline, limits.clone()));
        Self {
            bounds: Bounds::new(limits, shared.budgets.memory.clone(), who, deadline),
            computing: shared.budgets.processor.call(who),
            wasi: None,
            hook: Egress(Arc::clone(&egress)),
            beside: Beside::default(),
            egress,
            name: who.to_string(),
            authorization: known.cloned(),
            tokens: shared.tokens.clone(),
            log: shared.log.clone(),
            renewed: false,
            credentials_left: MAX_CREDENTIAL_CALLS,
            generation: 0,
            deadline,
            one_time: None,
            #[cfg(feature = "sync")]
            ledger: intent.ledger.clone(),
        }
    }

    /// The state of a call that sends nothing: it has no policy and no credential. `who` is whose share of the budgets it takes.
    pub fn offline(shared: &Shared, who: &str, deadline: Instant) -> Self {
        // In no span: an idle instance would hold that of the last call open.
        Self::with(shared, who, None, &Intent::read(), Journal::default(), (deadline, Span::none()))
    }

    /// The state of an instance that is idle, and no call's.
    pub fn idle(shared: &Shared, deadline: Instant) -> Self {
        Self { computing: shared.budgets.processor.idle(), ..Self::offline(shared, "", deadline) }
    }

    /// The same for a delivery: `verify-callback` accepts `one_time`, once, and what is remembered of records is known.
    #[cfg(feature = "sync")]
    pub fn for_delivery(self, one_time: Secret, ledger: CallLedger) -> Self {
        Self { one_time: Some(one_time), ledger: Some(ledger), ..self }
    }

    /// How long the call has left.
    #[cfg(feature = "sync")]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether a text holds a secret of the call's authorization.
    #[cfg(feature = "sync")]
    pub fn holds_secret(&self, text: &str) -> bool {
        self.authorization.as_ref().is_some_and(|known| known.secrets.are_in(text.as_bytes()))
    }

    /// The type parameter of generated `add_to_linker` functions.
    pub fn credentials(&mut self) -> &mut Self {
        self
    }

    /// The authorization of this call, if it is the one named and was not asked for too often.
    fn known(&mut self, authorization: &str) -> Result<Arc<Authorization>, CredentialError> {
        let known = self.authorization.clone().filter(|_| authorization == self.name);
        let known = known.ok_or(CredentialError::UnknownAuthorization)?;
        self.credentials_left = self.credentials_left.checked_sub(1).ok_or_else(|| {
            self.log.warn(authorization, &"denied: the component asked for its credential too often");
            CredentialError::Unreachable(UnreachableReason::DeniedByHost)
        })?;
        Ok(known)
    }

    fn granted(&mut self, authorization: &Authorization, issued: IssuedCredential) -> Result<Granted, CredentialError> {
        self.generation = issued.generation;
        let credential = match authorization.credential {
            CredentialMode::HostInjected => {
                let value = issued.header_value().ok_or(CredentialError::UnknownAuthorization)?;
                self.egress.inject(issued.name.clone(), value);
                Credential::AddedByHost
            }
            CredentialMode::Header | CredentialMode::Grant => {
                self.egress.hand_out(&issued.value);
                Credential::Header(Header { name: issued.name.to_string(), value: issued.value.expose().to_string() })
            }
        };
        Ok(grant(authorization, credential, issued.info()))
    }
}

/// The `HasData` of generated `add_to_linker` functions.
pub type CallData = HasSelf<CallState>;

fn grant(
    authorization: &Authorization,
    credential: Credential,
    token: Option<crate::bindings::servicenow::plugin::credentials::TokenInfo>,
) -> Granted {
    Granted {
        origin: authorization.instance.to_string(),
        token_url: match credential {
            Credential::Grant(_) => authorization.token_url.to_string(),
            Credential::AddedByHost | Credential::Header(_) => String::new(),
        },
        grant_type: grant_type(&authorization.grant),
        credential,
        token,
    }
}

impl Credentials for CallState {
    async fn get(&mut self, authorization: String) -> Result<Granted, CredentialError> {
        let known = self.known(&authorization)?;
        if let (CredentialMode::Grant, Grant::ClientCredentials(client)) = (known.credential, &known.grant) {
            let client = OauthClient {
                client_id: client.id.clone(),
                client_secret: client.secret.expose().to_string(),
                scope: client.scope.clone(),
            };
            return Ok(grant(&known, Credential::Grant(client), None));
        }
        let fetched = self.tokens.get(&authorization, self.deadline).await;
        let issued = fetched.ok_or(CredentialError::UnknownAuthorization)?.map_err(CredentialError::from)?;
        self.granted(&known, issued)
    }

    async fn refused(&mut self, authorization: String) -> Result<Granted, CredentialError> {
        // Only the instance's own 401 costs a token, and one in a call: a guest cannot make the host fetch one after the other.
        if !self.egress.was_unauthorized() || std::mem::replace(&mut self.renewed, true) {
            return self.get(authorization).await;
        }
        let known = self.known(&authorization)?;
        if known.credential == CredentialMode::Grant {
            return self.get(authorization).await;
        }
        let fetched = self.tokens.refused(&authorization, self.generation, self.deadline).await;
        let issued = fetched.ok_or(CredentialError::UnknownAuthorization)?.map_err(CredentialError::from)?;
        self.granted(&known, issued)
    }

    async fn verify_callback(&mut self, authorization: String, presented: String) -> bool {
        // The host compared the secret before; what the component was given in its place is good for this once.
        let one_time = self.one_time.take_if(|_| self.name == authorization);
        one_time.is_some_and(|value| value.is(&presented))
    }
}

impl From<NoCredential> for CredentialError {
    fn from(error: NoCredential) -> Self {
        match error {
            NoCredential::Refused(refusal) => CredentialError::Refused(refusal),
            NoCredential::Unreachable(reason) => CredentialError::Unreachable(reason),
            NoCredential::Timeout => CredentialError::Timeout,
        }
    }
}

/// What a component has of WASI.
struct Wasi {
    table: ResourceTable,
    ctx: WasiCtx,
    http: WasiHttpCtx,
}

impl Wasi {
    fn new(limits: &Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.max_resources);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(limits.max_header_bytes);
        // No environment, no arguments, no files, no sockets, no output.
        Self { table, ctx: WasiCtx::builder().max_random_size(MAX_RANDOM_BYTES).build(), http }
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.get_or_insert_with(|| Box::new(Wasi::new(&self.egress.limits)));
        WasiCtxView { ctx: &mut wasi.ctx, table: &mut wasi.table }
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let wasi = self.wasi.get_or_insert_with(|| Box::new(Wasi::new(&self.egress.limits)));
        WasiHttpCtxView { hooks: &mut self.hook, table: &mut wasi.table, ctx: &mut wasi.http }
    }
}

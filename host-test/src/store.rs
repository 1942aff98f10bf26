//! The state of one call's store: what the guest holds, and what it can reach.

use crate::authorizations::{Authorization, Authorizations, Grant, Handout};
use crate::bindings::servicenow::plugin::credentials::{
    Credential, CredentialError, Granted, Header, Host as Credentials, OauthClient,
};
use crate::egress::{Clients, Egress, Injected, Journal, Policy};
use crate::limits::{Limits, MAX_INSTANCES, MAX_MEMORIES, MAX_REQUESTS, MAX_RESOURCES, MAX_TABLE_ELEMENTS};
use crate::tokens::{Access, NoAccess, Tokens, grant_type};
use std::time::Instant;
use wasmtime::component::{HasSelf, ResourceTable};
use wasmtime::{StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The state of one call.
pub struct CallState {
    /// What the guest may use.
    pub limits: StoreLimits,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    egress: Egress,
    name: String,
    authorization: Option<Authorization>,
    tokens: Tokens,
    generation: u64,
    deadline: Instant,
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
    /// What one call may use.
    pub limits: Limits,
}

impl CallState {
    /// The state of a call made with this authorization: it answers for no other.
    pub fn new(shared: &Shared, authorization: &str, journal: Journal, deadline: Instant) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let known = shared.authorizations.get(authorization);
        Self {
            limits: StoreLimitsBuilder::new()
                .memory_size(shared.limits.max_memory)
                .memories(MAX_MEMORIES)
                .tables(MAX_INSTANCES)
                .instances(MAX_INSTANCES)
                .table_elements(MAX_TABLE_ELEMENTS)
                .trap_on_grow_failure(true)
                .build(),
            table,
            // No environment, no arguments, no files, no sockets, no output.
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            egress: Egress {
                authorization: authorization.to_string(),
                policy: known.map(Policy::new),
                guest_authorizes: known.is_some_and(|known| known.credential != Handout::AddedByHost),
                injected: Injected::default(),
                clients: shared.clients.clone(),
                journal,
                deadline,
                max_response_bytes: shared.limits.max_response_bytes,
                requests_left: MAX_REQUESTS,
            },
            name: authorization.to_string(),
            authorization: known.cloned(),
            tokens: shared.tokens.clone(),
            generation: 0,
            deadline,
        }
    }

    /// The type parameter of generated `add_to_linker` functions.
    pub fn credentials(&mut self) -> &mut Self {
        self
    }

    fn granted(&mut self, authorization: &Authorization, access: Access) -> Result<Granted, CredentialError> {
        self.generation = access.generation;
        let credential = match authorization.credential {
            Handout::AddedByHost => {
                let value = access.header_value().ok_or(CredentialError::UnknownAuthorization)?;
                self.egress.injected.set(access.name.clone(), value);
                Credential::AddedByHost
            }
            Handout::Header | Handout::Grant => {
                Credential::Header(Header { name: access.name.to_string(), value: access.value.expose().to_string() })
            }
        };
        Ok(grant(authorization, credential, access.info()))
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
        let known = self.authorization.clone().filter(|_| authorization == self.name);
        let known = known.ok_or(CredentialError::UnknownAuthorization)?;
        if let (Handout::Grant, Grant::ClientCredentials(client)) = (known.credential, &known.grant) {
            let client = OauthClient {
                client_id: client.id.clone(),
                client_secret: client.secret.expose().to_string(),
                scope: client.scope.clone(),
            };
            return Ok(grant(&known, Credential::Grant(client), None));
        }
        let fetched = self.tokens.get(&authorization, self.deadline).await;
        let access = fetched.ok_or(CredentialError::UnknownAuthorization)?.map_err(CredentialError::from)?;
        self.granted(&known, access)
    }

    async fn refused(&mut self, authorization: String) -> Result<Granted, CredentialError> {
        let known = self.authorization.clone().filter(|_| authorization == self.name);
        let known = known.ok_or(CredentialError::UnknownAuthorization)?;
        if known.credential == Handout::Grant {
            return self.get(authorization).await;
        }
        let fetched = self.tokens.refused(&authorization, self.generation, self.deadline).await;
        let access = fetched.ok_or(CredentialError::UnknownAuthorization)?.map_err(CredentialError::from)?;
        self.granted(&known, access)
    }
}

impl From<NoAccess> for CredentialError {
    fn from(error: NoAccess) -> Self {
        match error {
            NoAccess::Refused(refusal) => CredentialError::Refused(refusal),
            NoAccess::Unreachable(reason) => CredentialError::Unreachable(reason),
            NoAccess::Timeout => CredentialError::Timeout,
        }
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}

//! Builds a host: compiles the component, links it, and prepares what its calls share.

use crate::admission::Admission;
use crate::authorizations::Authorizations;
use crate::bindings::Components;
use crate::compiled;
use crate::egress::{BadProxy, Clients, Connections, Proxy, RateLimits, TlsFile};
use crate::exports::{self, Exports};
use crate::host::Host;
use crate::limits::Limits;
use crate::pool;
use crate::runner::Runner;
use crate::store::{CallData, CallState, Shared};
use crate::tokens::Tokens;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Engine, EngineWeak};

/// The incident node, as built with this crate.
pub const COMPONENT: &[u8] = include_bytes!(env!("SERVICENOW_WASM"));

/// Events both ways, as built with this crate.
pub const EVENTS_COMPONENT: &[u8] = include_bytes!(env!("SERVICENOW_SYNC_WASM"));

/// The incident node with credentials from environment variables: it needs nothing but WASI.
pub const ENV_COMPONENT: &[u8] = include_bytes!(env!("SERVICENOW_ENV_WASM"));

/// The methods as JSON over HTTP, with credentials from environment variables, for whatever serves `wasi:http`.
pub const HTTP_COMPONENT: &[u8] = include_bytes!(env!("SERVICENOW_HTTP_WASM"));

/// The incident node as activities of Obelisk.
pub const OBELISK_COMPONENT: &[u8] = include_bytes!(env!("SERVICENOW_OBELISK_WASM"));

/// What WebAssembly begins with.
const MAGIC: &[u8] = b"\0asm";

/// What a core module begins with; a component has another version there.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Builds a host.
#[derive(Default)]
pub struct Builder {
    authorizations: Authorizations,
    limits: Limits,
    component: Option<Vec<u8>>,
    proxy: Option<Proxy>,
    config: Option<Config>,
    cache: Option<PathBuf>,
}

/// Why a host cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A certificate or key file cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFile),
    /// The proxy cannot be used.
    #[error(transparent)]
    Proxy(#[from] BadProxy),
    /// The file is no component, or not one of the world `servicenow:plugin/incident-node@0.1.0`.
    #[error("this is not a component of the world servicenow:plugin/incident-node@0.1.0: {0:#}")]
    Component(wasmtime::Error),
}

impl Builder {
    /// The authorizations that calls may name.
    pub fn authorizations(mut self, authorizations: Authorizations) -> Self {
        self.authorizations = authorizations;
        self
    }

    /// What one call may use.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Another component of the same world than the one built with this crate.
    pub fn component(mut self, bytes: Vec<u8>) -> Self {
        self.component = Some(bytes);
        self
    }

    /// The proxy for connections over https, in place of the one that `HTTPS_PROXY` and `NO_PROXY` name.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Settings of the engine to start from, such as a cache of compiled code. Interruption by epochs is turned on in any
    /// case.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// Keeps the compiled component in this folder, so that a new process need not compile it. The folder must be this user's
    /// alone: compiled code is run as it is found. [`usual_folder`](crate::usual_folder) names a good one.
    pub fn cache(mut self, folder: &Path) -> Self {
        self.cache = Some(folder.to_path_buf());
        self
    }

    /// The engine that calls run on.
    pub(crate) fn engine(&self) -> wasmtime::Result<Engine> {
        match &self.config {
            Some(config) => Engine::new(config.clone().epoch_interruption(true)),
            None => pool::engine(&self.limits),
        }
    }

    /// The component, compiled now or before.
    pub(crate) fn compiled(&self, engine: &Engine) -> wasmtime::Result<Component> {
        let bytes = self.component.as_deref().unwrap_or(COMPONENT);
        if bytes.starts_with(CORE_MODULE) {
            return Err(wasmtime::Error::msg("it is a core module"));
        }
        if !bytes.starts_with(MAGIC) {
            return Err(wasmtime::Error::msg("it is no WebAssembly"));
        }
        let component = match &self.cache {
            Some(folder) => compiled::load(engine, bytes, folder),
            None => Component::new(engine, bytes),
        };
        let component = component.map_err(|error| error.context("this host cannot load it"))?;
        exports::has(&component, "incidents")?;
        exports::needs(&component)?;
        Ok(component)
    }

    /// Compiles the component and links it. Takes a fraction of a second: do it once.
    pub fn build(mut self) -> Result<Host, BuildError> {
        self.limits.max_calls = self.limits.max_calls.min(pool::MAX_CALLS as usize);
        let load = || {
            let engine = self.engine()?;
            let component = self.compiled(&engine)?;
            let exports = Exports::new(&component, link(&engine, &component)?)?;
            Ok((engine, Arc::new(exports)))
        };
        let (engine, exports) = load().map_err(BuildError::Component)?;
        let proxy = self.proxy.map_or_else(Proxy::from_env, Ok)?;
        let admission = Admission::new(&self.authorizations, &self.limits);
        tick(engine.weak(), self.limits.epoch);
        let shared = share(self.authorizations, self.limits, &proxy, Connections::Kept)?;
        Ok(Host { runner: Runner { engine, shared, admission, proxy }, exports })
    }
}

/// What the calls of a host share.
pub(crate) fn share(
    authorizations: Authorizations,
    limits: Limits,
    proxy: &Proxy,
    connections: Connections,
) -> Result<Shared, BuildError> {
    let clients = Clients::new(&authorizations, proxy, limits.max_header_bytes, connections)?;
    let tokens = Tokens::new(&authorizations, clients.clone());
    let rate_limits = RateLimits::new(&authorizations);
    Ok(Shared { authorizations, tokens, clients, rate_limits, limits })
}

/// Links a component to what the host has for it.
pub(crate) fn link(engine: &Engine, component: &Component) -> wasmtime::Result<InstancePre<CallState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi_http::p2::add_to_linker_async(&mut linker)?;
    Components::add_to_linker::<_, CallData>(&mut linker, CallState::credentials)?;
    linker.instantiate_pre(component)
}

/// A shorter one would keep a processor busy with nothing else.
const MIN_EPOCH: Duration = Duration::from_millis(1);

/// One ticker per engine: it ends with it.
fn tick(engine: EngineWeak, epoch: Duration) {
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(epoch.max(MIN_EPOCH));
        }
    });
}

//! Builds a host: compiles the component, links it, and prepares what its calls share.

use crate::admission::Admission;
use crate::authorizations::Authorizations;
use crate::bundled;
use crate::call_state::{Budgets, Shared};
use crate::capacity::MAX_CALLS;
use crate::egress::{Connections, Proxy};
use crate::engine::functions::NodeFunctions;
use crate::engine::pool;
use crate::error::BuildError;
use crate::host::{Host, NODE_WORLD};
use crate::limits::Limits;
use crate::runner::Runner;
use crate::telemetry::TraceContext;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{Config, Engine, EngineWeak};

/// Builds a host.
#[derive(Default)]
pub struct Builder {
    authorizations: Authorizations,
    limits: Limits,
    component: Option<Vec<u8>>,
    proxy: Option<Proxy>,
    config: Option<Config>,
    cache: Option<PathBuf>,
    trace: Option<TraceContext>,
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

    /// The component: one of the world `incident-node` or `plugin`. Without the feature `bundled` it has to be given.
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

    /// What tells an instance of the trace that a call belongs to. It is told for authorizations with `trace-context = true` alone.
    pub fn trace_context(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Compiles the component and links it. Takes a fraction of a second: do it once.
    ///
    /// # Errors
    ///
    /// If there is no component, if it is not one of its world, or if a certificate, a key or the proxy cannot be used.
    pub fn build(mut self) -> Result<Host, BuildError> {
        self.limits.max_calls = self.limits.max_calls.min(MAX_CALLS as usize);
        let component = match &self.component {
            Some(bytes) => bytes,
            None => bundled::component().ok_or(BuildError::NoComponent)?,
        };
        let load = || {
            let engine = match &self.config {
                Some(config) => Engine::new(config.clone().epoch_interruption(true))?,
                None => pool::engine(&self.limits)?,
            };
            let functions = NodeFunctions::load(&engine, component, self.cache.as_deref())?;
            Ok((engine, Arc::new(functions)))
        };
        let (engine, exports) = load().map_err(|error| BuildError::Component { world: NODE_WORLD, error })?;
        let proxy = self.proxy.map_or_else(Proxy::from_env, Ok)?;
        let admission = Admission::new(&self.authorizations, &self.limits);
        tick(engine.weak(), self.limits.epoch);
        let budgets = Budgets::new(&self.limits);
        let shared = Shared::new(self.authorizations, self.limits, &proxy, &budgets, Connections::Kept)?;
        let shared = Shared { trace: self.trace, ..shared };
        Ok(Host { runner: Runner { engine, shared, admission, proxy }, exports, cache: self.cache })
    }
}

impl Host {
    /// Starts to build a host.
    pub fn builder() -> Builder {
        Builder::default()
    }
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

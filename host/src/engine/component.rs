//! A component: compiled, checked against the interfaces of its world, and linked to what the host has for it.

use crate::bindings::Components;
use crate::call_state::{CallData, CallState};
use crate::engine::code_cache;
use crate::engine::warm_pool::{Instance, WarmPool};
use std::path::Path;
use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Linker, Lower};
use wasmtime::{Engine, Error, Result, Store};

/// What WebAssembly begins with.
const MAGIC: &[u8] = b"\0asm";

/// What a core module begins with; a component has another version there.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// The parameters of a function.
pub trait Parameters: ComponentNamedList + Lower + Send + Sync + 'static {}

impl<T: ComponentNamedList + Lower + Send + Sync + 'static> Parameters for T {}

/// What a function returns.
pub trait Outcomes: Lift + Send + Sync + 'static {}

impl<T: Lift + Send + Sync + 'static> Outcomes for T {}

/// A component, ready to be instantiated, and its idle instances.
pub struct LoadedComponent {
    instances: InstancePre<CallState>,
    /// The ones that nobody calls.
    pub idle: WarmPool,
}

impl LoadedComponent {
    /// Makes an instance.
    pub async fn instantiate(&self, mut store: Store<CallState>) -> Result<Instance> {
        let instance = self.instances.instantiate_async(&mut store).await?;
        Ok(Instance { store, instance })
    }

    /// A component with no instances kept yet.
    pub fn new(instances: InstancePre<CallState>) -> Self {
        Self { instances, idle: WarmPool::default() }
    }

    /// The same component with none of its instances kept yet.
    pub fn afresh(&self) -> Self {
        Self::new(self.instances.clone())
    }
}

impl Instance {
    /// Calls a function.
    pub async fn call<P: Parameters, R: Outcomes>(
        &mut self,
        function: &ComponentExportIndex,
        parameters: P,
    ) -> Result<R> {
        let function = self.instance.get_typed_func::<P, (R,)>(&mut self.store, function)?;
        Ok(function.call_async(&mut self.store, parameters).await?.0)
    }
}

/// Compiles a component, or takes its compiled code from the folder, and checks its imports.
pub fn compile(engine: &Engine, bytes: &[u8], cache: Option<&Path>) -> Result<Component> {
    if bytes.starts_with(CORE_MODULE) {
        return Err(Error::msg("it is a core module"));
    }
    if !bytes.starts_with(MAGIC) {
        return Err(Error::msg("it is no WebAssembly"));
    }
    let component = match cache {
        Some(folder) => code_cache::load(engine, bytes, folder),
        None => Component::new(engine, bytes),
    };
    component.map_err(|error| error.context("this host cannot load it"))
}

/// Links a component to what the host has for it.
pub fn link(engine: &Engine, component: &Component, imports: &[&str]) -> Result<InstancePre<CallState>> {
    needs(component, imports)?;
    let mut linker = Linker::new(engine);
    wasmtime_wasi_http::p2::add_to_linker_async(&mut linker)?;
    Components::add_to_linker::<_, CallData>(&mut linker, CallState::credentials)?;
    linker.instantiate_pre(component)
}

/// The interfaces are of this version.
const VERSION: &str = "0.2.0";

fn full_name(interface: &str) -> String {
    format!("servicenow:plugin/{interface}@{VERSION}")
}

/// What a component may need of WASI 0.2: what a proxy has. What it prints goes nowhere.
const WASI: [&str; 5] = ["wasi:http/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/std"];

/// Checks that a component needs nothing but what its world has: interfaces of the host, and WASI.
fn needs(component: &Component, imports: &[&str]) -> Result<()> {
    let ty = component.component_type();
    let other = ty.imports(component.engine()).find_map(|(name, _)| {
        let is_known =
            imports.iter().any(|import| name == full_name(import)) || WASI.iter().any(|known| name.starts_with(known));
        (!is_known).then(|| name.to_string())
    });
    match other {
        Some(name) => Err(Error::msg(format!("it imports {name}, which the world does not have"))),
        None => Ok(()),
    }
}

/// Checks that a component has an interface, and says what it has instead: another version of it, or other ones.
pub fn has(component: &Component, interface: &str) -> Result<()> {
    let expected = full_name(interface);
    if component.get_export_index(None, &expected).is_some() {
        return Ok(());
    }
    let ty = component.component_type();
    let exports: Vec<_> = ty.exports(component.engine()).map(|(name, _)| name.to_string()).collect();
    let prefix = format!("servicenow:plugin/{interface}@");
    let found = match exports.iter().find(|name| name.starts_with(&prefix)) {
        Some(other) => other.clone(),
        None if exports.is_empty() => "nothing".to_string(),
        None => exports.join(", "),
    };
    Err(Error::msg(format!("it exports {found}; expected is {expected}")))
}

/// Where a function of an interface is.
pub fn find(component: &Component, interface: &str, function: &str) -> Result<ComponentExportIndex> {
    let name = full_name(interface);
    let absent = || Error::msg(format!("it does not export {name}#{function}"));
    let interface = component.get_export_index(None, &name).ok_or_else(absent)?;
    component.get_export_index(Some(&interface), function).ok_or_else(absent)
}

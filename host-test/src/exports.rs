//! What a component exports: checked against the world once, when it is loaded, and then called by its place.
//!
//! The generated bindings look every function up and compare its types for each instance. A call needs one function.

use crate::bindings::PluginPre;
use crate::store::CallState;
use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower};
use wasmtime::{Error, Result, Store};

/// The place of an exported function.
pub type Export = ComponentExportIndex;

/// The parameters of a function.
pub trait Parameters: ComponentNamedList + Lower + Send + Sync + 'static {}

impl<T: ComponentNamedList + Lower + Send + Sync + 'static> Parameters for T {}

/// What a function returns.
pub trait Outcomes: Lift + Send + Sync + 'static {}

impl<T: Lift + Send + Sync + 'static> Outcomes for T {}

/// A component, ready to be instantiated, and where its functions are.
pub struct Exports {
    /// The component with its imports.
    pub instance: InstancePre<CallState>,
    /// `incidents.create`.
    pub create: Export,
    /// `incidents.get`.
    pub get: Export,
    /// `incidents.update`.
    pub update: Export,
    /// `incidents.find`.
    pub find: Export,
    /// `incidents.columns`.
    pub columns: Export,
    /// `authorization.authenticate`.
    pub authenticate: Export,
    /// `manifest.describe`.
    pub describe: Export,
}

impl Exports {
    /// Checks a component against the world.
    pub fn new(component: &Component, instance: InstancePre<CallState>) -> Result<Self> {
        PluginPre::new(instance.clone())?;
        let find = |interface: &str, function: &str| {
            let name = format!("servicenow:plugin/{interface}@0.1.0");
            let absent = || Error::msg(format!("it does not export {name}#{function}"));
            let interface = component.get_export_index(None, &name).ok_or_else(absent)?;
            component.get_export_index(Some(&interface), function).ok_or_else(absent)
        };
        Ok(Self {
            instance,
            create: find("incidents", "create")?,
            get: find("incidents", "get")?,
            update: find("incidents", "update")?,
            find: find("incidents", "find")?,
            columns: find("incidents", "columns")?,
            authenticate: find("authorization", "authenticate")?,
            describe: find("manifest", "describe")?,
        })
    }

    /// Calls a function of a new instance.
    pub async fn call<P: Parameters, R: Outcomes>(
        &self,
        function: &Export,
        store: &mut Store<CallState>,
        parameters: P,
    ) -> Result<R> {
        let instance = self.instance.instantiate_async(&mut *store).await?;
        let function = instance.get_typed_func::<P, (R,)>(&mut *store, function)?;
        Ok(function.call_async(store, parameters).await?.0)
    }
}

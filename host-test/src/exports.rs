//! What a component exports: checked against its world once, when it is loaded, and then called by its place.
//!
//! The generated bindings look every function up and compare its types for each instance. A call needs one function.

use crate::bindings::exports::servicenow::plugin as interfaces;
use crate::kept::{Kept, Ready};
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

/// A component, ready to be instantiated, and its instances that are kept.
pub struct Loaded {
    instances: InstancePre<CallState>,
    /// The ones that nobody calls.
    pub kept: Kept,
}

impl Loaded {
    /// Makes an instance.
    pub async fn instantiate(&self, mut store: Store<CallState>) -> Result<Ready> {
        let instance = self.instances.instantiate_async(&mut store).await?;
        Ok(Ready { store, instance })
    }
}

impl Ready {
    /// Calls a function.
    pub async fn call<P: Parameters, R: Outcomes>(&mut self, function: &Export, parameters: P) -> Result<R> {
        let function = self.instance.get_typed_func::<P, (R,)>(&mut self.store, function)?;
        Ok(function.call_async(&mut self.store, parameters).await?.0)
    }
}

/// Checks that a component has these interfaces with all their functions, and names its functions' places.
macro_rules! exports {
    ($(#[$docs:meta])* $name:ident {
        $($module:ident as $interface:literal { $($function:ident as $exported:literal),+ $(,)? })+
        $(; optional $option:ident as $optional:literal { $may:ident as $may_exported:literal })?
    }) => {
        $(#[$docs])*
        pub struct $name {
            /// The component.
            pub component: Loaded,
            $($(#[doc = concat!("`", $interface, ".", $exported, "`.")] pub $function: Export,)+)+
            $(#[doc = concat!("`", $optional, ".", $may_exported, "`, where the component has it.")] pub $may: Option<Export>,)?
        }

        impl $name {
            /// Checks a component against the world.
            pub fn new(component: &Component, instance: InstancePre<CallState>) -> Result<Self> {
                $(has(component, $interface)?;)+
                $(interfaces::$module::GuestIndices::new(&instance)?;)+
                $(if find(component, $optional, $may_exported).is_ok() {
                    interfaces::$option::GuestIndices::new(&instance)?;
                })?
                Ok(Self {
                    $($($function: find(component, $interface, $exported)?,)+)+
                    $($may: find(component, $optional, $may_exported).ok(),)?
                    component: Loaded { instances: instance, kept: Kept::default() },
                })
            }

            /// The same component with none of its instances kept yet.
            pub fn afresh(&self) -> Self {
                let component = Loaded { instances: self.component.instances.clone(), kept: Kept::default() };
                Self { component, ..*self }
            }
        }
    };
}

exports!(
    /// The incident node, and where its functions are.
    Exports {
        incidents as "incidents" {
            create as "create", get as "get", update as "update", find as "find", columns as "columns",
        }
        manifest as "manifest" { describe as "describe" }
        ; optional authorization as "authorization" { authenticate as "authenticate" }
    }
);

exports!(
    /// Events both ways, and where its functions are.
    EventExports {
        mapping as "mapping" { preview as "preview", paths as "paths" }
        sync as "sync" { push as "push" }
        callbacks as "callbacks" { subject as "subject", receive as "receive", judge as "judge", names as "names" }
        changes as "changes" { since as "since" }
        provisioning as "provisioning" {
            plan as "plan", apply as "apply", inspect as "inspect", rotate as "rotate", pause as "pause",
            resume as "resume", remove as "remove", probe as "probe",
        }
    }
);

/// The interfaces are of this version.
const VERSION: &str = "0.1.0";

fn full_name(interface: &str) -> String {
    format!("servicenow:plugin/{interface}@{VERSION}")
}

/// What a component may need: the world's own import, and what a proxy has of WASI 0.2. What it prints goes nowhere.
const IMPORTS: [&str; 6] =
    ["servicenow:plugin/credentials@0.1.", "wasi:http/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/std"];

/// Checks that a component needs nothing but what its world has.
pub fn needs(component: &Component) -> Result<()> {
    let ty = component.component_type();
    let other = ty.imports(component.engine()).find_map(|(name, _)| {
        let is_known = IMPORTS.iter().any(|known| name.starts_with(known));
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

fn find(component: &Component, interface: &str, function: &str) -> Result<Export> {
    let name = full_name(interface);
    let absent = || Error::msg(format!("it does not export {name}#{function}"));
    let interface = component.get_export_index(None, &name).ok_or_else(absent)?;
    component.get_export_index(Some(&interface), function).ok_or_else(absent)
}

//! What a component exports: checked against its world once, when it is loaded, and then called by its place.
//!
//! The generated bindings look every function up and compare its types for each instance. A call needs one function.

use crate::bindings::exports::servicenow::plugin as interfaces;
use crate::call_state::CallState;
use crate::engine::component::{LoadedComponent, compile, find, has, link};
use std::path::Path;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};
use wasmtime::{Engine, Result};

/// The place of an exported function.
pub type FunctionIndex = ComponentExportIndex;

/// Checks that a component has these interfaces with all their functions, and names its functions' places.
macro_rules! exports {
    ($(#[$docs:meta])* $name:ident imports [$($import:literal),*] {
        $($module:ident as $interface:literal { $($function:ident as $exported:literal),+ $(,)? })+
        $(; optional $option:ident as $optional:literal { $may:ident as $may_exported:literal })?
    }) => {
        $(#[$docs])*
        pub struct $name {
            /// The component.
            pub component: LoadedComponent,
            $($(#[doc = concat!("`", $interface, ".", $exported, "`.")] pub $function: FunctionIndex,)+)+
            $(#[doc = concat!("`", $optional, ".", $may_exported, "`, where the component has it.")] pub $may: Option<FunctionIndex>,)?
        }

        impl $name {
            /// Checks a component against the world.
            fn new(component: &Component, instance: InstancePre<CallState>) -> Result<Self> {
                $(interfaces::$module::GuestIndices::new(&instance)?;)+
                $(if find(component, $optional, $may_exported).is_ok() {
                    interfaces::$option::GuestIndices::new(&instance)?;
                })?
                Ok(Self {
                    $($($function: find(component, $interface, $exported)?,)+)+
                    $($may: find(component, $optional, $may_exported).ok(),)?
                    component: LoadedComponent::new(instance),
                })
            }

            /// Compiles a component, checks it against the world, and links it. `cache` is a folder for compiled code.
            pub fn load(engine: &Engine, bytes: &[u8], cache: Option<&Path>) -> Result<Self> {
                let component = compile(engine, bytes, cache)?;
                // Before linking: a component of another world is refused by what it exports.
                $(has(&component, $interface)?;)+
                Self::new(&component, link(engine, &component, &[$($import),*])?)
            }

            /// The same component with none of its instances kept yet.
            pub fn afresh(&self) -> Self {
                Self { component: self.component.afresh(), ..*self }
            }
        }
    };
}

exports!(
    /// The incident node, and where its functions are.
    NodeFunctions imports ["credentials", "transport"] {
        incidents as "incidents" {
            create as "create", get as "get", update as "update", find as "find", columns as "columns",
        }
        manifest as "manifest" { describe as "describe" }
        ; optional authorization as "authorization" { authenticate as "authenticate" }
    }
);

#[cfg(feature = "sync")]
exports!(
    /// Two-way event sync, and where its functions are.
    SyncFunctions imports ["credentials", "ledger", "transport"] {
        mapping as "mapping" { preview as "preview", items as "items", paths as "paths" }
        push as "push" { push as "push" }
        callbacks as "callbacks" { receive as "receive", names as "names" }
        changes as "changes" { since as "since" }
        provisioning as "provisioning" {
            plan as "plan", apply as "apply", inspect as "inspect", rotate as "rotate", pause as "pause",
            resume as "resume", remove as "remove", probe as "probe", end_probe as "end-probe",
            update_set as "update-set",
        }
    }
);

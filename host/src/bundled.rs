//! The components that are built with this crate, by its features `bundled` and `bundled-sync`.

/// The incident node, `servicenow.wasm`.
#[cfg(feature = "bundled")]
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/servicenow.wasm"));

/// Two-way event sync, `servicenow-sync.wasm`.
#[cfg(feature = "bundled-sync")]
pub const SYNC_COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/servicenow-sync.wasm"));

/// The incident node, if this crate was built with it.
pub fn component() -> Option<&'static [u8]> {
    #[cfg(feature = "bundled")]
    return Some(COMPONENT);
    #[cfg(not(feature = "bundled"))]
    None
}

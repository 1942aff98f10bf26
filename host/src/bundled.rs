//! The components that are built with this crate, by its features `bundled` and `bundled-sync`.

/// The incident node, `servicenow-over-transport.wasm`: this host brings its own HTTP client.
#[cfg(feature = "bundled")]
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/servicenow-over-transport.wasm"));

/// Two-way event sync, `servicenow-sync-over-transport.wasm`.
#[cfg(feature = "bundled-sync")]
pub const SYNC_COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/servicenow-sync-over-transport.wasm"));

/// The incident node, if this crate was built with it.
pub fn component() -> Option<&'static [u8]> {
    #[cfg(feature = "bundled")]
    return Some(COMPONENT);
    #[cfg(not(feature = "bundled"))]
    None
}

//! `servicenow.wasm`: the methods of `servicenow-core` as exports of a component, and the allocator of its instances.

#[cfg(any(target_arch = "wasm32", test))]
mod alloc;
#[cfg(target_arch = "wasm32")]
mod export;

//! The world outside a component: the [`Host`](crate::host::Host) behind its imports. By default it is `wasi:http`, which every
//! engine has; with the feature `transport` it is the HTTP client of a host that brings its own.

#[cfg(feature = "transport")]
mod transport;
#[cfg(not(feature = "transport"))]
mod wasi_http;

#[cfg(feature = "transport")]
pub use transport::ImportedHost;
#[cfg(not(feature = "transport"))]
pub use wasi_http::ImportedHost;

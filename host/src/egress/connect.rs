//! How a connection is made: directly to an address that the authorization may reach, or through the operator's proxy.

use crate::authorizations::Addresses;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use std::env::VarError;
use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tower_service::Service;
use url::Url;

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// The proxy that connections over https go through, if there is one.
#[derive(Clone, Default)]
pub struct Proxy(Option<Arc<Matcher>>);

/// A proxy that cannot be used. It does not quote what was given: that may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("HTTPS_PROXY is not the address of a proxy; give http://HOST:PORT, with USER:PASSWORD@ before it if need be")]
pub struct BadProxy;

impl Proxy {
    /// The proxy of `HTTPS_PROXY`, but for the hosts and networks of `NO_PROXY`. Lower case counts as well.
    pub fn from_env() -> Result<Self, BadProxy> {
        // A value that is no text is a mistake, and not the absence of one: nothing may go around the proxy.
        let set = |name: &str| match std::env::var(name) {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(BadProxy),
        };
        let read = |upper: &str, lower: &str| Ok(set(upper)?.or(set(lower)?).unwrap_or_default());
        Self::new(&read("HTTPS_PROXY", "https_proxy")?, &read("NO_PROXY", "no_proxy")?)
    }

    /// The proxy at an address, but for these hosts and networks. No proxy where the address is empty.
    pub fn new(address: &str, except: &str) -> Result<Self, BadProxy> {
        if address.is_empty() {
            return Ok(Self(None));
        }
        let address = if address.contains("://") { address.to_string() } else { format!("http://{address}") };
        let url = Url::parse(&address).map_err(|_| BadProxy)?;
        if url.scheme() != "http" || url.host().is_none() || !matches!(url.path(), "" | "/") {
            return Err(BadProxy);
        }
        // What the matcher cannot read it leaves out, and then connections would go around the proxy.
        let probe = Uri::from_static("https://probe.invalid/");
        let matcher = |except: &str| Matcher::builder().https(url.to_string()).no(except.to_string()).build();
        matcher("").intercept(&probe).ok_or(BadProxy)?;
        Ok(Self(Some(Arc::new(matcher(except)))))
    }

    fn tunnel(&self, to: &Uri) -> Option<Tunnel<HttpConnector>> {
        let proxy = self.0.as_ref()?.intercept(to)?;
        let tunnel = Tunnel::new(proxy.uri().clone(), http_connector(GaiResolver::new()));
        Some(match proxy.basic_auth() {
            Some(auth) => tunnel.with_auth(auth.clone()),
            None => tunnel,
        })
    }
}

fn http_connector<R>(resolver: R) -> HttpConnector<R> {
    let mut http = HttpConnector::new_with_resolver(resolver);
    http.enforce_http(false);
    http.set_nodelay(true);
    http
}

/// Connects one authorization.
#[derive(Clone)]
pub struct Connector {
    /// Over https.
    secured: Direct,
    /// Over http: to this machine alone, whatever a name resolves to.
    plain: Direct,
    proxy: Proxy,
}

/// Connections to addresses that may be reached.
#[derive(Clone)]
struct Direct {
    http: HttpConnector<Resolver>,
    addresses: Arc<Addresses>,
}

/// How many names an authorization resolves at once. The platform's resolver holds a thread for each, also after whoever
/// asked is gone, so that a silent name service would otherwise stop all authorizations.
const MAX_RESOLVING: usize = 16;

impl Connector {
    /// Connects to these addresses, or through the proxy: that one resolves names itself, and the operator trusts it to
    /// keep them out of its own network.
    pub fn new(addresses: Addresses, proxy: Proxy) -> Self {
        let resolving = Arc::new(Semaphore::new(MAX_RESOLVING));
        let direct = |addresses: Addresses| {
            let (addresses, resolving) = (Arc::new(addresses), Arc::clone(&resolving));
            let resolver = Resolver { resolver: GaiResolver::new(), addresses: Arc::clone(&addresses), resolving };
            Direct { http: http_connector(resolver), addresses }
        };
        let plain = direct(Addresses::loopback());
        Self { secured: direct(addresses), plain, proxy }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.secured.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        if let Some(mut tunnel) = self.proxy.tunnel(&to) {
            return Box::pin(async move { Ok(tunnel.call(to).await?) });
        }
        let direct = if to.scheme_str() == Some("http") { &mut self.plain } else { &mut self.secured };
        // An address that is no name is never resolved, so it is checked here.
        let host = to.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if let Some(address) = host.parse().ok().filter(|address| !direct.addresses.allow(*address)) {
            return Box::pin(async move { Err(Prohibited(address).into()) });
        }
        let connecting = direct.http.call(to);
        Box::pin(async move { Ok(connecting.await?) })
    }
}

/// Resolves names as the platform does, leaves out the addresses that may not be reached, and marks its errors so that
/// they can be told from others.
#[derive(Clone)]
struct Resolver {
    resolver: GaiResolver,
    addresses: Arc<Addresses>,
    resolving: Arc<Semaphore>,
}

/// A name that the platform did not resolve.
#[derive(Debug, thiserror::Error)]
#[error("name resolution: {0}")]
pub struct Unresolved(#[source] io::Error);

/// An address that the authorization may not reach.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no public address; to allow it, add \"{0}\" to allowed-addresses of the authorization")]
pub struct Prohibited(IpAddr);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.resolver.poll_ready(context).map_err(|error| Unresolved(error).into())
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (mut resolver, places) = (self.resolver.clone(), Arc::clone(&self.resolving));
        let addresses = Arc::clone(&self.addresses);
        Box::pin(async move {
            let place = places.acquire_owned().await;
            // In a task of its own: the place is free again when the platform answered, and not when the caller went away.
            let resolved = tokio::spawn(async move {
                let _place = place;
                resolver.call(name).await
            });
            reachable(resolved.await?.map_err(Unresolved)?, &addresses)
        })
    }
}

fn reachable(
    resolved: impl Iterator<Item = SocketAddr>,
    addresses: &Addresses,
) -> Result<std::vec::IntoIter<SocketAddr>, BoxError> {
    let (kept, refused): (Vec<_>, Vec<_>) = resolved.partition(|address| addresses.allow(address.ip()));
    match refused.first() {
        Some(refused) if kept.is_empty() => Err(Prohibited(refused.ip()).into()),
        _ => Ok(kept.into_iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_resolves_to_a_private_address_is_refused_and_a_mixed_answer_is_thinned() {
        let resolve = |addresses: &[&str]| {
            let resolved = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 443));
            reachable(resolved, &Addresses::default())
                .map(|kept| kept.map(|kept| kept.ip().to_string()).collect::<Vec<_>>())
        };
        assert!(resolve(&["169.254.169.254"]).unwrap_err().is::<Prohibited>());
        assert!(resolve(&["::ffff:10.0.0.1", "127.0.0.1"]).unwrap_err().is::<Prohibited>());
        assert_eq!(resolve(&["10.0.0.1", "148.139.1.1"]).unwrap(), ["148.139.1.1"]);
    }

    #[test]
    fn a_proxy_is_used_for_https_but_not_for_the_hosts_it_is_not_for() {
        let proxy = Proxy::new("http://u:p@proxy.example:3128", "itsm.example.com,10.0.0.0/8").unwrap();
        for (to, proxied) in [
            ("https://dev1.service-now.com/", true),
            ("https://itsm.example.com/", false),
            ("https://10.1.2.3/", false),
            ("http://dev1.service-now.com/", false),
        ] {
            assert_eq!(proxy.tunnel(&to.parse().unwrap()).is_some(), proxied, "{to}");
        }
        assert!(Proxy::new("", "").unwrap().tunnel(&"https://a.example/".parse().unwrap()).is_none());
        // A password is taken as it is, whatever is in it: nothing goes around the proxy.
        for odd in ["http://u:p ss@proxy.example:1", " http://proxy.example:1", "u:p^\"ä@proxy.example:1"] {
            let proxy = Proxy::new(odd, "").unwrap();
            assert!(proxy.tunnel(&"https://a.example/".parse().unwrap()).is_some(), "{odd}");
        }
        for bad in ["https://proxy.example", "socks5://proxy.example", "http://", "http://u:hunter2@"] {
            let error = Proxy::new(bad, "").err().unwrap().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

//! TLS for one authorization: the platform's certificates and its own, and the certificate that the host shows of itself.

use super::client::Connections;
use super::connect::{Connector, Proxy};
use crate::authorizations::Authorization;
use crate::files;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use rustls::client::Resumption;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// A bundle of all public authorities has 250 KB.
const MAX_PEM_BYTES: usize = 4 * 1024 * 1024;

/// A certificate or key file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("authorization {authorization:?}: {key} {path}: {problem}")]
pub struct TlsFile {
    authorization: String,
    key: &'static str,
    path: String,
    problem: String,
}

/// What makes the connections of an authorization.
pub fn connector(
    name: &str,
    authorization: &Authorization,
    mut roots: RootCertStore,
    proxy: Proxy,
    connections: Connections,
) -> Result<HttpsConnector<Connector>, TlsFile> {
    for path in &authorization.ca_files {
        if roots.add_parsable_certificates(certificates(name, "ca-files", path)?).0 == 0 {
            return Err(unusable(name, "ca-files", path)("it holds no certificate of an authority"));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        // The provider supports both versions, which is all this checks.
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(roots);
    let mut tls = match &authorization.client_certificate {
        None => tls.with_no_client_auth(),
        Some(own) => {
            let chain = certificates(name, "client-certificate", &own.certificate)?;
            let unusable = unusable(name, "client-key", &own.key);
            let read = files::read(&own.key, MAX_PEM_BYTES);
            let content = read.map_err(|error| unusable(&format!("{error}; give a readable PEM file")))?;
            content.warn_if_open(&own.key);
            let key = PrivateKeyDer::from_pem_slice(&content.bytes).map_err(|error| unusable(pem_problem(&error)))?;
            tls.with_client_auth_cert(chain, key).map_err(|error| unusable(&error.to_string()))?
        }
    };
    if connections == Connections::PerRequest {
        tls.resumption = Resumption::disabled();
    }
    let connector = Connector::new(authorization.addresses.clone(), proxy);
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector))
}

fn certificates(name: &str, key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFile> {
    let unusable = unusable(name, key, path);
    let content =
        files::read(path, MAX_PEM_BYTES).map_err(|error| unusable(&format!("{error}; give a readable PEM file")))?;
    let certificates = CertificateDer::pem_slice_iter(&content.bytes).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| unusable(pem_problem(&error)))?;
    if certificates.is_empty() {
        return Err(unusable("it holds no certificate; give a PEM file with at least one"));
    }
    Ok(certificates)
}

/// Never quotes the file: it may hold a private key.
fn pem_problem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::NoItemsFound => "nothing of this kind in it; give a PEM file",
        _ => "this is no PEM file",
    }
}

fn unusable(name: &str, key: &'static str, path: &Path) -> impl Fn(&str) -> TlsFile {
    let (authorization, path) = (name.to_string(), path.display().to_string());
    move |problem| TlsFile {
        authorization: authorization.clone(),
        key,
        path: path.clone(),
        problem: problem.to_string(),
    }
}

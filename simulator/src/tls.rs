//! TLS with a CA made on the spot.

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Where the CA's certificate is written.
pub fn ca_path(folder: &Path) -> PathBuf {
    folder.join("ca.pem")
}

/// Makes a CA and a certificate for this machine, and writes the CA's certificate into the folder.
pub fn generate(folder: &Path) -> Result<TlsAcceptor> {
    std::fs::create_dir_all(folder)?;
    let ca_key = KeyPair::generate().map_err(Error::other)?;
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name = DistinguishedName::new();
    ca.distinguished_name.push(DnType::CommonName, "ServiceNow simulator CA");
    let ca_certificate = ca.self_signed(&ca_key).map_err(Error::other)?;
    std::fs::write(ca_path(folder), ca_certificate.pem())?;
    let key = KeyPair::generate().map_err(Error::other)?;
    let server = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_string)).map_err(Error::other)?;
    let certificate = server.signed_by(&key, &Issuer::new(ca, ca_key)).map_err(Error::other)?;
    let private_key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private_key)
        .map_err(Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

//! Assertions of the grant `jwt-bearer` (RFC 7523): a short-lived signed statement of who asks for access as whom. The key signs
//! here and is never sent.

use crate::secret::Secret;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding,
    RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the grant is called in a token request.
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An assertion is used at once; more than a request's time is for clocks that differ.
const LIFE: Duration = Duration::from_secs(300);

/// How an assertion is signed (RFC 7518).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with SHA-256, which ServiceNow's own examples use.
    #[default]
    Rs256,
    /// RSA with SHA-384.
    Rs384,
    /// RSA with SHA-512.
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Rs256, Self::Rs384, Self::Rs512, Self::Es256];

    /// By its name in the header of an assertion.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
        }
    }
}

/// A private key, and how it signs.
pub struct Signer {
    algorithm: Algorithm,
    key: Key,
}

enum Key {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
}

impl Signer {
    /// From a private key as PEM. The error is what is wrong with it, without anything of it.
    pub fn new(algorithm: Algorithm, pem: &Secret) -> Result<Self, &'static str> {
        let key = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes())
            .map_err(|_| "is no private key; give it as PEM, without a passphrase")?;
        let rsa = |encoding: &'static dyn RsaEncoding| {
            let pair = match &key {
                PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
                PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
                _ => return Err("is no RSA key; give one, or another algorithm"),
            };
            pair.map(|pair| Key::Rsa(pair, encoding)).map_err(|_| "is no RSA key of 2048 bits or more")
        };
        let key = match algorithm {
            Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256)?,
            Algorithm::Rs384 => rsa(&RSA_PKCS1_SHA384)?,
            Algorithm::Rs512 => rsa(&RSA_PKCS1_SHA512)?,
            Algorithm::Es256 => match &key {
                PrivateKeyDer::Pkcs8(der) => {
                    let random = SystemRandom::new();
                    let pair =
                        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &random);
                    Key::Ecdsa(pair.map_err(|_| "is no key on P-256")?)
                }
                _ => return Err("is no key on P-256 in PKCS #8 (openssl pkcs8 -topk8 -nocrypt)"),
            },
        };
        Ok(Self { algorithm, key })
    }

    /// The signature. `None` where the system gives no random numbers.
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, text, &mut signature).ok()?;
                Some(signature)
            }
            Key::Ecdsa(pair) => pair.sign(&random, text).ok().map(|signature| signature.as_ref().to_vec()),
        }
    }
}

/// What is asserted, and the key.
#[derive(Clone)]
pub struct Assertion {
    /// The key.
    pub signer: Arc<Signer>,
    /// Which key the service is to look for.
    pub key_id: Option<String>,
    /// Who asserts: the client id.
    pub issuer: String,
    /// The user to act as.
    pub subject: String,
    /// Who the assertion is for.
    pub audience: String,
}

impl Assertion {
    /// A new assertion. `None` where the system gives no random numbers.
    pub fn sign(&self, now: SystemTime) -> Option<Secret> {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut header = json!({"typ": "JWT", "alg": self.signer.algorithm.name()});
        if let Some(key_id) = &self.key_id {
            header["kid"] = key_id.as_str().into();
        }
        let claims = json!({
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.audience,
            "iat": seconds(now),
            "exp": seconds(now + LIFE),
            "jti": uuid::Uuid::new_v4().to_string(),
        });
        let encoded = |part: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let text = format!("{}.{}", encoded(header), encoded(claims));
        let signature = self.signer.sign(text.as_bytes())?;
        Some(Secret::new(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_sign_says_why_and_nothing_of_itself() {
        let es256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let body = base64::prelude::BASE64_STANDARD.encode(es256.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        for (algorithm, pem, problem) in [
            (Algorithm::Es256, pem.as_str(), None),
            (Algorithm::Rs256, &pem, Some("no RSA key of 2048 bits")),
            (Algorithm::Rs256, "hunter2", Some("give it as PEM")),
            (Algorithm::Es256, &pem.replace("PRIVATE KEY", "RSA PRIVATE KEY"), Some("PKCS #8")),
            (Algorithm::Rs256, &pem.replace("PRIVATE KEY", "EC PRIVATE KEY"), Some("no RSA key; give one")),
            (Algorithm::Rs256, &pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), Some("without a passphrase")),
        ] {
            let found = Signer::new(algorithm, &Secret::new(pem.to_string())).err();
            assert_eq!(found.is_some(), problem.is_some(), "{algorithm:?} {found:?}");
            assert!(found.unwrap_or_default().contains(problem.unwrap_or_default()), "{algorithm:?} {found:?}");
        }
    }
}

//! Assertions of the grant `jwt-bearer` (docs/servicenow-api.md 1.1): who signed them, for whom, and for how long.

use crate::settings::{JwtVerifier, Settings};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the grant is called in a token request.
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Whether an assertion is good for a token of the integration user.
pub fn is_accepted(settings: &Settings, assertion: &str, now: SystemTime) -> bool {
    claims(settings, assertion).is_some_and(|claims| {
        let says = |claim: &str, expected: &str| claims.get(claim).and_then(Value::as_str) == Some(expected);
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let is_alive = claims.get("exp").and_then(Value::as_u64).is_some_and(|expires| expires > now);
        let client = &settings.client_id;
        is_alive && says("iss", client) && says("aud", client) && says("sub", &settings.username)
    })
}

/// The claims, where a known key signed them.
fn claims(settings: &Settings, assertion: &str) -> Option<Value> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let bytes = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
    let header: Value = serde_json::from_slice(&bytes(header)?).ok()?;
    let member = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_it = |verifier: &&JwtVerifier| verifier.key_id == member("kid") && verifier.algorithm == member("alg");
    let verifier = settings.jwt_verifiers.iter().find(is_it)?;
    let key = UnparsedPublicKey::new(algorithm(&verifier.algorithm)?, &verifier.public_key);
    key.verify(signed.as_bytes(), &bytes(signature)?).ok()?;
    serde_json::from_slice(&bytes(claims)?).ok()
}

fn algorithm(name: &str) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match name {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "ES256" => &ECDSA_P256_SHA256_FIXED,
        _ => return None,
    })
}

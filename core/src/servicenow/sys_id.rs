//! The primary key of a ServiceNow record.

use crate::encoding::hex;
use sha2::{Digest, Sha256};
use std::fmt;

/// 32 hexadecimal digits, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SysId(String);

impl SysId {
    /// Parses a key. `None` where it is not 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The key that a create with this correlation id chooses for its record, so that a second create is refused by the
    /// instance. ServiceNow takes a client's sys_id on insert. Two authorizations never choose the same key.
    pub fn derive(authorization: &str, correlation_id: &str) -> Self {
        let digest = Sha256::new()
            .chain_update((authorization.len() as u64).to_be_bytes())
            .chain_update(authorization)
            .chain_update(correlation_id)
            .finalize();
        Self(hex(&digest[..16]))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SysId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sys_id_is_32_hexadecimal_digits() {
        let digits = "189d7fc183a51210d81dc590ceaad387";
        assert_eq!(SysId::parse(digits).unwrap().as_str(), digits);
        assert_eq!(SysId::parse(&digits.to_uppercase()).unwrap().as_str(), digits);
        for bad in ["", "189d", &digits[1..], "g89d7fc183a51210d81dc590ceaad387", &"é".repeat(16)] {
            assert_eq!(SysId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_derived_key_depends_on_authorization_and_correlation_id_and_on_where_one_ends() {
        let key = SysId::derive("main", "alert-1");
        assert_eq!(key, SysId::derive("main", "alert-1"));
        assert!(SysId::parse(key.as_str()).is_some());
        assert_ne!(key, SysId::derive("main", "alert-2"));
        assert_ne!(key, SysId::derive("other", "alert-1"));
        assert_ne!(SysId::derive("a", "bc"), SysId::derive("ab", "c"));
    }
}

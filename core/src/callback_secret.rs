//! The callback secret, which authenticates deliveries: how a delivery presents it, and how a host fills it in.

/// The header that carries the secret.
pub const HEADER: &str = "x-callback-secret";

/// The text that the host replaces with the secret, in the one property that is provisioned for it.
pub const PLACEHOLDER: &str = "{{callback-secret}}";

/// The secret that a delivery presents. `None` where the header is missing, and where it is there more than once: the
/// provisioned script sends it once.
pub fn presented(headers: &[(String, String)]) -> Option<&str> {
    let mut values = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(HEADER)).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_presented_once_in_a_header_of_any_case() {
        for (names, expected) in [
            (&["x-callback-secret"][..], Some("s")),
            (&["accept", "X-Callback-Secret"], Some("s")),
            (&["x-callback-secret", "X-CALLBACK-SECRET"], None),
            (&["x-callback"], None),
            (&[], None),
        ] {
            let headers: Vec<_> = names.iter().map(|name| (name.to_string(), "s".to_string())).collect();
            assert_eq!(presented(&headers), expected, "{names:?}");
        }
    }
}

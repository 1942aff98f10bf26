//! The origin of an instance: scheme, host and port, parsed once and compared as a value.

use std::fmt;

/// The longest name that DNS allows.
const MAX_HOST: usize = 253;

/// What an instance may be given as.
pub const EXPECTED: &str = "an instance id such as dev12345, a host name such as itsm.example.com, \
     or an origin such as https://itsm.example.com";

/// A normalised origin: lower case, without default port, trailing dot, user, path or query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Parses an instance id, a host name or an origin. `None` where it is none of them.
    ///
    /// A bare name without a dot is an instance id below `service-now.com`; a bare name with a dot means https.
    pub fn parse(instance: &str) -> Option<Self> {
        let absolute = instance.split_once(':').and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("//")?)));
        let (scheme, authority) = match absolute {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest.strip_suffix('/').unwrap_or(rest)),
            None if instance.contains('.') => ("https".to_string(), instance),
            None => return is_label(instance).then(|| Self(format!("https://{}.service-now.com", lower(instance)))),
        };
        let default_port = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let (host, port) = split_port(authority)?;
        let host = lower(host.strip_suffix('.').unwrap_or(host));
        if !is_host(&host) {
            return None;
        }
        Some(Self(match port {
            Some(port) if port != default_port => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        }))
    }

    /// The origin as text, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    // The colons of an IPv6 address stand in brackets.
    let address_end = authority.find(']').unwrap_or_default();
    let Some(at) = authority.bytes().skip(address_end).position(|byte| byte == b':') else {
        return Some((authority, None));
    };
    let (host, port) = authority.split_at_checked(address_end + at)?;
    let port = port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((host, Some(port.parse().ok().filter(|port| *port > 0)?)))
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(is_ipv6),
        None => host.len() <= MAX_HOST && host.split('.').all(is_label),
    }
}

/// The characters of an IPv6 address. What is none in spite of them equals no authorization's origin.
fn is_ipv6(address: &str) -> bool {
    let has = |of: fn(u8) -> bool| address.bytes().filter(|byte| of(*byte)).count();
    has(|byte| byte == b':') >= 2
        && has(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')) == address.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_an_id_a_host_name_or_an_origin() {
        for (given, origin) in [
            ("dev12345", "https://dev12345.service-now.com"),
            ("DEV12345", "https://dev12345.service-now.com"),
            ("itsm.example.com", "https://itsm.example.com"),
            ("itsm.example.com:8443", "https://itsm.example.com:8443"),
            ("https://itsm.example.com", "https://itsm.example.com"),
            ("https://itsm.example.com/", "https://itsm.example.com"),
            ("HTTPS://Itsm.Example.COM.:443", "https://itsm.example.com"),
            ("https://agency.servicenowservices.com", "https://agency.servicenowservices.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:80", "http://localhost"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ] {
            assert_eq!(Origin::parse(given).as_ref().map(Origin::as_str), Some(origin), "{given}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for given in [
            "",
            " ",
            ".",
            "..",
            "dev 12345",
            "dev12345/",
            "dev12345:443",
            "-dev",
            "dev-",
            "https://",
            "https:///x",
            "https://a.b/path",
            "https://a.b?x",
            "https://a.b#x",
            "https://user@a.b",
            "https://user:pw@a.b",
            "ftp://a.b",
            "javascript://a.b",
            "https://a.b:",
            "https://a.b:0",
            "https://a.b:65536",
            "https://a.b:+1",
            "https://a..b",
            "https://a.b\\c",
            "https://a.b\n",
            "https://ä.example",
            "https://[::1",
            "https://[zz]",
            "https://a.b//",
            "dev12345\0",
            "a.b c",
        ] {
            assert_eq!(Origin::parse(given), None, "{given:?}");
        }
        assert_eq!(Origin::parse(&"a".repeat(1 << 20)), None);
        assert_eq!(Origin::parse(&"a.".repeat(1 << 19)), None);
    }
}

//! Origins: scheme, host and port, parsed once and compared as values.

use serde::Deserialize;
use std::fmt;
use url::{Host, Url};

/// The origin of an instance or of a token service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// What an instance must be given as.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no instance: give an id such as dev12345, a host name, or an origin such as https://itsm.example.com")]
pub struct NotAnInstance(String);

impl NotAnInstance {
    /// Quotes what was given, unless it may hold a password.
    fn new(given: &str) -> Self {
        Self(if given.contains('@') { "an address with a user".to_string() } else { format!("{given:?}") })
    }
}

/// What templates write in place of an instance's name, in lower case.
const PLACEHOLDERS: [&str; 8] = ["{", "}", "<", ">", "$", "your-instance", "your_instance", "yourinstance"];

/// Whether an address still has a placeholder in it.
pub fn is_placeholder(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|placeholder| address.contains(placeholder))
}

impl Origin {
    /// Parses an instance id, a host name or an origin.
    pub fn parse(instance: &str) -> Result<Self, NotAnInstance> {
        let address = match (instance.contains("://"), instance.contains('.')) {
            (true, _) => instance.to_string(),
            (false, true) => format!("https://{instance}"),
            (false, false) => format!("https://{instance}.service-now.com"),
        };
        let is_id =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let bare = |url: &Url| {
            let no_more = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            no_more
                && url.username().is_empty()
                && url.password().is_none()
                && !instance.contains(['\\', '@', '\t', '\n'])
        };
        let is_address = instance.contains(['.', ':']) || is_id(instance);
        let url = Url::parse(&address).ok().filter(bare).filter(|_| is_address && !is_placeholder(instance));
        // A host's name may hold a placeholder only after it was translated to ASCII.
        let origin = url.as_ref().and_then(Self::of).filter(|origin| !is_placeholder(&origin.0));
        origin.ok_or_else(|| NotAnInstance::new(instance))
    }

    /// The origin of an address. `None` unless it is http or https with a host, whose name no other parser reads as another.
    pub fn of(url: &Url) -> Option<Self> {
        let host = match url.host()? {
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_plain);
                Some(name).filter(|name| name.split('.').all(is_label))?.to_string()
            }
            address => address.to_string(),
        };
        let scheme = Some(url.scheme()).filter(|scheme| matches!(*scheme, "http" | "https"))?;
        Some(Self(match url.port() {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }))
    }

    /// Whether the origin is http.
    pub fn is_http(&self) -> bool {
        self.0.starts_with("http://")
    }

    /// Whether the host is this machine by its name or address.
    pub fn is_loopback(&self) -> bool {
        match Url::parse(&self.0).ok().and_then(|url| url.host().map(|host| host.to_owned())) {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
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

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_by_scheme_host_and_port() {
        for (given, origin) in [
            ("dev12345", "https://dev12345.service-now.com"),
            ("itsm.example.com", "https://itsm.example.com"),
            ("HTTPS://ITSM.example.com.:443/", "https://itsm.example.com"),
            ("https://itsm.example.com:8443", "https://itsm.example.com:8443"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(Origin::parse(given).unwrap().as_str(), origin, "{given}");
        }
        for bad in [
            "",
            "https://",
            "https://.",
            "ftp://a.b",
            "https://u:p@a.b",
            "https://a.b/c",
            "https://a.b?c",
            "https://a.b#c",
            "a b",
            "https://{instance}.service-now.com",
            "https://a%7b.b",
            "a!.b",
            "..",
            "a..b",
            "https://your-instance.service-now.com",
            "<INSTANCE>.service-now.com",
            "\u{ff59}our-instance.service-now.com",
            "https://a.b\\c",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn loopback_is_told_by_name_or_address() {
        for (given, loopback) in [
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]", true),
            ("http://localhost", true),
            ("http://192.168.0.1", false),
            ("http://127.0.0.1.example.com", false),
        ] {
            assert_eq!(Origin::parse(given).unwrap().is_loopback(), loopback, "{given}");
        }
    }
}

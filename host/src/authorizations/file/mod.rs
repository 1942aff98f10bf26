//! The format of the authorizations file.

mod entry;
mod values;

use super::authorization::{Authorization, Grant};
use crate::origin::Origin;
use crate::secret::Secret;
use entry::Entry;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Why an authorizations file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// The file cannot be read.
    #[error("{path}: {error}; give the path of an authorizations file", path = .0.display(), error = .1)]
    Unreadable(PathBuf, std::io::Error),
    /// The text is not TOML of this format.
    #[error("{0}: {1}")]
    Format(PathBuf, String),
    /// An authorization is incomplete or contradicts itself.
    #[error("authorization {name:?}: {problem}")]
    Authorization {
        /// Its name.
        name: String,
        /// What is wrong, and what is expected.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    authorizations: BTreeMap<String, Entry>,
}

/// Reads the text of an authorizations file.
pub fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, Authorization>, Invalid> {
    let file: File = toml::from_str(text).map_err(|error| Invalid::Format(path.to_path_buf(), redact(&error, text)))?;
    if file.authorizations.contains_key("") {
        let problem = "an authorization needs a name: [authorizations.NAME]".to_string();
        return Err(Invalid::Authorization { name: String::new(), problem });
    }
    let check = |(name, entry): (String, Entry)| match entry.check(path) {
        Ok(authorization) => Ok((name, authorization)),
        Err(problem) => Err(Invalid::Authorization { name, problem }),
    };
    let mut all = file.authorizations.into_iter().map(check).collect::<Result<BTreeMap<_, _>, Invalid>>()?;
    share_callback_secrets(&mut all);
    each_has_its_own_token_file(&all)?;
    Ok(all)
}

/// Two authorizations that keep rotated refresh tokens in one file would lose each other's.
fn each_has_its_own_token_file(all: &BTreeMap<String, Authorization>) -> Result<(), Invalid> {
    let mut files = HashMap::new();
    for (name, authorization) in all {
        let Grant::RefreshToken { rotated_token_file: Some(path), .. } = &authorization.grant else { continue };
        // The file need not exist yet; its folder does.
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        let path = folder.zip(path.file_name()).map_or_else(|| path.clone(), |(folder, file)| folder.join(file));
        if let Some(other) = files.insert(path, name) {
            let problem = format!("rotated-token-file is that of authorization {other:?}; give each its own");
            return Err(Invalid::Authorization { name: name.clone(), problem });
        }
    }
    Ok(())
}

/// Lets each authorization guard the callback secrets of all that are for the same instance: its queries and answers could tell
/// them as well.
fn share_callback_secrets(all: &mut BTreeMap<String, Authorization>) {
    let of = |known: &Authorization| {
        known.callback_secrets.iter().map(|secret| (known.instance.clone(), secret.clone())).collect::<Vec<_>>()
    };
    let known: Vec<(Origin, Secret)> = all.values().flat_map(of).collect();
    for authorization in all.values_mut() {
        let own = known.iter().filter(|(instance, _)| *instance == authorization.instance);
        let secrets: Vec<&str> = own.map(|(_, secret)| secret.expose()).collect();
        authorization.guards_secret = !secrets.is_empty();
        authorization.secrets.add(secrets);
    }
}

/// A parser's message and place, without the line it quotes: that line may hold a secret.
fn redact(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Authorizations;
    use crate::authorizations::CredentialMode;

    fn parse(body: &str) -> Result<Authorizations, String> {
        let text = format!("[authorizations.main]\n{body}");
        Authorizations::parse(&text, Path::new("a.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn each_grant_names_what_it_needs() {
        let instance = "instance = \"https://dev12345.service-now.com\"\n";
        let client = "client-id = \"c\"\nclient-secret = \"s\"\n";
        for (grant, rest, missing) in [
            ("client-credentials", client, None),
            ("client-credentials", "client-id = \"c\"", Some("client-secret")),
            ("client-credentials", "client-id = \"\"\nclient-secret = \"s\"", Some("client-id")),
            ("password", &format!("{client}username = \"u\"\npassword = \"p\""), None),
            ("password", client, Some("username")),
            ("refresh-token", &format!("{client}refresh-token = \"r\""), None),
            ("refresh-token", client, Some("refresh-token")),
            ("jwt-bearer", &format!("{client}subject = \"u\""), Some("private-key")),
            ("jwt-bearer", &format!("{client}subject = \"u\"\nprivate-key = \"hunter2\""), Some("as PEM")),
            ("bearer", "token = \"t\"", None),
            ("basic", "username = \"u\"\npassword = \"p\"", None),
            ("basic", "username = \"u\"", Some("password")),
            ("api-key", "api-key = \"k\"", None),
            ("api-key", "", Some("api-key")),
        ] {
            let parsed = parse(&format!("{instance}grant = {grant:?}\n{rest}"));
            match missing {
                None => assert!(parsed.is_ok(), "{grant} {rest}"),
                Some(key) => assert!(parsed.err().is_some_and(|error| error.contains(key)), "{grant} {rest}"),
            }
        }
    }

    #[test]
    fn authorizations_of_one_instance_guard_each_other_s_callback_secrets() {
        let one = |name: &str, instance: &str, more: &str| {
            format!("[authorizations.{name}]\ninstance = {instance:?}\ngrant = \"bearer\"\ntoken = \"t\"\n{more}\n")
        };
        let secret = "callback-secret = \"a-callback-secret\"";
        let text = [one("events", "dev1", secret), one("main", "dev1", ""), one("other", "dev2", "")].concat();
        let parsed = Authorizations::parse(&text, Path::new("a.toml")).unwrap();
        for (name, guards) in [("events", true), ("main", true), ("other", false)] {
            let known = parsed.get(name).unwrap();
            assert_eq!((known.guards_secret, known.secrets.are_in(b"a-callback-secret")), (guards, guards), "{name}");
        }
        let nameless = Authorizations::parse(&one("\"\"", "dev1", ""), Path::new("a.toml"));
        assert!(nameless.err().is_some_and(|error| error.to_string().contains("needs a name")));
    }

    #[test]
    fn a_token_url_defaults_to_the_instance_s_own() {
        let parsed = parse("instance = \"itsm.example.com\"\ngrant = \"bearer\"\ntoken = \"t\"").unwrap();
        let main = parsed.get("main").unwrap();
        assert_eq!(main.token_url.as_str(), "https://itsm.example.com/oauth_token.do");
        assert_eq!(main.credential, CredentialMode::HostInjected);
    }

    #[test]
    fn a_mistake_is_named_and_no_secret_with_it() {
        for (body, says) in [
            (
                "instance = \"http://dev.example.com\"\ngrant = \"bearer\"\ntoken = \"hunter2\"",
                "instance http://dev.example.com must be https",
            ),
            ("instance = \"http://127.0.0.1\"\ngrant = \"bearer\"\ntoken = \"hunter2\"", "allow-http-loopback"),
            (
                "instance = \"http://10.0.0.1\"\nallow-http-loopback = true\ngrant = \"bearer\"\ntoken = \"hunter2\"",
                "must be https",
            ),
            (
                "instance = \"dev1\"\ntoken-url = \"https://{org-instanceId}.service-now.com/oauth_token.do\"\ngrant = \"bearer\"\ntoken = \"t\"",
                "placeholder",
            ),
            ("instance = \"https://{domain}.service-now.com\"\ngrant = \"bearer\"\ntoken = \"t\"", "no instance"),
            ("instance = \"dev12345\"\ngrant = \"magic\"\ntoken = \"hunter2\"", "client-credentials"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntokn = \"hunter2\"", "tokn"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2", "basic string"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\\n\\n\"", "line break"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = { env = \"NO_SUCH_VARIABLE\" }", "NO_SUCH_VARIABLE"),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = { file = \"/no/such/file\" }", "/no/such/file"),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"\ncredential = \"grant\"",
                "client-credentials",
            ),
            ("instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"t\"\ncredential = \"hunter2\"", "added-by-host"),
            ("instance = \"https://u:hunter2@dev\"\ngrant = \"bearer\"\ntoken = \"t\"", "with a user"),
            (
                "instance = \"dev12345\"\ntoken-url = \"https://u:hunter2@dev/\"\ngrant = \"bearer\"\ntoken = \"t\"",
                "without a user",
            ),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"\nclient-key = \"k.pem\"",
                "both or neither",
            ),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"\nallowed-calls = [\"GET\"]",
                "\"GET\" is no allowed call",
            ),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"\nallowed-addresses = [\"10.1\"]",
                "\"10.1\" is no network",
            ),
            ("instance = \"dev12345\"\ngrant = \"hunter2\"\ntoken = \"t\"", "client-credentials"),
            (
                "instance = \"dev12345\"\ngrant = \"bearer\"\ntoken = \"t\"\ntoken-url = \"hunter2\"",
                "this is no address",
            ),
            ("instance = \"https://.\"\ngrant = \"bearer\"\ntoken = \"t\"", "no instance"),
            ("instance = \"dev 12345\"\ngrant = \"bearer\"\ntoken = \"hunter2\"", "no instance"),
        ] {
            let error = parse(body).err().unwrap_or_default();
            assert!(error.contains(says), "{body}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

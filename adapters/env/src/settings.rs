//! The variables of one authorization, and what they grant.

use crate::bindings::exports::servicenow::plugin::credentials::{
    Credential, CredentialError, GrantType, Granted, Header, OauthClient, Refusal,
};
use base64::prelude::{BASE64_STANDARD, Engine};
use servicenow_core::secret::is_secret;
use servicenow_core::servicenow::origin::{EXPECTED, Origin};

/// What the variables of an authorization begin with. `None` where it is no name for variables: with another spelling of a
/// name the same create would make another incident, so there is one.
pub fn prefix(authorization: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = !authorization.is_empty() && authorization.bytes().all(is_plain);
    is_name.then(|| format!("SERVICENOW_{}_", authorization.to_ascii_uppercase()))
}

/// One authorization's variables, by what follows the prefix.
pub struct Settings {
    prefix: String,
    variables: Vec<(String, String)>,
}

impl Settings {
    /// Those of this authorization, out of an environment. None where there can be none of that name.
    pub fn new(authorization: &str, environment: Vec<(String, String)>) -> Self {
        let Some(prefix) = prefix(authorization) else { return Self { prefix: String::new(), variables: Vec::new() } };
        let own = |(name, value): (String, String)| Some((name.strip_prefix(&prefix)?.to_string(), value));
        let variables = environment.into_iter().filter_map(own).collect();
        Self { variables, prefix }
    }

    /// An empty variable counts as absent: unset and empty look alike in many a deployment file.
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// What the variables grant.
    pub fn granted(&self) -> Result<Granted, CredentialError> {
        let instance = self.get("INSTANCE").ok_or(CredentialError::UnknownAuthorization)?;
        let (grant_type, credential) = self.credential()?;
        let prefix = &self.prefix;
        let origin = Origin::parse(instance)
            .ok_or_else(|| self.refusal(grant_type, &format!("{prefix}INSTANCE is not {EXPECTED}")))?;
        let token_url = match (&credential, self.get("TOKEN_URL")) {
            (Credential::Grant(_), Some(url)) => url.to_string(),
            (Credential::Grant(_), None) => format!("{origin}/oauth_token.do"),
            (Credential::AddedByHost | Credential::Header(_), _) => String::new(),
        };
        for (name, url) in [("INSTANCE", origin.as_str()), ("TOKEN_URL", &token_url)] {
            if !url.is_empty() && !is_safe(url) {
                let description = format!("{prefix}{name} is no address of https, nor of http on this machine");
                return Err(self.refusal(grant_type, &description));
            }
        }
        Ok(Granted { origin: origin.as_str().to_string(), token_url, grant_type, credential, token: None })
    }

    /// The one credential that the variables name.
    fn credential(&self) -> Result<(GrantType, Credential), CredentialError> {
        let prefix = &self.prefix;
        let mut named = Vec::new();
        for (grant_type, names) in [
            (GrantType::Bearer, &["TOKEN"][..]),
            (GrantType::ApiKey, &["API_KEY"]),
            (GrantType::Basic, &["USERNAME", "PASSWORD"]),
            (GrantType::ClientCredentials, &["CLIENT_ID", "CLIENT_SECRET"]),
        ] {
            let values: Vec<_> = names.iter().filter_map(|name| Some((*name, self.get(name)?))).collect();
            if let Some((name, _)) = values.iter().find(|(_, value)| value.chars().any(char::is_control)) {
                let description = format!("{prefix}{name} holds a line break or another control character");
                return Err(self.refusal(grant_type, &description));
            }
            if !values.is_empty() {
                named.push((grant_type, values));
            }
        }
        let (grant_type, values) = match (named.pop(), named.is_empty()) {
            (Some(one), true) => one,
            (one, _) => return Err(self.one_of(one.map_or(GrantType::Bearer, |(grant_type, _)| grant_type))),
        };
        let header = |name: &str, value: String| Credential::Header(Header { name: name.to_string(), value });
        let credential = match (grant_type, values.as_slice()) {
            (GrantType::Bearer, [(_, token)]) => header("authorization", format!("Bearer {token}")),
            (GrantType::ApiKey, [(_, key)]) => header("x-sn-apikey", key.to_string()),
            (GrantType::Basic, [(_, user), (_, password)]) => {
                header("authorization", format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
            }
            (GrantType::ClientCredentials, [(_, id), (_, secret)]) => Credential::Grant(OauthClient {
                client_id: id.to_string(),
                client_secret: secret.to_string(),
                scope: self.get("SCOPE").map(str::to_string),
            }),
            // Half of a pair.
            _ => return Err(self.one_of(grant_type)),
        };
        Ok((grant_type, credential))
    }

    fn one_of(&self, grant_type: GrantType) -> CredentialError {
        let prefix = &self.prefix;
        let description = format!(
            "set one of {prefix}TOKEN, {prefix}API_KEY, {prefix}USERNAME with {prefix}PASSWORD, or {prefix}CLIENT_ID with \
             {prefix}CLIENT_SECRET, and nothing of the others"
        );
        self.refusal(grant_type, &description)
    }

    fn refusal(&self, grant_type: GrantType, description: &str) -> CredentialError {
        let error = "the environment is not complete:".to_string();
        CredentialError::Refused(Refusal { grant_type, status: None, error, description: description.to_string() })
    }

    /// Whether a text is one of the callback secrets. Every byte is compared, whichever differ.
    pub fn is_callback_secret(&self, presented: &str) -> bool {
        if self.get("INSTANCE").is_none() {
            return false;
        }
        let secrets = ["CALLBACK_SECRET", "PREVIOUS_CALLBACK_SECRET"].map(|name| self.get(name).unwrap_or_default());
        secrets.iter().fold(false, |any, secret| any | is_secret(secret, presented))
    }
}

/// Whether a secret may be sent there: over https, or over http to this machine.
fn is_safe(url: &str) -> bool {
    let after = |scheme: &str| url.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).is_some();
    let host = url.get("http://".len()..).unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    let is_here = ["127.0.0.1", "localhost", "[::1]"].iter().any(|here| {
        host.strip_prefix(here).is_some_and(|rest| rest.is_empty() || rest.starts_with(':') && !rest.contains('@'))
    });
    after("https://") || after("http://") && is_here
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let variables = variables.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string()));
        Settings::new("main", variables.collect())
    }

    const INSTANCE: (&str, &str) = ("SERVICENOW_MAIN_INSTANCE", "dev12345");

    #[test]
    fn the_name_of_an_authorization_gives_the_names_of_its_variables() {
        for (name, expected) in [("main", Some("SERVICENOW_MAIN_")), ("acme2", Some("SERVICENOW_ACME2_"))] {
            assert_eq!(prefix(name).as_deref(), expected);
        }
        for other in ["", "MAIN", "Main", "acme-prod", "acme_prod", "é", "main "] {
            assert_eq!(prefix(other), None, "{other:?}");
        }
    }

    #[test]
    fn each_credential_is_granted_for_its_origin() {
        let header = |name: &str, value: &str| Credential::Header(Header { name: name.into(), value: value.into() });
        let client = |scope: Option<&str>| {
            let scope = scope.map(str::to_string);
            Credential::Grant(OauthClient { client_id: "id".into(), client_secret: "secret".into(), scope })
        };
        let (id, secret) = (("SERVICENOW_MAIN_CLIENT_ID", "id"), ("SERVICENOW_MAIN_CLIENT_SECRET", "secret"));
        let token_url = "https://dev12345.service-now.com/oauth_token.do";
        let cases: [(&[_], _, _, _); 6] = [
            (&[("SERVICENOW_MAIN_TOKEN", "t")], GrantType::Bearer, header("authorization", "Bearer t"), ""),
            (&[("SERVICENOW_MAIN_API_KEY", "k")], GrantType::ApiKey, header("x-sn-apikey", "k"), ""),
            (
                &[("SERVICENOW_MAIN_USERNAME", "u"), ("SERVICENOW_MAIN_PASSWORD", "p"), ("SERVICENOW_MAIN_TOKEN", "")],
                GrantType::Basic,
                header("authorization", "Basic dTpw"),
                "",
            ),
            (&[id, secret], GrantType::ClientCredentials, client(None), token_url),
            (&[id, secret, ("SERVICENOW_MAIN_SCOPE", "s")], GrantType::ClientCredentials, client(Some("s")), token_url),
            (
                &[id, secret, ("SERVICENOW_MAIN_TOKEN_URL", "https://login.example.com/token")],
                GrantType::ClientCredentials,
                client(None),
                "https://login.example.com/token",
            ),
        ];
        for (variables, grant_type, credential, token_url) in cases {
            let granted = settings(&[&[INSTANCE], variables].concat()).granted().unwrap();
            let expected = Granted {
                origin: "https://dev12345.service-now.com".to_string(),
                token_url: token_url.to_string(),
                grant_type,
                credential,
                token: None,
            };
            assert_eq!(granted, expected, "{variables:?}");
        }
    }

    #[test]
    fn what_is_missing_or_too_much_is_said_by_the_names_of_variables_and_never_by_their_values() {
        assert_eq!(
            settings(&[("SERVICENOW_OTHER_INSTANCE", "dev1")]).granted(),
            Err(CredentialError::UnknownAuthorization)
        );
        let (token, key) = (("SERVICENOW_MAIN_TOKEN", "hush"), ("SERVICENOW_MAIN_API_KEY", "hush"));
        for (variables, says) in [
            (vec![INSTANCE], "set one of SERVICENOW_MAIN_TOKEN, "),
            (vec![INSTANCE, token, key], "and nothing of the others"),
            (vec![INSTANCE, token, ("SERVICENOW_MAIN_PASSWORD", "hush")], "and nothing of the others"),
            (vec![INSTANCE, ("SERVICENOW_MAIN_TOKEN", "hush\n")], "SERVICENOW_MAIN_TOKEN holds a line break"),
            (vec![INSTANCE, ("SERVICENOW_MAIN_CLIENT_SECRET", "hush\n")], "SERVICENOW_MAIN_CLIENT_SECRET holds"),
            (
                vec![("SERVICENOW_MAIN_INSTANCE", "http://itsm.example.com"), token],
                "SERVICENOW_MAIN_INSTANCE is no address of https",
            ),
            (
                vec![INSTANCE, ("SERVICENOW_MAIN_USERNAME", "hush")],
                "SERVICENOW_MAIN_USERNAME with SERVICENOW_MAIN_PASSWORD",
            ),
            (vec![("SERVICENOW_MAIN_INSTANCE", "hush hush"), token], "SERVICENOW_MAIN_INSTANCE is not an instance id"),
        ] {
            let Err(CredentialError::Refused(refusal)) = settings(&variables).granted() else {
                panic!("{variables:?}")
            };
            assert!(refusal.description.contains(says), "{}", refusal.description);
            assert!(!refusal.description.contains("hush"), "{}", refusal.description);
        }
    }

    #[test]
    fn a_secret_is_sent_over_https_or_to_this_machine_alone() {
        for (url, safe) in [
            ("https://login.example.com/token", true),
            ("HTTPS://login.example.com", true),
            ("http://127.0.0.1:8080/token", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://login.example.com/token", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://127.0.0.1:80@example.com/", false),
            ("127.0.0.1:8080/token", false),
            ("ftp://127.0.0.1/", false),
            ("", false),
        ] {
            assert_eq!(is_safe(url), safe, "{url:?}");
        }
        let token_url = ("SERVICENOW_MAIN_TOKEN_URL", "login.example.com/token");
        let client = [("SERVICENOW_MAIN_CLIENT_ID", "id"), ("SERVICENOW_MAIN_CLIENT_SECRET", "secret")];
        let Err(CredentialError::Refused(refusal)) =
            settings(&[&[INSTANCE, token_url], &client[..]].concat()).granted()
        else {
            panic!("it is granted")
        };
        assert!(refusal.description.starts_with("SERVICENOW_MAIN_TOKEN_URL is no address"), "{}", refusal.description);
    }

    #[test]
    fn two_callback_secrets_are_known_while_one_takes_the_place_of_the_other() {
        let both = [
            INSTANCE,
            ("SERVICENOW_MAIN_CALLBACK_SECRET", "new"),
            ("SERVICENOW_MAIN_PREVIOUS_CALLBACK_SECRET", "old one"),
        ];
        for (presented, known) in [("new", true), ("old one", true), ("ne", false), ("neww", false), ("", false)] {
            assert_eq!(settings(&both).is_callback_secret(presented), known, "{presented:?}");
        }
        assert!(!settings(&[INSTANCE]).is_callback_secret(""));
        assert!(!settings(&both[1..]).is_callback_secret("new"), "there is no such authorization");
    }
}

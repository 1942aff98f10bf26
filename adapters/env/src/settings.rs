//! The variables of one authorization, and what they grant.

use crate::bindings::exports::servicenow::plugin::credentials::{
    Credential, CredentialError, GrantType, Granted, Header, OauthClient, Refusal,
};
use base64::prelude::{BASE64_STANDARD, Engine};
use servicenow_component::servicenow::origin::{EXPECTED, Origin};
use servicenow_component::text::is_secret;

/// What the variables of an authorization begin with.
pub fn prefix(authorization: &str) -> String {
    let capital = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    format!("SERVICENOW_{}_", authorization.chars().map(capital).collect::<String>())
}

/// One authorization's variables, by what follows the prefix.
pub struct Settings {
    prefix: String,
    variables: Vec<(String, String)>,
}

impl Settings {
    /// Those of this authorization, out of an environment.
    pub fn new(authorization: &str, environment: Vec<(String, String)>) -> Self {
        let prefix = prefix(authorization);
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
        let origin = Origin::parse(instance)
            .ok_or_else(|| self.refusal(grant_type, &format!("{}INSTANCE is not {EXPECTED}", self.prefix)))?;
        let token_url = match (&credential, self.get("TOKEN_URL")) {
            (Credential::Grant(_), Some(url)) => url.to_string(),
            (Credential::Grant(_), None) => format!("{origin}/oauth_token.do"),
            (Credential::AddedByHost | Credential::Header(_), _) => String::new(),
        };
        Ok(Granted { origin: origin.as_str().to_string(), token_url, grant_type, credential, token: None })
    }

    /// The one credential that the variables name.
    fn credential(&self) -> Result<(GrantType, Credential), CredentialError> {
        let pair = |name, secret| Some((self.get(name)?, self.get(secret)?));
        let header = |name: &str, value: String| Credential::Header(Header { name: name.to_string(), value });
        let mut named = Vec::new();
        if let Some(token) = self.get("TOKEN") {
            named.push((GrantType::Bearer, header("authorization", format!("Bearer {token}"))));
        }
        if let Some(key) = self.get("API_KEY") {
            named.push((GrantType::ApiKey, header("x-sn-apikey", key.to_string())));
        }
        if let Some((user, password)) = pair("USERNAME", "PASSWORD") {
            let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
            named.push((GrantType::Basic, header("authorization", format!("Basic {encoded}"))));
        }
        if let Some((id, secret)) = pair("CLIENT_ID", "CLIENT_SECRET") {
            let client = OauthClient {
                client_id: id.to_string(),
                client_secret: secret.to_string(),
                scope: self.get("SCOPE").map(str::to_string),
            };
            named.push((GrantType::ClientCredentials, Credential::Grant(client)));
        }
        match (named.pop(), named.is_empty()) {
            (Some(one), true) => Ok(one),
            (one, _) => {
                let grant_type = one.map_or(GrantType::Bearer, |(grant_type, _)| grant_type);
                let prefix = &self.prefix;
                Err(self.refusal(
                    grant_type,
                    &format!(
                        "set one of {prefix}TOKEN, {prefix}API_KEY, {prefix}USERNAME with {prefix}PASSWORD, or \
                         {prefix}CLIENT_ID with {prefix}CLIENT_SECRET, and no other of them"
                    ),
                ))
            }
        }
    }

    fn refusal(&self, grant_type: GrantType, description: &str) -> CredentialError {
        let error = "the environment is not complete:".to_string();
        CredentialError::Refused(Refusal { grant_type, status: None, error, description: description.to_string() })
    }

    /// Whether a text is one of the callback secrets. Every byte is compared, whichever differ.
    pub fn is_callback_secret(&self, presented: &str) -> bool {
        let secrets = ["CALLBACK_SECRET", "PREVIOUS_CALLBACK_SECRET"].map(|name| self.get(name).unwrap_or_default());
        secrets.iter().fold(false, |any, secret| any | is_secret(secret, presented))
    }
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
        for (name, expected) in
            [("main", "SERVICENOW_MAIN_"), ("acme-prod.2", "SERVICENOW_ACME_PROD_2_"), ("é", "SERVICENOW___")]
        {
            assert_eq!(prefix(name), expected);
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
            (vec![INSTANCE, token, key], "and no other of them"),
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
    fn two_callback_secrets_are_known_while_one_takes_the_place_of_the_other() {
        let both =
            [("SERVICENOW_MAIN_CALLBACK_SECRET", "new"), ("SERVICENOW_MAIN_PREVIOUS_CALLBACK_SECRET", "old one")];
        for (presented, known) in [("new", true), ("old one", true), ("ne", false), ("neww", false), ("", false)] {
            assert_eq!(settings(&both).is_callback_secret(presented), known, "{presented:?}");
        }
        assert!(!settings(&[]).is_callback_secret(""));
    }
}

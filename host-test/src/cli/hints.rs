//! What to look at when a call failed.

use servicenow_host::types::Reason;

/// The first thing to look at, and whose words the message is.
pub fn of(reason: Reason) -> &'static str {
    match reason {
        Reason::Unauthorized => "run `host-test call authenticate` with the same options: it names the likely causes",
        Reason::Forbidden => "give the integration user a role that may read and write incidents, such as itil",
        Reason::UnscopedClient => "broaden the OAuth client's scope to useraccount, or allow unscoped clients",
        Reason::DataPolicy => {
            "the rules' status map must give what the instance requires, such as close_code and close_notes"
        }
        Reason::BusinessRule => "the detail names the instance's business rule that stopped the write",
        Reason::Ambiguous => "close or merge the incidents with this correlation id until one is open",
        Reason::Hibernating => "open the instance in a browser to wake it",
        Reason::RateLimited => "the instance limits requests by the hour; try again after the time it names",
        Reason::DeniedByHost => {
            "run with --log info: the host names what to add to allowed-calls, such as the set \"events\""
        }
        Reason::UnknownAuthorization => "name an authorization that stands in the file",
        Reason::WrongInstance => "give the --instance that the authorization is valid for",
        Reason::Dns | Reason::Connect => "check the instance's name, and whether this machine reaches it",
        Reason::Tls => "check the certificate, or add its issuer with ca-files",
        Reason::Deadline => "give a longer --timeout, and look the incident up before repeating a write",
        Reason::NotJson | Reason::Redirected => {
            "something else than the Table API answered: check the address and any proxy"
        }
        Reason::BadRequest => "the message is the instance's own: compare the request body above with its columns",
        Reason::Lost | Reason::Limit | Reason::TooLarge | Reason::Encoded => {
            "the message is this program's, for no whole answer of the instance came: look the incident up before repeating a write"
        }
        Reason::UnexpectedAnswer | Reason::UnexpectedStatus | Reason::WrongRecord => {
            "the message is this program's judgement of the instance's answer, which stands above"
        }
        _ => "the message and detail are the instance's own words",
    }
}

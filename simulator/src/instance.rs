//! A new instance: what is in its tables before anybody writes.

use super::Settings;
use super::access::add_user;
use super::row::Row;
use super::store::Store;

/// The roles of the integration user: an administrator, so that a test is not held up by rights it does not test.
const ROLES: [&str; 2] = ["admin", "itil"];

/// A store with the integration user, a caller, and a group.
pub fn fresh(settings: &Settings, seed: Option<u64>) -> Store {
    let mut store = Store::new(seed);
    let integration = [
        ("sys_id", "6816f79cc0a8016401c5a33be04be441"),
        ("user_name", &*settings.username),
        ("name", "Flow Integration"),
        ("email", "flow.integration@example.com"),
        ("active", "true"),
    ];
    add_user(&mut store, Row::new("sys_user", integration), &ROLES);
    let caller = [
        ("sys_id", "5137153cc611227c000bbd1bd8cd2005"),
        ("user_name", "example.caller"),
        ("name", "Example Caller"),
        ("email", "caller@example.com"),
        ("active", "true"),
    ];
    add_user(&mut store, Row::new("sys_user", caller), &[]);
    let desk = [("sys_id", "679434f053231300e321ddeeff7b12d8"), ("name", "Service Desk"), ("active", "true")];
    store.add("sys_user_group", Row::new("sys_user_group", desk));
    let zone = [("name", "glide.sys.default.tz"), ("value", "UTC"), ("type", "string")];
    store.add("sys_properties", Row::new("sys_properties", zone));
    store
}

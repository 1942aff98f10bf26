//! The egress policy with random addresses, the same property as in `fuzz/`, and the two parsers of an instance.

use proptest::prelude::*;
use servicenow_core::servicenow::origin::Origin;

#[path = "../properties/mod.rs"]
mod properties;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_instance_s_own_paths_are_reached(
        method in "(GET|POST|PATCH|PUT|[A-Z]{1,6})",
        address in "(https?://)?(dev1\\.service-now\\.com|DEV1.service-now.com\\.?|evil\\.example|[a-z@:\\[\\]\\.]{0,12})(:[0-9]{1,5})?(/api/now/table/incident|/oauth_token\\.do|/api/now/v1/batch|/(\\.|%2e|%2f|/|\\\\|[a-z]){0,6})(/[0-9a-f]{4}|/\\.\\.)?(\\?[a-z=&/.]{0,6})?",
    ) {
        properties::a_reached_address_is_the_instance_s_own(&method, &address);
    }

    #[test]
    fn the_component_reads_an_instance_as_the_host_reads_it(
        instance in "((https?|HTTPS|ftp)://)?([a-zA-Z][a-zA-Z0-9-]{0,8}\\.){0,3}[a-zA-Z]{2,8}\\.?(:[0-9]{1,5})?[/@]?",
    ) {
        let host = servicenow_host::origin::Origin::parse(&instance).ok().map(|origin| origin.to_string());
        let component = Origin::parse(&instance).map(|origin| origin.to_string());
        // The component refuses some names that no DNS has; what it takes is the same origin.
        prop_assert!(component.is_none() || component == host, "{}: {:?} {:?}", instance, component, host);
        // What the host hands over is read back unchanged, or the component would refuse its own authorization.
        if let Some(host) = host.filter(|_| component.is_some()) {
            prop_assert_eq!(Origin::parse(&host).map(|origin| origin.to_string()), Some(host));
        }
    }
}

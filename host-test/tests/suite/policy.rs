//! The egress policy with random addresses, the same property as in `fuzz/`.

use proptest::prelude::*;

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
}

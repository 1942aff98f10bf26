//! Any secret, in any spelling of a text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicenow_host::properties;

fuzz_target!(|input: (&str, &str, &str, [u8; 3], u8, &[u8])| {
    let (secret, before, behind, spellings, count, other) = input;
    properties::a_secret_is_found_in_every_spelling(secret, before, behind, &spellings[..usize::from(count % 4)]);
    properties::a_text_without_a_secret_is_left_alone(other);
});

//! Comparing secrets.

use std::hint::black_box;

/// Whether a text is a secret, compared in a time that tells their lengths alone. No text is an empty secret.
pub fn is_secret(secret: &str, presented: &str) -> bool {
    let differing = secret.bytes().zip(presented.bytes()).fold(0, |differing, (a, b)| black_box(differing | (a ^ b)));
    !secret.is_empty() & (secret.len() == presented.len()) & (differing == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_matched_by_itself_alone_and_an_empty_one_by_nothing() {
        for (secret, presented, equal) in [
            ("s3cret", "s3cret", true),
            ("s3cret", "s3creT", false),
            ("s3cret", "s3cre", false),
            ("ab", "ba", false),
            ("", "", false),
        ] {
            assert_eq!(is_secret(secret, presented), equal, "{secret:?} {presented:?}");
        }
    }
}

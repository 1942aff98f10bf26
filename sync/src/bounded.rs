//! JSON that fits into the guest's memory: a text of a few megabytes can hold millions of values, each of which takes a hundred
//! bytes when it is read.

/// How many values, keys and brackets a text may have: some 20 MB when read. An event or a record has a few hundred.
pub const MAX_PARTS: usize = 200_000;

/// Whether a text has more parts than that. What is no JSON is counted like it.
pub fn has_too_many_parts(text: &str) -> bool {
    let (mut parts, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' | b':' | b'[' | b'{' if !in_text => parts += 1,
            _ => {}
        }
    }
    parts > MAX_PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_outside_of_texts() {
        assert!(!has_too_many_parts(&format!("[\"{}\"]", ",".repeat(MAX_PARTS * 2))));
        assert!(!has_too_many_parts(&format!("[\"\\\"{}\"]", ",".repeat(MAX_PARTS * 2))));
        assert!(has_too_many_parts(&format!("[1{}]", ",1".repeat(MAX_PARTS))));
        assert!(has_too_many_parts(&"[".repeat(MAX_PARTS + 1)));
    }
}

//! Encodings of bytes as text.

use std::fmt::Write;

/// Bytes as hexadecimal digits in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// Percent-encodes everything but unreserved characters, so that no value can end a parameter.
pub fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() + text.len() / 2), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(byte as char);
        } else {
            encoded.push('%');
            let _ = write!(encoded, "{byte:02X}");
        }
        encoded
    })
}

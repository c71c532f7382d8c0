//! Chance that anybody can recompute: SHA-256 of a text that begins with the seed.

use sha2::{Digest, Sha256};

/// The alphabet of generated names in Kubernetes (`k8s.io/apimachinery/pkg/util/rand`).
const NAME_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// SHA-256 of the text `{seed}/{name}/{tag}/{index}`.
pub(super) fn digest(seed: u64, name: &str, tag: &str, index: i64) -> [u8; 32] {
    Sha256::digest(format!("{seed}/{name}/{tag}/{index}")).into()
}

/// A number in [0, 1) that depends on the four arguments alone.
///
/// Formula: the first 8 bytes of the digest, big endian, divided by 2^64.
pub(super) fn unit(seed: u64, name: &str, tag: &str, index: i64) -> f64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest(seed, name, tag, index)[..8]);
    // Rounding of the conversion may give exactly 2^64; the result must stay below 1.
    (u64::from_be_bytes(first) as f64 / 2f64.powi(64)).min(1.0 - f64::EPSILON / 2.0)
}

/// `length` characters (at most 32) as Kubernetes generates them for names.
pub(super) fn suffix(seed: u64, name: &str, tag: &str, index: i64, length: usize) -> String {
    digest(seed, name, tag, index)
        .iter()
        .take(length)
        .map(|byte| char::from(NAME_ALPHABET[usize::from(*byte) % NAME_ALPHABET.len()]))
        .collect()
}

/// `length` hexadecimal digits (at most 64).
pub(super) fn hex(seed: u64, name: &str, tag: &str, index: i64, length: usize) -> String {
    let mut text: String = digest(seed, name, tag, index)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    text.truncate(length);
    text
}

/// A UUID of version 4 in form.
pub(super) fn uuid(seed: u64, name: &str, tag: &str, index: i64) -> String {
    let mut text = hex(seed, name, tag, index, 32);
    text.replace_range(12..13, "4");
    text.replace_range(16..17, "a");
    for position in [20, 16, 12, 8] {
        text.insert(position, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_the_documented_digest() {
        // printf 42/shop/checkout/burst/7 | sha256sum
        let value = unit(42, "shop/checkout", "burst", 7);
        let expected = u64::from_str_radix(&hex(42, "shop/checkout", "burst", 7, 16), 16).unwrap();
        assert!((value - expected as f64 / 2f64.powi(64)).abs() < 1e-15);
        assert_eq!(hex(42, "shop/checkout", "burst", 7, 16), "1d8af519d0b78c2e");
    }

    #[test]
    fn a_uuid_has_the_form_of_version_four() {
        let text = uuid(1, "a", "uid", 0);
        let lengths: Vec<_> = text.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&text[14..15], "4");
        assert_eq!(&text[19..20], "a");
    }
}

//! Opaque texts that are given out and must come back unchanged, for the purpose that they were made for.

use sha2::{Digest, Sha256};

/// A text for `fields` that is good for this purpose only.
pub(super) fn write(fields: &str, purpose: &str) -> String {
    let seal = seal(fields, purpose);
    hexadecimal(format!("{fields}.{seal}").as_bytes())
}

/// The fields of a text of [`write`] for the same purpose.
pub(super) fn read(token: &str, purpose: &str) -> Option<String> {
    let bytes = token
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let text = String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()?;
    let (fields, found) = text.rsplit_once('.')?;
    (found == seal(fields, purpose)).then(|| fields.to_owned())
}

/// Two hexadecimal digits for each byte.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Eight bytes that only the right fields and purpose give.
fn seal(fields: &str, purpose: &str) -> String {
    let digest = Sha256::new()
        .chain_update(fields)
        .chain_update([0])
        .chain_update(purpose);
    hexadecimal(&digest.finalize()[..8])
}

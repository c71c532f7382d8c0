//! Parameters in URLs and form bodies.

/// The decoded parameters of a query string or a form, in their order.
pub(super) fn parameters(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// Text with `%` and two digits, and `+` for a space, as they stand in URLs; what is malformed stays.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let digit = |at: usize| {
        bytes
            .get(at)
            .and_then(|&byte| char::from(byte).to_digit(16))
    };
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| Some(digit(at + 1)? * 16 + digit(at + 2)?))
            .flatten();
        if let Some(escaped) = escaped.and_then(|value| u8::try_from(value).ok()) {
            plain.push(escaped);
            at += 3;
        } else {
            plain.push(if byte == b'+' { b' ' } else { byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_keep_their_order() {
        let found: Vec<_> = parameters("query=a%2Bb+%7Bx%3D%22y%22%7D&empty&&time=1").collect();
        let expected = [("query", "a+b {x=\"y\"}"), ("empty", ""), ("time", "1")];
        assert_eq!(
            found,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn malformed_escapes_stay_as_they_are() {
        for text in ["%", "%4", "%zz", "100%", "%+1"] {
            assert_eq!(decode(text), text.replace('+', " "));
        }
        assert_eq!(decode("%C3%A9"), "é");
    }
}

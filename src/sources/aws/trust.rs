//! Which certificates AWS endpoints are trusted by.

use std::path::Path;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use aws_smithy_types::base64;

use crate::sources::{Reason, SourceError};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The machine's own roots, or the certificates of the bundle instead, where one is given.
pub(super) fn context(bundle: Option<&Path>) -> Result<TlsContext, SourceError> {
    let store = match bundle {
        None => TrustStore::default(),
        Some(path) => TrustStore::empty().with_pem_certificate(read(path)?),
    };
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .map_err(|error| unusable("the certificates of this machine", &error.to_string()))
}

fn read(path: &Path) -> Result<String, SourceError> {
    let place = format!("the CA bundle {}", path.display());
    let text =
        std::fs::read_to_string(path).map_err(|error| unusable(&place, &error.to_string()))?;
    check(&text).map_err(|problem| unusable(&place, &problem))?;
    Ok(text)
}

/// The TLS library ends the program on a certificate that it cannot read, so they are looked at first.
fn check(text: &str) -> Result<(), String> {
    let mut blocks = text.split(BEGIN).skip(1).enumerate().peekable();
    if blocks.peek().is_none() {
        return Err(format!("it holds no `{BEGIN}`"));
    }
    for (index, block) in blocks {
        let sound = block
            .split_once(END)
            .map(|(encoded, _)| encoded.split_whitespace().collect::<String>())
            .and_then(|encoded| base64::decode(encoded).ok())
            .is_some_and(|certificate| is_one_sequence(&certificate));
        if !sound {
            return Err(format!("its certificate {} is damaged", index + 1));
        }
    }
    Ok(())
}

/// Whether the bytes are one DER SEQUENCE, whole and with nothing after it.
fn is_one_sequence(der: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = der else {
        return false;
    };
    if *length < 0x80 {
        return usize::from(*length) == rest.len();
    }
    let digits = usize::from(length & 0x7f);
    if !(1..=4).contains(&digits) || rest.len() < digits {
        return false;
    }
    let (digits, content) = rest.split_at(digits);
    let length = digits
        .iter()
        .fold(0_usize, |length, digit| (length << 8) | usize::from(*digit));
    length == content.len()
}

fn unusable(place: &str, problem: &str) -> SourceError {
    SourceError::new(
        Reason::Connect,
        format!("{place} cannot be used: {problem}"),
        "put PEM certificates there, or unset AWS_CA_BUNDLE",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_bundle_is_an_error_that_names_the_certificate() {
        let good = format!("{BEGIN}\n{}\n{END}\n", base64::encode([0x30, 3, 2, 1, 5]));
        let long = [[0x30, 0x82, 0x01, 0x00].as_slice(), &[0; 256]].concat();
        let long = format!("{BEGIN}\n{}\n{END}\n", base64::encode(long));
        let cut = format!("{BEGIN}\n{}\n{END}\n", base64::encode([0x30, 4, 2, 1, 5]));
        for (text, expected) in [
            (good.clone(), Ok(())),
            (format!("# a comment\n{good}{long}"), Ok(())),
            (
                "nothing".into(),
                Err("it holds no `-----BEGIN CERTIFICATE-----`".into()),
            ),
            (
                format!("{good}{cut}"),
                Err("its certificate 2 is damaged".into()),
            ),
            (
                format!("{BEGIN}\nno end"),
                Err("its certificate 1 is damaged".into()),
            ),
            (
                format!("{BEGIN}\n%%%\n{END}"),
                Err("its certificate 1 is damaged".to_owned()),
            ),
        ] {
            assert_eq!(check(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_bundle_that_is_not_there_is_an_error_that_names_the_file() {
        let error = context(Some(Path::new("/no/such/bundle.pem"))).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the CA bundle /no/such/bundle.pem cannot be used: "),
            "{error}"
        );
    }
}

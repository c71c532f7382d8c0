//! The shape of a signed request. Signatures are not verified: the simulated cloud has no secrets.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::error::AwsError;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What the credential of a signature names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope<'h> {
    /// The access key.
    pub(super) key: &'h str,
    pub(super) region: &'h str,
}

/// The scope of a signature, whether all is well with it or not.
pub(super) fn scope(headers: &HeaderMap) -> Option<Scope<'_>> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = header.split_once("Credential=")?;
    let mut parts = credential.split(['/', ',']);
    let (key, region) = (parts.next()?, parts.nth(1)?);
    Some(Scope { key, region })
}

/// The scope of a Signature Version 4 header for `service` that is whole in all its parts.
pub(super) fn check<'h>(headers: &'h HeaderMap, service: &str) -> Result<Scope<'h>, AwsError> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Err(AwsError::missing_token());
    };
    let header = header.to_str().unwrap_or_default();
    let Some(parts) = header.strip_prefix(ALGORITHM) else {
        return Err(AwsError::incomplete_signature(format!(
            "Authorization header must start with {ALGORITHM}"
        )));
    };
    let part = |name: &str| {
        parts
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .ok_or_else(|| {
                AwsError::incomplete_signature(format!(
                    "Authorization header requires '{name}' parameter."
                ))
            })
    };
    let scope: Vec<&str> = part("Credential")?.split('/').collect();
    let signed = part("SignedHeaders")?;
    let signature = part("Signature")?;

    let [key, date, region, named, "aws4_request"] = scope[..] else {
        return Err(AwsError::incomplete_signature(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got '{}'",
            scope.join("/")
        )));
    };
    if key.is_empty() || date.len() != 8 || region.is_empty() {
        return Err(AwsError::incomplete_signature(
            "Credential has an empty or malformed element",
        ));
    }
    if named != service {
        return Err(AwsError::incomplete_signature(format!(
            "Credential should be scoped to correct service: '{service}'."
        )));
    }
    if !signed.split(';').any(|name| name == "host") {
        return Err(AwsError::incomplete_signature(
            "'Host' must be a 'SignedHeader'",
        ));
    }
    if !headers.contains_key("x-amz-date") && !headers.contains_key(http::header::DATE) {
        return Err(AwsError::incomplete_signature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ));
    }
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(AwsError::incomplete_signature(
            "Signature is not 64 hexadecimal digits",
        ));
    }
    Ok(Scope { key, region })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKID/20260301/us-east-1/monitoring/aws4_request, \
        SignedHeaders=host;x-amz-date, \
        Signature=585d437664e87e73aafec8be38e67bab8c0f92afaa5bf9271565d91f40395456";

    fn checked(header: &str) -> Result<(), AwsError> {
        let whole = Scope {
            key: "AKID",
            region: "us-east-1",
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header.parse().unwrap());
        headers.insert("x-amz-date", "20260301T000000Z".parse().unwrap());
        check(&headers, "monitoring").map(|scope| {
            assert_eq!(scope, whole);
            assert_eq!(super::scope(&headers), Some(whole));
        })
    }

    #[test]
    fn a_whole_header_passes() {
        assert_eq!(checked(GOOD), Ok(()));
    }

    #[test]
    fn no_header_is_a_missing_token() {
        assert_eq!(
            check(&HeaderMap::new(), "lambda"),
            Err(AwsError::missing_token())
        );
    }

    #[test]
    fn each_broken_part_is_named() {
        for (from, to, named) in [
            (
                "AWS4-HMAC-SHA256",
                "Bearer",
                "must start with AWS4-HMAC-SHA256",
            ),
            ("Credential=", "Cred=", "requires 'Credential'"),
            ("SignedHeaders=", "Headers=", "requires 'SignedHeaders'"),
            ("Signature=", "Sig=", "requires 'Signature'"),
            ("/us-east-1", "", "5 slash-delimited elements"),
            ("aws4_request", "aws4", "5 slash-delimited elements"),
            ("monitoring", "lambda", "correct service: 'monitoring'"),
            ("host;", "", "'Host'"),
            ("=585d", "=5z5d", "64 hexadecimal digits"),
        ] {
            let error = checked(&GOOD.replace(from, to)).unwrap_err();
            assert!(
                error.message.contains(named),
                "{} for {to:?}",
                error.message
            );
            assert_eq!(error.status, 403);
        }
    }
}

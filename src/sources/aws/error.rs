//! What a failed call to AWS means, and what to do about it.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use http_body_util::LengthLimitError;

use super::http_client::MAX_RESPONSE;
use super::role::Role;
use crate::sources::error_chain::{cause, causes};
use crate::sources::{Reason, SourceError};

/// The codes of credentials that are wrong, expired or unsigned, of all protocols.
const UNAUTHORIZED: [&str; 13] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// The codes of a missing permission.
const FORBIDDEN: [&str; 4] = [
    "AccessDenied",
    "AccessDeniedException",
    "NotAuthorized",
    "UnauthorizedOperation",
];

/// Where an AWS SDK looks for credentials, in this order.
const CHAIN: &str = "environment (AWS_ACCESS_KEY_ID), profile files, web identity (IRSA), \
                     container credentials (Pod Identity, ECS), instance metadata";

/// What was tried, for the text of its failure.
#[derive(Clone, Debug)]
pub(in crate::sources) struct CallDescription {
    /// The IAM action, which names the call too.
    pub(in crate::sources) action: &'static str,
    /// The region it was asked of.
    pub(in crate::sources) region: std::sync::Arc<str>,
    /// Where it was asked.
    pub(in crate::sources) endpoint: std::sync::Arc<str>,
    /// Whose credentials it was asked with.
    pub(in crate::sources) credentials: CredentialsOf,
}

/// Where credentials come from.
#[derive(Clone, Debug)]
pub(in crate::sources) enum CredentialsOf {
    /// The places where an AWS SDK looks.
    Chain,
    /// They were given.
    Configuration,
    /// A role in another account, taken on with those of the chain.
    Role(Role),
}

impl CallDescription {
    /// The failure of this call as a source's error.
    pub(in crate::sources) fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> SourceError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        self.explained(&error)
    }

    fn explained<E>(&self, error: &SdkError<E, HttpResponse>) -> SourceError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if let Some(credentials) = cause::<CredentialsError>(error) {
            return match &self.credentials {
                CredentialsOf::Role(role) => self.without_role(role, credentials),
                _ => self.without_credentials(&causes(credentials)),
            };
        }
        match error {
            SdkError::TimeoutError(_) => self.too_slow(),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => self.too_slow(),
            SdkError::DispatchFailure(failure) if !failure.is_user() => {
                self.not_connected(&causes(error))
            }
            SdkError::ServiceError(answer) => {
                let (code, message) = (answer.err().code(), answer.err().message());
                self.refused(answer.raw(), code, message)
            }
            SdkError::ResponseError(_) if cause::<LengthLimitError>(error).is_some() => {
                self.too_long()
            }
            SdkError::ResponseError(_) if is_incomplete_body(error) => {
                self.not_connected(&format!("the answer broke off: {}", causes(error)))
            }
            SdkError::ResponseError(_) => undecodable(&self.what(), &causes(error)),
            _ => SourceError::new(
                Reason::InvalidRequest,
                format!("{} could not be sent: {}", self.what(), causes(error)),
                "check the AWS settings (region, endpoint, profile)",
            ),
        }
    }

    fn what(&self) -> String {
        format!("{} in {}", self.action, self.region)
    }

    /// The service answered, and not with what was asked for.
    fn refused(
        &self,
        response: &HttpResponse,
        code: Option<&str>,
        message: Option<&str>,
    ) -> SourceError {
        let status = response.status().as_u16();
        let code = code.map(bare);
        let text = match (code, message) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, message) => format!("status {status} {}", message.unwrap_or_default()),
        };
        let text = text.trim_end();
        let what = format!("{} was refused: {text}", self.what());
        let failed = format!("{} failed: {text}", self.what());
        let code = code.unwrap_or_default();
        if UNAUTHORIZED.contains(&code) {
            return SourceError::new(
                Reason::Unauthorized,
                what,
                format!(
                    "renew or correct the credentials ({}); a wrong clock gives the same answer",
                    self.origin()
                ),
            );
        }
        if FORBIDDEN.contains(&code) {
            return self.forbidden(text);
        }
        if code.contains("Throttl")
            || matches!(
                code,
                "TooManyRequestsException" | "RequestLimitExceeded" | "LimitExceededException"
            )
        {
            return throttled(failed, response);
        }
        match Reason::of_status(status) {
            Some(Reason::Unauthorized) => SourceError::new(
                Reason::Unauthorized,
                what,
                format!("renew or correct the credentials ({})", self.origin()),
            ),
            Some(Reason::Forbidden) => self.forbidden(text),
            Some(Reason::Throttled) => throttled(failed, response),
            Some(reason @ (Reason::ServerError | Reason::Timeout)) => SourceError::new(
                reason,
                failed,
                "AWS has a problem, or what answers there is not AWS; it is tried again",
            ),
            Some(reason) => SourceError::new(
                reason,
                what,
                "check the endpoint and the region; if both are right, this is a bug of breakeven",
            ),
            None => undecodable(&self.what(), text),
        }
    }

    /// The call is not allowed.
    pub(in crate::sources) fn forbidden(&self, said: &str) -> SourceError {
        SourceError::new(
            Reason::Forbidden,
            format!("{} was refused: {said}", self.what()),
            match &self.credentials {
                CredentialsOf::Role(role) => format!("grant `{}` to {}", self.action, role.arn),
                _ => format!(
                    "grant `{}` to the role or user that breakeven runs as",
                    self.action
                ),
            },
        )
    }

    /// The role was not to be had: STS said why, or was not reached, or would not know who asks.
    fn without_role(&self, role: &Role, error: &CredentialsError) -> SourceError {
        let Some(refused) = cause::<SdkError<AssumeRoleError, HttpResponse>>(error) else {
            return self.without_credentials(&causes(error));
        };
        let asked = Self {
            action: "sts:AssumeRole",
            region: self.region.clone(),
            endpoint: "STS".into(),
            credentials: CredentialsOf::Chain,
        };
        let code = match refused {
            SdkError::ServiceError(answer) => answer.err().code(),
            _ => None,
        };
        if !code.is_some_and(|code| FORBIDDEN.contains(&code)) {
            return asked.explained(refused);
        }
        let said = refused.as_service_error().and_then(|error| error.message());
        let with = match &role.external_id {
            Some(_) => "the external id of the configuration",
            None => "no external id",
        };
        SourceError::new(
            Reason::Forbidden,
            format!(
                "sts:AssumeRole of {} was refused: {}",
                role.arn,
                said.unwrap_or("AccessDenied")
            ),
            format!(
                "let its trust policy name whom breakeven runs as, with {with}, and grant `sts:AssumeRole` on it there"
            ),
        )
    }

    fn without_credentials(&self, cause: &str) -> SourceError {
        SourceError::new(
            Reason::Unauthorized,
            format!("{}: no credentials: {cause}", self.what()),
            format!("give it some ({})", self.origin()),
        )
    }

    fn not_connected(&self, cause: &str) -> SourceError {
        SourceError::new(
            Reason::Connect,
            format!(
                "{} at {}: the connection failed: {cause}",
                self.what(),
                self.endpoint
            ),
            "check that the endpoint is right and can be reached from here (DNS, port 443, proxy, certificates)",
        )
    }

    fn too_slow(&self) -> SourceError {
        SourceError::new(
            Reason::Timeout,
            format!(
                "{} at {} was not answered in time",
                self.what(),
                self.endpoint
            ),
            "check that the endpoint can be reached from here, or raise the timeout",
        )
    }

    fn too_long(&self) -> SourceError {
        SourceError::new(
            Reason::InvalidResponse,
            format!(
                "{} at {} was answered with more than {MAX_RESPONSE} bytes, the most that is read",
                self.what(),
                self.endpoint
            ),
            "check that the endpoint is AWS and no proxy answers in its place; it is tried again",
        )
    }

    const fn origin(&self) -> &'static str {
        match self.credentials {
            CredentialsOf::Chain => CHAIN,
            CredentialsOf::Configuration => "they are given in the configuration",
            CredentialsOf::Role(_) => "they are of the role, and fetched anew before they expire",
        }
    }
}

/// The answer came whole, and makes no sense.
pub(in crate::sources) fn undecodable(what: &str, problem: &str) -> SourceError {
    SourceError::new(
        Reason::InvalidResponse,
        format!("{what} was answered with something that is not understood: {problem}"),
        "check that the endpoint is AWS and no proxy answers in its place; it is tried again",
    )
}

fn throttled(what: String, response: &HttpResponse) -> SourceError {
    let pause = response
        .headers()
        .get("retry-after")
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs);
    SourceError::new(
        Reason::Throttled,
        what,
        "it is tried again later; if this goes on, raise the interval or the quota of the account",
    )
    .retry_after(pause)
}

/// A code without its namespace (`com.amazon.coral.service#AccessDeniedException`) and without what
/// follows a colon.
fn bare(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code)
}

/// Whether the connection ended before the answer did.
fn is_incomplete_body(error: &(dyn Error + 'static)) -> bool {
    cause::<hyper::Error>(error).is_some() || cause::<std::io::Error>(error).is_some()
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn attempted() -> CallDescription {
        CallDescription {
            action: "lambda:ListFunctions",
            region: "eu-west-1".into(),
            endpoint: "https://lambda.eu-west-1.amazonaws.com".into(),
            credentials: CredentialsOf::Chain,
        }
    }

    fn answered(status: u16, code: Option<&str>, message: &str) -> SourceError {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        response.headers_mut().insert("retry-after", "7");
        let mut error = ErrorMetadata::builder().message(message);
        if let Some(code) = code {
            error = error.code(code);
        }
        attempted().failed(SdkError::service_error(error.build(), response))
    }

    #[test]
    fn every_answer_of_aws_has_its_reason() {
        for (status, code, reason) in [
            (403, Some("AccessDeniedException"), Reason::Forbidden),
            (
                400,
                Some("com.amazon.coral.service#AccessDeniedException"),
                Reason::Forbidden,
            ),
            (403, Some("ExpiredTokenException"), Reason::Unauthorized),
            (
                403,
                Some("UnrecognizedClientException"),
                Reason::Unauthorized,
            ),
            (
                403,
                Some("InvalidSignatureException:http://x/"),
                Reason::Unauthorized,
            ),
            (403, None, Reason::Forbidden),
            (400, Some("ThrottlingException"), Reason::Throttled),
            (400, Some("Throttling"), Reason::Throttled),
            (429, Some("TooManyRequestsException"), Reason::Throttled),
            (429, None, Reason::Throttled),
            (500, Some("InternalServiceFault"), Reason::ServerError),
            (503, None, Reason::ServerError),
            (504, None, Reason::Timeout),
            (400, Some("InvalidParameterValue"), Reason::InvalidRequest),
            (404, None, Reason::NotFound),
            (200, None, Reason::InvalidResponse),
        ] {
            assert_eq!(
                answered(status, code, "").reason(),
                reason,
                "{status} {code:?}"
            );
        }
    }

    #[test]
    fn a_missing_permission_is_named() {
        assert_eq!(
            answered(
                403,
                Some("AccessDeniedException"),
                "User: x is not authorized"
            )
            .to_string(),
            "lambda:ListFunctions in eu-west-1 was refused: AccessDeniedException: User: x is not authorized; \
             grant `lambda:ListFunctions` to the role or user that breakeven runs as"
        );
    }

    #[test]
    fn expired_credentials_say_where_they_come_from() {
        let text = answered(403, Some("ExpiredTokenException"), "The token is expired").to_string();
        assert!(
            text.contains(
                "renew or correct the credentials (environment (AWS_ACCESS_KEY_ID), profile"
            ),
            "{text}"
        );
    }

    #[test]
    fn the_pause_that_aws_asks_for_is_passed_on() {
        let error = answered(429, Some("TooManyRequestsException"), "Rate exceeded");
        assert_eq!(error.pause(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn missing_credentials_are_found_under_other_errors() {
        let cause = CredentialsError::not_loaded("no provider in chain provided credentials");
        let error: SdkError<ErrorMetadata, HttpResponse> = SdkError::construction_failure(cause);
        let error = attempted().failed(error);
        assert_eq!(error.reason(), Reason::Unauthorized);
        assert!(error.to_string().contains("instance metadata"), "{error}");
    }
}

//! Refusals of the AWS services.

use http::StatusCode;

/// An error answer, apart from the protocol it is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AwsError {
    pub(super) status: StatusCode,
    /// The error's shape name, what SDKs call the code.
    pub(super) code: &'static str,
    /// The code of the older Query protocol, where it differs.
    pub(super) query_code: &'static str,
    pub(super) message: String,
}

impl AwsError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            query_code: code,
            message: message.into(),
        }
    }

    /// A request that breaks a rule of the API.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationError", message)
    }

    /// A token that this service never gave out, or gave out for another request.
    pub(super) fn bad_token(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidNextToken", message)
    }

    /// A body that does not parse in the protocol it claims to be in.
    pub(super) fn serialization(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "SerializationException", message)
    }

    pub(super) fn unknown_operation(operation: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "UnknownOperationException",
            query_code: "InvalidAction",
            message: format!("The simulated cloud does not know the operation {operation}"),
        }
    }

    pub(super) fn missing_token() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "MissingAuthenticationTokenException",
            query_code: "MissingAuthenticationToken",
            message: "Request is missing Authentication Token".to_owned(),
        }
    }

    pub(super) fn incomplete_signature(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "IncompleteSignatureException",
            query_code: "IncompleteSignature",
            message: message.into(),
        }
    }

    pub(super) fn expired_token() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "ExpiredTokenException",
            query_code: "ExpiredToken",
            message: "The security token included in the request is expired".to_owned(),
        }
    }

    /// `caller` by ARN, `action` as an IAM policy names it, `resource` an ARN or `None` where the action
    /// has none.
    pub(super) fn access_denied(caller: &str, action: &str, resource: Option<&str>) -> Self {
        let on = resource
            .map(|arn| format!(" on resource: {arn}"))
            .unwrap_or_default();
        Self {
            status: StatusCode::FORBIDDEN,
            code: "AccessDeniedException",
            query_code: "AccessDenied",
            message: format!(
                "User: {caller} is not authorized to perform: {action}{on} because no identity-based \
                 policy allows the {action} action"
            ),
        }
    }
}

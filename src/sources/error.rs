//! Why a source could not answer.

use std::fmt;
use std::time::Duration;

use super::redaction::redact;

/// The closed set of reasons, as they stand in the `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nobody listens there, the name is unknown, TLS failed, or the connection broke.
    Connect,
    /// No answer in time.
    Timeout,
    /// The credentials are missing, wrong or expired.
    Unauthorized,
    /// The credentials are good, but lack a permission.
    Forbidden,
    /// The API or object does not exist.
    NotFound,
    /// The state asked for is no longer kept (Kubernetes' 410).
    Gone,
    /// Too many requests.
    Throttled,
    /// The other side failed.
    ServerError,
    /// The request was refused as wrong.
    InvalidRequest,
    /// The answer could not be understood.
    InvalidResponse,
    /// Part of the answer is missing.
    Incomplete,
}

impl Reason {
    /// As it stands in the `reason` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Gone => "gone",
            Self::Throttled => "throttled",
            Self::ServerError => "server_error",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidResponse => "invalid_response",
            Self::Incomplete => "incomplete",
        }
    }

    /// The reason that an HTTP status stands for; absent for a success.
    #[must_use]
    pub const fn of_status(status: u16) -> Option<Self> {
        match status {
            100..=399 => None,
            401 => Some(Self::Unauthorized),
            403 => Some(Self::Forbidden),
            404 => Some(Self::NotFound),
            408 | 504 => Some(Self::Timeout),
            410 => Some(Self::Gone),
            429 => Some(Self::Throttled),
            400..=499 => Some(Self::InvalidRequest),
            _ => Some(Self::ServerError),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A failure of a source: what was tried, what came back, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    reason: Reason,
    what: String,
    remedy: String,
    retry_after: Option<Duration>,
}

impl SourceError {
    /// `what` says what was tried and what came of it; `remedy` what the reader can do. What has the form of a secret
    /// is removed from `what`, which may repeat the response of a server.
    pub fn new(reason: Reason, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            reason,
            what: redact(&what.into()).into_owned(),
            remedy: remedy.into(),
            retry_after: None,
        }
    }

    /// The same error, with the pause that the other side asked for.
    #[must_use]
    pub const fn retry_after(mut self, pause: Option<Duration>) -> Self {
        self.retry_after = pause;
        self
    }

    /// Why, from the closed set.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The pause that the other side asked for.
    #[must_use]
    pub const fn pause(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.what, self.remedy)
    }
}

impl std::error::Error for SourceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_ends_with_what_to_do() {
        let error = SourceError::new(
            Reason::Forbidden,
            "listing functions in eu-west-1 was refused",
            "grant lambda:ListFunctions",
        );
        let text = error.to_string();
        assert_eq!(
            text,
            "listing functions in eu-west-1 was refused; grant lambda:ListFunctions"
        );
    }

    #[test]
    fn every_failure_status_has_a_reason_and_no_success_has() {
        for (status, reason) in [
            (200, None),
            (304, None),
            (401, Some(Reason::Unauthorized)),
            (403, Some(Reason::Forbidden)),
            (404, Some(Reason::NotFound)),
            (410, Some(Reason::Gone)),
            (422, Some(Reason::InvalidRequest)),
            (429, Some(Reason::Throttled)),
            (500, Some(Reason::ServerError)),
            (504, Some(Reason::Timeout)),
        ] {
            assert_eq!(Reason::of_status(status), reason, "{status}");
        }
    }
}

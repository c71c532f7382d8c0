//! Why a source could not answer.

use std::fmt;
use std::time::Duration;

use breakeven_model::inventory::Reason;

use super::redaction::redact;

/// How much of what a failure says is kept, in bytes: what the other side sent may be megabytes, and is logged and served. The
/// longest query that an error repeats has 4 KiB.
const MAX_DESCRIPTION: usize = 16 * 1_024;

/// A failure of a source: what was tried, what came back, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    reason: Reason,
    what: String,
    remedy: String,
    retry_after: Option<Duration>,
    is_logged: bool,
}

impl SourceError {
    /// `what` says what was tried and its result, without anything that has the form of a secret (it may repeat the response
    /// of a server), and is cut at 16 KiB; `remedy` what the reader can do.
    pub fn new(reason: Reason, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let mut what = redact(&what.into()).into_owned();
        if what.len() > MAX_DESCRIPTION {
            what.truncate(what.floor_char_boundary(MAX_DESCRIPTION));
            what.push('…');
        }
        Self {
            reason,
            what,
            remedy: remedy.into(),
            retry_after: None,
            is_logged: false,
        }
    }

    /// The same error, with the pause that the other side asked for.
    #[must_use]
    pub const fn retry_after(mut self, pause: Option<Duration>) -> Self {
        self.retry_after = pause;
        self
    }

    /// The same error, of an outage that has been logged for all sources that it concerns.
    #[must_use]
    pub(super) const fn already_logged(mut self) -> Self {
        self.is_logged = true;
        self
    }

    /// Whether the outage that it is part of has been logged.
    #[must_use]
    pub const fn is_logged(&self) -> bool {
        self.is_logged
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
    fn an_error_of_megabytes_is_cut() {
        let error = SourceError::new(Reason::ServerError, "é".repeat(1_000_000), "try again");
        let text = error.to_string();
        assert!(text.len() < MAX_DESCRIPTION + 20, "{} bytes", text.len());
        assert!(text.ends_with("é…; try again"));
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

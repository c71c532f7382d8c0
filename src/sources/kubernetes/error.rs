//! Errors of the Kubernetes client, with their reason and what to do.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use kube::client::AuthError;
use kube::core::Status;

use crate::sources::error_chain::{cause, chain};
use crate::sources::redaction::KnownSecrets;
use crate::sources::{Reason, SourceError};

/// The longest pause that a server can ask for. One that asks for a day is asked again all the same.
const MAX_REQUESTED_PAUSE: Duration = Duration::from_secs(300);

/// How much of a foreign text an error shows: a proxy may answer with a whole page.
const MAX_TEXT: usize = 300;

/// What was tried, for the text of its failure.
#[derive(Clone, Copy, Debug)]
pub(in crate::sources) struct Attempt<'a> {
    /// The verb of the API: `list` or `watch`.
    pub(in crate::sources) verb: &'a str,
    /// What it was to be done on, with its API group: `nodes`, `replicasets.apps`.
    pub(in crate::sources) resource: &'a str,
    /// The address of the API server.
    pub(in crate::sources) url: &'a str,
    /// All verbs that are needed on it.
    pub(in crate::sources) verbs: &'a str,
    /// What the client sends to prove who it is, which a server or a proxy may repeat in an error.
    pub(in crate::sources) secrets: &'a KnownSecrets,
}

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            resource,
            url,
            ..
        } = self;
        write!(formatter, "cannot {verb} {resource} at {url}")
    }
}

impl Attempt<'_> {
    /// The failure that an error of the client stands for.
    pub(in crate::sources) fn failed(&self, error: &kube::Error) -> SourceError {
        match error {
            kube::Error::Api(status) => self.refused(status),
            kube::Error::SerdeError(why) => self.not_understood(why),
            kube::Error::FromUtf8(why) => self.not_understood(why),
            _ if is_of_credentials(error) => self.failure(
                Reason::Unauthorized,
                message_of(error),
                "check the credentials in the kubeconfig and the program that it runs for them",
            ),
            _ if is_io(error, io::ErrorKind::TimedOut) => self.timed_out(&message_of(error)),
            // Lines that are no text.
            _ if is_io(error, io::ErrorKind::InvalidData) => self.not_understood(message_of(error)),
            _ => self.broken(&message_of(error)),
        }
    }

    /// The answer is an error of the API server.
    pub(in crate::sources) fn refused(&self, status: &Status) -> SourceError {
        self.answered(status, self.remedy(reason(status)))
    }

    /// The answer is an error of the API server, and this is what can be done.
    pub(in crate::sources) fn answered(
        &self,
        status: &Status,
        remedy: impl Into<String>,
    ) -> SourceError {
        let message = self.secrets.redact(&one_line(&status.message));
        let what = match (status.code, message.as_str()) {
            (0, message) => format!("{self}: {message}"),
            (code, "") => format!("{self}: it answered {code}"),
            (code, message) => format!("{self}: it answered {code}, {message}"),
        };
        let pause = status
            .details
            .as_ref()
            .map(|details| details.retry_after_seconds)
            .filter(|seconds| *seconds > 0)
            .map(|seconds| Duration::from_secs(seconds.into()).min(MAX_REQUESTED_PAUSE));
        SourceError::new(reason(status), what, remedy).retry_after(pause)
    }

    /// The answer is not what it should be.
    pub(in crate::sources) fn not_understood(&self, why: impl fmt::Display) -> SourceError {
        self.failure(
            Reason::InvalidResponse,
            format!("the answer is not understood: {}", one_line(&why.to_string())),
            "check that the address is that of a Kubernetes API server, and that no proxy answers for it",
        )
    }

    /// There are more objects than can be kept.
    pub(in crate::sources) fn too_much(&self, why: impl fmt::Display) -> SourceError {
        self.failure(
            Reason::InvalidResponse,
            why.to_string(),
            "look for what creates objects without an end; larger clusters cannot be read",
        )
    }

    /// There was no answer in time.
    pub(in crate::sources) fn timed_out(&self, how: &str) -> SourceError {
        self.failure(
            Reason::Timeout,
            how.to_owned(),
            self.remedy(Reason::Timeout),
        )
    }

    /// The connection could not be made, or broke.
    pub(in crate::sources) fn broken(&self, how: &str) -> SourceError {
        self.failure(
            Reason::Connect,
            how.to_owned(),
            self.remedy(Reason::Connect),
        )
    }

    fn failure(&self, reason: Reason, how: String, remedy: impl Into<String>) -> SourceError {
        let how = self.secrets.redact(&how);
        SourceError::new(reason, format!("{self}: {how}"), remedy)
    }

    fn remedy(&self, reason: Reason) -> String {
        match reason {
            Reason::Unauthorized => {
                "check the token or the certificate: it is missing, wrong or expired".to_owned()
            }
            Reason::Forbidden => {
                format!(
                    "grant {} on {} to the service account",
                    self.verbs, self.resource
                )
            }
            Reason::NotFound => {
                "check that the address is that of a Kubernetes API server which has this API"
                    .to_owned()
            }
            Reason::Gone => "nothing needs to be done: it is listed again".to_owned(),
            Reason::Throttled => {
                "nothing needs to be done: it is tried again after the pause that was asked for"
                    .to_owned()
            }
            Reason::Timeout | Reason::Connect => {
                "check that the API server is up and reachable from here".to_owned()
            }
            _ => "look at the API server's own log; it is tried again".to_owned(),
        }
    }
}

fn reason(status: &Status) -> Reason {
    Reason::of_status(status.code).unwrap_or(Reason::ServerError)
}

/// An error with its causes, each said once.
pub(in crate::sources) fn message_of(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    for cause in chain(error).skip(1) {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
    }
    one_line(&text)
}

/// Whether there are no valid credentials, so that no request was sent. kube returns such an error as
/// `kube::Error::Auth` when it makes a client, and as `kube::Error::Service` when a request needs new credentials.
pub(in crate::sources) fn is_of_credentials(error: &kube::Error) -> bool {
    cause::<AuthError>(error).is_some()
}

/// Whether an error of the operating system of this kind is behind it.
fn is_io(error: &(dyn StdError + 'static), kind: io::ErrorKind) -> bool {
    chain(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|found| found.kind() == kind)
}

fn one_line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_TEXT) {
        line.truncate(end);
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use kube::core::response::StatusDetails;

    use super::*;

    const LIST: Attempt<'_> = Attempt {
        verb: "list",
        resource: "nodes",
        url: "https://10.0.0.1",
        verbs: "list and watch",
        secrets: &KnownSecrets::none(),
    };

    fn answered(code: u16, message: &str) -> SourceError {
        let status = Status::failure(message, "Some").with_code(code);
        LIST.failed(&kube::Error::Api(status.boxed()))
    }

    #[test]
    fn a_token_that_a_server_repeats_is_not_shown() {
        let mut secrets = KnownSecrets::none();
        secrets.add("opaque-token-of-a-kubeconfig");
        let attempt = Attempt {
            secrets: &secrets,
            ..LIST
        };
        let message = "user opaque-token-of-a-kubeconfig is unknown";
        let status = Status::failure(message, "Some").with_code(401);
        let error = attempt.failed(&kube::Error::Api(status.boxed()));
        assert!(
            error.to_string().contains("user <redacted> is unknown"),
            "{error}"
        );
    }

    #[test]
    fn each_answer_has_its_reason_and_what_to_do() {
        for (code, message, reason, text) in [
            (
                401,
                "Unauthorized",
                Reason::Unauthorized,
                "cannot list nodes at https://10.0.0.1: it answered 401, Unauthorized; \
                 check the token or the certificate: it is missing, wrong or expired",
            ),
            (
                403,
                "nodes is forbidden",
                Reason::Forbidden,
                "cannot list nodes at https://10.0.0.1: it answered 403, nodes is forbidden; \
                 grant list and watch on nodes to the service account",
            ),
            (
                404,
                "",
                Reason::NotFound,
                "cannot list nodes at https://10.0.0.1: it answered 404; \
                 check that the address is that of a Kubernetes API server which has this API",
            ),
            (
                410,
                "too old resource version",
                Reason::Gone,
                "cannot list nodes at https://10.0.0.1: it answered 410, too old resource version; \
                 nothing needs to be done: it is listed again",
            ),
            (
                429,
                "too many requests",
                Reason::Throttled,
                "cannot list nodes at https://10.0.0.1: it answered 429, too many requests; \
                 nothing needs to be done: it is tried again after the pause that was asked for",
            ),
            (
                500,
                "etcd\n is\tdown",
                Reason::ServerError,
                "cannot list nodes at https://10.0.0.1: it answered 500, etcd is down; \
                 look at the API server's own log; it is tried again",
            ),
        ] {
            let error = answered(code, message);
            assert_eq!((error.reason(), &*error.to_string()), (reason, text));
        }
    }

    #[test]
    fn the_pause_that_the_server_asks_for_is_handed_on() {
        let details = serde_json::from_str::<StatusDetails>(r#"{"retryAfterSeconds": 7}"#).unwrap();
        let status = Status::failure("slow down", "TooManyRequests")
            .with_code(429)
            .with_details(details);
        assert_eq!(LIST.refused(&status).pause(), Some(Duration::from_secs(7)));
        assert_eq!(answered(429, "slow down").pause(), None);
    }

    #[test]
    fn a_page_of_a_proxy_is_shown_in_part() {
        let text = answered(502, &"<html>é ".repeat(1_000)).to_string();
        assert!(text.len() < 600, "{text}");
    }

    #[test]
    fn what_went_wrong_on_the_way_is_told_from_what_took_too_long() {
        for (kind, reason) in [
            (io::ErrorKind::TimedOut, Reason::Timeout),
            (io::ErrorKind::InvalidData, Reason::InvalidResponse),
            (io::ErrorKind::ConnectionRefused, Reason::Connect),
        ] {
            let error = kube::Error::Service(Box::new(io::Error::from(kind)));
            assert_eq!(LIST.failed(&error).reason(), reason);
        }
        let failed_program = || AuthError::AuthExec("exit status 1".to_owned());
        for error in [
            kube::Error::Auth(failed_program()),
            kube::Error::Service(Box::new(failed_program())),
        ] {
            let error = LIST.failed(&error);
            assert_eq!(error.reason(), Reason::Unauthorized);
            assert!(
                error
                    .to_string()
                    .contains("; check the credentials in the kubeconfig")
            );
        }
        let garbage = serde_json::from_str::<Status>("<html>").unwrap_err();
        let error = LIST.failed(&kube::Error::SerdeError(garbage));
        assert_eq!(error.reason(), Reason::InvalidResponse);
    }
}

//! Requests to the API server, with limits on what it answers.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use kube::client::Body;
use kube::core::Status;

use super::error::{Attempt, is_of_credentials, message_of};
use super::limits::MAX_ERROR;
use super::reachability::Reachability;
use crate::sources::SourceError;
use crate::sources::body::{BodyError, pieces};
use crate::sources::error_chain::causes;
use crate::sources::redaction::KnownSecrets;

/// An API server that can be asked.
#[derive(Clone)]
pub(in crate::sources) struct Server {
    pub(in crate::sources) client: kube::Client,
    /// Its address, for errors.
    pub(in crate::sources) url: Arc<str>,
    /// What the client sends to prove who it is.
    pub(in crate::sources) secrets: Arc<KnownSecrets>,
    pub(super) reachability: Arc<Reachability>,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut server = formatter.debug_struct("Server");
        server.field("url", &self.url).finish_non_exhaustive()
    }
}

/// Why a request has no answer to read.
#[derive(Debug)]
pub(in crate::sources) enum RequestError {
    /// The answer is an error.
    Refused(Box<Status>),
    /// There is no answer, which is logged.
    Unanswered(SourceError),
}

impl RequestError {
    /// The failure of this attempt.
    pub(in crate::sources) fn of(self, attempt: &Attempt<'_>) -> SourceError {
        match self {
            Self::Refused(status) => attempt.refused(&status),
            Self::Unanswered(error) => error,
        }
    }
}

impl Server {
    /// Sends a request; the body of the answer is not read yet.
    pub(in crate::sources) async fn send(
        &self,
        attempt: &Attempt<'_>,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Body>, RequestError> {
        let response = match self.client.send(request.map(Body::from)).await {
            Ok(response) => response,
            Err(why) if is_of_credentials(&why) => {
                self.reachability.suspect();
                return Err(RequestError::Unanswered(attempt.failed(&why)));
            }
            Err(why) => {
                self.reachability.lost(&message_of(&why));
                let error = attempt.failed(&why).already_logged();
                return Err(RequestError::Unanswered(error));
            }
        };
        self.reachability.found();
        if response.status() == StatusCode::UNAUTHORIZED {
            self.reachability.suspect();
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let status = refusal(body).await.with_code(head.status.as_u16());
        Err(RequestError::Refused(status.boxed()))
    }

    /// Sends a request and reads the whole answer, up to `max` bytes.
    pub(in crate::sources) async fn read(
        &self,
        attempt: &Attempt<'_>,
        request: Request<Vec<u8>>,
        max: usize,
    ) -> Result<Vec<u8>, RequestError> {
        let response = self.send(attempt, request).await?;
        let mut content = Vec::new();
        let read = pieces(response.into_body(), max, |piece| {
            content.extend_from_slice(piece);
            Ok::<(), Infallible>(())
        });
        match read.await {
            Ok(()) => Ok(content),
            Err(cut) => Err(RequestError::Unanswered(attempt.cut(cut, max))),
        }
    }
}

impl Attempt<'_> {
    /// The body of the answer was not read to its end.
    pub(in crate::sources) fn cut(
        &self,
        cut: BodyError<kube::Error, Infallible>,
        max: usize,
    ) -> SourceError {
        match cut {
            BodyError::Broken(why) => self.broken(&causes(&why)),
            BodyError::TooLong => self.not_understood(format!("it is longer than {max} bytes")),
            BodyError::Refused(never) => match never {},
        }
    }
}

/// What an error says. One that is longer is cut, and so is one that breaks off: the status alone says what went wrong.
async fn refusal(body: Body) -> Status {
    let mut text = Vec::new();
    let _ = pieces(body, MAX_ERROR, |piece| {
        text.extend_from_slice(piece);
        Ok::<(), Infallible>(())
    })
    .await;
    serde_json::from_slice(&text)
        .unwrap_or_else(|_| Status::failure(&String::from_utf8_lossy(&text), ""))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sources::Reason;
    use crate::sources::kubernetes::{Access, Connection};

    /// A program whose credentials have expired when it prints them; the second time it fails.
    const PROGRAM: &str = r#"
if [ -e "$0.used" ]; then echo "the session has ended" >&2; exit 1; fi
touch "$0.used"
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
  "status": {"token": "first", "expirationTimestamp": "2020-01-01T00:00:00Z"}}'
"#;

    #[tokio::test]
    async fn a_program_for_credentials_that_fails_is_no_outage_of_the_server() {
        let directory = tempfile::tempdir().unwrap();
        let [path, program] = ["config", "program"].map(|name| directory.path().join(name));
        std::fs::write(&program, PROGRAM).unwrap();
        let exec = serde_json::json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": [program],
            "interactiveMode": "Never",
        });
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "one",
            "clusters": [{"name": "one", "cluster": {"server": "http://127.0.0.1:1"}}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "users": [{"name": "one", "user": {"exec": exec}}],
        });
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        let access = Access::Kubeconfig {
            path: Some(path),
            context: None,
        };
        let connection = Connection::new(access, Duration::from_secs(1));
        let server = connection.server().await.unwrap();
        let attempt = Attempt {
            verb: "list",
            resource: "nodes",
            url: &server.url,
            verbs: "list",
            secrets: &server.secrets,
        };
        let request = Request::get("/api/v1/nodes").body(Vec::new()).unwrap();
        let Err(RequestError::Unanswered(error)) = server.send(&attempt, request).await else {
            panic!("it is answered");
        };
        assert_eq!(error.reason(), Reason::Unauthorized, "{error}");
        assert!(
            error
                .to_string()
                .contains("; check the credentials in the kubeconfig"),
            "{error}"
        );
        assert!(!error.is_logged());
        assert!(server.reachability.take_suspected());
    }
}

//! Requests to the API server, with limits on what it answers.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use kube::client::Body;
use kube::core::Status;

use super::failure::{Attempt, told};
use super::limits::MAX_ERROR;
use super::reachability::Reachability;
use crate::sources::SourceError;
use crate::sources::body::{Cut, pieces};
use crate::sources::causes::causes;

/// An API server that can be asked.
#[derive(Clone)]
pub(in crate::sources) struct Server {
    pub(in crate::sources) client: kube::Client,
    /// Its address, for errors.
    pub(in crate::sources) url: Arc<str>,
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
pub(in crate::sources) enum Failure {
    /// The answer is an error.
    Refused(Box<Status>),
    /// There is no answer, which is logged.
    Unanswered(SourceError),
}

impl Failure {
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
    ) -> Result<Response<Body>, Failure> {
        let response = match self.client.send(request.map(Body::from)).await {
            Ok(response) => response,
            Err(why) if matches!(why, kube::Error::Auth(_)) => {
                self.reachability.suspect();
                return Err(Failure::Unanswered(attempt.failed(&why)));
            }
            Err(why) => {
                self.reachability.lost(&told(&why));
                let error = attempt.failed(&why).already_logged();
                return Err(Failure::Unanswered(error));
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
        Err(Failure::Refused(status.boxed()))
    }

    /// Sends a request and reads the whole answer, up to `max` bytes.
    pub(in crate::sources) async fn read(
        &self,
        attempt: &Attempt<'_>,
        request: Request<Vec<u8>>,
        max: usize,
    ) -> Result<Vec<u8>, Failure> {
        let response = self.send(attempt, request).await?;
        let mut content = Vec::new();
        let read = pieces(response.into_body(), max, |piece| {
            content.extend_from_slice(piece);
            Ok::<(), Infallible>(())
        });
        match read.await {
            Ok(()) => Ok(content),
            Err(cut) => Err(Failure::Unanswered(attempt.cut(cut, max))),
        }
    }
}

impl Attempt<'_> {
    /// The body of the answer was not read to its end.
    pub(in crate::sources) fn cut(
        &self,
        cut: Cut<kube::Error, Infallible>,
        max: usize,
    ) -> SourceError {
        match cut {
            Cut::Broken(why) => self.broken(&causes(&why)),
            Cut::TooLong => self.not_understood(format!("it is longer than {max} bytes")),
            Cut::Refused(never) => match never {},
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

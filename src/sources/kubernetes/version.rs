//! Which version of Kubernetes the API server runs: what EKS charges for the control plane depends on it.

use http::Request;
use jiff::Timestamp;
use serde::Deserialize;

use super::{Attempt, Connection};
use crate::sources::{Poll, Source, SourceError};
use breakeven_model::inventory::Observation;

const PATH: &str = "/version";

/// The longest answer that is read, in bytes: a dozen short strings.
const MAX_ANSWER: usize = 64 << 10;

/// The API server of one cluster, asked for its version.
#[derive(Clone, Debug)]
pub struct VersionApi {
    connection: Connection,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

impl VersionApi {
    /// The server behind `connection`.
    #[must_use]
    pub const fn new(connection: Connection) -> Self {
        Self { connection }
    }
}

impl Poll for VersionApi {
    fn source(&self) -> Source {
        Source::ControlPlane
    }

    async fn poll(&mut self, _now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let server = self.connection.server().await?;
        let attempt = Attempt {
            verb: "get",
            resource: PATH,
            url: &server.url,
            verbs: "get",
            secrets: &server.secrets,
        };
        let request = Request::get(PATH)
            .body(Vec::new())
            .map_err(|why| attempt.not_understood(why))?;
        let answer = server.read(&attempt, request, MAX_ANSWER).await;
        let answer = answer.map_err(|failure| failure.of(&attempt))?;
        let version: Version =
            serde_json::from_slice(&answer).map_err(|why| attempt.not_understood(why))?;
        Ok(vec![Observation::ControlPlane(version.git_version.into())])
    }
}

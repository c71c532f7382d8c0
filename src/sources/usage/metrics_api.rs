//! What pods use now, asked of metrics.k8s.io.
//!
//! metrics-server serves that API, and so do a few others. Where it is missing, costs are split by what
//! pods request, and nothing can be said of a workload's utilisation or of what it would cost on Lambda.

mod convert;

use jiff::Timestamp;
use kube::api::{ListParams, Request};
use tokio::time::Instant;
use tracing::warn;

use self::convert::{PodMetrics, PodUsages};
use crate::sources::kubernetes::{
    Attempt, Connection, ConversionError, ListProgress, MAX_KEPT_USAGE, Overflow, PageReader,
    RequestError, discarded,
};
use crate::sources::log_limit::LogLimit;
use crate::sources::{Poll, Reason, Source, SourceError, SourceStatuses};
use breakeven_model::inventory::{Observation, Usage};

const PATH: &str = "/apis/metrics.k8s.io/v1beta1/pods";
const RESOURCE: &str = "pods.metrics.k8s.io";
/// How many pods are asked for at once; metrics-server answers with all of them whatever is asked.
const PAGE_SIZE: u32 = 500;

/// The metrics API of one cluster.
#[derive(Clone, Debug)]
pub struct MetricsApi {
    connection: Connection,
    statuses: SourceStatuses,
    log_limit: LogLimit,
}

impl MetricsApi {
    /// The API behind `connection`; entries that cannot be understood are counted on `board`.
    #[must_use]
    pub fn new(connection: Connection, statuses: SourceStatuses) -> Self {
        Self {
            connection,
            statuses,
            log_limit: LogLimit::default(),
        }
    }

    async fn pods(&mut self) -> Result<PodUsages, SourceError> {
        let server = self.connection.server().await?;
        let attempt = Attempt {
            verb: "list",
            resource: RESOURCE,
            url: &server.url,
            verbs: "get and list",
            secrets: &server.secrets,
        };
        let mut params = ListParams::default().limit(PAGE_SIZE);
        let mut progress = ListProgress::new();
        let mut pods = PodUsages::default();
        loop {
            let request = Request::new(PATH)
                .list(&params)
                .map_err(|why| attempt.failed(&kube::Error::BuildRequest(why)))?;
            let response = server.send(&attempt, request).await;
            let response = response.map_err(|failure| refusal(attempt, failure))?;
            let mut reader = PageReader::<PodMetrics>::new(response.into_body());
            while let Some(part) = reader.next(&attempt).await? {
                progress
                    .count(part.objects.len(), part.discarded)
                    .map_err(|why| attempt.not_understood(why))?;
                if part.discarded > 0 {
                    self.discard(&discarded(RESOURCE, &part.why), part.discarded);
                }
                for pod in part.objects {
                    if let Err(problem) = pods.add(pod) {
                        self.discard(&not_understood(&problem), 1);
                    }
                }
                if pods.bytes() > MAX_KEPT_USAGE {
                    return Err(attempt.too_much(Overflow::Memory(MAX_KEPT_USAGE)));
                }
            }
            let page = reader.finish(&attempt)?;
            if page.kind != "PodMetricsList" {
                let why = format!("a {} instead of a PodMetricsList", page.kind);
                return Err(attempt.not_understood(why));
            }
            if page.metadata.continue_token.is_empty() {
                return Ok(pods);
            }
            progress
                .next_page(&page.metadata.continue_token)
                .map_err(|why| attempt.not_understood(why))?;
            params.continue_token = Some(page.metadata.continue_token);
        }
    }

    /// Counts pods that were left out, and logs the first of them.
    fn discard(&mut self, error: &SourceError, count: usize) {
        if let Some(suppressed) = self.log_limit.admit(Instant::now()) {
            warn!(source = "usage", %error, count, suppressed, "usage not understood");
        }
        for _ in 0..count {
            self.statuses.counted(Source::Usage, error);
        }
    }
}

fn not_understood(problem: &ConversionError) -> SourceError {
    SourceError::new(
        Reason::InvalidResponse,
        problem.to_string(),
        "look at what serves metrics.k8s.io: the pod counts as one whose usage is not known",
    )
}

impl Poll for MetricsApi {
    fn source(&self) -> Source {
        Source::Usage
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let pods = self.pods().await?.pods;
        Ok(vec![Observation::Usage(Usage {
            at: now,
            pods,
            counted: Vec::new(),
        })])
    }
}

/// The failure of a request. An API that is missing or not available is often just that.
fn refusal(attempt: Attempt<'_>, failure: RequestError) -> SourceError {
    let status = match failure {
        RequestError::Refused(status) => status,
        RequestError::Unanswered(error) => return error,
    };
    let first = match status.code {
        404 => "install metrics-server, or another that serves metrics.k8s.io",
        503 => "look at the APIService v1beta1.metrics.k8s.io and at metrics-server",
        _ => return attempt.refused(&status),
    };
    attempt.answered(
        &status,
        format!("{first}; costs are split by requests alone until then"),
    )
}

//! One scrape: a GET with limits on time and size.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, USER_AGENT};
use http::{Request, Uri};
use http_body_util::Empty;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::text::{LineError, Reader, Series};
use crate::sources::body::{BodyError, pieces};
use crate::sources::error_chain::causes;

/// Both formats; breakeven decompresses nothing, so that no small answer can become a large one.
const FORMATS: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

/// Why a pod could not be scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScrapeError {
    /// As it is counted.
    pub(super) reason: &'static str,
    /// In words.
    pub(super) text: String,
}

impl ScrapeError {
    pub(super) fn new(reason: &'static str, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
        }
    }
}

/// What a body holds of the wanted metrics, and what of them could not be read.
pub(super) type Body = (Vec<Series>, Vec<LineError>);

/// Scrapes pods.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: HyperClient<HttpConnector, Empty<Bytes>>,
    timeout: Duration,
    longest: usize,
}

impl Client {
    pub(super) fn new(timeout: Duration, longest: usize) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeout));
        let mut http = HyperClient::builder(TokioExecutor::new());
        http.pool_max_idle_per_host(1);
        Self {
            http: http.build(connector),
            timeout,
            longest,
        }
    }

    pub(super) async fn scrape(&self, url: &str, wanted: &[&str]) -> Result<Body, ScrapeError> {
        let scrape = tokio::time::timeout(self.timeout, self.read(url, wanted));
        scrape.await.unwrap_or_else(|_| {
            let waited = format!("no whole answer within {} s", self.timeout.as_secs_f64());
            Err(ScrapeError::new("scrape_timeout", waited))
        })
    }

    async fn read(&self, url: &str, wanted: &[&str]) -> Result<Body, ScrapeError> {
        let broken = |problem: String| ScrapeError::new("scrape_connect", problem);
        let uri: Uri = url
            .parse()
            .map_err(|error| broken(format!("{url:?} is no address: {error}")))?;
        let request = Request::get(uri)
            .header(ACCEPT, FORMATS)
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, crate::sources::USER_AGENT)
            .body(Empty::new())
            .map_err(|error| broken(error.to_string()))?;
        let response = self.http.request(request).await;
        let response = response.map_err(|error| broken(causes(&error)))?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(ScrapeError::new(
                "scrape_status",
                format!("it answered {status}"),
            ));
        }
        if let Some(encoding) = response.headers().get(CONTENT_ENCODING)
            && encoding != "identity"
        {
            let text =
                format!("it answered with the encoding {encoding:?}, which was not asked for");
            return Err(ScrapeError::new("scrape_encoding", text));
        }
        let mut reader = Reader::new(wanted);
        let too_many = |_| ScrapeError::new("scrape_too_many_series", "it has too many series");
        pieces(response.into_body(), self.longest, |piece| {
            reader.push(piece)
        })
        .await
        .map_err(|cut| match cut {
            BodyError::Broken(error) => broken(causes(&error)),
            BodyError::TooLong => ScrapeError::new(
                "scrape_too_long",
                format!("it answered with more than {} bytes", self.longest),
            ),
            BodyError::Refused(refused) => too_many(refused),
        })?;
        reader.finish().map_err(too_many)
    }
}

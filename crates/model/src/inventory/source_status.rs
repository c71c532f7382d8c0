//! The status of each source: up or not, since when, and why not.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// The sources, as they stand in the `source` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Nodes, pods and their owners, from the Kubernetes API.
    Kubernetes,
    /// What pods use, from metrics.k8s.io.
    Usage,
    /// The functions, from the Lambda API.
    Lambda,
    /// What the functions did, from CloudWatch.
    CloudWatch,
    /// Requests of the cluster's workloads, from Prometheus.
    Requests,
    /// Requests of the cluster's workloads, from their pods.
    Scrape,
    /// Requests that AWS counts before the cluster, from CloudWatch.
    Edge,
    /// The version that the API server runs, from itself.
    ControlPlane,
    /// Prices on demand, from the AWS Price List.
    PriceList,
    /// Prices of spare capacity, from EC2.
    Spot,
    /// Prices of machines, from Azure's retail prices.
    AzureRetail,
    /// What AWS bills for Lambda, from Cost Explorer.
    Bill,
}

impl Source {
    /// All sources, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Kubernetes,
        Self::Usage,
        Self::ControlPlane,
        Self::Lambda,
        Self::CloudWatch,
        Self::Requests,
        Self::Scrape,
        Self::Edge,
        Self::PriceList,
        Self::Spot,
        Self::AzureRetail,
        Self::Bill,
    ];

    /// As it stands in the `source` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Usage => "usage",
            Self::Lambda => "lambda",
            Self::CloudWatch => "cloudwatch",
            Self::Requests => "requests",
            Self::Scrape => "scrape",
            Self::Edge => "edge",
            Self::ControlPlane => "control_plane",
            Self::PriceList => "price_list",
            Self::Spot => "spot",
            Self::AzureRetail => "azure_retail",
            Self::Bill => "bill",
        }
    }
}

/// A source, and which of the accounts and regions it reads where there are several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    /// What is read.
    pub source: Source,
    /// Where, as the configuration has it; absent for a source that there is once.
    pub reader: Option<Arc<str>>,
}

impl From<Source> for SourceId {
    fn from(source: Source) -> Self {
        Self {
            source,
            reader: None,
        }
    }
}

/// `lambda`, or `lambda of payments in eu-west-1`.
impl fmt::Display for SourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.source.as_str())?;
        match &self.reader {
            Some(reader) => write!(formatter, " of {reader}"),
            None => Ok(()),
        }
    }
}

/// The account and region that a source reads, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceLocation {
    /// The account.
    pub account_id: Option<Arc<str>>,
    /// The region.
    pub region: Option<Arc<str>>,
}

/// Facts that a source does without, each with the reason why it is not to be had.
pub type MissingAttributes = BTreeMap<&'static str, String>;

/// What is known of one source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceStatus {
    /// What it reads.
    pub site: SourceLocation,
    /// Whether the last attempt succeeded; absent before the first has ended.
    pub up: Option<bool>,
    /// When it last succeeded.
    pub last_success: Option<Timestamp>,
    /// How long the last attempt took.
    pub last_duration: Option<Duration>,
    /// Failures so far, by reason.
    pub errors: BTreeMap<Reason, u64>,
    /// The text of the last failure, until it succeeds again.
    pub last_error: Option<String>,
    /// What it does without, by what that is, and why.
    pub missing_attributes: MissingAttributes,
    /// What it received and left out so far, by reason.
    pub discarded: BTreeMap<&'static str, u64>,
}

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
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::Connect,
        Self::Timeout,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Gone,
        Self::Throttled,
        Self::ServerError,
        Self::InvalidRequest,
        Self::InvalidResponse,
        Self::Incomplete,
    ];

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

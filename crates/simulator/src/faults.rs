//! Faults: what can go wrong with a service, switched on and off while the cloud runs.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::aws::{self, Caller, RequestError};
use super::route::{Part, Route};
use super::server::{Body, full};
use super::world::World;
use super::{azure, kube, prometheus};

/// The services that can fail, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// The Kubernetes API server.
    Kubernetes,
    /// metrics.k8s.io behind it.
    MetricsApi,
    /// CloudWatch.
    #[serde(rename = "cloudwatch")]
    CloudWatch,
    /// The Lambda API.
    Lambda,
    /// The security token service.
    Sts,
    /// The Resource Groups Tagging API.
    Tagging,
    /// Cost Explorer.
    CostExplorer,
    /// The Price List.
    Pricing,
    /// EC2, which has spot prices.
    Ec2,
    /// Azure's retail prices.
    AzureRetail,
    /// Prometheus.
    Prometheus,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The right answer, late.
    Latency {
        /// Milliseconds of the wall.
        millis: u64,
    },
    /// No answer, and the connection stays open.
    Hang,
    /// An error of this status, in the form that the service gives its errors.
    Status {
        /// The HTTP status.
        code: u16,
        /// The value of `Retry-After`, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// Status 200 and the right content type, and a body that is nothing of the kind.
    Garbage,
    /// The first half of the answer, then the connection closes.
    Truncate,
    /// The connection closes without an answer; watches that are open end at once.
    Cut,
    /// The service's own way of saying that it is asked too often.
    Throttle,
    /// 410 for lists; an ERROR event with code 410 for watches, also for those that are open.
    Gone,
    /// The credentials are not known.
    Unauthorized,
    /// The credentials were good once; AWS says so, the others as for `Unauthorized`.
    Expired,
    /// The credentials do not suffice.
    Forbidden,
    /// The clock of the service is so many seconds ahead of the wall's, or behind: AWS refuses requests
    /// whose signature is more than five minutes off, and says its time in the header `Date`.
    ClockSkew {
        /// Seconds ahead.
        seconds: i64,
    },
    /// Each page of an answer leads to itself as the next; of Azure's retail prices alone.
    Endless,
    /// One result of GetMetricData is so, the rest of the answer as it should be.
    Result(ResultFault),
}

/// What goes wrong with one result of GetMetricData.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultFault {
    /// Its `StatusCode`.
    pub status: ResultStatus,
    /// Only results for this function, the value of their dimension `FunctionName`; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Whether there is a `NextToken` with which the rest of the result can be asked for again; never
    /// for a forbidden one.
    #[serde(default = "yes")]
    pub token: bool,
}

/// The `StatusCode` of a result that is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResultStatus {
    /// The first half of the points.
    PartialData,
    /// No points.
    InternalError,
    /// No points, and none to be had.
    Forbidden,
}

impl ResultStatus {
    /// As CloudWatch writes it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::PartialData => "PartialData",
            Self::InternalError => "InternalError",
            Self::Forbidden => "Forbidden",
        }
    }
}

fn yes() -> bool {
    true
}

/// A fault, and the requests that it befalls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The service.
    pub endpoint: Endpoint,
    /// What goes wrong.
    pub fault: Fault,
    /// How many requests are left to go wrong; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Only requests whose path and query contain this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only requests that are signed for this AWS region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Only requests with credentials of this AWS account, or for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl FaultRule {
    /// The fault befalls every request to the endpoint.
    #[must_use]
    pub fn always(endpoint: Endpoint, fault: Fault) -> Self {
        Self {
            endpoint,
            fault,
            times: None,
            path: None,
            region: None,
            account: None,
        }
    }

    /// The same for the next `times` requests only.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// The same for requests whose path and query contain `path`.
    #[must_use]
    pub fn on_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same for requests that are signed for this AWS region.
    #[must_use]
    pub fn in_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The same for requests with credentials of this AWS account, or for them.
    #[must_use]
    pub fn in_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    fn applies_to(&self, target: &Target<'_>) -> bool {
        let fits = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        self.endpoint == target.endpoint
            && self
                .path
                .as_ref()
                .is_none_or(|part| target.path.contains(part.as_str()))
            && fits(&self.region, target.region)
            && fits(&self.account, target.account)
    }
}

/// What rules are held against.
struct Target<'a> {
    endpoint: Endpoint,
    path: &'a str,
    /// Absent outside AWS.
    region: Option<&'a str>,
    account: Option<&'a str>,
}

/// The faults of a cloud. Clones share them.
#[derive(Clone)]
pub struct Faults {
    rules: Arc<Mutex<Vec<FaultRule>>>,
    changed: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rules: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faults").field(&self.rules()).finish()
    }
}

impl Faults {
    /// Adds a rule. The first rule that fits a request wins.
    pub fn add(&self, rule: FaultRule) {
        self.change(|rules| rules.push(rule));
    }

    /// Puts these rules in the place of all others.
    pub fn replace(&self, new: Vec<FaultRule>) {
        self.change(|rules| *rules = new);
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.change(Vec::clear);
    }

    /// The rules that are left.
    #[must_use]
    pub fn rules(&self) -> Vec<FaultRule> {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The fault of a request, which is used up by it.
    pub(super) fn take(
        &self,
        endpoint: Endpoint,
        request: &Request<Bytes>,
        caller: Option<&Caller>,
    ) -> Option<Fault> {
        let target = Target {
            endpoint,
            path: &path_of(request),
            region: caller.map(|caller| caller.region.as_str()),
            account: caller.map(|caller| caller.account.as_str()),
        };
        self.take_if(&target, |fault| !matches!(fault, Fault::Result(_)))
    }

    /// The fault of one result of GetMetricData, which is used up by it.
    pub(super) fn take_for_result(
        &self,
        account: &str,
        region: &str,
        function: Option<&str>,
    ) -> Option<ResultFault> {
        let target = Target {
            endpoint: Endpoint::CloudWatch,
            path: "",
            region: Some(region),
            account: Some(account),
        };
        let fits = |fault: &Fault| match fault {
            Fault::Result(result) => {
                result.function.is_none() || result.function.as_deref() == function
            }
            _ => false,
        };
        match self.take_if(&target, fits)? {
            Fault::Result(result) => Some(result),
            _ => None,
        }
    }

    /// The fault that ends an open watch of this path, if there is one now.
    pub(super) fn take_for_open_watch(&self, endpoint: Endpoint, path: &str) -> Option<Fault> {
        let target = Target {
            endpoint,
            path,
            region: None,
            account: None,
        };
        self.take_if(&target, |fault| matches!(fault, Fault::Cut | Fault::Gone))
    }

    /// Tells of each change of the rules.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn take_if(&self, target: &Target<'_>, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let position = rules
            .iter()
            .position(|rule| rule.applies_to(target) && fits(&rule.fault))?;
        let rule = rules.get_mut(position)?;
        let fault = rule.fault.clone();
        if let Some(times) = &mut rule.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                rules.remove(position);
            }
        }
        Some(fault)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<FaultRule>)) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut rules);
        rules.retain(|rule| rule.times != Some(0));
        drop(rules);
        self.changed.send_replace(());
    }
}

/// The path and query of a request, which rules are held against.
pub(super) fn path_of(request: &Request<Bytes>) -> String {
    request
        .uri()
        .path_and_query()
        .map_or_else(String::new, ToString::to_string)
}

/// What a fault makes of a request before it is handled.
pub(super) enum FaultOutcome {
    /// It is answered so.
    Answer(Box<Response<Body>>),
    /// Its connection closes.
    Cut,
    /// It is handled, and [`after`] has its turn.
    Continue,
}

/// A fault before the request is handled.
pub(super) async fn before(
    fault: &Fault,
    world: &World,
    route: &Route,
    request: &Request<Bytes>,
) -> FaultOutcome {
    let error = |code: u16, code_name: &'static str, retry_after: Option<u32>, message: &str| {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match route.part {
            Part::Aws => aws::error(request, status, code_name, message),
            Part::Azure => azure::error(status, message),
            Part::Prometheus => prometheus::error(status, code_name, message),
            Part::Kubernetes | Part::Control => kube::fault(request, status, message),
        };
        if let Some(seconds) = retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        FaultOutcome::Answer(Box::new(response))
    };
    let aws = route.part == Part::Aws;
    let refuse = |refusal| FaultOutcome::Answer(Box::new(aws::refuse(world, request, refusal)));
    match fault {
        Fault::Latency { millis } => {
            tokio::time::sleep(Duration::from_millis(*millis)).await;
            FaultOutcome::Continue
        }
        Fault::ClockSkew { seconds } if aws => match aws::refuse_for_skew(request, *seconds) {
            Some(response) => FaultOutcome::Answer(Box::new(response)),
            None => FaultOutcome::Continue,
        },
        Fault::Hang => std::future::pending().await,
        Fault::Cut => FaultOutcome::Cut,
        Fault::Endless if route.part == Part::Azure => {
            FaultOutcome::Answer(Box::new(azure::endless(request)))
        }
        Fault::Garbage
        | Fault::Truncate
        | Fault::Endless
        | Fault::Result(_)
        | Fault::ClockSkew { .. } => FaultOutcome::Continue,
        Fault::Status { code, retry_after } => {
            let name = if aws && *code < 500 {
                "ValidationException"
            } else {
                "InternalFailure"
            };
            error(*code, name, *retry_after, "simulated fault")
        }
        Fault::Throttle if aws => refuse(RequestError::Throttled),
        Fault::Throttle => error(429, "too_many_requests", Some(1), "too many requests"),
        Fault::Gone => error(410, "Gone", None, "the requested version is gone"),
        Fault::Unauthorized if aws => refuse(RequestError::UnknownCredentials),
        Fault::Expired if aws => refuse(RequestError::ExpiredCredentials),
        Fault::Unauthorized | Fault::Expired => error(401, "unauthorized", None, "Unauthorized"),
        Fault::Forbidden if aws => refuse(RequestError::Denied),
        Fault::Forbidden => error(403, "forbidden", None, "forbidden"),
    }
}

/// A fault after the request has been handled.
pub(super) fn after(fault: &Fault, mut response: Response<Body>) -> Response<Body> {
    match fault {
        Fault::ClockSkew { seconds } => {
            aws::stamp(&mut response, *seconds);
            response
        }
        Fault::Garbage => {
            let (mut head, _) = response.into_parts();
            head.status = StatusCode::OK;
            head.headers.remove(header::CONTENT_LENGTH);
            // No JSON, no CBOR (a break outside of anything), no XML, no UTF-8.
            Response::from_parts(
                head,
                full(&b"\xff\xfe<{\x00 this is not what was asked for"[..]),
            )
        }
        Fault::Truncate => response.map(truncated),
        _ => response,
    }
}

/// The first half of the first piece of a body, and then an error, which closes the connection.
fn truncated(body: Body) -> Body {
    let pieces = BodyStream::new(body)
        .take(1)
        .map(|piece| piece.map(|frame| frame.map_data(|data| data.slice(..data.len() / 2))));
    let end = stream::once(async {
        // The server sends what it has before it waits, and nothing more after an error.
        tokio::task::yield_now().await;
        Err::<Frame<Bytes>, _>(io::ErrorKind::ConnectionReset.into())
    });
    BodyExt::boxed_unsync(StreamBody::new(pieces.chain(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> Request<Bytes> {
        Request::get(path).body(Bytes::new()).unwrap()
    }

    #[test]
    fn a_rule_is_used_up_after_its_times_and_keeps_to_its_path() {
        let faults = Faults::default();
        faults.add(
            FaultRule::always(Endpoint::Kubernetes, Fault::Cut)
                .times(2)
                .on_path("/api/v1/pods"),
        );
        let take = |endpoint, path| faults.take(endpoint, &request(path), None);
        assert_eq!(take(Endpoint::Kubernetes, "/api/v1/nodes"), None);
        assert_eq!(take(Endpoint::Lambda, "/api/v1/pods"), None);
        assert_eq!(
            take(Endpoint::Kubernetes, "/api/v1/pods?limit=5"),
            Some(Fault::Cut)
        );
        assert_eq!(take(Endpoint::Kubernetes, "/api/v1/pods"), Some(Fault::Cut));
        assert_eq!(take(Endpoint::Kubernetes, "/api/v1/pods"), None);
    }

    #[test]
    fn rules_are_written_as_the_documentation_shows_them() {
        let text = r#"[
            {"endpoint": "cloudwatch", "fault": {"status": {"code": 503, "retry_after": 2}}},
            {"endpoint": "metrics_api", "fault": "hang", "times": 3, "path": "/pods"}
        ]"#;
        let rules: Vec<FaultRule> = serde_json::from_str(text).unwrap();
        let status = Fault::Status {
            code: 503,
            retry_after: Some(2),
        };
        assert_eq!(
            rules,
            [
                FaultRule::always(Endpoint::CloudWatch, status),
                FaultRule::always(Endpoint::MetricsApi, Fault::Hang)
                    .times(3)
                    .on_path("/pods"),
            ]
        );
        let unknown = r#"[{"endpoint": "kubernetes", "fault": "hang", "time": 3}]"#;
        assert!(serde_json::from_str::<Vec<FaultRule>>(unknown).is_err());
    }

    #[test]
    fn a_rule_keeps_to_its_region_and_its_account() {
        let faults = Faults::default();
        let rule = FaultRule::always(Endpoint::Lambda, Fault::Hang);
        faults.add(rule.clone().in_region("eu-west-1"));
        faults.add(rule.in_account("222222222222").times(1));
        let take = |account, region| {
            let target = Target {
                endpoint: Endpoint::Lambda,
                path: "/",
                region: Some(region),
                account: Some(account),
            };
            faults.take_if(&target, |_| true)
        };
        assert_eq!(take("111111111111", "us-east-1"), None);
        assert_eq!(take("111111111111", "eu-west-1"), Some(Fault::Hang));
        assert_eq!(take("222222222222", "us-east-1"), Some(Fault::Hang));
        assert_eq!(take("222222222222", "us-east-1"), None);
    }
}

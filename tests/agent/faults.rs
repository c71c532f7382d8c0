//! Whatever goes wrong with a source, the agent stays up and ready, says which source it is, why and what to do, keeps
//! all numbers, and recovers by itself.
//!
//! The whole agent watches the demo's company, at sixty times the speed of the wall: its polls of 15 to 60 s
//! are up to a second apart.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::support::exposition::{Exposition, get};
use crate::support::until;
use breakeven::agent::{Agent, ConfigSource, StateNotSaved};
use breakeven::config::Config;
use breakeven::server::ServerConfig;
use breakeven::sources::aws::FixedCredentials;
use breakeven::sources::kubernetes::Access;
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SPEED: f64 = 60.0;

/// How many sources there are.
const SOURCES: f64 = 8.0;

/// The costs of requests once all are known: of twelve workloads on four bases and on Lambda, and of twelve functions on both
/// platforms. Right after a recovery those of workloads on Lambda may still be missing.
const COSTS: usize = 84;

/// Seconds of the world after which a step of five minutes has both usage and requests. Before it the cost on Lambda rests on the
/// rate of the last five minutes, which is five seconds here, and so does not outlast a fault on a busy machine.
const PAIRED_AFTER: f64 = 900.0;

/// How long a response may take here: short for the faults that hang, and enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(3);

fn clock() -> Clock {
    Clock::accelerated("2026-03-02T12:02:30Z".parse().unwrap(), SPEED)
}

async fn cloud_at(address: SocketAddr, clock: Clock) -> SimulatedCloud {
    let world = World::from_yaml(include_str!("../../config/worlds/demo.yaml")).unwrap();
    SimulatedCloud::start(world, clock, address).await.unwrap()
}

/// Points the demo's configuration to a cloud. Nothing is tried twice.
fn adjust(config: &mut Config, cloud: SocketAddr) {
    let kubernetes = config.kubernetes.as_mut().unwrap();
    kubernetes.access = Access::Address(format!("http://{cloud}"));
    kubernetes.watch.request_timeout = TIMEOUT;
    kubernetes.usage_schedule.timeout = TIMEOUT;
    let aws = config.aws.as_mut().unwrap();
    aws.session.endpoint_url = Some(format!("http://{cloud}/aws"));
    aws.session.region = Some("us-east-1".to_owned());
    aws.session.credentials = Some(FixedCredentials {
        access_key_id: "simulated".to_owned(),
        secret_access_key: "simulated".to_owned(),
    });
    aws.session.max_attempts = 1;
    aws.functions_schedule.timeout = TIMEOUT;
    // The first reading of all functions takes its time.
    aws.metrics_schedule.timeout = 4 * TIMEOUT;
    let requests = config.requests.as_mut().unwrap();
    requests.prometheus.base_url = format!("http://{cloud}/prometheus");
    requests.prometheus.timeout = 4 * TIMEOUT;
    // As in the configuration, a poll has time for more than one query, so that a query that hangs is reported with its server.
    requests.schedule.timeout = 8 * TIMEOUT;
}

/// A running agent.
struct Running {
    url: String,
    task: JoinHandle<Result<(), StateNotSaved>>,
}

impl Running {
    async fn start(cloud: SocketAddr, clock: Clock) -> Self {
        let source = ConfigSource {
            text: include_str!("../../config/demo.yaml"),
            adjust: Arc::new(move |config| adjust(config, cloud)),
            ..ConfigSource::default()
        };
        let settings = ServerConfig {
            listen: vec![([127, 0, 0, 1], 0).into()],
            clock: clock.clone(),
            ..ServerConfig::default()
        };
        let agent = Agent::bind(source, settings, clock).await.unwrap();
        let url = format!("http://{}", agent.addresses()[0]);
        let task = tokio::spawn(agent.run(CancellationToken::new()));
        Self { url, task }
    }

    async fn status(&self, page: &str) -> u16 {
        let (status, ..) = get(&format!("{}{page}", self.url)).await.unwrap();
        status.as_u16()
    }

    async fn page(&self) -> String {
        let (_, _, body) = get(&format!("{}/", self.url)).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn metrics(&self) -> Exposition {
        let url = format!("{}/metrics", self.url);
        let shown = Exposition::at(&url).await;
        shown.unwrap_or_else(|| Exposition::read(""))
    }

    /// Waits until every source answers and all numbers are there.
    async fn is_well(&self) -> Exposition {
        until("all sources and numbers", async || {
            let shown = self.metrics().await;
            let sources = shown.sum("breakeven_source_up", &[])?;
            let observed = shown.one("breakeven_observed_seconds_total", &[])?;
            let is_complete = sources >= SOURCES && costs(&shown).len() >= COSTS;
            (is_complete && observed >= PAIRED_AFTER).then_some(shown)
        })
        .await
    }

    async fn stop(self) {
        assert!(!self.task.is_finished(), "the agent ended by itself");
        self.task.abort();
    }
}

/// The series that say what a request costs.
fn costs(shown: &Exposition) -> BTreeSet<String> {
    let costs = shown.all("breakeven_request_cost_usd", &[]);
    costs.map(|sample| format!("{:?}", sample.labels)).collect()
}

/// Whether a source is down for a reason, for the last of more than `before` times.
fn is_down(shown: &Exposition, source: &str, reason: &str, before: f64) -> bool {
    let labels = [("source", source), ("reason", reason)];
    let failures = shown.one("breakeven_source_errors_total", &labels);
    shown.one("breakeven_source_up", &labels[..1]) == Some(0.0)
        && failures.is_some_and(|failures| failures > before)
}

/// What goes wrong, the reason that is counted, and a part of what the page says to do.
type Case = (Fault, &'static str, &'static str);

const fn status(code: u16) -> Fault {
    Fault::Status {
        code,
        retry_after: None,
    }
}

/// Lets one thing after the other go wrong with a source. `path` is that of the requests that fail.
async fn during(endpoint: Endpoint, source: &str, path: &str, cases: &[Case]) {
    let cloud = cloud_at(([127, 0, 0, 1], 0).into(), clock()).await;
    let agent = Running::start(cloud.address(), cloud.clock().clone()).await;
    let mut before = agent.is_well().await;
    for (fault, reason, remedy) in cases {
        let what = format!("{source} with {fault:?}");
        let labels = [("source", source), ("reason", *reason)];
        let count = before.one("breakeven_source_errors_total", &labels);
        // Where a watch is open it ends first.
        let cut = FaultRule::always(endpoint, Fault::Cut).times(1);
        let mut rules = vec![FaultRule::always(endpoint, fault.clone()).on_path(path)];
        if endpoint == Endpoint::Kubernetes {
            rules.insert(0, cut.on_path(path));
        }
        cloud.faults().replace(rules);
        let down = until(&format!("{reason} of {what}"), async || {
            let shown = agent.metrics().await;
            is_down(&shown, source, reason, count.unwrap_or_default()).then_some(shown)
        })
        .await;
        assert_eq!(agent.status("/-/ready").await, 200, "{what}");
        assert_eq!(agent.status("/-/healthy").await, 200, "{what}");
        assert_eq!(costs(&down), costs(&before), "{what}");
        let others = down.sum("breakeven_source_up", &[]);
        assert_eq!(others, Some(SOURCES - 1.0), "{what}: others are down too");
        let page = agent.page().await;
        assert!(page.contains(remedy), "{what}: no {remedy:?} in\n{page}");

        cloud.faults().clear();
        let after = agent.is_well().await;
        never_fell(&before, &down, &what);
        never_fell(&down, &after, &what);
        before = after;
    }
    agent.stop().await;
}

/// No counter is lower than it was.
fn never_fell(before: &Exposition, after: &Exposition, what: &str) {
    let later = counters(after);
    for (series, value) in counters(before) {
        let now = later.get(&series).copied();
        assert!(
            now.is_some_and(|now| now >= value),
            "{what}: {series} was {value} and is {now:?}"
        );
    }
}

fn counters(shown: &Exposition) -> BTreeMap<String, f64> {
    let counters = shown.samples().filter(|one| one.name.ends_with("_total"));
    counters
        .map(|one| (format!("{} {:?}", one.name, one.labels), one.value))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_the_kubernetes_api_is_said_and_lived_through() {
    let cases = [
        (
            Fault::Unauthorized,
            "unauthorized",
            "check the token or the certificate",
        ),
        (
            Fault::Forbidden,
            "forbidden",
            "grant list and watch on pods to the service account",
        ),
        (
            status(404),
            "not_found",
            "check that the address is that of a Kubernetes API server",
        ),
        (
            Fault::Gone,
            "gone",
            "nothing needs to be done: it is listed again",
        ),
        (
            Fault::Throttle,
            "throttled",
            "nothing needs to be done: it is tried again after the pause",
        ),
        (status(500), "server_error", "look at the API server"),
        (
            Fault::Cut,
            "connect",
            "check that the API server is up and reachable from here",
        ),
        (
            Fault::Garbage,
            "invalid_response",
            "that no proxy answers for it",
        ),
        (
            Fault::Hang,
            "timeout",
            "check that the API server is up and reachable from here",
        ),
    ];
    during(Endpoint::Kubernetes, "kubernetes", "/api/v1/pods", &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_the_metrics_api_is_said_and_lived_through() {
    let cases = [
        (
            Fault::Unauthorized,
            "unauthorized",
            "check the token or the certificate",
        ),
        (
            Fault::Forbidden,
            "forbidden",
            "grant get and list on pods.metrics.k8s.io to the service account",
        ),
        (status(404), "not_found", "install metrics-server"),
        (
            Fault::Gone,
            "gone",
            "nothing needs to be done: it is listed again",
        ),
        (
            Fault::Throttle,
            "throttled",
            "nothing needs to be done: it is tried again after the pause",
        ),
        (status(500), "server_error", "look at the API server"),
        (
            Fault::Cut,
            "connect",
            "check that the API server is up and reachable from here",
        ),
        (
            Fault::Garbage,
            "invalid_response",
            "that no proxy answers for it",
        ),
        (
            Fault::Truncate,
            "connect",
            "check that the API server is up and reachable from here",
        ),
        (Fault::Hang, "timeout", "or raise the timeout"),
    ];
    during(Endpoint::MetricsApi, "usage", "", &cases).await;
}

/// What can go wrong with any AWS API; `grant` is the remedy where a permission is missing.
fn of_aws(grant: &'static str) -> Vec<Case> {
    vec![
        (
            Fault::Unauthorized,
            "unauthorized",
            "renew or correct the credentials",
        ),
        (
            Fault::Expired,
            "unauthorized",
            "renew or correct the credentials",
        ),
        (Fault::Forbidden, "forbidden", grant),
        (
            status(404),
            "not_found",
            "check the endpoint and the region",
        ),
        (status(410), "gone", "check the endpoint and the region"),
        (
            Fault::Throttle,
            "throttled",
            "raise the interval or the quota of the account",
        ),
        (
            status(500),
            "server_error",
            "AWS has a problem, or what answers there is not AWS",
        ),
        (
            Fault::Cut,
            "connect",
            "check that the endpoint is right and can be reached from here",
        ),
        (
            Fault::Garbage,
            "invalid_response",
            "check that the endpoint is AWS and no proxy answers",
        ),
        (
            Fault::Truncate,
            "connect",
            "check that the endpoint is right and can be reached from here",
        ),
        (Fault::Hang, "timeout", "or raise the timeout"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_lambda_is_said_and_lived_through() {
    let cases = of_aws("grant `lambda:ListFunctions` to the role or user");
    during(Endpoint::Lambda, "lambda", "", &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_cloudwatch_is_said_and_lived_through() {
    let cases = of_aws("grant `cloudwatch:GetMetricData` to the role or user");
    during(Endpoint::CloudWatch, "cloudwatch", "", &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_prometheus_is_said_and_lived_through() {
    let token = "give this process credentials that may query";
    let cases = [
        (Fault::Unauthorized, "unauthorized", token),
        (Fault::Forbidden, "forbidden", token),
        (
            status(404),
            "not_found",
            "check the address: `/api/v1/query` is looked for below it",
        ),
        (Fault::Gone, "gone", "it is tried again"),
        (Fault::Throttle, "throttled", "it is tried again"),
        (status(500), "server_error", "it is tried again"),
        (
            Fault::Cut,
            "connect",
            "that a network policy lets this process there",
        ),
        (
            Fault::Garbage,
            "invalid_response",
            "check that the address is that of a Prometheus API",
        ),
        (
            Fault::Truncate,
            "connect",
            "that a network policy lets this process there",
        ),
        (
            Fault::Hang,
            "timeout",
            "check that it is reachable and not overloaded, or raise the timeout",
        ),
    ];
    during(Endpoint::Prometheus, "requests", "", &cases).await;
}

/// An address where nobody listens, yet.
fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_answers_the_agent_is_up_and_says_so_until_somebody_does() {
    let (address, clock) = (nobody(), clock());
    let agent = Running::start(address, clock.clone()).await;
    let page = until("the failures on the page", async || {
        let page = agent.page().await;
        let mentions = page.matches(&*address.to_string()).count();
        (mentions >= 4).then_some(page)
    })
    .await;
    assert!(page.contains("Connection refused"), "{page}");
    assert_eq!(agent.status("/-/healthy").await, 200);
    let _cloud = cloud_at(address, clock).await;
    agent.is_well().await;
    agent.stop().await;
}

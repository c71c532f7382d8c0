//! Credentials that change while the agent runs, by the SDK's own chain: as EKS Pod Identity and IRSA hand them out. As a
//! program's environment is read-only here, each test runs itself again in a process of its own: the inner one has the cloud
//! and the agent, the outer one hands out credentials.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::exposition::Exposition;
use crate::support::watching::{Watching, cloud};
use crate::support::{is_inner, run_again, until};
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, World};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::net::TcpListener;

/// The role of the agent, in the world's own account.
const ROLE: &str = "arn:aws:iam::123456789012:role/breakeven";

/// How many times as fast as the wall the cloud and the agent live.
const SPEED: f64 = 60.0;

/// When they begin: counting is from this minute on.
const START: &str = "2026-03-02T12:02:01Z";

/// Invocations of each minute.
const EACH_MINUTE: i64 = 420;

/// After so many minutes it has been seen enough.
const ENOUGH_MINUTES: i64 = 17;

/// How long after its end a minute is read.
const DELAY_MINUTES: i64 = 3;

/// A world whose service accounts get credentials for so many seconds of the wall. Tokens of one are good in another that
/// is the same.
fn world(session_seconds: u32) -> World {
    let rate = EACH_MINUTE / 60;
    World::from_yaml(&format!(
        "name: rotation\nhistory_hours: 3\nsession_seconds: {session_seconds}\nfunctions:\n  \
         - {{name: api, memory_mib: 512, duration_ms: 90, traffic: {{pattern: steady, requests_per_second: {rate}}}}}\n"
    ))
    .unwrap()
}

const CONFIG: &str = "kubernetes: {enabled: false}\nmodel: {interval_seconds: 15}\n\
    aws: {functions_interval_seconds: 30, metrics_interval_seconds: 30}\n";

/// Runs an agent whose credentials come from the environment, until it has counted for long enough. Gives what it then shows.
async fn watch(session_seconds: u32) -> Exposition {
    let clock = Clock::accelerated(START.parse().unwrap(), SPEED);
    let cloud = cloud(world(session_seconds), clock.clone()).await;
    let agent = Watching::start(cloud, CONFIG, None).await;
    let minute = |instant: Timestamp| instant.as_second().div_euclid(60);
    let first = minute(START.parse().unwrap());
    // All invocations of the minutes that should have been read by now.
    let truth = || (minute(clock.now()) - DELAY_MINUTES - first) * EACH_MINUTE;
    let shown = until("every invocation to be counted", async || {
        let before = truth();
        let shown = agent.metrics().await?;
        let labels = [("workload", "api"), ("outcome", "served")];
        let counted = shown.one("breakeven_workload_requests_total", &labels)?;
        let is_whole = before == truth() && counted.to_bits() == exactly(before).to_bits();
        (is_whole && before >= ENOUGH_MINUTES * EACH_MINUTE).then_some(shown)
    })
    .await;
    agent.stop().await;
    shown
}

fn exactly(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap())
}

/// How often calls were refused for their credentials.
fn refused(shown: &Exposition) -> f64 {
    let labels = [("reason", "unauthorized")];
    shown
        .sum("breakeven_source_errors_total", &labels)
        .unwrap_or_default()
}

/// What hands out credentials to containers, as the agent of EKS Pod Identity does: to who shows the token of its file.
struct PodIdentity {
    /// The STS that they come from.
    sts: String,
    token: String,
    /// How much longer than they live they are said to.
    overstated: SignedDuration,
    given: AtomicU32,
}

impl PodIdentity {
    async fn serve(self: Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let own = Arc::clone(&self);
                let answer = service_fn(move |request| Arc::clone(&own).answer(request));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), answer));
            }
        });
        address
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let shown = request.headers().get(AUTHORIZATION);
        if shown.is_none_or(|shown| shown != self.token.as_str()) {
            let mut refused = Response::new(Full::default());
            *refused.status_mut() = StatusCode::UNAUTHORIZED;
            return Ok(refused);
        }
        // The name of the session tells one from the next.
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let text = self.assume(&format!("pod-{number}")).await;
        let field = |tag: &str| {
            let (_, rest) = text.split_once(&format!("<{tag}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        let expires: Timestamp = field("Expiration").parse().unwrap();
        let answer = json!({
            "AccessKeyId": field("AccessKeyId"),
            "SecretAccessKey": field("SecretAccessKey"),
            "Token": field("SessionToken"),
            "AccountId": "123456789012",
            "Expiration": (expires + self.overstated).to_string(),
        });
        Ok(Response::new(Full::from(answer.to_string())))
    }

    async fn assume(&self, session: &str) -> String {
        let form = format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={ROLE}&RoleSessionName={session}\
             &WebIdentityToken=of-the-node"
        );
        let request = Request::post(&self.sts)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from(form))
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let answer = client.request(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let text = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert_eq!(head.status, StatusCode::OK, "{text}");
        text
    }
}

/// Runs a test again with credentials from such an agent, and says how many it has given out.
async fn with_pod_identity(test: &str, session_seconds: u32, overstated: SignedDuration) -> u32 {
    let sts = cloud(world(session_seconds), Clock::system()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let token = "the-token-of-the-service-account";
    std::fs::write(file.path(), token).unwrap();
    let agent = Arc::new(PodIdentity {
        sts: sts.aws_url(),
        token: token.to_owned(),
        overstated,
        given: AtomicU32::new(0),
    });
    let address = Arc::clone(&agent).serve().await;
    let uri = format!("http://{address}/v1/credentials");
    let environment = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            file.path().to_str().unwrap(),
        ),
    ];
    run_again(test, &environment).await;
    sts.stop().await;
    agent.given.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pod_identity_renews_credentials_before_they_expire_and_no_call_is_refused() {
    // The SDK renews them five to ten seconds before they expire, so that some calls are made with each.
    const SESSION_SECONDS: u32 = 12;
    if is_inner() {
        let shown = watch(SESSION_SECONDS).await;
        assert_eq!(shown.sum("breakeven_source_errors_total", &[]), None);
        return;
    }
    let test =
        "credentials::pod_identity_renews_credentials_before_they_expire_and_no_call_is_refused";
    let given = with_pod_identity(test, SESSION_SECONDS, SignedDuration::ZERO).await;
    assert!(given >= 3, "given out {given} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_withdrawn_early_are_refused_until_the_next_and_nothing_is_lost() {
    // They end after three seconds and are said to last for fifteen: of the five seconds or more for which the SDK keeps
    // them, the last two are in vain.
    const SESSION_SECONDS: u32 = 3;
    if is_inner() {
        let shown = watch(SESSION_SECONDS).await;
        let refused = refused(&shown);
        assert!(refused >= 2.0, "refused {refused} times");
        let errors = shown.sum("breakeven_source_errors_total", &[]);
        assert_eq!(errors, Some(refused), "nothing else failed");
        return;
    }
    let test = "credentials::credentials_that_are_withdrawn_early_are_refused_until_the_next_and_nothing_is_lost";
    let overstated = SignedDuration::from_secs(12);
    let given = with_pod_identity(test, SESSION_SECONDS, overstated).await;
    assert!(given >= 2, "given out {given} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_identity_is_exchanged_again_before_its_credentials_expire() {
    const SESSION_SECONDS: u32 = 12;
    if is_inner() {
        let shown = watch(SESSION_SECONDS).await;
        assert_eq!(shown.sum("breakeven_source_errors_total", &[]), None);
        return;
    }
    let sts = cloud(world(SESSION_SECONDS), Clock::system()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "the-token-of-the-service-account").unwrap();
    let environment = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.path().to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", &sts.aws_url()),
    ];
    let test = "credentials::a_web_identity_is_exchanged_again_before_its_credentials_expire";
    run_again(test, &environment).await;
    let asked = sts
        .requests()
        .count(Endpoint::Sts, "AssumeRoleWithWebIdentity");
    assert!(asked >= 3, "asked {asked} times");
    sts.stop().await;
}

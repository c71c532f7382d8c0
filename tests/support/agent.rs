//! An agent in this process, against a simulated cloud.

use std::sync::Arc;
use std::time::Duration;

use breakeven::agent::{Agent, ConfigSource, StateNotSaved};
use breakeven::server::ServerConfig;
use breakeven::sources::aws::{AwsConfig as Session, FixedCredentials};
use breakeven::sources::kubernetes::Access;
use breakeven_simulator::SimulatedCloud;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::exposition::{Exposition, get};
use super::until;

/// The time that an agent has watched a cluster.
pub(crate) const SECONDS: &str = "breakeven_observed_seconds_total";

/// An agent that runs; it ends when dropped.
pub(crate) struct RunningAgent {
    url: String,
    task: JoinHandle<Result<(), StateNotSaved>>,
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RunningAgent {
    /// Starts one with a configuration, at the clock of the cloud, whose Kubernetes and AWS it reads, and that it gives up on soon.
    pub(crate) async fn start(cloud: &SimulatedCloud, config: &str) -> Self {
        let hurried = |session: &mut Session| {
            session.attempt_timeout = Duration::from_secs(1);
            session.credentials = simulated();
        };
        Self::start_as(cloud, config, hurried).await
    }

    /// The same, asking AWS as `adjust` has it; without credentials it takes those of its environment.
    pub(crate) async fn start_as(
        cloud: &SimulatedCloud,
        config: &str,
        adjust: impl Fn(&mut Session) + Send + Sync + 'static,
    ) -> Self {
        let (kubernetes, aws) = (cloud.kube_url(), cloud.aws_url());
        let region = cloud.world().spec.region.clone();
        let source = ConfigSource {
            text: config.to_owned().leak(),
            adjust: Arc::new(move |config| {
                if let Some(cluster) = &mut config.kubernetes {
                    cluster.access = Access::Address(kubernetes.clone());
                }
                let Some(settings) = &mut config.aws else {
                    return;
                };
                settings.session.endpoint_url = Some(aws.clone());
                settings.session.region = Some(region.clone());
                settings.session.max_attempts = 1;
                adjust(&mut settings.session);
            }),
            ..ConfigSource::default()
        };
        let settings = ServerConfig {
            listen: vec![([127, 0, 0, 1], 0).into()],
            clock: cloud.clock().clone(),
            ..ServerConfig::default()
        };
        let agent = Agent::bind(source, settings, cloud.clock().clone())
            .await
            .unwrap();
        let url = format!("http://{}", agent.addresses()[0]);
        let task = tokio::spawn(agent.run(CancellationToken::new()));
        Self { url, task }
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// What it shows; absent before the first report.
    pub(crate) async fn shown(&self) -> Option<Exposition> {
        Exposition::at(&format!("{}/metrics", self.url)).await
    }

    /// Its page.
    pub(crate) async fn page(&self) -> String {
        let (_, _, body) = get(&format!("{}/", self.url)).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// How it explains the numbers of a workload, such as `n/Deployment/web`: a JSON document.
    pub(crate) async fn explanation(&self, workload: &str) -> String {
        let page = get(&format!("{}/api/v1/explain/{workload}", self.url)).await;
        let (status, _, body) = page.unwrap();
        assert_eq!(status.as_u16(), 200, "{workload}");
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// What it shows once it has watched the cluster for so many more seconds.
    pub(crate) async fn later(&self, than: &Exposition, seconds: f64) -> Exposition {
        let from = than.one(SECONDS, &[]).unwrap();
        until("time to pass", async || {
            let shown = self.shown().await?;
            (shown.one(SECONDS, &[])? > from + seconds).then_some(shown)
        })
        .await
    }
}

/// Credentials that the simulated cloud takes.
pub(crate) fn simulated() -> Option<FixedCredentials> {
    Some(FixedCredentials {
        access_key_id: "simulated".to_owned(),
        secret_access_key: "simulated".to_owned(),
    })
}

/// How much a counter of dollars grew for each hour between two looks.
pub(crate) fn hourly(
    from: &Exposition,
    to: &Exposition,
    name: &str,
    labels: &[(&str, &str)],
) -> f64 {
    let grown = |name: &str, labels: &[(&str, &str)]| {
        to.sum(name, labels).unwrap_or_default() - from.sum(name, labels).unwrap_or_default()
    };
    grown(name, labels) / grown(SECONDS, &[]) * 3_600.0
}

/// Holds a number against what it should be, to a millionth.
pub(crate) fn close(what: &str, found: f64, expected: f64) {
    let off = (found / expected - 1.0).abs();
    assert!(
        off < 1e-6,
        "{what}: {found} is not {expected} ({off:e} off)"
    );
}

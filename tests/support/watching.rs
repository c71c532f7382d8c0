//! An agent in the process of the test, beside the simulated cloud whose functions it reads.

use std::net::Ipv4Addr;
use std::sync::Arc;

use breakeven::app::{Agent, ConfigSource};
use breakeven::clock::Clock;
use breakeven::cloud::{SimulatedCloud, World};
use breakeven::http::Settings;
use breakeven::sources::aws::FixedCredentials;
use breakeven::sources::kubernetes::Access;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::exposition::{Exposition, get};

/// An agent at work.
pub(crate) struct Watching {
    pub(crate) cloud: SimulatedCloud,
    url: String,
    task: JoinHandle<()>,
    /// The configuration, for as long as it may be read.
    _file: tempfile::NamedTempFile,
}

impl Watching {
    /// An agent that reads a cloud by this configuration; without credentials it takes those of its
    /// environment.
    pub(crate) async fn start(
        cloud: SimulatedCloud,
        config: &str,
        credentials: Option<FixedCredentials>,
    ) -> Self {
        let clock = cloud.clock().clone();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config).unwrap();
        let (endpoint, cluster) = (cloud.aws_url(), cloud.kube_url());
        let region = cloud.world().spec.region.clone();
        let source = ConfigSource {
            file: Some(file.path().to_owned()),
            adjust: Arc::new(move |config| {
                if let Some(kubernetes) = &mut config.kubernetes {
                    kubernetes.access = Access::Address(cluster.clone());
                }
                let session = &mut config.aws.as_mut().unwrap().session;
                session.endpoint_url = Some(endpoint.clone());
                session.region = Some(region.clone());
                session.credentials = credentials.clone();
                session.max_attempts = 1;
            }),
            ..ConfigSource::default()
        };
        let settings = Settings {
            listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
            clock: clock.clone(),
            ..Settings::default()
        };
        let agent = Agent::bind(source, settings, clock).await.unwrap();
        let url = format!("http://{}", agent.addresses()[0]);
        let task = tokio::spawn(agent.run(CancellationToken::new()));
        Self {
            cloud,
            url,
            task,
            _file: file,
        }
    }

    /// What it shows; nothing before it has a report.
    pub(crate) async fn metrics(&self) -> Option<Exposition> {
        Exposition::at(&format!("{}/metrics", self.url)).await
    }

    /// Its page.
    pub(crate) async fn page(&self) -> String {
        let (_, _, body) = get(&format!("{}/", self.url)).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// How it explains a function, line by line: what, from where, and the result.
    pub(crate) async fn explained(&self, function: &str) -> Vec<[String; 3]> {
        let url = format!("{}/api/v1/explain/{function}", self.url);
        let (_, _, body) = get(&url).await.unwrap();
        let explanation: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let sections = explanation["sections"].as_array().unwrap().iter();
        let lines = sections.flat_map(|section| section["lines"].as_array().unwrap());
        lines
            .map(|line| {
                ["name", "from", "result"].map(|key| line[key].as_str().unwrap().to_owned())
            })
            .collect()
    }

    /// Ends it, and the cloud.
    pub(crate) async fn stop(self) {
        assert!(!self.task.is_finished(), "the agent ended by itself");
        self.task.abort();
        self.cloud.stop().await;
    }
}

/// A cloud on loopback.
pub(crate) async fn cloud(world: World, clock: Clock) -> SimulatedCloud {
    let local = (Ipv4Addr::LOCALHOST, 0).into();
    SimulatedCloud::start(world, clock, local).await.unwrap()
}

/// Credentials that the simulated cloud takes.
pub(crate) fn simulated() -> Option<FixedCredentials> {
    Some(FixedCredentials {
        access_key_id: "simulated".to_owned(),
        secret_access_key: "simulated".to_owned(),
    })
}

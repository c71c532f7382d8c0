//! An agent in the process of the test, and with it the simulated cloud whose functions it reads.

use std::net::Ipv4Addr;

use breakeven::sources::aws::{AwsConfig as Session, FixedCredentials};
use breakeven_clock::Clock;
use breakeven_simulator::{SimulatedCloud, World};

use super::agent::RunningAgent;
use super::exposition::Exposition;

/// An agent at work.
pub(crate) struct Watching {
    pub(crate) cloud: SimulatedCloud,
    agent: RunningAgent,
}

impl Watching {
    /// An agent that reads a cloud by this configuration; without credentials it takes those of its
    /// environment.
    pub(crate) async fn start(
        cloud: SimulatedCloud,
        config: &str,
        credentials: Option<FixedCredentials>,
    ) -> Self {
        let known = move |session: &mut Session| session.credentials.clone_from(&credentials);
        let agent = RunningAgent::start_as(&cloud, config, known).await;
        Self { cloud, agent }
    }

    /// What it shows; nothing before it has a report.
    pub(crate) async fn metrics(&self) -> Option<Exposition> {
        self.agent.shown().await
    }

    /// Its page.
    pub(crate) async fn page(&self) -> String {
        self.agent.page().await
    }

    /// How it explains a function, line by line: what, from where, and the result.
    pub(crate) async fn explained(&self, function: &str) -> Vec<[String; 3]> {
        let body = self.agent.explanation(function).await;
        let explanation: serde_json::Value = serde_json::from_str(&body).unwrap();
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
        assert!(self.agent.is_running(), "the agent ended by itself");
        drop(self.agent);
        self.cloud.stop().await;
    }
}

/// A cloud on loopback.
pub(crate) async fn cloud(world: World, clock: Clock) -> SimulatedCloud {
    let local = (Ipv4Addr::LOCALHOST, 0).into();
    SimulatedCloud::start(world, clock, local).await.unwrap()
}

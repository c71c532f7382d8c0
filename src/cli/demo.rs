//! `breakeven demo`: a simulated cloud and an agent that watches it, in one process and over sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::run::{WebArgs, handle_signals};
use super::simulate::world;
use super::{Failure, print};
use crate::agent::{Agent, ConfigSource};
use crate::config::Config;
use crate::sources::aws::FixedCredentials;
use crate::sources::kubernetes::Access;
use breakeven_simulator::SimulatedCloud;

/// The configuration of the demo.
const DEMO_CONFIG: &str = include_str!("../../config/demo.yaml");

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// The configuration file; without one that of the demo.
    #[arg(long = "config.file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// The world to simulate (YAML, see docs/worlds.md); without one a small company.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// How many times faster than the wall time passes; without it as the world says.
    #[arg(long, value_name = "TIMES")]
    speed: Option<f64>,
    /// When the simulated time begins, such as 2026-03-01T12:00:00Z; without it as the world says, or now.
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    #[command(flatten)]
    web: WebArgs,
}

pub(super) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let mut world = world(args.world.as_deref())?;
    if let Some(speed) = args.speed {
        if !(speed.is_finite() && speed > 0.0) {
            return Err(format!("--speed: {speed} is not a positive number").into());
        }
        world.spec.speed = speed;
    }
    world.spec.start = args.start.or(world.spec.start);
    let clock = world.clock();
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let cloud = SimulatedCloud::start(world, clock.clone(), local)
        .await
        .map_err(|error| format!("the simulated cloud cannot listen on {local}: {error}"))?;
    let source = ConfigSource {
        file: args.config_file,
        text: DEMO_CONFIG,
        adjust: Arc::new(use_simulated_cloud(&cloud)),
    };
    let agent = Agent::bind(source, args.web.settings(clock.clone())?, clock).await?;
    let shutdown = CancellationToken::new();
    handle_signals(shutdown.clone(), Some(agent.reload_handle()))?;
    print_welcome(&agent, &cloud);
    let ended = agent.run(shutdown).await;
    cloud.stop().await;
    Ok(ended?)
}

/// Points every source of a configuration to the simulated cloud.
fn use_simulated_cloud(cloud: &SimulatedCloud) -> impl Fn(&mut Config) + Send + Sync + 'static {
    let (kubernetes, aws, prometheus) = (cloud.kube_url(), cloud.aws_url(), cloud.prometheus_url());
    let region = cloud.world().spec.region.clone();
    move |config| {
        if let Some(settings) = &mut config.kubernetes {
            settings.access = Access::Address(kubernetes.clone());
        }
        if let Some(settings) = &mut config.aws {
            settings.session.endpoint_url = Some(aws.clone());
            settings.session.region = Some(region.clone());
            settings.session.credentials = Some(FixedCredentials {
                access_key_id: "simulated".to_owned(),
                secret_access_key: "simulated".to_owned(),
            });
        }
        if let Some(settings) = &mut config.requests {
            settings.prometheus.base_url.clone_from(&prometheus);
        }
    }
}

fn print_welcome(agent: &Agent, cloud: &SimulatedCloud) {
    let spec = &cloud.world().spec;
    print(format!(
        "A simulated company ({}: {} nodes, {} workloads, {} functions) and the agent that watches it.",
        spec.name,
        spec.nodes.len(),
        spec.workloads.len(),
        spec.functions.len(),
    ));
    for address in agent.addresses() {
        let host = match address.ip() {
            ip if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, address.port())),
            _ => *address,
        };
        print(format!("  the page      http://{host}/"));
        print(format!("  the metrics   http://{host}/metrics"));
    }
    print(
        "Look at breakeven_request_cost_usd (what one request costs, by platform), breakeven_workload_verdict",
    );
    print(
        "(which platform costs less) and breakeven_workload_monthly_saving_usd (what moving would save).",
    );
    print(format!(
        "The simulated cloud itself is at {}; stop both with Ctrl-C.",
        cloud.kube_url()
    ));
}

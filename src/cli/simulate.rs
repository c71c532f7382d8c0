//! `breakeven simulate`: the simulated cloud alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::run::handle_signals;
use super::{Failure, print};
use breakeven_simulator::{SimulatedCloud, World};

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// The world to simulate (YAML, see docs/worlds.md); without one that of the demo.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9872")]
    listen: SocketAddr,
    /// Where the kubeconfig is written; without it a file in the directory for temporary files.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// The world of the demo.
pub(super) const DEMO_WORLD: &str = include_str!("../../config/worlds/demo.yaml");

/// Reads a world, or takes that of the demo.
pub(super) fn world(file: Option<&Path>) -> Result<World, Failure> {
    let Some(file) = file else {
        return Ok(World::from_yaml(DEMO_WORLD)?);
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("the world {} cannot be read: {error}", file.display()))?;
    World::from_yaml(&text)
        .map_err(|error| format!("the world {} is wrong:\n{error}", file.display()).into())
}

pub(super) async fn run(args: SimulateArgs) -> Result<(), Failure> {
    let world = world(args.world.as_deref())?;
    let clock = world.clock();
    let cloud = SimulatedCloud::start(world, clock, args.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
    let kubeconfig = args.kubeconfig.unwrap_or_else(|| {
        std::env::temp_dir().join(format!(
            "breakeven-simulate-{}.kubeconfig",
            cloud.address().port()
        ))
    });
    std::fs::write(&kubeconfig, cloud.kubeconfig()).map_err(|error| {
        format!(
            "cannot write the kubeconfig {}: {error}",
            kubeconfig.display()
        )
    })?;
    print(format!(
        "# A simulated cloud at http://{}; stop it with Ctrl-C.",
        cloud.address()
    ));
    print(format!("export KUBECONFIG={}", kubeconfig.display()));
    print(format!("export AWS_ENDPOINT_URL={}", cloud.aws_url()));
    let region = &cloud.world().spec.region;
    print(format!(
        "export AWS_REGION={region} AWS_ACCESS_KEY_ID=simulated AWS_SECRET_ACCESS_KEY=simulated"
    ));
    print(format!("# Prometheus: {}", cloud.prometheus_url()));
    let shutdown = CancellationToken::new();
    handle_signals(shutdown.clone(), None)?;
    shutdown.cancelled().await;
    cloud.stop().await;
    Ok(())
}

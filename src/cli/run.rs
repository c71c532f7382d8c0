//! `breakeven run`: the agent.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Failure;
use crate::agent::{Agent, ConfigSource, ReloadHandle};
use crate::server;
use breakeven_clock::Clock;

/// What the agent is started with.
#[derive(Debug, PartialEq, Eq, Args)]
pub(super) struct RunArgs {
    /// The configuration file (YAML); without one the defaults hold. `breakeven config default` shows all settings.
    #[arg(long = "config.file", value_name = "FILE")]
    pub(super) config_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) web: WebArgs,
}

impl RunArgs {
    /// What the agent is started with when nothing is said.
    pub(super) fn as_without_flags() -> Self {
        Self {
            config_file: None,
            web: WebArgs {
                listen: vec![DEFAULT_ADDRESS],
                telemetry_path: DEFAULT_PATH.to_owned(),
                enable_lifecycle: false,
            },
        }
    }
}

/// Where it listens.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9871);

/// The path of the metrics.
const DEFAULT_PATH: &str = "/metrics";

/// Where and how HTTP is served.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(super) struct WebArgs {
    /// Where to listen; may be given several times.
    #[arg(long = "web.listen-address", value_name = "ADDRESS:PORT", value_parser = address)]
    #[arg(default_values_t = [DEFAULT_ADDRESS])]
    listen: Vec<SocketAddr>,
    /// The path of the metrics.
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        default_value = "/metrics"
    )]
    telemetry_path: String,
    /// Let the configuration be reloaded over HTTP (POST /-/reload). SIGHUP always does.
    #[arg(long = "web.enable-lifecycle")]
    enable_lifecycle: bool,
}

/// An address as people write it: `:9871` stands for all addresses of the machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.to_owned()
    };
    whole
        .parse()
        .map_err(|_| format!("{text:?} is not ADDRESS:PORT, such as 127.0.0.1:9871"))
}

impl WebArgs {
    pub(super) fn settings(self, clock: Clock) -> Result<server::ServerConfig, Failure> {
        let path = self.telemetry_path;
        if !path.starts_with('/')
            || path == "/"
            || path.starts_with("/-/")
            || path.starts_with("/api/")
        {
            let rule = "it begins with a slash and is none of /, /-/... and /api/...";
            return Err(format!(
                "--web.telemetry-path: {path:?} cannot be the path of the metrics: {rule}"
            )
            .into());
        }
        Ok(server::ServerConfig {
            listen: self.listen,
            telemetry_path: path,
            enable_lifecycle: self.enable_lifecycle,
            clock,
            ..server::ServerConfig::default()
        })
    }
}

pub(super) async fn run(args: RunArgs) -> Result<(), Failure> {
    let clock = Clock::system();
    let source = ConfigSource {
        file: args.config_file,
        ..ConfigSource::default()
    };
    let agent = Agent::bind(source, args.web.settings(clock.clone())?, clock).await?;
    for address in agent.addresses() {
        info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    }
    let shutdown = CancellationToken::new();
    handle_signals(shutdown.clone(), Some(agent.reload_handle()))?;
    Ok(agent.run(shutdown).await?)
}

/// Ends the program in order at the first SIGTERM or SIGINT, at once at the second, and reloads at SIGHUP.
pub(super) fn handle_signals(
    shutdown: CancellationToken,
    reload: Option<ReloadHandle>,
) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hang_up.recv() => {
                    if let Some(reload) = &reload {
                        // Not awaited: a file that hangs must not delay SIGTERM. The agent logs the result.
                        drop(reload.reload());
                    }
                    continue;
                }
            }
            if shutdown.is_cancelled() {
                warn!("told to stop a second time: stopping at once");
                std::process::exit(130);
            }
            info!("stopping");
            shutdown.cancel();
        }
    });
    Ok(())
}

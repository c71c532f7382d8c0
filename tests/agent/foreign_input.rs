//! Other people's input: what pods, annotations and servers send must neither stop, delay nor swell the rest.

mod annotations;
mod bodies;
mod prometheus_answers;
mod targets;

use std::net::SocketAddr;
use std::path::Path;

use crate::support::program::{Program, breakeven};

/// Starts an agent whose AWS APIs are all at an address, and waits until it listens.
async fn start_agent(config: &Path, aws: SocketAddr) -> (Program, SocketAddr) {
    let mut command = breakeven(&[
        "run",
        "--web.listen-address",
        "127.0.0.1:0",
        "--config.file",
    ]);
    command
        .arg(config)
        .env("AWS_ENDPOINT_URL", format!("http://{aws}"))
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    let mut agent = Program::start(&mut command);
    let address = agent.listens("message=listening address=").await;
    (agent, address)
}

//! The HTTP server: the page, the metrics, health, and reloading.
//!
//! What enters: connections, and the [`Store`] with the latest report. What leaves: responses, and requests for a reload.
//!
//! [`bind`] opens the sockets, [`Server::serve`] answers until it is told to stop.
//!
//! **Architecture Invariant:** a handler reads the [`Store`] and nothing else. No request can cause a call
//! to AWS, Kubernetes or Prometheus, and no request waits for one.
//!
//! [`Store`]: crate::snapshot::Store

mod answer;
mod connections;
mod explain;
mod html;
mod listener;
mod monitored_stream;
mod page;
mod paths;
mod routes;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::exposition::HttpRequests;
use breakeven_clock::Clock;

pub use listener::{Server, bind};

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The path of the metrics. It begins with a slash.
    pub telemetry_path: String,
    /// Whether the configuration may be reloaded over HTTP.
    pub enable_lifecycle: bool,
    /// How many connections may be open; at the limit idle and slow ones are closed for new ones.
    pub max_connections: usize,
    /// Tells how old a report is.
    pub clock: Clock,
    /// Counts the requests.
    pub requests: HttpRequests,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9871))],
            telemetry_path: "/metrics".to_owned(),
            enable_lifecycle: false,
            // Enough for dozens of scrapers, probes and people, few enough for any limit on open files.
            max_connections: 512,
            clock: Clock::system(),
            requests: HttpRequests::default(),
        }
    }
}

/// Requests a reload of the configuration when it is called, and returns a future for the result. The reload also happens
/// if the future is dropped. The error names the problem of the new configuration; the old one stays.
pub type ReloadHook = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

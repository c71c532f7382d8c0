//! Sockets and connections.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info};

use super::connections::{Connection, Connections};
use super::monitored_stream::MonitoredStream;
use super::routes::{Shared, route};
use super::{ReloadHook, ServerConfig};
use crate::snapshot::Store;

/// How long a client may take to send the head of a request, and how long a connection may lie idle: longer
/// than most scrape intervals would only keep connections for nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// No connection lives longer. It is what frees the place of a client that reads its answer too slowly, or
/// never; others just connect again.
const CONNECTION_AGE: Duration = Duration::from_secs(300);

/// How long an answer that is under way may take after that, or after the server was told to stop. Kubernetes
/// gives a pod 30 s in all.
const GRACE: Duration = Duration::from_secs(5);

/// How many connections may wait in the kernel to be accepted: as many as Go's servers let wait, and Linux allows by
/// default. Beyond it the kernel drops connections, and a client tries again only after a second.
const BACKLOG: u32 = 4_096;

/// How much of its responses the kernel keeps for a client, in bytes. By itself Linux lets it grow to 4 MiB, which 512
/// clients that read nothing would make 2 GiB. It is below `net.core.wmem_max`, and enough for 600 KB/s at 100 ms.
const SEND_BUFFER: u32 = 64 * 1_024;

/// The largest request head, in bytes. Half a request is kept in memory for each connection.
const MAX_HEAD: usize = 64 * 1_024;

/// The first pause after a failed accept (no file descriptor is free, say), and the longest.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Sockets that listen already, and are not served yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    settings: ServerConfig,
    store: Store,
    reload: Reload,
}

/// The hook, which has no `Debug` of its own.
struct Reload(ReloadHook);

impl std::fmt::Debug for Reload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Reload")
    }
}

/// Opens the sockets.
///
/// # Errors
/// When an address cannot be listened on; the error names it.
pub async fn bind(settings: ServerConfig, store: Store, reload: ReloadHook) -> io::Result<Server> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for address in &settings.listen {
        let named = |error: io::Error| {
            let what = format!(
                "cannot listen on {address}: {error}; choose another with --web.listen-address"
            );
            io::Error::new(error.kind(), what)
        };
        let listener = listen(*address).map_err(named)?;
        addresses.push(listener.local_addr().map_err(named)?);
        listeners.push(listener);
    }
    Ok(Server {
        listeners,
        addresses,
        settings,
        store,
        reload: Reload(reload),
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart may listen although connections of the process before it still end.
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// Where it listens, with the ports that were free where port 0 was asked for.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers until it is told to stop; then answers what is under way, for a few seconds at most.
    pub async fn serve(self, shutdown: CancellationToken) {
        let connections = Connections::new(self.settings.max_connections);
        let shared = Arc::new(Shared {
            settings: self.settings,
            store: self.store,
            reload: self.reload.0,
        });
        let tasks = TaskTracker::new();
        for (listener, address) in self.listeners.into_iter().zip(self.addresses) {
            info!(%address, "listening");
            let acceptor = Acceptor {
                connections: connections.clone(),
                shared: shared.clone(),
                tasks: tasks.clone(),
                shutdown: shutdown.clone(),
            };
            tasks.spawn(acceptor.accept_from(listener));
        }
        shutdown.cancelled().await;
        tasks.close();
        tasks.wait().await;
    }
}

/// What accepting takes besides a socket.
struct Acceptor {
    connections: Connections,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Acceptor {
    /// Accepts until the server is told to stop. No error ends it.
    async fn accept_from(self, listener: TcpListener) {
        let shutdown = self.shutdown.clone();
        let forever = async {
            let mut pause = ACCEPT_PAUSE.0;
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        pause = ACCEPT_PAUSE.0;
                        self.admit(stream).await;
                    }
                    Err(error) if is_per_connection(&error) => {
                        debug!(%error, "a connection ended before it was accepted");
                    }
                    // Too many files are open, most likely: a slow client gives up its one.
                    Err(_) if self.connections.close_slow().await => {}
                    Err(error) => {
                        error!(%error, pause = ?pause, "cannot accept connections, trying again");
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(ACCEPT_PAUSE.1);
                    }
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = forever => {}
        }
    }

    /// Serves the connection in a task of its own.
    async fn admit(&self, stream: TcpStream) {
        let connection = Arc::new(self.connections.admit().await);
        let (shared, shutdown) = (self.shared.clone(), self.shutdown.clone());
        self.tasks
            .spawn(serve_connection(stream, connection, shared, shutdown));
    }
}

async fn serve_connection(
    stream: TcpStream,
    place: Arc<Connection>,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
) {
    // Answers are whole when they are sent: nothing is gained by waiting for more.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot send without delay");
    }
    let stream = MonitoredStream::new(stream, place.clone());
    let activity = place.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (shared, activity) = (shared.clone(), activity.clone());
        activity.handle();
        async move {
            let body = request.body().size_hint().lower();
            let (head, _unread) = request.into_parts();
            let answer = route(&shared, &head, body).await;
            activity.sent();
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = place.must_close() => {
            debug!("a slow connection was closed for a new one");
            return;
        }
        () = stop(&shutdown) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = tokio::time::timeout(GRACE, connection.as_mut()) => ended.unwrap_or_else(|_| {
                    place.time_out();
                    Ok(())
                }),
                () = place.must_close() => Ok(()),
            }
        }
    };
    if let Err(error) = result {
        if error.is_timeout() {
            place.time_out();
        }
        debug!(%error, "a connection broke");
    }
}

/// Waits until a connection has to end.
async fn stop(shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(CONNECTION_AGE) => {}
    }
}

/// Whether the error is about the one connection that was to be accepted, and says nothing of the next.
fn is_per_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

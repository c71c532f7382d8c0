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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info};

use super::routes::{Shared, route};
use super::{ReloadHook, Settings};
use crate::store::Store;

/// How long a client may take to send the head of a request, and how long a connection may lie idle: longer
/// than most scrape intervals would only keep connections for nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// No connection lives longer. It is what frees the place of a client that reads its answer too slowly, or
/// never; others just connect again.
const CONNECTION_AGE: Duration = Duration::from_secs(300);

/// How long an answer that is under way may take after that, or after the server was told to stop. Kubernetes
/// gives a pod 30 s in all.
const GRACE: Duration = Duration::from_secs(5);

/// The first pause after a failed accept (no file descriptor is free, say), and the longest.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Sockets that listen already, and are not served yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    settings: Settings,
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
pub async fn bind(settings: Settings, store: Store, reload: ReloadHook) -> io::Result<Server> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for address in &settings.listen {
        let named = |error: io::Error| {
            let what = format!(
                "cannot listen on {address}: {error}; choose another with --web.listen-address"
            );
            io::Error::new(error.kind(), what)
        };
        let listener = TcpListener::bind(address).await.map_err(named)?;
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

impl Server {
    /// Where it listens, with the ports that were free where port 0 was asked for.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers until it is told to stop; then answers what is under way, for a few seconds at most.
    pub async fn serve(self, shutdown: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.settings.max_connections.max(1)));
        let shared = Arc::new(Shared {
            settings: self.settings,
            store: self.store,
            reload: self.reload.0,
        });
        let tasks = TaskTracker::new();
        for (listener, address) in self.listeners.into_iter().zip(self.addresses) {
            info!(%address, "listening");
            let acceptor = Acceptor {
                slots: slots.clone(),
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
    slots: Arc<Semaphore>,
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
                    Err(error) if is_of_one_connection(&error) => {
                        debug!(%error, "a connection ended before it was accepted");
                    }
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

    /// Serves the connection in a task of its own, as soon as there is a place for it.
    async fn admit(&self, stream: TcpStream) {
        let Ok(slot) = self.slots.clone().acquire_owned().await else {
            return;
        };
        let (shared, shutdown) = (self.shared.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            serve_connection(stream, shared, shutdown).await;
            drop(slot);
        });
    }
}

async fn serve_connection(stream: TcpStream, shared: Arc<Shared>, shutdown: CancellationToken) {
    // Answers are whole when they are sent: nothing is gained by waiting for more.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot send without delay");
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let shared = shared.clone();
        async move {
            let body = request.body().size_hint().lower();
            let (head, _unread) = request.into_parts();
            Ok::<_, Infallible>(route(&shared, &head, body).await)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop(&shutdown) => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
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
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

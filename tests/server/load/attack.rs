//! Clients that hold connections and send or read slowly.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// How many clients connect at once.
const AT_ONCE: usize = 64;

/// How long connecting may take; a client that does not get in by then is left out.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// In each interval one part of the clients has its turn: dripping ones send a byte, and closed connections are noticed.
const INTERVAL: Duration = Duration::from_millis(100);

/// How many intervals it takes until all clients had their turn.
const TURNS: usize = 10;

/// How many connections that the server closed are opened again in each interval.
const REOPENED: usize = 6;

const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
const HALF_HEAD: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Half: ";

/// What the clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// They send nothing.
    Idle,
    /// They send a half of a request head and stop.
    HalfHead,
    /// They send a request head byte by byte.
    Dripping,
    /// They ask for metrics and never read them.
    SlowReader,
}

/// Clients that hold their connections until this is dropped.
pub(crate) struct Attack(JoinHandle<()>);

impl Drop for Attack {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Attack {
    /// Returns once all clients have tried to connect.
    pub(crate) async fn start(behavior: Behavior, clients: usize, target: SocketAddr) -> Self {
        let mut open = Vec::with_capacity(clients);
        behavior.open(&mut open, clients, target).await;
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(INTERVAL);
            for turn in 0.. {
                ticks.tick().await;
                let mut client = turn;
                open.retain(|stream| {
                    client += 1;
                    client % TURNS != 0 || behavior.is_open(stream)
                });
                let closed = clients - open.len();
                behavior.open(&mut open, closed.min(REOPENED), target).await;
            }
        }))
    }
}

impl Behavior {
    async fn open(self, open: &mut Vec<TcpStream>, mut clients: usize, target: SocketAddr) {
        while clients > 0 {
            let batch = clients.min(AT_ONCE);
            let connected = join_all((0..batch).map(|_| self.connect(target))).await;
            open.extend(connected.into_iter().flatten());
            clients -= batch;
        }
    }

    async fn connect(self, target: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if self == Self::SlowReader {
            socket.set_recv_buffer_size(4_096)?;
        }
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, socket.connect(target)).await??;
        let first = match self {
            Self::Idle => Vec::new(),
            Self::HalfHead | Self::Dripping => HALF_HEAD.to_vec(),
            Self::SlowReader => REQUEST.to_vec(),
        };
        if !first.is_empty() {
            stream.writable().await?;
            stream.try_write(&first)?;
        }
        Ok(stream)
    }

    /// Whether the server has kept the connection. Dripping clients send their next byte.
    fn is_open(self, stream: &TcpStream) -> bool {
        let result = match self {
            Self::Idle | Self::HalfHead => match stream.try_read(&mut [0; 64]) {
                Ok(0) => return false,
                result => result,
            },
            Self::Dripping => stream.try_write(b"x"),
            Self::SlowReader => return matches!(stream.take_error(), Ok(None)),
        };
        match result {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

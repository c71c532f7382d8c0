//! A close that waits until the client has received everything.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// How long a client may take to receive the last response and to close its side.
const LINGER: Duration = Duration::from_secs(30);

/// How often the acknowledgment of the last bytes is checked after the client closed its side: no event reports it.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// The client did not receive everything in time.
#[derive(Debug)]
pub(super) struct Undelivered;

/// The time after the server closed its side of a connection.
#[derive(Debug)]
pub(super) struct LingeringClose {
    deadline: Instant,
    timer: Pin<Box<Sleep>>,
    /// Whether the client closed its side too.
    is_half_closed: bool,
}

impl LingeringClose {
    pub(super) fn new() -> Self {
        let deadline = Instant::now() + LINGER;
        Self {
            deadline,
            timer: Box::pin(tokio::time::sleep_until(deadline)),
            is_half_closed: false,
        }
    }

    /// Waits until both sides are closed and everything is acknowledged. Anything that the client sends is discarded.
    pub(super) fn poll_received(
        &mut self,
        stream: &mut TcpStream,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Undelivered>> {
        loop {
            // A socket has no peer once both sides are closed and acknowledged.
            if stream.peer_addr().is_err() {
                return Poll::Ready(Ok(()));
            }
            let now = Instant::now();
            if now >= self.deadline {
                return Poll::Ready(Err(Undelivered));
            }
            if self.is_half_closed {
                let next = self.deadline.min(now + CHECK_INTERVAL);
                self.timer.as_mut().reset(next);
            } else {
                let mut discarded = [0; 1_024];
                let mut buffer = ReadBuf::new(&mut discarded);
                match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                    Poll::Ready(Ok(())) => {
                        self.is_half_closed = buffer.filled().is_empty();
                        continue;
                    }
                    // The client reset the connection.
                    Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                    Poll::Pending => {}
                }
            }
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

//! A socket that records the progress of its client.
//!
//! Three limits keep clients that do not read from harming others:
//!
//! - A write is short, and other tasks have their turn after it: a probe does not wait for hundreds of long copies.
//! - A close waits until the client has received everything, so a client without a place has no memory in the kernel.
//! - A connection that the server closes against the client's will is reset, which frees its memory in the kernel.

mod lingering_close;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use self::lingering_close::LingeringClose;
use super::connections::Connection;

/// The longest write in bytes; the kernel copies as much in about 40 µs.
const MAX_WRITE: usize = 16 * 1_024;

/// A socket and its place among the open connections.
#[derive(Debug)]
pub(super) struct MonitoredStream {
    stream: TcpStream,
    connection: Arc<Connection>,
    has_written: bool,
    /// Whether other tasks have their turn before the next write.
    yields: bool,
    closing: Option<LingeringClose>,
}

impl MonitoredStream {
    pub(super) const fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self {
            stream,
            connection,
            has_written: false,
            yields: false,
            closing: None,
        }
    }

    /// Lets other tasks have their turn after a long write.
    fn poll_turn(&mut self, context: &Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.yields) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn record(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes @ 1..)) = written {
            self.has_written = true;
            self.yields = bytes >= MAX_WRITE / 2;
            self.connection.sent();
        }
        written
    }
}

impl Drop for MonitoredStream {
    fn drop(&mut self) {
        if self.connection.must_reset() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for MonitoredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.received();
        }
        read
    }
}

impl AsyncWrite for MonitoredStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(context));
        let bytes = &bytes[..bytes.len().min(MAX_WRITE)];
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.record(written)
    }

    // Without vectored writes every response would be copied for its connection.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let short = limit_write(parts);
        if short.is_empty() {
            let first = parts.iter().find(|part| !part.is_empty());
            return self.poll_write(context, first.map_or(&[], |part| part));
        }
        ready!(self.poll_turn(context));
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, short);
        self.record(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.connection.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !this.has_written {
                return Poll::Ready(Ok(()));
            }
        }
        let closing = this.closing.get_or_insert_with(LingeringClose::new);
        if ready!(closing.poll_received(&mut this.stream, context)).is_err() {
            this.connection.time_out();
        }
        Poll::Ready(Ok(()))
    }
}

/// The first parts that make a short write; empty if the first of them is too long.
fn limit_write<'a, 'b>(parts: &'a [IoSlice<'b>]) -> &'a [IoSlice<'b>] {
    let mut total = 0;
    let is_short = |part: &&IoSlice<'_>| {
        total += part.len();
        total <= MAX_WRITE
    };
    &parts[..parts.iter().take_while(is_short).count()]
}

//! The open connections, and which of them closes first when there are too many.
//!
//! A new connection always gets a place, so that probes and scrapes never wait for other clients. At the limit the
//! server closes another connection for it: first an idle one, then one that sends its request slowly, then one that
//! reads its response slowly. If no client is slow, the connection without activity for the longest time closes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// After this time without progress a client is slow. Honest clients send a request head in one packet.
const SLOW_AFTER: Duration = Duration::from_secs(1);

/// The part of all connections that closes when there are too many.
const CLOSED_AT_ONCE: usize = 16;

/// How many connections may be open beyond the limit while their tasks end.
const CLOSING_LIMIT: usize = 64;

/// What happens on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing: it is new, or it is kept alive after a response.
    Idle,
    /// The client sends a request head.
    Receiving,
    /// The server prepares the response.
    Handling,
    /// The client receives the response.
    Sending,
}

/// What happens on a connection, and for how long.
#[derive(Clone, Copy, Debug)]
struct Activity {
    phase: Phase,
    /// The start of the phase; of a response, when the client last accepted a part of it.
    since: Instant,
}

/// Which connections close first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Priority {
    Idle,
    SlowRequest,
    SlowReader,
    Active,
}

impl Activity {
    fn priority(self, now: Instant) -> Priority {
        let is_slow = now.saturating_duration_since(self.since) >= SLOW_AFTER;
        match self.phase {
            Phase::Idle if is_slow => Priority::Idle,
            Phase::Receiving if is_slow => Priority::SlowRequest,
            Phase::Sending if is_slow => Priority::SlowReader,
            _ => Priority::Active,
        }
    }

    /// The connection with the lowest value closes first.
    fn order(self, now: Instant) -> (Priority, Instant) {
        let last = match self.phase {
            // The client waits for the server.
            Phase::Handling => now,
            _ => self.since,
        };
        (self.priority(now), last)
    }
}

/// A connection in the table.
#[derive(Debug)]
struct Entry {
    activity: Arc<Mutex<Activity>>,
    close: CancellationToken,
}

#[derive(Debug, Default)]
struct Table {
    next_id: u64,
    open: BTreeMap<u64, Entry>,
    /// How many connections were told to close and are still open.
    closing: usize,
}

impl Table {
    /// Closes up to `count` connections of at most this priority, in order; returns how many.
    fn close_first(&mut self, count: usize, at_most: Priority, now: Instant) -> usize {
        let entries = self.open.values();
        let candidates = entries.filter(|entry| !entry.close.is_cancelled());
        let ordered = candidates.map(|entry| (lock(&entry.activity).order(now), entry));
        let mut ordered: Vec<_> = ordered
            .filter(|((priority, _), _)| *priority <= at_most)
            .collect();
        ordered.sort_by_key(|(order, _)| *order);
        let first = ordered.iter().take(count);
        let closed = first.map(|(_, entry)| entry.close.cancel()).count();
        self.closing += closed;
        closed
    }
}

/// All open connections; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    table: Mutex<Table>,
    closed: Notify,
}

impl Connections {
    /// None yet, and at most `limit`.
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Shared {
            limit: limit.max(1),
            table: Mutex::default(),
            closed: Notify::new(),
        }))
    }

    /// A place for a new connection. At the limit another connection closes for it.
    ///
    /// This waits for the server's own tasks only, and never for a client.
    pub(super) async fn admit(&self) -> Connection {
        loop {
            let closed = self.0.closed.notified();
            if let Some(connection) = self.try_admit(Instant::now()) {
                return connection;
            }
            closed.await;
        }
    }

    /// Closes a connection whose client is slow; false if there is none.
    pub(super) async fn close_slow(&self) -> bool {
        let closed = self.0.closed.notified();
        let count = lock(&self.0.table).close_first(1, Priority::SlowReader, Instant::now());
        if count > 0 {
            closed.await;
        }
        count > 0
    }

    fn try_admit(&self, now: Instant) -> Option<Connection> {
        let mut table = lock(&self.0.table);
        if table.open.len() - table.closing >= self.0.limit {
            // Several at once, as finding the first ones takes longer than closing them.
            let count = (self.0.limit / CLOSED_AT_ONCE).max(1);
            table.close_first(count, Priority::Active, now);
        }
        if table.open.len() >= self.0.limit + CLOSING_LIMIT {
            return None;
        }
        let id = table.next_id;
        table.next_id += 1;
        let activity = Arc::new(Mutex::new(Activity {
            phase: Phase::Idle,
            since: now,
        }));
        let close = CancellationToken::new();
        let entry = Entry {
            activity: activity.clone(),
            close: close.clone(),
        };
        table.open.insert(id, entry);
        Some(Connection {
            id,
            activity,
            close,
            has_timed_out: AtomicBool::new(false),
            table: self.0.clone(),
        })
    }
}

/// The place of an open connection. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    id: u64,
    activity: Arc<Mutex<Activity>>,
    close: CancellationToken,
    has_timed_out: AtomicBool,
    table: Arc<Shared>,
}

impl Connection {
    /// Waits until the connection has to close for another one.
    pub(super) async fn must_close(&self) {
        self.close.cancelled().await;
    }

    /// The client exceeded a time limit.
    pub(super) fn time_out(&self) {
        self.has_timed_out.store(true, Ordering::Relaxed);
    }

    /// Whether the server closes the connection against the client's will.
    ///
    /// Such a connection is reset. A response that fits the send buffer is "sent" as soon as the kernel has it. After an
    /// ordinary close the kernel would keep it for minutes, without limit on the number of such clients.
    pub(super) fn must_reset(&self) -> bool {
        self.close.is_cancelled() || self.has_timed_out.load(Ordering::Relaxed)
    }

    /// The client sent something.
    pub(super) fn received(&self) {
        let mut activity = lock(&self.activity);
        // The head counts from its first byte: a byte from time to time does not make a client fast.
        if activity.phase == Phase::Idle {
            activity.enter(Phase::Receiving);
        }
    }

    /// The request head is complete.
    pub(super) fn handle(&self) {
        lock(&self.activity).enter(Phase::Handling);
    }

    /// The response is ready to be sent, or the client accepted a part of it.
    pub(super) fn sent(&self) {
        lock(&self.activity).enter(Phase::Sending);
    }

    /// Everything so far is sent.
    pub(super) fn flushed(&self) {
        let mut activity = lock(&self.activity);
        if activity.phase == Phase::Sending {
            activity.enter(Phase::Idle);
        }
    }
}

impl Activity {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = lock(&self.table.table);
        table.open.remove(&self.id);
        if self.close.is_cancelled() {
            table.closing -= 1;
        }
        drop(table);
        self.table.closed.notify_waiters();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

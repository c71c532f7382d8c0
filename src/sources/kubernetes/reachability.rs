//! Whether the API server answers, as all who ask it find together: an outage is logged once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

/// An outage that begins so soon after another one was logged is part of it, and is logged only if it lasts longer.
const SAME_OUTAGE: Duration = Duration::from_secs(60);

/// What is known of one API server.
#[derive(Debug, Default)]
pub(super) struct Reachability {
    /// Whether the credentials may have changed.
    is_suspect: AtomicBool,
    outage: Mutex<Outage>,
}

#[derive(Debug, Default)]
struct Outage {
    /// Since when nothing answers; absent while the server answers.
    since: Option<Instant>,
    /// Whether that was logged.
    is_logged: bool,
    /// When an outage was logged last.
    logged_at: Option<Instant>,
}

impl Reachability {
    /// The server answered.
    pub(super) fn found(&self) {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(since) = outage.since.take() else {
            return;
        };
        if std::mem::take(&mut outage.is_logged) {
            let seconds = since.elapsed().as_secs();
            info!(seconds, "Kubernetes API server reachable again");
        }
    }

    /// The server did not answer. It may be another one by now, with another authority.
    pub(super) fn lost(&self, error: &str) {
        self.suspect();
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        outage.since.get_or_insert(now);
        if outage.is_logged {
            return;
        }
        if outage.logged_at.is_none_or(|last| now - last > SAME_OUTAGE) {
            (outage.is_logged, outage.logged_at) = (true, Some(now));
            warn!(
                source = "kubernetes",
                error, "Kubernetes API server unreachable"
            );
        }
    }

    /// The credentials may have changed: they are looked at before the next request.
    pub(super) fn suspect(&self) {
        self.is_suspect.store(true, Ordering::Relaxed);
    }

    /// Whether the credentials may have changed since this was asked last.
    pub(super) fn take_suspected(&self) -> bool {
        self.is_suspect.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Reports a failure, and returns whether its outage has been logged.
    fn lose(server: &Reachability) -> bool {
        server.lost("connection refused");
        server.outage.lock().unwrap().is_logged
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_soon_after_another_is_logged_if_it_lasts() {
        let server = Reachability::default();
        assert!(lose(&server), "the first outage");
        advance(SECOND).await;
        server.found();
        advance(SECOND).await;
        assert!(!lose(&server), "it may be part of the first outage");
        advance(SAME_OUTAGE).await;
        assert!(lose(&server), "it lasts");
        server.found();
        assert!(!server.outage.lock().unwrap().is_logged);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_comes_and_goes_is_logged_once_a_minute() {
        let server = Reachability::default();
        let mut logged = 0;
        for _ in 0..60 {
            logged += u32::from(lose(&server));
            advance(5 * SECOND).await;
            server.found();
            advance(5 * SECOND).await;
        }
        assert!((8..=10).contains(&logged), "{logged} times in 10 minutes");
    }
}

//! Health of the process: does the main loop turn, and which file operations hang.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::disk::Disks;

/// The longest that the main loop may stand: far beyond a report of the largest cluster, and short enough for a liveness
/// probe to restart the pod.
const MAX_STAND: Duration = Duration::from_secs(120);

/// How old a file operation is when it is named: a disk that works takes less.
const HANGS_AFTER: Duration = Duration::from_secs(2);

/// Health of the process; clones share it.
#[derive(Clone, Debug)]
pub struct Health {
    turned_at: Arc<Mutex<Instant>>,
    disks: Disks,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            turned_at: Arc::new(Mutex::new(Instant::now())),
            disks: Disks::default(),
        }
    }

    /// Notes that the main loop turns.
    pub fn record_turn(&self) {
        *self.lock() = Instant::now();
    }

    /// The disks whose file operations are named while they hang.
    #[must_use]
    pub const fn disks(&self) -> &Disks {
        &self.disks
    }

    /// A sentence for the health endpoint.
    ///
    /// # Errors
    /// The reason, if the main loop has stood for too long.
    pub fn check(&self) -> Result<String, String> {
        let operations = self.disks.operations();
        let hung: String = operations
            .iter()
            .filter(|(_, operation)| operation.age() >= HANGS_AFTER)
            .map(|(name, operation)| {
                let (what, seconds) = (operation.what(), operation.age().as_secs());
                format!("; {name}: {what} has not finished for {seconds} s")
            })
            .collect();
        let stands = self.lock().elapsed();
        if stands < MAX_STAND {
            return Ok(format!("breakeven is healthy{hung}"));
        }
        let seconds = stands.as_secs();
        Err(format!(
            "breakeven is not healthy: the main loop has not turned for {seconds} s{hung}"
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Instant> {
        self.turned_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::disk::Disk;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_stands_for_two_minutes_is_not_healthy_until_it_turns() {
        let health = Health::new();
        tokio::time::advance(Duration::from_secs(119)).await;
        assert_eq!(health.check(), Ok("breakeven is healthy".to_owned()));
        tokio::time::advance(Duration::from_secs(1)).await;
        let reason = "breakeven is not healthy: the main loop has not turned for 120 s";
        assert_eq!(health.check(), Err(reason.to_owned()));
        health.record_turn();
        assert_eq!(health.check(), Ok("breakeven is healthy".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_that_hangs_is_named_and_is_no_reason_to_restart() {
        let (health, disk) = (Health::new(), Disk::default());
        health.disks().watch("state", &disk);
        let (release, hangs) = mpsc::channel::<()>();
        let what = "write to /x".to_owned();
        let mut hung =
            std::pin::pin!(disk.run(what, Duration::from_secs(3_600), move || hangs.recv()));
        assert!(futures::poll!(hung.as_mut()).is_pending());
        assert_eq!(health.check(), Ok("breakeven is healthy".to_owned()));
        tokio::time::advance(Duration::from_secs(37)).await;
        let named = "breakeven is healthy; state: write to /x has not finished for 37 s";
        assert_eq!(health.check(), Ok(named.to_owned()));
        drop(release);
        assert!(hung.await.is_ok());
        assert_eq!(health.check(), Ok("breakeven is healthy".to_owned()));
    }
}

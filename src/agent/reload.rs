//! Requests to reload the configuration.
//!
//! While the main loop reads the configuration, one more reload can be queued. All requests that arrive before
//! that one starts share it and its result, so any number of them takes one place.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::Shared;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// Where the main loop sends the result of a reload.
pub(super) type Reload = oneshot::Sender<Result<(), String>>;

type SharedResult = Shared<oneshot::Receiver<Result<(), String>>>;

/// Requests reloads of a running agent; clones share the queue.
#[derive(Clone, Debug)]
pub struct ReloadHandle {
    queue: mpsc::Sender<Reload>,
    /// The result of the reload that was queued last.
    last_queued: Arc<Mutex<Option<SharedResult>>>,
}

impl ReloadHandle {
    /// A handle, and the queue of one that the main loop empties.
    pub(super) fn new() -> (Self, mpsc::Receiver<Reload>) {
        let (queue, reloads) = mpsc::channel(1);
        let handle = Self {
            queue,
            last_queued: Arc::default(),
        };
        (handle, reloads)
    }

    /// Requests a reload at once, and returns a future for its result. The reload also happens if that is dropped.
    ///
    /// # Errors
    /// The problem of the new configuration, in which case the old one stays, or that the agent stops.
    pub fn reload(&self) -> impl Future<Output = Result<(), String>> + Send + use<> {
        let result = self.request();
        async move {
            let stopped = || Err("the agent has stopped".to_owned());
            match result {
                Some(result) => result.await.unwrap_or_else(|_| stopped()),
                None => stopped(),
            }
        }
    }

    /// Queues a reload, or shares the one that is queued; absent if the agent has stopped.
    fn request(&self) -> Option<SharedResult> {
        let mut last_queued = self
            .last_queued
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (reply, result) = oneshot::channel();
        match self.queue.try_send(reply) {
            Ok(()) => {
                *last_queued = Some(result.shared());
                last_queued.clone()
            }
            Err(TrySendError::Full(_)) => last_queued.clone(),
            Err(TrySendError::Closed(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn requests_share_the_reload_that_is_queued_and_not_the_one_that_runs() {
        let (handle, mut reloads) = ReloadHandle::new();
        let first = handle.reload();
        let running = reloads.try_recv().unwrap();
        // The file may have been read already.
        let others: Vec<_> = (0..2_000).map(|_| handle.reload()).collect();
        let queued = reloads.try_recv().unwrap();
        assert!(reloads.try_recv().is_err(), "one reload for all");
        running.send(Ok(())).unwrap();
        queued.send(Err("a mistake".to_owned())).unwrap();
        assert_eq!(first.await, Ok(()));
        let results = join_all(others).await;
        assert_eq!(results, vec![Err("a mistake".to_owned()); 2_000]);
    }

    #[tokio::test]
    async fn a_reload_is_requested_even_if_its_result_is_dropped() {
        let (handle, mut reloads) = ReloadHandle::new();
        drop(handle.reload());
        assert!(reloads.try_recv().is_ok());
    }

    #[tokio::test]
    async fn an_agent_that_stops_ends_every_reload() {
        let (handle, reloads) = ReloadHandle::new();
        let queued = handle.reload();
        drop(reloads);
        let stopped = Err("the agent has stopped".to_owned());
        assert_eq!(queued.await, stopped);
        assert_eq!(handle.reload().await, stopped);
    }
}

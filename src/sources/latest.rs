//! The latest value of something that changes, for the sources that need it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Tells what is so; clones tell the same listeners.
pub(super) struct Publisher<T>(watch::Sender<Option<Arc<T>>>);

/// Hears what is so; nothing before it was told for the first time.
pub(super) struct Subscriber<T>(watch::Receiver<Option<Arc<T>>>);

impl<T> Default for Publisher<T> {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl<T> Clone for Publisher<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Publisher<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Publisher")
            .field(&self.0.borrow())
            .finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Subscriber<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Heard")
            .field(&self.0.borrow())
            .finish()
    }
}

impl<T: PartialEq> Publisher<T> {
    /// Tells what is so now. Who listens hears of it where it is something else than before.
    pub(super) fn publish(&self, now: T) {
        self.0.send_if_modified(|before| {
            let is_new = before.as_deref() != Some(&now);
            if is_new {
                *before = Some(Arc::new(now));
            }
            is_new
        });
    }
}

impl<T> Publisher<T> {
    /// Listens from now on.
    pub(super) fn listen(&self) -> Subscriber<T> {
        Subscriber(self.0.subscribe())
    }
}

impl<T> Subscriber<T> {
    /// What was told last.
    pub(super) fn latest(&self) -> Option<Arc<T>> {
        self.0.borrow().clone()
    }

    /// What was told last, waiting a little for the first time.
    pub(super) async fn first(&mut self, wait: Duration) -> Option<Arc<T>> {
        let first = self.0.wait_for(Option::is_some);
        match tokio::time::timeout(wait, first).await {
            Ok(Ok(publisher)) => publisher.clone(),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// Waits until something is told of which `is_meant` is true; for ever when nobody tells any more.
    pub(super) async fn until(&mut self, is_meant: impl Fn(&T) -> bool + Send) {
        let is_meant = |publisher: &Option<Arc<T>>| publisher.as_deref().is_some_and(&is_meant);
        if self.0.wait_for(is_meant).await.is_err() {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_told_is_heard_and_waited_for_no_longer_than_a_little() {
        let publisher = Publisher::default();
        let mut subscriber = publisher.listen();
        assert_eq!(subscriber.first(Duration::from_secs(1)).await, None);
        publisher.clone().publish(1);
        assert_eq!(
            subscriber.first(Duration::from_secs(1)).await.as_deref(),
            Some(&1)
        );
        let first = subscriber.latest().unwrap();
        publisher.publish(1);
        assert!(
            Arc::ptr_eq(&first, &subscriber.latest().unwrap()),
            "nothing new"
        );
        publisher.publish(2);
        assert_eq!(subscriber.latest().as_deref(), Some(&2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_meant_is_waited_for_and_nothing_else() {
        let publisher = Publisher::default();
        let mut subscriber = publisher.listen();
        let mut waiting = Box::pin(subscriber.until(|number| *number > 2));
        for (number, is_meant) in [(1, false), (2, false), (3, true)] {
            publisher.publish(number);
            let waited = tokio::time::timeout(Duration::from_secs(1), &mut waiting).await;
            assert_eq!(waited.is_ok(), is_meant, "{number}");
        }
    }
}

//! How long a watch waits before its next attempt.

use std::time::Duration;

use crate::sources::backoff::Backoff;

/// The first pause after a failure; each further failure doubles it. As kube and client-go have it.
const FIRST_PAUSE: Duration = Duration::from_millis(800);

/// The longest pause while no server answers: one that returns is watched again within 5 s. A connection that is refused
/// costs it nothing, unlike a request.
const MAX_RECONNECT_PAUSE: Duration = Duration::from_secs(3);

/// The pauses of one watch. Each kind of failure has its own back-off, and its own success that resets it.
#[derive(Debug)]
pub(super) struct WatchBackoff {
    /// No server answers; any answer is a success.
    unreachable: Backoff,
    /// Lists fail; a whole list is a success.
    list: Backoff,
    /// Watches fail or do not last; one that lasts is a success, and nothing less: a list that succeeds before each of
    /// them does not make them last.
    watch: Backoff,
    /// Whether the next interruption needs no pause: the first after a watch that lasted, or after the server was away.
    is_next_free: bool,
}

impl WatchBackoff {
    pub(super) fn new(max: Duration) -> Self {
        Self {
            unreachable: Backoff::new(FIRST_PAUSE, max.min(MAX_RECONNECT_PAUSE)),
            list: Backoff::new(FIRST_PAUSE, max),
            watch: Backoff::new(FIRST_PAUSE, max),
            is_next_free: true,
        }
    }

    /// The pause after no server answered. One that restarts has forgotten the versions from before: that is expected next.
    pub(super) fn after_no_answer(&mut self) -> Duration {
        self.is_next_free = true;
        self.unreachable.next_pause()
    }

    /// The pause after a list failed.
    pub(super) fn after_failed_list(&mut self) -> Duration {
        self.list.next_pause()
    }

    /// The pause after a watch failed.
    pub(super) fn after_failed_watch(&mut self) -> Duration {
        self.watch.next_pause()
    }

    /// The pause after a watch was cut early, or its version was gone: none if that is the first time in a row.
    pub(super) fn after_interruption(&mut self) -> Duration {
        if std::mem::take(&mut self.is_next_free) {
            return Duration::ZERO;
        }
        self.watch.next_pause()
    }

    /// A server answered, whatever it was.
    pub(super) fn answered(&mut self) {
        self.unreachable.reset();
    }

    /// A list was read to its end.
    pub(super) fn listed(&mut self) {
        self.list.reset();
    }

    /// A watch lasted.
    pub(super) fn lasted(&mut self) {
        self.watch.reset();
        self.is_next_free = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(30);

    #[test]
    fn watches_that_do_not_last_are_opened_ever_more_rarely_whatever_lists_do() {
        let mut pauses = WatchBackoff::new(MAX);
        assert_eq!(pauses.after_interruption(), Duration::ZERO);
        let mut last = Duration::ZERO;
        for _ in 0..10 {
            pauses.answered();
            pauses.listed();
            last = pauses.after_interruption();
        }
        assert!((MAX / 2..=MAX).contains(&last), "{last:?}");
        pauses.lasted();
        assert_eq!(pauses.after_interruption(), Duration::ZERO);
        assert!(pauses.after_interruption() <= 2 * FIRST_PAUSE);
    }

    #[test]
    fn a_server_that_was_away_is_asked_again_within_seconds_and_its_first_410_costs_no_time() {
        let mut pauses = WatchBackoff::new(MAX);
        pauses.after_interruption();
        for _ in 0..20 {
            let pause = pauses.after_no_answer();
            assert!(pause <= MAX_RECONNECT_PAUSE, "{pause:?}");
        }
        pauses.answered();
        assert_eq!(pauses.after_interruption(), Duration::ZERO);
    }

    #[test]
    fn a_list_that_succeeds_resets_the_pauses_of_lists_alone() {
        let mut pauses = WatchBackoff::new(MAX);
        for _ in 0..10 {
            pauses.after_failed_list();
            pauses.after_failed_watch();
        }
        pauses.listed();
        assert!(pauses.after_failed_list() <= 2 * FIRST_PAUSE);
        assert!(pauses.after_failed_watch() >= MAX / 2);
    }
}

//! How the watches stand, and when there is something to publish.

use std::time::Duration;

use tokio::time::Instant;

use super::store::Event;
use super::watch::WatchSignal;
use crate::sources::{Reason, SourceError};

/// After how many interruptions in a row a watch is said not to last.
const TOO_MANY_INTERRUPTIONS: u32 = 3;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    Nodes,
    Pods,
    ReplicaSets,
    Jobs,
    Deployments,
    StatefulSets,
    DaemonSets,
    CronJobs,
    Scalers,
    Services,
    Routes,
    TargetGroupBindings,
    Volumes,
    StorageClasses,
}

impl Watch {
    pub(super) const ALL: [Self; 14] = [
        Self::Nodes,
        Self::Pods,
        Self::ReplicaSets,
        Self::Jobs,
        Self::Deployments,
        Self::StatefulSets,
        Self::DaemonSets,
        Self::CronJobs,
        Self::Scalers,
        Self::Services,
        Self::Routes,
        Self::TargetGroupBindings,
        Self::Volumes,
        Self::StorageClasses,
    ];

    /// Nothing is known of the cluster without these.
    pub(super) const fn is_required(self) -> bool {
        matches!(self, Self::Nodes | Self::Pods)
    }

    /// Whether what is watched is there only where somebody installed it: the Gateway API, the AWS Load Balancer Controller.
    pub(super) const fn is_optional_api(self) -> bool {
        matches!(self, Self::Routes | Self::TargetGroupBindings)
    }

    /// What is missing while it fails, and what is done about it.
    const fn without(self, is_listed: bool) -> &'static str {
        if is_listed {
            return "a watch failed; its last state stays in use";
        }
        match self {
            Self::Nodes | Self::Pods => "nothing is known of the cluster",
            Self::ReplicaSets | Self::Jobs => {
                "owners of pods are not known; pods are given to workloads by name"
            }
            Self::Deployments | Self::StatefulSets | Self::DaemonSets | Self::CronJobs => {
                "annotations of controllers are not known; those of pods count"
            }
            Self::Scalers => "it is not known how many pods autoscalers keep at least",
            Self::Services | Self::Routes | Self::TargetGroupBindings => {
                "requests that are counted before pods cannot be given to workloads"
            }
            Self::Volumes => "persistent volumes are not known; their cost is in no sum",
            Self::StorageClasses => {
                "storage classes are not known; volumes are unpriced unless prices.volumes has them"
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct WatchState {
    /// Whether it was ever listed completely.
    listed: bool,
    /// The last failure, until it works again.
    failure: Option<WatchError>,
    /// How often in a row the watch was interrupted before it lasted.
    interruptions: u32,
    /// When the last list began, and how long the last complete one took.
    began: Option<Instant>,
    took: Duration,
}

#[derive(Clone, Debug)]
struct WatchError {
    text: String,
    reason: Reason,
    is_logged: bool,
}

/// Whether a failure for this reason is one of the whole server, which all watches meet at once.
const fn is_of_server(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Connect
            | Reason::Timeout
            | Reason::Unauthorized
            | Reason::Throttled
            | Reason::ServerError
    )
}

impl WatchState {
    const fn is_good(&self) -> bool {
        self.listed && self.failure.is_none()
    }

    /// Notes the end of a failure.
    fn recover(&mut self) -> StatusChange {
        match self.failure.take() {
            Some(failure) if failure.is_logged => StatusChange::Recovered(failure.text),
            _ => StatusChange::None,
        }
    }
}

/// What a signal changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StatusChange {
    /// Nothing worth a word.
    None,
    /// It failed, neither as it did before nor as others do that were logged; and what is missing meanwhile.
    Failed(&'static str),
    /// It works again, after this failure, which was logged.
    Recovered(String),
    /// It was interrupted too often in a row.
    Unsteady,
    /// It lasted, after it was interrupted too often.
    Steady,
}

/// How the watches stand.
#[derive(Debug, Default)]
pub(super) struct WatchStatuses {
    standings: [WatchState; Watch::ALL.len()],
    /// Since when nodes and pods are known.
    known_since: Option<Instant>,
}

impl WatchStatuses {
    /// Takes note of what a watch tells.
    pub(super) fn record<T>(
        &mut self,
        watch: Watch,
        signal: &WatchSignal<T>,
        now: Instant,
    ) -> StatusChange {
        if let WatchSignal::Failed(error, _) = signal {
            return self.fail(watch, error);
        }
        let standing = &mut self.standings[watch as usize];
        let turn = match signal {
            // A list that only begins or goes on proves nothing: the next page may fail.
            WatchSignal::Failed(..)
            | WatchSignal::DiscardedRecords(..)
            | WatchSignal::Event(Event::Listed(_) | Event::ListFailed) => StatusChange::None,
            WatchSignal::Interrupted(_) => {
                standing.interruptions += 1;
                if standing.interruptions == TOO_MANY_INTERRUPTIONS {
                    StatusChange::Unsteady
                } else {
                    StatusChange::None
                }
            }
            WatchSignal::Lasted => {
                let before = std::mem::take(&mut standing.interruptions);
                if before >= TOO_MANY_INTERRUPTIONS {
                    StatusChange::Steady
                } else {
                    StatusChange::None
                }
            }
            WatchSignal::Event(Event::ListBegun) => {
                standing.began = Some(now);
                StatusChange::None
            }
            WatchSignal::Event(Event::ListDone) => {
                standing.listed = true;
                standing.took = standing.began.map_or(Duration::ZERO, |began| now - began);
                standing.recover()
            }
            WatchSignal::Alive | WatchSignal::Event(Event::Applied(_) | Event::Deleted(_)) => {
                standing.recover()
            }
        };
        if self.known_since.is_none() && self.is_good() {
            self.known_since = Some(now);
        }
        turn
    }

    /// Notes a failure. An outage is logged once, however many watches meet it.
    fn fail(&mut self, watch: Watch, error: &SourceError) -> StatusChange {
        let reason = error.reason();
        let is_of_another = is_of_server(reason)
            && Watch::ALL.into_iter().any(|other| {
                let failure = self.standings[other as usize].failure.as_ref();
                other != watch
                    && (other.is_required() || !watch.is_required())
                    && failure.is_some_and(|failure| failure.is_logged && failure.reason == reason)
            });
        let standing = &mut self.standings[watch as usize];
        let before = standing.failure.take();
        let was_logged = before.as_ref().is_some_and(|before| before.is_logged);
        // A failure that was part of another one's outage is logged once that one has ended.
        let is_new = before.is_none_or(|before| before.reason != reason || !before.is_logged);
        let is_to_be_logged = is_new && !is_of_another && !error.is_logged();
        standing.failure = Some(WatchError {
            text: error.to_string(),
            reason,
            is_logged: was_logged || is_to_be_logged,
        });
        if is_to_be_logged {
            StatusChange::Failed(watch.without(standing.listed))
        } else {
            StatusChange::None
        }
    }

    /// Whether nodes and pods are known, and still watched.
    fn is_good(&self) -> bool {
        let mut essential = Watch::ALL.into_iter().filter(|watch| watch.is_required());
        essential.all(|watch| self.standings[watch as usize].is_good())
    }

    /// Since when the cluster can be published; absent while it cannot. The rest is waited for, but not longer than
    /// `grace`, and not where it cannot be had.
    pub(super) fn publishable_since(&self, grace: Duration) -> Option<Instant> {
        let known_since = self.known_since.filter(|_| self.is_good())?;
        let settled = self
            .standings
            .iter()
            .all(|standing| standing.listed || standing.failure.is_some());
        Some(if settled {
            known_since
        } else {
            known_since + grace
        })
    }

    /// How long it took to list the nodes or the pods, whichever took longer.
    pub(super) fn took(&self) -> Duration {
        let [nodes, pods, ..] = &self.standings;
        nodes.took.max(pods.took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(2);
    fn failed() -> WatchSignal<()> {
        let error = SourceError::new(Reason::Forbidden, "it answered 403", "grant list");
        WatchSignal::Failed(error, Duration::ZERO)
    }

    fn done() -> WatchSignal<()> {
        WatchSignal::Event(Event::ListDone)
    }

    fn listed(watches: &[Watch], now: Instant) -> WatchStatuses {
        let mut health = WatchStatuses::default();
        for watch in watches {
            health.record(*watch, &done(), now);
        }
        health
    }

    #[test]
    fn the_cluster_is_published_once_everything_is_listed() {
        let now = Instant::now();
        assert_eq!(WatchStatuses::default().publishable_since(GRACE), None);
        assert_eq!(listed(&Watch::ALL[..1], now).publishable_since(GRACE), None);
        assert_eq!(listed(&Watch::ALL, now).publishable_since(GRACE), Some(now));
    }

    #[test]
    fn the_rest_is_waited_for_no_longer_than_the_grace() {
        let now = Instant::now();
        let late = [Watch::ReplicaSets, Watch::Jobs, Watch::Routes];
        let others: Vec<Watch> = Watch::ALL
            .into_iter()
            .filter(|one| !late.contains(one))
            .collect();
        let mut health = listed(&others, now);
        health.record(Watch::Routes, &failed(), now);
        assert_eq!(health.publishable_since(GRACE), Some(now + GRACE));
        for watch in [Watch::Jobs, Watch::Volumes, Watch::StorageClasses] {
            health.record(watch, &done(), now);
        }
        assert_eq!(health.publishable_since(GRACE), Some(now + GRACE));
        health.record(Watch::ReplicaSets, &failed(), now);
        assert_eq!(health.publishable_since(GRACE), Some(now));
    }

    #[test]
    fn a_watch_that_fails_holds_publishing_up_until_it_stands_again() {
        let now = Instant::now();
        for again in [
            WatchSignal::Alive,
            done(),
            WatchSignal::Event(Event::Applied(())),
        ] {
            let mut health = listed(&Watch::ALL, now);
            let stale = "a watch failed; its last state stays in use";
            let turn = health.record(Watch::Pods, &failed(), now);
            assert_eq!(turn, StatusChange::Failed(stale));
            assert_eq!(
                health.record(Watch::Pods, &failed(), now),
                StatusChange::None
            );
            assert_eq!(health.publishable_since(GRACE), None);
            health.record(
                Watch::Pods,
                &WatchSignal::<()>::Event(Event::ListBegun),
                now,
            );
            assert_eq!(health.publishable_since(GRACE), None, "it only tries");
            let turn = health.record(Watch::Pods, &again, now);
            assert_eq!(
                turn,
                StatusChange::Recovered("it answered 403; grant list".into())
            );
            assert_eq!(health.publishable_since(GRACE), Some(now));
        }
    }

    fn failed_for(reason: Reason) -> WatchSignal<()> {
        let error = SourceError::new(reason, "it failed", "wait");
        WatchSignal::Failed(error, Duration::ZERO)
    }

    #[test]
    fn an_outage_of_the_server_is_logged_once_and_its_end_too() {
        let now = Instant::now();
        let mut health = listed(&Watch::ALL, now);
        let mut logged = Vec::new();
        for _ in 0..3 {
            for watch in Watch::ALL {
                let turn = health.record(watch, &failed_for(Reason::ServerError), now);
                logged.extend((turn != StatusChange::None).then_some(watch));
            }
        }
        assert_eq!(logged, [Watch::Nodes]);
        let ended = |watch: &Watch| {
            health.record(*watch, &WatchSignal::<()>::Alive, now) != StatusChange::None
        };
        let ended: Vec<Watch> = Watch::ALL.into_iter().filter(ended).collect();
        assert_eq!(ended, [Watch::Nodes]);
    }

    #[test]
    fn a_failure_that_outlives_a_shared_outage_is_logged_once_and_its_end_too() {
        let now = Instant::now();
        let mut health = listed(&Watch::ALL, now);
        for watch in Watch::ALL {
            health.record(watch, &failed_for(Reason::ServerError), now);
        }
        let turn = health.record(Watch::Nodes, &WatchSignal::<()>::Alive, now);
        assert_eq!(turn, StatusChange::Recovered("it failed; wait".into()));

        let rest = || Watch::ALL.into_iter().skip(1);
        let mut logged = Vec::new();
        for watch in rest().chain(rest()) {
            let turn = health.record(watch, &failed_for(Reason::ServerError), now);
            logged.extend((turn != StatusChange::None).then_some(watch));
        }
        assert_eq!(logged, [Watch::Pods]);
        let ended = |watch: &Watch| {
            health.record(*watch, &WatchSignal::<()>::Alive, now) != StatusChange::None
        };
        let ended: Vec<Watch> = rest().filter(ended).collect();
        assert_eq!(ended, [Watch::Pods]);
    }

    #[test]
    fn a_permission_that_is_missing_is_logged_for_each_watch() {
        let now = Instant::now();
        let mut health = WatchStatuses::default();
        for watch in Watch::ALL {
            let turn = health.record(watch, &failed_for(Reason::Forbidden), now);
            assert_eq!(turn, StatusChange::Failed(watch.without(false)));
        }
    }

    #[test]
    fn an_outage_that_the_connection_has_logged_is_not_logged_again() {
        let now = Instant::now();
        let mut health = listed(&Watch::ALL, now);
        let error = SourceError::new(Reason::Connect, "refused", "wait").already_logged();
        let signal = WatchSignal::<()>::Failed(error, Duration::ZERO);
        assert_eq!(health.record(Watch::Pods, &signal, now), StatusChange::None);
        assert_eq!(health.publishable_since(GRACE), None);
        let turn = health.record(Watch::Pods, &WatchSignal::<()>::Alive, now);
        assert_eq!(turn, StatusChange::None);
        assert_eq!(health.publishable_since(GRACE), Some(now));
    }

    #[test]
    fn nothing_is_said_to_be_unknown_whose_last_state_is_in_use() {
        for watch in Watch::ALL {
            let text = watch.without(true);
            assert!(text.ends_with("its last state stays in use"), "{text}");
            assert_ne!(text, watch.without(false));
        }
    }

    #[test]
    fn a_watch_that_does_not_last_is_logged_once_until_it_lasts() {
        let now = Instant::now();
        let mut health = listed(&Watch::ALL, now);
        let cut = SourceError::new(Reason::Connect, "it was cut", "check");
        let mut turns = Vec::new();
        for signal in [0, 0, 0, 0, 1, 1, 0].map(|lasted| match lasted {
            0 => WatchSignal::<()>::Interrupted(cut.clone()),
            _ => WatchSignal::Lasted,
        }) {
            let turn = health.record(Watch::Pods, &signal, now);
            turns.extend((turn != StatusChange::None).then_some(turn));
        }
        assert_eq!(turns, [StatusChange::Unsteady, StatusChange::Steady]);
    }

    #[test]
    fn what_is_not_essential_holds_nothing_up_when_it_fails() {
        let now = Instant::now();
        for watch in Watch::ALL.into_iter().filter(|watch| !watch.is_required()) {
            let mut health = listed(&Watch::ALL, now);
            health.record(watch, &failed(), now);
            assert_eq!(health.publishable_since(GRACE), Some(now), "{watch:?}");
        }
    }

    #[test]
    fn the_duration_is_that_of_the_longer_list() {
        let now = Instant::now();
        let mut health = WatchStatuses::default();
        for (watch, seconds) in [(Watch::Nodes, 1), (Watch::Pods, 3), (Watch::Jobs, 9)] {
            health.record(watch, &WatchSignal::<()>::Event(Event::ListBegun), now);
            health.record(watch, &done(), now + Duration::from_secs(seconds));
        }
        assert_eq!(health.took(), Duration::from_secs(3));
    }
}

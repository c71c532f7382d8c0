//! How the watches stand, and when there is something to publish.

use std::time::Duration;

use tokio::time::Instant;

use super::store::Event;
use super::watch::Signal;

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
    const ALL: [Self; 14] = [
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
    pub(super) const fn is_essential(self) -> bool {
        matches!(self, Self::Nodes | Self::Pods)
    }

    /// Whether what is watched is there only where somebody installed it: the Gateway API, the AWS Load Balancer Controller.
    pub(super) const fn is_installed(self) -> bool {
        matches!(self, Self::Routes | Self::TargetGroupBindings)
    }

    /// What is missing without it, and what is done about it.
    pub(super) const fn without(self) -> &'static str {
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
struct Standing {
    /// Whether it was ever listed completely.
    listed: bool,
    /// The last failure, until it works again.
    failure: Option<String>,
    /// When the last list began, and how long the last complete one took.
    began: Option<Instant>,
    took: Duration,
}

impl Standing {
    const fn is_good(&self) -> bool {
        self.listed && self.failure.is_none()
    }
}

/// What a signal changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing worth a word.
    None,
    /// It failed, and not as it did before.
    Failed,
    /// It works again, after this failure.
    Recovered(String),
}

/// How the watches stand.
#[derive(Debug, Default)]
pub(super) struct Health {
    standings: [Standing; Watch::ALL.len()],
    /// Since when nodes and pods are known.
    known_since: Option<Instant>,
}

impl Health {
    /// Takes note of what a watch tells.
    pub(super) fn note<T>(&mut self, watch: Watch, signal: &Signal<T>, now: Instant) -> Turn {
        let standing = &mut self.standings[watch as usize];
        let turn = match signal {
            Signal::Failed(error, _) => {
                let text = error.to_string();
                let same = standing.failure.replace(text.clone()) == Some(text);
                return if same { Turn::None } else { Turn::Failed };
            }
            // A list that only begins or goes on proves nothing: the next page may fail.
            Signal::Interrupted(_) | Signal::Event(Event::Listed(_)) => Turn::None,
            Signal::Event(Event::ListBegun) => {
                standing.began = Some(now);
                Turn::None
            }
            Signal::Event(Event::ListDone) => {
                standing.listed = true;
                standing.took = standing.began.map_or(Duration::ZERO, |began| now - began);
                standing.failure.take().map_or(Turn::None, Turn::Recovered)
            }
            Signal::Alive | Signal::Event(Event::Applied(_) | Event::Deleted(_)) => {
                standing.failure.take().map_or(Turn::None, Turn::Recovered)
            }
        };
        if self.known_since.is_none() && self.is_good() {
            self.known_since = Some(now);
        }
        turn
    }

    /// Whether nodes and pods are known, and still watched.
    fn is_good(&self) -> bool {
        let mut essential = Watch::ALL.into_iter().filter(|watch| watch.is_essential());
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
    use crate::sources::{Reason, SourceError};

    const GRACE: Duration = Duration::from_secs(2);
    fn failed() -> Signal<()> {
        let error = SourceError::new(Reason::Forbidden, "it answered 403", "grant list");
        Signal::Failed(error, Duration::ZERO)
    }

    fn done() -> Signal<()> {
        Signal::Event(Event::ListDone)
    }

    fn listed(watches: &[Watch], now: Instant) -> Health {
        let mut health = Health::default();
        for watch in watches {
            health.note(*watch, &done(), now);
        }
        health
    }

    #[test]
    fn the_cluster_is_published_once_everything_is_listed() {
        let now = Instant::now();
        assert_eq!(Health::default().publishable_since(GRACE), None);
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
        health.note(Watch::Routes, &failed(), now);
        assert_eq!(health.publishable_since(GRACE), Some(now + GRACE));
        for watch in [Watch::Jobs, Watch::Volumes, Watch::StorageClasses] {
            health.note(watch, &done(), now);
        }
        assert_eq!(health.publishable_since(GRACE), Some(now + GRACE));
        health.note(Watch::ReplicaSets, &failed(), now);
        assert_eq!(health.publishable_since(GRACE), Some(now));
    }

    #[test]
    fn a_watch_that_fails_holds_publishing_up_until_it_stands_again() {
        let now = Instant::now();
        for again in [Signal::Alive, done(), Signal::Event(Event::Applied(()))] {
            let mut health = listed(&Watch::ALL, now);
            assert_eq!(health.note(Watch::Pods, &failed(), now), Turn::Failed);
            assert_eq!(health.note(Watch::Pods, &failed(), now), Turn::None);
            assert_eq!(health.publishable_since(GRACE), None);
            health.note(Watch::Pods, &Signal::<()>::Event(Event::ListBegun), now);
            assert_eq!(health.publishable_since(GRACE), None, "it only tries");
            let turn = health.note(Watch::Pods, &again, now);
            assert_eq!(turn, Turn::Recovered("it answered 403; grant list".into()));
            assert_eq!(health.publishable_since(GRACE), Some(now));
        }
    }

    #[test]
    fn what_is_not_essential_holds_nothing_up_when_it_fails() {
        let now = Instant::now();
        for watch in Watch::ALL.into_iter().filter(|watch| !watch.is_essential()) {
            let mut health = listed(&Watch::ALL, now);
            health.note(watch, &failed(), now);
            assert_eq!(health.publishable_since(GRACE), Some(now), "{watch:?}");
        }
    }

    #[test]
    fn the_duration_is_that_of_the_longer_list() {
        let now = Instant::now();
        let mut health = Health::default();
        for (watch, seconds) in [(Watch::Nodes, 1), (Watch::Pods, 3), (Watch::Jobs, 9)] {
            health.note(watch, &Signal::<()>::Event(Event::ListBegun), now);
            health.note(watch, &done(), now + Duration::from_secs(seconds));
        }
        assert_eq!(health.took(), Duration::from_secs(3));
    }
}

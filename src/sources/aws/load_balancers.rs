//! Requests that AWS counts before a cluster: Application Load Balancers and API Gateway, from CloudWatch.
//!
//! What enters: the cluster, with its Services and TargetGroupBindings, and the APIs of the configuration. What leaves: observations of
//! requests of workloads.
//!
//! **Which.** Target groups lead to Services by the TargetGroupBindings of the AWS Load Balancer Controller, or to a workload
//! by a tag; APIs by the configuration. Of a target group the load balancers before it must be known, which ListMetrics tells.
//!
//! **When.** At a fixed interval one reading asks for all minutes since the one before, three statistics of each counter; a
//! counter that is new is read back over the decision window. Reading spends from the budget for metrics, and waits where
//! that is empty.
//!
//! **What it counts for.** What comes by another way, from within the cluster say, is in none of these counts. So they count
//! a workload that nothing else counts, and no longer than that.
//!
//! A reading that fails in part is read again as a whole: nothing is lost, and no workload has less than all of its counters.

mod convert;
mod counter;
mod discovery;
mod target_mapping;

pub use counter::Counter;
pub use target_mapping::{Bindings, named};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use self::convert::{Minutes, ServedRequests};
use self::counter::Series;
use self::discovery::CounterDiscovery;
use self::target_mapping::{TargetMapping, Weights};
use crate::sources::aws::cloudwatch::{self, Budget, Caller};
use crate::sources::aws::{Aws, Tagging};
use crate::sources::latest::Subscriber;
use crate::sources::{DiscardCounts, Poll, Reason, Source, SourceError, SourceLocation};
use breakeven_model::inventory::{DedicatedSource, DedicatedTraffic, Observation, WorkloadId};
use breakeven_model::units::{Ratio, Seconds, Window};

/// The length of the steps: load balancers and API Gateway report no finer.
const PERIOD: Duration = Duration::from_secs(60);

/// How often it is looked for tags, and for the load balancers of a target group that had none.
const LOOK_INTERVAL: Duration = Duration::from_secs(3_600);

/// How long a poll waits for the cluster to be known for the first time.
const FIRST_WAIT: Duration = Duration::from_secs(10);

/// The type of target groups, as the tagging API names it.
const TARGET_GROUPS: &str = "elasticloadbalancing:targetgroup";

/// What is read before the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// APIs, and the workload behind each.
    pub apis: Vec<(Counter, WorkloadId)>,
    /// The tag of target groups that names the workload behind one, where any does.
    pub target_group_tag: Option<String>,
    /// From one reading to the next.
    pub interval: Duration,
    /// How long after its end a minute is read.
    pub delay: Duration,
    /// How far back the first reading of a counter reaches, and no catching up reaches further.
    pub backfill: Duration,
}

/// Reads the counters when it is polled.
#[derive(Debug)]
pub struct LoadBalancerSource {
    settings: Settings,
    aws: Aws,
    budget: Budget,
    bindings: Subscriber<TargetMapping>,
    /// The ways to the regions that counters are in; the first is that of `aws` itself.
    places: BTreeMap<Option<Arc<str>>, AccountRegion>,
    groups: TargetGroups,
    /// The counters that were read, up to the instant.
    read: BTreeSet<Counter>,
    read_to: Option<Timestamp>,
    /// Whether the budget was too small for the last poll.
    is_short: bool,
    discarded: DiscardCounts,
}

/// How AWS is asked in a region.
#[derive(Debug)]
struct AccountRegion {
    aws: Aws,
    finder: CounterDiscovery,
    caller: Caller,
}

/// What is known of target groups.
#[derive(Debug, Default)]
struct TargetGroups {
    /// The load balancers of each, and when they were looked for, by ARN.
    counters: BTreeMap<Arc<str>, (Timestamp, Vec<Counter>)>,
    /// What tags say, and when they were read.
    tagged: Option<(Timestamp, BTreeMap<Arc<str>, WorkloadId>)>,
}

/// A counter, where it is, and who is behind it.
#[derive(Debug)]
struct CounterQuery {
    counter: Counter,
    region: Option<Arc<str>>,
    shares: Weights,
}

/// Whether what was learned at an instant has to be learned anew.
fn is_old(learned: Timestamp, now: Timestamp) -> bool {
    Seconds::between(learned, now) >= LOOK_INTERVAL.into()
}

impl LoadBalancerSource {
    /// Asks nothing yet. `bindings` says what is bound in the cluster; the budget may be shared with others.
    #[must_use]
    pub fn new(settings: Settings, aws: Aws, bindings: &Bindings, budget: Budget) -> Self {
        Self {
            settings,
            aws,
            budget,
            bindings: bindings.listen(),
            places: BTreeMap::new(),
            groups: TargetGroups::default(),
            read: BTreeSet::new(),
            read_to: None,
            is_short: false,
            discarded: DiscardCounts::default(),
        }
    }

    /// What was left out: `tag_not_understood`, `target_group_not_understood`, `target_group_without_requests`,
    /// `without_workload`, `outside_the_window`, `message`, `minutes_too_old_to_catch_up`; and readings that were put off
    /// because the budget was spent: `over_budget`.
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    async fn bound(&mut self) -> Result<Arc<TargetMapping>, SourceError> {
        let bound = self.bindings.first(FIRST_WAIT).await;
        bound.ok_or_else(|| {
            SourceError::new(
                Reason::Incomplete,
                "the cluster is not known yet, so it is not known who is behind load balancers",
                "see why the source `kubernetes` does not answer",
            )
        })
    }

    async fn place(
        &mut self,
        region: Option<&Arc<str>>,
    ) -> Result<&mut AccountRegion, SourceError> {
        let key = region.cloned();
        if !self.places.contains_key(&key) {
            let aws = region.map_or_else(|| self.aws.clone(), |region| self.aws.in_region(region));
            let session = aws.session().await?;
            let place = AccountRegion {
                finder: CounterDiscovery::new(session),
                caller: Caller::new(session, None),
                aws: aws.clone(),
            };
            self.places.insert(key.clone(), place);
        }
        self.places.get_mut(&key).ok_or_else(|| {
            SourceError::new(
                Reason::Incomplete,
                "no way to the region",
                "it is tried again",
            )
        })
    }

    /// What tags say of target groups, read anew where that is due.
    async fn read_tags(
        &mut self,
        bound: &TargetMapping,
        now: Timestamp,
    ) -> Result<(), SourceError> {
        let Some(key) = self.settings.target_group_tag.clone() else {
            return Ok(());
        };
        if self
            .groups
            .tagged
            .as_ref()
            .is_some_and(|(at, _)| !is_old(*at, now))
        {
            return Ok(());
        }
        let tagging = Tagging::new(self.aws.session().await?);
        let mut tagged = BTreeMap::new();
        for resource in tagging.resources(TARGET_GROUPS, Some(&key)).await? {
            let value = resource
                .tags
                .get(&key)
                .map(String::as_str)
                .unwrap_or_default();
            match target_mapping::named(value) {
                Some(id) if bound.has(&id) => {
                    tagged.insert(resource.arn.into(), id);
                }
                // It may lead to another cluster.
                Some(_) => self.discarded.add("without_workload", 1),
                None => {
                    self.discarded.add("tag_not_understood", 1);
                    warn!(
                        target_group = resource.arn,
                        value, "a tag names no workload as namespace/name or namespace/Kind/name"
                    );
                }
            }
        }
        self.groups.tagged = Some((now, tagged));
        Ok(())
    }

    /// The target groups that lead to workloads: by their bindings, else by their tags.
    fn target_groups(&self, bound: &TargetMapping) -> BTreeMap<Arc<str>, Weights> {
        let tagged = self.groups.tagged.iter().flat_map(|(_, tagged)| tagged);
        let whole = |id: &WorkloadId| Weights::from([(id.clone(), Ratio::ONE)]);
        let mut groups: BTreeMap<Arc<str>, Weights> = tagged
            .map(|(arn, id)| (Arc::clone(arn), whole(id)))
            .collect();
        let bindings = bound.target_groups.iter();
        groups.extend(bindings.map(|(arn, shares)| (Arc::clone(arn), shares.clone())));
        groups
    }

    /// All counters that lead to workloads.
    async fn wanted(
        &mut self,
        bound: &TargetMapping,
        now: Timestamp,
    ) -> Result<Vec<CounterQuery>, SourceError> {
        self.read_tags(bound, now).await?;
        let groups = self.target_groups(bound);
        self.groups
            .counters
            .retain(|arn, _| groups.contains_key(arn));
        let mut wanted = Vec::new();
        for (arn, shares) in groups {
            let Some((region, name)) = convert::target_group(&arn) else {
                self.discarded.add("target_group_not_understood", 1);
                continue;
            };
            if shares.is_empty() {
                self.discarded.add("without_workload", 1);
                continue;
            }
            for counter in self.counters(&arn, &region, name, now).await? {
                wanted.push(CounterQuery {
                    counter,
                    region: Some(Arc::clone(&region)),
                    shares: shares.clone(),
                });
            }
        }
        for (counter, id) in &self.settings.apis {
            if bound.has(id) {
                wanted.push(CounterQuery {
                    counter: counter.clone(),
                    region: None,
                    shares: Weights::from([(id.clone(), Ratio::ONE)]),
                });
            } else {
                self.discarded.add("without_workload", 1);
            }
        }
        Ok(wanted)
    }

    /// The counters of a target group, looked for where they are not known.
    async fn counters(
        &mut self,
        arn: &Arc<str>,
        region: &Arc<str>,
        name: &str,
        now: Timestamp,
    ) -> Result<Vec<Counter>, SourceError> {
        if let Some((at, counters)) = self.groups.counters.get(arn)
            && (!counters.is_empty() || !is_old(*at, now))
        {
            return Ok(counters.clone());
        }
        let place = self.place(Some(region)).await?;
        let session = place.aws.session().await?;
        let counters = place.finder.counters(session, name).await?;
        if counters.is_empty() {
            self.discarded.add("target_group_without_requests", 1);
        }
        let found = (now, counters.clone());
        self.groups.counters.insert(Arc::clone(arn), found);
        Ok(counters)
    }

    /// Whether so many statistics may be asked for now.
    fn is_affordable(&mut self, statistics: usize, now: Timestamp) -> bool {
        let was_short = self.is_short;
        self.is_short = statistics > self.budget.affordable(now);
        if self.is_short {
            self.discarded.add("over_budget", 1);
            if !was_short {
                warn!(
                    "reading load balancers is put off, because what of the budget has come in by now is spent"
                );
            }
        }
        !self.is_short
    }

    /// What the counters counted in their windows.
    async fn read(&mut self, due: &[(&CounterQuery, Window)]) -> Result<Vec<Minutes>, SourceError> {
        let (budget, discarded) = (self.budget.clone(), self.discarded.clone());
        let mut all = Vec::with_capacity(due.len());
        for batch in batches(due) {
            let Some((first, _)) = batch.first() else {
                continue;
            };
            let place = self.place(first.region.as_ref()).await?;
            let Some(window) = longest(batch) else {
                continue;
            };
            let queries = counter::queries(batch.iter().map(|(one, _)| &one.counter));
            let session = place.aws.session().await?;
            let answer = place
                .caller
                .ask(session, (window, queries), &budget)
                .await?;
            answer.report(&discarded);
            let queries = answer.queries().chunks(Series::ALL.len());
            for ((one, _), queries) in batch.iter().zip(queries) {
                let minutes = convert::minutes(&one.counter, queries, window, &discarded);
                all.push(minutes.map_err(|missing| place.caller.error(&missing))?);
            }
        }
        Ok(all)
    }
}

/// The longest of the windows, all of which end together.
fn longest(batch: &[(&CounterQuery, Window)]) -> Option<Window> {
    let windows = batch.iter().map(|(_, window)| *window);
    windows.min_by_key(|window| window.start())
}

/// The readings of each call: of one region, as many as it may have queries, and as have their datapoints on one page.
fn batches<'a, 'w>(due: &'a [(&'w CounterQuery, Window)]) -> Vec<&'a [(&'w CounterQuery, Window)]> {
    let mut batches = Vec::new();
    let mut rest = due;
    while let Some((first, _)) = rest.first() {
        let mut minutes = 0;
        let together = rest
            .iter()
            .enumerate()
            .take_while(|(index, (one, window))| {
                minutes = minutes.max(cloudwatch::minutes(*window));
                let queries = (index + 1) * Series::ALL.len();
                one.region == first.region && cloudwatch::fits_one_call(queries, minutes)
            });
        let count = together.count().max(1);
        let (batch, after) = rest.split_at(count);
        batches.push(batch);
        rest = after;
    }
    batches
}

impl Poll for LoadBalancerSource {
    fn source(&self) -> Source {
        Source::Edge
    }

    fn location(&self) -> SourceLocation {
        self.aws.site()
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let bound = self.bound().await?;
        let wanted = self.wanted(&bound, now).await?;
        let each_day = f64::from(24 * 3_600) / self.settings.interval.as_secs_f64();
        self.budget
            .reserve(wanted.len() * Series::ALL.len(), each_day);
        let Some(closed) = Window::closed_before(now, PERIOD, self.settings.delay) else {
            return Ok(Vec::new());
        };
        let whole = closed.extended_back(self.settings.backfill);
        let Some(next) = whole.since(self.read_to.unwrap_or(whole.start())) else {
            return Ok(Vec::new());
        };
        let due: Vec<(&CounterQuery, Window)> = wanted
            .iter()
            .map(|one| {
                let is_known = self.read.contains(&one.counter);
                (one, if is_known { next } else { whole })
            })
            .collect();
        if !self.is_affordable(due.len() * Series::ALL.len(), now) {
            return Ok(Vec::new());
        }
        let read = self.read(&due).await?;
        let mut served = ServedRequests::default();
        for ((one, window), minutes) in due.iter().zip(&read) {
            served.add(&one.shares, *window, minutes);
        }
        if let Some(read_to) = self.read_to {
            let skipped = next.start().duration_since(read_to).as_secs() / 60;
            let skipped = u64::try_from(skipped).unwrap_or_default();
            self.discarded.add("minutes_too_old_to_catch_up", skipped);
        }
        self.read_to = Some(closed.end());
        self.read = wanted.iter().map(|one| one.counter.clone()).collect();
        Ok(vec![Observation::DedicatedTraffic(DedicatedTraffic {
            at: now,
            by: DedicatedSource::Edge,
            workloads: served.counted(),
        })])
    }
}

//! How often each function is read, so that reading all of them costs what may be spent.
//!
//! A reading brings every minute since the one before, so rare readings lose nothing: they only show it later. What is
//! shown late matters by the money in it. With `w` for the dollars at stake of a function, `c` for the cost of one reading
//! and `T` for the time between two, the plan makes `Σ w · T` as small as `Σ c / T` within the budget allows. The
//! answer is the square-root rule: `T = λ / √w`, with one `λ` for all, and `T` no shorter and no longer than it may be.
//! What the limits save or cost is spread over the others, by the choice of `λ`.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::Duration;

use super::InsightsPlan;
use crate::sources::aws::PER_METRIC_REQUESTED;
use breakeven_model::inventory::FunctionId;
use breakeven_model::units::{HOURS_PER_MONTH, Ratio, Requests, Seconds, Usd};

/// The part of the budget that is planned. The rest is for what no plan knows: first readings, functions that appear,
/// calls that are tried again.
const PLANNED_SHARE: f64 = 0.9;

/// The least part of the budget that is left for functions, whatever is set aside for others.
const MIN_FOR_FUNCTIONS: f64 = 0.1;

/// The part of what is planned that reading everybody at the longest interval may take. Where it would take more, the
/// longest interval is stretched, so that the other half is left for those that matter.
const MAX_INTERVAL_SHARE: f64 = 0.5;

/// The relative difference between the costs on both platforms from which on a function is not near the point where they
/// cross.
const NEAR: f64 = 0.25;

/// How much more a dollar of a function counts that is at the crossing, than one of a function that is far from it.
const WEIGHT_AT_THE_CROSSING: f64 = 4.0;

/// The least weight that a function has, as a part of the largest: none is divided by, and all are read.
const MIN_WEIGHT: f64 = 1e-9;

/// What is at stake with a function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PollPriority {
    /// What it costs in a month.
    pub monthly: Usd,
    /// How far apart the two platforms are: difference / the larger cost. Absent where one of them is not known.
    pub margin: Option<Ratio>,
}

impl PollPriority {
    /// The dollars at stake.
    ///
    /// Formula: cost in a month · (1 + 3 · max(0, 1 - margin / 0.25)). An unknown margin counts as a large one.
    fn weight(self) -> f64 {
        let far = self.margin.map_or(1.0, |margin| margin.get() / NEAR);
        let near = (1.0 - far).max(0.0);
        self.monthly.usd() * (1.0 + (WEIGHT_AT_THE_CROSSING - 1.0) * near)
    }
}

/// What the plan keeps to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleLimits {
    /// What may be spent in a month of 730 hours.
    pub budget: Usd,
    /// The shortest time from one reading of a function to the next.
    pub shortest: Duration,
    /// The longest, as far as the budget allows.
    pub longest: Duration,
}

impl ScheduleLimits {
    /// No interval is ever longer, whatever the budget: minutes must not fall out of what is kept.
    pub const LIMIT: Duration = Duration::from_secs(12 * 3_600);
}

impl Default for ScheduleLimits {
    fn default() -> Self {
        Self {
            budget: Usd::from_usd(10.0).unwrap_or_default(),
            shortest: Duration::from_secs(60),
            longest: Duration::from_secs(3_600),
        }
    }
}

/// How often each function is read, and what that costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    turns: HashMap<FunctionId, DuePoll>,
    expected: Forecast,
    longest: Duration,
    is_over_budget: bool,
    reading: MetricPoll,
    insights: InsightsPlan,
}

/// When a function is read.
#[derive(Clone, Copy, Debug, PartialEq)]
struct DuePoll {
    interval: Duration,
    /// The root of its weight, as a part of the largest.
    root: f64,
}

/// What is asked for and spent in a month of 730 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Metrics requested, each statistic counted: the dearer reading of the price list.
    pub statistics: Requests,
    /// Metrics requested, up to five statistics of one metric counted once.
    pub metrics: Requests,
}

impl Forecast {
    /// What that costs, by the dearer reading.
    #[must_use]
    pub fn cost(self) -> Usd {
        self.statistics * PER_METRIC_REQUESTED
    }

    /// What that costs, by the cheaper reading.
    #[must_use]
    pub fn cheaper_cost(self) -> Usd {
        self.metrics * PER_METRIC_REQUESTED
    }

    /// What so many readings of so many statistics ask for, each of a metric of its own.
    pub(super) fn of_readings(statistics: usize, readings: f64) -> Self {
        let each = count(statistics);
        let reading = MetricPoll {
            all_every: 1,
            statistics: each,
            metrics: each,
        };
        Self::from_polls(readings, reading)
    }

    /// What so many readings of a kind ask for.
    pub(super) fn from_polls(readings: f64, reading: MetricPoll) -> Self {
        let times = |count: f64| Requests::from_requests(readings * count).unwrap_or_default();
        Self {
            statistics: times(reading.statistics),
            metrics: times(reading.metrics),
        }
    }
}

impl std::ops::Add for Forecast {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            statistics: self.statistics + other.statistics,
            metrics: self.metrics + other.metrics,
        }
    }
}

/// What one reading of a function asks for, in the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct MetricPoll {
    /// Of so many readings in a row one asks for everything.
    pub(super) all_every: u32,
    pub(super) statistics: f64,
    pub(super) metrics: f64,
}

/// Functions that are read about equally often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalStep {
    /// The longest interval of them.
    pub up_to: Duration,
    /// How many.
    pub functions: usize,
    /// What reading them takes in a month.
    pub expected: Forecast,
}

impl Plan {
    /// The plan for these functions. One without a stake is new: it is read as often as the one with the most at stake.
    /// They are read in the first way of the given ones that the budget is enough for at the shortest interval, else
    /// in the last. What is reserved for others is not theirs.
    pub(super) fn new<'a>(
        functions: impl IntoIterator<Item = (&'a FunctionId, Option<PollPriority>)>,
        readings: &[MetricPoll],
        terms: ScheduleLimits,
        reserved: Forecast,
    ) -> Self {
        let least = terms.budget * Ratio::from_factor(MIN_FOR_FUNCTIONS).unwrap_or(Ratio::ONE);
        let terms = ScheduleLimits {
            budget: terms.budget.less(reserved.cost()).max(least),
            ..terms
        };
        let functions: Vec<(&FunctionId, Option<PollPriority>)> = functions.into_iter().collect();
        let is_enough = |reading: &&MetricPoll| {
            affordable(**reading, terms) * terms.shortest.as_secs_f64() >= count(functions.len())
        };
        let reading = readings.iter().find(is_enough).or(readings.last());
        let reading = reading.copied().unwrap_or_default();
        let weights = functions
            .iter()
            .map(|(_, poll_priority)| poll_priority.map(PollPriority::weight));
        let spread = spread(&weights.collect::<Vec<_>>(), reading, terms);
        let expected = spread.intervals.iter().map(|interval| {
            let readings = month().as_secs_f64() / interval.as_secs_f64();
            Forecast::from_polls(readings, reading)
        });
        Self {
            expected: expected.fold(reserved, |sum, one| sum + one),
            turns: functions
                .iter()
                .zip(spread.intervals.iter().zip(&spread.roots))
                .map(|((id, _), (&interval, &root))| ((*id).clone(), DuePoll { interval, root }))
                .collect(),
            longest: spread.longest,
            is_over_budget: spread.longest > terms.longest,
            reading,
            insights: InsightsPlan::default(),
        }
    }

    /// The same, with how Lambda Insights is read by what is reserved for it.
    pub(super) const fn beside(mut self, insights: InsightsPlan) -> Self {
        self.insights = insights;
        self
    }

    /// How often Lambda Insights is read.
    #[must_use]
    pub const fn insights(&self) -> &InsightsPlan {
        &self.insights
    }

    /// Of so many readings of a function in a row one asks for everything.
    pub(super) const fn all_every(&self) -> u32 {
        self.reading.all_every
    }

    /// From one reading of the function to the next; absent for one that is not in the plan.
    #[must_use]
    pub fn interval(&self, function: &FunctionId) -> Option<Duration> {
        self.turns.get(function).map(|turn| turn.interval)
    }

    /// Which of two functions has more at stake comes first. One that is not in the plan is gone, and comes before all.
    pub(super) fn order(&self, one: &FunctionId, other: &FunctionId) -> Ordering {
        let root = |function| self.turns.get(function).map_or(f64::MAX, |turn| turn.root);
        root(other).total_cmp(&root(one))
    }

    /// What the plan takes.
    #[must_use]
    pub const fn expected(&self) -> Forecast {
        self.expected
    }

    /// How many functions there are.
    #[must_use]
    pub fn functions(&self) -> usize {
        self.turns.len()
    }

    /// The longest interval that the budget allows everybody.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// Whether some functions are read less often than they should be at least, because the budget does not reach.
    #[must_use]
    pub const fn is_over_budget(&self) -> bool {
        self.is_over_budget
    }

    /// The functions by how often they are read, the most often first: each rung reaches to the next of the
    /// given intervals, and the last holds all that are above them.
    #[must_use]
    pub(super) fn intervals(&self, steps: &[Duration]) -> Vec<IntervalStep> {
        let mut interval_steps: Vec<(usize, Duration, usize, f64)> = Vec::new();
        let mut intervals: Vec<Duration> = self.turns.values().map(|turn| turn.interval).collect();
        intervals.sort_unstable();
        for interval in intervals {
            let step = steps.partition_point(|step| *step < interval);
            let readings = month().as_secs_f64() / interval.as_secs_f64();
            match interval_steps.last_mut() {
                Some(last) if last.0 == step => {
                    last.1 = interval;
                    last.2 += 1;
                    last.3 += readings;
                }
                _ => interval_steps.push((step, interval, 1, readings)),
            }
        }
        let interval_step = |(_, up_to, functions, readings)| IntervalStep {
            up_to,
            functions,
            expected: Forecast::from_polls(readings, self.reading),
        };
        interval_steps.into_iter().map(interval_step).collect()
    }
}

/// The length of a month.
pub(super) fn month() -> Duration {
    Duration::from_secs_f64(Seconds::from(HOURS_PER_MONTH).seconds())
}

/// How many readings may be planned, per second.
fn affordable(reading: MetricPoll, terms: ScheduleLimits) -> f64 {
    let cost = PER_METRIC_REQUESTED.each() * reading.statistics;
    terms.budget.usd() * PLANNED_SHARE / cost / month().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "counts of functions are small")]
pub(super) const fn count(functions: usize) -> f64 {
    functions as f64
}

/// The intervals and the roots of the weights, in the order of the weights, and the longest interval that any may have.
struct Spread {
    intervals: Vec<Duration>,
    roots: Vec<f64>,
    longest: Duration,
}

fn spread(weights: &[Option<f64>], reading: MetricPoll, terms: ScheduleLimits) -> Spread {
    let (count, affordable) = (count(weights.len()), affordable(reading, terms));
    let shortest = terms.shortest.as_secs_f64();
    let limit = ScheduleLimits::LIMIT.as_secs_f64().max(shortest);
    let longest = terms.longest.as_secs_f64().clamp(shortest, limit);
    let longest = longest
        .max(count / (affordable * MAX_INTERVAL_SHARE))
        .min(limit);

    let heaviest = weights.iter().flatten().copied().fold(0.0, f64::max);
    let heaviest = if heaviest > 0.0 { heaviest } else { 1.0 };
    let roots: Vec<f64> = weights
        .iter()
        .map(|weight| {
            (weight.unwrap_or(heaviest) / heaviest)
                .max(MIN_WEIGHT)
                .sqrt()
        })
        .collect();
    let intervals = |lambda: f64| {
        roots
            .iter()
            .map(move |root| (lambda / root).clamp(shortest, longest))
    };
    let readings = |lambda: f64| intervals(lambda).map(f64::recip).sum::<f64>();
    // At the low end all intervals are the shortest, at the high end all are the longest.
    let (mut low, mut high) = (shortest * MIN_WEIGHT.sqrt(), longest);
    if readings(low) <= affordable {
        high = low;
    }
    while high > low * (1.0 + 1e-9) {
        let middle = (low * high).sqrt();
        if readings(middle) <= affordable {
            high = middle;
        } else {
            low = middle;
        }
    }
    Spread {
        intervals: intervals(high).map(Duration::from_secs_f64).collect(),
        longest: Duration::from_secs_f64(longest),
        roots,
    }
}

#[cfg(test)]
mod tests;

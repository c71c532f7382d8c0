//! When to choose which platform: rules of thumb, each with its reason.
//!
//! The [verdict](super::verdict) compares costs. This is what stands beside it: what an engineer would say after a
//! look at the workload, such as "it needs a GPU" or "it is asked once an hour". Advice is words. It never changes
//! a price or a verdict, and the two may well disagree: then the reader knows what the cheaper platform would ask
//! of the team. But advice about cost never contradicts the cost shown beside it.
//!
//! The rules are the rows of [`RULES`], from those that leave no choice down to mild preferences. What is not known
//! about a workload lets no rule fire.

mod rules;

pub use rules::RULES;

use std::borrow::Cow;
use std::sync::Arc;

use super::Platform;
use super::lambda::Component;
use super::traffic_pattern::TrafficPattern;
use crate::inventory::WorkloadKind;
use crate::pricing::list_prices::lambda::MAX_INVOCATION;
use crate::units::{Gib, Ratio, Requests, Seconds, Usd};

/// What is known of a workload. What is not known is absent, or `false` where only presence can be seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdviceInputs {
    /// How its requests are spread over time.
    pub pattern: Option<TrafficPattern>,
    /// The kind of workload; absent for a function.
    pub kind: Option<WorkloadKind>,
    /// The latency that it must keep.
    pub latency_objective: Option<Seconds>,
    /// The longest that a request or a run takes.
    pub longest_duration: Option<Seconds>,
    /// The memory that it needs at once.
    pub memory: Option<Gib>,
    /// It uses a GPU.
    pub gpu: bool,
    /// It keeps something between requests: a volume, or a place in a cluster of its own.
    pub stateful: bool,
    /// It is woken by messages of a queue, a stream, a bucket or a schedule, not by callers that wait.
    pub event_driven: bool,
    /// The part of what is paid for it in the cluster that it uses.
    pub utilization: Option<Ratio>,
    /// Requests in a month.
    pub monthly_requests: Option<Requests>,
    /// Cost per month on Lambda, for the same traffic.
    pub cost_on_lambda: Option<Usd>,
    /// Cost per month on Kubernetes, for the same traffic.
    pub cost_on_kubernetes: Option<Usd>,
    /// Cost per month on Lambda without any request: provisioned concurrency, snapshots, a load balancer.
    pub idle_cost_on_lambda: Option<Usd>,
    /// Components of the bill that make up that cost.
    pub idle_components: Vec<Component>,
    /// The utilization at which both platforms cost the same.
    pub breakeven_utilization: Option<Ratio>,
    /// Provisioned concurrency in the region.
    pub provisioned: Option<ProvisionedConcurrency>,
}

/// When provisioned concurrency pays in a region.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvisionedConcurrency {
    /// The region.
    pub region: Arc<str>,
    /// The utilization above which it costs less than the same work on demand; `None` if it never pays.
    pub break_even: Option<Ratio>,
    /// Whether the function has it.
    pub is_configured: bool,
}

impl AdviceInputs {
    fn is(&self, pattern: TrafficPattern) -> bool {
        self.pattern == Some(pattern)
    }

    fn is_batch(&self) -> bool {
        matches!(self.kind, Some(WorkloadKind::Job | WorkloadKind::CronJob))
    }

    fn is_stateful(&self) -> bool {
        self.stateful || self.kind == Some(WorkloadKind::StatefulSet)
    }

    fn is_too_long(&self) -> bool {
        self.longest_duration
            .is_some_and(|longest| longest > MAX_INVOCATION)
    }

    fn has_requests(&self, test: impl Fn(f64) -> bool) -> bool {
        self.monthly_requests
            .is_some_and(|requests| test(requests.requests()))
    }

    /// Whether the costs beside the advice are known and say that the other platform costs less.
    fn costs_more_on(&self, platform: Platform) -> bool {
        let costs = self.cost_on_lambda.zip(self.cost_on_kubernetes);
        costs.is_some_and(|(lambda, kubernetes)| match platform {
            Platform::Lambda => lambda > kubernetes,
            Platform::Kubernetes => kubernetes > lambda,
        })
    }

    /// The cost on Lambda without any request, if it is known and more than nothing.
    fn idle_cost(&self) -> Option<Usd> {
        self.idle_cost_on_lambda.filter(|cost| !cost.is_zero())
    }

    fn is_used(&self, test: impl Fn(f64) -> bool) -> bool {
        self.utilization
            .is_some_and(|utilization| test(utilization.get()))
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, as it stands in a label.
    pub name: &'static str,
    /// The platform that it speaks for.
    pub favours: Platform,
    /// Whether it leaves no choice.
    pub decisive: bool,
    /// Why, as sentences.
    pub reason: fn(&AdviceInputs) -> Cow<'static, str>,
    /// When it holds.
    pub applies: fn(&AdviceInputs) -> bool,
}

/// One piece of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The rule that it comes from.
    pub rule: &'static str,
    /// The platform that it speaks for.
    pub favours: Platform,
    /// Whether it leaves no choice.
    pub decisive: bool,
    /// Why, as sentences.
    pub reason: Cow<'static, str>,
}

/// The advice for a workload, the weightiest first; none where nothing of note is known.
///
/// ```
/// use breakeven_model::Platform;
/// use breakeven_model::advice::{AdviceInputs, advise};
/// use breakeven_model::traffic_pattern::TrafficPattern;
///
/// let facts = AdviceInputs { pattern: Some(TrafficPattern::Sporadic), gpu: true, ..AdviceInputs::default() };
/// let advice = advise(&facts);
/// assert_eq!((advice[0].rule, advice[0].favours), ("gpu", Platform::Kubernetes));
/// assert_eq!((advice[1].rule, advice[1].favours), ("sporadic", Platform::Lambda));
/// ```
#[must_use]
pub fn advise(facts: &AdviceInputs) -> Vec<Advice> {
    let rules = RULES.iter().filter(|rule| (rule.applies)(facts));
    rules
        .map(|rule| Advice {
            rule: rule.name,
            favours: rule.favours,
            decisive: rule.decisive,
            reason: (rule.reason)(facts),
        })
        .collect()
}

#[cfg(test)]
mod tests;

//! Cost of a workload's requests on Lambda for a month, with its uncertainty.

use super::sizing::{RequestDemand, SizedFunction, choose, needs_quota};
use crate::break_even::{CostStaircase, crossing};
use crate::cold_starts::refined_fractions;
use crate::lambda::{Bill, Init, Run};
use crate::parameters::ModelParameters;
use crate::pricing::list_prices::lambda as tariff;
use crate::report::{Breakeven, Ineligibility};
use crate::uncertainty::{CostEstimate, Parameter, Range, SensitivityInput, evaluate};
use crate::units::{Gib, Ratio, Requests, Seconds, Usd, UsdPerRequest};
use crate::window::{TrafficWindow, WorkloadWindow};

/// A month of the requests of a workload on Lambda, each unknown at one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct LambdaMonth<'a> {
    pub(super) demand: RequestDemand,
    cpu: Range<Seconds>,
    /// CPU time of a request that is certain.
    certain_cpu: Seconds,
    working_set: Range<Gib>,
    requests: Requests,
    /// The share of requests that would meet a cold start.
    pub(super) cold_share: Ratio,
    /// The same, by how long idle environments are kept, at the duration that is likeliest.
    cold_shares: Range<Ratio>,
    init: Seconds,
    settings: &'a ModelParameters,
}

impl<'a> LambdaMonth<'a> {
    /// What is not known exactly.
    const PARAMETERS: [SensitivityInput<Self>; 5] = [
        SensitivityInput {
            parameter: Parameter::CoreSpeed,
            one: |known, moved| {
                moved.demand.core_time = known.settings.lambda_equivalent.core_time.low;
            },
            other: |known, moved| {
                moved.demand.core_time = known.settings.lambda_equivalent.core_time.high;
            },
        },
        SensitivityInput {
            parameter: Parameter::WorkingSet,
            one: |known, moved| moved.demand.working_set = known.working_set.low,
            other: |known, moved| moved.demand.working_set = known.working_set.high,
        },
        SensitivityInput {
            parameter: Parameter::CpuPerRequest,
            one: |known, moved| moved.demand.cpu = known.cpu.low,
            other: |known, moved| moved.demand.cpu = known.cpu.high,
        },
        SensitivityInput {
            parameter: Parameter::KeepAlive,
            one: |known, moved| moved.cold_share = known.cold_shares.low,
            other: |known, moved| moved.cold_share = known.cold_shares.high,
        },
        SensitivityInput {
            parameter: Parameter::InitDuration,
            one: |known, moved| moved.init = known.settings.lambda.init.otherwise.low,
            other: |known, moved| moved.init = known.settings.lambda.init.otherwise.high,
        },
    ];

    /// Absent while the demand of one request is unknown, or there are no requests.
    pub(super) fn from_windows(
        window: &WorkloadWindow,
        traffic: &TrafficWindow,
        requests: Requests,
        settings: &'a ModelParameters,
    ) -> Option<Self> {
        let idle = settings.lambda_equivalent.idle_cpu;
        let found = window.cpu_per_request()?;
        let cpu = found.given(idle);
        let working_set = window.used.working_set()?;
        let latency = traffic.mean_latency()?;
        let demand = RequestDemand {
            cpu: cpu.point,
            latency,
            working_set: working_set.point,
            core_time: settings.lambda_equivalent.core_time.point,
        };
        let duration = choose(demand, &settings.lambda_equivalent).duration;
        let shares = refined_fractions(traffic.rate()?, duration, settings.lambda.keep_alive);
        // More at once than any account may run: its share of cold starts is next to nothing.
        let cold_shares = shares.unwrap_or(Range::exactly(Ratio::ZERO));
        let known = Self {
            demand,
            cpu,
            certain_cpu: found.lower_bound(idle, latency),
            working_set,
            requests,
            cold_share: cold_shares.point,
            cold_shares,
            init: settings.lambda.init.otherwise.point,
            settings,
        };
        (!requests.is_zero()).then_some(known)
    }

    /// Memory and duration of the function.
    pub(super) fn size(&self) -> SizedFunction {
        choose(self.demand, &self.settings.lambda_equivalent)
    }

    /// What certainly keeps it from Lambda, and what does so only if its CPU time per request is not the least possible.
    ///
    /// A blocker must be certain: it decides whatever the costs, and CPU time per request is often an upper bound.
    pub(super) fn blockers(
        &self,
        likely: &SizedFunction,
        traffic: &TrafficWindow,
        limit: u32,
    ) -> (Vec<Ineligibility>, Vec<Ineligibility>) {
        let demand = RequestDemand {
            cpu: self.certain_cpu,
            ..self.demand
        };
        let least = choose(demand, &self.settings.lambda_equivalent);
        let shortest = least.duration.min(likely.duration);
        let with_quota = |blockers: &[Ineligibility], duration| {
            let quota = needs_quota(traffic.peak, duration, limit);
            let quota = quota.then_some(Ineligibility::NeedsQuota);
            blockers.iter().copied().chain(quota).collect::<Vec<_>>()
        };
        let certain = with_quota(&least.blockers, shortest);
        let mut possible = with_quota(&likely.blockers, likely.duration);
        possible.retain(|reason| !certain.contains(reason));
        (certain, possible)
    }

    /// What would be charged for.
    fn run(&self) -> Run {
        let sized = self.size();
        let duration = self.requests.total_time(sized.duration);
        Run {
            init: Some(Init {
                cold_starts: self.requests * self.cold_share,
                duration: self.init,
            }),
            ..Run::plain(sized.memory, self.requests, duration)
        }
    }

    /// All that Lambda would charge for a month of it.
    pub(super) fn bill(&self) -> Bill {
        self.run().bill(&self.settings.lambda_equivalent.terms)
    }

    /// What a month of it would cost.
    pub(super) fn cost(&self) -> Option<CostEstimate> {
        let terms = &self.settings.lambda_equivalent.terms;
        evaluate(self, &Self::PARAMETERS, |projection| {
            Some(projection.run().cost(tariff::MEAN_ROUNDING, terms))
        })
    }

    /// The traffic at which the function would cost as much as what is held now.
    pub(super) fn breakeven(&self, loaded: Usd, utilization: Option<Ratio>) -> Breakeven {
        if utilization.is_some_and(|utilization| utilization > Ratio::ONE) {
            return Breakeven::BeyondCapacity;
        }
        let held = CostStaircase {
            fixed: loaded,
            step: Usd::ZERO,
            steps_min: 1,
            capacity: None,
            each: UsdPerRequest::ZERO,
        };
        crossing(&self.bill().curve(), &held)
    }
}

//! A workload of the cluster, and its Lambda equivalent.

use super::{Assessment, monthly, monthly_requests};
use crate::break_even::{CostStaircase, crossing};
use crate::cold_starts::refined_fractions;
use crate::inputs::{Evidence, LambdaEvidence, WorkloadEvidence};
use crate::inventory::{Scaler, WorkloadId, WorkloadKind};
use crate::lambda::{Bill, Init, Run};
use crate::lambda_equivalent::{LambdaProjection, RequestDemand, choose, needs_quota};
use crate::parameters::{LambdaEquivalent, ModelParameters};
use crate::pricing::list_prices::lambda as tariff;
use crate::report::{
    Basis, Breakeven, Ineligibility, Platform, PlatformCost, Utilization, Verdict,
};
use crate::uncertainty::{CostEstimate, Parameter, Range, SensitivityInput, evaluate};
use crate::units::{Gib, Ratio, Requests, Seconds, Usd, UsdPerRequest};
use crate::verdict::{compare, insufficient, is_cost_seen, staying};
use crate::window::{TrafficWindow, UsedWindow, WorkloadWindow};

/// What is known of a workload besides its window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkloadInputs {
    /// Its pods on nodes without a price.
    pub unpriced_pods: usize,
    /// Whether it needs a GPU or another accelerator.
    pub needs_accelerator: bool,
    /// Whether it runs on Windows.
    pub is_on_windows: bool,
    /// How long ago the oldest of its pods started whose node, price and requests have not changed since: for so long its
    /// cost is known, though the agent may have seen less.
    pub unchanged_for: Seconds,
    /// Whether it keeps data on a persistent volume.
    pub persistent_volume: bool,
    /// Whether it shares the network of its node.
    pub host_network: bool,
    /// How many environments the account may run at once, where it says so.
    pub concurrency_limit: Option<u32>,
    /// What scales it, where anything does.
    pub scaler: Option<Scaler>,
    /// Whether it is not to be compared.
    pub is_excluded: bool,
    /// How long a request may take in the mean, where that is said of it.
    pub latency_objective: Option<Seconds>,
}

/// What follows for a workload of the cluster.
///
/// Monthly cost on a basis: its mean over the time seen, times the hours of a month. One request: that over
/// the mean requests of a month, `R = λ · 3600 · H`. Its Lambda equivalent is chosen by
/// [`choose`] for its mean request; at the capacity it holds now the platforms cost the same at
/// `R* = R · C_K / C_L` (by tiers), and at the utilisation `u* = cost used / C_L`.
///
/// A cost is absent while a pod's node has no price, per request absent while there are no requests.
///
/// What cannot move stays: its verdict is never `lambda`, and there is no saving. No verdict stands on less than an hour of
/// cost, which counts from the start of the oldest unchanged pod.
#[must_use]
pub fn workload(
    id: &WorkloadId,
    window: &WorkloadWindow,
    inputs: WorkloadInputs,
    settings: &ModelParameters,
) -> Assessment {
    let mut assessment = Assessment {
        utilization: utilization(&window.used),
        ineligible: ineligible(id, inputs),
        ..Assessment::default()
    };
    let priced = inputs.unpriced_pods == 0;
    let observed = window.observed.max(inputs.unchanged_for);
    let traffic = window.traffic.unwrap_or_default();
    let own = allowing(inputs.latency_objective, &traffic, settings);
    let settings = own.as_ref().unwrap_or(settings);
    let requests = traffic
        .rate()
        .map(|rate| monthly_requests(rate, settings))
        .unwrap_or_default();
    if priced {
        assessment.costs = current_cost(window, requests, settings);
    }
    let mut evidence = WorkloadEvidence {
        window: *window,
        unchanged_for: inputs.unchanged_for,
        requests,
        lambda: None,
    };
    let projection = Projection::of(window, &traffic, requests, settings);
    if let Some((projection, lambda)) = projection.and_then(|one| Some((one, one.cost()?))) {
        let equivalent = projection.equivalent();
        let limit = inputs
            .concurrency_limit
            .unwrap_or(settings.lambda_equivalent.concurrency_limit);
        let (certain, possible) = projection.blockers(&equivalent, &traffic, limit);
        assessment.ineligible.extend(certain);
        assessment.lambda_memory = Some(equivalent.memory);
        evidence.lambda = Some(LambdaEvidence {
            demand: projection.demand,
            architecture: settings.lambda_equivalent.architecture,
            cold_share: projection.cold_share,
            init: settings.lambda.init.otherwise,
            bill: projection.bill().components().collect(),
            equivalent,
            possible_blockers: possible,
        });
        assessment.uncertainty = lambda.largest;
        assessment.costs.push(PlatformCost {
            platform: Platform::Lambda,
            basis: Basis::Loaded,
            monthly: lambda,
            requests,
        });
        if let Some(loaded) = assessment.monthly(Platform::Kubernetes) {
            let used = used_monthly(window, settings);
            let scaled = inputs
                .scaler
                .and_then(|scaler| Scaled::of(scaler, loaded.point, window, requests));
            let can_move = assessment.ineligible.is_empty();
            assessment.monthly_saving = can_move.then(|| loaded.point.minus(lambda.point));
            assessment.breakeven_utilization = used.and_then(|used| used.over(lambda.point));
            assessment.breakeven = Some(match scaled {
                Some(scaled) => scaled.breakeven(&projection),
                None => projection.breakeven(loaded.point, assessment.breakeven_utilization),
            });
        }
    }
    assessment.evidence = Evidence::Workload(Box::new(evidence));
    let costs = (
        assessment.monthly(Platform::Kubernetes),
        assessment.monthly(Platform::Lambda),
    );
    assessment.verdict = match (insufficient(traffic.covered, traffic.requests), costs) {
        _ if !priced => Verdict::Unpriced,
        // Nothing counts its requests: that is what is missing, however long it runs.
        _ if window.traffic.is_none() => Verdict::NoRequests,
        (Some(missing), _) => missing,
        _ if traffic.mean_latency().is_none() => Verdict::NoLatency,
        _ if !is_cost_seen(observed) => Verdict::InsufficientData,
        (None, (Some(_), Some(_))) if !assessment.ineligible.is_empty() => {
            staying(Platform::Kubernetes)
        }
        (None, (Some(kubernetes), Some(lambda))) => compare(&kubernetes, &lambda),
        _ => Verdict::InsufficientData,
    };
    assessment
}

/// The settings for a workload of which an objective is said: a request may become so much slower that it just meets it.
fn allowing(
    objective: Option<Seconds>,
    traffic: &TrafficWindow,
    settings: &ModelParameters,
) -> Option<ModelParameters> {
    let max_slowdown = objective?.over(traffic.mean_latency()?)?;
    Some(ModelParameters {
        lambda_equivalent: LambdaEquivalent {
            max_slowdown,
            ..settings.lambda_equivalent.clone()
        },
        ..settings.clone()
    })
}

/// What it costs where it runs, on each basis.
fn current_cost(
    window: &WorkloadWindow,
    requests: Requests,
    settings: &ModelParameters,
) -> Vec<PlatformCost> {
    let mean = |sum: Usd| {
        sum.over_time(window.observed)
            .map(|rate| monthly(rate, settings))
    };
    let avoidable = mean(window.allocated).map(|allocated| CostEstimate {
        low: allocated * settings.avoidable.low,
        point: allocated * settings.avoidable.point,
        high: allocated * settings.avoidable.high,
        largest: None,
    });
    let exactly = |cost: Option<Usd>| cost.map(CostEstimate::exactly);
    let bases = [
        (Basis::Used, exactly(used_monthly(window, settings))),
        (Basis::Allocated, exactly(mean(window.allocated))),
        (Basis::Loaded, exactly(mean(window.loaded))),
        (Basis::Avoidable, avoidable),
    ];
    let on = |(basis, monthly): (Basis, Option<CostEstimate>)| {
        Some(PlatformCost {
            platform: Platform::Kubernetes,
            basis,
            monthly: monthly?,
            requests,
        })
    };
    bases.into_iter().filter_map(on).collect()
}

/// A month of what it used: of its loaded cost the part that it used while that was seen.
fn used_monthly(window: &WorkloadWindow, settings: &ModelParameters) -> Option<Usd> {
    let loaded = window.loaded.over_time(window.observed)?;
    let share = window.used.cost.over(window.used.loaded)?;
    Some(monthly(loaded, settings) * share)
}

fn utilization(used: &UsedWindow) -> Utilization {
    Utilization {
        cost: used.cost.over(used.loaded),
        cpu: used.cores.over(used.cores_held),
        memory: used.memory.over(used.memory_held),
    }
}

fn ineligible(id: &WorkloadId, workload_inputs: WorkloadInputs) -> Vec<Ineligibility> {
    let stateful = id.kind == WorkloadKind::StatefulSet;
    let reasons = [
        (stateful, Ineligibility::Stateful),
        (
            workload_inputs.persistent_volume,
            Ineligibility::PersistentVolume,
        ),
        (workload_inputs.host_network, Ineligibility::HostNetwork),
        (workload_inputs.needs_accelerator, Ineligibility::Gpu),
        (workload_inputs.is_on_windows, Ineligibility::Windows),
        (workload_inputs.is_excluded, Ineligibility::Excluded),
    ];
    let holds = reasons.into_iter().filter(|(holds, _)| *holds);
    holds.map(|(_, reason)| reason).collect()
}

/// What an autoscaler makes of a workload's cost: pods that come with its traffic, above those that it keeps at least.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scaled {
    curve: CostStaircase,
    /// What the most pods that it may have can serve in a month.
    most: Requests,
}

impl Scaled {
    /// Absent where the autoscaler does not go by processors, or their use was not seen.
    ///
    /// One of n pods costs `C_K / n`. At the use u of its request that was seen it served R / n, so at the use that the
    /// autoscaler aims at it serves `R / n · target / u`.
    fn of(
        scaler: Scaler,
        loaded: Usd,
        window: &WorkloadWindow,
        requests: Requests,
    ) -> Option<Self> {
        let pods = window.used.pods.over(window.used.observed)?;
        let each = pods.inverse()?;
        let utilization = window.used.cores.over(window.used.cores_held)?;
        let slack = scaler.target? * utilization.inverse()?;
        let capacity = requests * each * slack;
        let curve = CostStaircase {
            fixed: Usd::ZERO,
            step: loaded * each,
            steps_min: scaler.min,
            capacity: Some(capacity),
            each: UsdPerRequest::ZERO,
        };
        let most = capacity * Ratio::from(scaler.max);
        (!capacity.is_zero()).then_some(Self { curve, most })
    }

    /// The traffic at which its pods would cost as much as the function.
    fn breakeven(&self, projection: &Projection) -> Breakeven {
        match crossing(&projection.bill().curve(), &self.curve) {
            Breakeven::Crossing { first, .. } if first > self.most => Breakeven::BeyondCapacity,
            Breakeven::Crossing { first, sustained } => Breakeven::Crossing {
                first,
                sustained: sustained.filter(|sustained| *sustained <= self.most),
            },
            other => other,
        }
    }
}

/// A month of its requests on Lambda.
#[derive(Clone, Copy, Debug)]
struct Projection<'a> {
    demand: RequestDemand,
    cpu: Range<Seconds>,
    /// CPU time of a request that is certain.
    certain_cpu: Seconds,
    working_set: Range<Gib>,
    requests: Requests,
    /// The share of requests that would meet a cold start.
    cold_share: Ratio,
    /// The same, by how long idle environments are kept, at the duration that is likeliest.
    cold_shares: Range<Ratio>,
    init: Seconds,
    settings: &'a ModelParameters,
}

impl<'a> Projection<'a> {
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

    /// Absent while it is not known what one request needs.
    fn of(
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

    /// The function that would do it.
    fn equivalent(&self) -> LambdaProjection {
        choose(self.demand, &self.settings.lambda_equivalent)
    }

    /// What certainly keeps it from Lambda, and what does so only if its CPU time per request is not the least possible.
    ///
    /// A blocker must be certain: it decides whatever the costs, and CPU time per request is often an upper bound.
    fn blockers(
        &self,
        likely: &LambdaProjection,
        traffic: &TrafficWindow,
        limit: u32,
    ) -> (Vec<Ineligibility>, Vec<Ineligibility>) {
        let demand = RequestDemand {
            cpu: self.certain_cpu,
            ..self.demand
        };
        let least = choose(demand, &self.settings.lambda_equivalent);
        let shortest = least.duration.min(likely.duration);
        let of = |ineligible: &[Ineligibility], duration| {
            let quota = needs_quota(traffic.peak, duration, limit);
            let quota = quota.then_some(Ineligibility::NeedsQuota);
            ineligible.iter().copied().chain(quota).collect::<Vec<_>>()
        };
        let certain = of(&least.ineligible, shortest);
        let mut possible = of(&likely.ineligible, likely.duration);
        possible.retain(|reason| !certain.contains(reason));
        (certain, possible)
    }

    /// What would be charged for.
    fn run(&self) -> Run {
        let equivalent = self.equivalent();
        let duration = self.requests.each_taking(equivalent.duration);
        Run {
            init: Some(Init {
                cold_starts: self.requests * self.cold_share,
                duration: self.init,
            }),
            ..Run::plain(equivalent.memory, self.requests, duration)
        }
    }

    /// All that Lambda would charge for a month of it.
    fn bill(&self) -> Bill {
        self.run().bill(&self.settings.lambda_equivalent.terms)
    }

    /// What a month of it would cost.
    fn cost(&self) -> Option<CostEstimate> {
        let terms = &self.settings.lambda_equivalent.terms;
        evaluate(self, &Self::PARAMETERS, |projection| {
            Some(projection.run().cost(tariff::MEAN_ROUNDING, terms))
        })
    }

    /// The traffic at which the function would cost as much as what is held now.
    fn breakeven(&self, loaded: Usd, utilization: Option<Ratio>) -> Breakeven {
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

//! A function, and its Kubernetes equivalent.

use std::sync::Arc;

use super::{Assessment, monthly, monthly_requests};
use crate::model::band::{Banded, Ends, Parameter, evaluate};
use crate::model::crossover::{KubernetesCurve, LambdaCurve, crossing};
use crate::model::evidence::{Evidence, FunctionEvidence};
use crate::model::kubernetes_equivalent::{Equivalent, Machine, Sizing, size};
use crate::model::lambda::{Run, tiers_of};
use crate::model::node_split::Split;
use crate::model::report::{Basis, Breakeven, Home, PlatformCost, Verdict};
use crate::model::settings::{KubernetesEquivalent, Settings};
use crate::model::verdict::{compare, insufficient};
use crate::model::window::FunctionWindow;
use crate::observation::Function;
use crate::tariff::{Tiers, lambda as tariff};
use crate::units::{GibSeconds, Ratio, Requests, Seconds, Usd, UsdPerRequest};

/// What the cluster's machines cost.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterPrices {
    /// The mean price of a core and a GiB.
    pub mean: Split,
    /// The kinds of machine that could be had.
    pub machines: Vec<Machine>,
}

/// What follows for a function.
///
/// Its monthly cost is what the mean traffic of its window costs over a month, by tiers. In the cluster it would be
/// the pods of [`size`], packed onto its nodes at their mean price; at most it would have machines of its own. Absent while
/// prices of the cluster are not known.
#[must_use]
pub fn function(
    function: &Function,
    window: &FunctionWindow,
    prices: Option<&ClusterPrices>,
    settings: &Settings,
) -> Assessment {
    let mut assessment = Assessment {
        lambda_memory: Some(function.memory),
        ..Assessment::default()
    };
    let covered = window.covered();
    let Some(rate) = window.invocations.per(covered) else {
        return assessment;
    };
    let requests = monthly_requests(rate, settings);
    let run = month(function, window, requests);
    let Some(tiers) = tiers_of(function) else {
        assessment.verdict = Verdict::Unpriced;
        return assessment;
    };
    let lambda = charged(&run, &tiers);
    assessment.costs.push(cost(Home::Lambda, lambda, requests));
    let mut evidence = FunctionEvidence {
        region: Arc::clone(&function.id.region),
        memory: function.memory,
        architecture: function.architecture,
        covered,
        invocations: window.invocations,
        duration: window.duration,
        requests,
        pods: None,
    };
    let projection = prices.map(|prices| Projection {
        sizing: settings.kubernetes_equivalent.point(),
        is_dedicated: false,
        function,
        window,
        prices,
        settings,
    });
    if let Some((pods, equivalent)) = projection.and_then(|one| Some((one.cost()?, one.size()?))) {
        assessment
            .costs
            .push(cost(Home::Kubernetes, pods, requests));
        assessment.monthly_saving = Some(lambda.point.minus(pods.point));
        assessment.uncertainty = pods.largest;
        assessment.breakeven = breakeven(&run, &tiers, &equivalent, settings);
        evidence.pods = prices.map(|prices| (equivalent, prices.mean));
    }
    assessment.evidence = Evidence::Function(Box::new(evidence));
    let other = assessment.monthly(Home::Kubernetes);
    assessment.verdict = match (insufficient(covered, window.invocations), other) {
        (Some(missing), _) => missing,
        (None, None) => Verdict::Unpriced,
        (None, Some(pods)) => compare(&pods, &lambda),
    };
    assessment
}

fn cost(platform: Home, monthly: Banded, requests: Requests) -> PlatformCost {
    PlatformCost {
        platform,
        basis: Basis::Loaded,
        monthly,
        requests,
    }
}

/// A month of the mean traffic of the window.
fn month(function: &Function, window: &FunctionWindow, requests: Requests) -> Run {
    let each = window
        .duration
        .per(window.invocations)
        .unwrap_or(Seconds::ZERO);
    Run {
        memory: function.memory,
        architecture: function.architecture,
        ephemeral_storage_mib: function.ephemeral_storage_mib,
        invocations: requests,
        duration: requests.each_taking(each),
    }
}

/// What Lambda charges for it. Each invocation is rounded up by between nothing and a millisecond.
fn charged(run: &Run, tiers: &Tiers<GibSeconds>) -> Banded {
    let (least, most) = run.charge_between(tiers, GibSeconds::ZERO);
    let (low, high) = (least.total(), most.total());
    let point = run.charge(tiers, GibSeconds::ZERO).total();
    let swing = high.less(low).over(point);
    Banded {
        low,
        point,
        high,
        largest: swing.map(|swing| (Parameter::Rounding, swing)),
    }
}

/// A function's pods, each parameter at one value.
#[derive(Clone, Copy, Debug)]
struct Projection<'a> {
    sizing: Sizing,
    is_dedicated: bool,
    function: &'a Function,
    window: &'a FunctionWindow,
    prices: &'a ClusterPrices,
    settings: &'a Settings,
}

impl Projection<'_> {
    /// What is not known exactly.
    const PARAMETERS: [Ends<Self>; 4] = [
        Ends {
            parameter: Parameter::CpuShare,
            one: |known, moved| moved.sizing.cpu_share = known.ranges().cpu_share.low,
            other: |known, moved| moved.sizing.cpu_share = known.ranges().cpu_share.high,
        },
        Ends {
            parameter: Parameter::TargetUtilization,
            one: |known, moved| {
                moved.sizing.target_utilization = known.ranges().target_utilization.low;
            },
            other: |known, moved| {
                moved.sizing.target_utilization = known.ranges().target_utilization.high;
            },
        },
        Ends {
            parameter: Parameter::PackingEfficiency,
            one: |known, moved| {
                moved.sizing.packing_efficiency = known.ranges().packing_efficiency.low;
            },
            other: |known, moved| {
                moved.sizing.packing_efficiency = known.ranges().packing_efficiency.high;
            },
        },
        Ends {
            parameter: Parameter::Placement,
            one: |_, moved| moved.is_dedicated = false,
            other: |_, moved| moved.is_dedicated = true,
        },
    ];

    const fn ranges(&self) -> &KubernetesEquivalent {
        &self.settings.kubernetes_equivalent
    }

    fn size(&self) -> Option<Equivalent> {
        let active = self.window.active.iter().copied();
        let (last, minutes) = (self.window.last_minute, self.window.minutes);
        let memory = self.function.memory;
        size(
            active,
            last,
            minutes,
            memory,
            self.prices.mean,
            &self.sizing,
        )
    }

    /// What a month of the pods costs.
    fn cost(&self) -> Option<Banded> {
        evaluate(self, &Self::PARAMETERS, |projection| {
            let pods = projection.size()?;
            let packed = pods.packed();
            let dedicated = pods.dedicated(&projection.prices.machines);
            let own = dedicated.filter(|_| projection.is_dedicated);
            // Machines of its own are the dearer end: where they would cost less, packing would use them too.
            let rate = own.map_or(packed, |own| own.max(packed));
            Some(monthly(rate, projection.settings))
        })
    }
}

/// The traffic at which pods cost what the function does: each pod serves what it would be filled with.
fn breakeven(
    run: &Run,
    tiers: &Tiers<GibSeconds>,
    equivalent: &Equivalent,
    settings: &Settings,
) -> Option<Breakeven> {
    let lambda = LambdaCurve {
        fixed: Usd::ZERO,
        by_request: tiers
            .clone()
            .by_request(run.gib_seconds() * one_of(run.invocations)?)
            .plus(&Tiers::flat(
                run.charge(tiers, GibSeconds::ZERO)
                    .ephemeral
                    .per(run.invocations)?
                    + tariff::REQUEST,
            )),
    };
    let pods = KubernetesCurve {
        fixed: Usd::ZERO,
        step: monthly(equivalent.replica, settings),
        steps_min: settings.kubernetes_equivalent.min_replicas,
        capacity: equivalent
            .replicas_filled
            .inverse()
            .map(|share| run.invocations * share),
        each: UsdPerRequest::ZERO,
    };
    Some(crossing(&lambda, &pods))
}

/// The part of all requests that one is.
fn one_of(requests: Requests) -> Option<Ratio> {
    Requests::from_requests(1.0).ok()?.over(requests)
}

//! What would change the verdict.

use super::Line;
use super::number::{count, factor, millis, percent, plain, usd};
use crate::assessment::{Assessment, workload};
use crate::inputs::{Evidence, WorkloadInputs};
use crate::inventory::WorkloadId;
use crate::parameters::ModelParameters;
use crate::regression::Scatter;
use crate::report::{Breakeven, Platform, Verdict, WorkloadRef, WorkloadReport};
use crate::uncertainty::{CostEstimate, Range};
use crate::units::{Cores, Ratio, Requests};
use crate::verdict::compare;
use crate::window::{TrafficWindow, WorkloadWindow};

/// What would turn a verdict between platforms, or bring one about. A verdict that says what is missing has none of it: its
/// own line says what to do.
pub(super) fn lines(workload: &WorkloadReport, settings: &ModelParameters) -> Vec<Line> {
    let assessment = &workload.assessment;
    if let (true, [first, ..]) = (assessment.verdict.decides(), assessment.blockers()) {
        let from = "while it cannot move, no cost changes the verdict";
        let reason = first.as_str().replace('_', " ");
        return vec![Line::new("cannot move", from, reason)];
    }
    let costs = [Platform::Kubernetes, Platform::Lambda]
        .map(|platform| PlatformCost::new(assessment, platform));
    let ([Some(kubernetes), Some(lambda)], true) = (costs, assessment.verdict.decides()) else {
        return Vec::new();
    };
    let (kubernetes, lambda) = (&kubernetes, &lambda);
    let now = compare(&kubernetes.monthly, &lambda.monthly);
    let mut lines = Vec::new();
    if now != assessment.verdict {
        let from = format!(
            "what the bands say now; it stands once it has held for {}",
            settings.decision_window.in_words()
        );
        lines.push(Line::new("time", from, now.as_str()));
    }
    match now {
        Verdict::Kubernetes => {
            lines.extend(decided(workload, kubernetes, lambda));
        }
        Verdict::Lambda => {
            lines.extend(decided(workload, lambda, kubernetes));
        }
        _ => {
            lines.extend(match workload.workload.platform() {
                Platform::Kubernetes => projection(kubernetes, lambda),
                Platform::Lambda => projection(lambda, kubernetes),
            });
            if let (WorkloadRef::Kubernetes(id), Evidence::Workload(evidence)) =
                (&workload.workload, &assessment.evidence)
            {
                lines.extend(parameters(id, &evidence.window, settings));
            }
        }
    }
    lines
}

/// One side of the comparison.
struct PlatformCost {
    platform: Platform,
    monthly: CostEstimate,
    requests: Requests,
}

impl PlatformCost {
    fn new(assessment: &Assessment, platform: Platform) -> Option<Self> {
        let cost = assessment.cost_on(platform)?;
        Some(Self {
            platform,
            monthly: cost.monthly,
            requests: cost.requests,
        })
    }
}

/// What would turn the verdict for the platform that is ahead.
fn decided(
    workload: &WorkloadReport,
    ahead: &PlatformCost,
    behind: &PlatformCost,
) -> impl Iterator<Item = Line> {
    [
        traffic(workload, ahead.platform, ahead.requests),
        utilization(workload, ahead.platform),
        gap(ahead, behind),
    ]
    .into_iter()
    .flatten()
}

/// The traffic at which the other platform takes over, by the points.
fn traffic(workload: &WorkloadReport, ahead: Platform, now: Requests) -> Option<Line> {
    let compared = workload.assessment.compared()?;
    let Some(Breakeven::Crossing { first, sustained }) = compared.breakeven else {
        let from = match (compared.breakeven?, ahead) {
            (Breakeven::KubernetesAlways, Platform::Kubernetes)
            | (Breakeven::LambdaAlways, Platform::Lambda) => "it costs less at any traffic",
            (Breakeven::BeyondCapacity, Platform::Lambda) => {
                "what is held could not serve so much that it would cost less"
            }
            _ => return None,
        };
        return Some(Line::new("traffic", from, "none"));
    };
    let (side, at) = match ahead {
        Platform::Kubernetes => {
            let below = sustained.filter(|sustained| *sustained <= now);
            ("below", below.or(Some(first)).filter(|at| *at <= now)?)
        }
        Platform::Lambda => ("above", Some(first).filter(|at| *at >= now).or(sustained)?),
    };
    let from = format!(
        "now {}; {side} it {} costs less",
        count(now),
        name(ahead.other())
    );
    let result = format!("{} requests a month", count(at));
    Some(Line::new("traffic", from, result))
}

/// The utilisation of what is held at which the other platform takes over, by the points.
fn utilization(workload: &WorkloadReport, ahead: Platform) -> Option<Line> {
    let assessment = &workload.assessment;
    let now = assessment.utilization.cost?;
    let turns = assessment.compared()?.breakeven_utilization?;
    let side = match ahead {
        Platform::Kubernetes => "below",
        Platform::Lambda => "above",
    };
    let other = name(ahead.other());
    if turns > Ratio::ONE {
        let from = format!("u* is {}: {other} would cost more at any", percent(turns));
        return (ahead == Platform::Lambda).then(|| Line::new("utilisation", from, "none"));
    }
    let from = format!("now {}; {side} it {other} costs less", percent(now));
    Some(Line::new("utilisation", from, percent(turns)))
}

/// How far the bands are apart.
fn gap(ahead: &PlatformCost, behind: &PlatformCost) -> Option<Line> {
    let (most, least) = (ahead.monthly.high, behind.monthly.low);
    let fall = least.less(most).over(least)?;
    let from = format!(
        "at the least {}, on {} at the most {}: were it so much cheaper, they would meet",
        usd(least),
        name(ahead.platform),
        usd(most)
    );
    let what = format!("cost on {}", name(behind.platform));
    Some(Line::new(what, from, format!("{} less", percent(fall))))
}

/// What the projection would have to be for a verdict.
fn projection(known: &PlatformCost, projected: &PlatformCost) -> [Line; 2] {
    let what = format!("cost on {}", name(projected.platform));
    let from = format!("it is within {}", band(projected.monthly));
    let line = |side: &str, at, winner: Platform| {
        let from = format!("{from}; then {} costs less", name(winner));
        Line::new(&*what, from, format!("{side} {}", usd(at)))
    };
    [
        line("below", known.monthly.low, projected.platform),
        line("above", known.monthly.high, known.platform),
    ]
}

/// The ends of parameters that would decide, each if it alone were known.
fn parameters(id: &WorkloadId, window: &WorkloadWindow, settings: &ModelParameters) -> Vec<Line> {
    let verdict = |known: &KnownParameter| {
        let found = workload(
            id,
            &known.window,
            WorkloadInputs::default(),
            &known.settings,
        );
        let lambda = found.monthly(Platform::Lambda)?;
        let verdict = compare(&found.monthly(Platform::Kubernetes)?, &lambda);
        (verdict != Verdict::Inconclusive).then_some((verdict, lambda))
    };
    let mut lines: Vec<Line> = ends(window, settings)
        .into_iter()
        .filter_map(|known| {
            let (verdict, lambda) = verdict(&known)?;
            let from = format!("if it is so, on Lambda it costs {}", band(lambda));
            Some(Line::new(known.what, from, verdict.as_str()))
        })
        .collect();
    if lines.is_empty() {
        let from = "whichever of them were known, the bands would still overlap";
        lines.push(Line::new("a parameter alone", from, "none"));
    }
    lines
}

/// A workload with one parameter known.
struct KnownParameter {
    what: String,
    window: WorkloadWindow,
    settings: ModelParameters,
}

/// A workload with each of its parameters at each end.
fn ends(window: &WorkloadWindow, settings: &ModelParameters) -> Vec<KnownParameter> {
    let known = |what, change: &dyn Fn(&mut WorkloadWindow, &mut ModelParameters)| {
        let (mut window, mut settings) = (*window, settings.clone());
        change(&mut window, &mut settings);
        KnownParameter {
            what,
            window,
            settings,
        }
    };
    let speed = settings.lambda_equivalent.core_time;
    let mut ends = Vec::new();
    ends.extend([speed.low, speed.high].map(|time| {
        known(
            format!("core speed, q = {}", factor(time)),
            &|_, settings| {
                settings.lambda_equivalent.core_time = Range::exactly(time);
            },
        )
    }));
    if let Some(memory) = window.used.working_set() {
        ends.extend([memory.low, memory.high].map(|one| {
            known(
                format!("working set, W = {} MiB", plain(one.mib())),
                &|window, _| {
                    window.used.memory = one * window.used.pods;
                    window.used.extremes = None;
                },
            )
        }));
    }
    if let (Some(time), Some(traffic)) = (window.cpu_per_request(), window.traffic) {
        let time = time.given(settings.lambda_equivalent.idle_cpu);
        ends.extend([time.low, time.high].map(|one| {
            known(
                format!("processor time, s = {}", millis(one)),
                &|window, settings| {
                    settings.lambda_equivalent.idle_cpu = Range::exactly(Ratio::ZERO);
                    // A single step has no slope, only its ratio.
                    let busy = Cores::from_cores(1.0).unwrap_or_default()
                        * traffic.requests.total_time(one);
                    let step = Scatter::of_step(busy, traffic.requests, traffic.covered);
                    window.traffic = Some(TrafficWindow {
                        paired: step,
                        ..traffic
                    });
                },
            )
        }));
    }
    let (init, keep_alive) = (settings.lambda.init.otherwise, settings.lambda.keep_alive);
    ends.extend([init.low, init.high].map(|one| {
        known(format!("INIT, {}", millis(one)), &|_, settings| {
            settings.lambda.init.otherwise = Range::exactly(one);
        })
    }));
    ends.extend([keep_alive.low, keep_alive.high].map(|one| {
        known(
            format!("keep-alive, {} s", plain(one.seconds())),
            &|_, settings| {
                settings.lambda.keep_alive = Range::exactly(one);
            },
        )
    }));
    ends
}

fn band(cost: CostEstimate) -> String {
    format!("{} to {}", usd(cost.low), usd(cost.high))
}

/// A platform in a sentence.
const fn name(platform: Platform) -> &'static str {
    match platform {
        Platform::Kubernetes => "Kubernetes",
        Platform::Lambda => "Lambda",
    }
}

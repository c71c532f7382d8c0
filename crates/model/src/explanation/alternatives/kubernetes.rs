//! The alternative in the cluster of a function.

use crate::alternatives::kubernetes::KubernetesInputs;
use crate::explanation::number::{factor, millis, plain, price};
use crate::explanation::{Line, month_and_request};
use crate::inputs::FunctionEvidence;
use crate::parameters::ModelParameters;
use crate::report::MonthlyCost;

/// Demand of a request, the pods and their cost.
pub(super) fn lines(
    evidence: &FunctionEvidence,
    inputs: &KubernetesInputs,
    cost: Option<&MonthlyCost>,
    settings: &ModelParameters,
) -> Vec<Line> {
    let KubernetesInputs {
        demand,
        sized: pods,
        prices: mean,
    } = inputs;
    let sizing = settings.kubernetes_equivalent.point();
    let month = settings.hours_per_month.hours();
    let mut lines = vec![
        Line::new(
            "a request keeps busy (b)",
            busy(evidence, settings),
            format!("{} cores", plain(demand.busy.cores())),
        ),
        Line::new(
            "pods (n), mean",
            format!(
                "in each minute max({}, ceil(b x a / ({} x {})), ceil(a / {})), a held for 5 minutes",
                sizing.min_replicas,
                factor(sizing.target_utilization),
                plain(sizing.pod_cpu.cores()),
                sizing.pod_concurrency
            ),
            format!(
                "{}, at most {}",
                factor(pods.replicas),
                factor(pods.replicas_peak)
            ),
        ),
        Line::new(
            "a pod",
            format!(
                "({} cores x {} + {} MiB x {}) / {}, mean prices of the cluster",
                plain(pods.request.cpu.cores()),
                price(mean.core.hourly(), "a core"),
                plain(pods.request.memory.mib()),
                price(mean.memory.hourly(), "a GiB"),
                factor(sizing.packing_efficiency)
            ),
            price(pods.replica.hourly(), "an hour"),
        ),
    ];
    if let Some(cost) = cost {
        let from = format!(
            "{} x {} x {month} h",
            factor(pods.replicas),
            price(pods.replica.hourly(), "an hour")
        );
        lines.extend(month_and_request(cost, from));
    }
    lines
}

/// How the cores came about that a request keeps busy.
fn busy(evidence: &FunctionEvidence, settings: &ModelParameters) -> String {
    let each = evidence.insights.and_then(|insights| insights.cpu_each());
    match (each, evidence.duration.per(evidence.invocations)) {
        (Some(each), Some(lasts)) => format!(
            "{} / ({} x {}), measured; the last is how much longer a core of Lambda takes",
            millis(each),
            millis(lasts),
            factor(settings.lambda_equivalent.core_time.point),
        ),
        _ => format!(
            "{} x min(1, {}/1769), assumed: Lambda Insights would measure it",
            factor(settings.kubernetes_equivalent.cpu_share.point),
            evidence.memory.mib()
        ),
    }
}

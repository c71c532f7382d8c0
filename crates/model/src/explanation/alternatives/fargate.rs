//! The alternative on Fargate of a workload of the cluster.

use crate::alternatives::Projection;
use crate::alternatives::fargate::FargateInputs;
use crate::explanation::number::{factor, plain, price, signed};
use crate::explanation::{Line, month_and_request};
use crate::parameters::ModelParameters;

/// What breakeven cannot see of a pod, and what Fargate does not offer.
const CHECKS: &str =
    "privileged containers, host ports, images for arm64 only, or the instance metadata service";

/// Request, size and price of a pod, the cost, and what blocks the move.
pub(super) fn lines(
    inputs: &FargateInputs,
    projection: &Projection,
    settings: &ModelParameters,
) -> Vec<Line> {
    let (cpu, memory) = inputs.size;
    let hourly = price(inputs.pod.hourly(), "an hour");
    let request = format!(
        "the smallest size that holds {} cores and {} MiB + 256 MiB",
        plain(inputs.demand.cpu.cores()),
        plain(inputs.demand.memory.mib())
    );
    let size = format!("{} vCPU, {} GiB", plain(cpu.cores()), plain(memory.gib()));
    let mut lines = vec![
        Line::new("a pod", request, size),
        Line::new("price of a pod", "list price, on demand", hourly.clone()),
    ];
    if let Some(cost) = &projection.cost {
        let month = settings.hours_per_month.hours();
        let from = format!("{} pods x {hourly} x {month} h", factor(inputs.pods));
        lines.extend(month_and_request(cost, from));
    }
    if let Some(saving) = projection.monthly_saving {
        let from = "cost today - cost on Fargate; the verdict does not consider it";
        lines.push(Line::new("moving saves", from, signed(saving)));
    }
    for reason in &projection.blockers {
        let name = reason.as_str().replace('_', " ");
        lines.push(Line::new("cannot move", "as it is now", name));
    }
    lines.push(Line::new("to check", "Fargate does not offer it", CHECKS));
    lines
}

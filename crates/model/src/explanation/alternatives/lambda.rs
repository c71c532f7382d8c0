//! The alternative on Lambda of a workload of the cluster.

use crate::alternatives::lambda::LambdaInputs;
use crate::cold_starts::Method as ColdStartMethod;
use crate::cpu_per_request::{Method, NoSlope};
use crate::explanation::number::{count, factor, millis, plain};
use crate::explanation::{Line, charges};
use crate::inputs::WorkloadEvidence;
use crate::parameters::ModelParameters;
use crate::report::MonthlyCost;
use crate::window::WorkloadWindow;

/// Demand of a request, the function and its bill.
pub(super) fn lines(
    evidence: &WorkloadEvidence,
    lambda: &LambdaInputs,
    cost: Option<&MonthlyCost>,
    settings: &ModelParameters,
) -> Vec<Line> {
    let demand = &lambda.demand;
    let waiting = demand.latency.less(demand.cpu);
    let memory = lambda.sized.memory;
    let seen = processor_time(&evidence.window);
    let mut lines = vec![
        Line::new("processor time (s)", seen, millis(demand.cpu)),
        Line::new("waiting (i)", "w - s", millis(waiting)),
        Line::new(
            "memory (M)",
            "the setting that costs least of those that hold W and stay quick enough",
            format!("{} MiB, {}", memory.mib(), lambda.architecture.as_str()),
        ),
        Line::new(
            "duration d(M)",
            format!(
                "{} + {} x {} / min(1, {}/1769)",
                millis(waiting),
                millis(demand.cpu),
                factor(demand.core_time),
                memory.mib()
            ),
            millis(lambda.sized.duration),
        ),
    ];
    if let Some(cost) = cost {
        let month = charges::Month {
            terms: &settings.lambda_equivalent.terms,
            region: &settings.lambda_equivalent.region,
            memory,
            requests: evidence.requests,
            duration: lambda.sized.duration,
            cold: Some((lambda.cold_share, ColdStartMethod::ClosedForm)),
            keep_alive: settings.lambda.keep_alive,
            init: (lambda.init, "model.cold_starts"),
            parts: &lambda.bill,
        };
        lines.extend(month.lines(cost));
    }
    lines
}

/// How the processor time of a request was found.
fn processor_time(window: &WorkloadWindow) -> String {
    let Some(time) = window.cpu_per_request() else {
        return String::new();
    };
    let paired = window.traffic.unwrap_or_default().paired;
    let steps = paired.steps();
    let all = format!(
        "{} core-seconds / {} requests",
        plain(paired.core_seconds().core_seconds()),
        count(paired.requests())
    );
    match time.method {
        Method::Slope => format!(
            "slope of cores over requests per second in {steps} steps seen together; 95 %: {} to {}; at most {all} = {}",
            millis(time.value.low),
            millis(time.value.high),
            millis(paired.ratio().unwrap_or_default())
        ),
        Method::Ratio(NoSlope::RareRequests) => format!(
            "mean usage x time counted / requests of the last 28 days = {all}; an upper bound, as {}",
            NoSlope::RareRequests.as_str()
        ),
        Method::Ratio(why) => format!(
            "{all} in {steps} steps seen together; an upper bound, as {}",
            why.as_str()
        ),
        Method::Recent => {
            "cores / requests per second of the last minutes; an upper bound".to_owned()
        }
    }
}

//! What is at stake with each function, for the plan of reading its metrics.

use std::collections::HashMap;

use crate::sources::aws::cloudwatch::PollPriority;
use breakeven_model::inventory::FunctionId;
use breakeven_model::units::{Ratio, Usd};
use breakeven_model::{Platform, Report, Verdict, WorkloadRef, WorkloadReport};

/// What is at stake by a report. A function of which nothing is known yet is not in it.
pub(super) fn poll_priorities(report: &Report) -> HashMap<FunctionId, PollPriority> {
    let of_functions = report
        .workloads
        .iter()
        .filter_map(|one| match &one.workload {
            WorkloadRef::Lambda(id) => Some((id.clone(), poll_priority(one)?)),
            WorkloadRef::Kubernetes(_) => None,
        });
    of_functions.collect()
}

fn poll_priority(function: &WorkloadReport) -> Option<PollPriority> {
    let cost = |home| Some(function.assessment.monthly(home)?.point);
    let Some(here) = cost(Platform::Lambda) else {
        // Where there is no price, no dollar depends on how fresh the minutes are.
        let is_unpriced = function.assessment.verdict == Verdict::Unpriced;
        return is_unpriced.then_some(PollPriority {
            monthly: Usd::ZERO,
            margin: None,
        });
    };
    Some(PollPriority {
        monthly: here,
        margin: cost(Platform::Kubernetes).and_then(|there| margin(here, there)),
    })
}

/// How far apart two costs are. Formula: difference / the larger one; absent for nothing and nothing.
fn margin(one: Usd, other: Usd) -> Option<Ratio> {
    let (larger, smaller) = (one.max(other), one.min(other));
    larger.less(smaller).over(larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_the_part_by_which_the_cheaper_platform_is_cheaper() {
        let usd = |amount| Usd::from_usd(amount).unwrap();
        let margin = |one, other| margin(usd(one), usd(other)).map(Ratio::get);
        assert_eq!(margin(100.0, 75.0), Some(0.25));
        assert_eq!(margin(75.0, 100.0), Some(0.25));
        assert_eq!(margin(5.0, 5.0), Some(0.0));
        assert_eq!(margin(0.0, 3.0), Some(1.0));
        assert_eq!(margin(0.0, 0.0), None);
    }
}

//! Cost of a workload whose pods follow its traffic.

use super::{CostFunction, CostStaircase, crossing};
use crate::inventory::Scaler;
use crate::report::Breakeven;
use crate::units::{Ratio, Requests, Usd, UsdPerRequest};
use crate::window::WorkloadWindow;

/// Cost of the pods that an autoscaler runs, as a function of traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AutoscaledCost {
    staircase: CostStaircase,
    /// Requests of a month that the maximum of pods can serve.
    requests_max: Requests,
}

impl AutoscaledCost {
    /// Absent if the autoscaler does not target CPU utilization, or CPU usage was not observed.
    ///
    /// Formula: one of n pods costs `C_K / n`. It served `R / n` at the observed utilization u of its CPU request, so it
    /// serves `R / n · target / u` at the target of the autoscaler.
    #[must_use]
    pub fn from_scaler(
        scaler: Scaler,
        loaded: Usd,
        window: &WorkloadWindow,
        requests: Requests,
    ) -> Option<Self> {
        let pods = window.used.pods.over(window.used.observed)?;
        let each = pods.inverse()?;
        let utilization = window.used.cores.over(window.used.cores_allocated)?;
        let slack = scaler.target? * utilization.inverse()?;
        let capacity = requests * each * slack;
        let staircase = CostStaircase {
            fixed: Usd::ZERO,
            step: loaded * each,
            steps_min: scaler.min,
            capacity: Some(capacity),
            each: UsdPerRequest::ZERO,
        };
        let requests_max = capacity * Ratio::from(scaler.max);
        (!capacity.is_zero()).then_some(Self {
            staircase,
            requests_max,
        })
    }

    /// Traffic at which the pods cost as much as the function.
    #[must_use]
    pub fn breakeven(&self, lambda: &CostFunction) -> Breakeven {
        match crossing(lambda, &self.staircase) {
            Breakeven::Crossing { first, .. } if first > self.requests_max => {
                Breakeven::BeyondCapacity
            }
            Breakeven::Crossing { first, sustained } => Breakeven::Crossing {
                first,
                sustained: sustained.filter(|sustained| *sustained <= self.requests_max),
            },
            other => other,
        }
    }
}

//! What a function costs where it runs.

use crate::cold_starts::{ColdStarts, InitTimes, expected};
use crate::inventory::Function;
use crate::lambda::{Bill, Init, PricingTerms, Run};
use crate::pricing::list_prices::lambda as tariff;
use crate::uncertainty::{CostEstimate, Parameter, Range, SensitivityInput, evaluate};
use crate::units::{Hours, Ratio, Requests, Seconds};
use crate::window::FunctionWindow;

/// The cold starts of a function in its window, for each length of time that idle environments may be kept.
///
/// As Lambda Insights counted them; else by the peaks of its minutes; where too few are known, as its rate and duration let
/// expect. Absent where neither is known.
pub(super) fn cold_starts(
    function: &Function,
    window: &FunctionWindow,
    keep_alive: Range<Seconds>,
) -> Option<Range<ColdStarts>> {
    let covered = window.covered();
    if let Some(share) = function.cold_share() {
        let counted = ColdStarts::measured(window.invocations * share, covered);
        return Some(Range::exactly(counted));
    }
    window.cold_starts.or_else(|| {
        let rate = window.invocations.per(covered)?;
        let each = window.duration.per(window.invocations)?;
        keep_alive.map(|kept| expected(rate, each, kept, covered))
    })
}

/// A month of a function on Lambda, each parameter at one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentCost<'a> {
    function: &'a Function,
    terms: &'a PricingTerms,
    requests: Requests,
    /// The mean of each, as measured.
    duration: Seconds,
    rounding: Seconds,
    init: Init,
    /// The cold starts of the month, by how long idle environments are kept.
    cold_starts: Range<Requests>,
    init_time: Range<Seconds>,
    month: Hours,
    /// The part of the requests that what is kept ready serves: as many as it can, unless they go elsewhere.
    provisioned_share: Ratio,
}

impl<'a> CurrentCost<'a> {
    /// What is not known exactly.
    const PARAMETERS: [SensitivityInput<Self>; 4] = [
        SensitivityInput {
            parameter: Parameter::Rounding,
            one: |_, moved| moved.rounding = Seconds::ZERO,
            other: |_, moved| moved.rounding = tariff::MAX_ROUNDING,
        },
        SensitivityInput {
            parameter: Parameter::KeepAlive,
            one: |known, moved| moved.init.cold_starts = known.cold_starts.low,
            other: |known, moved| moved.init.cold_starts = known.cold_starts.high,
        },
        SensitivityInput {
            parameter: Parameter::InitDuration,
            one: |known, moved| moved.init.duration = known.init_time.low,
            other: |known, moved| moved.init.duration = known.init_time.high,
        },
        SensitivityInput {
            parameter: Parameter::ProvisionedShare,
            one: |known, moved| moved.provisioned_share = known.provisioned_share,
            other: |_, moved| moved.provisioned_share = Ratio::ZERO,
        },
    ];

    /// A month of so many requests that are like those of the window, `month` long.
    pub(super) fn of(
        function: &'a Function,
        window: &FunctionWindow,
        cold_starts: Option<Range<ColdStarts>>,
        (requests, month): (Requests, Hours),
        times: &InitTimes,
        terms: &'a PricingTerms,
    ) -> Self {
        let in_a_month = |seen: ColdStarts| seen.rate().unwrap_or_default() * Seconds::from(month);
        let cold_starts = cold_starts.map_or(Range::exactly(Requests::ZERO), |seen| Range {
            low: in_a_month(seen.low),
            point: in_a_month(seen.point),
            high: in_a_month(seen.high),
        });
        let init_time = times.of_function(function);
        Self {
            function,
            terms,
            requests,
            duration: window.duration.per(window.invocations).unwrap_or_default(),
            rounding: tariff::MEAN_ROUNDING,
            init: Init {
                cold_starts: cold_starts.point,
                duration: init_time.point,
            },
            cold_starts,
            init_time,
            month,
            provisioned_share: window.provisioned_share(),
        }
    }

    /// What is charged for.
    fn run(&self) -> Run {
        let duration = self.requests.total_time(self.duration);
        Run::from_window(
            self.function,
            (self.requests, duration),
            self.init,
            (self.month, self.provisioned_share),
        )
    }

    /// All that Lambda charges for it.
    pub(super) fn bill(&self) -> Bill {
        self.run().bill(self.terms)
    }

    /// What a month of it costs.
    pub(super) fn cost(&self) -> Option<CostEstimate> {
        evaluate(self, &Self::PARAMETERS, |month| {
            Some(month.run().cost(month.rounding, month.terms))
        })
    }
}

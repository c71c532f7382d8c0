//! CPU seconds per request, by least squares over steps with both usage and requests.

use super::regression::Scatter;
use super::uncertainty::Range;
use crate::units::{Ratio, Seconds};

/// The fewest steps that a slope is taken from.
const MIN_STEPS: u32 = 30;

/// How much traffic must vary for its steps to show a slope: a coefficient of variation of 10 %.
const MIN_VARIATION: f64 = 0.1;

/// The widest that the interval of a slope may be, against the slope.
const WIDEST: f64 = 0.5;

/// How much the interval of a slope may lie above the ratio by rounding alone.
const ROUNDING: f64 = 1e-9;

/// Processor time of one request (s).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessorTime {
    /// A slope with its 95 % interval; a ratio is one number, with nothing known of how far it is from the truth below it.
    pub value: Range<Seconds>,
    /// How it was found.
    pub method: Method,
}

/// How the processor time of a request was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The slope of cores over requests per second: what a workload computes without requests is not in it.
    Slope,
    /// All that was computed, over all requests: an upper bound, and why there is no slope.
    Ratio(NoSlope),
    /// The same of the last minutes, before the first step.
    Recent,
}

impl ProcessorTime {
    /// Within which limits it is known, where such a part of what was computed may have been computed without requests.
    ///
    /// A slope has its own limits. A ratio is an upper bound: of it `idle` is taken away, from the most to the least.
    #[must_use]
    pub fn given(&self, idle: Range<Ratio>) -> Range<Seconds> {
        match self.method {
            Method::Slope => self.value,
            Method::Ratio(_) | Method::Recent => Range {
                low: self.value.low * idle.high.complement(),
                point: self.value.point * idle.point.complement(),
                high: self.value.high * idle.low.complement(),
            },
        }
    }

    /// Least CPU time that a request of this latency may need, for decisions that an upper bound must not make.
    ///
    /// Formula: the low end of [`given`](Self::given). A ratio also contains the CPU usage of idle pods, so no more of it is
    /// certain than one thread can use in that time: the latency.
    #[must_use]
    pub fn lower_bound(&self, idle: Range<Ratio>, latency: Seconds) -> Seconds {
        let low = self.given(idle).low;
        match self.method {
            Method::Slope => low,
            Method::Ratio(_) | Method::Recent => low.min(latency),
        }
    }
}

/// Why the slope is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSlope {
    /// Fewer than 30 steps.
    FewSteps,
    /// The traffic varies by less than 10 %.
    SteadyTraffic,
    /// The steps do not lie along a rising line: its interval is wider than half of it.
    Unsure,
    /// All of its interval is above the ratio: it rises more than all that was computed can explain.
    Steep,
    /// Fewer than 100 requests in the decision window: usage and requests are those of the last 28 days.
    RareRequests,
}

impl NoSlope {
    /// For a reader, after "as".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FewSteps => "there are fewer than 30 steps",
            Self::SteadyTraffic => "traffic varies by less than 10 %",
            Self::Unsure => "use does not follow the traffic closely enough",
            Self::Steep => "the slope is even steeper",
            Self::RareRequests => "requests are too rare for a slope",
        }
    }
}

/// Processor time of one request, from steps that were seen whole; absent where none served any.
///
/// Formula: the slope of cores over requests per second, where 30 steps or more were seen, their rate varies by 10 % or
/// more, the 95 % interval of the slope is narrower than half of it and not all above `Σ core-seconds / Σ requests`. No
/// more than that ratio is taken, and that ratio otherwise.
///
/// ```
/// use breakeven_model::cpu_per_request::{Method, of_steps};
/// use breakeven_model::regression::Scatter;
/// use breakeven_model::units::{CoreSeconds, Requests, Seconds};
///
/// // Half a core whatever happens, and 10 ms for each request, at 50 and 150 requests a second.
/// let minute = Seconds::from_seconds(60.0)?;
/// let mut steps = Scatter::default();
/// for step in 0..30 {
///     let rate = if step % 2 == 0 { 50.0 } else { 150.0 };
///     let cores = CoreSeconds::from_core_seconds((0.5 + 0.01 * rate) * 60.0)?;
///     steps += Scatter::of_step(cores, Requests::from_requests(rate * 60.0)?, minute);
/// }
/// let time = of_steps(&steps).unwrap();
/// assert_eq!(time.method, Method::Slope);
/// assert!((time.value.point.millis() - 10.0).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn of_steps(steps: &Scatter) -> Option<ProcessorTime> {
    let ratio = steps.ratio()?;
    Some(match slope(steps, ratio) {
        Ok(value) => ProcessorTime {
            value,
            method: Method::Slope,
        },
        Err(why) => ProcessorTime {
            value: Range::exactly(ratio),
            method: Method::Ratio(why),
        },
    })
}

fn slope(steps: &Scatter, ratio: Seconds) -> Result<Range<Seconds>, NoSlope> {
    let factor = |ratio: Option<Ratio>| ratio.map_or(0.0, Ratio::get);
    if steps.steps() < MIN_STEPS {
        return Err(NoSlope::FewSteps);
    }
    if factor(steps.variation()) < MIN_VARIATION {
        return Err(NoSlope::SteadyTraffic);
    }
    let slope = steps.slope().ok_or(NoSlope::Unsure)?;
    let margin = slope.margin().over(slope.value).ok_or(NoSlope::Unsure)?;
    if 2.0 * margin.get() >= WIDEST {
        return Err(NoSlope::Unsure);
    }
    let Range { low, point, high } = slope.interval();
    if factor(low.over(ratio)) > 1.0 + ROUNDING {
        return Err(NoSlope::Steep);
    }
    Ok(Range {
        low: low.min(ratio),
        point: point.min(ratio),
        high: high.min(ratio),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{CoreSeconds, Requests};

    /// Steps of five minutes, each with its rate and cores.
    fn found(steps: impl IntoIterator<Item = (f64, f64)>) -> ProcessorTime {
        let mut scatter = Scatter::default();
        for (rate, cores) in steps {
            scatter += Scatter::of_step(
                CoreSeconds::from_core_seconds(cores * 300.0).unwrap(),
                Requests::from_requests(rate * 300.0).unwrap(),
                Seconds::from_seconds(300.0).unwrap(),
            );
        }
        of_steps(&scatter).unwrap()
    }

    /// Rates that swing about 100 by a share of it; the variation is 0.707 of the share.
    fn rates(steps: u32, swing: f64) -> impl Iterator<Item = f64> {
        let turn = std::f64::consts::TAU / 15.0;
        (0..steps).map(move |step| 100.0 * (1.0 + swing * (f64::from(step) * turn).sin()))
    }

    /// Three cores whatever happens and 20 ms a request.
    fn busy(rate: f64) -> (f64, f64) {
        (rate, 3.0 + 0.02 * rate)
    }

    fn method(steps: impl IntoIterator<Item = (f64, f64)>) -> Method {
        found(steps).method
    }

    #[test]
    fn what_is_computed_without_requests_is_not_charged_to_them() {
        let time = found(rates(30, 0.5).map(busy));
        assert_eq!(time.method, Method::Slope);
        let Range { low, point, high } = time.value;
        assert!((point.millis() - 20.0).abs() < 1e-6, "{time:?}");
        assert!(low <= point && point <= high);
        // All it computed, over all requests.
        let few = found(rates(15, 0.5).map(busy)).value;
        assert!((few.point.millis() - 50.0).abs() < 1e-6, "{few:?}");
        assert_eq!((few.low, few.high), (few.point, few.point));
    }

    #[test]
    fn of_a_ratio_a_part_may_be_idle_and_of_a_slope_none_is() {
        let idle = Range {
            low: Ratio::ZERO,
            point: Ratio::ZERO,
            high: Ratio::from_factor(0.5).unwrap(),
        };
        let few = found(rates(15, 0.5).map(busy)).given(idle);
        let millis = [few.low, few.point, few.high].map(Seconds::millis);
        for (found, expected) in millis.into_iter().zip([25.0, 50.0, 50.0]) {
            assert!((found - expected).abs() < 1e-6, "{few:?}");
        }
        let many = found(rates(30, 0.5).map(busy));
        assert_eq!(many.given(idle), many.value);
    }

    #[test]
    fn a_ratio_proves_no_more_cpu_time_than_one_thread_can_use() {
        let idle = Range {
            low: Ratio::ZERO,
            point: Ratio::ZERO,
            high: Ratio::from_factor(0.5).unwrap(),
        };
        let least = |time: ProcessorTime, latency| {
            let latency = Seconds::from_millis(latency).unwrap();
            time.lower_bound(idle, latency).millis()
        };
        // 50 ms, of which half may be idle usage.
        let ratio = found(rates(15, 0.5).map(busy));
        for (latency, expected) in [(10.0, 10.0), (25.0, 25.0), (100.0, 25.0)] {
            let found = least(ratio, latency);
            assert!((found - expected).abs() < 1e-6, "{latency}: {found}");
        }
        // A slope of 20 ms is certain: the request runs on several threads.
        let slope = found(rates(30, 0.5).map(busy));
        assert!((least(slope, 10.0) - 20.0).abs() < 1e-6);
    }

    #[test]
    fn of_few_steps_and_of_steady_traffic_the_ratio_is_taken() {
        assert_eq!(
            method(rates(29, 0.5).map(busy)),
            Method::Ratio(NoSlope::FewSteps)
        );
        // Variations of 9.9 % and 10.6 %.
        assert_eq!(
            method(rates(30, 0.14).map(busy)),
            Method::Ratio(NoSlope::SteadyTraffic)
        );
        assert_eq!(method(rates(30, 0.15).map(busy)), Method::Slope);
    }

    #[test]
    fn use_that_does_not_follow_the_traffic_gives_no_slope() {
        let other = |step: usize| if step.is_multiple_of(2) { 4.0 } else { 0.5 };
        let mixed = rates(60, 0.3)
            .enumerate()
            .map(|(step, rate)| (rate, other(step) + 0.02 * rate));
        assert_eq!(method(mixed), Method::Ratio(NoSlope::Unsure));
        let level = rates(60, 0.3).map(|rate| (rate, 3.0));
        assert_eq!(method(level), Method::Ratio(NoSlope::Unsure));
        let falling = rates(60, 0.3).map(|rate| (rate, 10.0 - 0.02 * rate));
        assert_eq!(method(falling), Method::Ratio(NoSlope::Unsure));
    }

    #[test]
    fn a_slope_above_all_that_was_computed_is_not_believed() {
        let superlinear = rates(60, 0.3).map(|rate| (rate, 0.000_2 * rate * rate));
        assert_eq!(method(superlinear), Method::Ratio(NoSlope::Steep));
        // Without anything beside requests both are the same, up to rounding.
        let time = found(rates(60, 0.3).map(|rate| (rate, 0.02 * rate)));
        assert_eq!(time.method, Method::Slope);
        assert!((time.value.point.millis() - 20.0).abs() < 1e-6);
        assert!(time.value.low <= time.value.point && time.value.point <= time.value.high);
    }

    #[test]
    fn a_slope_that_is_above_the_ratio_by_chance_is_the_ratio_at_most() {
        let busier = |rate: f64| if rate > 100.0 { 1.01 } else { 0.99 };
        let noise = |step: u32| if step.is_multiple_of(2) { 0.1 } else { -0.1 };
        let step = |(rate, step)| (rate, 0.02 * rate * busier(rate) + noise(step));
        let steps: Vec<(f64, f64)> = rates(60, 0.3).zip(0..).map(step).collect();
        let served: f64 = steps.iter().map(|(rate, _)| rate).sum();
        let used: f64 = steps.iter().map(|(_, cores)| cores).sum();
        let time = found(steps);
        assert_eq!(time.method, Method::Slope);
        let Range { low, point, high } = time.value;
        assert!((point.seconds() - used / served).abs() < 1e-9, "{time:?}");
        assert!(low < point && point == high, "{time:?}");
    }

    #[test]
    fn the_interval_ends_at_the_ratio() {
        let noise = |step: u32| if step.is_multiple_of(2) { 1.1 } else { 0.9 };
        let steps = rates(60, 0.3)
            .zip(0..)
            .map(|(rate, step)| (rate, 0.02 * rate * noise(step) + 0.05));
        let time = found(steps);
        assert_eq!(time.method, Method::Slope);
        let Range { low, point, high } = time.value;
        assert!(low < point && point < high, "{time:?}");
        let ratio = 0.02 + 0.05 / 100.0;
        assert!((high.seconds() - ratio).abs() < 1e-4, "{time:?}");
    }
}

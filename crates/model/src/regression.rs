//! The straight line through steps of time: the processors used, over the requests served.

use serde::{Deserialize, Serialize};

use super::uncertainty::Range;
use crate::units::{CoreSeconds, Ratio, Requests, Seconds, numbers};

/// Student's t for 95 % of both sides at 28 degrees of freedom, those of 30 steps. More have less, down to 1.96.
const T95: f64 = 2.048;

numbers! {
    /// Steps of time, each with the processors used and the requests served in it.
    ///
    /// No step is kept: the means and the moments about them are enough for the line of least squares. They can be added
    /// in any grouping and counted for a part, without the cancellation that sums of squares suffer from.
    ///
    /// ```
    /// use breakeven_model::regression::Scatter;
    /// use breakeven_model::units::{CoreSeconds, Requests, Seconds};
    ///
    /// // A fifth of a core whatever happens, and 10 ms for each request, at 10, 20 and 40 requests a second.
    /// let minute = Seconds::from_seconds(60.0)?;
    /// let mut scatter = Scatter::default();
    /// for rate in [10.0, 20.0, 40.0] {
    ///     let cores = CoreSeconds::from_core_seconds((0.2 + 0.01 * rate) * 60.0)?;
    ///     scatter += Scatter::of_step(cores, Requests::from_requests(rate * 60.0)?, minute);
    /// }
    /// let slope = scatter.slope().unwrap();
    /// assert!((slope.value.millis() - 10.0).abs() < 1e-9);
    /// // All that was computed, over all requests: 78 core-seconds over 4,200.
    /// assert!((scatter.ratio().unwrap().millis() - 18.571).abs() < 1e-3);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Scatter {
        /// How many steps: not whole where one counts for a part.
        steps: f64,
        /// Seconds that they last. A step weighs as much as it lasts.
        time: f64,
        /// Mean requests per second, and mean cores.
        rate: f64,
        cores: f64,
        /// Moments about the means, summed over time: rate with rate, rate with cores, cores with cores.
        rates: f64,
        mixed: f64,
        uses: f64,
    }
}

/// The slope of a line of least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Processor time for each further request.
    pub value: Seconds,
    /// Its standard error.
    pub error: Seconds,
}

impl Slope {
    /// Where the true slope lies with 95 % certainty, if the steps scatter about a line independently of each other.
    ///
    /// Formula: `value ± 2.048 · error`, at least 0.
    #[must_use]
    pub fn interval(self) -> Range<Seconds> {
        let margin = self.margin();
        Range {
            low: self.value.less(margin),
            point: self.value,
            high: self.value + margin,
        }
    }

    /// Half the length of the interval.
    #[must_use]
    pub fn margin(self) -> Seconds {
        let times = Ratio::from_factor(T95).unwrap_or(Ratio::ONE);
        self.error * times
    }
}

impl Scatter {
    /// A single step; nothing where it has no length.
    #[must_use]
    pub fn of_step(cores: CoreSeconds, requests: Requests, length: Seconds) -> Self {
        let (Some(cores), Some(rate)) = (cores.mean_over(length), requests.per(length)) else {
            return Self::default();
        };
        Self {
            steps: 1.0,
            time: length.seconds(),
            rate: rate.per_second(),
            cores: cores.cores(),
            ..Self::default()
        }
    }

    /// How many steps there are.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a window has few steps, and never less than none"
    )]
    pub fn steps(&self) -> u32 {
        self.steps.round() as u32
    }

    /// The processors used in all of them.
    #[must_use]
    pub fn core_seconds(&self) -> CoreSeconds {
        CoreSeconds::from_core_seconds(self.cores * self.time).unwrap_or_default()
    }

    /// The requests served in all of them.
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests::from_requests(self.rate * self.time).unwrap_or_default()
    }

    /// All that was computed, over all requests; absent where there are none.
    ///
    /// Formula: `Σ core-seconds / Σ requests`
    #[must_use]
    pub fn ratio(&self) -> Option<Seconds> {
        self.core_seconds().per(self.requests())
    }

    /// How much the rate varies from step to step, against its mean; absent where it is nothing.
    ///
    /// Formula: `√(Σ t·(λ - mean λ)² / Σ t) / mean λ`
    #[must_use]
    pub fn variation(&self) -> Option<Ratio> {
        let deviation = (self.rates / self.time).sqrt();
        let rate = Some(self.rate).filter(|rate| *rate > 0.0)?;
        Ratio::from_factor(deviation / rate).ok()
    }

    /// Processor time for each further request; absent where the rate never varies, where there are not more than two
    /// steps, and where the line falls.
    ///
    /// Formula: with `x = λ` and `y = cores` of each step less their means, weighed by its length:
    /// `Σxy / Σx²`, with a standard error of `√((Σy² - (Σxy)²/Σx²) / (steps - 2) / Σx²)`.
    #[must_use]
    pub fn slope(&self) -> Option<Slope> {
        let freedom = self.steps - 2.0;
        if freedom <= 0.0 || self.rates <= 0.0 {
            return None;
        }
        let value = self.mixed / self.rates;
        // Rounding may leave less than nothing of a perfect line.
        let left = (self.uses - value * self.mixed).max(0.0);
        let error = (left / freedom / self.rates).sqrt();
        Some(Slope {
            value: Seconds::from_seconds(value).ok()?,
            error: Seconds::from_seconds(error).ok()?,
        })
    }
}

impl std::ops::AddAssign for Scatter {
    /// Formula: `M = M₁ + M₂ + δ²·t₁·t₂/(t₁ + t₂)`, with δ between the means (Chan, Golub and LeVeque 1979).
    fn add_assign(&mut self, other: Self) {
        let time = self.time + other.time;
        if time <= 0.0 {
            return;
        }
        let (rate, cores) = (other.rate - self.rate, other.cores - self.cores);
        let share = other.time / time;
        let between = self.time * share;
        self.rates += other.rates + rate * rate * between;
        self.mixed += other.mixed + rate * cores * between;
        self.uses += other.uses + cores * cores * between;
        self.rate += rate * share;
        self.cores += cores * share;
        self.time = time;
        self.steps += other.steps;
    }
}

impl std::ops::Mul<Ratio> for Scatter {
    type Output = Self;

    /// Counts every step for so much of it.
    fn mul(self, share: Ratio) -> Self {
        let share = share.get();
        Self {
            steps: self.steps * share,
            time: self.time * share,
            rates: self.rates * share,
            mixed: self.mixed * share,
            uses: self.uses * share,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::ratio;
    use proptest::prelude::*;

    /// A step of so many seconds.
    fn step(rate: f64, cores: f64, length: f64) -> Scatter {
        Scatter::of_step(
            CoreSeconds::from_core_seconds(cores * length).unwrap(),
            Requests::from_requests(rate * length).unwrap(),
            Seconds::from_seconds(length).unwrap(),
        )
    }

    fn all(steps: impl IntoIterator<Item = Scatter>) -> Scatter {
        let mut sum = Scatter::default();
        steps.into_iter().for_each(|one| sum += one);
        sum
    }

    fn near(left: f64, right: f64, tolerance: f64) -> bool {
        (left - right).abs() <= tolerance * left.abs().max(right.abs())
    }

    /// Whether two say the same.
    fn same(left: &Scatter, right: &Scatter) -> bool {
        let slopes = match (left.slope(), right.slope()) {
            (Some(left), Some(right)) => {
                let scale = left.value.seconds().max(left.error.seconds());
                let close = |a: Seconds, b: Seconds| (a.seconds() - b.seconds()).abs();
                close(left.value, right.value) <= 1e-6 * scale
                    && close(left.error, right.error) <= 1e-6 * scale
            }
            (left, right) => left.is_none() && right.is_none(),
        };
        let ratios = left.ratio().zip(right.ratio());
        slopes
            && near(left.steps, right.steps, 1e-9)
            && near(left.time, right.time, 1e-9)
            && ratios.is_none_or(|(left, right)| near(left.seconds(), right.seconds(), 1e-9))
    }

    /// Rates and lengths of steps, at least two rates far apart.
    fn spread() -> impl Strategy<Value = Vec<(f64, f64)>> {
        proptest::collection::vec((1.0..500.0_f64, 30.0..600.0_f64), 3..60).prop_map(|mut steps| {
            steps[0].0 = 5.0;
            steps[1].0 = 400.0;
            steps
        })
    }

    /// Rates, cores and lengths of steps that need not lie on any line.
    fn cloud() -> impl Strategy<Value = Vec<(f64, f64, f64)>> {
        let one = (0.1..500.0_f64, 0.0..20.0_f64, 30.0..600.0_f64);
        proptest::collection::vec(one, 3..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn a_line_is_found_exactly(steps in spread(), idle in 0.0..50.0_f64, each in 0.001..1.0_f64) {
            let found = all(steps.iter().map(|(rate, length)| step(*rate, idle + each * rate, *length)));
            let slope = found.slope().unwrap();
            prop_assert!(near(slope.value.seconds(), each, 1e-9), "{:?} is not {}", slope, each);
            prop_assert!(slope.error.seconds() < 1e-6 * each.max(idle), "{:?}", slope);
            // What is computed without requests makes the ratio an upper bound.
            prop_assert!(found.ratio().unwrap().seconds() >= each * (1.0 - 1e-9));
        }

        #[test]
        fn processors_used_without_requests_do_not_change_the_slope(steps in cloud(), idle in 0.0..20.0_f64) {
            let with = |idle: f64| all(steps.iter().map(|(rate, cores, length)| step(*rate, cores + idle, *length)));
            let (without, with) = (with(0.0), with(idle));
            if let (Some(one), Some(other)) = (without.slope(), with.slope()) {
                let scale = one.value.seconds() + one.error.seconds();
                prop_assert!((one.value.seconds() - other.value.seconds()).abs() < 1e-8 * scale);
                prop_assert!((one.error.seconds() - other.error.seconds()).abs() < 1e-8 * scale);
            }
            prop_assert!(with.ratio().unwrap() >= without.ratio().unwrap());
        }

        #[test]
        fn neither_order_nor_grouping_matters(
            steps in cloud(), order in any::<u64>(), size in 1_usize..12,
        ) {
            let scatters: Vec<Scatter> = steps.iter().map(|(rate, cores, length)| step(*rate, *cores, *length)).collect();
            let mut shuffled = scatters.clone();
            shuffled.sort_by_key(|one| one.rate.to_bits().wrapping_mul(order | 1));
            let grouped = all(shuffled.chunks(size).map(|group| all(group.iter().copied())));
            prop_assert!(same(&all(scatters.clone()), &grouped), "{:?} {:?}", all(scatters), grouped);
        }

        #[test]
        fn a_step_in_parts_is_the_whole_step(steps in cloud(), part in 0.01..0.99_f64) {
            let whole = all(steps.iter().map(|(rate, cores, length)| step(*rate, *cores, *length)));
            // As a step that lies in two slots.
            let (mut first, mut second) = (Scatter::default(), Scatter::default());
            for (rate, cores, length) in &steps {
                first += step(*rate, *cores, *length) * ratio(part);
                second += step(*rate, *cores, *length) * ratio(1.0 - part);
            }
            first += second;
            prop_assert!(same(&whole, &first), "{:?} {:?}", whole, first);
        }

        #[test]
        fn the_moments_are_those_of_the_plain_definition(steps in cloud()) {
            let found = all(steps.iter().map(|(rate, cores, length)| step(*rate, *cores, *length)));
            let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 { steps.iter().map(|(x, y, t)| t * of(*x, *y)).sum() };
            let time = sum(&|_, _| 1.0);
            let (rate, cores) = (sum(&|x, _| x) / time, sum(&|_, y| y) / time);
            let rates = sum(&|x, _| (x - rate).powi(2));
            let slope = sum(&|x, y| (x - rate) * (y - cores)) / rates;
            let left = sum(&|x, y| (y - cores - slope * (x - rate)).powi(2));
            let error = (left / f64::from(found.steps() - 2) / rates).sqrt();
            prop_assert_eq!(found.slope().is_some(), slope >= 0.0);
            if let Some(shown) = found.slope() {
                prop_assert!((shown.value.seconds() - slope).abs() < 1e-8 * (slope + error));
                prop_assert!((shown.error.seconds() - error).abs() < 1e-6 * (slope + error));
            }
            let variation = (rates / time).sqrt() / rate;
            prop_assert!(near(found.variation().unwrap().get(), variation, 1e-9));
        }
    }

    /// Numbers between 0 and 1 (Numerical Recipes' 64-bit generator), for noise that is the same on every run.
    fn noise() -> impl FnMut() -> f64 {
        let mut state = 42_u64;
        move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX)
        }
    }

    /// Lines of 10 ms a request through steps that scatter by a fifth of a core.
    fn noisy(lines: usize, steps: usize) -> Vec<Slope> {
        let mut random = noise();
        let mut one = || {
            let rate = 20.0 + 80.0 * random();
            let normal: f64 = (0..12).map(|_| random()).sum::<f64>() - 6.0;
            step(rate, 1.5 + 0.01 * rate + 0.2 * normal, 300.0)
        };
        let mut line = || all((0..steps).map(|_| one())).slope().unwrap();
        (0..lines).map(|_| line()).collect()
    }

    #[test]
    fn the_interval_holds_the_truth_in_95_of_100_cases() {
        let truth = Seconds::from_seconds(0.01).unwrap();
        let slopes = noisy(4_000, 30);
        let holds = |slope: &&Slope| {
            let interval = slope.interval();
            interval.low <= truth && truth <= interval.high
        };
        let held = slopes.iter().filter(holds).count();
        assert!((3_740..=3_860).contains(&held), "{held} of 4000");
    }

    #[test]
    fn noise_averages_out() {
        let off = |steps| {
            let slopes = noisy(1_000, steps);
            let square = |slope: &Slope| (slope.value.seconds() - 0.01).powi(2);
            (slopes.iter().map(square).sum::<f64>() / 1_000.0).sqrt()
        };
        // Sixteen times as many steps, a quarter of the error.
        let (few, many) = (off(30), off(480));
        assert!((3.5..4.5).contains(&(few / many)), "{few} {many}");
    }

    #[test]
    fn nothing_is_known_of_no_steps_of_steady_traffic_and_of_a_line_that_falls() {
        assert_eq!(Scatter::default().slope(), None);
        assert_eq!(Scatter::default().ratio(), None);
        assert_eq!(Scatter::default().variation(), None);
        assert_eq!(step(1.0, 1.0, 0.0), Scatter::default());
        let steady = all((0..40).map(|_| step(10.0, 1.0, 300.0)));
        assert_eq!((steady.slope(), steady.steps()), (None, 40));
        assert_eq!(steady.variation(), Some(Ratio::ZERO));
        let two = all([step(10.0, 1.0, 300.0), step(20.0, 2.0, 300.0)]);
        assert_eq!(two.slope(), None, "any two steps lie on a line");
        let falling = all((1..10).map(|rate| step(f64::from(rate), 10.0 - f64::from(rate), 300.0)));
        assert_eq!(falling.slope(), None);
    }

    #[test]
    fn great_use_with_little_of_it_for_requests_loses_no_digits() {
        // A million cores beside microseconds of a request: sums of squares would leave nothing of it.
        let steps = (0..288_u32).map(|one| {
            let rate = 1_000.0 + 500.0 * f64::from(one % 7);
            step(rate, 1e6 + 1e-5 * rate, 300.0)
        });
        let slope = all(steps).slope().unwrap();
        assert!((slope.value.seconds() - 1e-5).abs() < 1e-9, "{slope:?}");
    }
}

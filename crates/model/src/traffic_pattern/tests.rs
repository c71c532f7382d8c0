//! Synthetic traffic by the formulas of docs/worlds.md, without and with the noise of independent arrivals.

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;
use crate::test_util::seconds;

/// A number in [0, 1) for each index, the same for the same seed (splitmix64).
fn uniform_sample(seed: u64, index: u64) -> f64 {
    let mut mixed = seed
        .wrapping_mul(0xD129_0C9D_5B6B_2A4F)
        .wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let bits = ((mixed ^ (mixed >> 31)) >> 11) as f64;
    bits / 9_007_199_254_740_992.0
}

/// How many of independent arrivals come when so many are expected.
fn poisson(expected: f64, seed: u64, index: u64) -> f64 {
    let uniform = uniform_sample(seed ^ 0x5EED, index);
    if expected > 200.0 {
        // Nearly normal: Box and Muller.
        let (radius, angle) = (
            (-2.0 * (1.0 - uniform).ln()).sqrt(),
            TAU * uniform_sample(seed ^ 0xA11, index),
        );
        return (expected + expected.sqrt() * radius * angle.cos())
            .round()
            .max(0.0);
    }
    let (mut count, mut term) = (0.0, (-expected).exp());
    let mut sum = term;
    while sum < uniform && count < 1_000.0 {
        count += 1.0;
        term *= expected / count;
        sum += term;
    }
    count
}

/// Minutes of a series: the requests per minute that are meant, and whether chance is added.
#[derive(Clone, Copy, Debug)]
struct Given {
    days: f64,
    bucket_minutes: u64,
    noise: bool,
    seed: u64,
}

impl Given {
    fn counts(self, per_minute: impl Fn(u64) -> f64) -> Vec<Requests> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few days"
        )]
        let buckets = (self.days * 1_440.0) as u64 / self.bucket_minutes;
        let count = |minute: u64| {
            let meant = per_minute(minute);
            if self.noise {
                poisson(meant, self.seed, minute)
            } else {
                (meant + 0.5).floor()
            }
        };
        let bucket = |index: u64| {
            let minutes = index * self.bucket_minutes..(index + 1) * self.bucket_minutes;
            Requests::from_requests(minutes.map(count).sum()).unwrap()
        };
        (0..buckets).map(bucket).collect()
    }

    fn shape(self, per_minute: impl Fn(u64) -> f64) -> Option<TrafficStatistics> {
        #[expect(clippy::cast_precision_loss, reason = "an hour at most")]
        let bucket = seconds(60.0 * self.bucket_minutes as f64);
        classify(bucket, &self.counts(per_minute))
    }

    fn pattern(self, per_minute: impl Fn(u64) -> f64) -> Option<TrafficPattern> {
        self.shape(per_minute).map(|shape| shape.pattern)
    }
}

const DAY_OF_MINUTES: Given = Given {
    days: 1.0,
    bucket_minutes: 1,
    noise: false,
    seed: 42,
};

fn diurnal(mean: f64, amplitude: f64, peak_hour: f64) -> impl Fn(u64) -> f64 {
    move |minute| {
        #[expect(clippy::cast_precision_loss, reason = "minutes of a day")]
        let of_day = (minute % 1_440) as f64;
        60.0 * mean * (1.0 + amplitude * (TAU * (of_day - 60.0 * peak_hour) / 1_440.0).cos())
    }
}

fn bursty(base: f64, factor: f64, share: f64, seed: u64) -> impl Fn(u64) -> f64 {
    move |minute| {
        let burst = uniform_sample(seed ^ 0xB0057, minute / 30) < share;
        60.0 * base * if burst { factor } else { 1.0 }
    }
}

fn sporadic(requests: f64, share: f64, seed: u64) -> impl Fn(u64) -> f64 {
    move |minute| {
        if uniform_sample(seed ^ 0xAC71, minute) < share {
            requests
        } else {
            0.0
        }
    }
}

fn timer(every: u64, offset: u64, requests: f64) -> impl Fn(u64) -> f64 {
    move |minute| {
        if minute % every == offset % every {
            requests
        } else {
            0.0
        }
    }
}

fn given() -> impl Strategy<Value = Given> {
    let buckets = prop_oneof![Just(1_u64), Just(5), Just(15), Just(60)];
    let days = prop_oneof![Just(1.0), Just(1.5), Just(2.0), Just(4.0)];
    (days, buckets, any::<bool>(), any::<u64>()).prop_map(|(days, bucket_minutes, noise, seed)| {
        Given {
            days,
            bucket_minutes,
            noise,
            seed,
        }
    })
}

/// A logarithmic range of rates.
fn rates(from: f64, to: f64) -> impl Strategy<Value = f64> {
    (from.ln()..to.ln()).prop_map(f64::exp)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn even_traffic_is_steady(given in given(), rate in rates(0.05, 500.0)) {
        prop_assert_eq!(given.pattern(|_| 60.0 * rate), Some(TrafficPattern::Steady));
    }

    #[test]
    fn traffic_that_follows_the_day_is_diurnal(
        given in given(), rate in rates(0.1, 500.0), amplitude in 0.3..1.0_f64, peak in 0.0..24.0_f64,
    ) {
        let shape = given.shape(diurnal(rate, amplitude, peak)).unwrap();
        prop_assert_eq!(shape.pattern, TrafficPattern::Diurnal, "{:?}", shape);
    }

    #[test]
    fn half_hours_of_much_more_are_bursty(
        given in given(), rate in rates(0.2, 100.0), factor in 6.0..30.0_f64, share in 0.03..0.15_f64,
    ) {
        let slots = 48 * u64::try_from(given.counts(|_| 1.0).len()).unwrap() * given.bucket_minutes / 1_440;
        let bursts = (0..slots).filter(|slot| uniform_sample(given.seed ^ 0xB0057, *slot) < share).count();
        // In buckets of an hour only half of a burst shows.
        prop_assume!(bursts > 0 && (given.bucket_minutes < 60 || factor >= 10.0));
        let shape = given.shape(bursty(rate, factor, share, given.seed)).unwrap();
        // Chance may put all bursts of one day into the same half, or those of two days at the same hours: that is a wave as
        // good as any, until another day comes.
        let least = if given.days < 2.0 { DIURNAL_SHARE_OF_ONE_DAY } else { DIURNAL_SHARE };
        let waves = given.days < 3.0 && shape.day_share.is_some_and(|share| share.get() >= least);
        prop_assume!(!waves);
        prop_assert_eq!(shape.pattern, TrafficPattern::Bursty, "{:?}", shape);
    }

    #[test]
    fn minutes_now_and_then_are_sporadic(
        given in given(), requests in 1.0..50.0_f64, share in 0.005..0.4_f64,
    ) {
        let given = Given { bucket_minutes: 1, ..given };
        let shape = given.shape(sporadic(requests, share, given.seed));
        prop_assume!(shape.is_some());
        prop_assert_eq!(shape.unwrap().pattern, TrafficPattern::Sporadic, "{:?}", shape);
    }

    #[test]
    fn a_fixed_interval_is_a_timer(
        given in given(),
        every in prop_oneof![Just(2_u64), 3..60_u64, Just(120), Just(240)],
        offset in 0..240_u64,
        requests in 20.0..1_000.0_f64,
    ) {
        let given = Given { bucket_minutes: 1, ..given };
        let shape = given.shape(timer(every, offset, requests)).unwrap();
        prop_assert_eq!(shape.pattern, TrafficPattern::TimerLike, "{:?}", shape);
        #[expect(clippy::cast_precision_loss, reason = "minutes")]
        let expected = 60.0 * every as f64;
        prop_assert_eq!(shape.period.unwrap().seconds(), expected);
    }

    #[test]
    fn a_timer_may_miss_a_beat_be_late_and_have_a_little_between(
        seed in any::<u64>(), every in 5..60_u64,
    ) {
        let given = Given { days: 2.0, seed, ..DAY_OF_MINUTES };
        let beats = 2_880 / every;
        let missed = |beat: &u64| uniform_sample(seed ^ 7, *beat) < 0.05;
        let misses = (0..=beats).filter(missed).count();
        prop_assume!(10 * misses <= usize::try_from(beats).unwrap());
        let shape = given.shape(|minute| {
            let beat = (minute + 1) / every;
            let late = u64::from(uniform_sample(seed, beat) < 0.3);
            let between = f64::from(u8::from(uniform_sample(seed ^ 9, minute) < 0.02));
            if !missed(&beat) && minute == beat * every + late { 40.0 } else { between }
        }).unwrap();
        prop_assert_eq!(shape.pattern, TrafficPattern::TimerLike, "{:?}", shape);
    }

    #[test]
    fn the_amount_does_not_matter(
        given in given(), rate in rates(0.001, 10.0), kind in 0..5_u8, share in 0.01..0.6_f64,
        factor in prop_oneof![(-20..20_i32).prop_map(|power| f64::from(power).exp2()), 0.001..1_000.0_f64],
    ) {
        let counts = given.counts(|minute| match kind {
            0 => 60.0 * rate,
            1 => diurnal(rate, share, 12.0)(minute),
            2 => bursty(rate, 10.0, share, given.seed)(minute),
            3 => sporadic(60.0 * rate, share, given.seed)(minute),
            _ => timer(7, 3, 60.0 * rate)(minute),
        });
        let scaled: Vec<Requests> = counts
            .iter()
            .map(|count| *count * Ratio::from_factor(factor).unwrap())
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "an hour at most")]
        let bucket = seconds(60.0 * given.bucket_minutes as f64);
        let pattern = |counts: &[Requests]| classify(bucket, counts).map(|shape| (shape.pattern, shape.period));
        prop_assert_eq!(pattern(&scaled), pattern(&counts));
    }

    #[test]
    fn any_counts_have_a_shape_of_plain_numbers(
        counts in prop::collection::vec(prop_oneof![Just(0.0), 0.0..1e12_f64], 0..400),
        bucket in prop_oneof![Just(60.0), Just(300.0), Just(420.0), Just(3_600.0), Just(7_200.0)],
    ) {
        let counts: Vec<Requests> =
            counts.into_iter().map(|count| Requests::from_requests(count).unwrap()).collect();
        let covered = seconds(bucket * f64::from(u32::try_from(counts.len()).unwrap()));
        let shape = classify(seconds(bucket), &counts);
        if covered >= MIN_DAY && bucket <= 3_600.0 && counts.iter().any(|count| !count.is_zero()) {
            prop_assert!(shape.is_some());
        }
        if let Some(shape) = shape {
            prop_assert!(shape.peak_to_mean >= Ratio::ONE && shape.active_share <= Ratio::ONE);
            prop_assert_eq!(shape.period.is_some(), shape.pattern == TrafficPattern::TimerLike);
        }
    }
}

#[test]
fn too_little_is_not_told() {
    let half = Given {
        days: 0.5,
        ..DAY_OF_MINUTES
    };
    assert_eq!(half.pattern(|_| 60.0), None);
    assert_eq!(DAY_OF_MINUTES.pattern(|_| 0.0), None);
    assert_eq!(classify(seconds(60.0), &[]), None);
    assert_eq!(classify(Seconds::ZERO, &[Requests::ZERO; 9]), None);
    let long = Given {
        days: 30.0,
        bucket_minutes: 120,
        ..DAY_OF_MINUTES
    };
    assert_eq!(long.pattern(|_| 60.0), None);
}

#[test]
fn a_timer_shows_before_the_day_is_over_and_not_within_minutes() {
    let hours = |days: f64| Given {
        days,
        ..DAY_OF_MINUTES
    };
    let beat = timer(5, 2, 10.0);
    assert_eq!(hours(0.1).pattern(&beat), Some(TrafficPattern::TimerLike));
    assert_eq!(hours(0.03).pattern(&beat), None);
}

#[test]
fn one_run_in_a_day_is_sporadic_and_a_week_of_them_is_a_timer() {
    let nightly = timer(1_440, 120, 1.0);
    assert_eq!(
        DAY_OF_MINUTES.pattern(&nightly),
        Some(TrafficPattern::Sporadic)
    );
    let week = Given {
        days: 7.0,
        ..DAY_OF_MINUTES
    };
    let shape = week.shape(&nightly).unwrap();
    assert_eq!(shape.pattern, TrafficPattern::TimerLike);
    assert_eq!(shape.period.unwrap().seconds(), 86_400.0);
}

#[test]
fn office_hours_are_diurnal_although_the_nights_are_empty() {
    let office = |minute: u64| {
        if (8..17).contains(&(minute / 60 % 24)) {
            90.0
        } else {
            0.0
        }
    };
    for days in [1.0, 5.0] {
        let given = Given {
            days,
            ..DAY_OF_MINUTES
        };
        let shape = given.shape(office).unwrap();
        assert_eq!(shape.pattern, TrafficPattern::Diurnal, "{shape:?}");
        assert_eq!(shape.active_share.get(), 0.375);
    }
}

#[test]
fn a_few_requests_in_office_hours_are_sporadic() {
    let given = Given {
        days: 3.0,
        noise: true,
        ..DAY_OF_MINUTES
    };
    let few = |minute: u64| {
        if (8..17).contains(&(minute / 60 % 24)) {
            0.1
        } else {
            0.0
        }
    };
    assert_eq!(given.pattern(few), Some(TrafficPattern::Sporadic));
}

#[test]
fn few_independent_requests_are_not_bursts() {
    // One in a minute and a half: by the minute all ups and downs, by the quarter hour even.
    for seed in 0..50 {
        let given = Given {
            noise: true,
            seed,
            ..DAY_OF_MINUTES
        };
        let shape = given.shape(|_| 0.9).unwrap();
        assert_eq!(shape.pattern, TrafficPattern::Steady, "{shape:?}");
    }
}

#[test]
fn one_short_peak_is_a_burst_and_not_a_day() {
    let given = Given {
        days: 3.0,
        bucket_minutes: 5,
        ..DAY_OF_MINUTES
    };
    let lunch = |minute: u64| {
        if minute / 60 % 24 == 12 { 500.0 } else { 60.0 }
    };
    let shape = given.shape(lunch).unwrap();
    assert_eq!(shape.pattern, TrafficPattern::Bursty, "{shape:?}");
    assert!(shape.day_share.unwrap().get() < 0.1);
}

#[test]
fn slow_growth_is_steady() {
    #[expect(clippy::cast_precision_loss, reason = "minutes")]
    let growth = |minute: u64| 600.0 * (1.0 + 0.2 * minute as f64 / 1_440.0);
    assert_eq!(DAY_OF_MINUTES.pattern(growth), Some(TrafficPattern::Steady));
}

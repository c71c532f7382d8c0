//! The laws that all quantities keep, over random numbers.

use proptest::prelude::*;

use super::{Cores, Gib, Ratio, Requests, Seconds, Usd, UsdPerCoreHour, UsdPerGibHour, Window};
use std::time::Duration;

fn amount() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 1e-9..1e9, Just(f64::MAX)]
}

proptest! {
    #[test]
    fn arithmetic_never_leaves_the_finite_numbers(a in amount(), b in amount()) {
        let (a, b) = (Usd::from_usd(a).unwrap(), Usd::from_usd(b).unwrap());
        let factor = Ratio::from_factor(b.usd()).unwrap();
        for result in [a + b, a * factor, a.less(b), [a, b].into_iter().sum()] {
            prop_assert!(Usd::from_usd(result.usd()).is_ok(), "{result:?}");
        }
    }

    #[test]
    fn what_is_spread_over_requests_adds_up_again(usd in 1e-6..1e9, requests in 1e-3..1e12) {
        let (usd, requests) = (Usd::from_usd(usd).unwrap(), Requests::from_requests(requests).unwrap());
        let again = usd.per(requests).unwrap() * requests;
        prop_assert!((again.usd() / usd.usd() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn money_for_cores_over_time_does_not_depend_on_the_order(
        cores in 0.001..1e4, hours in 0.001..1e4, price in 1e-4..10.0,
    ) {
        let cores = Cores::from_cores(cores).unwrap();
        let time = Seconds::from_seconds(hours * 3_600.0).unwrap();
        let price = UsdPerCoreHour::from_hourly(price).unwrap();
        let (one, other) = ((cores * time) * price, (cores * price) * time);
        prop_assert!((one.usd() / other.usd() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_closed_window_is_aligned_whole_and_old_enough(
        now in 0_i64..4_000_000_000, period in 1_u64..86_400, delay in 0_u64..86_400,
    ) {
        let now = jiff::Timestamp::from_second(now + 200_000).unwrap();
        let window =
            Window::closed_before(now, Duration::from_secs(period), Duration::from_secs(delay)).unwrap();
        let (step, delay) = (i64::try_from(period).unwrap(), i64::try_from(delay).unwrap());
        prop_assert_eq!(window.end().as_second() % step, 0);
        prop_assert_eq!(window.end().as_second() - window.start().as_second(), step);
        let age = now.as_second() - window.end().as_second();
        prop_assert!(delay <= age && age < delay + step, "{} s", age);
    }

    #[test]
    fn a_window_that_reaches_back_covers_the_length_and_no_whole_period_more(
        end in 1_000_000_i64..2_000_000_000, period in 1_u64..7_200, length in 1_u64..172_800,
    ) {
        let now = jiff::Timestamp::from_second(end).unwrap();
        let one = Window::closed_before(now, Duration::from_secs(period), Duration::ZERO).unwrap();
        let long = one.extended_back(Duration::from_secs(length)).length().seconds();
        #[expect(clippy::cast_precision_loss)]
        let (period, length) = (period as f64, length as f64);
        prop_assert!(long >= length && (long < length + period), "{} s", long);
    }
}

#[test]
fn negative_and_non_finite_numbers_are_no_quantities() {
    for value in [-1.0, -1e-300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(Usd::from_usd(value).is_err(), "{value}");
        assert!(Cores::from_cores(value).is_err(), "{value}");
        assert!(Ratio::from_factor(value).is_err(), "{value}");
    }
    assert!(Gib::from_gib(-0.0).unwrap().gib().is_sign_positive());
}

#[test]
fn units_that_differ_by_a_factor_agree() {
    assert_eq!(Gib::from_mib(512.0).unwrap(), Gib::from_gib(0.5).unwrap());
    assert_eq!(
        Gib::from_bytes(1_073_741_824.0).unwrap(),
        Gib::from_gib(1.0).unwrap()
    );
    assert_eq!(
        Seconds::from_millis(1_500.0).unwrap(),
        Seconds::from_seconds(1.5).unwrap()
    );
    let price = UsdPerGibHour::from_hourly(0.01).unwrap();
    let hour = Gib::from_gib(2.0).unwrap() * Seconds::from_seconds(3_600.0).unwrap();
    assert_eq!(hour * price, Usd::from_usd(0.02).unwrap());
}

#[test]
fn a_whole_number_of_replicas_is_not_rounded_up_by_a_binary_fraction() {
    let three = Ratio::from_factor(0.1 * 3.0 / 0.1).unwrap();
    assert!(three.get() > 3.0);
    assert_eq!(three.ceil().get(), 3.0);
    assert_eq!(Ratio::from_factor(3.001).unwrap().ceil().get(), 4.0);
}

//! The laws of the bill, over random months.

use proptest::prelude::*;

use super::strategies::{
    LARGER, RAISED, RAISED_AROUND, architectures, at_prices, count, endpoint_traffics, is_not_less,
    months, ratio, seconds, total,
};
use super::*;
use crate::inventory::Architecture;
use crate::pricing::list_prices::lambda::{MAX_ROUNDING, MEAN_ROUNDING, Prices};
use crate::units::{Gib, GibSeconds, Hours, MemoryMib, Seconds, UsdPerHour};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_curve_at_the_traffic_of_the_month_is_the_bill(
        month in months(), architecture in architectures(),
    ) {
        let bill = Bill::from_month(&month, &Prices::list(architecture));
        let (total, curve) = (bill.total().usd(), bill.curve().cost_at(month.requests).usd());
        prop_assert!((total - curve).abs() <= 1e-9 * total.max(1e-9), "{total} {curve}");
    }

    #[test]
    fn a_month_costs_no_less_when_any_price_rises(
        month in months(), architecture in architectures(), which in 0..RAISED.len() + RAISED_AROUND.len(), by in 1.0..5.0,
    ) {
        let prices = Prices::list(architecture);
        let (mut dearer, mut raised) = (month.clone(), prices.clone());
        match which.checked_sub(RAISED.len()) {
            None => RAISED[which](&mut raised, ratio(by)),
            Some(around) => RAISED_AROUND[around](&mut dearer, ratio(by)),
        }
        prop_assert!(is_not_less(total(&dearer, &raised), total(&month, &prices)));
    }

    #[test]
    fn a_month_costs_no_less_with_more_of_anything(
        month in months(), architecture in architectures(), which in 0..LARGER.len(), by in 1.0..5.0,
    ) {
        let prices = Prices::list(architecture);
        let mut larger = month.clone();
        LARGER[which](&mut larger, ratio(by));
        prop_assert!(is_not_less(total(&larger, &prices), total(&month, &prices)));
    }

    #[test]
    fn a_month_costs_no_less_with_more_of_the_same_traffic(
        month in months(), architecture in architectures(), factor in 1.0..50.0,
    ) {
        let curve = Bill::from_month(&month, &Prices::list(architecture)).curve();
        let more = curve.cost_at(month.requests * ratio(factor));
        prop_assert!(is_not_less(more, curve.cost_at(month.requests)));
    }

    #[test]
    fn of_the_same_traffic_one_request_never_costs_more_where_there_is_more_of_it(
        month in months(), architecture in architectures(), factor in 1.0..50.0,
    ) {
        let month = Month { free: FreeTier::NONE, ..month };
        let curve = Bill::from_month(&month, &Prices::list(architecture)).curve();
        let more = curve.cost_at(month.requests * ratio(factor));
        prop_assert!(is_not_less(curve.cost_at(month.requests) * ratio(factor), more));
    }

    #[test]
    fn prices_so_many_times_as_high_are_a_bill_so_many_times_as_high(
        month in months(), architecture in architectures(), factor in 0.1..10.0,
    ) {
        let prices = Prices::list(architecture);
        let (dearer, raised) = at_prices(&month, &prices, ratio(factor));
        let (one, many) = (total(&month, &prices).usd(), total(&dearer, &raised).usd());
        prop_assert!((many - one * factor).abs() <= 1e-9 * many.max(1e-9), "{one} {many}");
    }

    #[test]
    fn a_discount_and_what_others_used_before_never_make_it_dearer(
        month in months(), architecture in architectures(), discount in 0.0..1.0, before in 0.0..3e10,
    ) {
        let prices = Prices::list(architecture);
        let at = |discount, before| {
            let mut month = month.clone();
            if let Compute::OnDemand(on_demand) = &mut month.compute {
                on_demand.discount = ratio(discount);
                on_demand.used_before = GibSeconds::from_gib_seconds(before).unwrap();
            }
            total(&month, &prices)
        };
        prop_assert!(is_not_less(at(0.0, 0.0), at(discount, 0.0)));
        prop_assert!(is_not_less(at(0.0, 0.0), at(0.0, before)));
    }

    #[test]
    fn the_bill_is_within_the_band_of_rounding(
        (memory, invocations, duration) in (128_u32..=10_240, 0.0..1e9, 0.0..1e9), before in 0.0..1e10,
    ) {
        let run = Run {
            memory: MemoryMib::from_mib(memory).unwrap(),
            ephemeral_storage_mib: 1_024,
            invocations: count(invocations),
            duration: seconds(duration),
            init: None,
            provisioned_concurrency: None,
            snapstart: None,
            on_instances: None,
        };
        let terms = PricingTerms {
            used_before: GibSeconds::from_gib_seconds(before).unwrap(),
            ..PricingTerms::known(Architecture::X86_64)
        };
        let at = |rounding| run.cost(rounding, &terms);
        let (least, point, most) = (at(Seconds::ZERO), at(MEAN_ROUNDING), at(MAX_ROUNDING));
        prop_assert!(least <= point && point <= most);
    }

    #[test]
    fn the_cost_of_a_run_is_the_sum_of_its_bill(
        (memory, invocations, duration, tmp) in (128_u32..=10_240, 0.0..1e9, 0.0..1e9, 512_u32..=10_240),
        (cold_starts, init) in (0.0..1e6, 0.0..10.0),
        (before, discount, logged) in (0.0..3e10, 0.0..1.0, prop_oneof![Just(0.0), 0.0..1e5]),
        http_endpoint in endpoint_traffics(), architecture in architectures(),
        kept in proptest::option::of((1_u32..1_000, 0.0..1_000.0, 0.0..1.0)), cached in proptest::option::of(0.0..1_000.0),
        instances in proptest::option::of((0.0..1_000.0, 0.0..100.0)),
    ) {
        let hours = |hours| Hours::from_hours(hours).unwrap();
        // On managed instances there is nothing of all that.
        let (kept, cached) = if instances.is_some() { (None, None) } else { (kept, cached) };
        let init = instances.is_none().then(|| Init { cold_starts: count(cold_starts), duration: seconds(init) });
        let run = Run {
            memory: MemoryMib::from_mib(memory).unwrap(),
            ephemeral_storage_mib: tmp,
            invocations: count(invocations),
            duration: seconds(duration),
            init,
            provisioned_concurrency: kept.map(|(concurrency, time, share)| ProvisionedUsage {
                concurrency,
                time: hours(time),
                share: ratio(share),
            }),
            snapstart: cached.map(|cached| SnapStart { cached: hours(cached), restores: count(cold_starts) }),
            on_instances: instances.map(|(time, _)| hours(time)),
        };
        let terms = PricingTerms {
            used_before: GibSeconds::from_gib_seconds(before).unwrap(),
            discount: ratio(discount),
            endpoint_traffic: http_endpoint,
            logged_by_request: Gib::from_bytes(logged).unwrap(),
            instances: instances.map(|(_, price)| UsdPerHour::from_hourly(price).unwrap()),
            ..PricingTerms::known(architecture)
        };
        let (cost, bill) = (run.cost(MEAN_ROUNDING, &terms).usd(), run.bill(&terms).total().usd());
        prop_assert!((cost - bill).abs() <= 1e-9 * bill.max(1e-9), "{cost} {bill}");
    }
}

//! The laws of the bill, over random months.

use proptest::prelude::*;

use super::*;
use crate::observation::Architecture;
use crate::tariff::lambda::{MEAN_ROUNDING, MOST_ROUNDING, Prices};
use crate::tariff::{api_gateway, load_balancer, logs as log_prices};
use crate::units::{
    Gib, GibSeconds, HOURS_PER_MONTH, Hours, MemoryMib, Ratio, Requests, Seconds, Usd, UsdPerHour,
};

fn count(value: f64) -> Requests {
    Requests::from_requests(value).unwrap()
}

fn seconds(value: f64) -> Seconds {
    Seconds::from_seconds(value).unwrap()
}

fn ratio(value: f64) -> Ratio {
    Ratio::from_factor(value).unwrap()
}

fn front_doors() -> impl Strategy<Value = FrontDoor> {
    prop_oneof![
        Just(FrontDoor::Free),
        Just(FrontDoor::Api(api_gateway::http_api())),
        Just(FrontDoor::Api(api_gateway::rest_api())),
        Just(FrontDoor::LoadBalancer {
            time: HOURS_PER_MONTH,
            hour: load_balancer::HOUR,
            capacity_unit: load_balancer::CAPACITY_UNIT,
        }),
    ]
}

fn on_demand(requests: f64) -> impl Strategy<Value = Compute> {
    let provisioned = (1_u32..500, 0.0..730.0, 0.0..=1.0, 0.001..30.0);
    let provisioned = proptest::option::of(provisioned).prop_map(move |ready| {
        ready.map(|(concurrency, hours, share, duration)| Provisioned {
            concurrency: ratio(f64::from(concurrency)),
            time: Hours::from_hours(hours).unwrap(),
            requests: count(requests * share),
            duration: seconds(duration),
        })
    });
    let snapstart = proptest::option::of((0.0..730.0, 0.0..1e6)).prop_map(|snapshots| {
        snapshots.map(|(hours, restores)| SnapStart {
            cached: Hours::from_hours(hours).unwrap(),
            restores: count(restores),
        })
    });
    let init = proptest::option::of((0.0..1e6, 0.01..10.0)).prop_map(|init| {
        init.map(|(cold_starts, duration)| Init {
            cold_starts: count(cold_starts),
            duration: seconds(duration),
        })
    });
    let before = prop_oneof![Just(0.0), 0.0..3e10];
    (0.001..900.0, before, 0.0..0.2, provisioned, snapstart, init).prop_map(
        |(duration, used_before, discount, provisioned, snapstart, init)| {
            Compute::OnDemand(OnDemand {
                duration: seconds(duration),
                used_before: GibSeconds::from_gib_seconds(used_before).unwrap(),
                discount: ratio(discount),
                provisioned,
                snapstart,
                init,
            })
        },
    )
}

fn compute(requests: f64) -> impl Strategy<Value = Compute> {
    let managed = (0.0..5e3, 0.01..2.0, 0.01..2.0).prop_map(|(time, price, on_demand)| {
        Compute::Instances(Instances {
            time: Hours::from_hours(time).unwrap(),
            price: UsdPerHour::from_hourly(price).unwrap(),
            on_demand: UsdPerHour::from_hourly(on_demand).unwrap(),
        })
    });
    prop_oneof![4 => on_demand(requests), 1 => managed]
}

fn months() -> impl Strategy<Value = Month> {
    (0.0_f64..11.0)
        .prop_map(|power| 10_f64.powf(power))
        .prop_flat_map(|requests| {
            let free = prop_oneof![Just(FreeTier::NONE), Just(FreeTier::WHOLE)];
            let amounts = (0.0..9.5, 0.0..1e4, 0.0..1e5);
            (
                128_u32..=10_240,
                compute(requests),
                free,
                amounts,
                front_doors(),
            )
                .prop_map(
                    move |(memory, compute, free, (storage, streamed, logged), front_door)| Month {
                        memory: MemoryMib::from_mib(memory).unwrap(),
                        requests: count(requests),
                        compute,
                        free,
                        ephemeral_storage: Gib::from_gib(storage).unwrap(),
                        streamed: Gib::from_gib(streamed).unwrap(),
                        logged_by_request: Gib::from_bytes(logged).unwrap(),
                        log_prices: log_prices::ingestion(),
                        front_door,
                    },
                )
        })
}

fn architectures() -> impl Strategy<Value = Architecture> {
    prop_oneof![Just(Architecture::X86_64), Just(Architecture::Arm64)]
}

/// Every price of a list that is a plain number, to be raised alone.
const RAISED: [fn(&mut Prices, Ratio); 8] = [
    |prices, by| prices.request = prices.request * by,
    |prices, by| prices.duration = prices.duration.scaled(by),
    |prices, by| prices.provisioned = prices.provisioned * by,
    |prices, by| prices.provisioned_duration = prices.provisioned_duration * by,
    |prices, by| prices.ephemeral_storage = prices.ephemeral_storage * by,
    |prices, by| prices.snapstart_cache = prices.snapstart_cache * by,
    |prices, by| prices.snapstart_restore = prices.snapstart_restore * by,
    |prices, by| prices.streaming = prices.streaming * by,
];

fn no_less(more: Usd, less: Usd) -> bool {
    more.usd() >= less.usd() * (1.0 - 1e-9)
}

fn total(month: &Month, prices: &Prices) -> Usd {
    Bill::of(month, prices).total()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_curve_at_the_traffic_of_the_month_is_the_bill(
        month in months(), architecture in architectures(),
    ) {
        let bill = Bill::of(&month, &Prices::list(architecture));
        let (total, curve) = (bill.total().usd(), bill.curve().at(month.requests).usd());
        prop_assert!((total - curve).abs() <= 1e-9 * total.max(1e-9), "{total} {curve}");
    }

    #[test]
    fn a_month_costs_no_less_when_any_price_rises(
        month in months(), architecture in architectures(), which in 0..RAISED.len(), by in 1.0..5.0,
    ) {
        let prices = Prices::list(architecture);
        let mut raised = prices.clone();
        RAISED[which](&mut raised, ratio(by));
        prop_assert!(no_less(total(&month, &raised), total(&month, &prices)));
    }

    #[test]
    fn a_month_costs_no_less_with_more_memory_or_longer_requests(
        month in months(), architecture in architectures(), memory in 0_u32..5_000, longer in 0.0..100.0,
    ) {
        let prices = Prices::list(architecture);
        let mut larger = month.clone();
        larger.memory = MemoryMib::from_mib(month.memory.mib() + memory).unwrap_or(MemoryMib::MAX);
        prop_assert!(no_less(total(&larger, &prices), total(&month, &prices)));
        let mut slower = month.clone();
        if let Compute::OnDemand(on_demand) = &mut slower.compute {
            on_demand.duration += seconds(longer);
        }
        prop_assert!(no_less(total(&slower, &prices), total(&month, &prices)));
    }

    #[test]
    fn a_month_costs_no_less_with_more_requests(
        month in months(), architecture in architectures(), factor in 1.0..50.0,
    ) {
        let curve = Bill::of(&month, &Prices::list(architecture)).curve();
        let more = curve.at(month.requests * ratio(factor));
        prop_assert!(no_less(more, curve.at(month.requests)));
    }

    #[test]
    fn twice_the_prices_are_twice_the_bill(
        month in months(), architecture in architectures(), factor in 0.1..10.0,
    ) {
        let factor = ratio(factor);
        let prices = Prices::list(architecture);
        let mut scaled = prices.clone();
        RAISED.iter().for_each(|raise| raise(&mut scaled, factor));
        let mut dearer = month.clone();
        dearer.log_prices = dearer.log_prices.scaled(factor);
        match &mut dearer.front_door {
            FrontDoor::Free => {}
            FrontDoor::Api(tiers) => *tiers = tiers.scaled(factor),
            FrontDoor::LoadBalancer { hour, capacity_unit, .. } => {
                *hour = *hour * factor;
                *capacity_unit = *capacity_unit * factor;
            }
        }
        if let Compute::Instances(managed) = &mut dearer.compute {
            managed.price = managed.price * factor;
            managed.on_demand = managed.on_demand * factor;
        }
        let (one, many) = (total(&month, &prices).usd(), total(&dearer, &scaled).usd());
        prop_assert!((many - one * factor.get()).abs() <= 1e-9 * many.max(1e-9), "{one} {many}");
    }

    #[test]
    fn an_allowance_and_a_discount_never_make_it_dearer(
        month in months(), architecture in architectures(),
    ) {
        let prices = Prices::list(architecture);
        let bare = Month { free: FreeTier::NONE, ..month.clone() };
        let free = Month { free: FreeTier::WHOLE, ..month };
        prop_assert!(no_less(total(&bare, &prices), total(&free, &prices)));
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
        };
        let terms = Terms {
            used_before: GibSeconds::from_gib_seconds(before).unwrap(),
            ..Terms::known(Architecture::X86_64)
        };
        let at = |rounding| run.cost(rounding, &terms);
        let (least, point, most) = (at(Seconds::ZERO), at(MEAN_ROUNDING), at(MOST_ROUNDING));
        prop_assert!(least <= point && point <= most);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_cost_of_a_run_is_the_sum_of_its_bill(
        (memory, invocations, duration, tmp) in (128_u32..=10_240, 0.0..1e9, 0.0..1e9, 512_u32..=10_240),
        (cold_starts, init) in (0.0..1e6, 0.0..10.0),
        (before, discount, logged) in (0.0..3e10, 0.0..1.0, prop_oneof![Just(0.0), 0.0..1e5]),
        front_door in front_doors(), architecture in architectures(),
    ) {
        let run = Run {
            memory: MemoryMib::from_mib(memory).unwrap(),
            ephemeral_storage_mib: tmp,
            invocations: count(invocations),
            duration: seconds(duration),
            init: Some(Init { cold_starts: count(cold_starts), duration: seconds(init) }),
        };
        let terms = Terms {
            used_before: GibSeconds::from_gib_seconds(before).unwrap(),
            discount: ratio(discount),
            front_door,
            logged_by_request: Gib::from_bytes(logged).unwrap(),
            ..Terms::known(architecture)
        };
        let (cost, bill) = (run.cost(MEAN_ROUNDING, &terms).usd(), run.bill(&terms).total().usd());
        prop_assert!((cost - bill).abs() <= 1e-9 * bill.max(1e-9), "{cost} {bill}");
    }
}

#[test]
fn cold_starts_share_the_free_tier_with_duration() {
    // 300,000 GB-s of requests and 300,000 of cold starts: 200,000 of both together are beyond the free tier.
    let gib = MemoryMib::from_mib(1_024).unwrap();
    let mut month = Month::of(gib, count(300_000.0), seconds(1.0));
    month.free = FreeTier::WHOLE;
    let Compute::OnDemand(on_demand) = &mut month.compute else {
        panic!("{month:?}")
    };
    on_demand.init = Some(Init {
        cold_starts: count(100_000.0),
        duration: seconds(3.0),
    });
    let bill = Bill::of(&month, &Prices::list(Architecture::X86_64));
    let costs: Vec<(Component, f64)> = bill
        .components()
        .map(|(component, cost)| (component, cost.usd()))
        .collect();
    let [
        (Component::Requests, fee),
        (Component::Duration, duration),
        (Component::Init, init),
    ] = costs[..]
    else {
        panic!("{costs:?}")
    };
    assert_eq!(fee, 0.0);
    assert!((duration - 1.666_67).abs() < 1e-9, "{duration}");
    assert!((init - duration).abs() < 1e-12, "{init}");
}

#[test]
fn provisioned_time_is_rounded_up_to_five_minutes() {
    let gib = MemoryMib::from_mib(1_024).unwrap();
    let month = Month::of(gib, count(1.0), Seconds::ZERO);
    let kept = |minutes: f64| {
        let on_demand = OnDemand {
            provisioned: Some(Provisioned {
                concurrency: Ratio::ONE,
                time: Hours::from_hours(minutes / 60.0).unwrap(),
                requests: Requests::ZERO,
                duration: Seconds::ZERO,
            }),
            ..OnDemand::default()
        };
        let part = provisioned(&month, &on_demand, &Prices::list(Architecture::X86_64));
        part.unwrap().fixed.usd() / 0.000_004_166_7
    };
    assert!((kept(5.0) - 300.0).abs() < 1e-6);
    assert!((kept(5.1) - 600.0).abs() < 1e-6);
    assert!((kept(480.0) - 28_800.0).abs() < 1e-6);
}

#[test]
fn a_snapshot_is_paid_for_three_hours_at_least() {
    let gib = MemoryMib::from_mib(1_024).unwrap();
    let month = Month::of(gib, count(1.0), Seconds::ZERO);
    let on_demand = OnDemand {
        snapstart: Some(SnapStart {
            cached: Hours::from_hours(1.0).unwrap(),
            restores: Requests::ZERO,
        }),
        ..OnDemand::default()
    };
    let part = snapstart(&month, &on_demand, &Prices::list(Architecture::X86_64)).unwrap();
    assert!((part.fixed.usd() - 3.0 * 3_600.0 * 0.000_001_504_6).abs() < 1e-12);
}

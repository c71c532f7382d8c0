//! The laws of what follows for a subject, over random subjects.

use proptest::prelude::*;

use super::tests::{DAY, HOUR, a_day, costs, on, prices, requests, resize, usd, window};
use super::*;
use crate::alternatives::kubernetes::ClusterPrices;
use crate::cold_starts::{ColdStarts, InitTimes, Method};
use crate::inputs::WorkloadInputs;
use crate::inventory::{Architecture, Function};
use crate::lambda::PricingTerms;
use crate::lambda::strategies::{RAISED, is_not_less};
use crate::pricing::list_prices::Tiers;
use crate::regression::Scatter;
use crate::resource_prices::ResourcePrices;
use crate::test_util::{deployment, range, ratio, seconds, settings};
use crate::uncertainty::Range;
use crate::units::{CoreSeconds, Usd, UsdPerGibSecond};
use crate::window::{FunctionWindow, WorkloadWindow};

fn of<T: Copy>(range: Range<f64>, make: fn(f64) -> T) -> Range<T> {
    Range {
        low: make(range.low),
        point: make(range.point),
        high: make(range.high),
    }
}

/// A number between two powers of ten, the small ones as often as the large.
fn between(powers: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    powers.prop_map(|power| 10_f64.powf(power))
}

/// Settings that know their parameters within any limits.
fn any_settings() -> impl Strategy<Value = ModelParameters> {
    let cluster = (range(0.3..1.0), range(0.3..1.0), range(0.05..1.0), 1_u32..5);
    let lambda = (
        range(0.5..2.0),
        range(0.0..1.0),
        range(60.0..1_200.0),
        range(0.0..5.0),
    );
    let avoidable = range(0.0..1.0);
    (cluster, lambda, avoidable, 1.0..4.0).prop_map(
        |(
            (target, packing, share, floor),
            (speed, idle, keep_alive, init),
            avoidable,
            slowdown,
        )| {
            let mut settings = settings();
            settings.avoidable = of(avoidable, ratio);
            settings.lambda_equivalent.core_time = of(speed, ratio);
            settings.lambda_equivalent.idle_cpu = of(idle, ratio);
            settings.lambda_equivalent.max_slowdown = ratio(slowdown);
            settings.lambda.keep_alive = of(keep_alive, seconds);
            settings.lambda.init = InitTimes {
                otherwise: of(init, seconds),
                ..InitTimes::default()
            };
            settings.kubernetes_equivalent.target_utilization = of(target, ratio);
            settings.kubernetes_equivalent.packing_efficiency = of(packing, ratio);
            settings.kubernetes_equivalent.cpu_share = of(share, ratio);
            settings.kubernetes_equivalent.min_replicas = floor;
            settings
        },
    )
}

/// Any workload; half of them with a slope of their use over their traffic.
fn any_workload() -> impl Strategy<Value = WorkloadWindow> {
    let numbers = (
        0.001..5.0,
        between(-3.0..2.5),
        between(-5.0..0.0),
        0.0..3.0,
        1.0..9_000.0,
    );
    let extremes = range(0.2..5.0);
    let idle = proptest::option::of(0.0..2.0);
    (numbers, extremes, idle).prop_map(
        |((hourly, per_second, cpu, waiting, mib), extremes, idle)| {
            let mut window = window(hourly, per_second, cpu, cpu + waiting, mib);
            let point = window.used.working_set().unwrap().point;
            let at = |factor: f64| point * ratio(factor);
            window.used.extremes = Some((at(extremes.low.min(1.0)), at(extremes.high.max(1.0))));
            if let (Some(idle), Some(traffic)) = (idle, &mut window.traffic) {
                traffic.paired = waves(per_second, cpu, idle);
            }
            window
        },
    )
}

/// Steps of five minutes whose rate goes up and down.
fn waves(per_second: f64, cpu: f64, idle: f64) -> Scatter {
    let mut steps = Scatter::default();
    for step in 0..40 {
        let rate = per_second * if step % 2 == 0 { 0.5 } else { 1.5 };
        let cores = CoreSeconds::from_core_seconds((idle + rate * cpu) * 300.0).unwrap();
        steps += Scatter::of_step(cores, requests(rate * 300.0), seconds(300.0));
    }
    steps
}

/// Any function: so many invocations a minute, of so long, with some cold starts.
fn any_function() -> impl Strategy<Value = (Function, FunctionWindow)> {
    let numbers = (128_u32..=10_240, between(-2.0..4.0), between(-3.0..1.5));
    (numbers, range(0.0..100.0), 512_u32..4_096).prop_map(
        |((memory, per_minute, each), cold, storage)| {
            let function = Function {
                memory: MemoryMib::from_mib(memory).unwrap(),
                ephemeral_storage_mib: storage,
                ..resize()
            };
            let mut window = a_day(per_minute, each);
            // The longer an environment is kept, the fewer there are.
            window.cold_starts = Some(Range {
                low: cold_starts(cold.high),
                point: cold_starts(cold.point),
                high: cold_starts(cold.low),
            });
            (function, window)
        },
    )
}

fn cold_starts(count: f64) -> ColdStarts {
    ColdStarts {
        count: requests(count),
        over: seconds(DAY),
        method: Method::ConcurrencyColdStarts,
    }
}

fn follows(window: &WorkloadWindow, settings: &ModelParameters) -> Assessment {
    let id = deployment("shop", "web");
    workload(&id, window, WorkloadInputs::default(), settings)
}

fn in_order(cost: &MonthlyCost) -> bool {
    let band = cost.monthly;
    band.low <= band.point && band.point <= band.high
}

/// The money of a window, so many times as much.
fn dearer(window: &WorkloadWindow, by: Ratio) -> WorkloadWindow {
    let mut dearer = *window;
    dearer.allocated = window.allocated * by;
    dearer.loaded = window.loaded * by;
    dearer.used.cost = window.used.cost * by;
    dearer.used.loaded = window.used.loaded * by;
    dearer
}

/// All that a function would be charged by, so many times as much.
fn at_terms(settings: &ModelParameters, by: Ratio) -> ModelParameters {
    let mut settings = settings.clone();
    RAISED
        .iter()
        .for_each(|raise| raise(&mut settings.lambda_equivalent.terms.prices, by));
    settings
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * other.abs().max(1e-12)
}

fn prices_by(prices: &ClusterPrices, by: Ratio) -> ClusterPrices {
    let mut dearer = prices.clone();
    dearer.mean = ResourcePrices {
        core: prices.mean.core * by,
        memory: prices.mean.memory * by,
        gpu: prices.mean.gpu * by,
    };
    for machine in &mut dearer.machines {
        machine.price = machine.price * by;
    }
    dearer
}

fn points(cost: &MonthlyCost) -> [Usd; 3] {
    [cost.monthly.low, cost.monthly.point, cost.monthly.high]
}

/// A workload on terms without tiers and without cold starts, so that each of its requests costs the same however many there are.
fn even_terms() -> ModelParameters {
    let mut settings = settings();
    let each = UsdPerGibSecond::from_secondly(0.000_013_333_4).unwrap();
    settings.lambda_equivalent.terms = PricingTerms::known(Architecture::Arm64);
    settings.lambda_equivalent.terms.prices.duration = Tiers::flat(each);
    settings.lambda.init.otherwise = Range::exactly(Seconds::ZERO);
    settings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_bands_of_a_workload_hold_their_points(window in any_workload(), settings in any_settings()) {
        let found = follows(&window, &settings);
        prop_assert_eq!(found.costs().count(), 5, "every basis, and Lambda");
        for (_, _, cost) in found.costs() {
            prop_assert!(in_order(cost), "{:?}", cost);
        }
    }

    #[test]
    fn the_bands_of_a_function_hold_their_points(
        (function, window) in any_function(), settings in any_settings(),
    ) {
        let found = super::function(&function, &window, Some(&prices()), &settings);
        prop_assert_eq!(found.costs().count(), 2);
        for (_, _, cost) in found.costs() {
            prop_assert!(in_order(cost), "{:?}", cost);
        }
    }

    #[test]
    fn prices_so_many_times_as_high_change_the_costs_of_a_workload_and_nothing_else(
        window in any_workload(), settings in any_settings(), by in 0.01..100.0,
    ) {
        let by = ratio(by);
        let before = follows(&window, &settings);
        let after = follows(&dearer(&window, by), &at_terms(&settings, by));
        for (one, other) in costs(&after).iter().zip(&costs(&before)) {
            for (one, other) in points(one).iter().zip(points(other)) {
                prop_assert!(near(one.usd(), other.usd() * by.get()), "{:?} {:?}", one, other);
            }
        }
        let ratios = |found: &Assessment| [found.utilization.cost, found.breakeven_utilization()];
        for (one, other) in ratios(&after).into_iter().zip(ratios(&before)) {
            prop_assert!(near(one.unwrap().get(), other.unwrap().get()));
        }
        let apart = |found: &Assessment| {
            let costs = [Platform::Kubernetes, Platform::Lambda].map(|home| found.monthly(home).unwrap());
            let gap = |one: CostEstimate, other: CostEstimate| (one.high.usd() / other.low.usd() - 1.0).abs();
            gap(costs[0], costs[1]).min(gap(costs[1], costs[0])) > 1e-9
        };
        // Bands that just touch may be told apart by their last digits.
        prop_assert!(!apart(&before) || after.verdict == before.verdict);
        match (after.breakeven().unwrap(), before.breakeven().unwrap()) {
            (Breakeven::Crossing { first: one, .. }, Breakeven::Crossing { first: other, .. }) => {
                prop_assert!(near(one.requests(), other.requests()), "{:?} {:?}", one, other);
            }
            (one, other) => prop_assert!(
                one == other || near(before.breakeven_utilization().unwrap().get(), 1.0),
                "{:?} {:?}", one, other
            ),
        }
    }

    // With tiers, more traffic is cheaper by the request; with cold starts, too.
    #[test]
    fn so_many_times_the_traffic_on_so_many_times_the_pods_costs_each_request_the_same(
        (hourly, per_second, cpu, waiting, mib) in (0.001..5.0, between(-1.0..1.0), between(-4.0..0.0), 0.0..1.0, 1.0..5_000.0), by in 1.0..20.0,
    ) {
        let settings = even_terms();
        let small = window(hourly, per_second, cpu, cpu + waiting, mib);
        let mut large = window(hourly * by, per_second * by, cpu, cpu + waiting, mib);
        large.used.memory = small.used.memory * ratio(by);
        large.used.pods = seconds(HOUR * by);
        let (one, many) = (follows(&small, &settings), follows(&large, &settings));
        for (one, many) in costs(&one).iter().zip(&costs(&many)) {
            let each = |cost: &MonthlyCost| cost.per_request().unwrap().each();
            prop_assert!(near(each(many), each(one)), "{:?} {:?}", one, many);
        }
        let ratio_of = |found: &Assessment| found.breakeven_utilization().unwrap().get();
        prop_assert!(near(ratio_of(&many), ratio_of(&one)));
        if let (Some(Breakeven::Crossing { first: one, .. }), Some(Breakeven::Crossing { first: many, .. })) =
            (one.breakeven(), many.breakeven())
        {
            prop_assert!(near(many.requests(), one.requests() * by), "{:?} {:?}", one, many);
        }
    }

    #[test]
    fn a_workload_costs_no_less_where_any_price_rises(
        window in any_workload(), settings in any_settings(), which in 0..RAISED.len(), by in 1.0..5.0,
    ) {
        let before = follows(&window, &settings);
        let mut raised = settings.clone();
        RAISED[which](&mut raised.lambda_equivalent.terms.prices, ratio(by));
        let after = follows(&dearer(&window, ratio(by)), &raised);
        for (one, other) in costs(&after).iter().zip(&costs(&before)) {
            for (one, other) in points(one).into_iter().zip(points(other)) {
                prop_assert!(is_not_less(one, other), "{:?} {:?}", after, before);
            }
        }
    }

    #[test]
    fn a_function_costs_no_less_in_the_cluster_where_its_prices_rise_and_the_same_at_home(
        (function, window) in any_function(), settings in any_settings(), by in 1.0..5.0,
    ) {
        let prices = prices();
        let before = super::function(&function, &window, Some(&prices), &settings);
        let after = super::function(&function, &window, Some(&prices_by(&prices, ratio(by))), &settings);
        let at = |found: &Assessment| points(&on(found, Platform::Kubernetes, Basis::Loaded));
        for (one, other) in at(&after).into_iter().zip(at(&before)) {
            prop_assert!(near(one.usd(), other.usd() * by), "{:?} {:?}", one, other);
        }
        prop_assert_eq!(after.monthly(Platform::Lambda), before.monthly(Platform::Lambda));
    }

    #[test]
    fn a_function_costs_no_less_on_either_platform_with_more_of_anything(
        (function, window) in any_function(), settings in any_settings(), by in 1.0..5.0, memory in 0_u32..4_000,
        (per_minute, each) in (between(-2.0..4.0), between(-3.0..1.5)),
    ) {
        let cost = |function: &Function, window: &FunctionWindow| {
            let found = super::function(function, window, Some(&prices()), &settings);
            [Platform::Kubernetes, Platform::Lambda].map(|home| found.monthly(home).unwrap().point)
        };
        let larger = Function {
            memory: MemoryMib::from_mib(function.memory.mib() + memory).unwrap_or(MemoryMib::MAX),
            ..function.clone()
        };
        let day = |per_minute, each| FunctionWindow { cold_starts: window.cold_starts, ..a_day(per_minute, each) };
        let base = cost(&function, &day(per_minute, each));
        let grown = [
            cost(&larger, &day(per_minute, each)),
            cost(&function, &day(per_minute * by, each)),
            cost(&function, &day(per_minute, each * by)),
        ];
        for grown in grown {
            for (one, other) in grown.into_iter().zip(base) {
                prop_assert!(is_not_less(one, other), "{:?} {:?}", grown, base);
            }
        }
    }

    // Within a latency objective a longer request may be allowed less memory, and cost less.
    #[test]
    fn without_a_latency_objective_a_workload_costs_no_less_on_lambda_with_more_of_anything(
        (per_second, cpu, waiting, mib) in (between(-3.0..2.5), between(-5.0..0.0), 0.0..3.0, 1.0..8_000.0), by in 1.0..5.0,
    ) {
        let mut settings = settings();
        settings.lambda_equivalent.max_slowdown = ratio(1e6);
        // More traffic meets fewer cold starts for each request, and longer requests keep more environments warm.
        settings.lambda.init.otherwise = Range::exactly(Seconds::ZERO);
        let cost = |per_second, cpu: f64, waiting: f64, mib: f64| {
            let found = follows(&window(0.1, per_second, cpu, cpu + waiting, mib), &settings);
            found.monthly(Platform::Lambda).unwrap().point
        };
        let base = cost(per_second, cpu, waiting, mib);
        for more in [
            cost(per_second * by, cpu, waiting, mib),
            cost(per_second, cpu * by, waiting, mib),
            cost(per_second, cpu, waiting * by, mib),
            cost(per_second, cpu, waiting, mib * by),
        ] {
            prop_assert!(is_not_less(more, base), "{:?} {:?}", more, base);
        }
    }
}

#[test]
fn a_month_that_costs_nothing_has_no_swing() {
    let free = dearer(&window(0.1, 2.0, 0.01, 0.05, 200.0), Ratio::ZERO);
    let found = follows(&free, &at_terms(&settings(), Ratio::ZERO));
    assert!(
        costs(&found)
            .iter()
            .all(|cost| points(cost) == [usd(0.0); 3])
    );
    assert_eq!(found.largest_unknown(), None);
}

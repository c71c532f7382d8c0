mod eligibility;

use proptest::prelude::*;

use super::*;
use crate::allocation::PricedNode;
use crate::alternatives::kubernetes::{ClusterPrices, NodeType};
use crate::cold_starts::{ColdStarts, Method};
use crate::concurrency::{Concurrency, MinuteConcurrency};
use crate::inputs::WorkloadInputs;
use crate::inventory::{
    Architecture, Function, FunctionId, NamePattern, ProvisionedConcurrency, Scaler, WorkloadKind,
};
use crate::lambda::{AncillaryCharges, HttpEndpoint};
use crate::regression::Scatter;
use crate::report::Basis;
use crate::resource_prices::split;
use crate::test_util::{deployment, node, ratio, resources, seconds, settings, workload as named};
use crate::uncertainty::Range;
use crate::units::{CoreSeconds, Gib, GibSeconds, Usd, UsdPerHour};
use crate::window::{FunctionWindow, TrafficWindow, UsedWindow, WorkloadWindow};

pub(super) fn usd(value: f64) -> Usd {
    Usd::from_usd(value).unwrap()
}

pub(super) fn requests(value: f64) -> Requests {
    Requests::from_requests(value).unwrap()
}

pub(super) const HOUR: f64 = 3_600.0;
pub(super) const DAY: f64 = 86_400.0;

/// An hour of one pod on a whole machine at `hourly`, and a day of its requests.
pub(super) fn window(
    hourly: f64,
    per_second: f64,
    cpu: f64,
    latency: f64,
    mib: f64,
) -> WorkloadWindow {
    let memory = Gib::from_mib(mib).unwrap();
    let used = UsedWindow {
        observed: seconds(HOUR),
        cost: usd(hourly * 0.2),
        loaded: usd(hourly),
        cores: CoreSeconds::from_core_seconds(HOUR * per_second * cpu).unwrap(),
        cores_allocated: CoreSeconds::from_core_seconds(HOUR * 2.0).unwrap(),
        memory: memory * seconds(HOUR),
        memory_allocated: GibSeconds::from_gib_seconds(HOUR * 4.0).unwrap(),
        pods: seconds(HOUR),
        extremes: Some((memory * ratio(0.8), memory * ratio(1.5))),
    };
    let count = requests(per_second * DAY);
    let traffic = TrafficWindow {
        covered: seconds(DAY),
        requests: count,
        latency: count.total_time(seconds(latency)),
        measured: count,
        peak: RequestsPerSecond::from_per_second(per_second).unwrap(),
        paired: Scatter::of_step(
            CoreSeconds::from_core_seconds(per_second * cpu * HOUR).unwrap(),
            requests(per_second * HOUR),
            seconds(HOUR),
        ),
        is_paired_by_month: false,
        pattern: None,
    };
    WorkloadWindow {
        observed: seconds(HOUR),
        allocated: usd(hourly * 0.5),
        loaded: usd(hourly),
        used,
        traffic: Some(traffic),
        recent: None,
        throttling: None,
    }
}

fn assessed(window: &WorkloadWindow) -> Assessment {
    workload(
        &deployment("shop", "web"),
        window,
        WorkloadInputs::default(),
        &settings(),
    )
}

pub(super) fn on(assessment: &Assessment, platform: Platform, basis: Basis) -> MonthlyCost {
    let mut all = assessment.costs();
    let found = all.find(|one| (one.0, one.1) == (platform.as_str(), basis));
    *found.unwrap().2
}

pub(super) fn costs(assessment: &Assessment) -> Vec<MonthlyCost> {
    assessment.costs().map(|(_, _, cost)| *cost).collect()
}

#[test]
fn each_basis_includes_what_it_says() {
    let found = assessed(&window(0.1, 2.0, 0.01, 0.05, 200.0));
    let point = |basis| on(&found, Platform::Kubernetes, basis).monthly.point.usd();
    assert!((point(Basis::Used) - 14.6).abs() < 1e-9);
    assert!((point(Basis::Allocated) - 36.5).abs() < 1e-9);
    assert!((point(Basis::Loaded) - 73.0).abs() < 1e-9);
    let avoidable = on(&found, Platform::Kubernetes, Basis::Avoidable).monthly;
    assert!((avoidable.point.usd() - 36.5 * 0.9).abs() < 1e-9);
    assert_eq!((avoidable.low, avoidable.high), (Usd::ZERO, usd(36.5)));
}

/// Steps of ten requests a second and of thirty, which use as many cores as they may.
fn steps(cores: [f64; 4]) -> Scatter {
    let mut steps = Scatter::default();
    for (rate, cores) in [10.0, 10.0, 30.0, 30.0]
        .into_iter()
        .zip(cores)
        .cycle()
        .take(40)
    {
        let cores = CoreSeconds::from_core_seconds(cores * 300.0).unwrap();
        steps += Scatter::of_step(cores, requests(rate * 300.0), seconds(300.0));
    }
    steps
}

#[test]
fn how_well_the_slope_is_known_is_in_the_band() {
    let on_lambda = |cores| {
        let mut window = window(0.1, 20.0, 0.01, 0.5, 200.0);
        window.traffic.as_mut().unwrap().paired = steps(cores);
        on(&assessed(&window), Platform::Lambda, Basis::Loaded).monthly
    };
    // 0.2 cores whatever happens and 10 ms a request; then the same, a tenth of a core more or less.
    let known = on_lambda([0.3, 0.3, 0.5, 0.5]);
    let unsure = on_lambda([0.25, 0.35, 0.45, 0.55]);
    assert!((known.point.usd() - unsure.point.usd()).abs() < 1e-9 * known.point.usd());
    assert!(
        unsure.low < known.low && known.high < unsure.high,
        "{known:?} {unsure:?}"
    );
    let exactly = on(
        &assessed(&window(0.1, 20.0, 0.01, 0.5, 200.0)),
        Platform::Lambda,
        Basis::Loaded,
    );
    assert!((known.point.usd() - exactly.monthly.point.usd()).abs() < 1e-9 * known.point.usd());
}

#[test]
fn little_traffic_belongs_on_lambda_and_much_traffic_on_kubernetes() {
    let verdict = |per_second| assessed(&window(0.1, per_second, 0.01, 0.05, 200.0)).verdict;
    assert_eq!(verdict(0.1), Verdict::Lambda);
    assert_eq!(verdict(200.0), Verdict::Kubernetes);
}

#[test]
fn between_them_it_cannot_be_told_and_the_parameter_that_decides_is_named() {
    // 73 USD in the cluster; on Lambda 65 to 85 or so, by how fast its cores are.
    let found = assessed(&window(0.1, 22.0, 0.05, 0.05, 200.0));
    let lambda = on(&found, Platform::Lambda, Basis::Loaded).monthly;
    assert!(
        lambda.low < usd(73.0) && usd(73.0) < lambda.high,
        "{lambda:?}"
    );
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert_eq!(found.largest_unknown().unwrap().0, Parameter::CoreSpeed);
}

#[test]
fn the_crossing_is_where_the_month_on_lambda_costs_what_is_held() {
    let found = assessed(&window(0.1, 10.0, 0.01, 0.05, 200.0));
    let Some(Breakeven::Crossing { first, sustained }) = found.breakeven() else {
        panic!("{:?}", found.breakeven())
    };
    let lambda = on(&found, Platform::Lambda, Basis::Loaded);
    // Without tiers in reach R* = R · C_K / C_L.
    let expected = lambda.requests.requests() * 73.0 / lambda.monthly.point.usd();
    assert!((first.requests() / expected - 1.0).abs() < 1e-9);
    assert_eq!(sustained, Some(first));
}

#[test]
fn where_even_full_use_would_cost_more_the_crossing_is_beyond_the_capacity() {
    // It uses 14.60 USD of what it holds, and would cost less than that on Lambda.
    let found = assessed(&window(0.1, 0.5, 0.01, 0.05, 200.0));
    assert!(found.breakeven_utilization().unwrap() > Ratio::ONE);
    assert_eq!(found.breakeven(), Some(Breakeven::BeyondCapacity));
}

#[test]
fn what_is_missing_is_said() {
    let whole = window(0.1, 2.0, 0.01, 0.05, 200.0);
    let changed = |change: fn(&mut WorkloadWindow)| {
        let mut window = whole;
        change(&mut window);
        assessed(&window).verdict
    };
    assert_eq!(changed(|window| window.traffic = None), Verdict::NoRequests);
    assert_eq!(
        changed(|window| window.traffic = Some(TrafficWindow {
            covered: seconds(DAY),
            ..TrafficWindow::default()
        })),
        Verdict::NoRequests
    );
    assert_eq!(
        changed(|window| {
            let traffic = window.traffic.unwrap();
            window.traffic = Some(TrafficWindow {
                measured: Requests::ZERO,
                ..traffic
            });
        }),
        Verdict::NoLatency
    );
    assert_eq!(
        changed(|window| {
            let traffic = window.traffic.unwrap();
            window.traffic = Some(TrafficWindow {
                covered: seconds(60.0),
                ..traffic
            });
        }),
        Verdict::InsufficientData
    );
    let unpriced = WorkloadInputs {
        unpriced_pods: 1,
        ..WorkloadInputs::default()
    };
    let found = workload(&deployment("shop", "web"), &whole, unpriced, &settings());
    assert_eq!(found.verdict, Verdict::Unpriced);
    assert!(
        found.costs().all(|(platform, ..)| platform == "lambda"),
        "{found:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn bands_hold_the_point_and_every_request_costs_less_than_the_dearest(
        hourly in 0.001..5.0, per_second in 0.001..500.0, cpu in 1e-5..1.0, extra in 0.0..3.0, mib in 1.0..12_000.0,
    ) {
        let found = assessed(&window(hourly, per_second, cpu, cpu + extra, mib));
        for (_, _, cost) in found.costs() {
            let band = cost.monthly;
            prop_assert!(band.low <= band.point && band.point <= band.high, "{:?}", cost);
            let (low, high) = cost.per_request_band().unwrap();
            let point = cost.per_request().unwrap();
            prop_assert!(low <= point && point <= high);
        }
    }

    #[test]
    fn more_requests_never_cost_less_on_lambda_and_never_more_each(
        per_second in 0.001..500.0, cpu in 1e-5..1.0, extra in 0.0..3.0, mib in 1.0..8_000.0, factor in 1.0..3.0,
    ) {
        // Cold starts apart: the share of requests that meet one is not monotone in the traffic, as there are
        // more of them once several run at once now and then.
        let mut settings = settings();
        settings.lambda.init.otherwise = Range::exactly(seconds(0.0));
        let lambda = |per_second| {
            let window = window(0.1, per_second, cpu, cpu + extra, mib);
            let found = workload(&deployment("shop", "web"), &window, WorkloadInputs::default(), &settings);
            on(&found, Platform::Lambda, Basis::Loaded)
        };
        let (once, more) = (lambda(per_second), lambda(per_second * factor));
        prop_assert!(more.monthly.point.usd() >= once.monthly.point.usd() * (1.0 - 1e-9));
        let each = |cost: MonthlyCost| cost.per_request().unwrap().each();
        prop_assert!(each(more) <= each(once) * (1.0 + 1e-9));
    }
}

pub(super) fn resize() -> Function {
    Function {
        timeout: seconds(30.0),
        ..Function::plain(
            FunctionId {
                account_id: "1".into(),
                region: "us-east-1".into(),
                name: "resize".into(),
            },
            MemoryMib::from_mib(1_769).unwrap(),
            Architecture::X86_64,
        )
    }
}

/// A day of so many invocations a minute, each of so many seconds.
pub(super) fn a_day(per_minute: f64, each: f64) -> FunctionWindow {
    let concurrency = ratio(per_minute * each / 60.0);
    let minutes = (0..1_440).map(|minute| MinuteConcurrency {
        minute,
        concurrency,
    });
    let none = ColdStarts {
        count: Requests::ZERO,
        over: seconds(DAY),
        method: Method::ConcurrencyColdStarts,
    };
    FunctionWindow {
        minutes: 1_440,
        invocations: requests(per_minute * 1_440.0),
        duration: seconds(per_minute * 1_440.0 * each),
        ready: Seconds::ZERO,
        concurrency_peak: None,
        concurrency: Concurrency::over(minutes, 1_439, 1_440),
        cold_starts: Some(Range::exactly(none)),
        pattern: None,
    }
}

pub(super) fn prices() -> ClusterPrices {
    let PricedNode { node, price } = node("n", 2.0, 8.0, Some(0.096));
    let price = price.unwrap().price;
    ClusterPrices {
        mean: split(price, node.capacity, settings().weights).unwrap(),
        machines: vec![NodeType {
            price,
            allocatable: resources(1.9, 7.0),
        }],
    }
}

#[test]
fn a_function_that_waits_much_belongs_into_the_cluster_and_a_rare_one_on_lambda() {
    let mut settings = settings();
    let verdict = |settings: &ModelParameters, per_minute, each| {
        function(
            &resize(),
            &a_day(per_minute, each),
            Some(&prices()),
            settings,
        )
        .verdict
    };
    assert_eq!(verdict(&settings, 0.1, 0.1), Verdict::Lambda);
    // 100 at once around the clock. Were they all computing, pods might cost as much: it is not known.
    assert_eq!(verdict(&settings, 60_000.0, 0.1), Verdict::Inconclusive);
    settings.kubernetes_equivalent.cpu_share = Range::exactly(ratio(0.1));
    assert_eq!(verdict(&settings, 60_000.0, 0.1), Verdict::Kubernetes);
}

#[test]
fn the_rounding_of_each_invocation_is_the_band_on_lambda() {
    let found = function(&resize(), &a_day(600.0, 0.01), None, &settings());
    let lambda = on(&found, Platform::Lambda, Basis::Loaded);
    let memory = 1_769.0 / 1_024.0 * 0.000_016_666_7;
    let expected = |rounding: f64| lambda.requests.requests() * (memory * (0.01 + rounding) + 2e-7);
    assert!((lambda.monthly.low.usd() / expected(0.0) - 1.0).abs() < 1e-9);
    assert!((lambda.monthly.point.usd() / expected(0.000_5) - 1.0).abs() < 1e-9);
    assert!((lambda.monthly.high.usd() / expected(0.001) - 1.0).abs() < 1e-9);
    assert_eq!(found.verdict, Verdict::Unpriced);
}

#[test]
fn the_initialisation_of_cold_starts_is_on_the_bill_with_a_band() {
    let mut window = a_day(600.0, 0.01);
    let an_hour = |count| ColdStarts {
        count: requests(count),
        over: seconds(HOUR),
        method: Method::ConcurrencyColdStarts,
    };
    window.cold_starts = Some(Range {
        low: an_hour(30.0),
        point: an_hour(20.0),
        high: an_hour(10.0),
    });
    let mut settings = settings();
    settings.lambda.init.by_runtime = [("java".to_owned(), seconds(1.5))].into();
    let cost = |function: &Function| {
        let found = super::function(function, &window, None, &settings);
        on(&found, Platform::Lambda, Basis::Loaded).monthly
    };
    let without = super::function(&resize(), &a_day(600.0, 0.01), None, &settings);
    let without = on(&without, Platform::Lambda, Basis::Loaded).monthly;
    let init = |cold_starts: f64, each: f64| {
        cold_starts * 730.0 * each * 1_769.0 / 1_024.0 * 0.000_016_666_7
    };
    let found = cost(&resize());
    let added = |with: Usd, without: Usd| with.usd() - without.usd();
    assert!((added(found.point, without.point) - init(20.0, 0.3)).abs() < 1e-9);
    assert!((added(found.low, without.low) - init(10.0, 0.05)).abs() < 1e-9);
    assert!((added(found.high, without.high) - init(30.0, 2.0)).abs() < 1e-9);
    assert_eq!(found.largest.unwrap().0, Parameter::InitDuration);
    let java = Function {
        runtime: Some("java21".into()),
        ..resize()
    };
    assert!((added(cost(&java).point, without.point) - init(20.0, 1.5)).abs() < 1e-9);
}

#[test]
fn where_too_few_minutes_are_known_cold_starts_are_those_that_the_rate_lets_expect() {
    let mut window = a_day(6.0, 0.2);
    window.cold_starts = None;
    let found = function(&resize(), &window, None, &settings());
    let Evidence::Function(evidence) = &found.evidence else {
        panic!("{found:?}")
    };
    let cold = evidence.cold_starts.unwrap();
    assert_eq!(cold.method, Method::ClosedForm);
    assert!(cold.count > Requests::ZERO && cold.count < window.invocations);
}

#[test]
fn a_front_door_and_logs_are_charged_where_they_are_configured() {
    let mut settings = settings();
    let around = AncillaryCharges {
        http_endpoint: Some(HttpEndpoint::HttpApi),
        logged_by_request: Gib::from_bytes(1_000.0).unwrap(),
        instances: None,
    };
    settings.lambda.function_overrides = vec![(NamePattern::new("re*").unwrap(), around)];
    let cost = |settings: &ModelParameters| {
        let found = function(&resize(), &a_day(600.0, 0.01), None, settings);
        on(&found, Platform::Lambda, Basis::Loaded)
    };
    let (with, without) = (cost(&settings), cost(&super::super::test_util::settings()));
    let count = with.requests.requests();
    let expected = count * (1e-6 + 1_000.0 / 1_024.0_f64.powi(3) * 0.5);
    let added = with.monthly.point.usd() - without.monthly.point.usd();
    assert!((added / expected - 1.0).abs() < 1e-9, "{added} {expected}");
}

#[test]
fn machines_of_its_own_are_the_dear_end_of_a_function_in_the_cluster() {
    let found = function(&resize(), &a_day(60.0, 0.1), Some(&prices()), &settings());
    let pods = on(&found, Platform::Kubernetes, Basis::Loaded).monthly;
    // Two pods of 1.73 GiB fit on one machine of 7 GiB: 0.096 an hour.
    assert!((pods.high.usd() - 0.096 * 730.0).abs() < 1e-9, "{pods:?}");
    assert_eq!(found.largest_unknown().unwrap().0, Parameter::Placement);
}

#[test]
fn a_function_in_a_region_without_known_prices_is_unpriced() {
    let mut there = resize();
    there.id.region = "xx-nowhere-1".into();
    let found = function(&there, &a_day(60.0, 0.1), Some(&prices()), &settings());
    assert_eq!(
        (found.verdict, found.current),
        (Verdict::Unpriced, Vec::new())
    );
    there.id.region = "af-south-1".into();
    let dear = function(&there, &a_day(60.0, 0.1), None, &settings());
    let here = function(&resize(), &a_day(60.0, 0.1), None, &settings());
    let cost = |one: &Assessment| one.monthly(Platform::Lambda).unwrap().point;
    assert!(cost(&dear) > cost(&here));
}

#[test]
fn what_is_used_is_the_part_of_the_cost_that_was_used_while_it_was_there() {
    // There for a third of the time: its cost is spread over all of it, and so is what it used.
    let mut part_time = window(0.1, 2.0, 0.01, 0.05, 200.0);
    part_time.observed = seconds(3.0 * HOUR);
    let found = assessed(&part_time);
    let point = |basis| on(&found, Platform::Kubernetes, basis).monthly.point.usd();
    assert!((point(Basis::Loaded) - 73.0 / 3.0).abs() < 1e-9);
    assert!((point(Basis::Used) - 14.6 / 3.0).abs() < 1e-9);
}

#[test]
fn what_is_kept_ready_is_paid_for_at_any_traffic_and_the_band_has_both_ends_of_what_it_serves() {
    // One environment is busy in the mean, and five are kept ready.
    let mut window = a_day(600.0, 0.1);
    window.ready = window.duration;
    let mut settings = settings();
    settings.lambda.init.otherwise = Range::exactly(seconds(0.0));
    let ready = Function {
        provisioned: Some(vec![ProvisionedConcurrency {
            qualifier: "live".into(),
            concurrency: 5,
        }]),
        ..resize()
    };
    let found = super::function(&ready, &window, None, &settings);
    let cost = on(&found, Platform::Lambda, Basis::Loaded).monthly;
    let (memory, requests) = (1_769.0 / 1_024.0, 600.0 * 60.0 * 730.0);
    let month = 730.0 * 3_600.0;
    let kept = 5.0 * memory * month * 0.000_004_166_7;
    let billed = |rounding: f64| requests * memory * (0.1 + rounding);
    let fee = requests * 2e-7;
    let all_inside = |rounding| kept + fee + billed(rounding) * 0.000_009_722_2;
    let all_outside = |rounding| kept + fee + billed(rounding) * 0.000_016_666_7;
    let close = |found: Usd, expected: f64| (found.usd() - expected).abs() < 1e-6 * expected;
    assert!(close(cost.point, all_inside(0.000_5)), "{cost:?}");
    assert!(close(cost.high, all_outside(0.001)), "{cost:?}");
    assert!(close(cost.low, all_inside(0.0)), "{cost:?}");
    assert_eq!(cost.largest.unwrap().0, Parameter::ProvisionedShare);
}

#[test]
fn a_snapshot_of_one_version_is_kept_and_restored_from_but_java_has_it_for_nothing() {
    let window = a_day(600.0, 0.1);
    let settings = settings();
    let cost = |function: &Function| {
        let found = super::function(function, &window, None, &settings);
        on(&found, Platform::Lambda, Basis::Loaded)
            .monthly
            .point
            .usd()
    };
    let with = |runtime: &str, snap_start| Function {
        runtime: Some(runtime.into()),
        snap_start,
        ..resize()
    };
    let added = cost(&with("python3.13", true)) - cost(&with("python3.13", false));
    let kept = 1_769.0 / 1_024.0 * 730.0 * 3_600.0 * 0.000_001_504_6;
    assert!(
        added >= kept && added < kept * 1.5,
        "{added} against {kept}"
    );
    assert!((cost(&with("java21", true)) - cost(&with("java21", false))).abs() < 1e-12);
}

#[test]
fn a_function_on_managed_instances_costs_what_is_configured_for_them_and_its_requests() {
    let managed = Function {
        capacity_provider: Some("batch".into()),
        snap_start: true,
        ..resize()
    };
    let (window, mut settings) = (a_day(600.0, 0.1), settings());
    let found = super::function(&managed, &window, None, &settings);
    assert_eq!(found.verdict, Verdict::Unpriced);
    assert!(found.costs().next().is_none());

    let around = AncillaryCharges {
        instances: Some(UsdPerHour::from_hourly(0.25).unwrap()),
        ..AncillaryCharges::default()
    };
    settings.lambda.function_overrides = vec![(NamePattern::new("*").unwrap(), around)];
    let month = |function: &Function| {
        let found = super::function(function, &window, None, &settings);
        on(&found, Platform::Lambda, Basis::Loaded).monthly
    };
    let cost = month(&managed);
    let expected = 730.0 * 0.25 + 600.0 * 60.0 * 730.0 * 2e-7;
    assert!((cost.point.usd() - expected).abs() < 1e-9, "{cost:?}");
    assert_eq!((cost.low, cost.high), (cost.point, cost.point));
    let plain = month(&resize());
    assert!((plain.point.usd() - expected).abs() > 1.0, "not of others");
}

#[test]
fn the_floor_of_an_autoscaler_is_what_traffic_has_to_make_up_for() {
    let first = |scaler: Option<Scaler>| {
        let workload_inputs = WorkloadInputs {
            scaler,
            ..WorkloadInputs::default()
        };
        let id = deployment("shop", "web");
        let seen = window(0.1, 10.0, 0.01, 0.05, 200.0);
        workload(&id, &seen, workload_inputs, &settings()).breakeven()
    };
    let scaler = |min, max, target| {
        Some(Scaler {
            min,
            max,
            target: Some(ratio(target)),
        })
    };
    let traffic = |breakeven| match breakeven {
        Some(Breakeven::Crossing { first, .. }) => first.requests(),
        other => panic!("{other:?}"),
    };
    // A pod is at 5 % of what it holds; at 50 % it serves ten times as much.
    let held = traffic(first(None));
    let one = traffic(first(scaler(1, 10, 0.5)));
    assert!((one / held - 1.0).abs() < 1e-9, "{one} {held}");
    let three = traffic(first(scaler(3, 10, 0.5)));
    assert!((three / one - 3.0).abs() < 0.01, "{three} {one}");
    // Aiming at what it does now, each pod costs more than the requests that it can serve.
    assert_eq!(first(scaler(1, 10, 0.05)), Some(Breakeven::LambdaAlways));
    let elsewhere = Scaler {
        min: 3,
        max: 10,
        target: None,
    };
    assert_eq!(traffic(first(Some(elsewhere))), held);
}

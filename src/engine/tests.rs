mod annotations;
mod bill;
mod counted_use;
mod data_rule;
mod explanations;
mod processor_time;
mod restart;

use super::*;
use breakeven_model::cold_starts::refined_fraction;
use breakeven_model::inventory::{
    Architecture, FunctionBatch, FunctionMinute, Node, Pod, RequestStep, RequestTarget, Resources,
};
use breakeven_model::pricing::{NodeSelector, PriceRule, Rate};
use breakeven_model::test_util::{deployment, node, pod, resources, seconds, settings, usage};
use breakeven_model::units::{MemoryMib, Requests, RequestsPerSecond, Usd, UsdPerHour, Window};
use breakeven_model::{
    Basis, ClusterComponent, Component, Platform, Report, Verdict, WorkloadReport,
};

/// A midnight.
const START: i64 = 20_833 * 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

fn limits() -> Limits {
    Limits {
        longest_gap: Duration::from_secs(300),
        usage_age: Duration::from_secs(300),
    }
}

fn engine() -> Engine {
    engine_started_at(at(0))
}

fn engine_started_at(started: Timestamp) -> Engine {
    let rule = PriceRule {
        selector: NodeSelector {
            node: Some("n".to_owned()),
            ..NodeSelector::default()
        },
        rate: Rate::Whole(UsdPerHour::from_hourly(0.1).unwrap()),
        place: "prices.nodes[0]".into(),
    };
    Engine::new(
        started,
        settings(),
        PriceBook {
            rules: vec![rule],
            ..PriceBook::default()
        },
        limits(),
    )
}

fn machine(name: &str) -> Arc<Node> {
    let mut machine = (*node(name, 2.0, 8.0, None).node).clone();
    machine.instance_type = None;
    Arc::new(machine)
}

fn cluster(second: i64, pods: Vec<Pod>) -> Observation {
    let pods = pods.into_iter().map(Arc::new).collect();
    Observation::Cluster(Cluster {
        at: at(second),
        nodes: vec![machine("n"), machine("m")],
        pods,
        ..Cluster::default()
    })
}

fn web() -> Pod {
    // Older than the agent: what it costs is known from the first look on.
    Pod {
        started_at: Some(at(-86_400)),
        ..pod("web-1", deployment("shop", "web"), "n", resources(1.0, 4.0))
    }
}

fn uses(second: i64, used: Resources) -> Observation {
    let mut usage = usage(used);
    usage.at = at(second);
    Observation::Usage(Usage {
        at: at(second),
        pods: HashMap::from([(web().key, usage)]),
        counted: Vec::new(),
    })
}

/// The step of five minutes that begins then, in which a pod of web served so many requests of 100 ms.
fn served(start: i64, count: f64) -> Observation {
    let requests = Requests::from_requests(count).unwrap();
    Observation::Traffic(Traffic {
        at: at(start + 300),
        covered: Some(window(start, start + 300)),
        steps: vec![RequestStep {
            target: RequestTarget::Pod(web().key),
            window: window(start, start + 300),
            requests,
            latency: Some((requests.total_time(seconds(0.1)), requests)),
        }],
        rates: vec![],
    })
}

fn window(from: i64, to: i64) -> Window {
    let length = Duration::from_secs(u64::try_from(to - from).unwrap());
    let minute = Window::closed_before(at(to), Duration::from_secs(60), Duration::ZERO).unwrap();
    minute.extended_back(length)
}

/// A day of one request a second, 100 ms each, in steps of five minutes.
fn a_day_of_traffic(until: i64) -> Observation {
    let day = (until - 86_400)..until;
    let steps = day.step_by(300).map(|from| RequestStep {
        target: RequestTarget::Workload {
            namespace: "shop".into(),
            kind: None,
            name: "web".into(),
        },
        window: window(from, from + 300),
        requests: Requests::from_requests(300.0).unwrap(),
        latency: Some((seconds(30.0), Requests::from_requests(300.0).unwrap())),
    });
    Observation::Traffic(Traffic {
        at: at(until),
        covered: Some(window(until - 86_400, until)),
        steps: steps.collect(),
        rates: vec![breakeven_model::inventory::RequestRate {
            target: RequestTarget::Pod(web().key),
            rate: breakeven_model::units::RequestsPerSecond::from_per_second(1.0).unwrap(),
        }],
    })
}

fn run_for(engine: &mut Engine, from: i64, to: i64) {
    for second in (from..=to).step_by(15) {
        engine.observe(uses(second, resources(0.1, 1.0)));
        engine.observe(cluster(second, vec![web()]));
    }
}

fn only(report: &Report) -> &WorkloadReport {
    assert_eq!(report.workloads.len(), 1, "{:?}", report.workloads);
    &report.workloads[0]
}

fn cost(workload: &WorkloadReport, platform: Platform, basis: Basis) -> Option<f64> {
    let mut all = workload.assessment.costs();
    let one = all.find(|one| (one.0, one.1) == (platform.as_str(), basis));
    one.map(|(_, _, cost)| cost.monthly.point.usd())
}

#[test]
fn a_workload_with_traffic_has_its_cost_on_both_platforms_and_a_verdict() {
    let mut engine = engine();
    run_for(&mut engine, 0, 60);
    engine.observe(a_day_of_traffic(0));
    let report = engine.report(at(60));
    let web = only(&report);
    // It is alone, so it carries its whole priced node.
    assert!((cost(web, Platform::Kubernetes, Basis::Loaded).unwrap() - 73.0).abs() < 1e-9);
    let used = cost(web, Platform::Kubernetes, Basis::Used).unwrap();
    assert!(
        (used - 73.0 * (0.1 * 10.1 + 1.0) / 28.2).abs() < 1e-9,
        "{used}"
    );
    // 0.1 core-seconds and 0.1 s each: all of it computes; 1.2 GiB.
    let lambda = cost(web, Platform::Lambda, Basis::Loaded).unwrap();
    let memory = 1_229.0 / 1_024.0;
    let each = 0.1 * 1_769.0 / 1_229.0 + 0.000_5;
    // One in 2,000 meets a cold start of 0.3 s.
    let second = RequestsPerSecond::from_per_second(1.0).unwrap();
    let takes = seconds(0.1 * 1_769.0 / 1_229.0);
    let cold = refined_fraction(second, takes, seconds(480.0))
        .unwrap()
        .get();
    assert!((4e-4..6e-4).contains(&cold), "{cold}");
    let expected = 2_628_000.0 * (memory * (each + cold * 0.3) * 0.000_013_333_4 + 2e-7);
    assert!((lambda - expected).abs() < 1e-6, "{lambda} {expected}");
    assert_eq!(web.assessment.verdict, Verdict::Lambda);
    assert!((web.assessment.breakeven_utilization().unwrap().get() - used / lambda).abs() < 1e-9);
    let per_request = web.assessment.current_cost().unwrap().per_request();
    assert!((per_request.unwrap().each() - 73.0 / 2_628_000.0).abs() < 1e-15);
}

#[test]
fn the_first_look_at_the_cluster_is_enough_for_costs_at_the_present_rates() {
    let mut engine = engine();
    engine.observe(uses(0, resources(0.1, 1.0)));
    engine.observe(cluster(0, vec![web()]));
    engine.observe(a_day_of_traffic(0));
    let report = engine.report(at(0));
    let web = only(&report);
    assert!((cost(web, Platform::Kubernetes, Basis::Loaded).unwrap() - 73.0).abs() < 1e-9);
    assert!(cost(web, Platform::Lambda, Basis::Loaded).is_some());
    assert!(
        web.cost_total.iter().all(|part| part.1.is_zero()),
        "no time has passed"
    );
}

#[test]
fn counters_add_up_to_the_price_of_the_nodes() {
    let mut engine = engine();
    run_for(&mut engine, 0, 3_600);
    let report = engine.report(at(3_600));
    let sum = |parts: &[(Component, Usd)]| parts.iter().map(|part| part.1.usd()).sum::<f64>();
    assert!((sum(&only(&report).cost_total) - 0.1).abs() < 1e-12);
    let all = &report.cluster.as_ref().unwrap().cost_total;
    let unattributed = all
        .iter()
        .find(|one| one.0 == ClusterComponent::Unallocated)
        .unwrap()
        .1;
    assert!(unattributed.is_zero());
    assert!((all.iter().map(|one| one.1.usd()).sum::<f64>() - 0.1).abs() < 1e-12);
}

#[test]
fn traffic_that_comes_before_the_cluster_is_not_lost() {
    let mut engine = engine();
    engine.observe(a_day_of_traffic(0));
    run_for(&mut engine, 0, 15);
    let report = engine.report(at(15));
    assert_eq!(only(&report).assessment.verdict, Verdict::Lambda);
}

#[test]
fn a_workload_whose_requests_nothing_counts_has_costs_and_says_what_is_missing() {
    let mut engine = engine();
    run_for(&mut engine, 0, 60);
    let report = engine.report(at(60));
    let web = only(&report);
    assert!(cost(web, Platform::Kubernetes, Basis::Loaded).is_some());
    assert!(
        web.assessment
            .costs()
            .all(|(_, _, cost)| cost.per_request().is_none())
    );
    assert_eq!(
        (web.assessment.verdict, web.assessment.monthly_saving()),
        (Verdict::NoRequests, None)
    );
}

#[test]
fn a_workload_on_an_unpriced_node_has_no_cost_and_says_so() {
    let mut engine = engine();
    let mut elsewhere = web();
    elsewhere.node = "m".into();
    engine.observe(cluster(0, vec![elsewhere.clone()]));
    engine.observe(cluster(15, vec![elsewhere]));
    engine.observe(a_day_of_traffic(0));
    let report = engine.report(at(15));
    let web = only(&report);
    assert_eq!(
        (web.assessment.verdict, web.assessment.costs().count()),
        (Verdict::Unpriced, 0)
    );
    assert_eq!(report.cluster.as_ref().unwrap().unpriced_pods, 1);
}

#[test]
fn time_without_a_look_at_the_cluster_is_charged_to_nobody() {
    let mut engine = engine();
    run_for(&mut engine, 0, 60);
    run_for(&mut engine, 600, 660);
    let report = engine.report(at(660));
    let cluster = report.cluster.as_ref().unwrap();
    assert!((cluster.observed_total.seconds() - 120.0).abs() < 1e-9);
    assert!((cluster.unobserved_total.seconds() - 540.0).abs() < 1e-9);
}

#[test]
fn use_that_is_too_old_is_no_use() {
    let mut engine = engine();
    engine.observe(uses(0, resources(2.0, 8.0)));
    engine.observe(cluster(0, vec![web()]));
    let allocated = |engine: &Engine| {
        engine.rates.workloads[&deployment("shop", "web")]
            .allocated()
            .hourly()
    };
    assert!(
        (allocated(&engine) - 0.1).abs() < 1e-12,
        "it uses the whole node"
    );
    engine.observe(cluster(301, vec![web()]));
    assert!(
        (allocated(&engine) - 0.05).abs() < 1e-12,
        "its request is what is known"
    );
}

#[test]
fn a_workload_vanishes_with_its_pods_and_comes_back_with_its_totals() {
    let mut engine = engine();
    run_for(&mut engine, 0, 60);
    engine.observe(cluster(75, vec![]));
    assert!(engine.report(at(75)).workloads.is_empty());
    run_for(&mut engine, 90, 120);
    let report = engine.report(at(120));
    let spent: f64 = only(&report)
        .cost_total
        .iter()
        .map(|part| part.1.usd())
        .sum();
    assert!((spent - 0.1 * 105.0 / 3_600.0).abs() < 1e-12, "{spent}");
}

fn resize() -> Function {
    Function {
        runtime: Some("python3.13".into()),
        timeout: seconds(30.0),
        ..Function::plain(
            FunctionId {
                account_id: "123456789012".into(),
                region: "us-east-1".into(),
                name: "resize".into(),
            },
            MemoryMib::from_mib(1_024).unwrap(),
            Architecture::X86_64,
        )
    }
}

fn listed(functions: Vec<Function>) -> Observation {
    Observation::Functions(Functions {
        at: at(0),
        account_id: "123456789012".into(),
        region: "us-east-1".into(),
        functions: functions.into_iter().map(Arc::new).collect(),
        concurrency_limit: Some(1_000),
    })
}

/// A day of one invocation a second, half a second each.
fn a_day_of_minutes(until: i64) -> Observation {
    let minutes = ((until - 86_400)..until)
        .step_by(60)
        .map(|second| FunctionMinute {
            minute: (START + second) / 60,
            invocations: Requests::from_requests(60.0).unwrap(),
            duration: seconds(30.0),
            errors: Requests::ZERO,
            throttles: Requests::ZERO,
            concurrency_peak: Some(2),
        });
    Observation::FunctionMinutes(FunctionMinutes {
        functions: vec![FunctionBatch {
            id: resize().id,
            window: window(until - 86_400, until),
            minutes: minutes.collect(),
        }],
    })
}

#[test]
fn a_function_without_a_cluster_has_its_cost_and_no_equivalent() {
    let mut engine = engine();
    engine.observe(listed(vec![resize()]));
    engine.observe(a_day_of_minutes(0));
    let report = engine.report(at(0));
    let resize = only(&report);
    let expected = 2_628_000.0 * (0.500_5 * 0.000_016_666_7 + 2e-7);
    assert!((cost(resize, Platform::Lambda, Basis::Loaded).unwrap() - expected).abs() < 1e-6);
    assert_eq!(cost(resize, Platform::Kubernetes, Basis::Loaded), None);
    assert_eq!(resize.assessment.verdict, Verdict::Unpriced);
    assert!(
        resize.cost_total.iter().all(|part| part.1.is_zero()),
        "a backfill is not spent again"
    );
}

#[test]
fn a_function_beside_a_cluster_is_priced_as_pods_too() {
    let mut engine = engine();
    engine.observe(cluster(0, vec![]));
    engine.observe(listed(vec![resize()]));
    engine.observe(a_day_of_minutes(0));
    let report = engine.report(at(0));
    let resize = only(&report);
    // 0.5 at once, computing half of the time on 1024/1769 of a core: one pod would do, two are the least.
    let price = 0.1 / 28.2;
    let pod = (0.25 * 10.1 * price + price) / 0.75;
    let pods = cost(resize, Platform::Kubernetes, Basis::Loaded).unwrap();
    assert!((pods - 2.0 * pod * 730.0).abs() < 1e-9, "{pods}");
    // By the point Lambda costs a little less, but the function may compute less or more than that.
    assert_eq!(resize.assessment.verdict, Verdict::Inconclusive, "{pods}");
}

#[test]
fn a_source_that_says_nothing_more_clears_nobodys_numbers() {
    let mut engine = engine();
    engine.observe(listed(vec![resize()]));
    engine.observe(a_day_of_minutes(0));
    engine.observe(a_day_of_traffic(0));
    run_for(&mut engine, 0, 60);
    let before = engine.report(at(60)).workloads.len();
    // An hour in which the cluster alone is seen.
    for second in (75..3_600).step_by(15) {
        engine.observe(cluster(second, vec![web()]));
    }
    let report = engine.report(at(3_600));
    assert_eq!((before, report.workloads.len()), (2, 2));
    assert!(
        report
            .workloads
            .iter()
            .all(|one| cost(one, one.workload.platform(), Basis::Loaded).is_some())
    );
}

#[test]
fn a_function_that_is_deleted_vanishes() {
    let mut engine = engine();
    engine.observe(listed(vec![resize()]));
    engine.observe(a_day_of_minutes(0));
    engine.observe(listed(vec![]));
    assert!(engine.report(at(0)).workloads.is_empty());
}

#[test]
fn new_settings_keep_what_has_added_up() {
    let mut engine = engine();
    run_for(&mut engine, 0, 60);
    engine.reconfigure(settings(), PriceBook::default(), limits());
    let report = engine.report(at(60));
    let spent: f64 = only(&report)
        .cost_total
        .iter()
        .map(|part| part.1.usd())
        .sum();
    assert!((spent - 0.1 * 60.0 / 3_600.0).abs() < 1e-12);
    assert_eq!(
        only(&report).assessment.verdict,
        Verdict::Unpriced,
        "the price is gone"
    );
}

#[test]
fn a_subject_is_found_by_any_of_its_names() {
    let mut engine = engine();
    engine.observe(cluster(0, vec![web()]));
    engine.observe(listed(vec![resize()]));
    let report = engine.report(at(0));
    for name in [
        "web",
        "shop/web",
        "shop/Deployment/web",
        "resize",
        "123456789012/us-east-1/resize",
    ] {
        assert_eq!(report.find(name).len(), 1, "{name}");
    }
    for name in ["", "we", "data/web", "shop/StatefulSet/web"] {
        assert!(report.find(name).is_empty(), "{name}");
    }
}

#[test]
fn a_function_whose_minutes_are_not_known_has_no_counts() {
    let mut engine = engine();
    engine.observe(listed(vec![resize()]));
    let report = engine.report(at(0));
    let resize = only(&report);
    assert!(resize.cost_total.is_empty() && resize.requests_total.is_empty());
    assert_eq!(resize.function, None);
}

#[test]
fn a_workload_that_nothing_counts_has_no_count_of_requests() {
    let mut engine = engine();
    run_for(&mut engine, 0, 60);
    let other = RequestTarget::Pod(breakeven_model::inventory::PodKey {
        namespace: "shop".into(),
        name: "stranger".into(),
    });
    let Observation::Traffic(mut traffic) = a_day_of_traffic(0) else {
        unreachable!()
    };
    traffic
        .steps
        .iter_mut()
        .for_each(|step| step.target = other.clone());
    engine.observe(Observation::Traffic(traffic));
    let report = engine.report(at(60));
    assert!(only(&report).requests_total.is_empty());
    assert_eq!(engine.unmatched_targets(), 288);
}

#[test]
fn functions_stay_until_their_account_and_region_is_no_longer_read() {
    let mut engine = engine();
    engine.observe(listed(vec![resize()]));
    let Observation::Functions(mut elsewhere) = listed(vec![]) else {
        unreachable!()
    };
    elsewhere.region = "eu-west-1".into();
    engine.observe(Observation::Functions(elsewhere));
    let report = engine.report(at(0));
    assert_eq!((report.workloads.len(), report.accounts.len()), (1, 2));
    engine.retain_regions(|_, region| region == "eu-west-1");
    let report = engine.report(at(0));
    assert_eq!((report.workloads.len(), report.accounts.len()), (0, 1));
}

#[test]
fn minutes_wait_for_the_list_of_their_own_account_and_region() {
    let mut engine = engine();
    let Observation::Functions(mut elsewhere) = listed(vec![]) else {
        unreachable!()
    };
    elsewhere.region = "eu-west-1".into();
    engine.observe(Observation::Functions(elsewhere));
    engine.observe(a_day_of_minutes(0));
    engine.observe(listed(vec![resize()]));
    let report = engine.report(at(0));
    assert!(
        only(&report).assessment.cost_on(Platform::Lambda).is_some(),
        "{report:?}"
    );
}

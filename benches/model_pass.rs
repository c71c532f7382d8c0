//! How long one pass of the model takes over a large estate: 10,000 workloads and 10,000 functions, on one core.
//!
//! A pass distributes the cluster's cost over all pods and assesses every workload and function: cost on both
//! platforms with bands, break-even, verdict. `cargo bench --bench model_pass` prints the least and the median time of its
//! parts over some rounds; the least is what the machine can do when nothing else runs.
//!
//! Two estates are measured. In the *usual* one functions are called as seldom as they are in practice: 45 % of the
//! applications of Azure Functions are called once an hour at most, and 81 % once a minute at most (Shahrad et al.,
//! *Serverless in the Wild*, USENIX ATC 2020). In the *busy* one none is: their rates are spread evenly over the
//! magnitudes from one call in 100 seconds to 200 a second, as are those of the workloads in both.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use breakeven::config;
use breakeven_model::allocation::{PricedNode, allocate};
use breakeven_model::alternatives::kubernetes::{ClusterPrices, NodeType};
use breakeven_model::assessment;
use breakeven_model::cold_starts::{ColdStarts, Method};
use breakeven_model::concurrency::{Concurrency, MinuteConcurrency};
use breakeven_model::inputs::WorkloadInputs;
use breakeven_model::inventory::{
    Architecture, CapacityType, Function, FunctionId, Node, Pod, PodKey, PodUsage, Provider,
    Resources, WorkloadId, WorkloadKind,
};
use breakeven_model::regression::Scatter;
use breakeven_model::resource_prices::split;
use breakeven_model::test_util;
use breakeven_model::uncertainty::Range;
use breakeven_model::units::{
    CoreSeconds, Cores, Gib, GibSeconds, MemoryMib, Ratio, Requests, RequestsPerSecond, Seconds,
    Usd, UsdPerHour,
};
use breakeven_model::window::{FunctionWindow, TrafficWindow, UsedWindow, WorkloadWindow};
use breakeven_model::{HourlyPrice, ModelParameters, PriceSource, Provenance};

const WORKLOADS: usize = 10_000;
const PODS_OF_EACH: usize = 2;
const PODS_ON_A_NODE: usize = 20;
const MINUTES: u32 = 1_440;
const ROUNDS: usize = 15;

/// What assessing its functions is called, what the whole pass is, and how often each function is called.
type Inventory = (&'static str, &'static str, fn(usize) -> f64);

fn main() {
    let (_, config) = config::parse("").unwrap();
    let settings = config.model;
    let (nodes, pods, usage) = cluster();
    let prices = prices(&nodes, &settings);
    let workloads: Vec<(WorkloadId, WorkloadWindow)> =
        (0..WORKLOADS).map(|at| (id(at), window(at))).collect();
    println!(
        "{} nodes, {} pods, {WORKLOADS} workloads, {WORKLOADS} functions; {ROUNDS} rounds",
        nodes.len(),
        pods.len()
    );
    println!("{:<50} {:>10} {:>10}", "", "least", "median");
    let allocation = timed("distribute the cost of the cluster over its pods", || {
        black_box(allocate(&nodes, &[], &pods, &usage, &settings));
    });
    let assessed = timed("assess the workloads", || {
        for (id, window) in &workloads {
            let found = assessment::workload(id, window, WorkloadInputs::default(), &settings);
            black_box(found);
        }
    });
    let estates: [Inventory; 2] = [
        (
            "assess the functions of a usual estate",
            "one pass, usual estate",
            usual_rate,
        ),
        (
            "assess the functions of a busy estate",
            "one pass, busy estate",
            busy_rate,
        ),
    ];
    for (name, whole, rate) in estates {
        let functions: Vec<(Function, FunctionWindow)> = (0..WORKLOADS)
            .map(|at| (function(at), minutes(at, rate(at))))
            .collect();
        let functions = timed(name, || {
            for (function, window) in &functions {
                let found = assessment::function(function, window, Some(&prices), &settings);
                black_box(found);
            }
        });
        let parts = [allocation, assessed, functions];
        for (name, least, median) in parts {
            row(name, least, median);
        }
        let sum = |of: fn(&(&str, Duration, Duration)) -> Duration| parts.iter().map(of).sum();
        row(whole, sum(|part| part.1), sum(|part| part.2));
    }
}

fn row(name: &str, least: Duration, median: Duration) {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{name:<50} {:>7.2} ms {:>7.2} ms",
        millis(least),
        millis(median)
    );
}

/// The least and the median time of some rounds.
fn timed(name: &'static str, mut pass: impl FnMut()) -> (&'static str, Duration, Duration) {
    pass();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            pass();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    (name, times[0], times[ROUNDS / 2])
}

/// A number in [0, 1), the same for the same place each time.
fn uniform_sample(at: usize, what: u64) -> f64 {
    // SplitMix64.
    let mut z =
        (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ what.wrapping_mul(0xD134_2543_DE82_EF95);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Between two numbers of which one may be a thousand times the other, each magnitude alike.
fn spread(at: usize, what: u64, least: f64, most: f64) -> f64 {
    least * (most / least).powf(uniform_sample(at, what))
}

fn ratio(value: f64) -> Ratio {
    Ratio::from_factor(value).unwrap()
}

fn seconds(value: f64) -> Seconds {
    Seconds::from_seconds(value).unwrap()
}

fn requests(value: f64) -> Requests {
    Requests::from_requests(value).unwrap()
}

fn usd(value: f64) -> Usd {
    Usd::from_usd(value).unwrap()
}

fn resources(cores: f64, gib: f64) -> Resources {
    Resources {
        cpu: Cores::from_cores(cores).unwrap(),
        memory: Gib::from_gib(gib).unwrap(),
        gpus: 0,
    }
}

fn id(at: usize) -> WorkloadId {
    WorkloadId {
        namespace: format!("team-{}", at % 97).into(),
        kind: WorkloadKind::Deployment,
        name: format!("service-{at}").into(),
    }
}

type Usage = HashMap<PodKey, PodUsage>;

fn cluster() -> (Vec<PricedNode>, Vec<Arc<Pod>>, Usage) {
    let count = WORKLOADS * PODS_OF_EACH / PODS_ON_A_NODE;
    let nodes: Vec<PricedNode> = (0..count).map(node).collect();
    let mut pods = Vec::new();
    let mut usage = Usage::new();
    for at in 0..WORKLOADS * PODS_OF_EACH {
        let workload = id(at / PODS_OF_EACH);
        let name = format!("{}-{at}", workload.name);
        let request = resources(spread(at, 1, 0.02, 0.8), spread(at, 2, 0.05, 3.0));
        let used = resources(spread(at, 3, 0.001, 0.8), spread(at, 4, 0.02, 3.0));
        let pod = test_util::pod(&name, workload, &nodes[at % count].node.name, request);
        usage.insert(pod.key.clone(), test_util::usage(used));
        pods.push(Arc::new(pod));
    }
    (nodes, pods, usage)
}

fn node(at: usize) -> PricedNode {
    let has = resources(8.0, 32.0);
    PricedNode {
        node: Arc::new(Node {
            name: format!("node-{at}").into(),
            provider: Provider::Aws,
            instance_type: Some("m6i.2xlarge".into()),
            region: Some("us-east-1".into()),
            zone: None,
            capacity_type: CapacityType::OnDemand,
            capacity: has,
            allocatable: resources(7.9, 30.0),
            labels: BTreeMap::new(),
        }),
        price: Ok(HourlyPrice {
            price: UsdPerHour::from_hourly(0.384).unwrap(),
            provenance: Provenance {
                source: PriceSource::Embedded,
                fetched_at: None,
                method: "list".into(),
            },
        }),
    }
}

fn prices(nodes: &[PricedNode], settings: &ModelParameters) -> ClusterPrices {
    let price = nodes[0].price.as_ref().unwrap().price;
    ClusterPrices {
        mean: split(price, nodes[0].node.capacity, settings.weights).unwrap(),
        machines: vec![NodeType {
            price,
            allocatable: nodes[0].node.allocatable,
        }],
    }
}

/// A day of a workload: between one request in two minutes and 200 a second, of 3 ms to 3 s.
fn window(at: usize) -> WorkloadWindow {
    const DAY: f64 = 86_400.0;
    let rate = spread(at, 5, 0.01, 200.0);
    let cpu = spread(at, 6, 0.001, 0.1);
    let latency = cpu + spread(at, 7, 0.002, 3.0);
    let memory = Gib::from_mib(spread(at, 8, 50.0, 3_000.0)).unwrap();
    let loaded = spread(at, 9, 0.5, 50.0);
    let count = requests(rate * DAY);
    let core_seconds = |value| CoreSeconds::from_core_seconds(value).unwrap();
    WorkloadWindow {
        observed: seconds(DAY),
        allocated: usd(loaded * 0.6),
        loaded: usd(loaded),
        used: UsedWindow {
            observed: seconds(DAY),
            cost: usd(loaded * 0.3),
            loaded: usd(loaded),
            cores: core_seconds(rate * cpu * DAY),
            cores_allocated: core_seconds(rate * cpu * DAY * 2.0),
            memory: memory * seconds(DAY),
            memory_allocated: GibSeconds::from_gib_seconds(memory.mib() / 512.0 * DAY).unwrap(),
            pods: seconds(DAY),
            extremes: Some((memory * ratio(0.8), memory * ratio(1.3))),
        },
        traffic: Some(TrafficWindow {
            covered: seconds(DAY),
            requests: count,
            latency: count.total_time(seconds(latency)),
            measured: count,
            peak: RequestsPerSecond::from_per_second(rate * 2.0).unwrap(),
            paired: steps(at, rate, cpu),
            ..TrafficWindow::default()
        }),
        recent: None,
        throttling: None,
    }
}

/// The steps of a day, whose rate varies by a third and whose use follows it.
fn steps(at: usize, rate: f64, cpu: f64) -> Scatter {
    const STEP: f64 = 300.0;
    let mut steps = Scatter::default();
    for step in 0..288 {
        let rate = rate * (0.5 + uniform_sample(at, step + 10_000));
        let cores = CoreSeconds::from_core_seconds((0.01 + cpu * rate) * STEP).unwrap();
        steps += Scatter::of_step(cores, requests(rate * STEP), seconds(STEP));
    }
    steps
}

fn function(at: usize) -> Function {
    Function {
        runtime: Some("python3.13".into()),
        timeout: seconds(30.0),
        ..Function::plain(
            FunctionId {
                account_id: "123456789012".into(),
                region: "us-east-1".into(),
                name: format!("function-{at}").into(),
            },
            MemoryMib::from_mib(128 << (at % 5)).unwrap(),
            Architecture::Arm64,
        )
    }
}

/// Calls a second, of which 45 % are once an hour at most, and 81 % once a minute at most.
fn usual_rate(at: usize) -> f64 {
    match uniform_sample(at, 12) {
        rare if rare < 0.45 => spread(at, 10, 1.0 / 86_400.0, 1.0 / 3_600.0),
        seldom if seldom < 0.81 => spread(at, 10, 1.0 / 3_600.0, 1.0 / 60.0),
        _ => spread(at, 10, 1.0 / 60.0, 200.0),
    }
}

/// Calls a second, each magnitude alike.
fn busy_rate(at: usize) -> f64 {
    spread(at, 10, 0.01, 200.0)
}

/// A day of a function of 5 ms to 5 s, no minute like the other. One that is called less than once a minute is idle in between.
fn minutes(at: usize, rate: f64) -> FunctionWindow {
    let each = spread(at, 11, 0.005, 5.0);
    let calls = |minute: u32| {
        let swing = 0.5 + uniform_sample(at, u64::from(minute) + 100);
        let runs = uniform_sample(at, u64::from(minute) + 5_000) < rate * 60.0;
        if runs {
            (rate * 60.0).max(1.0) * swing
        } else {
            0.0
        }
    };
    let active = (0..MINUTES)
        .map(|minute| MinuteConcurrency {
            minute: i64::from(minute),
            concurrency: ratio(calls(minute) / 60.0 * each),
        })
        .filter(|one| !one.concurrency.is_zero());
    let invocations = requests(rate * 86_400.0);
    let cold = |count| ColdStarts {
        count: requests(count),
        over: seconds(86_400.0),
        method: Method::ConcurrencyColdStarts,
    };
    FunctionWindow {
        minutes: MINUTES,
        invocations,
        duration: invocations.total_time(seconds(each)),
        ready: Seconds::ZERO,
        concurrency_peak: Some(10),
        concurrency: Concurrency::over(active, i64::from(MINUTES) - 1, MINUTES),
        cold_starts: Some(Range {
            low: cold(300.0),
            point: cold(200.0),
            high: cold(150.0),
        }),
        pattern: None,
    }
}

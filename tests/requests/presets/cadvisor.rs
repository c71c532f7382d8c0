//! What cAdvisor counts of the same history: processor time, memory, and how containers are held back.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use breakeven::sources::prometheus::Queries;
use breakeven::sources::usage::{CadvisorSettings, CadvisorSource};
use breakeven::sources::{Poll, Reason};
use breakeven_model::inventory::{Observation, PodKey, Throttling, Usage};

use super::history::{LENGTH, Process, Workload, workloads};
use super::{TOLERANCE, at, settings};
use crate::support::prometheus::Prometheus;

/// Core-seconds of a request, and what a process computes without any.
const EACH: f64 = 0.02;
const IDLE: f64 = 0.05;

/// Bytes of the working set of a process.
const BYTES: u64 = 268_435_456;

/// The part of the periods in which those of web are held back; the others have no limit.
const CPU_THROTTLED: f64 = 0.3;

/// The series of every process, in the shape of cAdvisor in a kubelet with containerd.
pub(crate) fn openmetrics(workloads: &[Workload]) -> String {
    let mut text = String::new();
    for workload in workloads {
        for (number, process) in workload.processes.iter().enumerate() {
            of_process(&mut text, workload, process, number);
        }
    }
    text.push_str("# EOF\n");
    text
}

fn of_process(text: &mut String, workload: &Workload, process: &Process, number: usize) {
    let pod = &process.pod;
    let slice =
        format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod}.slice");
    let of_pod = format!("namespace=\"shop\",pod=\"{pod}\",id=\"{slice}\"");
    let scope = format!("{slice}/cri-containerd-{number}.scope");
    let of_container = |job: &str| {
        format!(
            "namespace=\"shop\",pod=\"{pod}\",id=\"{scope}\",container=\"app\",\
             image=\"registry.example.com/app:1\",name=\"{number}\",job=\"{job}\""
        )
    };
    let resource = format!("namespace=\"shop\",pod=\"{pod}\",container=\"app\"");
    let sandbox = format!(
        "namespace=\"shop\",pod=\"{pod}\",id=\"{slice}/pause.scope\",container=\"POD\",image=\"pause:3.10\""
    );
    for (at_ms, requests) in workload.scraped(process) {
        let age = at_ms as f64 / 1_000.0 - process.began() as f64;
        let cpu = requests as f64 * EACH + age * IDLE;
        let at = format!("{}.{:03}", at_ms / 1_000, at_ms % 1_000);
        let mut line = |metric: &str, labels: &str, value: f64| {
            writeln!(text, "container_{metric}{{{labels}}} {value} {at}").unwrap();
        };
        // Two jobs scrape the same container; the pod, its sandbox and /metrics/resource have series of the same name.
        for labels in [
            &of_container("kubelet"),
            &of_container("again"),
            &of_pod,
            &resource,
            &sandbox,
        ] {
            line("cpu_usage_seconds_total", labels, cpu);
            line("memory_working_set_bytes", labels, BYTES as f64);
        }
        if workload.name == "web" {
            let labels = of_container("kubelet");
            let periods = (age * 10.0).floor();
            let cpu_throttling = (periods * CPU_THROTTLED).floor();
            line("cpu_cfs_periods_total", &labels, periods);
            line("cpu_cfs_throttled_periods_total", &labels, cpu_throttling);
            line(
                "cpu_cfs_throttled_seconds_total",
                &labels,
                cpu_throttling * 0.04,
            );
        }
    }
}

fn source(prometheus: &Prometheus, window: u64) -> CadvisorSource {
    let server = settings(prometheus, Queries::Auto);
    let settings = CadvisorSettings {
        window: Duration::from_secs(window),
        delay: Duration::from_secs(60),
        reach: Duration::from_secs(3_600),
    };
    CadvisorSource::new(settings, &server).unwrap()
}

async fn poll(source: &mut CadvisorSource, second: i64) -> Option<Usage> {
    let observed = source.poll(at(second)).await.unwrap();
    let mut observed = observed.into_iter();
    match (observed.next(), observed.next()) {
        (Some(Observation::Usage(usage)), None) => Some(usage),
        (None, None) => None,
        other => panic!("{other:?}"),
    }
}

fn of<'a>(workloads: &'a [Workload], pod: &PodKey) -> &'a Workload {
    let is = |workload: &&Workload| pod.name.starts_with(workload.name);
    workloads.iter().find(is).unwrap()
}

pub(super) async fn what_pods_used_is_counted_and_how_they_are_held_back(prometheus: &Prometheus) {
    let workloads = workloads();
    let window = 120;
    let mut source = source(prometheus, 120);
    let first = poll(&mut source, 300).await.unwrap();
    assert_eq!(first.pods.len(), 7, "the present is known at once");
    assert!(
        first.counted.is_empty(),
        "and nothing is counted that began before"
    );
    let app = &first.pods.values().next().unwrap().containers[0];
    assert_eq!((&*app.name, app.request.memory.mib()), ("app", 256.0));

    let mut used: BTreeMap<&str, (f64, Throttling)> = BTreeMap::new();
    let (mut from, mut to) = (i64::MAX, i64::MIN);
    // Not always in time: the windows that were missed come together.
    let polls = (315..LENGTH)
        .step_by(15)
        .filter(|second| second / 1_000 % 3 != 1);
    for second in polls {
        let Some(usage) = poll(&mut source, second).await else {
            continue;
        };
        for one in usage.counted {
            from = from.min(one.window.start().as_second());
            to = to.max(one.window.end().as_second());
            assert_eq!(one.window.length().seconds(), f64::from(window));
            let sum = used.entry(of(&workloads, &one.pod).name).or_default();
            sum.0 += one.processor.core_seconds();
            assert_eq!(one.throttling.is_some(), one.pod.name.starts_with("web"));
            sum.1 += one.throttling.unwrap_or_default();
        }
    }
    assert!(to - from > LENGTH - 1_200, "{from} to {to}");
    for workload in &workloads {
        let truth = workload.served(from, to) * EACH + workload.lived(from, to) * IDLE;
        let (found, throttling) = used[workload.name];
        let error = found / truth - 1.0;
        assert!(
            error.abs() < TOLERANCE,
            "{}: {found} is {error} off {truth}",
            workload.name
        );
        if workload.name == "web" {
            let ratio = throttling.ratio().unwrap().get();
            assert!((ratio / CPU_THROTTLED - 1.0).abs() < TOLERANCE, "{ratio}");
            let each = throttling.time.seconds() / throttling.throttled.periods();
            assert!((each / 0.04 - 1.0).abs() < TOLERANCE, "{each}");
            let periods = throttling.periods.periods();
            let error = periods / (workload.lived(from, to) * 10.0) - 1.0;
            assert!(error.abs() < TOLERANCE, "{periods}: {error}");
        }
    }
    assert!(
        source.discarded().snapshot().is_empty(),
        "{:?}",
        source.discarded().snapshot()
    );

    // Windows that hold one sample at most say nothing, and that is said.
    let mut short = self::source(prometheus, 30);
    let error = short.poll(at(3_000)).await.unwrap_err();
    assert_eq!(error.reason(), Reason::NotFound);
    assert!(
        error
            .to_string()
            .ends_with("or raise kubernetes.usage_window_seconds to twice its interval"),
        "{error}"
    );
}

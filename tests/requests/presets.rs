//! Each preset against a real Prometheus (the Debian package) that holds series in exactly the shape of each program:
//! what is counted is what was served, while pods restart, are added and go. And the same of what cAdvisor counts.

mod annotation_queries;
mod cadvisor;
mod history;
mod preset_detection;
mod promql_templates;
mod weeks;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::support::prometheus::{Prometheus, installed};
use crate::support::run;
use breakeven::config;
use breakeven::engine::Engine;
use breakeven::sources::Poll;
use breakeven::sources::prometheus::{Preset, Queries, RequestsSource, Settings};
use breakeven_model::inputs::Evidence;
use breakeven_model::inventory::{
    CapacityType, Cluster, Node, Observation, OriginChoice, Provider, Resources, RouteRule,
    Service, ServiceRouting, WorkloadId, WorkloadKind,
};
use breakeven_model::{Outcome, Report, WorkloadRef, WorkloadReport};
use history::{LENGTH, START, Workload, workloads};
use jiff::Timestamp;

/// How far a count may be from the truth.
const TOLERANCE: f64 = 0.005;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

/// A Prometheus that has scraped the workloads.
async fn prometheus() -> Option<Prometheus> {
    let (prometheus, promtool) = (installed("prometheus")?, installed("promtool")?);
    let text = promql_templates::openmetrics(&workloads());
    let text = text.replace("# EOF\n", &cadvisor::openmetrics(&workloads()));
    let fill = |data: &Path| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let mut command = Command::new(promtool);
        command
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([file.path(), data]);
        run(&mut command);
    };
    Some(Prometheus::over(&prometheus, fill).await)
}

fn id(workload: &Workload) -> WorkloadId {
    WorkloadId {
        namespace: "shop".into(),
        kind: WorkloadKind::from(workload.kind),
        name: workload.name.into(),
    }
}

/// The cluster at the end, as the Kubernetes API shows it.
fn cluster(workloads: &[Workload]) -> Cluster {
    let service = |workload: &Workload| Service {
        namespace: "shop".into(),
        name: workload.name.into(),
        ports: vec!["http".into(), "80".into()],
        workloads: vec![(id(workload), 2)],
    };
    let rule = |name: &str, rule, service: &str| RouteRule {
        namespace: "shop".into(),
        name: name.into(),
        rule,
        backends: vec![("shop".into(), service.into(), 1)],
    };
    let last = |workload: &Workload| {
        crate::support::pod_of(id(workload), &workload.processes.last().unwrap().pod)
    };
    Cluster {
        at: at(LENGTH + 90),
        nodes: vec![Arc::new(Node {
            name: "n".into(),
            provider: Provider::Aws,
            instance_type: Some("m5.large".into()),
            region: Some("us-east-1".into()),
            zone: None,
            capacity_type: CapacityType::OnDemand,
            capacity: Resources::default(),
            allocatable: Resources::default(),
            labels: Default::default(),
        })],
        pods: workloads.iter().map(last).collect(),
        service_routing: ServiceRouting {
            services: workloads.iter().map(service).collect(),
            routes: vec![
                rule("entry", 0, "web"),
                rule("entry", 1, "api"),
                rule("events", 0, "queue"),
            ],
            ..ServiceRouting::default()
        },
        ..Cluster::default()
    }
}

fn settings(prometheus: &Prometheus, queries: Queries) -> Settings {
    Settings {
        backfill: Duration::from_secs(LENGTH.unsigned_abs()),
        ..Settings::new(prometheus.url(), queries)
    }
}

fn report_of<'a>(report: &'a Report, workload: &Workload) -> &'a WorkloadReport {
    let workload_report = WorkloadRef::Kubernetes(id(workload));
    let found = report
        .workloads
        .iter()
        .find(|one| one.workload == workload_report);
    found.unwrap_or_else(|| panic!("{} is missing", workload.name))
}

fn served_in(workload: &WorkloadReport) -> f64 {
    let [(Outcome::Served, counted)] = workload.requests_total[..] else {
        panic!("{}: {:?}", workload.workload, workload.requests_total);
    };
    counted.requests()
}

#[tokio::test]
async fn what_is_counted_is_what_was_served() {
    let Some(prometheus) = prometheus().await else {
        return;
    };
    for preset in Preset::ALL {
        a_preset_counts_what_was_served(&prometheus, *preset).await;
    }
    annotation_queries::an_annotation_counts_its_workload_alone_and_fails_alone(&prometheus).await;
    weeks::hours_before_the_window_are_read_once(&prometheus).await;
    cadvisor::what_pods_used_is_counted_and_how_they_are_held_back(&prometheus).await;
}

async fn a_preset_counts_what_was_served(prometheus: &Prometheus, preset: Preset) {
    let workloads = workloads();
    let (_, config) = config::parse("").unwrap();
    let settings = settings(prometheus, Queries::Preset(preset));
    let mut source = RequestsSource::new(&settings).unwrap();
    let mut engine = Engine::new(at(0), config.model, config.prices, config.limits);
    engine.observe(Observation::Cluster(cluster(&workloads)));
    for observation in source.poll(at(LENGTH + 90)).await.unwrap() {
        engine.observe(observation);
    }
    let report = engine.report(at(LENGTH + 90));
    let origin = report.requests.as_ref().unwrap();
    assert_eq!(origin.name.as_deref(), Some(preset.as_str()));
    assert_eq!(origin.choice, OriginChoice::Configured);
    for workload in &workloads {
        let what = format!("{} of {}", workload.name, preset.as_str());
        let workload_report = report_of(&report, workload);
        let error = served_in(workload_report) / workload.served(START, START + LENGTH) - 1.0;
        assert!(error.abs() < TOLERANCE, "{what}: {error}");
        let Evidence::Workload(evidence) = &workload_report.assessment.evidence else {
            panic!("{what}: {:?}", workload_report.assessment.evidence);
        };
        let latency = evidence.window.traffic.unwrap().mean_latency().unwrap();
        let error = latency.seconds() / workload.latency - 1.0;
        assert!(error.abs() < TOLERANCE, "{what}: {latency:?}");
    }
}

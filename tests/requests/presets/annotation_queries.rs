//! Workloads whose annotations say how they are counted, beside a preset that counts them too.

use std::collections::BTreeMap;
use std::sync::Arc;

use breakeven::engine::Engine;
use breakeven::sources::Poll;
use breakeven::sources::prometheus::{AnnotationQuery, Preset, Queries, RequestsSource};
use breakeven_model::inventory::{Cluster, DedicatedTraffic, Observation, WorkloadAnnotations};

use super::history::{LENGTH, START, workloads};
use super::{TOLERANCE, at, cluster, config, id, report_of, served_in, settings};
use crate::support::prometheus::Prometheus;

fn annotated(queries: &[(usize, &str)]) -> Cluster {
    let workloads = workloads();
    let notes = queries.iter().map(|(index, query)| {
        let notes = WorkloadAnnotations {
            requests_query: Some((*query).into()),
            ..WorkloadAnnotations::default()
        };
        (id(&workloads[*index]), Arc::new(notes))
    });
    Cluster {
        annotations: notes.collect(),
        ..cluster(&workloads)
    }
}

async fn poll(source: &mut RequestsSource, second: i64) -> Vec<Observation> {
    source.poll(at(second)).await.unwrap()
}

fn own(observations: &[Observation]) -> &DedicatedTraffic {
    let own = observations.iter().find_map(|one| match one {
        Observation::DedicatedTraffic(own) => Some(own),
        _ => None,
    });
    own.unwrap()
}

/// Half of its requests are of one kind, as far as this annotation is concerned.
const HALF: &str = "increase(http_requests_total{pod=~\"api-.*\"}[$window]) / 2";
/// It cannot be evaluated: several series fit one.
const BROKEN: &str = "increase(http_requests_total[$window]) * on (namespace) increase(http_requests_total[$window])";

pub(super) async fn an_annotation_counts_its_workload_alone_and_fails_alone(
    prometheus: &Prometheus,
) {
    let queries = AnnotationQuery::default();
    let settings = settings(prometheus, Queries::Preset(Preset::Http));
    let mut source = RequestsSource::with(&settings, &queries).unwrap();
    let cluster = annotated(&[(1, HALF), (2, BROKEN)]);
    queries.on_snapshot(&cluster);
    let (_, config) = config::parse("").unwrap();
    let mut engine = Engine::new(at(0), config.model, config.prices, config.limits);
    engine.observe(Observation::Cluster(cluster));
    let observations = poll(&mut source, LENGTH + 90).await;
    let failures: BTreeMap<&str, bool> = own(&observations)
        .workloads
        .iter()
        .map(|(id, one)| (&*id.name, one.failure.is_some()))
        .collect();
    assert_eq!(failures, BTreeMap::from([("api", false), ("queue", true)]));
    assert_eq!(source.discarded().snapshot()["own_query_failed"], 1);
    for observation in observations {
        engine.observe(observation);
    }
    let report = engine.report(at(LENGTH + 90));
    for (workload, part, by) in [(0, 1.0, "http"), (1, 0.5, "annotation")] {
        let workload = &workloads()[workload];
        let workload_report = report_of(&report, workload);
        let truth = part * workload.served(START, START + LENGTH);
        let error = served_in(workload_report) / truth - 1.0;
        assert!(error.abs() < TOLERANCE, "{}: {error}", workload.name);
        assert_eq!(workload_report.facts.requests_by.as_deref(), Some(by));
        assert_eq!(workload_report.facts.query_failure, None);
    }
    let queue = report_of(&report, &workloads()[2]);
    assert!(
        queue.requests_total.is_empty(),
        "{:?}",
        queue.requests_total
    );
    let failure = queue.facts.query_failure.as_deref().unwrap();
    assert!(failure.contains("status 422"), "{failure}");

    // Each step is read once, and a query that is gone is asked no more.
    queries.on_snapshot(&annotated(&[(1, HALF)]));
    let observations = poll(&mut source, LENGTH + 400).await;
    let api = &own(&observations).workloads[&id(&workloads()[1])];
    assert_eq!(api.covered.len(), 1);
    assert_eq!(api.covered[0].start(), at(LENGTH));
    assert_eq!(own(&observations).workloads.len(), 1);
}

//! The usage source.

use std::collections::BTreeMap;
use std::time::Duration;

use breakeven::sources::usage::MetricsApi;
use breakeven::sources::{Poll, Reason, Schedule, Source, SourceStatuses, poll_forever};
use breakeven_clock::Clock;
use breakeven_model::inventory::{Observation, Usage};
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud};
use tokio::time::timeout;

use crate::agent::{PATIENCE, any_port, cloud_at, connection, context};

async fn usage(cloud: &SimulatedCloud) -> (MetricsApi, SourceStatuses, tempfile::NamedTempFile) {
    let (connection, file) = connection(&cloud.kubeconfig());
    let statuses = SourceStatuses::default();
    (
        MetricsApi::new(connection, statuses.clone()),
        statuses,
        file,
    )
}

fn of_checkout(usage: &Usage) -> Vec<(f64, f64)> {
    let pods = usage.pods.iter();
    pods.filter(|(key, _)| key.name.starts_with("checkout-"))
        .flat_map(|(_, pod)| &pod.containers)
        .map(|container| {
            (
                container.request.cpu.cores(),
                container.request.memory.mib(),
            )
        })
        .collect()
}

#[tokio::test]
async fn the_usage_of_every_pod_is_what_the_world_says() {
    let cloud = cloud_at(any_port()).await;
    let (mut api, statuses, _file) = usage(&cloud).await;
    let now = Clock::system().now();
    let observed = api.poll(now).await.unwrap();
    let [Observation::Usage(usage)] = observed.as_slice() else {
        panic!("{observed:?}");
    };
    assert_eq!((usage.at, usage.pods.len()), (now, 7));
    assert_eq!(of_checkout(usage), [(0.01, 180.0); 3]);
    for pod in usage.pods.values() {
        assert_eq!(pod.window.seconds(), 15.0);
        assert!(now.duration_since(pod.at).as_secs() <= 16, "{}", pod.at);
    }
    assert!(statuses.snapshot().is_empty());
}

#[tokio::test]
async fn every_failure_of_the_metrics_api_is_said_with_what_to_do() {
    let cloud = cloud_at(any_port()).await;
    let (mut api, _, _file) = usage(&cloud).await;
    let status = |code| Fault::Status {
        code,
        retry_after: None,
    };
    for (fault, reason, text) in [
        (
            status(404),
            Reason::NotFound,
            "; install metrics-server, or another that serves metrics.k8s.io; costs are split by requests alone until then",
        ),
        (
            status(503),
            Reason::ServerError,
            "; look at the APIService v1beta1.metrics.k8s.io and at metrics-server",
        ),
        (
            Fault::Unauthorized,
            Reason::Unauthorized,
            "; check the token or the certificate",
        ),
        (
            Fault::Forbidden,
            Reason::Forbidden,
            "; grant get and list on pods.metrics.k8s.io to the service account",
        ),
        (Fault::Throttle, Reason::Throttled, "it answered 429"),
        (status(500), Reason::ServerError, "it answered 500"),
        (
            Fault::Garbage,
            Reason::InvalidResponse,
            "the answer is not understood",
        ),
        (
            Fault::Truncate,
            Reason::Connect,
            "cannot list pods.metrics.k8s.io",
        ),
        (
            Fault::Cut,
            Reason::Connect,
            "cannot list pods.metrics.k8s.io",
        ),
    ] {
        let rule = FaultRule::always(Endpoint::MetricsApi, fault.clone());
        cloud.faults().replace(vec![rule]);
        let error = api.poll(Clock::system().now()).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{fault:?}: {error}");
        assert!(error.to_string().contains(text), "{fault:?}: {error}");
        assert!(error.to_string().contains(&cloud.kube_url()), "{error}");
        cloud.faults().clear();
        assert!(
            api.poll(Clock::system().now()).await.is_ok(),
            "after {fault:?}"
        );
    }
}

#[tokio::test]
async fn a_metrics_api_that_hangs_is_given_up_and_asked_again() {
    let cloud = cloud_at(any_port()).await;
    let hanging = FaultRule::always(Endpoint::MetricsApi, Fault::Hang);
    cloud.faults().add(hanging.times(1));
    let (api, _, _file) = usage(&cloud).await;
    let (context, mut seen, statuses) = context();
    let schedule = Schedule {
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(3),
        longest_pause: Duration::from_millis(100),
    };
    let task = tokio::spawn(poll_forever(api, schedule, context));
    let observed = timeout(PATIENCE, seen.recv()).await.unwrap();
    assert!(matches!(observed, Some(Observation::Usage(_))));
    assert_eq!(
        statuses.snapshot()[&Source::Usage.into()].errors,
        BTreeMap::from([(Reason::Timeout, 1)])
    );
    seen.close();
    timeout(PATIENCE, task).await.unwrap().unwrap();
}

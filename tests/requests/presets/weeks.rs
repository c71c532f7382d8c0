//! What was served before the decision window, hour by hour.

use std::collections::BTreeMap;
use std::time::Duration;

use breakeven::sources::Poll;
use breakeven::sources::prometheus::{Preset, Queries, RequestsSource, Settings};
use breakeven_model::inventory::{Observation, RequestTarget, Traffic};

use super::history::{LENGTH, START, workloads};
use super::{TOLERANCE, at};
use crate::support::prometheus::Prometheus;

/// Of six hours the first is left out, the last is read in steps, and the four between by the hour.
pub(crate) async fn hours_before_the_window_are_read_once(prometheus: &Prometheus) {
    let settings = Settings {
        backfill: Duration::from_secs(3_600),
        history: Duration::from_secs(27 * 86_400),
        ..Settings::new(prometheus.url(), Queries::Preset(Preset::Istio))
    };
    let mut source = RequestsSource::new(&settings).unwrap();
    let read = traffic(source.poll(at(LENGTH + 90)).await.unwrap());
    let [history, recent] = read.as_slice() else {
        panic!("{read:?}")
    };
    let (history_of, recent_of) = (history.covered.unwrap(), recent.covered.unwrap());
    // Nobody was counted before, and the first hour may not be whole.
    assert_eq!(history_of.start(), at(3_600));
    assert_eq!(history_of.end(), at(LENGTH - 3_600));
    assert_eq!(
        (recent_of.start(), recent_of.end()),
        (at(LENGTH - 3_600), at(LENGTH))
    );
    let mut served: BTreeMap<String, f64> = BTreeMap::new();
    for step in &history.steps {
        assert_eq!(step.window.length().seconds(), 3_600.0);
        let RequestTarget::Workload { name, .. } = &step.target else {
            panic!("{step:?}")
        };
        *served.entry(name.to_string()).or_default() += step.requests.requests();
    }
    for workload in workloads() {
        let truth = workload.served(START + 3_600, START + LENGTH - 3_600);
        let error = served[workload.name] / truth - 1.0;
        assert!(error.abs() < TOLERANCE, "{}: {error}", workload.name);
    }
    let next = traffic(source.poll(at(LENGTH + 390)).await.unwrap());
    let [next] = next.as_slice() else {
        panic!("the history was read again: {next:?}")
    };
    assert_eq!(next.covered.unwrap().start(), at(LENGTH));
}

fn traffic(observations: Vec<Observation>) -> Vec<Traffic> {
    let traffic = observations.into_iter().filter_map(|one| match one {
        Observation::Traffic(traffic) => Some(traffic),
        _ => None,
    });
    traffic.collect()
}

//! Workloads as one meets them, and what they are told.

use std::collections::BTreeSet;

use super::*;
use crate::model::fixtures::{ratio, seconds};

fn requests(count: f64) -> Option<Requests> {
    Requests::from_requests(count).ok()
}

fn rules(facts: &Facts) -> Vec<&'static str> {
    advise(facts).iter().map(|advice| advice.rule).collect()
}

/// Workloads as one meets them, and the rules that they fire, in order.
fn cases() -> Vec<(Facts, Vec<&'static str>)> {
    let none = Facts::default;
    let of = |kind: WorkloadKind| Facts {
        kind: Some(kind),
        ..none()
    };
    let shaped = |pattern: Pattern| Facts {
        pattern: Some(pattern),
        ..none()
    };
    vec![
        (none(), vec![]),
        (of(WorkloadKind::Deployment), vec![]),
        // What leaves no choice.
        (
            Facts {
                gpu: true,
                ..none()
            },
            vec!["gpu"],
        ),
        (
            Facts {
                memory: Gib::from_gib(10.5).ok(),
                ..none()
            },
            vec!["memory"],
        ),
        (
            Facts {
                memory: Gib::from_gib(10.0).ok(),
                ..none()
            },
            vec![],
        ),
        (
            Facts {
                longest_duration: Some(seconds(901.0)),
                ..none()
            },
            vec!["long_running"],
        ),
        (
            Facts {
                longest_duration: Some(seconds(900.0)),
                ..none()
            },
            vec![],
        ),
        (of(WorkloadKind::DaemonSet), vec!["node_agent"]),
        (of(WorkloadKind::StatefulSet), vec!["stateful"]),
        (
            Facts {
                stateful: true,
                ..of(WorkloadKind::Deployment)
            },
            vec!["stateful"],
        ),
        // Batch, with and without its length.
        (
            Facts {
                longest_duration: Some(seconds(3_600.0)),
                ..of(WorkloadKind::Job)
            },
            vec!["long_batch"],
        ),
        (
            Facts {
                longest_duration: Some(seconds(240.0)),
                ..of(WorkloadKind::CronJob)
            },
            vec!["short_batch"],
        ),
        (of(WorkloadKind::CronJob), vec![]),
        // Latency.
        (
            Facts {
                latency_objective: Some(seconds(0.1)),
                ..none()
            },
            vec!["latency_critical"],
        ),
        (
            Facts {
                latency_objective: Some(seconds(0.3)),
                ..none()
            },
            vec![],
        ),
        // Traffic.
        (
            Facts {
                monthly_requests: requests(60e6),
                ..shaped(Pattern::Steady)
            },
            vec!["steady_high_throughput"],
        ),
        (
            Facts {
                monthly_requests: requests(60e6),
                ..shaped(Pattern::Diurnal)
            },
            vec!["steady_high_throughput", "diurnal"],
        ),
        (
            Facts {
                monthly_requests: requests(60e6),
                ..shaped(Pattern::Bursty)
            },
            vec!["spiky"],
        ),
        (shaped(Pattern::Steady), vec![]),
        (
            Facts {
                monthly_requests: requests(3_000.0),
                ..shaped(Pattern::Sporadic)
            },
            vec!["sporadic", "low_traffic"],
        ),
        (shaped(Pattern::TimerLike), vec!["scheduled"]),
        (
            Facts {
                longest_duration: Some(seconds(1_200.0)),
                ..shaped(Pattern::TimerLike)
            },
            vec!["long_running"],
        ),
        (
            Facts {
                event_driven: true,
                ..none()
            },
            vec!["event_driven"],
        ),
        // How much of the cluster's cost is used.
        (
            Facts {
                utilization: Some(ratio(0.5)),
                ..none()
            },
            vec!["well_used"],
        ),
        (
            Facts {
                utilization: Some(ratio(0.3)),
                ..none()
            },
            vec![],
        ),
        (
            Facts {
                utilization: Some(ratio(0.05)),
                ..none()
            },
            vec!["hardly_used"],
        ),
        // A checkout that must be quick, and is hardly asked: both sides are heard.
        (
            Facts {
                latency_objective: Some(seconds(0.15)),
                utilization: Some(ratio(0.04)),
                monthly_requests: requests(200_000.0),
                ..shaped(Pattern::Diurnal)
            },
            vec!["latency_critical", "low_traffic", "hardly_used", "diurnal"],
        ),
    ]
}

#[test]
fn each_workload_gets_the_advice_that_fits_it() {
    for (facts, expected) in cases() {
        assert_eq!(rules(&facts), expected, "{facts:?}");
    }
}

#[test]
fn every_rule_can_fire() {
    let fired: BTreeSet<&str> = cases().iter().flat_map(|(facts, _)| rules(facts)).collect();
    let all: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(fired, all);
    assert_eq!(all.len(), RULES.len(), "a name is there twice");
}

#[test]
fn what_leaves_no_choice_comes_first_and_always_speaks_for_the_cluster() {
    let decisive = RULES.iter().take_while(|rule| rule.decisive).count();
    assert!(RULES[decisive..].iter().all(|rule| !rule.decisive));
    let cluster = |rule: &Rule| rule.favours == Home::Kubernetes;
    assert!(decisive > 0 && RULES[..decisive].iter().all(cluster));
}

#[test]
fn a_reason_is_made_of_whole_sentences() {
    for rule in RULES {
        let begins = rule
            .reason
            .starts_with(|first: char| first.is_ascii_uppercase());
        let single_spaced = !rule.reason.contains("  ");
        assert!(
            begins && single_spaced && rule.reason.ends_with('.'),
            "{rule:?}"
        );
    }
}

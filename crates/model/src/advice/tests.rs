//! Workloads as one meets them, and what they are told.

use std::collections::BTreeSet;

use super::*;
use crate::test_util::{ratio, seconds};

fn requests(count: f64) -> Option<Requests> {
    Requests::from_requests(count).ok()
}

fn usd(amount: f64) -> Option<Usd> {
    Usd::from_usd(amount).ok()
}

fn provisioned(break_even: Option<f64>) -> Option<ProvisionedConcurrency> {
    Some(ProvisionedConcurrency {
        region: "eu-central-1".into(),
        break_even: break_even.map(ratio),
        is_configured: true,
    })
}

fn reason(facts: &AdviceInputs, rule: &str) -> String {
    let mut all = advise(facts).into_iter();
    let advice = all.find(|advice| advice.rule == rule);
    advice.map_or_else(String::new, |advice| advice.reason.into_owned())
}

fn rules(facts: &AdviceInputs) -> Vec<&'static str> {
    advise(facts).iter().map(|advice| advice.rule).collect()
}

/// Workloads as one meets them, and the rules that they fire, in order.
#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<(AdviceInputs, Vec<&'static str>)> {
    let none = AdviceInputs::default;
    let of = |kind: WorkloadKind| AdviceInputs {
        kind: Some(kind),
        ..none()
    };
    let shaped = |pattern: TrafficPattern| AdviceInputs {
        pattern: Some(pattern),
        ..none()
    };
    vec![
        (none(), vec![]),
        (of(WorkloadKind::Deployment), vec![]),
        // What leaves no choice.
        (
            AdviceInputs {
                gpu: true,
                ..none()
            },
            vec!["gpu"],
        ),
        (
            AdviceInputs {
                memory: Gib::from_gib(10.5).ok(),
                ..none()
            },
            vec!["memory"],
        ),
        (
            AdviceInputs {
                memory: Gib::from_gib(10.0).ok(),
                ..none()
            },
            vec![],
        ),
        (
            AdviceInputs {
                longest_duration: Some(seconds(901.0)),
                ..none()
            },
            vec!["long_running"],
        ),
        (
            AdviceInputs {
                longest_duration: Some(seconds(900.0)),
                ..none()
            },
            vec![],
        ),
        (of(WorkloadKind::DaemonSet), vec!["node_agent"]),
        (of(WorkloadKind::StatefulSet), vec!["stateful"]),
        (
            AdviceInputs {
                stateful: true,
                ..of(WorkloadKind::Deployment)
            },
            vec!["stateful"],
        ),
        // Batch, with and without its length.
        (
            AdviceInputs {
                longest_duration: Some(seconds(3_600.0)),
                ..of(WorkloadKind::Job)
            },
            vec!["long_batch"],
        ),
        (
            AdviceInputs {
                longest_duration: Some(seconds(240.0)),
                ..of(WorkloadKind::CronJob)
            },
            vec!["short_batch"],
        ),
        (of(WorkloadKind::CronJob), vec![]),
        // Latency.
        (
            AdviceInputs {
                latency_objective: Some(seconds(0.1)),
                ..none()
            },
            vec!["latency_critical"],
        ),
        (
            AdviceInputs {
                latency_objective: Some(seconds(0.3)),
                ..none()
            },
            vec![],
        ),
        // Traffic.
        (
            AdviceInputs {
                monthly_requests: requests(60e6),
                ..shaped(TrafficPattern::Steady)
            },
            vec!["steady_high_throughput"],
        ),
        (
            AdviceInputs {
                monthly_requests: requests(60e6),
                ..shaped(TrafficPattern::Diurnal)
            },
            vec!["steady_high_throughput", "diurnal"],
        ),
        (
            AdviceInputs {
                monthly_requests: requests(60e6),
                ..shaped(TrafficPattern::Bursty)
            },
            vec!["spiky"],
        ),
        (shaped(TrafficPattern::Steady), vec![]),
        (
            AdviceInputs {
                monthly_requests: requests(3_000.0),
                cost_on_lambda: usd(0.01),
                ..shaped(TrafficPattern::Sporadic)
            },
            vec!["sporadic", "low_traffic"],
        ),
        (shaped(TrafficPattern::TimerLike), vec!["scheduled"]),
        (
            AdviceInputs {
                longest_duration: Some(seconds(1_200.0)),
                ..shaped(TrafficPattern::TimerLike)
            },
            vec!["long_running"],
        ),
        (
            AdviceInputs {
                event_driven: true,
                ..none()
            },
            vec!["event_driven"],
        ),
        // How much of the cluster's cost is used.
        (
            AdviceInputs {
                utilization: Some(ratio(0.5)),
                ..none()
            },
            vec!["well_used"],
        ),
        (
            AdviceInputs {
                utilization: Some(ratio(0.3)),
                ..none()
            },
            vec![],
        ),
        (
            AdviceInputs {
                utilization: Some(ratio(0.05)),
                ..none()
            },
            vec!["hardly_used"],
        ),
        // Provisioned concurrency.
        (
            AdviceInputs {
                provisioned: provisioned(None),
                ..none()
            },
            vec!["provisioned_never_pays"],
        ),
        (
            AdviceInputs {
                provisioned: provisioned(Some(0.8)),
                ..none()
            },
            vec![],
        ),
        // A checkout that must be quick, and is hardly asked: both sides are heard.
        (
            AdviceInputs {
                latency_objective: Some(seconds(0.15)),
                utilization: Some(ratio(0.04)),
                monthly_requests: requests(200_000.0),
                cost_on_lambda: usd(0.30),
                ..shaped(TrafficPattern::Diurnal)
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
    let cluster = |rule: &Rule| rule.favours == Platform::Kubernetes;
    assert!(decisive > 0 && RULES[..decisive].iter().all(cluster));
}

#[test]
fn a_reason_is_made_of_whole_sentences() {
    let facts = [
        AdviceInputs::default(),
        AdviceInputs {
            idle_cost_on_lambda: usd(54.75),
            provisioned: provisioned(None),
            ..AdviceInputs::default()
        },
        AdviceInputs {
            provisioned: provisioned(Some(0.797)),
            ..AdviceInputs::default()
        },
    ];
    for (rule, facts) in RULES
        .iter()
        .flat_map(|rule| facts.iter().map(move |one| (rule, one)))
    {
        let reason = (rule.reason)(facts);
        let begins = reason.starts_with(|first: char| first.is_ascii_uppercase());
        let single_spaced = !reason.contains("  ");
        assert!(
            begins && single_spaced && reason.ends_with('.'),
            "{rule:?}: {reason}"
        );
    }
}

#[test]
fn a_function_that_is_paid_while_idle_is_not_said_to_cost_nothing() {
    for pattern in [TrafficPattern::Sporadic, TrafficPattern::TimerLike] {
        let facts = AdviceInputs {
            pattern: Some(pattern),
            idle_cost_on_lambda: usd(54.75),
            ..AdviceInputs::default()
        };
        let rule = rules(&facts)[0];
        let said = reason(&facts, rule);
        assert!(
            said.contains("54.75 USD a month are paid even without requests"),
            "{said}"
        );
        let free = AdviceInputs {
            idle_cost_on_lambda: usd(0.0),
            ..facts
        };
        let said = reason(&free, rule);
        assert!(
            said.contains("costs nothing meanwhile, unless it has provisioned concurrency"),
            "{said}"
        );
    }
}

#[test]
fn what_is_paid_while_idle_is_named_by_its_components() {
    let said = |components: &[Component]| {
        let facts = AdviceInputs {
            pattern: Some(TrafficPattern::Sporadic),
            idle_cost_on_lambda: usd(54.75),
            idle_components: components.to_vec(),
            ..AdviceInputs::default()
        };
        reason(&facts, "sporadic")
    };
    let instances = said(&[Component::Instances]);
    assert!(
        instances.contains("without requests, for managed instances. A function"),
        "{instances}"
    );
    assert!(!instances.contains("load balancer"), "{instances}");
    let more = [
        Component::Provisioned,
        Component::SnapStart,
        Component::HttpEndpoint,
    ];
    let more = said(&more);
    assert!(
        more.contains("for provisioned concurrency, snapshots (SnapStart) and a load balancer."),
        "{more}"
    );
}

#[test]
fn advice_about_cost_never_contradicts_the_cost_beside_it() {
    let few = AdviceInputs {
        monthly_requests: requests(900_000.0),
        cost_on_lambda: usd(0.95),
        cost_on_kubernetes: usd(18.0),
        ..AdviceInputs::default()
    };
    assert_eq!(rules(&few), ["low_traffic"]);
    assert!(reason(&few, "low_traffic").contains("cost 0.95 USD on Lambda"));
    let many = AdviceInputs {
        pattern: Some(TrafficPattern::Steady),
        monthly_requests: requests(60e6),
        cost_on_lambda: usd(300.0),
        cost_on_kubernetes: usd(60.0),
        ..AdviceInputs::default()
    };
    assert_eq!(rules(&many), ["steady_high_throughput"]);
    let used = |utilization, even| AdviceInputs {
        utilization: Some(ratio(utilization)),
        breakeven_utilization: Some(ratio(even)),
        ..AdviceInputs::default()
    };
    for (facts, expected) in [
        // 92.81 USD are not about a dollar.
        (
            AdviceInputs {
                cost_on_lambda: usd(92.81),
                ..few.clone()
            },
            vec![],
        ),
        (
            AdviceInputs {
                cost_on_kubernetes: usd(0.5),
                ..few.clone()
            },
            vec![],
        ),
        (
            AdviceInputs {
                cost_on_lambda: None,
                ..few
            },
            vec![],
        ),
        (
            AdviceInputs {
                cost_on_lambda: usd(40.0),
                ..many
            },
            vec![],
        ),
        (used(0.6, 0.5), vec!["well_used"]),
        (used(0.6, 0.9), vec![]),
        (used(0.1, 0.3), vec!["hardly_used"]),
        (used(0.1, 0.05), vec![]),
    ] {
        assert_eq!(rules(&facts), expected, "{facts:?}");
    }
}

#[test]
fn the_break_even_of_provisioned_concurrency_is_that_of_the_region() {
    let facts = |break_even| AdviceInputs {
        latency_objective: Some(seconds(0.1)),
        provisioned: provisioned(break_even),
        ..AdviceInputs::default()
    };
    let said = reason(&facts(Some(0.797)), "latency_critical");
    assert!(said.ends_with("in eu-central-1 it costs less than the same work on demand above a utilization of 79.7 %."), "{said}");
    let said = reason(&facts(None), "latency_critical");
    assert!(
        said.ends_with("in eu-central-1 it always costs more than the same work on demand."),
        "{said}"
    );
}

//! The table of rules.

use std::borrow::Cow;

use super::{AdviceInputs, Rule};
use crate::Platform;
use crate::cold_starts::INIT;
use crate::inventory::WorkloadKind;
use crate::lambda::Component;
use crate::traffic_pattern::TrafficPattern;
use crate::units::{MemoryMib, Usd};

/// Much traffic: 20 requests in each second, all month. Requests of 200 ms on 256 MB cost as much on Lambda as two
/// `t3.medium` nodes from 58.8 million in a month on.
const HIGH_TRAFFIC: f64 = 50e6;

/// Little traffic: at this many requests of 200 ms on 256 MB in a month Lambda costs a dollar, and no node does.
const LOW_TRAFFIC: f64 = 1e6;

/// Little cost: what that traffic costs at most, in USD per month.
const LOW_COST: f64 = 2.0;

/// A well used cluster: work that computes costs the same on both at 46 to 49 % of an `m5.large` or `m7g.large`.
const HIGH_UTILIZATION: f64 = 0.5;

/// A hardly used cluster: even work that waits (10 % of its time on a processor, 512 MB, arm64) costs the same on
/// both at 13 %.
const LOW_UTILIZATION: f64 = 0.13;

/// When to choose which, the weightiest first.
pub const RULES: &[Rule] = &[
    Rule {
        name: "gpu",
        favours: Platform::Kubernetes,
        decisive: true,
        reason: |_| Cow::Borrowed("It needs a GPU, and Lambda has none."),
        applies: |facts| facts.gpu,
    },
    Rule {
        name: "memory",
        favours: Platform::Kubernetes,
        decisive: true,
        reason: |_| Cow::Borrowed("It needs more memory than the 10,240 MB that Lambda offers."),
        applies: |facts| {
            facts
                .memory
                .is_some_and(|memory| memory > MemoryMib::MAX.gib())
        },
    },
    Rule {
        name: "long_batch",
        favours: Platform::Kubernetes,
        decisive: true,
        reason: |_| {
            Cow::Borrowed(
                "Its runs take longer than the 15 minutes that Lambda allows. On the cluster a long run can wait for cheap \
                 spot capacity.",
            )
        },
        applies: |facts| facts.is_batch() && facts.is_too_long(),
    },
    Rule {
        name: "long_running",
        favours: Platform::Kubernetes,
        decisive: true,
        reason: |_| {
            Cow::Borrowed(
                "Some of its requests take longer than the 15 minutes that Lambda allows.",
            )
        },
        applies: |facts| !facts.is_batch() && facts.is_too_long(),
    },
    Rule {
        name: "node_agent",
        favours: Platform::Kubernetes,
        decisive: true,
        reason: |_| Cow::Borrowed("It is there for the nodes themselves, one on each."),
        applies: |facts| facts.kind == Some(WorkloadKind::DaemonSet),
    },
    Rule {
        name: "stateful",
        favours: Platform::Kubernetes,
        decisive: true,
        reason: |_| {
            Cow::Borrowed(
                "It keeps state between requests. A Lambda environment may be gone after each of them.",
            )
        },
        applies: AdviceInputs::is_stateful,
    },
    Rule {
        name: "latency_critical",
        favours: Platform::Kubernetes,
        decisive: false,
        reason: latency_critical,
        applies: |facts| {
            facts
                .latency_objective
                .is_some_and(|objective| objective < INIT.point)
        },
    },
    Rule {
        name: "steady_high_throughput",
        favours: Platform::Kubernetes,
        decisive: false,
        reason: |_| {
            Cow::Borrowed(
                "Much traffic at nearly all times keeps nodes busy, and then an hour of a node costs less than the requests it \
                 serves would.",
            )
        },
        applies: |facts| {
            matches!(
                facts.pattern,
                Some(TrafficPattern::Steady | TrafficPattern::Diurnal)
            ) && facts.has_requests(|requests| requests >= HIGH_TRAFFIC)
                && !facts.costs_more_on(Platform::Kubernetes)
        },
    },
    Rule {
        name: "sporadic",
        favours: Platform::Lambda,
        decisive: false,
        reason: |facts| {
            let idle = while_idle(facts);
            Cow::Owned(format!(
                "Most of the time it has no requests. A pod waits and is paid for. {idle}"
            ))
        },
        applies: |facts| facts.is(TrafficPattern::Sporadic),
    },
    Rule {
        name: "spiky",
        favours: Platform::Lambda,
        decisive: false,
        reason: |_| {
            Cow::Borrowed(
                "Bursts far above the mean: the cluster holds pods for the peak, or is late for it. Lambda starts an environment \
                 for each request within a second. Mind the concurrency limit of the account.",
            )
        },
        applies: |facts| facts.is(TrafficPattern::Bursty),
    },
    Rule {
        name: "scheduled",
        favours: Platform::Lambda,
        decisive: false,
        reason: |facts| {
            let idle = while_idle(facts);
            Cow::Owned(format!(
                "It works on a timer and rests between. A schedule can call a function. {idle}"
            ))
        },
        applies: |facts| facts.is(TrafficPattern::TimerLike) && !facts.is_too_long(),
    },
    Rule {
        name: "short_batch",
        favours: Platform::Lambda,
        decisive: false,
        reason: |_| {
            Cow::Borrowed(
                "A job whose runs end within 15 minutes needs no node of its own in the meantime.",
            )
        },
        applies: |facts| {
            facts.is_batch() && facts.longest_duration.is_some() && !facts.is_too_long()
        },
    },
    Rule {
        name: "event_driven",
        favours: Platform::Lambda,
        decisive: false,
        reason: |_| {
            Cow::Borrowed(
                "It is woken by events that AWS can hand to a function itself, with retries and batches. Nobody waits for a \
                 cold start.",
            )
        },
        applies: |facts| facts.event_driven,
    },
    Rule {
        name: "low_traffic",
        favours: Platform::Lambda,
        decisive: false,
        reason: |facts| {
            let month = facts.cost_on_lambda.map_or(0.0, Usd::usd);
            Cow::Owned(format!(
                "Fewer than a million requests in a month, which cost {month:.2} USD on Lambda: less than most pods that are \
                 always there."
            ))
        },
        applies: |facts| {
            let is_little = |cost: Usd| cost.usd() <= LOW_COST;
            facts.has_requests(|requests| requests < LOW_TRAFFIC)
                && facts.cost_on_lambda.is_some_and(is_little)
                && !facts.costs_more_on(Platform::Lambda)
        },
    },
    Rule {
        name: "provisioned_never_pays",
        favours: Platform::Lambda,
        decisive: false,
        reason: |facts| {
            let region = region(facts);
            Cow::Owned(format!(
                "It has provisioned concurrency, which in {region} costs more than the same work on demand, however well it \
                 is used. Without it Lambda costs less, and some requests meet a cold start."
            ))
        },
        applies: |facts| {
            let provisioned = facts.provisioned.as_ref();
            provisioned.is_some_and(|one| one.is_configured && one.break_even.is_none())
        },
    },
    Rule {
        name: "well_used",
        favours: Platform::Kubernetes,
        decisive: false,
        reason: |_| {
            Cow::Borrowed(
                "It uses at least half of what is paid for it in the cluster, more than the utilisation at which even computing \
                 work costs the same on both.",
            )
        },
        applies: |facts| {
            facts.is_used(|utilization| {
                utilization >= HIGH_UTILIZATION
                    && facts
                        .breakeven_utilization
                        .is_none_or(|even| utilization >= even.get())
            })
        },
    },
    Rule {
        name: "hardly_used",
        favours: Platform::Lambda,
        decisive: false,
        reason: |_| {
            Cow::Borrowed(
                "It uses less than 13 % of what is paid for it in the cluster. Smaller requests or fewer replicas would help \
                 there, too.",
            )
        },
        applies: |facts| {
            facts.is_used(|utilization| {
                utilization < LOW_UTILIZATION
                    && facts
                        .breakeven_utilization
                        .is_none_or(|even| utilization < even.get())
            })
        },
    },
    Rule {
        name: "diurnal",
        favours: Platform::Kubernetes,
        decisive: false,
        reason: |_| {
            Cow::Borrowed(
                "A rhythm of the day is slow enough for an autoscaler to follow, so the nights need not be paid for.",
            )
        },
        applies: |facts| facts.is(TrafficPattern::Diurnal),
    },
];

/// The region of the provisioned concurrency.
fn region(facts: &AdviceInputs) -> &str {
    let provisioned = facts.provisioned.as_ref();
    provisioned.map_or("this region", |one| &one.region)
}

fn latency_critical(facts: &AdviceInputs) -> Cow<'static, str> {
    let reason = "It must answer faster than a cold start usually takes. On Lambda that asks for provisioned concurrency, which \
                  is paid while idle, as pods are";
    let Some(provisioned) = &facts.provisioned else {
        return Cow::Owned(format!("{reason}."));
    };
    let region = region(facts);
    Cow::Owned(match provisioned.break_even {
        Some(ratio) => format!(
            "{reason}: in {region} it costs less than the same work on demand above a utilization of {:.1} %.",
            ratio.get() * 100.0
        ),
        None => format!("{reason}: in {region} it always costs more than the same work on demand."),
    })
}

/// What Lambda costs while there are no requests, as a sentence.
fn while_idle(facts: &AdviceInputs) -> String {
    let Some(cost) = facts.idle_cost() else {
        return "A function costs nothing meanwhile, unless it has provisioned concurrency."
            .to_owned();
    };
    let cost = cost.usd();
    let names: Vec<&str> = facts.idle_components.iter().map(configured).collect();
    match names.split_last() {
        None => format!("On Lambda {cost:.2} USD a month are paid even without requests."),
        Some((last, before)) => {
            let names = if before.is_empty() {
                (*last).to_owned()
            } else {
                format!("{} and {last}", before.join(", "))
            };
            format!(
                "On Lambda {cost:.2} USD a month are paid even without requests, for {names}. A function without that \
                 costs nothing meanwhile."
            )
        }
    }
}

/// What is configured if a component of the bill costs something without requests.
const fn configured(component: &Component) -> &'static str {
    match component {
        Component::Provisioned => "provisioned concurrency",
        Component::Instances => "managed instances",
        Component::SnapStart => "snapshots (SnapStart)",
        Component::HttpEndpoint => "a load balancer",
        // These are paid by the request; what is fixed of them is a setting of the account.
        Component::Requests
        | Component::Duration
        | Component::Init
        | Component::Ephemeral
        | Component::Streaming
        | Component::Logs => component.as_str(),
    }
}

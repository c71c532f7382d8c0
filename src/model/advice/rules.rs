//! The table of rules.

use super::{Facts, Rule};
use crate::model::Home;
use crate::model::coldstart::INIT;
use crate::model::pattern::Pattern;
use crate::observation::WorkloadKind;
use crate::units::MemoryMib;

/// Much traffic: 20 requests in each second, all month. Requests of 200 ms on 256 MB cost as much on Lambda as two
/// `t3.medium` nodes from 58.8 million in a month on.
const MUCH_TRAFFIC: f64 = 50e6;

/// Little traffic: at this many requests of 200 ms on 256 MB in a month Lambda costs a dollar, and no node does.
const LITTLE_TRAFFIC: f64 = 1e6;

/// A well used cluster: work that computes costs the same on both at 46 to 49 % of an `m5.large` or `m7g.large`.
const WELL_USED: f64 = 0.5;

/// A hardly used cluster: even work that waits (10 % of its time on a processor, 512 MB, arm64) costs the same on
/// both at 13 %.
const HARDLY_USED: f64 = 0.13;

/// When to choose which, the weightiest first.
pub const RULES: &[Rule] = &[
    Rule {
        name: "gpu",
        favours: Home::Kubernetes,
        decisive: true,
        reason: "It needs a GPU, and Lambda has none.",
        applies: |facts| facts.gpu,
    },
    Rule {
        name: "memory",
        favours: Home::Kubernetes,
        decisive: true,
        reason: "It needs more memory than the 10,240 MB that Lambda offers.",
        applies: |facts| {
            facts
                .memory
                .is_some_and(|memory| memory > MemoryMib::MAX.gib())
        },
    },
    Rule {
        name: "long_batch",
        favours: Home::Kubernetes,
        decisive: true,
        reason: "Its runs take longer than the 15 minutes that Lambda allows. On the cluster a long run can wait for cheap \
                 spot capacity.",
        applies: |facts| facts.is_batch() && facts.is_too_long(),
    },
    Rule {
        name: "long_running",
        favours: Home::Kubernetes,
        decisive: true,
        reason: "Some of its requests take longer than the 15 minutes that Lambda allows.",
        applies: |facts| !facts.is_batch() && facts.is_too_long(),
    },
    Rule {
        name: "node_agent",
        favours: Home::Kubernetes,
        decisive: true,
        reason: "It is there for the nodes themselves, one on each.",
        applies: |facts| facts.kind == Some(WorkloadKind::DaemonSet),
    },
    Rule {
        name: "stateful",
        favours: Home::Kubernetes,
        decisive: true,
        reason: "It keeps state between requests. A Lambda environment may be gone after each of them.",
        applies: Facts::is_stateful,
    },
    Rule {
        name: "latency_critical",
        favours: Home::Kubernetes,
        decisive: false,
        reason: "It must answer faster than a cold start usually takes. On Lambda that asks for provisioned concurrency, which \
                 is paid while idle, as pods are.",
        applies: |facts| {
            facts
                .latency_objective
                .is_some_and(|objective| objective < INIT.point)
        },
    },
    Rule {
        name: "steady_high_throughput",
        favours: Home::Kubernetes,
        decisive: false,
        reason: "Much traffic at nearly all times keeps nodes busy, and then an hour of a node costs less than the requests it \
                 serves would.",
        applies: |facts| {
            matches!(facts.pattern, Some(Pattern::Steady | Pattern::Diurnal))
                && facts.has_requests(|requests| requests >= MUCH_TRAFFIC)
        },
    },
    Rule {
        name: "sporadic",
        favours: Home::Lambda,
        decisive: false,
        reason: "Most of the time nobody asks. A pod waits and is paid for; a function costs nothing meanwhile.",
        applies: |facts| facts.is(Pattern::Sporadic),
    },
    Rule {
        name: "spiky",
        favours: Home::Lambda,
        decisive: false,
        reason: "Bursts far above the mean: the cluster holds pods for the peak, or is late for it. Lambda starts an environment \
                 for each request within a second. Mind the concurrency limit of the account.",
        applies: |facts| facts.is(Pattern::Bursty),
    },
    Rule {
        name: "scheduled",
        favours: Home::Lambda,
        decisive: false,
        reason: "It works on a timer and rests between. A schedule can call a function, which is paid for the run alone.",
        applies: |facts| facts.is(Pattern::TimerLike) && !facts.is_too_long(),
    },
    Rule {
        name: "short_batch",
        favours: Home::Lambda,
        decisive: false,
        reason: "A job whose runs end within 15 minutes needs no node of its own in the meantime.",
        applies: |facts| {
            facts.is_batch() && facts.longest_duration.is_some() && !facts.is_too_long()
        },
    },
    Rule {
        name: "event_driven",
        favours: Home::Lambda,
        decisive: false,
        reason: "It is woken by events that AWS can hand to a function itself, with retries and batches. Nobody waits for a \
                 cold start.",
        applies: |facts| facts.event_driven,
    },
    Rule {
        name: "low_traffic",
        favours: Home::Lambda,
        decisive: false,
        reason: "Fewer than a million requests in a month cost about a dollar on Lambda, less than any pod that is always \
                 there.",
        applies: |facts| facts.has_requests(|requests| requests < LITTLE_TRAFFIC),
    },
    Rule {
        name: "well_used",
        favours: Home::Kubernetes,
        decisive: false,
        reason: "It uses at least half of what is paid for it in the cluster, more than the utilisation at which even computing \
                 work costs the same on both.",
        applies: |facts| facts.is_used(|utilization| utilization >= WELL_USED),
    },
    Rule {
        name: "hardly_used",
        favours: Home::Lambda,
        decisive: false,
        reason: "It uses less than 13 % of what is paid for it in the cluster. Smaller requests or fewer replicas would help \
                 there, too.",
        applies: |facts| facts.is_used(|utilization| utilization < HARDLY_USED),
    },
    Rule {
        name: "diurnal",
        favours: Home::Kubernetes,
        decisive: false,
        reason: "A rhythm of the day is slow enough for an autoscaler to follow, so the nights need not be paid for.",
        applies: |facts| facts.is(Pattern::Diurnal),
    },
];

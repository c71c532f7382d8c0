//! Reports made by hand.

use std::sync::Arc;

use jiff::Timestamp;

use breakeven_model::alternatives::{Alternative, Projection};
use breakeven_model::assessment::Assessment;
use breakeven_model::billing::{BillReport, BilledLine, BilledScope, SavingsPlan};
use breakeven_model::cold_starts::Method;
use breakeven_model::inventory::{
    Architecture, CapacityType, FunctionId, Node, OriginChoice, Provider, RequestOrigin, Resources,
    UsageType, WorkloadAnnotations, WorkloadId, WorkloadKind,
};
use breakeven_model::lambda;
use breakeven_model::traffic_pattern::TrafficPattern;
use breakeven_model::uncertainty::CostEstimate;
use breakeven_model::units::{
    GibSeconds, MemoryMib, Ratio, Requests, Seconds, Usd, UsdPerCoreHour, UsdPerGibHour, UsdPerHour,
};
use breakeven_model::{
    AccountReport, Basis, Breakeven, ClusterComponent, ClusterReport, Component, FunctionCounters,
    HourlyPrice, Ineligibility, MonthlyCost, NodeReport, Outcome, Platform, PriceSource,
    Provenance, Report, SharedWorkload, Throttled, Unpriced, Utilization, Verdict,
    WorkloadAttributes, WorkloadRef, WorkloadReport,
};

pub(crate) fn at() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// Nothing is known.
pub(crate) fn nothing() -> Report {
    Report {
        at: at(),
        settings: breakeven_model::test_util::settings().into(),
        workloads: Vec::new(),
        shared: Vec::new(),
        nodes: Vec::new(),
        volumes: Vec::new(),
        cluster: None,
        accounts: Vec::new(),
        bill: None,
        requests: None,
    }
}

pub(crate) fn usd(amount: f64) -> Usd {
    Usd::from_usd(amount).unwrap()
}

pub(crate) fn requests(count: f64) -> Requests {
    Requests::from_requests(count).unwrap()
}

pub(crate) fn ratio(factor: f64) -> Ratio {
    Ratio::from_factor(factor).unwrap()
}

pub(crate) fn workload(namespace: &str, kind: &str, name: &str) -> WorkloadId {
    WorkloadId {
        namespace: namespace.into(),
        kind: WorkloadKind::from(kind),
        name: name.into(),
    }
}

/// A subject of which nothing is known but that it is there.
pub(crate) fn bare(workload: WorkloadRef) -> WorkloadReport {
    let platform = workload.platform();
    WorkloadReport {
        workload,
        cost_total: Vec::new(),
        used_cost_total: Vec::new(),
        requests_total: Vec::new(),
        throttled: None,
        function: None,
        assessment: Assessment {
            verdict: Verdict::NoRequests,
            ..Assessment::unknown(platform)
        },
        provisional: None,
        facts: WorkloadAttributes::default(),
        month: None,
        nodes: Vec::new(),
    }
}

fn cost(monthly: f64, each: f64) -> MonthlyCost {
    MonthlyCost {
        monthly: CostEstimate::exactly(usd(monthly)),
        requests: requests(monthly / each),
    }
}

/// A Deployment of which everything is known.
pub(crate) fn checkout() -> WorkloadReport {
    WorkloadReport {
        cost_total: vec![
            (Component::Cpu, usd(1.5)),
            (Component::Memory, usd(0.5)),
            (Component::Idle, usd(0.25)),
            (Component::Shared, usd(0.125)),
            (Component::Fixed, usd(0.1)),
        ],
        used_cost_total: vec![(Component::Cpu, usd(0.75)), (Component::Memory, usd(0.3))],
        requests_total: vec![
            (Outcome::Served, requests(123_456.0)),
            (Outcome::Failed, requests(7.5)),
        ],
        throttled: Some(Throttled {
            total: Seconds::from_seconds(90.5).unwrap(),
            ratio: Some(ratio(0.25)),
        }),
        assessment: Assessment {
            current: vec![
                (Basis::Used, cost(20.0, 4e-6)),
                (Basis::Allocated, cost(40.0, 8e-6)),
                (Basis::Loaded, cost(60.736, 0.0000121472)),
            ],
            alternatives: vec![Projection {
                cost: Some(cost(5.17, 1.034e-6)),
                monthly_saving: Some(usd(60.75).minus(usd(5.25))),
                breakeven_utilization: Some(ratio(3.868)),
                breakeven: Some(Breakeven::Crossing {
                    first: requests(58_776_679.0),
                    sustained: Some(requests(60e6)),
                }),
                ..Projection::unknown(Alternative::Lambda)
            }],
            utilization: Utilization {
                cost: Some(ratio(0.4)),
                cpu: Some(ratio(0.5)),
                memory: Some(ratio(0.6)),
            },
            verdict: Verdict::Lambda,
            ..Assessment::unknown(Platform::Kubernetes)
        },
        facts: WorkloadAttributes {
            traffic_pattern: Some(TrafficPattern::Diurnal),
            architecture: Some(Architecture::X86_64),
            runtime: None,
            lambda_memory: MemoryMib::from_mib(256),
            team: Some("payments".into()),
            annotations: Some(Arc::new(WorkloadAnnotations {
                unit: Some("order".into()),
                ..WorkloadAnnotations::default()
            })),
            requests_by: Some("istio".into()),
            pair: Some(WorkloadRef::Lambda(FunctionId {
                account_id: "123456789012".into(),
                region: "eu-west-1".into(),
                name: "checkout".into(),
            })),
            ..WorkloadAttributes::default()
        },
        ..bare(WorkloadRef::Kubernetes(workload(
            "shop",
            "Deployment",
            "checkout",
        )))
    }
}

/// A StatefulSet that cannot move, and crosses only once.
pub(crate) fn postgres() -> WorkloadReport {
    WorkloadReport {
        assessment: Assessment {
            alternatives: vec![Projection {
                breakeven: Some(Breakeven::Crossing {
                    first: requests(1e6),
                    sustained: None,
                }),
                blockers: vec![Ineligibility::Stateful, Ineligibility::Memory],
                ..Projection::unknown(Alternative::Lambda)
            }],
            ..Assessment::unknown(Platform::Kubernetes)
        },
        ..bare(WorkloadRef::Kubernetes(workload(
            "shop",
            "StatefulSet",
            "postgres",
        )))
    }
}

/// A function of which everything is known.
pub(crate) fn thumbnails() -> WorkloadReport {
    WorkloadReport {
        cost_total: vec![
            (Component::Lambda(lambda::Component::Requests), usd(1.0)),
            (
                Component::Lambda(lambda::Component::Duration),
                usd(4.166675),
            ),
            (Component::Lambda(lambda::Component::Init), usd(0.0)),
        ],
        requests_total: vec![
            (Outcome::Served, requests(5e6)),
            (Outcome::Failed, requests(3.0)),
        ],
        function: Some(FunctionCounters {
            gib_seconds_total: GibSeconds::from_gib_seconds(250_000.0).unwrap(),
            errors_total: requests(3.0),
            throttles_total: requests(0.0),
            cold_starts_total: (Method::ConcurrencyColdStarts, requests(7.0)),
            concurrency_peak: Some(12),
        }),
        assessment: Assessment {
            current: vec![(Basis::Loaded, cost(5.166675, 1.033335e-6))],
            alternatives: vec![Projection {
                cost: Some(cost(9.0, 1.8e-6)),
                monthly_saving: Some(usd(5.0).minus(usd(9.0))),
                breakeven: Some(Breakeven::LambdaAlways),
                ..Projection::unknown(Alternative::Kubernetes)
            }],
            verdict: Verdict::Lambda,
            ..Assessment::unknown(Platform::Lambda)
        },
        facts: WorkloadAttributes {
            traffic_pattern: Some(TrafficPattern::Diurnal),
            architecture: Some(Architecture::Arm64),
            runtime: Some("python3.13".into()),
            lambda_memory: MemoryMib::from_mib(1_769),
            labels: [("team", "media"), ("cost_centre", "4711")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            reserved_concurrency: Some(50),
            provisioned_concurrency: Some(5),
            team: Some("media".into()),
            ..WorkloadAttributes::default()
        },
        ..bare(WorkloadRef::Lambda(FunctionId {
            account_id: "123456789012".into(),
            region: "eu-west-1".into(),
            name: "thumbnails".into(),
        }))
    }
}

fn node(name: &str, instance_type: Option<&str>, capacity_type: CapacityType) -> Arc<Node> {
    Arc::new(Node {
        name: name.into(),
        provider: Provider::Aws,
        instance_type: instance_type.map(Into::into),
        region: Some("eu-west-1".into()),
        zone: None,
        capacity_type,
        capacity: Resources::default(),
        allocatable: Resources::default(),
        labels: Default::default(),
    })
}

/// A node with a price.
pub(crate) fn priced_node() -> NodeReport {
    NodeReport {
        node: node("n1", Some("m5.large"), CapacityType::OnDemand),
        price: Ok(HourlyPrice {
            price: UsdPerHour::from_hourly(0.096).unwrap(),
            provenance: Provenance {
                source: PriceSource::Embedded,
                fetched_at: None,
                method: "list price".into(),
            },
        }),
        core_price: Some(UsdPerCoreHour::from_hourly(0.03125).unwrap()),
        memory_price: Some(UsdPerGibHour::from_hourly(0.00419).unwrap()),
    }
}

/// A node without a price and without a type.
pub(crate) fn unpriced_node() -> NodeReport {
    NodeReport {
        node: node("n2", None, CapacityType::Spot),
        price: Err(Unpriced::NoInstanceType),
        core_price: None,
        memory_price: None,
    }
}

/// A cluster of which everything is known.
pub(crate) fn cluster() -> ClusterReport {
    ClusterReport {
        cost_total: vec![
            (ClusterComponent::Allocated, usd(2.0)),
            (ClusterComponent::Idle, usd(0.25)),
            (ClusterComponent::Shared, usd(0.125)),
            (ClusterComponent::Fixed, usd(0.1)),
            (ClusterComponent::Unallocated, usd(0.0)),
        ],
        observed_total: Seconds::from_seconds(3_600.5).unwrap(),
        unobserved_total: Seconds::from_seconds(30.0).unwrap(),
        utilization: Some(ratio(0.4)),
        breakeven_utilization: Some(ratio(0.46)),
        unpriced_pods: 3,
    }
}

/// The bill of a region, and of one that is not known.
fn bill() -> BillReport {
    let line = |name: &str, compared: Option<Ratio>| BilledLine {
        usage_type: UsageType::parse(name),
        unblended_total: usd(1.5),
        amortized_total: usd(3.0),
        to_model: compared,
        usage_to_model: compared,
        price_to_list: compared,
    };
    let place = BilledScope {
        account_id: "123456789012".into(),
        region: Some("eu-west-1".into()),
        compared: Seconds::from_seconds(604_800.0).unwrap(),
        observed: Some(ratio(0.995)),
        savings_plan: Some(SavingsPlan {
            price: ratio(0.9),
            coverage: Some(ratio(0.6)),
            discount: Some(ratio(0.17)),
        }),
        lines: vec![line("EUW1-Request", Some(ratio(0.75)))],
    };
    BillReport {
        settled_until: Some(at()),
        places: vec![
            place.clone(),
            BilledScope {
                region: None,
                compared: Seconds::ZERO,
                observed: None,
                savings_plan: None,
                lines: vec![line("MOON1-Request", None)],
                ..place
            },
        ],
    }
}

/// One of everything.
pub(crate) fn everything() -> Report {
    Report {
        workloads: vec![checkout(), postgres(), thumbnails()],
        shared: vec![SharedWorkload {
            workload: workload("kube-system", "DaemonSet", "aws-node"),
            cost_total: usd(0.125),
        }],
        nodes: vec![priced_node(), unpriced_node()],
        cluster: Some(cluster()),
        accounts: vec![AccountReport {
            account_id: "123456789012".into(),
            region: "eu-west-1".into(),
            concurrency_limit: Some(1_000),
        }],
        requests: Some(RequestOrigin {
            name: Some("istio".into()),
            choice: OriginChoice::FirstWithData,
            passed_over: Vec::new(),
        }),
        bill: Some(bill()),
        ..nothing()
    }
}

//! The metrics of load balancers and APIs, in the namespaces `AWS/ApplicationELB` and `AWS/ApiGateway`.

use super::series::Dimensions;
use super::statistics::{Part, Spread};
use crate::aws::load_balancers::{load_balancer, target_group};
use crate::world::{RequestCounterSpec, Workload, World};

/// A metric of an Application Load Balancer or of API Gateway.
///
/// | metric | values of one minute |
/// |---|---|
/// | `RequestCount` | a 1 for each request |
/// | `TargetResponseTime` | seconds of each request |
/// | `Count` | a 1 for each request |
/// | `IntegrationLatency` | milliseconds of each request |
///
/// A minute without requests has no value of any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadBalancerMetric {
    RequestCount,
    TargetResponseTime,
    Count,
    IntegrationLatency,
}

impl LoadBalancerMetric {
    pub(super) const ALL: [Self; 4] = [
        Self::RequestCount,
        Self::TargetResponseTime,
        Self::Count,
        Self::IntegrationLatency,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RequestCount => "RequestCount",
            Self::TargetResponseTime => "TargetResponseTime",
            Self::Count => "Count",
            Self::IntegrationLatency => "IntegrationLatency",
        }
    }

    pub(super) fn namespace(self) -> &'static str {
        match self {
            Self::RequestCount | Self::TargetResponseTime => "AWS/ApplicationELB",
            Self::Count | Self::IntegrationLatency => "AWS/ApiGateway",
        }
    }

    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::RequestCount | Self::Count => "Count",
            Self::TargetResponseTime => "Seconds",
            Self::IntegrationLatency => "Milliseconds",
        }
    }

    /// The sets of dimensions under which it is published for what stands before a workload. A load balancer publishes for each
    /// of its zones too.
    pub(super) fn dimensions(self, world: &World, edge: &RequestCounterSpec) -> Vec<Dimensions> {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        let is_balancer = self.namespace() == "AWS/ApplicationELB";
        match edge {
            RequestCounterSpec::TargetGroup {
                name,
                load_balancer: balancer,
                ..
            } if is_balancer => {
                let both = vec![
                    pair("TargetGroup", target_group(world, name)),
                    pair("LoadBalancer", load_balancer(world, balancer)),
                ];
                let mut zoned = both.clone();
                zoned.push(pair("AvailabilityZone", format!("{}a", world.spec.region)));
                vec![both, zoned]
            }
            RequestCounterSpec::HttpApi { id } if !is_balancer => {
                let id = pair("ApiId", id.clone());
                vec![
                    vec![id.clone()],
                    vec![id, pair("Stage", "$default".to_owned())],
                ]
            }
            RequestCounterSpec::RestApi { name, stage } if !is_balancer => {
                let name = pair("ApiName", name.clone());
                vec![vec![name.clone()], vec![name, pair("Stage", stage.clone())]]
            }
            _ => Vec::new(),
        }
    }

    /// What has been published of a minute at `now`: one minute after its end all of it.
    pub(super) fn part(self, workload: &Workload, minute: i64, now: i64) -> Option<Part> {
        let requests = workload.requests_in_minute(minute);
        if requests == 0 || now < 60 * (minute + 2) {
            return None;
        }
        let mean = workload.spec.latency_ms?;
        let spread = match self {
            Self::RequestCount | Self::Count => Spread::Constant(1.0),
            Self::TargetResponseTime => Spread::Duration {
                mean: mean / 1_000.0,
            },
            Self::IntegrationLatency => Spread::Duration { mean },
        };
        Some(Part {
            samples: requests as f64,
            spread,
        })
    }
}

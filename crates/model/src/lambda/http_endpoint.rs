//! What requests come through before they reach a function, and how that is known.

use super::month::EndpointTraffic;
use crate::inventory::Function;
use crate::pricing::list_prices::{api_gateway, load_balancer};
use crate::units::Hours;

/// The kind of a front door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpEndpoint {
    /// Nothing that is charged for: an event source, or the SDK.
    #[default]
    Free,
    /// A function URL, which is free.
    FunctionUrl,
    /// An HTTP API of API Gateway.
    HttpApi,
    /// A REST API of API Gateway.
    RestApi,
    /// An Application Load Balancer of its own.
    LoadBalancer,
}

impl HttpEndpoint {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Free,
        Self::FunctionUrl,
        Self::HttpApi,
        Self::RestApi,
        Self::LoadBalancer,
    ];

    /// As it stands in a label, and in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "none",
            Self::FunctionUrl => "function_url",
            Self::HttpApi => "http_api",
            Self::RestApi => "rest_api",
            Self::LoadBalancer => "alb",
        }
    }

    /// With its list prices in a region; `None` if the region lists none. A load balancer exists for `time`.
    #[must_use]
    pub fn priced(self, region: &str, time: Hours) -> Option<EndpointTraffic> {
        match self {
            Self::Free | Self::FunctionUrl => Some(EndpointTraffic::Free),
            Self::HttpApi => api_gateway::http_api_in(region).map(EndpointTraffic::Api),
            Self::RestApi => api_gateway::rest_api_in(region).map(EndpointTraffic::Api),
            Self::LoadBalancer if region == load_balancer::REGION => {
                Some(EndpointTraffic::LoadBalancer {
                    time,
                    hour: load_balancer::HOUR,
                    capacity_unit: load_balancer::CAPACITY_UNIT,
                })
            }
            Self::LoadBalancer => None,
        }
    }

    /// That of a function as Lambda itself knows it: its URL, or none where queues and streams are polled for it. Absent for
    /// one that has neither, as far as that is known: who calls it then, API Gateway, a load balancer or nobody, Lambda does not say.
    ///
    /// ```
    /// use breakeven_model::lambda::HttpEndpoint;
    /// use breakeven_model::inventory::{Architecture, EventSource, Function, FunctionId};
    /// use breakeven_model::units::MemoryMib;
    ///
    /// let id = FunctionId { account_id: "123456789012".into(), region: "us-east-1".into(), name: "api".into() };
    /// let mut function = Function::plain(id, MemoryMib::MIN, Architecture::Arm64);
    /// assert_eq!(HttpEndpoint::seen(&function), None);
    /// function.event_sources = Some([EventSource::Sqs].into());
    /// assert_eq!(HttpEndpoint::seen(&function), Some(HttpEndpoint::Free));
    /// function.has_url = Some(true);
    /// assert_eq!(HttpEndpoint::seen(&function), Some(HttpEndpoint::FunctionUrl));
    /// ```
    #[must_use]
    pub fn seen(function: &Function) -> Option<Self> {
        let is_polled = || {
            let sources = function.event_sources.as_ref();
            sources.is_some_and(|sources| !sources.is_empty())
        };
        match function.has_url {
            Some(true) => Some(Self::FunctionUrl),
            _ => is_polled().then_some(Self::Free),
        }
    }
}

/// How the front door of a function is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpEndpointOrigin {
    /// The configuration says it.
    Configured,
    /// Lambda says it.
    Read,
    /// It is not known, and taken as free.
    Assumed,
}

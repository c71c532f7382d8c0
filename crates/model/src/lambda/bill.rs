//! The bill of a month, and how it changes with the traffic.

use serde::{Deserialize, Serialize};

use super::month::{Compute, Month};
use super::{
    duration, ephemeral, http_endpoint, init, instances, logs, provisioned, requests, snapstart,
    streaming,
};
use crate::break_even::CostFunction;
use crate::pricing::list_prices::Tiers;
use crate::pricing::list_prices::lambda::Prices;
use crate::units::{Requests, Usd};

/// What a part of the bill is for. The parts exclude each other and add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Component {
    /// The fee for each request.
    Requests,
    /// Memory over billed time, outside provisioned concurrency.
    Duration,
    /// Environments kept ready, and the time in them.
    Provisioned,
    /// The initialisation of cold starts.
    Init,
    /// Managed Instances with their fee, in place of duration.
    Instances,
    /// `/tmp` above what is free.
    Ephemeral,
    /// Snapshots and restores.
    SnapStart,
    /// Streamed responses.
    Streaming,
    /// API Gateway or a load balancer.
    HttpEndpoint,
    /// What is written to CloudWatch Logs.
    Logs,
}

impl Component {
    /// As it stands in a `component` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Duration => "duration",
            Self::Provisioned => "provisioned",
            Self::Init => "init",
            Self::Instances => "instances",
            Self::Ephemeral => "ephemeral",
            Self::SnapStart => "snapstart",
            Self::Streaming => "streaming",
            Self::HttpEndpoint => "front_door",
            Self::Logs => "logs",
        }
    }
}

/// A part of the bill, by the requests of a month: `fixed + T(R)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is for.
    pub component: Component,
    /// Paid at any traffic.
    pub fixed: Usd,
    /// Paid by the request (T).
    pub by_request: Tiers<Requests>,
}

impl Part {
    /// A part that is paid by the request alone.
    pub(super) const fn by_request(component: Component, by_request: Tiers<Requests>) -> Self {
        Self {
            component,
            fixed: Usd::ZERO,
            by_request,
        }
    }

    /// What it costs in a month of so many requests, in USD.
    ///
    /// Formula: `fixed + T(R)`.
    #[must_use]
    pub fn cost_at(&self, requests: Requests) -> Usd {
        self.fixed + self.by_request.total(requests)
    }
}

/// The bill of a month.
#[derive(Clone, Debug, PartialEq)]
pub struct Bill {
    requests: Requests,
    parts: Vec<Part>,
}

impl Bill {
    /// All parts of a month.
    ///
    /// ```
    /// use breakeven_model::lambda::{Bill, Component, FreeTier, Month};
    /// use breakeven_model::inventory::Architecture;
    /// use breakeven_model::pricing::list_prices::lambda::Prices;
    /// use breakeven_model::units::{MemoryMib, Requests, Seconds};
    ///
    /// // Three million requests of 120 ms on 1,536 MB, with the free tier: 2.33 + 0.40 USD.
    /// let memory = MemoryMib::from_mib(1_536).unwrap();
    /// let requests = Requests::from_requests(3e6)?;
    /// let mut month = Month::from_requests(memory, requests, Seconds::from_millis(120.0)?);
    /// month.free = FreeTier::WHOLE;
    /// let bill = Bill::from_month(&month, &Prices::list(Architecture::X86_64));
    /// let cents: Vec<f64> =
    ///     bill.components().map(|(_, cost)| (cost.usd() * 100.0).round()).collect();
    /// assert_eq!(cents, [40.0, 233.0]);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn from_month(month: &Month, prices: &Prices) -> Self {
        let mut parts = Vec::with_capacity(6);
        parts.push(requests(month, prices));
        match &month.compute {
            Compute::OnDemand(on_demand) => {
                parts.push(duration(month, on_demand, prices));
                parts.extend(provisioned(month, on_demand, prices));
                parts.extend(init(month, on_demand, prices));
                parts.extend(snapstart(month, on_demand, prices));
            }
            Compute::Instances(managed) => parts.push(instances(managed)),
        }
        parts.extend(ephemeral(month, prices));
        parts.extend(streaming(month, prices));
        parts.extend(http_endpoint(month));
        parts.extend(logs(month));
        parts.sort_by_key(|part| part.component);
        Self {
            requests: month.requests,
            parts,
        }
    }

    /// What each part costs, in USD.
    pub fn components(&self) -> impl Iterator<Item = (Component, Usd)> {
        self.parts
            .iter()
            .map(|part| (part.component, part.cost_at(self.requests)))
    }

    /// Cost of a month without any request by component, in USD. Components without such a cost are left out.
    pub fn fixed_components(&self) -> impl Iterator<Item = (Component, Usd)> {
        let parts = self.parts.iter().filter(|part| !part.fixed.is_zero());
        parts.map(|part| (part.component, part.fixed))
    }

    /// What all parts cost together, in USD.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.components().map(|(_, cost)| cost).sum()
    }

    /// The cost of a month of any traffic, `C_L(R)`.
    #[must_use]
    pub fn curve(&self) -> CostFunction {
        let nothing = Tiers::free();
        CostFunction {
            fixed: self.parts.iter().map(|part| part.fixed).sum(),
            by_request: self
                .parts
                .iter()
                .fold(nothing, |sum, part| sum.plus(&part.by_request)),
        }
    }
}

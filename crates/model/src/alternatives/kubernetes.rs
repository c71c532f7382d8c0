//! A function as pods in the cluster.

mod month;
mod sizing;

pub use sizing::{FunctionDemand, NodeType, PodSizing, SizedPods, size};

use super::{Alternative, Projection, ProjectionInputs};
use crate::break_even::CostFunction;
use crate::inventory::Function;
use crate::parameters::ModelParameters;
use crate::report::MonthlyCost;
use crate::resource_prices::ResourcePrices;
use crate::units::{Requests, Usd};
use crate::window::FunctionWindow;
use month::KubernetesMonth;

/// Prices of the cluster's nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterPrices {
    /// Mean price of a core and of a GiB.
    pub mean: ResourcePrices,
    /// Node types that are in use.
    pub machines: Vec<NodeType>,
}

/// Inputs of the projection in the cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KubernetesInputs {
    /// Demand of the function.
    pub demand: FunctionDemand,
    /// Number and price of its pods.
    pub sized: SizedPods,
    /// Mean prices of the cluster.
    pub prices: ResourcePrices,
}

/// What was observed of a function, and what it costs today.
#[derive(Clone, Copy, Debug)]
pub struct ObservedFunction<'a> {
    /// The function.
    pub function: &'a Function,
    /// Its window.
    pub window: &'a FunctionWindow,
    /// Its requests of a month.
    pub requests: Requests,
    /// Cost of a month today and as a function of traffic; absent if a price is missing, as a cost that lacks a part
    /// compares with nothing.
    pub today: Option<(Usd, &'a CostFunction)>,
}

/// Projects a function in the cluster.
///
/// It becomes the pods of [`size`], packed onto the nodes at their mean price; at most it has nodes of its own. The cost is
/// absent while the prices of the cluster are unknown.
#[must_use]
pub fn project(
    observed: &ObservedFunction,
    prices: Option<&ClusterPrices>,
    settings: &ModelParameters,
) -> Projection {
    let mut projection = Projection::unknown(Alternative::Kubernetes);
    let Some(prices) = prices else {
        return projection;
    };
    let month = KubernetesMonth::from_window(observed.function, observed.window, prices, settings);
    let (Some(cost), Some(sized)) = (month.cost(), month.size()) else {
        return projection;
    };
    projection.cost = Some(MonthlyCost {
        monthly: cost,
        requests: observed.requests,
    });
    if let Some((today, curve)) = observed.today {
        projection.monthly_saving = Some(today.minus(cost.point));
        let breakeven = month::breakeven(curve, observed.requests, &sized, settings);
        projection.breakeven = Some(breakeven);
    }
    projection.inputs = Some(ProjectionInputs::Kubernetes(KubernetesInputs {
        demand: month.demand(),
        sized,
        prices: prices.mean,
    }));
    projection
}

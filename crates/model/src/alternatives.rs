//! Alternatives to the platform on which a workload runs: what each would cost, and what blocks it.
//!
//! One module per alternative. Each takes what was observed of a workload and returns a [`Projection`]; the verdict, the
//! metrics, the page and the explanation iterate over the list.

pub mod fargate;
pub mod kubernetes;
pub mod lambda;

use fargate::FargateInputs;
use kubernetes::KubernetesInputs;
use lambda::LambdaInputs;

use crate::report::{Breakeven, Ineligibility, MonthlyCost, Platform};
use crate::units::{Ratio, UsdDelta};

/// A way to run a workload other than today's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alternative {
    /// Pods on AWS Fargate, for a workload of the cluster on nodes.
    Fargate,
    /// Pods in the cluster, for a function.
    Kubernetes,
    /// A function on AWS Lambda, for a workload of the cluster.
    Lambda,
}

impl Alternative {
    /// Value of the `platform` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fargate => "fargate",
            Self::Kubernetes => Platform::Kubernetes.as_str(),
            Self::Lambda => Platform::Lambda.as_str(),
        }
    }

    /// Whether the verdict and the metrics consider it; if not, only the explanation shows it.
    #[must_use]
    pub const fn is_in_verdict(self) -> bool {
        !matches!(self, Self::Fargate)
    }
}

impl From<Platform> for Alternative {
    fn from(platform: Platform) -> Self {
        match platform {
            Platform::Kubernetes => Self::Kubernetes,
            Platform::Lambda => Self::Lambda,
        }
    }
}

/// One alternative of one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// The alternative.
    pub alternative: Alternative,
    /// Cost of a month, all charges included; absent if an input is unknown.
    pub cost: Option<MonthlyCost>,
    /// Cost today minus cost of the alternative per month; absent if either is unknown or the alternative is blocked.
    pub monthly_saving: Option<UsdDelta>,
    /// Utilization at which both cost the same (u*).
    pub breakeven_utilization: Option<Ratio>,
    /// Traffic at which both cost the same.
    pub breakeven: Option<Breakeven>,
    /// Reasons that make the alternative impossible, whatever it costs.
    pub blockers: Vec<Ineligibility>,
    /// Inputs of the projected cost, for the explanation; absent while it is unknown.
    pub inputs: Option<ProjectionInputs>,
}

impl Projection {
    /// A projection without a cost.
    #[must_use]
    pub const fn unknown(alternative: Alternative) -> Self {
        Self {
            alternative,
            cost: None,
            monthly_saving: None,
            breakeven_utilization: None,
            breakeven: None,
            blockers: Vec::new(),
            inputs: None,
        }
    }
}

/// Inputs of a projection.
#[derive(Clone, Debug, PartialEq)]
pub enum ProjectionInputs {
    /// Of pods on Fargate.
    Fargate(FargateInputs),
    /// Of pods in the cluster.
    Kubernetes(KubernetesInputs),
    /// Of a function on Lambda.
    Lambda(LambdaInputs),
}

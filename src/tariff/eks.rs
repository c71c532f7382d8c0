//! What Amazon EKS charges for a cluster besides its nodes: all regions, list, [`AS_OF`](super::AS_OF).
//!
//! Source: <https://aws.amazon.com/eks/pricing/>.

use super::known;
use crate::units::UsdPerHour;

/// The control plane.
pub const CONTROL_PLANE: UsdPerHour = known(UsdPerHour::from_hourly(0.10));

/// The control plane of a Kubernetes version in extended support.
pub const CONTROL_PLANE_EXTENDED: UsdPerHour = known(UsdPerHour::from_hourly(0.60));

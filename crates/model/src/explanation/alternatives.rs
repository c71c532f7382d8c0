//! The alternatives of a workload: one section each.

mod fargate;
mod kubernetes;
mod lambda;

use super::{Line, Section};
use crate::alternatives::{Projection, ProjectionInputs};
use crate::inputs::Evidence;
use crate::parameters::ModelParameters;
use crate::report::WorkloadReport;

/// The sections of all alternatives.
pub(super) fn sections<'a>(
    workload: &'a WorkloadReport,
    settings: &'a ModelParameters,
) -> impl Iterator<Item = Section> + 'a {
    let assessment = &workload.assessment;
    let section = |one| section(&assessment.evidence, one, settings);
    assessment.alternatives.iter().filter_map(section)
}

fn section(
    evidence: &Evidence,
    projection: &Projection,
    settings: &ModelParameters,
) -> Option<Section> {
    let cost = projection.cost.as_ref();
    let (title, lines): (_, Vec<Line>) = match (projection.inputs.as_ref()?, evidence) {
        (ProjectionInputs::Lambda(inputs), Evidence::Workload(evidence)) => {
            let lines = lambda::lines(evidence, inputs, cost, settings);
            ("The same on Lambda", lines)
        }
        (ProjectionInputs::Kubernetes(inputs), Evidence::Function(evidence)) => {
            let lines = kubernetes::lines(evidence, inputs, cost, settings);
            ("The same in the cluster", lines)
        }
        (ProjectionInputs::Fargate(inputs), Evidence::Workload(_)) => (
            "The same on Fargate",
            fargate::lines(inputs, projection, settings),
        ),
        _ => return None,
    };
    Some(Section { title, lines })
}

//! From objects of the Kubernetes API to plain facts: pure, without a connection or a clock.

mod annotations;
mod autoscaler;
mod node;
mod owner;
mod pod;
pub(in crate::sources) mod quantity;
mod request;
mod scrape;
mod services;
mod volume;

use std::fmt;

pub(super) use annotations::{notes, unreadable};
pub(super) use autoscaler::scaler;
pub(super) use node::node;
pub(super) use owner::{Owner, owner};
pub(super) use pod::{PodExtras, PodRecord, pod};
pub use scrape::ScrapeSelector;
pub(super) use services::{ServiceRecord, binding, route, service, services};
pub(super) use volume::{storage_class, volume};

use super::amounts::Amounts;
use breakeven_model::inventory::Resources;
use breakeven_model::units::{Cores, Gib};

/// A value that cannot be understood, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sources) struct ConversionError {
    /// The kind, namespace and name of the object.
    pub(in crate::sources) object: String,
    /// The field.
    pub(in crate::sources) field: String,
    /// What it says, and why that cannot be.
    pub(in crate::sources) problem: String,
}

impl fmt::Display for ConversionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {} {}",
            self.object, self.field, self.problem
        )
    }
}

/// A field and what is wrong with it, while the object is not known yet.
#[derive(Debug)]
struct FieldError {
    field: String,
    problem: String,
}

impl FieldError {
    fn of(self, object: impl fmt::Display) -> ConversionError {
        ConversionError {
            object: object.to_string(),
            field: self.field,
            problem: self.problem,
        }
    }
}

/// Amounts of which each may be absent.
#[derive(Clone, Copy, Debug, Default)]
struct OptionalResources {
    cpu: Option<Cores>,
    memory: Option<Gib>,
    gpus: Option<u32>,
}

impl OptionalResources {
    fn read(amounts: &Amounts, field: &str) -> Result<Self, FieldError> {
        let nvidia = read(
            &amounts.nvidia_gpu,
            quantity::count,
            field,
            "nvidia.com/gpu",
        )?;
        let amd = read(&amounts.amd_gpu, quantity::count, field, "amd.com/gpu")?;
        let gpus = match (nvidia, amd) {
            (Some(nvidia), Some(amd)) => Some(nvidia.saturating_add(amd)),
            (one, other) => one.or(other),
        };
        Ok(Self {
            cpu: read(&amounts.cpu, quantity::cores, field, "cpu")?,
            memory: read(&amounts.memory, quantity::memory, field, "memory")?,
            gpus,
        })
    }

    /// These, and `other` where they are absent.
    fn or(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.or(other.cpu),
            memory: self.memory.or(other.memory),
            gpus: self.gpus.or(other.gpus),
        }
    }

    /// These, and `other` where they are absent.
    fn unwrap_or(self, other: Resources) -> Resources {
        Resources {
            cpu: self.cpu.unwrap_or(other.cpu),
            memory: self.memory.unwrap_or(other.memory),
            gpus: self.gpus.unwrap_or(other.gpus),
        }
    }
}

fn read<T>(
    text: &Option<String>,
    parse: fn(&str) -> Result<T, quantity::QuantityParseError>,
    field: &str,
    resource: &str,
) -> Result<Option<T>, FieldError> {
    let Some(text) = text else { return Ok(None) };
    parse(text).map(Some).map_err(|bad| FieldError {
        field: format!("{field}.{resource}"),
        problem: bad.to_string(),
    })
}

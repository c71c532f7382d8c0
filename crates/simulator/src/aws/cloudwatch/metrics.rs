//! The metrics that functions publish, in the namespaces `AWS/Lambda` and `LambdaInsights`.

use super::statistics::{Part, Spread};
use crate::world::{Function, ProvisionedSpec};

const LAMBDA: &str = "AWS/Lambda";
const INSIGHTS: &str = "LambdaInsights";

/// A metric of AWS Lambda or of Lambda Insights.
///
/// | metric | values of one minute |
/// |---|---|
/// | `Invocations` | a 1 for each invocation |
/// | `Duration` | milliseconds of each invocation |
/// | `Errors` | a 1 for each failed invocation, a 0 for the others |
/// | `Throttles` | a 1 for each refused invocation, a 0 for the others |
/// | `ConcurrentExecutions` | as many as invocations, from 1 to the minute's peak |
/// | `ProvisionedConcurrencyInvocations` | a 1 for each invocation inside the provisioned concurrency |
/// | `ProvisionedConcurrencySpilloverInvocations` | a 1 for each beyond it |
/// | `ProvisionedConcurrencyUtilization` | for each invocation the part in use at the minute's peak |
/// | `ProvisionedConcurrentExecutions` | as many as invocations, from 1 to the environments in use |
/// | `init_duration` | milliseconds of each cold start |
/// | `used_memory_max`, `total_memory` | MiB, for each invocation |
/// | `cpu_total_time` | milliseconds, for each invocation |
///
/// A minute without invocations has no value of any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    Invocations,
    Duration,
    Errors,
    Throttles,
    ConcurrentExecutions,
    ProvisionedInvocations,
    ProvisionedSpillover,
    ProvisionedUtilization,
    ProvisionedExecutions,
    InitDuration,
    UsedMemoryMax,
    TotalMemory,
    CpuTotalTime,
}

/// Who publishes: a function, or what goes to one of its versions or aliases.
#[derive(Clone, Copy)]
pub(super) struct Publisher<'w> {
    pub(super) function: &'w Function,
    pub(super) qualified: Option<&'w ProvisionedSpec>,
}

impl Metric {
    pub(super) const ALL: [Self; 13] = [
        Self::Invocations,
        Self::Duration,
        Self::Errors,
        Self::Throttles,
        Self::ConcurrentExecutions,
        Self::ProvisionedInvocations,
        Self::ProvisionedSpillover,
        Self::ProvisionedUtilization,
        Self::ProvisionedExecutions,
        Self::InitDuration,
        Self::UsedMemoryMax,
        Self::TotalMemory,
        Self::CpuTotalTime,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Invocations => "Invocations",
            Self::Duration => "Duration",
            Self::Errors => "Errors",
            Self::Throttles => "Throttles",
            Self::ConcurrentExecutions => "ConcurrentExecutions",
            Self::ProvisionedInvocations => "ProvisionedConcurrencyInvocations",
            Self::ProvisionedSpillover => "ProvisionedConcurrencySpilloverInvocations",
            Self::ProvisionedUtilization => "ProvisionedConcurrencyUtilization",
            Self::ProvisionedExecutions => "ProvisionedConcurrentExecutions",
            Self::InitDuration => "init_duration",
            Self::UsedMemoryMax => "used_memory_max",
            Self::TotalMemory => "total_memory",
            Self::CpuTotalTime => "cpu_total_time",
        }
    }

    pub(super) fn namespace(self) -> &'static str {
        if self.is_insight() { INSIGHTS } else { LAMBDA }
    }

    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Duration | Self::InitDuration | Self::CpuTotalTime => "Milliseconds",
            Self::UsedMemoryMax | Self::TotalMemory => "Megabytes",
            _ => "Count",
        }
    }

    pub(super) fn parse(namespace: &str, name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|metric| metric.name() == name && metric.namespace() == namespace)
    }

    /// Whether it is one of Lambda Insights.
    pub(super) fn is_insight(self) -> bool {
        self >= Self::InitDuration
    }

    /// Whether there is one for the whole region.
    pub(super) fn is_regional(self) -> bool {
        self <= Self::ConcurrentExecutions
    }

    pub(super) fn is_published_by(self, publisher: Publisher<'_>) -> bool {
        let Publisher {
            function,
            qualified,
        } = publisher;
        match self {
            _ if self.is_regional() => true,
            Self::InitDuration if function.spec.init_ms.is_none() => false,
            _ if self.is_insight() => function.spec.insights && qualified.is_none(),
            _ => qualified.is_some(),
        }
    }

    /// What has been published at `now` of a minute; `None` where it is nothing.
    ///
    /// Of everything that is counted in a minute as large a part is shown as of its invocations, rounded
    /// down.
    pub(super) fn part(self, publisher: Publisher<'_>, minute: i64, now: i64) -> Option<Part> {
        let Publisher {
            function,
            qualified,
        } = publisher;
        let (published, all) = (
            function.published(minute, now),
            function.invocations(minute),
        );
        if published == 0 {
            return None;
        }
        let shown =
            |whole: u64| (u128::from(whole) * u128::from(published) / u128::from(all)) as f64;
        let provisioned = match qualified {
            Some(qualified) => Some(function.provisioned_in(qualified, minute)?),
            None => None,
        };
        let invocations = shown(provisioned.map_or(all, |minute| minute.invocations));
        let share = provisioned.map_or(1.0, |minute| minute.invocations as f64 / all as f64);
        let share_of = |whole: u64| shown((whole as f64 * share).floor() as u64);
        let spec = &function.spec;
        let (samples, spread) = match (self, provisioned, qualified) {
            (Self::Invocations, ..) => (invocations, Spread::Constant(1.0)),
            (Self::Duration, ..) => {
                let mean = spec.duration_ms;
                (invocations, Spread::Duration { mean })
            }
            (Self::Errors, ..) => {
                let ones = share_of(function.errors(minute)).min(invocations);
                (invocations, Spread::Flags { ones })
            }
            (Self::Throttles, ..) => {
                let ones = share_of(function.throttles(minute));
                (invocations + ones, Spread::Flags { ones })
            }
            (Self::ConcurrentExecutions, Some(_), Some(of)) => {
                let peak = function.qualified_peak(of, minute)? as f64;
                (invocations, Spread::Ramp { peak })
            }
            (Self::ConcurrentExecutions, ..) => {
                let peak = function.concurrency_peak(minute)? as f64;
                (invocations, Spread::Ramp { peak })
            }
            (Self::ProvisionedInvocations, Some(minute), _) => {
                (shown(minute.inside), Spread::Constant(1.0))
            }
            (Self::ProvisionedSpillover, Some(minute), _) => {
                let beyond = minute.invocations - minute.inside;
                (shown(beyond), Spread::Constant(1.0))
            }
            (Self::ProvisionedUtilization, Some(minute), Some(of)) => {
                let used = minute.peak as f64 / f64::from(of.concurrency);
                (invocations, Spread::Constant(used))
            }
            (Self::ProvisionedExecutions, Some(minute), _) => {
                let peak = minute.peak as f64;
                (invocations, Spread::Ramp { peak })
            }
            (Self::InitDuration, None, _) => {
                let mean = spec.init_ms?;
                (
                    shown(function.cold_starts(minute)),
                    Spread::Duration { mean },
                )
            }
            (Self::UsedMemoryMax, None, _) => {
                let half = f64::from(spec.memory_mib) / 2.0;
                let used = spec.memory_used_mib.unwrap_or(half);
                (invocations, Spread::Constant(used))
            }
            (Self::TotalMemory, None, _) => {
                (invocations, Spread::Constant(f64::from(spec.memory_mib)))
            }
            (Self::CpuTotalTime, None, _) => {
                let mean = spec.cpu_ms.unwrap_or(spec.duration_ms / 2.0);
                (invocations, Spread::Duration { mean })
            }
            _ => return None,
        };
        (samples > 0.0).then_some(Part { samples, spread })
    }
}

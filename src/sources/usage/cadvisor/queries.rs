//! What is asked of a Prometheus that scrapes cAdvisor, which every kubelet has under `/metrics/cadvisor`.
//!
//! The names are those of <https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md>. Labels: `namespace`,
//! `pod` and `container` say whose a series is, `id` is its cgroup. Left out are the sums that cAdvisor gives for whole pods and
//! their parents (`container=""`), the sandbox of a pod (`container="POD"` with Docker) and series of the same name from
//! `/metrics/resource` (they have no `image`). A cgroup that is scraped twice counts once (`max by (..., id)`); a container that
//! restarted has a cgroup for each life, which are added up.

use std::time::Duration;

/// Which series are of containers.
const CONTAINERS_ONLY: &str = r#"{container!="",container!="POD",image!=""}"#;

/// Something that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// Core-seconds of each container in a window.
    Processor,
    /// The working set of each container in bytes, at the end of a window.
    Memory,
    /// Seconds for which the containers of each pod were held back.
    ThrottledTime,
    /// The periods in which they were.
    ThrottledPeriods,
    /// The periods in which they wanted to run.
    Periods,
}

impl Query {
    /// What stands in errors.
    pub(super) const fn metric(self) -> &'static str {
        match self {
            Self::Processor => "container_cpu_usage_seconds_total",
            Self::Memory => "container_memory_working_set_bytes",
            Self::ThrottledTime => "container_cpu_cfs_throttled_seconds_total",
            Self::ThrottledPeriods => "container_cpu_cfs_throttled_periods_total",
            Self::Periods => "container_cpu_cfs_periods_total",
        }
    }

    /// The expression for a window of this length.
    pub(super) fn over(self, window: Duration) -> String {
        let series = format!("{}{CONTAINERS_ONLY}", self.metric());
        let counted = format!(
            "max by (namespace, pod, container, id) (increase({series}[{}s]))",
            window.as_secs()
        );
        match self {
            // A container that restarted leaves the memory of its last life behind for a while.
            Self::Memory => format!("max by (namespace, pod, container) ({series})"),
            Self::Processor => format!("sum by (namespace, pod, container) ({counted})"),
            _ => format!("sum by (namespace, pod) ({counted})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use promql_parser::parser::{self, value::ValueType};

    use super::*;

    const ALL: [Query; 5] = [
        Query::Processor,
        Query::Memory,
        Query::ThrottledTime,
        Query::ThrottledPeriods,
        Query::Periods,
    ];

    #[test]
    fn every_expression_is_sound() {
        for query in ALL {
            let text = query.over(Duration::from_secs(120));
            let parsed = parser::parse(&text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(parsed.value_type(), ValueType::Vector, "{text}");
        }
    }

    #[test]
    fn processors_are_added_up_over_the_lives_of_a_container() {
        assert_eq!(
            Query::Processor.over(Duration::from_secs(120)),
            "sum by (namespace, pod, container) (max by (namespace, pod, container, id) \
             (increase(container_cpu_usage_seconds_total{container!=\"\",container!=\"POD\",image!=\"\"}[120s])))"
        );
    }
}

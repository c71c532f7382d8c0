//! How a function would run in the cluster: how many pods, and what they cost.

use std::collections::VecDeque;

use super::node_split::Split;
use super::settings::KubernetesEquivalent;
use crate::tariff::lambda as tariff;
use crate::units::{Cores, MemoryMib, Ratio, UsdPerHour};

/// How many minutes an autoscaler holds a peak before it removes pods, as the HPA's default does.
const HELD_MINUTES: i64 = 5;

/// The mean concurrency of one minute, by Little's law: time spent / time passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinuteConcurrency {
    /// Minutes since 1970.
    pub minute: i64,
    /// Requests in work at once.
    pub concurrency: Ratio,
}

/// The pods that would do it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equivalent {
    /// Pods, mean over time (n).
    pub replicas: Ratio,
    /// Pods that the mean traffic would fill, without floor, rounding or holding.
    pub replicas_filled: Ratio,
    /// What one pod costs, packed.
    pub replica: UsdPerHour,
}

impl Equivalent {
    /// What all of it costs, in USD per hour. Formula: `mean n · replica`.
    #[must_use]
    pub fn cost(&self) -> UsdPerHour {
        self.replica * self.replicas
    }
}

/// The pods that would serve what a function served.
///
/// Formula, for each minute t with concurrency a(t): `cpu(t) = φ · a(t) · min(1, M/1769)` cores and `n(t) =
/// max(n_min, ceil(cpu(t) / (target · pod cpu)), ceil(a(t) / pod concurrency))`, with a(t) held at its maximum of the last 5 minutes. A pod
/// requests the pod cpu and as much memory as the function has; `replica = Σ_r request_r · price_r / η`.
///
/// `active` are the minutes with invocations, in order; `minutes` is how many minutes there were in all, up to
/// and including `last`. Absent where there were none, or nothing can be packed.
#[must_use]
pub fn size(
    active: impl IntoIterator<Item = MinuteConcurrency>,
    last: i64,
    minutes: u32,
    memory: MemoryMib,
    prices: Split,
    settings: &KubernetesEquivalent,
) -> Option<Equivalent> {
    let first = last - i64::from(minutes) + 1;
    let floor = Ratio::from_factor(f64::from(settings.min_replicas)).ok()?;
    let time = Ratio::from_factor(f64::from(minutes)).ok()?.inverse()?;
    let mut replicas = Ratio::ZERO;
    let mut filled = Ratio::ZERO;
    // The peaks still held, falling: the front is the highest, the back the newest.
    let mut held: VecDeque<MinuteConcurrency> = VecDeque::new();
    let mut active = active
        .into_iter()
        .filter(|one| first <= one.minute && one.minute <= last)
        .peekable();
    let mut minute = first;
    while minute <= last {
        if let Some(now) = active.next_if(|next| next.minute == minute) {
            filled = filled + replicas_for(now.concurrency, memory, settings)?;
            while held
                .back()
                .is_some_and(|older| older.concurrency <= now.concurrency)
            {
                held.pop_back();
            }
            held.push_back(now);
        }
        while held
            .front()
            .is_some_and(|oldest| oldest.minute <= minute - HELD_MINUTES)
        {
            held.pop_front();
        }
        let Some(peak) = held.front() else {
            // Nothing is held: all is at the floor until the next active minute.
            let next = active.peek().map_or(last + 1, |next| next.minute);
            let idle = u32::try_from(next - minute).ok()?;
            replicas = replicas + floor * Ratio::from_factor(f64::from(idle)).ok()?;
            minute = next;
            continue;
        };
        let wanted = replicas_for(peak.concurrency, memory, settings)?.ceil();
        replicas = replicas + wanted.max(floor);
        minute += 1;
    }
    let pod = settings.pod_cpu * prices.core + memory.gib() * prices.memory;
    Some(Equivalent {
        replicas: replicas * time,
        replicas_filled: filled * time,
        replica: pod * settings.packing_efficiency.inverse()?,
    })
}

/// How many pods so many requests at once fill.
fn replicas_for(
    concurrency: Ratio,
    memory: MemoryMib,
    settings: &KubernetesEquivalent,
) -> Option<Ratio> {
    let cores_each = (f64::from(memory.mib()) / tariff::MIB_PER_CORE).min(1.0);
    let busy = Cores::from_cores(cores_each).ok()? * settings.cpu_share * concurrency;
    let by_cpu = busy.over(settings.pod_cpu * settings.target_utilization)?;
    let by_slots = concurrency
        * Ratio::from_factor(f64::from(settings.pod_concurrency))
            .ok()?
            .inverse()?;
    Some(by_cpu.max(by_slots))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{ratio, settings};
    use crate::units::{UsdPerCoreHour, UsdPerGibHour};

    fn prices() -> Split {
        Split {
            core: UsdPerCoreHour::from_hourly(0.03).unwrap(),
            memory: UsdPerGibHour::from_hourly(0.003).unwrap(),
        }
    }

    fn sized(active: &[(i64, f64)], minutes: u32) -> Equivalent {
        let active = active
            .iter()
            .map(|(minute, concurrency)| MinuteConcurrency {
                minute: *minute,
                concurrency: ratio(*concurrency),
            });
        let memory = MemoryMib::from_mib(1_769).unwrap();
        let last = i64::from(minutes) - 1;
        size(
            active,
            last,
            minutes,
            memory,
            prices(),
            &settings().kubernetes_equivalent,
        )
        .unwrap()
    }

    #[test]
    fn an_idle_function_still_needs_its_least_number_of_pods() {
        assert!((sized(&[], 60).replicas.get() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn steady_traffic_needs_as_many_pods_as_its_processor_time_fills() {
        // 6.5 at once, half of it computing on one core each: 3.25 cores / (0.65 · 0.25) = 20 pods.
        let steady: Vec<(i64, f64)> = (0..60).map(|minute| (minute, 6.5)).collect();
        let found = sized(&steady, 60);
        assert!((found.replicas.get() - 20.0).abs() < 1e-9, "{found:?}");
        assert!((found.replicas_filled.get() - 20.0).abs() < 1e-9);
    }

    #[test]
    fn a_peak_of_one_minute_is_held_for_five() {
        let found = sized(&[(10, 6.5)], 60);
        assert!(
            (found.replicas.get() - (5.0 * 20.0 + 55.0 * 2.0) / 60.0).abs() < 1e-9,
            "{found:?}"
        );
    }

    #[test]
    fn a_lower_peak_counts_only_once_the_higher_one_is_released() {
        // 20 pods for minutes 10 to 14, then the 10 pods of minute 13 until minute 17.
        let found = sized(&[(10, 6.5), (13, 3.25)], 60);
        let expected = (5.0 * 20.0 + 3.0 * 10.0 + 52.0 * 2.0) / 60.0;
        assert!((found.replicas.get() - expected).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_peak_at_the_end_is_not_held_beyond_it() {
        let found = sized(&[(59, 6.5)], 60);
        assert!(
            (found.replicas.get() - (20.0 + 59.0 * 2.0) / 60.0).abs() < 1e-9,
            "{found:?}"
        );
    }

    #[test]
    fn a_pod_costs_what_it_requests_over_the_packing_efficiency() {
        let expected = (0.25 * 0.03 + 1_769.0 / 1_024.0 * 0.003) / 0.75;
        assert!((sized(&[], 10).replica.hourly() - expected).abs() < 1e-12);
    }
}

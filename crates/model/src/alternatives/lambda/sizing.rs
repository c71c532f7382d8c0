//! Memory setting and duration of the function that would serve the requests of a workload.

use crate::parameters::LambdaEquivalent;
use crate::pricing::list_prices::lambda as tariff;
use crate::report::Ineligibility;
use crate::units::{Gib, MemoryMib, Ratio, RequestsPerSecond, Seconds};

/// Memory settings that are tried besides the least that holds the working set, in MiB.
const SETTINGS: [u32; 12] = [
    128, 256, 512, 1_024, 1_769, 2_048, 3_008, 4_096, 5_120, 6_144, 8_192, 10_240,
];

/// What one request needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestDemand {
    /// Processor time (s).
    pub cpu: Seconds,
    /// Wall time (w), mean.
    pub latency: Seconds,
    /// Memory of the process that serves it (W): what one pod uses now, which is an upper bound where a pod
    /// serves several requests at once.
    pub working_set: Gib,
    /// How many times as long a core of Lambda takes as the one it was measured on (q).
    pub core_time: Ratio,
}

/// A function sized for a demand.
#[derive(Clone, Debug, PartialEq)]
pub struct SizedFunction {
    /// Its memory setting (M).
    pub memory: MemoryMib,
    /// How long it would take for each request, d(M).
    pub duration: Seconds,
    /// Reasons against it.
    pub blockers: Vec<Ineligibility>,
}

/// Chooses the memory setting at which a request costs least while it stays quick enough.
///
/// Formula: waiting time `i = max(0, w - s)`; duration `d(M) = i + s·q / min(1, M/1769)`; memory `M >= 1.2·W` within
/// 128 to 10,240 MB. Of the settings with `d(M) <= slowdown · w` and under 900 s, the one with the least `M · d(M)`.
/// Where there is none, the quickest, and the reason.
///
/// ```
/// use breakeven_model::alternatives::lambda::{RequestDemand, choose};
/// use breakeven_model::{LambdaEquivalent, uncertainty::Range, lambda::PricingTerms};
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::units::{Gib, Ratio, Seconds};
///
/// // 20 ms of processor time in 100 ms of wall time, 200 MiB.
/// let demand = RequestDemand {
///     cpu: Seconds::from_millis(20.0)?,
///     latency: Seconds::from_millis(100.0)?,
///     working_set: Gib::from_mib(200.0)?,
///     core_time: Ratio::ONE,
/// };
/// let settings = LambdaEquivalent {
///     architecture: Architecture::Arm64,
///     terms: PricingTerms::known(Architecture::Arm64),
///     region: "us-east-1".into(),
///     max_slowdown: Ratio::from_factor(2.0)?,
///     memory_headroom: Ratio::from_factor(1.2)?,
///     concurrency_limit: 1_000,
///     core_time: Range::exactly(Ratio::ONE),
///     idle_cpu: Range::exactly(Ratio::ZERO),
/// };
/// let equivalent = choose(demand, &settings);
/// // 256 MB would take 80 + 20 · 1769/256 = 218 ms, more than twice as long as now.
/// assert_eq!(equivalent.memory.mib(), 512);
/// assert!((equivalent.duration.millis() - (80.0 + 20.0 * 1_769.0 / 512.0)).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn choose(demand: RequestDemand, settings: &LambdaEquivalent) -> SizedFunction {
    let mut blockers = Vec::new();
    let needed = demand.working_set * settings.memory_headroom;
    let least = MemoryMib::holding(needed).unwrap_or_else(|| {
        blockers.push(Ineligibility::Memory);
        MemoryMib::MAX
    });
    let settings_above = SETTINGS
        .into_iter()
        .filter_map(MemoryMib::from_mib)
        .filter(|setting| *setting > least);
    let longest = (demand.latency * settings.max_slowdown).min(tariff::MAX_INVOCATION);
    // M · d(M) = M · i + 1769 · s·q up to a whole core, and M · (i + s·q) above it: it only grows with M, and d(M) only
    // falls. So the first setting that is quick enough costs least, and the first that is no slower than any is the quickest.
    let mut chosen = (least, duration(demand, least));
    for memory in settings_above {
        if chosen.1 <= longest {
            break;
        }
        let quicker = duration(demand, memory);
        if quicker < chosen.1 {
            chosen = (memory, quicker);
        }
    }
    let (memory, duration) = chosen;
    if duration > longest {
        let too_long = duration > tariff::MAX_INVOCATION;
        blockers.push(if too_long {
            Ineligibility::Duration
        } else {
            Ineligibility::Latency
        });
    }
    SizedFunction {
        memory,
        duration,
        blockers,
    }
}

/// How long a request takes with so much memory.
fn duration(demand: RequestDemand, memory: MemoryMib) -> Seconds {
    let waiting = demand.latency.less(demand.cpu);
    let cores = Ratio::from_factor(f64::from(memory.mib()) / tariff::MIB_PER_CORE);
    let slowdown = cores
        .unwrap_or(Ratio::ONE)
        .min(Ratio::ONE)
        .inverse()
        .unwrap_or(Ratio::ONE);
    waiting + demand.cpu * demand.core_time * slowdown
}

/// Whether so much traffic at once needs more environments than the account may run.
///
/// Formula: `λ · d > limit` (Little).
#[must_use]
pub fn needs_quota(peak: RequestsPerSecond, duration: Seconds, limit: u32) -> bool {
    (peak * duration).requests() > f64::from(limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_util::{seconds, settings};

    fn demand(cpu: f64, latency: f64, mib: f64) -> RequestDemand {
        RequestDemand {
            cpu: seconds(cpu),
            latency: seconds(latency),
            working_set: Gib::from_mib(mib).unwrap(),
            core_time: Ratio::ONE,
        }
    }

    fn chosen(cpu: f64, latency: f64, mib: f64) -> SizedFunction {
        choose(demand(cpu, latency, mib), &settings().lambda_equivalent)
    }

    #[test]
    fn work_that_waits_gets_the_least_memory_that_holds_it() {
        let found = chosen(0.000_1, 0.2, 100.0);
        assert_eq!((found.memory.mib(), found.blockers), (128, vec![]));
    }

    #[test]
    fn work_that_computes_gets_enough_processor_to_stay_quick() {
        // At 512 MB it would take 0.1 · 1769/512 = 0.35 s, at 1024 MB 0.173 s; 0.2 s are allowed.
        let found = chosen(0.1, 0.1, 100.0);
        assert_eq!(found.memory.mib(), 1_024);
        assert!(
            (found.duration.seconds() - 0.172_75).abs() < 1e-4,
            "{found:?}"
        );
    }

    #[test]
    fn what_does_not_fit_is_priced_at_the_most_and_said_to_be_ineligible() {
        let found = chosen(0.1, 0.1, 9_000.0);
        assert_eq!(found.memory, MemoryMib::MAX);
        assert_eq!(found.blockers, [Ineligibility::Memory]);
    }

    #[test]
    fn what_takes_too_long_is_ineligible() {
        assert_eq!(
            chosen(10.0, 950.0, 100.0).blockers,
            [Ineligibility::Duration]
        );
        // More processor time than wall time: it runs on several cores, one request at a time does not.
        assert_eq!(chosen(1.0, 0.2, 100.0).blockers, [Ineligibility::Latency]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn no_setting_that_is_quick_enough_costs_less_and_where_there_is_none_no_one_is_quicker(
            cpu in 1e-4..2.0_f64, extra in 0.0..2.0_f64, mib in 1.0..12_000.0_f64, slowdown in 1.0..5.0_f64,
        ) {
            let mut settings = settings().lambda_equivalent;
            settings.max_slowdown = Ratio::from_factor(slowdown).unwrap();
            let demand = demand(cpu, cpu * 0.5 + extra, mib);
            let found = choose(demand, &settings);
            let longest = demand.latency * settings.max_slowdown;
            let cost = |memory: MemoryMib| memory.gib() * (duration(demand, memory) + tariff::MEAN_ROUNDING);
            let needed = MemoryMib::holding(demand.working_set * settings.memory_headroom).unwrap_or(MemoryMib::MAX);
            for other in SETTINGS.into_iter().filter_map(MemoryMib::from_mib).filter(|one| *one >= needed) {
                if found.duration <= longest {
                    let dearer = cost(other).gib_seconds() >= cost(found.memory).gib_seconds() * (1.0 - 1e-12);
                    prop_assert!(duration(demand, other) > longest || dearer, "{:?} {:?}", found, other);
                } else {
                    prop_assert!(duration(demand, other) >= found.duration, "{:?} {:?}", found, other);
                }
            }
        }
    }

    #[test]
    fn a_peak_above_the_limit_of_the_account_needs_a_quota() {
        let peak = RequestsPerSecond::from_per_second(5_000.0).unwrap();
        assert!(needs_quota(peak, seconds(0.3), 1_000));
        assert!(!needs_quota(peak, seconds(0.2), 1_000));
    }
}

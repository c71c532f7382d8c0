//! Invocations that were measured, on their way to a bill.

use super::bill::Bill;
use super::compute::instances;
use super::month::{
    Compute, EndpointTraffic, FreeTier, Init, Instances, Month, OnDemand, Provisioned, SnapStart,
};
use super::pricing_terms::PricingTerms;
use crate::inventory::Function;
use crate::pricing::list_prices::{Tiers, lambda as tariff, load_balancer};
use crate::units::{
    Gib, GibSeconds, Hours, MemoryMib, Ratio, Requests, Seconds, Usd, UsdPerGib, UsdPerHour,
};

/// Invocations of a function over some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// Its memory setting.
    pub memory: MemoryMib,
    /// Its `/tmp`, in MiB.
    pub ephemeral_storage_mib: u32,
    /// Billed invocations.
    pub invocations: Requests,
    /// The sum of their durations as they were measured: neither rounded nor with INIT.
    pub duration: Seconds,
    /// The cold starts among them, and how long each initialised.
    pub init: Option<Init>,
    /// What was kept ready meanwhile.
    pub provisioned_concurrency: Option<ProvisionedUsage>,
    /// Snapshots that were kept meanwhile, and starts from them.
    pub snapstart: Option<SnapStart>,
    /// How long it was on managed instances; absent where it ran in environments of Lambda's own.
    pub on_instances: Option<Hours>,
}

/// Environments that were kept ready for some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProvisionedUsage {
    /// How many.
    pub concurrency: u32,
    /// How long.
    pub time: Hours,
    /// The part of the invocations that they served, each taking as long as any.
    pub share: Ratio,
}

impl ProvisionedUsage {
    fn environments(self) -> Ratio {
        Ratio::from_factor(self.concurrency.into()).unwrap_or(Ratio::ZERO)
    }
}

impl Run {
    /// Invocations, and nothing else that is charged for.
    #[must_use]
    pub const fn plain(memory: MemoryMib, invocations: Requests, duration: Seconds) -> Self {
        Self {
            memory,
            ephemeral_storage_mib: tariff::FREE_EPHEMERAL_STORAGE_MIB,
            invocations,
            duration,
            init: None,
            provisioned_concurrency: None,
            snapstart: None,
            on_instances: None,
        }
    }

    /// What a function did over some time, with what was kept for it meanwhile as far as that is known: environments that were
    /// ready and served `provisioned_share` of it, and of its snapshots one version. Java has those for nothing. On managed instances
    /// there is nothing of all that.
    #[must_use]
    pub fn from_window(
        function: &Function,
        (invocations, duration): (Requests, Seconds),
        init: Init,
        (time, provisioned_share): (Hours, Ratio),
    ) -> Self {
        let plain = Self::plain(function.memory, invocations, duration);
        if function.capacity_provider.is_some() {
            return Self {
                on_instances: Some(time),
                ..plain
            };
        }
        let concurrency = function.provisioned_concurrency();
        Self {
            ephemeral_storage_mib: function.ephemeral_storage_mib,
            init: Some(init),
            provisioned_concurrency: (concurrency > 0).then_some(ProvisionedUsage {
                concurrency,
                time,
                share: provisioned_share,
            }),
            snapstart: Self::pays_for_snapshots(function).then_some(SnapStart {
                cached: time,
                restores: init.cold_starts,
            }),
            ..plain
        }
    }

    /// Whether the snapshots of a function are charged: with `SnapStart`, unless its runtime is Java.
    #[must_use]
    pub fn pays_for_snapshots(function: &Function) -> bool {
        let runtime = function.runtime.as_deref().unwrap_or_default();
        let is_on_demand = function.capacity_provider.is_none();
        function.snap_start && is_on_demand && !runtime.starts_with("java")
    }

    /// The time that is billed besides INIT, where rounding up to a whole millisecond adds so much to each invocation.
    ///
    /// Formula: `Σ duration + rounding · N`. [`MEAN_ROUNDING`](tariff::MEAN_ROUNDING) is right in the mean; it is nothing at least and
    /// [`MAX_ROUNDING`](tariff::MAX_ROUNDING) at most. Managed instances bill no time.
    ///
    /// ```
    /// use breakeven_model::lambda::Run;
    /// use breakeven_model::pricing::list_prices::lambda::{MEAN_ROUNDING, MAX_ROUNDING};
    /// use breakeven_model::units::{MemoryMib, Requests, Seconds};
    ///
    /// let thousand = Requests::from_requests(1_000.0)?;
    /// let run = Run::plain(MemoryMib::MIN, thousand, Seconds::from_seconds(50.0)?);
    /// let billed = |rounding| run.billed(rounding).seconds();
    /// assert_eq!([billed(Seconds::ZERO), billed(MEAN_ROUNDING), billed(MAX_ROUNDING)], [50.0, 50.5, 51.0]);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn billed(&self, rounding: Seconds) -> Seconds {
        if self.on_instances.is_some() {
            return Seconds::ZERO;
        }
        self.duration + self.invocations.total_time(rounding)
    }

    /// Memory over all billed time, AWS's GB-s.
    ///
    /// Formula: `M/1024 · (Σ duration + 0.0005 s · N + cold starts · INIT)`.
    #[must_use]
    pub fn gib_seconds(&self) -> GibSeconds {
        let init = self.init.map_or(Seconds::ZERO, Init::time);
        self.memory.gib() * (self.billed(tariff::MEAN_ROUNDING) + init)
    }

    /// Memory over the time that environments were kept ready.
    #[must_use]
    pub fn kept(&self) -> GibSeconds {
        self.provisioned_concurrency
            .map_or(GibSeconds::ZERO, |ready| {
                self.memory.gib() * ready.environments() * Seconds::from(ready.time)
            })
    }

    /// Memory over the billed time of what they served, where rounding up adds so much to each invocation.
    #[must_use]
    pub fn inside(&self, rounding: Seconds) -> GibSeconds {
        self.provisioned_concurrency
            .map_or(GibSeconds::ZERO, |ready| {
                self.memory.gib() * (self.billed(rounding) * ready.share)
            })
    }

    /// What a month costs that consists of these invocations, rounded up as in the mean.
    ///
    /// ```
    /// use breakeven_model::lambda::{Run, PricingTerms};
    /// use breakeven_model::inventory::Architecture;
    /// use breakeven_model::units::{MemoryMib, Requests, Seconds};
    ///
    /// // Five million requests of 200 ms on 256 MB, less the half millisecond of rounding.
    /// let run = Run::plain(
    ///     MemoryMib::from_mib(256).unwrap(),
    ///     Requests::from_requests(5e6)?,
    ///     Seconds::from_seconds(5e6 * 0.1995)?,
    /// );
    /// let terms = PricingTerms::list("us-east-1", Architecture::X86_64).unwrap();
    /// assert!((run.bill(&terms).total().usd() - 5.166_675).abs() < 1e-6);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn bill(&self, terms: &PricingTerms) -> Bill {
        Bill::from_month(&self.month(tariff::MEAN_ROUNDING, terms), &terms.prices)
    }

    /// The total of that bill, each invocation rounded up by so much, in USD.
    ///
    /// The sum without the parts, for projections that ask for many of them: within rounding what [`bill`](Self::bill) adds up to.
    #[must_use]
    pub fn cost(&self, rounding: Seconds, terms: &PricingTerms) -> Usd {
        let Self { invocations, .. } = *self;
        let (served, memory, prices) = (self.billed(rounding), self.memory.gib(), &terms.prices);
        let inside = self.inside(rounding);
        let init = self.init.map_or(Seconds::ZERO, Init::time);
        let outside = (memory * (served + init)).less(inside);
        let duration = prices.duration.after(terms.used_before, outside);
        let kept = self.kept() * prices.provisioned + inside * prices.provisioned_duration;
        let snapshots = self.snapstart.map_or(Usd::ZERO, |snapshots| {
            let restores = snapshots.restores.over(Requests::ONE).unwrap_or_default();
            (memory * Seconds::from(snapshots.cached)) * prices.snapstart_cache.unwrap_or_default()
                + (memory * restores) * prices.snapstart_restore.unwrap_or_default()
        });
        let instances = self.instances(terms).as_ref().map(instances);
        let instances = instances.map_or(Usd::ZERO, |part| part.fixed);
        let each = Requests::ONE.over(invocations).unwrap_or(Ratio::ZERO);
        let around = match &terms.endpoint_traffic {
            EndpointTraffic::Free => Usd::ZERO,
            EndpointTraffic::Api(tiers) => tiers.total(invocations),
            EndpointTraffic::LoadBalancer {
                time,
                hour,
                capacity_unit,
            } => {
                let busy = invocations.total_time(load_balancer::capacity_time(served * each));
                *hour * *time + busy * *capacity_unit
            }
        };
        let logged = terms.logged_by_request;
        let logs = if logged.is_zero() {
            Usd::ZERO
        } else {
            let count = invocations.over(Requests::ONE).unwrap_or(Ratio::ZERO);
            terms.log_prices.total(logged * count)
        };
        invocations * terms.prices.request
            + duration * terms.discount.complement()
            + kept
            + snapshots
            + instances
            + (self.extra_storage() * served) * terms.prices.ephemeral_storage
            + around
            + logs
    }

    /// The instances, where it ran on them and they have a price.
    fn instances(&self, terms: &PricingTerms) -> Option<Instances> {
        Some(Instances {
            time: self.on_instances?,
            price: terms.instances?,
            // The fee is in that price.
            on_demand: UsdPerHour::ZERO,
        })
    }

    /// `/tmp` above what is free.
    #[must_use]
    pub fn extra_storage(&self) -> Gib {
        let extra = self
            .ephemeral_storage_mib
            .saturating_sub(tariff::FREE_EPHEMERAL_STORAGE_MIB);
        Gib::from_mib(f64::from(extra)).unwrap_or_default()
    }

    /// A month that consists of these invocations, to be priced. Without the free tier, which belongs to the account.
    #[must_use]
    pub fn month(&self, rounding: Seconds, terms: &PricingTerms) -> Month {
        let each = Requests::ONE.over(self.invocations).unwrap_or(Ratio::ZERO);
        let logged = terms.logged_by_request;
        Month {
            memory: self.memory,
            requests: self.invocations,
            compute: self.instances(terms).map_or_else(
                || {
                    Compute::OnDemand(OnDemand {
                        duration: self.billed(rounding) * each,
                        used_before: terms.used_before,
                        discount: terms.discount,
                        init: self.init,
                        provisioned: self.provisioned_concurrency.map(|ready| Provisioned {
                            concurrency: ready.environments(),
                            time: ready.time,
                            requests: self.invocations * ready.share,
                            duration: self.billed(rounding) * each,
                        }),
                        snapstart: self.snapstart,
                    })
                },
                Compute::Instances,
            ),
            free: FreeTier::NONE,
            ephemeral_storage: self.extra_storage(),
            streamed: Gib::ZERO,
            logged_by_request: logged,
            log_prices: if logged.is_zero() {
                Tiers::flat(UsdPerGib::ZERO)
            } else {
                terms.log_prices.clone()
            },
            endpoint_traffic: terms.endpoint_traffic.clone(),
        }
    }
}

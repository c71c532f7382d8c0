//! What the model is told about the world beyond what it observes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::alternatives::kubernetes::PodSizing;
use super::billing::PaidRatios;
use super::cold_starts::InitTimes;
use super::lambda::{
    AncillaryCharges, EndpointTraffic, HttpEndpoint, HttpEndpointOrigin, MissingPrice,
    PricingTerms, Run,
};
use super::resource_prices::Weights;
use super::uncertainty::Range;
use crate::inventory::{Architecture, Function, NamePattern};
use crate::pricing::list_prices::Tiers;
use crate::units::{
    Cores, GibSeconds, Hours, Ratio, Seconds, UsdPerGib, UsdPerGibSecond, UsdPerHour, UsdPerRequest,
};

/// Settings of the model, resolved from the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelParameters {
    /// The time over which costs and requests are averaged.
    pub decision_window: Seconds,
    /// The length of a month.
    pub hours_per_month: Hours,
    /// What a core and a GPU of an ordinary node cost, relative to a GiB.
    pub weights: Weights,
    /// Namespaces whose workloads serve everybody.
    pub shared_namespaces: BTreeSet<String>,
    /// Who carries idle, shared and fixed cost.
    pub sharing: SharingPolicy,
    /// What the cluster costs besides its nodes: control plane, load balancers, labour and the like.
    pub fixed: UsdPerHour,
    /// What each node costs besides its price: agents, licences, log shipping. Fargate has none of it.
    pub fixed_per_node: UsdPerHour,
    /// The part of its allocated cost that a workload's leaving really frees (κ).
    pub avoidable: Range<Ratio>,
    /// What holds for functions, wherever they run.
    pub lambda: LambdaParameters,
    /// How a workload of the cluster would run on Lambda.
    pub lambda_equivalent: LambdaEquivalent,
    /// How a function would run in the cluster.
    pub kubernetes_equivalent: KubernetesEquivalent,
}

/// Who carries idle, shared and fixed cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharingPolicy {
    /// Each workload, in proportion to its allocated cost.
    Proportional,
    /// Each workload the same.
    Even,
    /// Nobody: it stays unattributed.
    None,
}

impl SharingPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Proportional, Self::Even, Self::None];

    /// As it stands in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proportional => "proportional",
            Self::Even => "even",
            Self::None => "none",
        }
    }
}

/// What holds for functions, wherever they run.
#[derive(Clone, Debug, PartialEq)]
pub struct LambdaParameters {
    /// A discount on duration, such as that of a Savings Plan.
    pub discount: Ratio,
    /// GB-s that others in the organisation use each month, in each region and architecture (G0).
    pub used_before: GibSeconds,
    /// How long an idle environment is kept.
    pub keep_alive: Range<Seconds>,
    /// How long a cold start initialises.
    pub init: InitTimes,
    /// What is around functions: the first whose pattern matches the name.
    pub function_overrides: Vec<(NamePattern, AncillaryCharges)>,
    /// Whether functions are priced by what the bill says is paid.
    pub applies_bill: bool,
    /// What that is, where they are.
    pub paid: PaidRatios,
    /// Configured prices of parts, for regions where AWS lists none.
    pub unlisted: UnlistedPrices,
}

/// Configured prices of parts of a function's cost, for regions where AWS lists none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UnlistedPrices {
    /// `SnapStart`: snapshot in the cache.
    pub snapstart_cache: Option<UsdPerGibSecond>,
    /// `SnapStart`: restore.
    pub snapstart_restore: Option<UsdPerGib>,
    /// Request through API Gateway or a load balancer.
    pub usd_per_request_to_endpoint: Option<UsdPerRequest>,
}

/// How a workload of the cluster would run on Lambda.
#[derive(Clone, Debug, PartialEq)]
pub struct LambdaEquivalent {
    /// On which processor.
    pub architecture: Architecture,
    /// What it would be charged by.
    pub terms: PricingTerms,
    /// That region.
    pub region: Arc<str>,
    /// How many times slower than now a request may become in the mean.
    pub max_slowdown: Ratio,
    /// The memory setting over the working set that was seen.
    pub memory_headroom: Ratio,
    /// How many environments the account may run at once, where the account does not say.
    pub concurrency_limit: u32,
    /// How many times as long a core of Lambda takes as one of the cluster (q).
    pub core_time: Range<Ratio>,
    /// The part of what a workload computes that it computes without requests, where that cannot be told from its use.
    pub idle_cpu: Range<Ratio>,
}

/// How a function would run in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct KubernetesEquivalent {
    /// What one pod requests.
    pub pod_cpu: Cores,
    /// How many requests one pod works on at once.
    pub pod_concurrency: u32,
    /// The least number of pods.
    pub min_replicas: u32,
    /// The utilisation of its CPU request at which an autoscaler adds a pod.
    pub target_utilization: Range<Ratio>,
    /// How much of the nodes' cost pods can be packed onto (η).
    pub packing_efficiency: Range<Ratio>,
    /// The part of its wall time that a function computes (φ).
    pub cpu_share: Range<Ratio>,
}

impl LambdaParameters {
    /// What is charged in a region, with so much around it; absent where the region has no list prices. What is around it and
    /// has no list price there is left out, and named in [`PricingTerms::missing`](crate::lambda::PricingTerms::missing).
    #[must_use]
    pub fn terms(
        &self,
        region: &str,
        architecture: Architecture,
        around: AncillaryCharges,
        month: Hours,
    ) -> Option<PricingTerms> {
        let mut listed = PricingTerms::list(region, architecture)?;
        let UnlistedPrices {
            snapstart_cache,
            snapstart_restore,
            usd_per_request_to_endpoint: http_endpoint,
        } = self.unlisted;
        let prices = &mut listed.prices;
        prices.snapstart_cache = prices.snapstart_cache.or(snapstart_cache);
        prices.snapstart_restore = prices.snapstart_restore.or(snapstart_restore);
        let configured = || http_endpoint.map(|price| EndpointTraffic::Api(Tiers::flat(price)));
        let http_endpoint = around.http_endpoint.unwrap_or_default();
        let http_endpoint = http_endpoint.priced(region, month).or_else(configured);
        let missing = http_endpoint
            .is_none()
            .then_some(MissingPrice::HttpEndpoint);
        Some(PricingTerms {
            discount: self.discount,
            used_before: self.used_before,
            endpoint_traffic: http_endpoint.unwrap_or(EndpointTraffic::Free),
            logged_by_request: around.logged_by_request,
            instances: around.instances,
            missing: missing.into_iter().collect(),
            ..listed
        })
    }
}

impl LambdaParameters {
    /// What the configuration says of what is around a function.
    fn around(&self, function: &Function) -> AncillaryCharges {
        let mut patterns = self.function_overrides.iter();
        let around = patterns.find(|(names, _)| names.matches(&function.id.name));
        around.map(|(_, around)| *around).unwrap_or_default()
    }

    /// What the requests of a function come through: as configured, else as Lambda says, else nothing that costs.
    #[must_use]
    pub fn http_endpoint_of(&self, function: &Function) -> (HttpEndpoint, HttpEndpointOrigin) {
        match (
            self.around(function).http_endpoint,
            HttpEndpoint::seen(function),
        ) {
            (Some(http_endpoint), _) => (http_endpoint, HttpEndpointOrigin::Configured),
            (None, Some(http_endpoint)) => (http_endpoint, HttpEndpointOrigin::Read),
            (None, None) => (HttpEndpoint::Free, HttpEndpointOrigin::Assumed),
        }
    }
}

impl ModelParameters {
    /// Prices of a function. A part that the function uses and that has no price is named in [`PricingTerms::missing`](crate::lambda::PricingTerms::missing).
    ///
    /// # Errors
    /// If the region has no list prices, or the managed instances that the function runs on have no configured price.
    pub fn terms_of(&self, function: &Function) -> Result<PricingTerms, MissingPrice> {
        let around = self.lambda.around(function);
        if function.capacity_provider.is_some() && around.instances.is_none() {
            return Err(MissingPrice::ManagedInstances);
        }
        let (region, architecture) = (&function.id.region, function.architecture);
        let mut terms = self
            .lambda
            .terms(region, architecture, around, self.hours_per_month)
            .ok_or(MissingPrice::Region)?;
        if Run::pays_for_snapshots(function) && !terms.prices.has_snapstart() {
            terms.missing.push(MissingPrice::SnapStart);
        }
        Ok(self.lambda.paid.applied(terms, &function.id, architecture))
    }
}

impl KubernetesEquivalent {
    /// With every parameter at its best single value.
    #[must_use]
    pub fn point(&self) -> PodSizing {
        PodSizing {
            pod_cpu: self.pod_cpu,
            pod_concurrency: self.pod_concurrency,
            min_replicas: self.min_replicas,
            target_utilization: self.target_utilization.point,
            packing_efficiency: self.packing_efficiency.point,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::FunctionId;
    use crate::test_util;
    use crate::units::MemoryMib;

    fn function(region: &str, runtime: &str, snap_start: bool) -> Function {
        let id = FunctionId {
            account_id: "123456789012".into(),
            region: region.into(),
            name: "api".into(),
        };
        let plain = Function::plain(id, MemoryMib::MIN, Architecture::X86_64);
        Function {
            runtime: Some(runtime.into()),
            snap_start,
            ..plain
        }
    }

    fn missing(settings: &ModelParameters, function: &Function) -> Vec<MissingPrice> {
        match settings.terms_of(function) {
            Ok(terms) => terms.missing,
            Err(missing) => vec![missing],
        }
    }

    #[test]
    fn a_part_that_the_region_does_not_list_is_missing_only_from_functions_that_use_it() {
        let mut settings = test_util::settings();
        for (region, runtime, snap_start, expected) in [
            (
                "ap-east-2",
                "python3.13",
                true,
                vec![MissingPrice::SnapStart],
            ),
            ("ap-east-2", "python3.13", false, vec![]),
            ("ap-east-2", "java21", true, vec![]),
            ("sa-east-1", "python3.13", true, vec![]),
            (
                "cn-north-1",
                "python3.13",
                false,
                vec![MissingPrice::Region],
            ),
        ] {
            let function = function(region, runtime, snap_start);
            assert_eq!(
                missing(&settings, &function),
                expected,
                "{region} {runtime}"
            );
        }
        let around = AncillaryCharges {
            http_endpoint: Some(HttpEndpoint::LoadBalancer),
            ..AncillaryCharges::default()
        };
        settings.lambda.function_overrides = vec![(NamePattern::new("*").unwrap(), around)];
        for (region, expected) in [
            ("us-east-1", vec![]),
            ("eu-west-1", vec![MissingPrice::HttpEndpoint]),
        ] {
            let function = function(region, "python3.13", false);
            assert_eq!(missing(&settings, &function), expected, "{region}");
        }
        let managed = Function {
            capacity_provider: Some("own".into()),
            ..function("us-east-1", "python3.13", false)
        };
        assert_eq!(
            missing(&settings, &managed),
            [MissingPrice::ManagedInstances]
        );
    }
}

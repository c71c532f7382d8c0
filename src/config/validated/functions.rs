//! The settings of the model for functions.

use std::ops::RangeInclusive;

use crate::config::file::{self, RawConfig};
use crate::schema::{ConfigPath, Validator};
use breakeven_model::billing::PaidRatios;
use breakeven_model::cold_starts::InitTimes;
use breakeven_model::inventory::NamePattern;
use breakeven_model::lambda::{AncillaryCharges, HttpEndpoint, PricingTerms};
use breakeven_model::pricing::list_prices::lambda as tariff;
use breakeven_model::units::{
    Gib, GibSeconds, Hours, Seconds, UsdPerGib, UsdPerGibSecond, UsdPerHour, UsdPerRequest,
};
use breakeven_model::{LambdaEquivalent, LambdaParameters, UnlistedPrices};

/// The least and the longest time that an idle environment may be kept, in seconds.
const KEEP_ALIVE: RangeInclusive<f64> = 60.0..=7_200.0;

/// The least and the longest time that an environment may initialise, in seconds.
const INIT: RangeInclusive<f64> = 0.0..=tariff::MAX_INIT.seconds();

/// The most that a request may write to the logs, in bytes.
const LOGGED: RangeInclusive<f64> = 0.0..=1e9;

impl Validator {
    pub(super) fn functions(&mut self, raw: &RawConfig) -> LambdaParameters {
        let prices = &ConfigPath::top().key("prices").key("lambda");
        let cold = &ConfigPath::top().key("model").key("cold_starts");
        let others = prices.key("other_gb_seconds_per_month");
        let patterns = ConfigPath::top().key("aws").key("surroundings");
        LambdaParameters {
            discount: self.ratio(
                raw.prices.lambda.duration_discount_ratio,
                &(0.0..=1.0),
                &prices.key("duration_discount_ratio"),
            ),
            used_before: self.quantity(
                GibSeconds::from_gib_seconds(raw.prices.lambda.other_gb_seconds_per_month),
                &others,
            ),
            keep_alive: self.range_of(
                raw.model.cold_starts.keep_alive_seconds,
                &KEEP_ALIVE,
                Seconds::from_seconds,
                &cold.key("keep_alive_seconds"),
            ),
            init: self.init_times(&raw.model.cold_starts, cold),
            applies_bill: raw.aws.bill.enabled && raw.aws.bill.apply,
            paid: PaidRatios::default(),
            unlisted: self.unlisted(&raw.prices.lambda.unlisted, &prices.key("unlisted")),
            function_overrides: raw
                .aws
                .surroundings
                .iter()
                .enumerate()
                .filter_map(|(at, around)| self.around(around, &patterns.item(at)))
                .collect(),
        }
    }

    fn unlisted(&mut self, raw: &file::UnlistedPrices, place: &ConfigPath) -> UnlistedPrices {
        let cache = place.key("snapstart_cache_usd_per_gb_second");
        let restore = place.key("snapstart_restore_usd_per_gb");
        let front_door = place.key("front_door_usd_per_million");
        UnlistedPrices {
            snapstart_cache: raw
                .snapstart_cache_usd_per_gb_second
                .map(|price| self.quantity(UsdPerGibSecond::from_secondly(price), &cache)),
            snapstart_restore: raw
                .snapstart_restore_usd_per_gb
                .map(|price| self.quantity(UsdPerGib::from_each(price), &restore)),
            usd_per_request_to_endpoint: raw
                .front_door_usd_per_million
                .map(|price| self.quantity(UsdPerRequest::from_per_million(price), &front_door)),
        }
    }

    fn init_times(&mut self, raw: &file::ColdStarts, place: &ConfigPath) -> InitTimes {
        let by_runtime = place.key("init_seconds_by_runtime");
        let mut one = |(runtime, seconds): (&String, &f64)| {
            let place = by_runtime.key(runtime);
            let seconds = self.within(*seconds, &INIT, &place);
            let time = self.quantity(Seconds::from_seconds(seconds), &place);
            (runtime.clone(), time)
        };
        InitTimes {
            by_runtime: raw.init_seconds_by_runtime.iter().map(&mut one).collect(),
            otherwise: self.range_of(
                raw.init_seconds,
                &INIT,
                Seconds::from_seconds,
                &place.key("init_seconds"),
            ),
        }
    }

    fn around(
        &mut self,
        raw: &file::FunctionOverrides,
        place: &ConfigPath,
    ) -> Option<(NamePattern, AncillaryCharges)> {
        let at = place.key("managed_instances_usd_per_hour");
        let instances = raw
            .managed_instances_usd_per_hour
            .map(|price| self.quantity(UsdPerHour::from_hourly(price), &at));
        let around = AncillaryCharges {
            instances,
            ..self.surroundings(raw.front_door, raw.log_bytes_per_request, place)
        };
        let pattern = self.pattern(&raw.functions, &place.key("functions"))?;
        Some((pattern, around))
    }

    fn surroundings(
        &mut self,
        http_endpoint: Option<HttpEndpoint>,
        log_bytes: f64,
        place: &ConfigPath,
    ) -> AncillaryCharges {
        let logged = place.key("log_bytes_per_request");
        let log_bytes = self.within(log_bytes, &LOGGED, &logged);
        AncillaryCharges {
            http_endpoint,
            logged_by_request: self.quantity(Gib::from_bytes(log_bytes), &logged),
            instances: None,
        }
    }

    /// A pattern for names of functions; absent where it can match none, which is refused.
    pub(super) fn pattern(&mut self, pattern: &str, place: &ConfigPath) -> Option<NamePattern> {
        NamePattern::new(pattern)
            .map_err(|error| self.refuse(place, error.to_string()))
            .ok()
    }

    pub(super) fn lambda_equivalent(
        &mut self,
        raw: &file::LambdaEquivalent,
        functions: &LambdaParameters,
        month: Hours,
        place: &ConfigPath,
    ) -> LambdaEquivalent {
        let at = |key| place.key(key);
        let architecture = raw.architecture;
        let http_endpoint = Some(raw.front_door);
        let around = self.surroundings(http_endpoint, raw.log_bytes_per_request, place);
        let terms = functions.terms(&raw.region, architecture, around, month);
        match &terms {
            None => {
                let processor = architecture.as_str();
                let what = format!(
                    "the prices of Lambda on {processor} in {:?} are not known",
                    raw.region
                );
                self.refuse(&at("region"), what);
            }
            Some(terms) if !terms.missing.is_empty() => {
                let what = format!(
                    "has no list price in {:?}; set prices.lambda.unlisted.front_door_usd_per_million",
                    raw.region
                );
                self.refuse(&at("front_door"), what);
            }
            Some(_) => {}
        }
        LambdaEquivalent {
            architecture,
            terms: terms.unwrap_or_else(|| PricingTerms::known(architecture)),
            region: raw.region.as_str().into(),
            max_slowdown: self.ratio(
                raw.max_slowdown_ratio,
                &(1.0..=1e3),
                &at("max_slowdown_ratio"),
            ),
            memory_headroom: self.ratio(
                raw.memory_headroom_ratio,
                &(1.0..=10.0),
                &at("memory_headroom_ratio"),
            ),
            concurrency_limit: self.count(raw.concurrency_limit, &at("concurrency_limit")),
            core_time: self.range(raw.core_time_ratio, &(0.1..=10.0), &at("core_time_ratio")),
            idle_cpu: self.range(raw.idle_cpu_ratio, &(0.0..=0.99), &at("idle_cpu_ratio")),
        }
    }
}

//! The prices of a scenario: those that are given, else those that the program knows for the region.

use super::{AMOUNT, file};
use crate::schema::{ConfigPath, Validator};
use breakeven_model::inventory::Architecture;
use breakeven_model::lambda::{Compute, EndpointTraffic, HttpEndpoint, Month};
use breakeven_model::pricing::list_prices::lambda::Prices;
use breakeven_model::pricing::list_prices::{Tiers, api_gateway, load_balancer, logs};
use breakeven_model::units::{
    Hours, QuantityError, UsdPerGib, UsdPerGibSecond, UsdPerHour, UsdPerRequest,
};

/// The prices of Lambda; those of what is around it are put into the month.
pub(super) fn prices(
    check: &mut Validator,
    raw: &file::Lambda,
    month: &mut Month,
    hours: Hours,
    place: &ConfigPath,
) -> Prices {
    let mut list = PriceList {
        check,
        region: &raw.region,
        place,
    };
    month.endpoint_traffic = list.front_door(raw.front_door, &raw.prices, hours);
    month.log_prices = list.logs(month, &raw.prices);
    list.lambda(month, &raw.prices, raw.architecture)
}
/// What is known of the prices of a region.
struct PriceList<'a> {
    check: &'a mut Validator,
    region: &'a str,
    place: &'a ConfigPath,
}

/// Where a price that is not given comes from.
#[derive(Clone, Copy)]
struct PriceNeed {
    /// The program knows it.
    known: bool,
    /// Something of the scenario has this price.
    needed: bool,
}

impl PriceList<'_> {
    /// Takes the price that is given in place of a known one. One that is needed, and neither given nor known, is refused.
    fn set<T>(
        &mut self,
        price: &mut T,
        (key, given): (&str, Option<f64>),
        make: fn(f64) -> Result<T, QuantityError>,
        PriceNeed { known, needed }: PriceNeed,
    ) {
        let place = self.place.key(key);
        match given.map(|given| make(self.check.within(given, &AMOUNT, &place))) {
            Some(Ok(given)) => *price = given,
            Some(Err(error)) => self.check.refuse(&place, error.to_string()),
            None if needed && !known => {
                let what = format!("is missing: this price is not known for {:?}", self.region);
                self.check.refuse(&place, what);
            }
            None => {}
        }
    }

    fn lambda(
        &mut self,
        month: &Month,
        given: &file::Prices,
        architecture: Architecture,
    ) -> Prices {
        let listed = Prices::in_region(self.region, architecture);
        let known = listed.is_some();
        let when = |needed| PriceNeed { known, needed };
        let (mut provisioned, mut snapstart, mut on_demand) = (false, false, false);
        if let Compute::OnDemand(compute) = &month.compute {
            provisioned = compute.provisioned.is_some();
            snapstart = compute.snapstart.is_some();
            on_demand = true;
        }
        let by_time = UsdPerGibSecond::from_secondly;
        let mut prices = listed.unwrap_or_else(|| Prices {
            snapstart_cache: None,
            snapstart_restore: None,
            streaming: None,
            ..Prices::list(architecture)
        });
        self.set(
            &mut prices.request,
            ("requests_usd_per_million", given.requests_usd_per_million),
            UsdPerRequest::from_per_million,
            when(true),
        );
        self.set(
            &mut prices.duration,
            (
                "duration_usd_per_gb_second",
                given.duration_usd_per_gb_second,
            ),
            |price| UsdPerGibSecond::from_secondly(price).map(Tiers::flat),
            when(on_demand),
        );
        self.set(
            &mut prices.provisioned,
            (
                "provisioned_usd_per_gb_second",
                given.provisioned_usd_per_gb_second,
            ),
            by_time,
            when(provisioned),
        );
        self.set(
            &mut prices.provisioned_duration,
            (
                "provisioned_duration_usd_per_gb_second",
                given.provisioned_duration_usd_per_gb_second,
            ),
            by_time,
            when(provisioned),
        );
        self.set(
            &mut prices.ephemeral_storage,
            (
                "ephemeral_usd_per_gb_second",
                given.ephemeral_usd_per_gb_second,
            ),
            by_time,
            when(!month.ephemeral_storage.is_zero()),
        );
        self.set_unlisted(&mut prices, given, (snapstart, !month.streamed.is_zero()));
        prices
    }

    /// The prices that some regions do not list, `needed` for snapshots and for streamed responses.
    fn set_unlisted(&mut self, prices: &mut Prices, given: &file::Prices, needed: (bool, bool)) {
        let (snapstart, streaming) = needed;
        self.set_optional(
            &mut prices.snapstart_cache,
            (
                "snapstart_cache_usd_per_gb_second",
                given.snapstart_cache_usd_per_gb_second,
            ),
            UsdPerGibSecond::from_secondly,
            snapstart,
        );
        self.set_optional(
            &mut prices.snapstart_restore,
            (
                "snapstart_restore_usd_per_gb",
                given.snapstart_restore_usd_per_gb,
            ),
            UsdPerGib::from_each,
            snapstart,
        );
        self.set_optional(
            &mut prices.streaming,
            ("streaming_usd_per_gb", given.streaming_usd_per_gb),
            UsdPerGib::from_each,
            streaming,
        );
    }

    /// As [`set`](Self::set), for a price that is unknown if it is `None`.
    fn set_optional<T: Copy + Default>(
        &mut self,
        price: &mut Option<T>,
        given: (&str, Option<f64>),
        make: fn(f64) -> Result<T, QuantityError>,
        needed: bool,
    ) {
        let known = price.is_some();
        let mut value = price.unwrap_or_default();
        let is_given = given.1.is_some();
        self.set(&mut value, given, make, PriceNeed { known, needed });
        *price = (known || is_given).then_some(value);
    }

    fn logs(&mut self, month: &Month, given: &file::Prices) -> Tiers<breakeven_model::units::Gib> {
        let listed = logs::ingestion_in(self.region);
        let known = PriceNeed {
            known: listed.is_some(),
            needed: !month.logged_by_request.is_zero(),
        };
        let mut tiers = listed.unwrap_or_else(Tiers::free);
        self.set(
            &mut tiers,
            ("logs_usd_per_gb", given.logs_usd_per_gb),
            |price| UsdPerGib::from_each(price).map(Tiers::flat),
            known,
        );
        tiers
    }

    fn front_door(
        &mut self,
        kind: HttpEndpoint,
        given: &file::Prices,
        time: Hours,
    ) -> EndpointTraffic {
        let listed = match kind {
            HttpEndpoint::Free | HttpEndpoint::FunctionUrl => {
                return EndpointTraffic::Free;
            }
            HttpEndpoint::LoadBalancer => return self.load_balancer(given, time),
            HttpEndpoint::HttpApi => api_gateway::http_api_in(self.region),
            HttpEndpoint::RestApi => api_gateway::rest_api_in(self.region),
        };
        let known = PriceNeed {
            known: listed.is_some(),
            needed: true,
        };
        let mut tiers = listed.unwrap_or_else(Tiers::free);
        self.set(
            &mut tiers,
            ("api_usd_per_million", given.api_usd_per_million),
            |price| UsdPerRequest::from_per_million(price).map(Tiers::flat),
            known,
        );
        EndpointTraffic::Api(tiers)
    }

    fn load_balancer(&mut self, given: &file::Prices, time: Hours) -> EndpointTraffic {
        let (mut hour, mut capacity_unit) = (load_balancer::HOUR, load_balancer::CAPACITY_UNIT);
        let hourly = UsdPerHour::from_hourly;
        let around = PriceNeed {
            known: self.region == load_balancer::REGION,
            needed: true,
        };
        self.set(
            &mut hour,
            ("alb_usd_per_hour", given.alb_usd_per_hour),
            hourly,
            around,
        );
        self.set(
            &mut capacity_unit,
            ("alb_usd_per_lcu_hour", given.alb_usd_per_lcu_hour),
            hourly,
            around,
        );
        EndpointTraffic::LoadBalancer {
            time,
            hour,
            capacity_unit,
        }
    }
}

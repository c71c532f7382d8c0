//! Where prices are asked for.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::file::RawConfig;
use crate::config::validated::AzureRetail;
use crate::schema::{ConfigPath, Validator};
use crate::sources::Schedule;
use crate::sources::azure::retail_prices::AzureRetail as Api;
use crate::sources::price_list;

/// How often it is looked for list prices that hold no more.
const LIST_INTERVAL: Duration = Duration::from_secs(3_600);

impl Validator {
    /// Where there are nodes to price, and AWS is asked at all.
    pub(in crate::config::validated) fn price_list(
        &mut self,
        raw: &RawConfig,
        place: &ConfigPath,
    ) -> Option<(price_list::PriceListConfig, Schedule)> {
        let list = &raw.prices.price_list;
        let read = self.list(
            list.refresh_seconds,
            list.timeout_seconds,
            list.cache_directory.as_deref(),
            place,
        );
        (list.enabled && raw.aws.enabled && raw.kubernetes.enabled).then_some(read)
    }

    /// As the price list.
    pub(in crate::config::validated) fn spot(
        &mut self,
        raw: &RawConfig,
        place: &ConfigPath,
    ) -> Option<Schedule> {
        let spot = &raw.prices.spot;
        let schedule = self.schedule(
            spot.refresh_seconds,
            spot.timeout_seconds,
            place,
            "refresh_seconds",
        );
        (spot.enabled && raw.aws.enabled && raw.kubernetes.enabled).then_some(schedule)
    }

    /// Where there are nodes to price.
    pub(in crate::config::validated) fn azure_retail(
        &mut self,
        raw: &RawConfig,
        place: &ConfigPath,
    ) -> Option<(AzureRetail, Schedule)> {
        let azure = &raw.prices.azure_retail;
        let (list, schedule) = self.list(
            azure.refresh_seconds,
            azure.timeout_seconds,
            azure.cache_directory.as_deref(),
            place,
        );
        if !(azure.enabled && raw.kubernetes.enabled) {
            return None;
        }
        if let Err(error) = Api::at(&azure.base_url) {
            self.refuse(&place.key(error.field), error.problem);
        }
        let settings = AzureRetail {
            base_url: azure.base_url.clone(),
            list,
        };
        Some((settings, schedule))
    }

    fn list(
        &mut self,
        refresh_seconds: f64,
        timeout_seconds: f64,
        cache_directory: Option<&str>,
        place: &ConfigPath,
    ) -> (price_list::PriceListConfig, Schedule) {
        let schedule = self.schedule(refresh_seconds, timeout_seconds, place, "refresh_seconds");
        let settings = price_list::PriceListConfig {
            refresh: schedule.interval,
            cache_directory: cache_directory.map(PathBuf::from),
        };
        // Looked at more often than an answer holds, as each type is asked for when it appears.
        let schedule = Schedule {
            interval: schedule.interval.min(LIST_INTERVAL),
            ..schedule
        };
        (settings, schedule)
    }
}

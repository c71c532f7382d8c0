//! Random months of functions, and what can be changed about them.

use proptest::prelude::*;

use super::*;
use crate::inventory::Architecture;
use crate::pricing::list_prices::lambda::Prices;
use crate::pricing::list_prices::{api_gateway, load_balancer, logs as log_prices};
use crate::units::{
    Gib, GibSeconds, HOURS_PER_MONTH, Hours, MemoryMib, Ratio, Requests, Seconds, Usd, UsdPerHour,
};

pub(crate) fn count(value: f64) -> Requests {
    Requests::from_requests(value).unwrap()
}

pub(crate) fn seconds(value: f64) -> Seconds {
    Seconds::from_seconds(value).unwrap()
}

pub(crate) fn ratio(value: f64) -> Ratio {
    Ratio::from_factor(value).unwrap()
}

pub(crate) fn endpoint_traffics() -> impl Strategy<Value = EndpointTraffic> {
    prop_oneof![
        Just(EndpointTraffic::Free),
        Just(EndpointTraffic::Api(api_gateway::http_api())),
        Just(EndpointTraffic::Api(api_gateway::rest_api())),
        Just(EndpointTraffic::LoadBalancer {
            time: HOURS_PER_MONTH,
            hour: load_balancer::HOUR,
            capacity_unit: load_balancer::CAPACITY_UNIT,
        }),
    ]
}

fn on_demand(requests: f64) -> impl Strategy<Value = Compute> {
    let provisioned = (1_u32..500, 0.0..730.0, 0.0..=1.0, 0.001..30.0);
    let provisioned = proptest::option::of(provisioned).prop_map(move |ready| {
        ready.map(|(concurrency, hours, share, duration)| Provisioned {
            concurrency: ratio(f64::from(concurrency)),
            time: Hours::from_hours(hours).unwrap(),
            requests: count(requests * share),
            duration: seconds(duration),
        })
    });
    let snapstart = proptest::option::of((0.0..730.0, 0.0..1e6)).prop_map(|snapshots| {
        snapshots.map(|(hours, restores)| SnapStart {
            cached: Hours::from_hours(hours).unwrap(),
            restores: count(restores),
        })
    });
    let init = proptest::option::of((0.0..1e6, 0.01..10.0)).prop_map(|init| {
        init.map(|(cold_starts, duration)| Init {
            cold_starts: count(cold_starts),
            duration: seconds(duration),
        })
    });
    let before = prop_oneof![Just(0.0), 0.0..3e10];
    (0.001..900.0, before, 0.0..0.2, provisioned, snapstart, init).prop_map(
        |(duration, used_before, discount, provisioned, snapstart, init)| {
            Compute::OnDemand(OnDemand {
                duration: seconds(duration),
                used_before: GibSeconds::from_gib_seconds(used_before).unwrap(),
                discount: ratio(discount),
                provisioned,
                snapstart,
                init,
            })
        },
    )
}

fn compute(requests: f64) -> impl Strategy<Value = Compute> {
    let managed = (0.0..5e3, 0.01..2.0, 0.01..2.0).prop_map(|(time, price, on_demand)| {
        Compute::Instances(Instances {
            time: Hours::from_hours(time).unwrap(),
            price: UsdPerHour::from_hourly(price).unwrap(),
            on_demand: UsdPerHour::from_hourly(on_demand).unwrap(),
        })
    });
    prop_oneof![4 => on_demand(requests), 1 => managed]
}

pub(crate) fn months() -> impl Strategy<Value = Month> {
    (0.0_f64..11.0)
        .prop_map(|power| 10_f64.powf(power))
        .prop_flat_map(|requests| {
            let free = prop_oneof![Just(FreeTier::NONE), Just(FreeTier::WHOLE)];
            let amounts = (0.0..9.5, 0.0..1e4, 0.0..1e5);
            (
                128_u32..=10_240,
                compute(requests),
                free,
                amounts,
                endpoint_traffics(),
            )
                .prop_map(
                    move |(memory, compute, free, (storage, streamed, logged), http_endpoint)| {
                        Month {
                            memory: MemoryMib::from_mib(memory).unwrap(),
                            requests: count(requests),
                            compute,
                            free,
                            ephemeral_storage: Gib::from_gib(storage).unwrap(),
                            streamed: Gib::from_gib(streamed).unwrap(),
                            logged_by_request: Gib::from_bytes(logged).unwrap(),
                            log_prices: log_prices::ingestion(),
                            endpoint_traffic: http_endpoint,
                        }
                    },
                )
        })
}

pub(crate) fn architectures() -> impl Strategy<Value = Architecture> {
    prop_oneof![Just(Architecture::X86_64), Just(Architecture::Arm64)]
}

/// Every price of a list that is a plain number, to be raised alone.
pub(crate) const RAISED: [fn(&mut Prices, Ratio); 8] = [
    |prices, by| prices.request = prices.request * by,
    |prices, by| prices.duration = prices.duration.scaled(by),
    |prices, by| prices.provisioned = prices.provisioned * by,
    |prices, by| prices.provisioned_duration = prices.provisioned_duration * by,
    |prices, by| prices.ephemeral_storage = prices.ephemeral_storage * by,
    |prices, by| prices.snapstart_cache = prices.snapstart_cache.map(|price| price * by),
    |prices, by| prices.snapstart_restore = prices.snapstart_restore.map(|price| price * by),
    |prices, by| prices.streaming = prices.streaming.map(|price| price * by),
];

pub(crate) fn is_not_less(more: Usd, less: Usd) -> bool {
    more.usd() >= less.usd() * (1.0 - 1e-9)
}

pub(crate) fn total(month: &Month, prices: &Prices) -> Usd {
    Bill::from_month(month, prices).total()
}

/// The month and its prices, every price so many times as high.
pub(crate) fn at_prices(month: &Month, prices: &Prices, by: Ratio) -> (Month, Prices) {
    let (mut month, mut prices) = (month.clone(), prices.clone());
    RAISED.iter().for_each(|raise| raise(&mut prices, by));
    RAISED_AROUND.iter().for_each(|raise| raise(&mut month, by));
    (month, prices)
}

/// Every price of what is around a function, to be raised alone.
pub(crate) const RAISED_AROUND: [fn(&mut Month, Ratio); 6] = [
    |month, by| month.log_prices = month.log_prices.scaled(by),
    |month, by| {
        if let EndpointTraffic::Api(tiers) = &mut month.endpoint_traffic {
            *tiers = tiers.scaled(by);
        }
    },
    |month, by| {
        if let EndpointTraffic::LoadBalancer { hour, .. } = &mut month.endpoint_traffic {
            *hour = *hour * by;
        }
    },
    |month, by| {
        if let EndpointTraffic::LoadBalancer { capacity_unit, .. } = &mut month.endpoint_traffic {
            *capacity_unit = *capacity_unit * by;
        }
    },
    |month, by| {
        if let Compute::Instances(managed) = &mut month.compute {
            managed.price = managed.price * by;
        }
    },
    |month, by| {
        if let Compute::Instances(managed) = &mut month.compute {
            managed.on_demand = managed.on_demand * by;
        }
    },
];

/// Every amount that is charged for, to be made larger alone. Only requests served inside provisioned concurrency are not
/// among them: each of them is one less outside, which may cost more or less.
pub(crate) const LARGER: [fn(&mut Month, Ratio); 16] = [
    |month, by| month.requests = month.requests * by,
    |month, by| month.memory = larger(month.memory, by),
    |month, by| month.ephemeral_storage = month.ephemeral_storage * by,
    |month, by| month.streamed = month.streamed * by,
    |month, by| month.logged_by_request = month.logged_by_request * by,
    |month, by| on_demand_of(month, |one| one.duration = one.duration * by),
    |month, by| provisioned_of(month, |ready| ready.concurrency = ready.concurrency * by),
    |month, by| provisioned_of(month, |ready| ready.time = ready.time * by),
    |month, by| provisioned_of(month, |ready| ready.duration = ready.duration * by),
    |month, by| snapshots_of(month, |snapshots| snapshots.cached = snapshots.cached * by),
    |month, by| {
        snapshots_of(month, |snapshots| {
            snapshots.restores = snapshots.restores * by
        })
    },
    |month, by| init_of(month, |init| init.cold_starts = init.cold_starts * by),
    |month, by| init_of(month, |init| init.duration = init.duration * by),
    |month, by| {
        if let Compute::Instances(managed) = &mut month.compute {
            managed.time = managed.time * by;
        }
    },
    |month, by| {
        if let EndpointTraffic::LoadBalancer { time, .. } = &mut month.endpoint_traffic {
            *time = *time * by;
        }
    },
    |month, by| {
        let left = by.inverse().unwrap_or(Ratio::ZERO);
        month.free.requests = month.free.requests * left;
        month.free.duration = month.free.duration * left;
    },
];

fn larger(memory: MemoryMib, by: Ratio) -> MemoryMib {
    MemoryMib::holding(memory.gib() * by).unwrap_or(MemoryMib::MAX)
}

fn on_demand_of(month: &mut Month, change: impl FnOnce(&mut OnDemand)) {
    if let Compute::OnDemand(on_demand) = &mut month.compute {
        change(on_demand);
    }
}

fn provisioned_of(month: &mut Month, change: impl FnMut(&mut Provisioned)) {
    on_demand_of(month, |one| one.provisioned.iter_mut().for_each(change));
}

fn snapshots_of(month: &mut Month, change: impl FnMut(&mut SnapStart)) {
    on_demand_of(month, |one| one.snapstart.iter_mut().for_each(change));
}

fn init_of(month: &mut Month, change: impl FnMut(&mut Init)) {
    on_demand_of(month, |one| one.init.iter_mut().for_each(change));
}

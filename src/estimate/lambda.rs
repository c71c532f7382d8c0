//! The function of a scenario.

use super::{AMOUNT, amount, file, list_price};
use crate::schema::{ConfigPath, Validator};
use breakeven_model::lambda::{
    Compute, EndpointTraffic, FreeTier, Init, Instances, Month, OnDemand, Provisioned, SnapStart,
};
use breakeven_model::pricing::list_prices::Tiers;
use breakeven_model::pricing::list_prices::lambda::{self as tariff, Prices};
use breakeven_model::units::{
    Gib, GibSeconds, Hours, MemoryMib, Ratio, Requests, Seconds, UsdPerHour,
};

/// How long a billed request may take, in milliseconds.
const DURATION: std::ops::RangeInclusive<f64> = 1.0..=tariff::MAX_INVOCATION.millis();

pub(super) fn lambda(
    check: &mut Validator,
    raw: &file::Lambda,
    hours: Hours,
    place: &ConfigPath,
) -> (Month, Prices) {
    let memory = memory(check, raw.memory_mib, &place.key("memory_mib"));
    let requests = traffic(
        check,
        raw.requests_per_month,
        &place.key("requests_per_month"),
    );
    let compute = compute(check, raw, requests, hours, place);
    let at_storage = place.key("ephemeral_storage_mib");
    let storage = amount(
        check,
        f64::from(raw.ephemeral_storage_mib),
        &(f64::from(tariff::FREE_EPHEMERAL_STORAGE_MIB)
            ..=f64::from(tariff::MAX_EPHEMERAL_STORAGE_MIB)),
        Gib::from_mib,
        &at_storage,
    );
    let free_storage = Gib::from_mib(f64::from(tariff::FREE_EPHEMERAL_STORAGE_MIB));
    let at_streamed = place.key("streamed_gib_per_month");
    let at_logged = place.key("log_bytes_per_request");
    let mut month = Month {
        memory,
        requests,
        compute,
        free: if raw.free_tier {
            FreeTier::WHOLE
        } else {
            FreeTier::NONE
        },
        ephemeral_storage: storage.less(free_storage.unwrap_or_default()),
        streamed: amount(
            check,
            raw.streamed_gib_per_month,
            &AMOUNT,
            Gib::from_gib,
            &at_streamed,
        ),
        logged_by_request: amount(
            check,
            raw.log_bytes_per_request,
            &(0.0..=1e9),
            Gib::from_bytes,
            &at_logged,
        ),
        log_prices: Tiers::free(),
        endpoint_traffic: EndpointTraffic::Free,
    };
    let prices = super::prices::prices(check, raw, &mut month, hours, &place.key("prices"));
    (month, prices)
}

fn memory(check: &mut Validator, mib: Option<u32>, place: &ConfigPath) -> MemoryMib {
    let Some(mib) = mib else {
        check.refuse(place, "is missing: give the memory setting");
        return MemoryMib::MIN;
    };
    MemoryMib::from_mib(mib).unwrap_or_else(|| {
        let (least, most) = (MemoryMib::MIN.mib(), MemoryMib::MAX.mib());
        check.refuse(place, format!("{mib} is not between {least} and {most}"));
        MemoryMib::MIN
    })
}

fn traffic(check: &mut Validator, requests: Option<f64>, place: &ConfigPath) -> Requests {
    match requests {
        None => check.refuse(place, "is missing: give the requests of a month"),
        Some(0.0) => check.refuse(
            place,
            "0 is no traffic: without a request nothing can be compared",
        ),
        Some(requests) => {
            return amount(check, requests, &AMOUNT, Requests::from_requests, place);
        }
    }
    Requests::ONE
}

fn compute(
    check: &mut Validator,
    raw: &file::Lambda,
    requests: Requests,
    hours: Hours,
    place: &ConfigPath,
) -> Compute {
    let managed = raw.managed_instances.as_ref();
    if let Some(managed) = managed.filter(|managed| managed.hours != 0.0) {
        let on_demand = [
            (
                "provisioned",
                raw.provisioned != file::Provisioned::default(),
            ),
            ("snapstart", raw.snapstart != file::SnapStart::default()),
            ("init", raw.init != file::Init::default()),
            ("other_gb_seconds", raw.other_gb_seconds != 0.0),
            ("duration_discount", raw.duration_discount != 0.0),
        ];
        for (key, _) in on_demand.into_iter().filter(|(_, given)| *given) {
            let what = "does not go together with managed_instances, which bill no duration";
            check.refuse(&place.key(key), what);
        }
        return Compute::Instances(instances(check, managed, &place.key("managed_instances")));
    }
    let at_duration = place.key("duration_ms");
    let duration = match raw.duration_ms {
        Some(given) => duration(check, given, &at_duration),
        None => {
            let what = "is missing: give the mean billed duration of a request";
            check.refuse(&at_duration, what);
            Seconds::ZERO
        }
    };
    let (at_others, at_discount) = (
        place.key("other_gb_seconds"),
        place.key("duration_discount"),
    );
    Compute::OnDemand(OnDemand {
        duration,
        used_before: amount(
            check,
            raw.other_gb_seconds,
            &AMOUNT,
            GibSeconds::from_gib_seconds,
            &at_others,
        ),
        discount: check.ratio(raw.duration_discount, &(0.0..=1.0), &at_discount),
        provisioned: provisioned(
            check,
            &raw.provisioned,
            requests,
            hours,
            &place.key("provisioned"),
        ),
        snapstart: snapstart(check, &raw.snapstart, &place.key("snapstart")),
        init: init(check, &raw.init, requests, &place.key("init")),
    })
}

fn instances(check: &mut Validator, raw: &file::ManagedInstances, place: &ConfigPath) -> Instances {
    let (at_hours, at_price) = (place.key("hours"), place.key("usd_per_hour"));
    let on_demand = list_price(check, &raw.instance_type, &place.key("instance_type"));
    Instances {
        time: amount(check, raw.hours, &AMOUNT, Hours::from_hours, &at_hours),
        price: raw.usd_per_hour.map_or(on_demand, |price| {
            amount(check, price, &AMOUNT, UsdPerHour::from_hourly, &at_price)
        }),
        on_demand,
    }
}

fn provisioned(
    check: &mut Validator,
    raw: &file::Provisioned,
    requests: Requests,
    hours: Hours,
    place: &ConfigPath,
) -> Option<Provisioned> {
    if *raw == file::Provisioned::default() {
        return None;
    }
    check.within(
        f64::from(raw.concurrency),
        &(1.0..=1e6),
        &place.key("concurrency"),
    );
    let time = amount(
        check,
        raw.hours,
        &(tariff::PROVISIONED_STEP.hours()..=hours.hours()),
        Hours::from_hours,
        &place.key("hours"),
    );
    let at_requests = place.key("requests_per_month");
    let inside = amount(
        check,
        raw.requests_per_month,
        &(0.0..=requests.requests()),
        Requests::from_requests,
        &at_requests,
    );
    let duration = if inside.is_zero() {
        Seconds::ZERO
    } else {
        duration(check, raw.duration_ms, &place.key("duration_ms"))
    };
    let concurrency = Ratio::count(raw.concurrency as usize);
    let busy = inside.total_time(duration);
    if busy > Seconds::from(time) * concurrency {
        let what = format!(
            "{} requests of {} ms take {:.0} hours, and {} environments have {:.0} in {} hours",
            raw.requests_per_month,
            raw.duration_ms,
            busy.seconds() / 3_600.0,
            raw.concurrency,
            time.hours() * f64::from(raw.concurrency),
            raw.hours,
        );
        check.refuse(&at_requests, what);
    }
    let provisioned = Provisioned {
        concurrency,
        time,
        requests: inside,
        duration,
    };
    Some(provisioned.in_whole_steps())
}

fn snapstart(
    check: &mut Validator,
    raw: &file::SnapStart,
    place: &ConfigPath,
) -> Option<SnapStart> {
    let (at_hours, at_restores) = (place.key("cached_hours"), place.key("restores_per_month"));
    let snapstart = (*raw != file::SnapStart::default()).then(|| SnapStart {
        cached: amount(
            check,
            raw.cached_hours,
            &AMOUNT,
            Hours::from_hours,
            &at_hours,
        ),
        restores: amount(
            check,
            raw.restores_per_month,
            &AMOUNT,
            Requests::from_requests,
            &at_restores,
        ),
    });
    snapstart.map(SnapStart::of_a_whole_version)
}

fn init(
    check: &mut Validator,
    raw: &file::Init,
    requests: Requests,
    place: &ConfigPath,
) -> Option<Init> {
    let (at_count, at_duration) = (place.key("cold_starts_per_month"), place.key("duration_ms"));
    (*raw != file::Init::default()).then(|| Init {
        cold_starts: amount(
            check,
            raw.cold_starts_per_month,
            &(0.0..=requests.requests()),
            Requests::from_requests,
            &at_count,
        ),
        duration: amount(
            check,
            raw.duration_ms,
            &(1.0..=tariff::MAX_INIT.millis()),
            Seconds::from_millis,
            &at_duration,
        ),
    })
}

fn duration(check: &mut Validator, millis: f64, place: &ConfigPath) -> Seconds {
    amount(check, millis, &DURATION, Seconds::from_millis, place)
}

use super::strategies::{count, seconds};
use super::*;
use crate::inventory::Architecture;
use crate::pricing::list_prices::lambda::Prices;
use crate::units::{Hours, MemoryMib, Ratio, Requests, Seconds};

#[test]
fn cold_starts_share_the_free_tier_with_duration() {
    // 300,000 GB-s of requests and 300,000 of cold starts: 200,000 of both together are beyond the free tier.
    let gib = MemoryMib::from_mib(1_024).unwrap();
    let mut month = Month::from_requests(gib, count(300_000.0), seconds(1.0));
    month.free = FreeTier::WHOLE;
    let Compute::OnDemand(on_demand) = &mut month.compute else {
        panic!("{month:?}")
    };
    on_demand.init = Some(Init {
        cold_starts: count(100_000.0),
        duration: seconds(3.0),
    });
    let bill = Bill::from_month(&month, &Prices::list(Architecture::X86_64));
    let costs: Vec<(Component, f64)> = bill
        .components()
        .map(|(component, cost)| (component, cost.usd()))
        .collect();
    let [
        (Component::Requests, fee),
        (Component::Duration, duration),
        (Component::Init, init),
    ] = costs[..]
    else {
        panic!("{costs:?}")
    };
    assert_eq!(fee, 0.0);
    assert!((duration - 1.666_67).abs() < 1e-9, "{duration}");
    assert!((init - duration).abs() < 1e-12, "{init}");
}

#[test]
fn provisioned_time_is_rounded_up_to_five_minutes() {
    let gib = MemoryMib::from_mib(1_024).unwrap();
    let month = Month::from_requests(gib, count(1.0), Seconds::ZERO);
    let kept = |minutes: f64| {
        let configured = Provisioned {
            concurrency: Ratio::ONE,
            time: Hours::from_hours(minutes / 60.0).unwrap(),
            requests: Requests::ZERO,
            duration: Seconds::ZERO,
        };
        let on_demand = OnDemand {
            provisioned: Some(configured.in_whole_steps()),
            ..OnDemand::default()
        };
        let part = provisioned(&month, &on_demand, &Prices::list(Architecture::X86_64));
        part.unwrap().fixed.usd() / 0.000_004_166_7
    };
    assert!((kept(5.0) - 300.0).abs() < 1e-6);
    assert!((kept(5.1) - 600.0).abs() < 1e-6);
    assert!((kept(480.0) - 28_800.0).abs() < 1e-6);
}

#[test]
fn a_snapshot_is_paid_for_three_hours_at_least() {
    let gib = MemoryMib::from_mib(1_024).unwrap();
    let month = Month::from_requests(gib, count(1.0), Seconds::ZERO);
    let published = SnapStart {
        cached: Hours::from_hours(1.0).unwrap(),
        restores: Requests::ZERO,
    };
    let on_demand = OnDemand {
        snapstart: Some(published.of_a_whole_version()),
        ..OnDemand::default()
    };
    let part = snapstart(&month, &on_demand, &Prices::list(Architecture::X86_64)).unwrap();
    assert!((part.fixed.usd() - 3.0 * 3_600.0 * 0.000_001_504_6).abs() < 1e-12);
}

//! The patterns of the demo world's traffic are recognised from its minutes.

use breakeven_model::traffic_pattern::{TrafficPattern, classify};
use breakeven_model::units::{Requests, Seconds};
use breakeven_simulator::World;
use breakeven_simulator::world::Traffic;

const MINUTES_PER_DAY: i64 = 1_440;

/// The pattern that a day of this traffic shows.
fn expected(traffic: &Traffic, requests: &[f64]) -> TrafficPattern {
    match traffic {
        Traffic::Steady { .. } => TrafficPattern::Steady,
        Traffic::Diurnal { .. } => TrafficPattern::Diurnal,
        // A day may pass without a burst.
        Traffic::Bursty { .. } if requests.iter().all(|count| *count == requests[0]) => {
            TrafficPattern::Steady
        }
        Traffic::Bursty { .. } => TrafficPattern::Bursty,
        Traffic::Sporadic { .. } => TrafficPattern::Sporadic,
        // One beat in a day has no interval.
        Traffic::Timer { every_minutes, .. } if *every_minutes >= 720 => TrafficPattern::Sporadic,
        Traffic::Timer { .. } => TrafficPattern::TimerLike,
    }
}

fn holds(name: &str, traffic: &Traffic, requests_in: impl Fn(i64) -> u64) {
    // Forty days one after another, and the buckets that sources deliver.
    for day in 20_600..20_640 {
        let first = day * MINUTES_PER_DAY;
        let minutes = first..first + MINUTES_PER_DAY;
        #[expect(clippy::cast_precision_loss, reason = "requests of a minute")]
        let requests: Vec<f64> = minutes.map(|minute| requests_in(minute) as f64).collect();
        let expected = expected(traffic, &requests);
        let has_gaps = matches!(
            expected,
            TrafficPattern::Sporadic | TrafficPattern::TimerLike
        );
        for bucket in [1, 5] {
            // What happens within five minutes does not show in buckets of five.
            if has_gaps && bucket > 1 {
                continue;
            }
            let counts: Vec<Requests> = requests
                .chunks(bucket)
                .map(|part| Requests::from_requests(part.iter().sum()).unwrap())
                .collect();
            let length =
                Seconds::from_seconds(86_400.0 / f64::from(u32::try_from(counts.len()).unwrap()));
            let shape = classify(length.unwrap(), &counts).unwrap();
            assert_eq!(
                shape.pattern, expected,
                "{name} on day {day} in buckets of {bucket} min: {shape:?}"
            );
        }
    }
}

#[test]
fn every_day_of_the_demo_world_shows_the_pattern_that_made_it() {
    let world = World::from_yaml(include_str!("../../config/worlds/demo.yaml")).unwrap();
    let mut seen = 0;
    for workload in world.workloads() {
        if let Some(traffic) = &workload.spec.traffic {
            holds(&workload.spec.name, traffic, |minute| {
                workload.requests_in_minute(minute)
            });
            seen += 1;
        }
    }
    for function in world.functions() {
        holds(&function.spec.name, &function.spec.traffic, |minute| {
            function.invocations(minute)
        });
        seen += 1;
    }
    assert!(seen > 20, "only {seen}");
}

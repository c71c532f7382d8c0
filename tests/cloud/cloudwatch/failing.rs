//! Functions that cannot be read beside others that can.

use std::collections::BTreeMap;

use breakeven::sources::aws::cloudwatch::ScheduleLimits;
use breakeven_simulator::{Endpoint, Fault, FaultRule, ResultFault, ResultStatus};

use super::*;

/// Those of the 124 that fail.
const FAILING: [&str; 2] = ["f007", "f100"];

fn world() -> String {
    let mut text =
        "name: failing\nstart: '2026-03-02T00:00:00Z'\nhistory_hours: 3\nfunctions:\n".to_owned();
    for index in 0..124 {
        text.push_str(&format!(
            "  - {{name: f{index:03}, memory_mib: 128, duration_ms: 20, traffic: {{pattern: steady, \
             requests_per_second: 2}}}}\n"
        ));
    }
    text
}

async fn fails_alone(scene: &Scene, status: ResultStatus, token: bool, counted: &str) {
    let settings = cloudwatch::CloudWatchConfig {
        backfill: Duration::from_secs(3_600),
        ..cloudwatch::CloudWatchConfig::default()
    };
    // Enough for all of them each minute, and not for reading everything each time.
    let budget = Budget::new(ScheduleLimits {
        budget: usd(2.0 * 124.0),
        ..ScheduleLimits::default()
    });
    let mut source = scene.source(settings, budget);
    let faults = FAILING.map(|function| {
        let fault = ResultFault {
            status,
            function: Some(function.into()),
            token,
        };
        FaultRule::always(Endpoint::CloudWatch, Fault::Result(fault))
    });
    let asked = || {
        scene.places[0]
            .aws
            .spend()
            .snapshot()
            .get("GetMetricData")
            .map_or(0, |one| one.metrics)
    };
    let mut known: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    for (minute, read, failures) in [(0, 122, 2), (1, 122, 4), (3, 124, 4), (4, 124, 4)] {
        let now = scene.minute(minute);
        let rules = if minute < 2 {
            faults.to_vec()
        } else {
            Vec::new()
        };
        scene.cloud.faults().replace(rules);
        let before = asked();
        let batches = batches(source.poll(now).await.unwrap());
        assert_eq!(batches.len(), read, "{status:?} at {minute}");
        assert_eq!(
            source.discarded().snapshot()[counted],
            failures,
            "{status:?} at {minute}"
        );
        if minute == 1 {
            // They are asked alone by now, so the others are asked once.
            let more = asked() - before;
            let (least, most) = (2 * 122 + 2 * 6, 2 * 122 + 2 * 6 * 10);
            assert!((least..most).contains(&more), "{status:?}: {more}");
        }
        for batch in batches {
            let minutes = known.entry(batch.id.name.to_string()).or_default();
            let counts = batch.minutes.iter();
            minutes.extend(counts.map(|one| (one.minute, one.invocations.requests())));
        }
    }
    // The hour that all of them were read completely in.
    let end = scene.start.as_second() / 60;
    for function in scene.cloud.world().functions() {
        let minutes = &known[&function.spec.name];
        for minute in end - 60..end {
            let truth = f64::from(u32::try_from(function.invocations(minute)).unwrap());
            assert_eq!(
                minutes[&minute], truth,
                "{} at {minute}",
                function.spec.name
            );
        }
    }
}

#[tokio::test]
async fn a_function_that_cannot_be_read_keeps_no_other_from_it() {
    let scene = Scene::new(&world()).await;
    scene.hand.set(scene.minute(60));
    for (status, token, counted) in [
        (ResultStatus::InternalError, true, "function_incomplete"),
        (ResultStatus::InternalError, false, "function_incomplete"),
        (ResultStatus::PartialData, true, "function_incomplete"),
        (ResultStatus::PartialData, false, "function_incomplete"),
        (ResultStatus::Forbidden, false, "function_forbidden"),
    ] {
        fails_alone(&scene, status, token, counted).await;
    }
}

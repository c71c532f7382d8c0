//! A day of functions for which environments are kept ready, or snapshots, against the bill of the simulated cloud.

use breakeven::engine::Engine;
use breakeven::sources::aws::cloudwatch::ScheduleLimits;
use breakeven_model::Platform;
use breakeven_model::{Report, WorkloadRef, WorkloadReport};

use super::*;

/// What is initialised costs nothing, so that all of the bill is exact.
const CONFIG: &str = "
kubernetes: {enabled: false}
model: {cold_starts: {init_seconds: {low: 0, point: 0, high: 0}}}
";

const DAY: i64 = 24 * 60;

/// How much of a request's time half a millisecond of rounding may be, of the shortest below.
const ROUNDING: f64 = 0.000_5 / 0.2;

/// A day of one function, as it is shown at its end, with the world it is of.
async fn a_day(function: &str) -> (Scene, Report) {
    let world = format!(
        "{{name: ready, start: '2026-03-02T00:00:00Z', history_hours: 2, functions: [{{name: api, memory_mib: 1024, \
         timeout_s: 30, duration_ms: 200, {function}}}]}}"
    );
    let scene = Scene::new(&world).await;
    let hour = Duration::from_secs(3_600);
    let budget = Budget::new(ScheduleLimits {
        budget: usd(100.0),
        shortest: hour,
        longest: hour,
    });
    let mut source = scene.source(cloudwatch::CloudWatchConfig::default(), budget);
    let (_, config) = breakeven::config::parse(CONFIG).unwrap();
    let mut engine = Engine::new(scene.start, config.model, config.prices, config.limits);
    engine.observe(Observation::Functions((*scene.places[0].functions).clone()));
    // A minute is read three minutes after it has ended.
    for minute in (3..=DAY + 3).step_by(60) {
        let now = scene.minute(minute);
        scene.hand.set(now);
        let seen = source.poll(now).await.unwrap();
        seen.into_iter().for_each(|one| engine.observe(one));
    }
    let report = engine.report(scene.minute(DAY + 3));
    (scene, report)
}

fn api(report: &Report) -> &WorkloadReport {
    let is = |one: &&WorkloadReport| matches!(one.workload, WorkloadRef::Lambda(_));
    report.workloads.iter().find(is).unwrap()
}

fn charged(shown: &WorkloadReport, part: &str) -> f64 {
    let mut parts = shown.cost_total.iter();
    let part = parts.find(|one| one.0.as_str() == part);
    part.map_or(0.0, |one| one.1.usd())
}

/// What the day is billed for items whose names begin so.
fn billed(scene: &Scene, item: &str) -> f64 {
    let first = scene.start.as_second() / 60;
    let charges = scene.cloud.world().charges(first, first + DAY);
    let such = charges
        .iter()
        .filter(|one| one.usage_type.starts_with(item));
    such.map(|one| one.unblended_usd).sum()
}

fn month(shown: &WorkloadReport) -> [f64; 3] {
    let month = shown.assessment.cost_on(Platform::Lambda).unwrap().monthly;
    [month.low, month.point, month.high].map(Usd::usd)
}

#[tokio::test]
async fn environments_kept_ready_that_serve_everything_are_charged_as_on_the_bill() {
    for architecture in ["x86_64", "arm64"] {
        let (scene, report) = a_day(&format!(
            "architecture: {architecture}, provisioned: [{{qualifier: live, concurrency: 5}}], \
             traffic: {{pattern: steady, requests_per_second: 10}}"
        ))
        .await;
        let shown = api(&report);
        let ready = billed(&scene, "Lambda-Provisioned-");
        let counted = charged(shown, "provisioned");
        assert!(
            counted >= ready && counted < ready * (1.0 + ROUNDING),
            "{counted} {ready}"
        );
        assert_eq!(billed(&scene, "Lambda-GB-Second"), 0.0);
        assert!(charged(shown, "duration") < 1e-12);
        let truth = billed(&scene, "") * 730.0 / 24.0;
        let [low, point, high] = month(shown);
        assert!((point - truth).abs() < truth * ROUNDING, "{point} {truth}");
        // At its cheaper end nothing is rounded up, and here nothing has to be.
        assert!(
            low <= truth * (1.0 + 1e-9) && truth <= high,
            "{low} {truth} {high}"
        );
        let starts = shown.function.unwrap().cold_starts_total;
        assert_eq!(starts.1.requests(), 0.0);
    }
}

#[tokio::test]
async fn whoever_is_served_by_what_is_kept_ready_the_band_holds_the_bill() {
    let steady = "traffic: {pattern: steady, requests_per_second: 20}";
    let diurnal =
        "traffic: {pattern: diurnal, requests_per_second: 20, amplitude: 0.9, peak_hour: 9}";
    for (ready, traffic) in [
        ("{qualifier: live, concurrency: 2}", steady),
        ("{qualifier: live, concurrency: 3}", diurnal),
        ("{qualifier: live, concurrency: 9, share: 0.5}", diurnal),
        (
            "{qualifier: live, concurrency: 4, share: 0.3}, {qualifier: '7', concurrency: 1, share: 0.2}",
            steady,
        ),
        ("{qualifier: spare, concurrency: 4, share: 0}", steady),
    ] {
        let (scene, report) = a_day(&format!("provisioned: [{ready}], {traffic}")).await;
        let shown = api(&report);
        let truth = billed(&scene, "") * 730.0 / 24.0;
        let [low, point, high] = month(shown);
        assert!(
            low <= truth && truth <= high,
            "{ready}: {low} {truth} {high}"
        );
        assert!(
            billed(&scene, "Lambda-GB-Second") > 0.0 && point < truth,
            "{ready}: not all are served there"
        );
        // What is kept is no matter of doubt.
        let kept = billed(&scene, "Lambda-Provisioned-Concurrency");
        assert!(
            charged(shown, "provisioned") > kept * (1.0 - 1e-9),
            "{ready}"
        );
    }
}

#[tokio::test]
async fn a_snapshot_is_charged_for_all_the_time() {
    let (_scene, report) = a_day(
        "snap_start: true, runtime: python3.13, traffic: {pattern: steady, requests_per_second: 1}",
    )
    .await;
    let counted = charged(api(&report), "snapstart");
    let kept = 86_400.0 * 0.000_001_504_6;
    assert!((counted - kept).abs() < 1e-9, "{counted} {kept}");
}

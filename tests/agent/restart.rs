//! Counters outlive the program: killed at any moment and started again, it counts on as if nothing had been, and nothing
//! that was ever shown is taken back.

mod clock;
mod hung_disk;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::exposition::{Exposition, get};
use crate::support::program::{Program, breakeven};
use crate::support::{until, until_within};
use breakeven_simulator::World;
use jiff::{SignedDuration, Timestamp};

const START: &str = "2026-03-03T09:00:20Z";

/// Three simulated minutes in a second.
const SPEED: &str = "180";

/// At this speed a second without a processor is three minutes, so one test runs at a time.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// How long after its end a minute of a function is read.
const DELAY: i64 = 3;

/// How long the program is away, longer than anything that it reads is late.
const AWAY: SignedDuration = SignedDuration::from_mins(17);

/// Functions that run once in a quarter of an hour, each in another minute: their counts together tell which minutes were
/// counted, and how often.
fn world() -> String {
    let timers = (0..15).map(|offset| {
        format!(
            "  - {{name: timer-{offset}, memory_mib: 128, duration_ms: 20, traffic: {{pattern: timer, \
             every_minutes: 15, offset_minutes: {offset}, requests: 10}}}}\n"
        )
    });
    let timers: String = timers.collect();
    format!(
        "
name: restarts
seed: 11
account_id: '123456789012'
region: us-east-1
history_hours: 48
nodes:
  - {{name: one, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8}}
namespaces:
  - {{name: shop}}
workloads:
  - name: web
    namespace: shop
    kind: Deployment
    replicas: 2
    requests: {{cpu: 0.5, memory_mib: 512}}
    usage: {{cpu_seconds_per_request: 0.004, memory_mib: 420}}
    traffic: {{pattern: steady, requests_per_second: 50}}
    latency_ms: 18
functions:
  - {{name: diurnal, memory_mib: 1024, timeout_s: 30, duration_ms: 95.5, error_ratio: 0.003, throttle_ratio: 0.01,
     traffic: {{pattern: diurnal, requests_per_second: 8, amplitude: 0.7, peak_hour: 14}}}}
{timers}"
    )
}

/// The demo over one state directory, again and again.
struct Runs<'a> {
    place: &'a Path,
    /// What every counter showed at last.
    shown: BTreeMap<String, f64>,
    /// When the first report was made, and the seconds that it counts as observed or not.
    first: Option<(Timestamp, f64)>,
}

/// Numbers that begin anew with the program.
const ITS_OWN: [&str; 5] = [
    "breakeven_source_",
    "breakeven_aws_api_",
    "breakeven_series_",
    "breakeven_state_",
    "breakeven_http_",
];

impl<'a> Runs<'a> {
    fn over(place: &'a Path) -> Self {
        Self {
            place,
            shown: BTreeMap::new(),
            first: None,
        }
    }

    async fn start(&self, at: Timestamp) -> (Program, String) {
        let file = |name: &str| self.place.join(name).to_str().unwrap().to_owned();
        let (start, world, config) = (at.to_string(), file("world.yaml"), file("config.yaml"));
        let mut command = breakeven(&["demo", "--web.listen-address", "127.0.0.1:0"]);
        command.args(["--start", &start, "--speed", SPEED, "--world", &world]);
        let mut program = Program::start(command.args(["--config.file", &config]));
        let address = program.listens("the metrics   http://").await;
        (program, format!("http://{address}"))
    }

    /// Looks at all counters: each is at least what it was at the last look, whichever program it came from.
    fn hold(&mut self, seen: &Exposition) {
        for sample in seen.samples() {
            let is_own = ITS_OWN.iter().any(|own| sample.name.starts_with(own));
            let name = &sample.name;
            if !name.starts_with("breakeven_") || !name.ends_with("_total") || is_own {
                continue;
            }
            let series = format!("{name} {:?}", sample.labels);
            let before = self
                .shown
                .insert(series.clone(), sample.value)
                .unwrap_or_default();
            assert!(
                sample.value >= before,
                "{series} fell from {before} to {}",
                sample.value
            );
        }
    }

    /// Runs from an instant until a report is so much later, and kills the program then. Gives what it showed last.
    async fn run(
        &mut self,
        from: Timestamp,
        length: SignedDuration,
        done: impl Fn(&Exposition) -> bool,
    ) -> (Timestamp, Exposition) {
        let (program, agent) = self.start(from).await;
        let found = until_within(Duration::from_secs(120), "a report", async || {
            let seen = Exposition::at(&format!("{agent}/metrics")).await?;
            let report = seen.one("breakeven_report_timestamp_seconds", &[])?;
            Some((seen, report))
        });
        let (seen, report) = found.await;
        self.hold(&seen);
        self.first.get_or_insert_with(|| {
            let at = Timestamp::from_millisecond(millis(report)).unwrap();
            (at, counted_seconds(&seen))
        });
        loop {
            let seen = Exposition::at(&format!("{agent}/metrics")).await.unwrap();
            self.hold(&seen);
            let at = seen.one("breakeven_report_timestamp_seconds", &[]).unwrap();
            let at = Timestamp::from_millisecond(millis(at)).unwrap();
            if at.duration_since(from) >= length && done(&seen) {
                // Killed, not stopped.
                drop(program);
                return (at, seen);
            }
            assert!(
                program.age() < Duration::from_secs(120),
                "not done\n{}",
                program.said()
            );
        }
    }
}

/// The seconds that are counted as observed and as unobserved.
fn counted_seconds(seen: &Exposition) -> f64 {
    [
        "breakeven_observed_seconds_total",
        "breakeven_unobserved_seconds_total",
    ]
    .map(|name| seen.sum(name, &[]).unwrap_or_default())
    .iter()
    .sum()
}

fn millis(seconds: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "an instant")]
    let millis = (seconds * 1e3) as i64;
    millis
}

fn prepare(place: &Path, state: &str) {
    let config = include_str!("../../config/demo.yaml");
    let config = format!("{config}\nstate: {state}\n");
    fs::write(place.join("config.yaml"), config).unwrap();
    fs::write(place.join("world.yaml"), world()).unwrap();
}

fn invocations(seen: &Exposition, function: &str) -> Option<f64> {
    seen.sum(
        "breakeven_workload_requests_total",
        &[("workload", function)],
    )
}

/// The minute up to which the counts of all functions are those of the world from the start on, each minute once.
fn counted_to(world: &World, first: i64, last: i64, seen: &Exposition) -> Option<i64> {
    (first..=last).rev().find(|end| {
        world.functions().iter().all(|function| {
            let truth: u64 = (first..*end)
                .map(|minute| function.invocations(minute))
                .sum();
            let counted = invocations(seen, &function.spec.name);
            counted.is_some_and(|counted| {
                (counted - f64::from(u32::try_from(truth).unwrap())).abs() < 1e-6
            })
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_at_any_moment_counts_on_as_if_it_had_not_been() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("state");
    prepare(
        place.path(),
        &format!(
            "{{directory: {}, interval_seconds: 10}}",
            directory.display()
        ),
    );
    let mut runs = Runs::over(place.path());
    let start: Timestamp = START.parse().unwrap();
    let (mut from, mut kills) = (start, 0);
    // From just after the first report to the middle of an hour.
    for seconds in [700, 1, 95, 1_900, 13, 333] {
        let (at, _) = runs
            .run(from, SignedDuration::from_secs(seconds), |_| true)
            .await;
        from = at + AWAY;
        kills += 1;
    }
    let world = World::from_yaml(&world()).unwrap();
    let first = start.as_second().div_euclid(60);
    // In the end all minutes up to the last that can be known are counted, those of when it was away among them.
    let settled = |seen: &Exposition| {
        let at = seen.one("breakeven_report_timestamp_seconds", &[]).unwrap();
        let last = millis(at) / 60_000 - DELAY;
        counted_to(&world, first, last, seen).is_some_and(|end| end >= last - 3)
    };
    let (at, seen) = runs
        .run(from, SignedDuration::from_secs(600), settled)
        .await;
    assert_eq!(kills, 6);

    // Requests of the cluster, read from Prometheus in steps of five minutes.
    let passed = at.duration_since(start).as_secs_f64();
    let requests = seen
        .sum("breakeven_workload_requests_total", &[("workload", "web")])
        .unwrap();
    let (least, most) = ((passed - 900.0) * 50.0, passed * 50.0);
    assert!(
        (least * 0.99..=most * 1.01).contains(&requests),
        "{requests} of {least} to {most}"
    );

    // The time for which the program was away is counted as unobserved, and nothing is lost between both counters.
    let unobserved = seen.sum("breakeven_unobserved_seconds_total", &[]).unwrap();
    let away = AWAY.as_secs_f64() * f64::from(kills);
    assert!(unobserved >= away, "{unobserved} of at least {away}");
    let (first_at, first) = runs.first.unwrap();
    let passed = at.duration_since(first_at).as_secs_f64();
    let counted = counted_seconds(&seen) - first;
    assert!(
        (counted - passed).abs() < 120.0,
        "{counted} of {passed} seconds since the first report"
    );
    assert!(seen.one("breakeven_state_size_bytes", &[]).unwrap() > 1_000.0);
}

/// A state file of each version that is read, and what the program showed that wrote it: the file is of `tests/fixtures`.
const FIXTURES: [(&str, &[u8], &str); 2] = [
    (
        "4",
        include_bytes!("../fixtures/version-4.state"),
        include_str!("../fixtures/demo-version-4.prom"),
    ),
    (
        "5",
        include_bytes!("../fixtures/version-5.state"),
        include_str!("../fixtures/demo-version-5.prom"),
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn counters_continue_from_a_state_file_of_every_version() {
    let _turn = TURN.lock().await;
    for (version, written, shown) in FIXTURES {
        println!("version {version}");
        assert!(written.starts_with(format!("breakeven state {version}\n").as_bytes()));
        counters_continue(written, shown, version).await;
    }
}

/// The program starts with a state file. No counter is lower than the program showed that wrote the file.
async fn counters_continue(written: &[u8], shown: &str, version: &str) {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("state");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("breakeven.state"), written).unwrap();
    let config = include_str!("../../config/demo.yaml");
    let config = format!("{config}\nstate: {{directory: {}}}\n", directory.display());
    fs::write(place.path().join("config.yaml"), config).unwrap();
    fs::write(
        place.path().join("world.yaml"),
        include_str!("../../config/worlds/demo.yaml"),
    )
    .unwrap();
    let mut runs = Runs::over(place.path());
    let before = Exposition::read(shown);
    runs.hold(&before);
    assert!(runs.shown.len() > 100, "{} counters", runs.shown.len());
    let has_all_workloads = |seen: &Exposition| {
        let name = "breakeven_workload_cost_usd_total";
        seen.all(name, &[]).count() >= before.all(name, &[]).count()
    };
    let written_at: Timestamp = "2026-03-02T12:01:31Z".parse().unwrap();
    let length = SignedDuration::from_secs(60);
    let (at, seen) = runs.run(written_at + AWAY, length, has_all_workloads).await;
    let failures = seen.sum("breakeven_state_failures_total", &[]);
    assert_eq!(failures, Some(0.0));
    // What was not observed is the time between the file and the start, which the file names.
    let unobserved = seen.sum("breakeven_unobserved_seconds_total", &[]).unwrap();
    let [away, since] = [AWAY, at.duration_since(written_at)].map(|time| time.as_secs_f64());
    assert!(
        (away..=since).contains(&unobserved),
        "{unobserved} of {away} to {since}"
    );
    // A file of an earlier version is kept for a return to its program.
    let now = fs::read(directory.join("breakeven.state")).unwrap();
    assert!(now.starts_with(b"breakeven state 5\n"));
    let copy = fs::read(directory.join("breakeven.state.version-4"));
    match version {
        "4" => assert_eq!(copy.unwrap(), written),
        _ => assert!(copy.is_err()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_cluster_is_set_aside_and_counters_begin_anew() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("state");
    let state = format!(
        "{{directory: {}, interval_seconds: 10}}",
        directory.display()
    );
    prepare(place.path(), &state);
    let start: Timestamp = START.parse().unwrap();
    let mut runs = Runs::over(place.path());
    runs.run(start, SignedDuration::from_secs(120), |_| true)
        .await;

    let config = place.path().join("config.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("cluster: demo", "cluster: other")).unwrap();
    let mut runs = Runs::over(place.path());
    let (_, seen) = runs
        .run(start + AWAY, SignedDuration::from_secs(1), |_| true)
        .await;
    let foreign = [("reason", "foreign")];
    assert_eq!(
        seen.one("breakeven_state_failures_total", &foreign),
        Some(1.0)
    );
    let aside = fs::read_dir(&directory).unwrap();
    let aside = aside.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy()
            .starts_with("breakeven.state.foreign-")
    });
    assert_eq!(aside.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_do_not_share_a_directory_and_none_moves_while_it_runs() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("state");
    prepare(
        place.path(),
        &format!("{{directory: {}}}", directory.display()),
    );
    let runs = Runs::over(place.path());
    let (mut first, agent) = runs.start(START.parse().unwrap()).await;
    until("readiness", async || get(&format!("{agent}/-/ready")).await).await;

    let config = place.path().join("config.yaml");
    let mut command = breakeven(&[
        "demo",
        "--web.listen-address",
        "127.0.0.1:0",
        "--config.file",
    ]);
    let mut second = Program::start(command.arg(&config));
    assert!(!second.ends().await.success());
    let said = second.said();
    assert!(said.contains("is in use by another breakeven"), "{said}");

    prepare(place.path(), "{directory: null}");
    first.signal("HUP");
    first
        .says(|said| {
            said.contains("restart the program to change it")
                .then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_written_the_program_reports_all_the_same_and_says_so() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("state");
    let state = format!(
        "{{directory: {}, interval_seconds: 1}}",
        directory.display()
    );
    prepare(place.path(), &state);
    fs::write(&directory, "in the way").unwrap();
    let runs = Runs::over(place.path());
    let (program, agent) = runs.start(START.parse().unwrap()).await;
    let metrics = format!("{agent}/metrics");
    let failures = |seen: &Exposition, reason| {
        let labels = [("reason", reason)];
        seen.one("breakeven_state_failures_total", &labels).unwrap()
    };
    let saved_at = |seen: &Exposition| seen.one("breakeven_state_last_save_timestamp_seconds", &[]);
    let seen = until("two reports that could not be kept", async || {
        let seen = Exposition::at(&metrics).await?;
        seen.one("breakeven_report_timestamp_seconds", &[])?;
        (failures(&seen, "save") >= 2.0).then_some(seen)
    });
    let seen = seen.await;
    assert_eq!(failures(&seen, "load"), 1.0);
    assert_eq!(saved_at(&seen), None);
    let said = program.said();
    assert!(said.contains("state cannot be kept"), "{said}");

    fs::remove_file(&directory).unwrap();
    until("a report that is kept", async || {
        saved_at(&Exposition::at(&metrics).await?)
    })
    .await;
}

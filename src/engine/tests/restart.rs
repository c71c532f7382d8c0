//! A program that goes on from what another one kept shows what that one would have shown.

use std::collections::BTreeSet;

use super::*;

/// A program that is started then, with what another one kept.
fn resumed(before: &Engine, second: i64) -> Engine {
    let mut bytes = Vec::new();
    ciborium::into_writer(&before.persisted_state(), &mut bytes).unwrap();
    let mut engine = engine_started_at(at(second));
    engine.resume(ciborium::from_reader(&*bytes).unwrap());
    engine
}

/// A step of five minutes with more requests than the one before it.
fn traffic(start: i64) -> Observation {
    served(start, to_f64(300 + start))
}

/// The last quarter of an hour, whose newest minutes are not whole yet.
fn minutes(until: i64) -> Observation {
    let minutes = (until - 900..until).step_by(60).map(|second| {
        let known = if second < until - 180 { 10.0 } else { 4.0 };
        FunctionMinute {
            minute: (START + second) / 60,
            invocations: Requests::from_requests(known).unwrap(),
            duration: seconds(known / 3.0),
            errors: Requests::from_requests(1.0).unwrap(),
            throttles: Requests::from_requests(2.0).unwrap(),
            concurrency_peak: Some(3),
        }
    });
    Observation::FunctionMinutes(FunctionMinutes {
        functions: vec![FunctionBatch {
            id: resize().id,
            window: window(until - 900, until),
            minutes: minutes.collect(),
        }],
    })
}

fn to_f64(second: i64) -> f64 {
    f64::from(i32::try_from(second).unwrap())
}

/// What is seen at an instant: the cluster each quarter of a minute, the rest each five minutes.
fn see(engine: &mut Engine, second: i64) {
    let used = 0.1 + to_f64(second) / 1e5;
    engine.observe(uses(second, resources(used, 1.0)));
    engine.observe(cluster(second, vec![web()]));
    if second % 300 == 0 {
        engine.observe(listed(vec![resize()]));
        engine.observe(minutes(second));
        engine.observe(traffic(second - 300));
    }
}

/// A report after two hours in which programs were ended right after these instants, and others started at once.
fn report(restarts: &[i64]) -> Report {
    let mut engine = engine_started_at(at(0));
    for second in (0..=7_200).step_by(15) {
        see(&mut engine, second);
        if restarts.contains(&second) {
            engine = resumed(&engine, second);
            // What every program sees first.
            engine.observe(uses(second, resources(0.1 + to_f64(second) / 1e5, 1.0)));
            engine.observe(cluster(second, vec![web()]));
            engine.observe(listed(vec![resize()]));
        }
    }
    engine.report(at(7_200))
}

#[test]
fn a_restart_changes_no_number() {
    let whole = report(&[]);
    assert_eq!(whole.workloads.len(), 2);
    let expected = format!("{whole:#?}");
    for restarts in [&[300, 3_600, 7_200][..], &[600, 900, 1_200, 7_200]] {
        let seen = format!("{:#?}", report(restarts));
        let differs = expected
            .lines()
            .zip(seen.lines())
            .find(|(one, other)| one != other);
        assert_eq!(
            (differs, expected.len()),
            (None, seen.len()),
            "{restarts:?}"
        );
    }
}

#[test]
fn a_restart_in_the_middle_of_a_step_changes_no_counter() {
    let counters = |report: &Report| {
        let cluster = report.cluster.as_ref().unwrap();
        let workloads = report.workloads.iter().map(|one| {
            format!(
                "{:?} {:?} {:?} {:?} {:?}",
                one.workload, one.cost_total, one.used_cost_total, one.requests_total, one.function
            )
        });
        let cluster = format!(
            "{:?} {:?} {:?}",
            cluster.cost_total, cluster.observed_total, cluster.unobserved_total
        );
        workloads.chain([cluster]).collect::<Vec<_>>()
    };
    let expected = counters(&report(&[]));
    for restarts in [&[15, 3_015][..], &[45, 1_485, 1_500, 1_515, 7_185]] {
        assert_eq!(counters(&report(restarts)), expected, "{restarts:?}");
    }
}

#[test]
fn time_between_two_programs_is_charged_to_nobody() {
    let mut before = engine_started_at(at(0));
    run_for(&mut before, 0, 600);
    let mut after = resumed(&before, 660);
    run_for(&mut after, 660, 900);
    let report = after.report(at(900));
    let cluster = report.cluster.as_ref().unwrap();
    assert!((cluster.observed_total.seconds() - 840.0).abs() < 1e-9);
    assert!((cluster.unobserved_total.seconds() - 60.0).abs() < 1e-9);
}

#[test]
fn minutes_that_passed_while_nobody_ran_count_when_they_become_known() {
    let mut before = engine_started_at(at(0));
    before.observe(listed(vec![resize()]));
    before.observe(minutes(900));
    let mut after = resumed(&before, 7_200);
    after.observe(listed(vec![resize()]));
    after.observe(minutes(7_200));
    let report = after.report(at(7_200));
    let total = only(&report)
        .requests_total
        .iter()
        .map(|(_, count)| count.requests());
    assert_eq!(total.sum::<f64>(), 2.0 * (12.0 * 10.0 + 3.0 * 4.0));
}

/// The paths of all named fields in a value. `{}` is any value of a map whose keys are no names, and `[]` any item of a list.
fn fields(value: &ciborium::Value, path: &str, found: &mut BTreeSet<String>) {
    use ciborium::Value;
    match value {
        Value::Array(values) => {
            for value in values {
                fields(value, &format!("{path}[]"), found);
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                match key {
                    Value::Text(name) => {
                        let path = format!("{path}.{name}");
                        fields(value, &path, found);
                        found.insert(path);
                    }
                    key => {
                        fields(key, &format!("{path}{{key}}"), found);
                        fields(value, &format!("{path}{{}}"), found);
                    }
                }
            }
        }
        _ => {}
    }
}

/// The named fields in the state of an engine with a workload and a function.
fn persisted_fields() -> String {
    let mut engine = engine_started_at(at(0));
    (0..=600)
        .step_by(15)
        .for_each(|second| see(&mut engine, second));
    let _ = engine.report(at(600));
    let mut found = BTreeSet::new();
    let value = ciborium::Value::serialized(&engine.persisted_state()).unwrap();
    fields(&value, "", &mut found);
    found.into_iter().map(|path| path + "\n").collect()
}

#[test]
fn no_persisted_field_disappears() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/persisted-fields.txt"
    );
    let found = persisted_fields();
    if std::env::var_os("BREAKEVEN_BLESS").is_some() {
        std::fs::write(file, &found).unwrap();
    }
    let expected = std::fs::read_to_string(file).unwrap();
    assert_eq!(
        found, expected,
        "a new field needs a default and BREAKEVEN_BLESS=1; a file of today has the others, so none may disappear"
    );
}

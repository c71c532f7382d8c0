//! The runs of CronJobs and Jobs: when they begin, when they end and which a cluster still shows.

use jiff::Timestamp;

use super::rng;
use super::schema::{RunsSpec, WorkloadKind};
use super::workload::{PodIdentity, Workload};

/// How many ended runs a CronJob keeps: the default of `successfulJobsHistoryLimit`.
const ENDED_RUNS_KEPT: usize = 3;

/// One run of a CronJob or a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Name of the Job object.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, if it has.
    pub ended: Option<Timestamp>,
    /// Its pods.
    pub pods: Vec<PodIdentity>,
}

/// The first minutes of the runs that go on in the minute, latest first, then those of ended ones.
fn beginnings(workload: &Workload, minute: i64) -> Box<dyn Iterator<Item = i64> + '_> {
    match (workload.spec.kind, &workload.spec.runs) {
        (WorkloadKind::Job, _) => {
            let start = workload.start.as_second().div_euclid(60);
            Box::new((minute >= start).then_some(start).into_iter())
        }
        (
            WorkloadKind::CronJob,
            Some(RunsSpec {
                every_minutes,
                offset_minutes,
                ..
            }),
        ) => {
            let period = i64::from((*every_minutes).max(1));
            let latest = minute - (minute - i64::from(*offset_minutes)).rem_euclid(period);
            Box::new((0..).map(move |i| latest - i * period))
        }
        _ => Box::new(std::iter::empty()),
    }
}

/// When a run that began in the minute ends; absent for one that does not end.
fn end(workload: &Workload, beginning: i64) -> Option<i64> {
    workload
        .spec
        .runs
        .as_ref()
        .map(|runs| beginning + i64::from(runs.minutes))
}

/// How many runs go on in the minute.
pub(super) fn running_in(workload: &Workload, minute: i64) -> usize {
    beginnings(workload, minute)
        .take_while(|beginning| end(workload, *beginning).is_none_or(|end| end > minute))
        .count()
}

/// The runs that a cluster shows at the instant, oldest first.
pub(super) fn shown_at(workload: &Workload, at: Timestamp) -> Vec<Run> {
    let minute = at.as_second().div_euclid(60);
    let shown = running_in(workload, minute) + ENDED_RUNS_KEPT;
    let mut runs: Vec<Run> = beginnings(workload, minute)
        .take(shown)
        .filter_map(|b| run(workload, b, minute))
        .collect();
    runs.reverse();
    runs
}

fn run(workload: &Workload, beginning: i64, minute: i64) -> Option<Run> {
    let name = match workload.spec.kind {
        // The name that the CronJob controller gives: the scheduled time in minutes.
        WorkloadKind::CronJob => format!("{}-{beginning}", workload.spec.name),
        _ => workload.spec.name.clone(),
    };
    let key = format!("{}/{name}", workload.spec.namespace);
    let pods = (0..workload.replicas()).filter_map(|index| {
        let suffix = rng::suffix(workload.seed, &key, "pod", index as i64, 5);
        Some(PodIdentity {
            name: format!("{name}-{suffix}"),
            uid: rng::uuid(workload.seed, &key, "pod-uid", index as i64),
            node: workload.node_of(index)?.to_owned(),
            index,
        })
    });
    let ended = end(workload, beginning).filter(|end| *end <= minute);
    Some(Run {
        uid: rng::uuid(workload.seed, &key, "uid", 1),
        started: Timestamp::from_second(beginning * 60).ok()?,
        ended: ended
            .map(|end| Timestamp::from_second(end * 60))
            .transpose()
            .ok()?,
        pods: pods.collect(),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::super::World;
    use super::*;

    fn world(kind: &str, runs: &str) -> World {
        let text = format!(
            "
name: w
start: 2026-03-03T00:00:00Z
nodes: [{{name: a, instance_type: m5.large, zone: z, cpu: 2, memory_gib: 8}}]
namespaces: [{{name: n}}]
workloads:
  - {{name: report, namespace: n, kind: {kind}, runs: {runs}, usage: {{idle_cpu: 0.5, memory_mib: 1}}}}
"
        );
        World::from_yaml(&text).unwrap()
    }

    #[test]
    fn a_cron_job_shows_the_run_that_goes_on_and_three_that_ended() {
        let world = world(
            "CronJob",
            "{every_minutes: 60, offset_minutes: 5, minutes: 10}",
        );
        let workload = &world.workloads()[0];
        let within: Timestamp = "2026-03-03T00:07:00Z".parse().unwrap();
        let runs = workload.runs_at(within);
        let ended: Vec<_> = runs.iter().map(|run| run.ended.is_some()).collect();
        assert_eq!(ended, [true, true, true, false]);
        assert_eq!(
            runs[3].name,
            format!("report-{}", runs[3].started.as_second() / 60)
        );
        assert_eq!(runs[3].pods.len(), 1);
        let minute = within.as_second() / 60;
        assert!((workload.cores_in_minute(minute) - 0.5).abs() < 1e-12);
        assert_eq!(workload.cores_in_minute(minute + 8), 0.0);
    }

    #[test]
    fn a_job_begins_with_the_simulation_and_ends_after_its_minutes() {
        let world = world("Job", "{minutes: 10}");
        let workload = &world.workloads()[0];
        let at = |text: &str| workload.runs_at(text.parse().unwrap());
        assert_eq!(at("2026-03-02T23:59:00Z"), []);
        assert_eq!(at("2026-03-03T00:09:59Z")[0].ended, None);
        assert_eq!(
            at("2026-03-03T00:10:00Z")[0].ended,
            "2026-03-03T00:10:00Z".parse().ok()
        );
    }
}

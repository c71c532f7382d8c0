//! Six hours of a cluster in which pods come, restart and go, and what each of them counted.

/// When the history begins, and how long it is, in seconds since 1970 and in seconds.
pub(crate) const START: i64 = 1_772_496_000;
pub(crate) const LENGTH: i64 = 6 * 3_600;

/// From one scrape of a target to the next.
const SCRAPE: i64 = 30;

/// A process that counts: from when to when it lives, and which part of its workload's requests it serves at a time.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// The pod that it runs in. A restart is another process of the same pod.
    pub(crate) pod: String,
    from: i64,
    to: i64,
}

/// A workload and its processes.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) processes: Vec<Process>,
    /// Requests a second, in the mean of a time that swings by a half around it.
    rate: f64,
    /// Seconds that each request takes.
    pub(crate) latency: f64,
}

/// A count at an instant, in milliseconds since 1970.
pub(crate) type Sample = (i64, u64);

impl Process {
    fn new(pod: impl Into<String>, from: i64, to: i64) -> Self {
        Self {
            pod: pod.into(),
            from: START + from,
            to: START + to,
        }
    }

    /// When it began, in seconds since 1970.
    pub(crate) fn began(&self) -> i64 {
        self.from
    }

    fn lives(&self, second: i64) -> bool {
        (self.from..self.to).contains(&second)
    }
}

impl Workload {
    /// What is asked of it in a second.
    fn asked(&self, second: i64) -> f64 {
        let turn = (second - START) as f64 / 5_400.0 * std::f64::consts::TAU;
        self.rate * (1.0 + 0.5 * turn.sin())
    }

    /// What it served from the start to an instant.
    pub(crate) fn served(&self, from: i64, to: i64) -> f64 {
        (from..to).map(|second| self.asked(second)).sum()
    }

    /// For how long its processes lived between two instants, together.
    pub(crate) fn lived(&self, from: i64, to: i64) -> f64 {
        let lives = |one: &Process| (one.to.min(to) - one.from.max(from)).max(0) as f64;
        self.processes.iter().map(lives).sum()
    }

    /// What a process showed at each of its scrapes: it is scraped from some seconds after its start on.
    pub(crate) fn scraped(&self, process: &Process) -> Vec<Sample> {
        // Every target has a phase of its own, as Prometheus spreads them.
        let phase_ms = process.pod.bytes().map(i64::from).sum::<i64>() * 977 % (SCRAPE * 1_000);
        let mut samples = Vec::new();
        let mut count = 0.0;
        for second in process.from..process.to {
            let live = self.processes.iter().filter(|one| one.lives(second));
            let each = self.asked(second) / live.count() as f64;
            if (second - START) % SCRAPE == phase_ms / 1_000 {
                let part = (phase_ms % 1_000) as f64 / 1_000.0;
                let at = second * 1_000 + phase_ms % 1_000;
                samples.push((at, (count + each * part).floor() as u64));
            }
            count += each;
        }
        samples
    }
}

/// Two Deployments and a StatefulSet. The first restarts a pod, grows from three pods to five, shrinks to two and rolls
/// out a new version; of the others a pod restarts.
pub(crate) fn workloads() -> Vec<Workload> {
    let all = LENGTH + 600;
    let old = |pod: &str| format!("web-6c9f8b7d5f-{pod}");
    let new = |pod: &str| format!("web-7d4f9c5b64-{pod}");
    vec![
        Workload {
            name: "web",
            kind: "Deployment",
            processes: vec![
                Process::new(old("aaaaa"), -600, 16_000),
                Process::new(old("bbbbb"), -600, 3_333),
                Process::new(old("bbbbb"), 3_345, 16_040),
                Process::new(old("ccccc"), -600, 10_010),
                Process::new(old("ddddd"), 7_000, 10_020),
                Process::new(old("eeeee"), 7_003, 10_030),
                Process::new(new("fffff"), 15_990, all),
                Process::new(new("ggggg"), 16_030, all),
            ],
            rate: 40.0,
            latency: 0.04,
        },
        Workload {
            name: "api",
            kind: "Deployment",
            processes: vec![
                Process::new("api-5b6c7d8f9-hhhhh", -600, 12_345),
                Process::new("api-5b6c7d8f9-hhhhh", 12_350, all),
                Process::new("api-5b6c7d8f9-iiiii", -600, all),
            ],
            rate: 12.0,
            latency: 0.125,
        },
        Workload {
            name: "queue",
            kind: "StatefulSet",
            processes: vec![
                Process::new("queue-0", -600, 9_000),
                Process::new("queue-0", 9_020, all),
                Process::new("queue-1", -600, all),
            ],
            rate: 3.0,
            latency: 0.5,
        },
    ]
}

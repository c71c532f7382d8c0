//! The world that the simulated cloud shows: a YAML file, and the truth that follows from it.
//!
//! Everything here is a closed form of the file and of the minute, so that a short script can compute
//! the same numbers without this crate. `docs/worlds.md` has the file's keys and the formulas.

mod bill;
#[cfg(test)]
mod demo;
mod function;
mod ingestion_delay;
mod job_runs;
mod latency_distribution;
mod prices;
mod rng;
mod scheduler;
pub mod schema;
mod storage;
mod traffic;
mod validate;
mod workload;

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub use self::bill::{BillSpec, Charge};
pub use self::function::{Function, ProvisionedMinute};
pub use self::ingestion_delay::IngestionDelaySpec;
pub use self::job_runs::Run;
pub use self::latency_distribution::{duration_multiple, share_within};
pub use self::prices::{
    AzurePriceSpec, DiskPriceSpec, FargatePriceSpec, PricesSpec, SpotPriceSpec,
};
pub use self::schema::{
    AccountSpec, CapacityType, FunctionArchitecture, FunctionSpec, InvokeMode, NamespaceSpec,
    NodeArchitecture, NodeSpec, PackageType, ProvisionedSpec, RequestCounterSpec, RequestsSpec,
    RunsSpec, UsageSpec, WorkloadKind, WorkloadSpec, WorldSpec,
};
pub use self::storage::{ClaimSpec, StorageClassSpec, VolumeSpec};
pub use self::traffic::Traffic;
pub use self::workload::{PodIdentity, Workload};
use breakeven_clock::Clock;

/// A world: its file, and what follows from it once it has begun.
#[derive(Clone, Debug)]
pub struct World {
    /// The file.
    pub spec: WorldSpec,
    start: Timestamp,
    history_start: Timestamp,
    nodes: Vec<Node>,
    workloads: Vec<Workload>,
    functions: Vec<Function>,
    /// Where in `functions` each is, by its full name.
    function_index: BTreeMap<String, usize>,
}

/// A node of the world.
#[derive(Clone, Debug)]
pub struct Node {
    /// The node as the world file has it.
    pub spec: NodeSpec,
    /// The uid of the Node object.
    pub uid: String,
    /// `i-` and 17 hexadecimal digits; on Fargate the id of the pod's machine.
    pub instance_id: String,
    /// Its address within the VPC.
    pub address: String,
}

/// Everything that is wrong with a world file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct WorldError {
    /// One line for each error: the place in the file, what is wrong there and what would be right.
    pub errors: Vec<String>,
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad world file: ")?;
        f.write_str(&self.errors.join("; "))
    }
}

impl World {
    /// Reads a world file and begins it at its `start`, or, without one, at the Unix epoch until
    /// [`begin`](Self::begin) is called.
    ///
    /// # Errors
    /// A file that cannot be read as a world gives the first error with its line; one that can gives
    /// all errors at once, each with its place.
    pub fn from_yaml(text: &str) -> Result<Self, WorldError> {
        let spec: WorldSpec = serde_saphyr::from_str(text).map_err(|error| WorldError {
            errors: vec![error.without_snippet().to_string()],
        })?;
        let errors = validate::errors(&spec);
        if !errors.is_empty() {
            return Err(WorldError { errors });
        }
        let start = spec.start.unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Self::assemble(spec, start))
    }

    /// The same world, starting at `now`: its history begins `history_hours` earlier, on a whole minute.
    #[must_use]
    pub fn begin(self, now: Timestamp) -> Self {
        Self::assemble(self.spec, now)
    }

    /// The clock that this world asks for with `start` and `speed`.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let wall = Clock::system();
        if self.spec.start.is_none() && self.spec.speed == 1.0 {
            return wall;
        }
        Clock::accelerated(
            self.spec.start.unwrap_or_else(|| wall.now()),
            self.spec.speed,
        )
    }

    /// When the simulation starts, on a whole minute.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// When counters and metrics begin, on a whole minute.
    #[must_use]
    pub fn history_start(&self) -> Timestamp {
        self.history_start
    }

    /// The nodes, in the order of the file.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The workloads, in the order of the file.
    #[must_use]
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// The functions, in the order of the file.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The function of this name in an account and a region.
    #[must_use]
    pub fn function(&self, account: &str, region: &str, name: &str) -> Option<&Function> {
        let full_name = function::full_name(account, region, name);
        self.functions.get(*self.function_index.get(&full_name)?)
    }

    /// The uid of anything that the world file does not list, such as a namespace.
    pub(super) fn uid_of(&self, what: &str, name: &str) -> String {
        rng::uuid(self.spec.seed, name, what, 0)
    }

    /// 64 hexadecimal digits, as digests and container ids have them.
    pub(super) fn hex_of(&self, what: &str, name: &str) -> String {
        rng::hex(self.spec.seed, name, what, 0, 64)
    }

    /// A number in [0, 1) that depends on the seed and the arguments alone.
    pub(super) fn uniform_sample(&self, name: &str, tag: &str, index: i64) -> f64 {
        rng::unit(self.spec.seed, name, tag, index)
    }

    fn assemble(spec: WorldSpec, now: Timestamp) -> Self {
        let start_minute = now.as_second().div_euclid(60);
        let start = Timestamp::from_second(start_minute * 60).unwrap_or(now);
        let history = SignedDuration::from_hours(i64::from(spec.history_hours));
        let history_start = start.checked_sub(history).unwrap_or(Timestamp::MIN);
        let first_minute = history_start.as_second().div_euclid(60);
        let mut turn = 0;
        let workloads = spec.workloads.iter().map(|workload| {
            let this = turn;
            turn += usize::from(workload.kind != WorkloadKind::DaemonSet);
            Workload::new(&spec, workload, this, start, first_minute)
        });
        let workloads = workloads.collect();
        let functions = spec.functions.iter();
        let functions: Vec<Function> = functions
            .map(|function| Function::new(&spec, function, first_minute))
            .collect();
        let full_names = functions.iter().enumerate().map(|(index, function)| {
            let Function {
                account, region, ..
            } = function;
            let full_name = function::full_name(account, region, &function.spec.name);
            (full_name, index)
        });
        let function_index = full_names.collect();
        let nodes = spec.nodes.iter().enumerate();
        let nodes = nodes
            .map(|(index, node)| Node::new(&spec, index, node))
            .collect();
        Self {
            start,
            history_start,
            nodes,
            workloads,
            functions,
            function_index,
            spec,
        }
    }
}

impl Node {
    fn new(world: &WorldSpec, index: usize, spec: &NodeSpec) -> Self {
        let name = &spec.name;
        Self {
            uid: rng::uuid(world.seed, name, "node-uid", 0),
            instance_id: format!("i-{}", rng::hex(world.seed, name, "instance", 0, 17)),
            address: address_in(name)
                .unwrap_or_else(|| format!("10.0.{}.{}", index / 250, 4 + index % 250)),
            spec: spec.clone(),
        }
    }
}

/// The address in a name such as `ip-10-0-1-11.ec2.internal`.
fn address_in(name: &str) -> Option<String> {
    let host = name.split('.').next()?;
    let digits: Vec<&str> = host.split_once("ip-")?.1.split('-').collect();
    let valid = digits.len() == 4 && digits.iter().all(|part| part.parse::<u8>().is_ok());
    valid.then(|| digits.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_begins_on_a_whole_minute_before_the_start() {
        let world = World::from_yaml("name: w\nhistory_hours: 2").unwrap();
        let world = world.begin("2026-03-03T12:34:56.7Z".parse().unwrap());
        assert_eq!(world.start().to_string(), "2026-03-03T12:34:00Z");
        assert_eq!(world.history_start().to_string(), "2026-03-03T10:34:00Z");
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let error = World::from_yaml("name: w\nsede: 4")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("sede") && error.contains("line 2"),
            "{error}"
        );
    }

    #[test]
    fn an_address_is_read_from_the_name() {
        assert_eq!(
            address_in("ip-10-0-1-11.ec2.internal").as_deref(),
            Some("10.0.1.11")
        );
        assert_eq!(
            address_in("fargate-ip-10-0-2-7.ec2.internal").as_deref(),
            Some("10.0.2.7")
        );
        assert_eq!(address_in("node-a"), None);
    }
}

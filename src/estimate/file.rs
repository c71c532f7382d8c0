//! The scenario as it stands in the file.

use crate::schema::settings;
use breakeven_model::inventory::Architecture;
use breakeven_model::lambda::HttpEndpoint;

settings! {
    /// The whole file.
    pub struct RawScenario {
        /// The length of a month.
        pub hours_per_month: f64 = 730.0,
        /// The function; may be left out.
        pub lambda: Option<Lambda> = None,
        /// The cluster; may be left out.
        pub kubernetes: Option<Kubernetes> = None,
    }
}

settings! {
    /// The function.
    pub struct Lambda {
        /// Where it runs.
        pub region: String = "us-east-1".to_owned(),
        /// The processor: x86_64 or arm64.
        pub architecture: Architecture = Architecture::X86_64,
        /// The memory setting.
        pub memory_mib: Option<u32> = None,
        /// All requests.
        pub requests_per_month: Option<f64> = None,
        /// The mean billed duration of the requests outside provisioned concurrency.
        pub duration_ms: Option<f64> = None,
        /// Whether the free tier of the account is for this function.
        pub free_tier: bool = false,
        /// All of `/tmp`.
        pub ephemeral_storage_mib: u32 = 512,
        /// What others in the organisation used before, in the region and on the architecture.
        pub other_gb_seconds: f64 = 0.0,
        /// A discount on duration, such as that of a Savings Plan.
        pub duration_discount: f64 = 0.0,
        /// Environments kept ready.
        pub provisioned: Provisioned = Provisioned::default(),
        /// Snapshots.
        pub snapstart: SnapStart = SnapStart::default(),
        /// Cold starts.
        pub init: Init = Init::default(),
        /// What is streamed and billed: beyond 6 MB of each request and any free allowance.
        pub streamed_gib_per_month: f64 = 0.0,
        /// EC2 instances that Lambda manages; with hours, in place of duration.
        pub managed_instances: Option<ManagedInstances> = None,
        /// What requests come through: none, function_url, http_api, rest_api or alb.
        pub front_door: HttpEndpoint = HttpEndpoint::Free,
        /// What each request writes to the logs.
        pub log_bytes_per_request: f64 = 0.0,
        /// Prices in place of those that the program knows: other regions, agreements.
        pub prices: Prices = Prices::default(),
    }
}

settings! {
    /// Environments kept ready.
    pub struct Provisioned {
        /// How many.
        pub concurrency: u32 = 0,
        /// How long in the month.
        pub hours: f64 = 0.0,
        /// The requests that they serve, of all requests.
        pub requests_per_month: f64 = 0.0,
        /// The mean billed duration of one of these.
        pub duration_ms: f64 = 0.0,
    }
}

settings! {
    /// Snapshots of initialised environments.
    pub struct SnapStart {
        /// How long they are kept, of all versions together.
        pub cached_hours: f64 = 0.0,
        /// How often environments start from them.
        pub restores_per_month: f64 = 0.0,
    }
}

settings! {
    /// Cold starts, whose initialisation is billed.
    pub struct Init {
        /// How many.
        pub cold_starts_per_month: f64 = 0.0,
        /// The mean time of one.
        pub duration_ms: f64 = 0.0,
    }
}

settings! {
    /// EC2 instances that Lambda manages.
    pub struct ManagedInstances {
        /// The instance type.
        pub instance_type: String = String::new(),
        /// Hours of instances, of all together.
        pub hours: f64 = 0.0,
        /// What is paid for one; without it the on-demand price.
        pub usd_per_hour: Option<f64> = None,
    }
}

settings! {
    /// Prices in place of those that the program knows.
    pub struct Prices {
        /// Requests.
        pub requests_usd_per_million: Option<f64> = None,
        /// Duration, at any amount.
        pub duration_usd_per_gb_second: Option<f64> = None,
        /// Environments kept ready.
        pub provisioned_usd_per_gb_second: Option<f64> = None,
        /// Duration in them.
        pub provisioned_duration_usd_per_gb_second: Option<f64> = None,
        /// `/tmp` above 512 MB.
        pub ephemeral_usd_per_gb_second: Option<f64> = None,
        /// Snapshots.
        pub snapstart_cache_usd_per_gb_second: Option<f64> = None,
        /// Restores from them.
        pub snapstart_restore_usd_per_gb: Option<f64> = None,
        /// Streamed responses.
        pub streaming_usd_per_gb: Option<f64> = None,
        /// An HTTP or REST API, at any number of requests.
        pub api_usd_per_million: Option<f64> = None,
        /// A load balancer.
        pub alb_usd_per_hour: Option<f64> = None,
        /// A capacity unit of it.
        pub alb_usd_per_lcu_hour: Option<f64> = None,
        /// Logs, at any amount.
        pub logs_usd_per_gb: Option<f64> = None,
    }
}

settings! {
    /// The cluster.
    pub struct Kubernetes {
        /// What its nodes are: an instance type, or a price.
        pub node: Node = Node::default(),
        /// The least number of nodes.
        pub nodes: u32 = 1,
        /// What one node serves in a month; null where the nodes serve any traffic.
        pub requests_per_node_per_month: Option<f64> = None,
        /// What is paid by the request.
        pub usd_per_request: f64 = 0.0,
        /// What the control plane costs.
        pub control_plane_usd_per_hour: f64 = 0.0,
        /// What each node costs besides: logging, mesh, monitoring.
        pub ancillary_usd_per_node_per_month: f64 = 0.0,
        /// What is paid at any traffic besides.
        pub fixed_usd_per_month: f64 = 0.0,
        /// What is really used of what is paid for; for the utilisation at which both platforms cost the same.
        pub cost_used_usd_per_month: Option<f64> = None,
    }
}

settings! {
    /// A node.
    pub struct Node {
        /// The instance type, at the on-demand price of us-east-1.
        pub instance_type: Option<String> = None,
        /// What is paid for it.
        pub usd_per_hour: Option<f64> = None,
        /// Its processors, to know the price of one.
        pub vcpu: Option<f64> = None,
        /// Its memory, to know the price of a GiB.
        pub memory_gib: Option<f64> = None,
    }
}

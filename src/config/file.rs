//! The settings as they stand in the file.
//!
//! Every key names its unit. The sentences below are those of the default file (`breakeven config default`).

mod prices;
mod secret;
mod words;

use std::collections::BTreeMap;

pub use self::prices::{
    AzureRetail, Discount, Eks, FixedCost, LambdaPrices, NodePrice, NodeSelector, OnPremises,
    PriceList, Prices, Spot, UnlistedPrices, VolumePrice, VolumeSelector,
};
pub use self::words::PresetSetting;
pub use super::range::Range;
use crate::schema::{Setting as _, choice, settings};
use crate::sources::Secret;
use crate::sources::prometheus::LatencyUnit;
use breakeven_model::SharingPolicy;
use breakeven_model::inventory::Architecture;
use breakeven_model::lambda::HttpEndpoint;

settings! {
    /// The whole file.
    pub struct RawConfig {
        /// Labels that every series carries besides its own, such as `cluster`.
        pub external_labels: BTreeMap<String, String> = BTreeMap::new(),
        /// The most series that are shown; above it the workloads that cost least are left out, and counted.
        pub max_series: u32 = 100_000,
        /// How the report is made.
        pub model: Model = Model::default(),
        /// What nodes cost, and what the cluster costs besides.
        pub prices: Prices = Prices::default(),
        /// The cluster.
        pub kubernetes: Kubernetes = Kubernetes::default(),
        /// AWS Lambda.
        pub aws: Aws = Aws::default(),
        /// Where the requests of the cluster's workloads are counted.
        pub requests: Requests = Requests::default(),
        /// What outlives a restart.
        pub state: State = State::default(),
    }
}

settings! {
    /// What outlives a restart: counters, windows, and the verdicts that stand.
    pub struct State {
        /// A directory of this agent alone in which it is kept; null: counters begin at 0 with the program.
        pub directory: Option<String> = None,
        /// From one writing to the next. What is shown was written before, so reports are no more often than that.
        pub interval_seconds: f64 = 30.0,
    }
}

impl RawConfig {
    /// How requests are counted, as text: where it is another one, what was counted before is something else.
    pub(crate) fn counting(&self) -> String {
        let page = crate::schema::plain_page(&self.requests.tree());
        match &self.requests.prometheus {
            // Another tenant has other requests.
            Some(prometheus) if !prometheus.headers.is_empty() => {
                format!("{page}# {}\n", secret::digest(&prometheus.headers))
            }
            _ => page,
        }
    }
}

settings! {
    /// How the report is made.
    pub struct Model {
        /// From one report to the next.
        pub interval_seconds: f64 = 15.0,
        /// The time over which costs and requests are averaged for a decision.
        pub decision_window_seconds: f64 = 86_400.0,
        /// The length of a month.
        pub hours_per_month: f64 = 730.0,
        /// How many times the price of a GiB of memory a core costs on a node. 10.1 fits EC2.
        pub cpu_to_memory_price_ratio: f64 = 10.1,
        /// How many times the price of a GiB of memory a GPU costs on a node. 224 is 0.95 to 0.004237 USD per hour, the
        /// default prices of OpenCost.
        pub gpu_to_memory_price_ratio: f64 = 224.0,
        /// Namespaces whose workloads serve everybody; the others carry their cost. DaemonSets are always shared.
        pub shared_namespaces: Vec<String> = vec!["kube-system".to_owned()],
        /// Who carries idle, shared and fixed cost: proportional (each workload by its allocated cost), even, or none
        /// (it stays unattributed).
        pub sharing: SharingPolicy = SharingPolicy::Proportional,
        /// How much of a workload's allocated cost is really saved when it moves away: nodes are freed only once the
        /// pods that remain have been packed together.
        pub avoidable_ratio: Range = Range { low: 0.0, point: 0.9, high: 1.0 },
        /// The longest time between two looks at the cluster that is charged; a longer one is unobserved.
        pub longest_gap_seconds: f64 = 300.0,
        /// How functions start.
        pub cold_starts: ColdStarts = ColdStarts::default(),
        /// How a workload of the cluster would run on Lambda.
        pub lambda_equivalent: LambdaEquivalent = LambdaEquivalent::default(),
        /// How a function would run in the cluster.
        pub kubernetes_equivalent: KubernetesEquivalent = KubernetesEquivalent::default(),
    }
}

settings! {
    /// How functions start: AWS bills the initialisation of each environment, and says neither how often it happens nor how long
    /// it takes.
    pub struct ColdStarts {
        /// How long an idle environment is kept.
        pub keep_alive_seconds: Range = Range { low: 360.0, point: 480.0, high: 600.0 },
        /// How long an environment initialises.
        pub init_seconds: Range = Range { low: 0.05, point: 0.3, high: 2.0 },
        /// The same by runtime, where it was measured: `python` is any Python, `python3.13` that one; the longest name wins.
        pub init_seconds_by_runtime: BTreeMap<String, f64> = BTreeMap::new(),
    }
}

settings! {
    /// How a workload of the cluster would run on Lambda.
    pub struct LambdaEquivalent {
        /// The processor: x86_64 or arm64.
        pub architecture: Architecture = Architecture::Arm64,
        /// The region whose prices hold.
        pub region: String = "us-east-1".to_owned(),
        /// How many times slower than now a request may become in the mean.
        pub max_slowdown_ratio: f64 = 2.0,
        /// The memory setting over the working set of a pod.
        pub memory_headroom_ratio: f64 = 1.2,
        /// How many environments the account may run at once, where it does not say so itself.
        pub concurrency_limit: u32 = 1_000,
        /// How many times as long a core of Lambda takes for the same work as one of the cluster.
        pub core_time_ratio: Range = Range { low: 0.8, point: 1.0, high: 1.25 },
        /// The part of what a workload computes that it computes without requests, where its use and its traffic do not show it.
        pub idle_cpu_ratio: Range = Range { low: 0.0, point: 0.0, high: 0.5 },
        /// What requests would come through: none, function_url, http_api, rest_api or alb. API Gateway has the list prices of
        /// its region, a load balancer those of us-east-1 and no others.
        pub front_door: HttpEndpoint = HttpEndpoint::Free,
        /// What each request would write to CloudWatch Logs.
        pub log_bytes_per_request: f64 = 0.0,
    }
}

settings! {
    /// How a function would run in the cluster.
    pub struct KubernetesEquivalent {
        /// The cores that a pod requests; its memory is that of the function.
        pub pod_cpu_cores: f64 = 0.25,
        /// How many requests a pod works on at once.
        pub pod_concurrency: u32 = 10,
        /// The utilisation of its CPU request at which a pod is added.
        pub target_utilization_ratio: Range = Range { low: 0.5, point: 0.65, high: 0.8 },
        /// The least number of pods.
        pub min_replicas: u32 = 2,
        /// How much of the nodes' cost pods can be packed onto.
        pub packing_efficiency_ratio: Range = Range { low: 0.5, point: 0.75, high: 0.9 },
        /// The part of its wall time that a function computes.
        pub cpu_share_ratio: Range = Range { low: 0.1, point: 0.5, high: 1.0 },
    }
}

settings! {
    /// The cluster.
    pub struct Kubernetes {
        /// Whether a cluster is watched.
        pub enabled: bool = true,
        /// The kubeconfig file; without one `KUBECONFIG`, `~/.kube/config`, or the service account of the pod.
        pub kubeconfig: Option<String> = None,
        /// The context in it; without one the current context.
        pub context: Option<String> = None,
        /// The pod label that names the team that owns a workload.
        pub team_label: Option<String> = None,
        /// From one look at the nodes and pods to the next, when nothing forces an earlier one.
        pub publish_interval_seconds: f64 = 5.0,
        /// Where what pods use is read: metrics_api (metrics.k8s.io, which samples), kubelet (each node's, through the API
        /// server; needs `get` on `nodes/proxy`) or prometheus (cAdvisor in that of `requests`). Both count.
        pub usage_source: UsageSource = UsageSource::MetricsApi,
        /// From one question for what pods use to the next.
        pub usage_interval_seconds: f64 = 15.0,
        /// The time over which Prometheus adds up what pods use, at least twice the interval in which it scrapes cAdvisor. Only
        /// with `usage_source: prometheus`.
        pub usage_window_seconds: f64 = 120.0,
        /// How old what a pod uses may be.
        pub usage_max_age_seconds: f64 = 300.0,
        /// How long an answer may take.
        pub timeout_seconds: f64 = 30.0,
    }
}

choice! {
    /// Where what pods use is read.
    pub enum UsageSource {
        /// metrics.k8s.io.
        MetricsApi = "metrics_api",
        /// The kubelets, through the API server.
        Kubelet = "kubelet",
        /// The Prometheus that requests are read from, which scrapes cAdvisor.
        Prometheus = "prometheus",
    }
}

settings! {
    /// AWS Lambda. Credentials and endpoints are those of the AWS SDK: environment, profile, web identity, Pod Identity.
    pub struct Aws {
        /// Whether Lambda is read.
        pub enabled: bool = true,
        /// The region; without one `AWS_REGION` or the profile's.
        pub region: Option<String> = None,
        /// The regions that are read, in every account; without any, the one above.
        pub regions: Vec<String> = Vec::new(),
        /// The profile in the shared configuration files.
        pub profile: Option<String> = None,
        /// Whether the account is read that the credentials are of.
        pub own_account: bool = true,
        /// Further accounts, each with `role_arn`, the role that is taken on there, `external_id`, where its trust policy asks for
        /// one, and where wanted `name` and `regions` of its own, and `linked` where its metrics are read in the monitoring account.
        pub accounts: Vec<Account> = Vec::new(),
        /// Functions that are read, by name; `*` stands for anything. All where there is none.
        pub include: Vec<String> = Vec::new(),
        /// Functions that are not read, by name.
        pub exclude: Vec<String> = Vec::new(),
        /// Labels of functions, each with the key of the tag that it is made of, such as `team: Team`. `team` is the team that owns
        /// a function; any other stands as `tag_…` in breakeven_workload_info.
        pub tag_labels: BTreeMap<String, String> = BTreeMap::new(),
        /// What is around functions and costs besides, each with `functions` (a name; `*` stands for anything), `front_door`,
        /// `log_bytes_per_request` and `managed_instances_usd_per_hour`. The first that matches holds.
        pub surroundings: Vec<FunctionOverrides> = Vec::new(),
        /// From one list of the functions to the next.
        pub functions_interval_seconds: f64 = 300.0,
        /// What reading the functions' metrics may cost in a month, in USD. Each metric asked for costs 0.00001; how often each
        /// function is read follows from it and from what is at stake with the function.
        pub budget_usd_per_month: f64 = 10.0,
        /// The shortest time from one reading of a function's metrics to the next.
        pub metrics_interval_seconds: f64 = 60.0,
        /// The longest, for functions that cost little. Where the budget is not enough for that, it is longer still.
        pub metrics_longest_interval_seconds: f64 = 3_600.0,
        /// How long after its end a minute is read for the first time.
        pub metrics_delay_seconds: f64 = 180.0,
        /// How long after that a minute may still change: until then it is read again. At least a function's timeout.
        pub metrics_settle_seconds: f64 = 900.0,
        /// Whether Lambda Insights is read: auto, of the functions that have it switched on, or off. It tells processor time, memory
        /// and initialisation, takes at most a tenth of the budget, and nothing but a list where no function has it.
        pub lambda_insights: LambdaInsights = LambdaInsights::Auto,
        /// How long a poll may take.
        pub timeout_seconds: f64 = 60.0,
        /// The bill of Lambda, from Cost Explorer.
        pub bill: Bill = Bill::default(),
    }
}

choice! {
    /// Whether Lambda Insights is read.
    pub enum LambdaInsights {
        /// Of the functions that have it switched on.
        Auto = "auto",
        /// Not at all.
        Off = "off",
    }
}

settings! {
    /// The bill of Lambda, from Cost Explorer, to hold the model against it. Each call costs 0.01 USD.
    pub struct Bill {
        /// Whether it is read.
        pub enabled: bool = false,
        /// A directory in which the bill and the count of paid calls are kept over a restart; null: `state.directory`. One of them
        /// is needed where the bill is read.
        pub cache_directory: Option<String> = None,
        /// The most paid calls of a day (UTC), pages and failures with them.
        pub calls_per_day: u32 = 2,
        /// How long an answer holds. AWS brings the bill up to date at most three times a day.
        pub refresh_seconds: f64 = 86_400.0,
        /// Whether functions are priced by what the bill says is paid, in place of list prices and
        /// `prices.lambda.duration_discount_ratio`.
        pub apply: bool = false,
        /// How long a poll may take.
        pub timeout_seconds: f64 = 60.0,
    }
}

settings! {
    /// An account that is read with the credentials of a role.
    pub struct Account {
        /// The role, such as `arn:aws:iam::111122223333:role/breakeven`.
        pub role_arn: String = String::new(),
        /// What the role's trust policy asks for.
        pub external_id: Option<String> = None,
        /// What it is called where sources are shown; its number without one.
        pub name: Option<String> = None,
        /// The regions that are read there; without any, those of `aws.regions`.
        pub regions: Vec<String> = Vec::new(),
        /// Whether it is linked to the account of the credentials as a source of metrics, so that they are read there, without the
        /// role.
        pub linked: bool = false,
    }
}

settings! {
    /// What is around some functions.
    pub struct FunctionOverrides {
        /// Which functions, by name.
        pub functions: String = "*".to_owned(),
        /// What their requests come through: none, function_url, http_api, rest_api or alb. API Gateway has the list prices of
        /// its region, a load balancer those of us-east-1 and no others.
        /// Without it what Lambda says holds, which knows event sources and URLs, and nothing of API Gateway and load balancers.
        pub front_door: Option<HttpEndpoint> = None,
        /// What each request writes to CloudWatch Logs.
        pub log_bytes_per_request: f64 = 0.0,
        /// What the instances of each such function cost that runs on a capacity provider, with the fee of 15 %; of those that
        /// several functions share, its part. Without it such a function has no cost.
        pub managed_instances_usd_per_hour: Option<f64> = None,
    }
}

settings! {
    /// Where the requests of the cluster's workloads are counted.
    pub struct Requests {
        /// A Prometheus-compatible API; null where there is none.
        pub prometheus: Option<Prometheus> = None,
        /// Scraping the pods themselves, for clusters without a Prometheus.
        pub scrape: Scrape = Scrape::default(),
        /// What AWS counts before the cluster, of workloads that nothing else counts.
        pub edge: Edge = Edge::default(),
    }
}

settings! {
    /// Scraping the pods that carry `prometheus.io/scrape: "true"` and `prometheus.io/port`, or are selected.
    pub struct Scrape {
        /// Whether they are.
        pub enabled: bool = false,
        /// From one scrape of all pods to the next.
        pub interval_seconds: f64 = 30.0,
        /// How long one pod may take.
        pub timeout_seconds: f64 = 5.0,
        /// The counter of requests; null for the first of http_server_request_duration_seconds_count, http_requests_total and
        /// grpc_server_handled_total that a pod has.
        pub requests_metric: Option<String> = None,
        /// The histogram of their latencies in seconds, without _sum or _count; only with a requests_metric.
        pub latency_metric: Option<String> = None,
        /// Pods that are scraped though they do not ask for it, each with the `labels` that they have, `port`, and where wanted
        /// `namespace` and `path`. The first that fits holds, and a pod's own annotations before it.
        pub pods: Vec<ScrapedPods> = Vec::new(),
    }
}

settings! {
    /// Pods that are scraped though they do not ask for it.
    pub struct ScrapedPods {
        /// Their namespace; all without one.
        pub namespace: Option<String> = None,
        /// Labels that they have.
        pub labels: BTreeMap<String, String> = BTreeMap::new(),
        /// The port of their metrics.
        pub port: u32 = 0,
        /// The path of their metrics.
        pub path: String = "/metrics".to_owned(),
    }
}

settings! {
    /// Requests at Application Load Balancers and API Gateway, from CloudWatch, in the account and region of `aws`. Each target
    /// group and each API costs 0.26 USD a month at the default interval, out of `aws.budget_usd_per_month`.
    pub struct Edge {
        /// Whether they are read: target groups that a TargetGroupBinding leads to a Service, and what stands below.
        pub enabled: bool = false,
        /// A tag of target groups whose value names the Deployment behind one as `namespace/name`, or another workload as
        /// `namespace/Kind/name`; for target groups without a TargetGroupBinding.
        pub target_group_tag: Option<String> = None,
        /// APIs of API Gateway in front of the cluster, each with `api_id` (of an HTTP API) or `api_name` (of a REST API), where
        /// wanted a `stage`, and `workload` as in the tag.
        pub apis: Vec<Api> = Vec::new(),
        /// From one reading to the next.
        pub interval_seconds: f64 = 300.0,
        /// How long a poll may take.
        pub timeout_seconds: f64 = 60.0,
    }
}

settings! {
    /// An API of API Gateway.
    pub struct Api {
        /// The id of an HTTP API.
        pub api_id: Option<String> = None,
        /// The name of a REST API.
        pub api_name: Option<String> = None,
        /// The stage whose requests count; without one all of them.
        pub stage: Option<String> = None,
        /// The workload behind it, as `namespace/name` for a Deployment or as `namespace/Kind/name`.
        pub workload: String = String::new(),
    }
}

settings! {
    /// A Prometheus-compatible API.
    pub struct Prometheus {
        /// Its address up to `/api/v1`.
        pub url: String = String::new(),
        /// Which metrics count requests: those of a preset, or of the first preset that has data (auto); null if `queries` are
        /// given. docs/requests.md lists the presets.
        pub preset: Option<PresetSetting> = None,
        /// Queries of your own.
        pub queries: Option<Queries> = None,
        /// A file with a bearer token, read anew for each poll.
        pub bearer_token_file: Option<String> = None,
        /// A user and a password, instead of a token.
        pub basic_auth: Option<BasicAuth> = None,
        /// A file with the certificates of the only authorities that are trusted, in PEM; null for those of the system.
        pub ca_file: Option<String> = None,
        /// Further headers, such as `X-Scope-OrgID` for the tenant of Mimir.
        pub headers: BTreeMap<String, Secret> = BTreeMap::new(),
        /// From one poll to the next.
        pub interval_seconds: f64 = 60.0,
        /// The steps in which requests are counted, at least twice the scrape interval.
        pub step_seconds: f64 = 300.0,
        /// How long after its end a step is taken as complete.
        pub delay_seconds: f64 = 60.0,
        /// How far back requests are read at the start, hour by hour, for what a month costs; at most the 28 days that are kept. With 0
        /// the decision window alone.
        pub history_days: u32 = 28,
        /// How long a query may take.
        pub timeout_seconds: f64 = 30.0,
    }
}

settings! {
    /// A user and a password.
    pub struct BasicAuth {
        /// The user.
        pub username: String = String::new(),
        /// A file with the password, read anew for each poll.
        pub password_file: String = String::new(),
    }
}

settings! {
    /// Queries of your own. `$window` stands for the step. Each gives `namespace` and `workload` (and `workload_kind`), or
    /// `namespace` and `pod`.
    pub struct Queries {
        /// Requests, such as `sum by (namespace, pod) (increase(http_requests_total[$window]))`.
        pub requests: String = String::new(),
        /// The sum of their latencies.
        pub latency_sum: Option<String> = None,
        /// How many latencies were measured.
        pub latency_count: Option<String> = None,
        /// The unit of the latencies: seconds or milliseconds.
        pub latency_unit: LatencyUnit = LatencyUnit::Seconds,
    }
}

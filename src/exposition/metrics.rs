//! Every metric family, once: its name, type, unit, labels, and what it says.
//!
//! Nothing else in the program writes a metric's name. `docs/metrics.md` is made from this list.

/// How a family's numbers behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Moves both ways.
    Gauge,
    /// Always 1: the labels are the message; its name ends in `_info`.
    Info,
}

/// What a family is about. It decides the first labels, the section of the reference, and what the
/// limit on series does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// One workload or function. Left out for those of the least cost when there are too many.
    Workload,
    /// Money of one workload that a sum over all of them must find complete. Never left out.
    WorkloadCost,
    /// The cluster, its nodes, the accounts.
    Cluster,
    /// The sources, and how old what they said is.
    Sources,
    /// The program itself.
    Own,
}

impl Scope {
    /// The labels that come before the family's own.
    pub(super) const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Workload | Self::WorkloadCost => &IDENTITY,
            Self::Cluster | Self::Sources | Self::Own => &[],
        }
    }
}

/// The labels that say which workload or function it is.
pub(super) const IDENTITY: [&str; 6] = [
    "home",
    "namespace",
    "workload_kind",
    "workload",
    "account_id",
    "aws_region",
];

/// What is fixed about a family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Description {
    /// The name of its series.
    pub(super) name: &'static str,
    /// Counter, gauge or info.
    pub(super) kind: Kind,
    /// The unit, as the end of the family's name spells it; none for what is only counted.
    pub(super) unit: Option<&'static str>,
    /// What it is about.
    pub(super) scope: Scope,
    /// The labels after those of the scope.
    pub(super) labels: &'static [&'static str],
    /// What it says: meaning, formula, origin.
    pub(super) help: &'static str,
}

impl Description {
    /// The name of the family as OpenMetrics has it: without the suffix that the type gives its series.
    pub(super) fn family(&self) -> &'static str {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge => "",
            Kind::Info => "_info",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }

    /// Whether its series can carry this label.
    pub(super) fn has_label(&self, label: &str) -> bool {
        self.scope.labels().contains(&label) || self.labels.contains(&label)
    }
}

/// `Variant: Kind "name" [unit], Scope, [labels], "help";`
macro_rules! catalogue {
    ($($metric:ident: $kind:ident $name:literal [$($unit:literal)?], $scope:ident, [$($label:literal),*], $help:literal;)*) => {
        /// A metric family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) enum Metric {
            $(#[doc = $help] $metric,)*
        }

        impl Metric {
            /// All of them, in the order in which they are shown.
            pub(super) const ALL: &[Self] = &[$(Self::$metric,)*];

            /// What is fixed about it.
            pub(super) const fn description(self) -> &'static Description {
                match self {
                    $(Self::$metric => &Description {
                        name: $name,
                        kind: Kind::$kind,
                        unit: catalogue!(@unit $($unit)?),
                        scope: Scope::$scope,
                        labels: &[$($label),*],
                        help: $help,
                    },)*
                }
            }
        }
    };
    (@unit $unit:literal) => { Some($unit) };
    (@unit) => { None };
}

catalogue! {
    RequestCost: Gauge "breakeven_request_cost_usd" ["usd"], Workload, ["platform", "basis"],
        "Cost of one request over the decision window = cost / requests, observed at home and projected elsewhere. With fewer than 100 requests in it: requests of the last 28 days.";
    RequestCostLow: Gauge "breakeven_request_cost_low_usd" ["usd"], Workload, ["platform", "basis"],
        "The least that one request may cost: every parameter that is not known exactly at its cheaper end.";
    RequestCostHigh: Gauge "breakeven_request_cost_high_usd" ["usd"], Workload, ["platform", "basis"],
        "The most that one request may cost: every parameter that is not known exactly at its dearer end.";
    WorkloadCost: Counter "breakeven_workload_cost_usd_total" ["usd"], WorkloadCost, ["component"],
        "Money spent where it runs, on the loaded basis = sum of price x time held + its part of idle, shared and fixed cost. The components exclude each other and add up.";
    SharedWorkloadCost: Counter "breakeven_shared_workload_cost_usd_total" ["usd"], WorkloadCost, [],
        "Money that a shared workload cost before it was spread over the others = sum of price x time held. It is contained in their component shared.";
    WorkloadUsedCost: Counter "breakeven_workload_used_cost_usd_total" ["usd"], Workload, ["resource"],
        "Money for what was really used = sum of price x use x time, from live usage. Not a part of the loaded cost beside it, but contained in it.";
    WorkloadRequests: Counter "breakeven_workload_requests_total" [], Workload, ["outcome"],
        "Requests or invocations seen, by how they ended, from the request source or CloudWatch.";
    WorkloadThrottled: Counter "breakeven_workload_cpu_throttled_seconds_total" ["seconds"], Workload, [],
        "Time for which containers were not let run because they had used up their CPU limit, summed over processors, from cAdvisor. Absent where nobody says so (only usage_source: prometheus does) and where no container has a limit.";
    WorkloadThrottledRatio: Gauge "breakeven_workload_cpu_throttled_ratio" ["ratio"], Workload, [],
        "The part of the scheduler's periods in which they were held back = throttled periods / periods in the decision window, from cAdvisor. Above 0.25 the latency is more that of the limit than that of the work.";
    WorkloadMonthlyCost: Gauge "breakeven_workload_monthly_cost_usd" ["usd"], Workload, ["platform", "basis"],
        "Cost of a month like the decision window = cost in the window / its length x hours_per_month (730). With fewer than 100 requests in it, Lambda serves those of the last 28 days.";
    WorkloadProjectedMonthCost: Gauge "breakeven_workload_projected_month_cost_usd" ["usd"], Workload, ["component"],
        "Cost in the cluster of a month like the last 28 days (UTC), as far as they were seen = cost / time seen x hours_per_month (730). The components exclude each other and add up. Absent until a day was seen.";
    WorkloadProjectedMonthRequests: Gauge "breakeven_workload_projected_month_requests" [], Workload, [],
        "Requests of a month like the last 28 days (UTC), as far as they were counted = requests / time counted x hours_per_month (730). Absent until a day was counted.";
    WorkloadObservedMonth: Gauge "breakeven_workload_observed_month_seconds" ["seconds"], Workload, ["of"],
        "How much of the last 28 days (UTC) these projections stand on: the time for which the cost was known (of=cost), and over which requests were counted (of=requests).";
    WorkloadActive: Gauge "breakeven_workload_active_ratio" ["ratio"], Workload, [],
        "Part of the last 28 days (UTC), as far as they were counted, in which it served any request = sum of min(step, requests x 1 minute) over the steps of counting / time counted.";
    WorkloadMonthlySaving: Gauge "breakeven_workload_monthly_saving_usd" ["usd"], Workload, [],
        "What moving to the other platform would save each month = cost at home - cost there. Negative if it would cost more, absent if it cannot move.";
    WorkloadUtilization: Gauge "breakeven_workload_utilization_ratio" ["ratio"], Workload, ["resource"],
        "How well it uses what it pays for: cost used / cost loaded (resource cost), processors used / held (cpu), memory used / held (memory).";
    WorkloadBreakevenUtilization: Gauge "breakeven_workload_breakeven_utilization_ratio" ["ratio"], Workload, [],
        "The cost utilisation at which both platforms cost the same = cost used / cost on Lambda. Below it Lambda costs less; above 1 Kubernetes costs more at any utilisation.";
    WorkloadBreakevenRequests: Gauge "breakeven_workload_breakeven_requests_per_month" ["requests_per_month"], Workload, ["crossing"],
        "Traffic at which both platforms cost the same: the least such traffic (crossing first), and the one above which Kubernetes always costs less (sustained). Absent where they never do.";
    WorkloadVerdict: Gauge "breakeven_workload_verdict" [], Workload, ["verdict"],
        "Which platform costs less, or why that is not known: 1 on the one that holds, 0 on the others. What cannot move has that of its home.";
    WorkloadUncertainty: Gauge "breakeven_workload_uncertainty_ratio" ["ratio"], Workload, ["parameter"],
        "Swing of the projected cost when the parameter that moves it most goes from one end of what it may be to the other = (highest - lowest) / point.";
    WorkloadIneligible: Gauge "breakeven_workload_ineligible" [], Workload, ["reason"],
        "1 for each reason why it cannot move to Lambda as it is. Absent where there is none.";
    WorkloadInfo: Info "breakeven_workload_info" [], Workload, ["traffic_pattern", "architecture", "runtime", "lambda_memory_mib", "team", "unit", "requests_by", "front_door", "event_sources"],
        "Facts to join on: processor, runtime, the memory setting of the function or of the equivalent function, the team, what one request is called, and what counts the requests. Of functions also what requests come through, as configured or as the Lambda API says (none, function_url, http_api, rest_api or alb), and what Lambda polls for them (sqs, kinesis, dynamodb, kafka, mq, documentdb or other; several with commas between). Further tags of functions that are named in aws.tag_labels are labels that begin with tag_.";
    WorkloadPairInfo: Info "breakeven_workload_pair_info" [], Workload, ["pair"],
        "The workload or function that does the same job on the other platform, by the annotation breakeven.dev/lambda-function: the cost there is observed of it.";
    FunctionGibSeconds: Counter "breakeven_function_gib_seconds_total" ["gib_seconds"], Workload, [],
        "Memory x billed time = memory in GiB x (sum of durations, rounded up, + initialisation of cold starts), from the function's setting and CloudWatch. AWS writes it GB-s, and means 1,024 MB.";
    FunctionErrors: Counter "breakeven_function_errors_total" [], Workload, [],
        "Invocations that failed in the function, from CloudWatch. They are billed.";
    FunctionThrottles: Counter "breakeven_function_throttles_total" [], Workload, [],
        "Invocations that were turned away, from CloudWatch. They are not billed.";
    FunctionColdStarts: Counter "breakeven_function_cold_starts_total" [], Workload, ["method"],
        "Environments that had to be started = sum over the minutes of max(0, peak concurrency - its maximum in the keep-alive before) (method ratchet), from CloudWatch. Their initialisation is billed. Method measured: from when Lambda Insights is read = invocations x the share of them that it counted an initialisation for.";
    FunctionConcurrencyPeak: Gauge "breakeven_function_concurrency_peak" [], Workload, [],
        "The most environments that ran at once in the decision window, from CloudWatch.";
    FunctionMemoryPeak: Gauge "breakeven_function_memory_used_peak_bytes" ["bytes"], Workload, [],
        "The most memory that an environment of the function used in the decision window, from Lambda Insights (maximum of used_memory_max). Absent where that is not switched on.";
    FunctionCpu: Gauge "breakeven_function_cpu_per_request_seconds" ["seconds"], Workload, [],
        "Processor time of an invocation in the decision window = sum / count of cpu_total_time, from Lambda Insights. Absent where that is not switched on.";
    FunctionInit: Gauge "breakeven_function_init_seconds" ["seconds"], Workload, [],
        "How long a cold start initialised in the decision window = sum / count of init_duration, from Lambda Insights. Absent where that is not switched on, or none was seen.";
    FunctionReservedConcurrency: Gauge "breakeven_function_reserved_concurrency" [], Workload, [],
        "The environments that are set aside for the function, and are the most that it may have, from the Lambda API. Absent where none are.";
    FunctionProvisionedConcurrency: Gauge "breakeven_function_provisioned_concurrency" [], Workload, [],
        "The environments that are kept ready for the versions and aliases of the function, from the Lambda API. Absent while that is not known.";

    ClusterCost: Counter "breakeven_cluster_cost_usd_total" ["usd"], Cluster, ["component"],
        "Money that the cluster cost = sum of node price x time + fixed cost. The components exclude each other; idle, shared and fixed are what workloads carry, unattributed is what none carries.";
    ClusterUtilization: Gauge "breakeven_cluster_utilization_ratio" ["ratio"], Cluster, [],
        "Cost used / cost loaded over the workloads that could move to Lambda.";
    ClusterBreakevenUtilization: Gauge "breakeven_cluster_breakeven_utilization_ratio" ["ratio"], Cluster, [],
        "The cost utilisation at which these workloads together cost the same on Lambda = cost used / cost on Lambda.";
    NodePrice: Gauge "breakeven_node_price_usd_per_hour" ["usd_per_hour"], Cluster, ["node", "instance_type", "capacity_type", "price_source"],
        "Price of the node, each hour, and where it comes from: config, savings_plan, negotiated, spot, price_list, azure_retail or embedded (price_source).";
    NodePriceAge: Gauge "breakeven_node_price_age_seconds" ["seconds"], Cluster, ["node"],
        "How long ago AWS said the price of the node, or the list price that it is a discount on. Absent for prices from the configuration and embedded ones.";
    NodePriceTimestamp: Gauge "breakeven_node_price_timestamp_seconds" ["seconds"], Cluster, ["node"],
        "When the price of the node, or the list price that it is a discount on, was read, in seconds since 1970. Absent for configured and embedded prices.";
    NodeUnpriced: Gauge "breakeven_node_unpriced" [], Cluster, ["node", "instance_type", "reason"],
        "1 for each node whose price is not known. The cost of the pods on it is not known and in no sum.";
    VolumePrice: Gauge "breakeven_volume_price_usd_per_hour" ["usd_per_hour"], Cluster, ["volume", "storage_class", "namespace", "held", "price_source"],
        "Price of the persistent volume, each hour = GiB provisioned x price of a GiB + operations and throughput provisioned. It is in the component storage of the workloads whose pods hold it (held=true), or a fixed cost of the cluster (held=false). namespace is that of its claim.";
    VolumeUnpriced: Gauge "breakeven_volume_unpriced" [], Cluster, ["volume", "storage_class", "reason"],
        "1 for each persistent volume whose price is not known. Its cost is in no sum.";
    CpuPrice: Gauge "breakeven_cpu_price_usd_per_core_hour" ["usd_per_core_hour"], Cluster, ["node"],
        "Price of one core of the node, each hour = memory price x the ratio of CPU to memory price.";
    MemoryPrice: Gauge "breakeven_memory_price_usd_per_gib_hour" ["usd_per_gib_hour"], Cluster, ["node"],
        "Price of one GiB of the node, each hour = node price / (cores x the ratio of CPU to memory price + GiB).";
    AccountConcurrencyLimit: Gauge "breakeven_account_concurrency_limit" [], Cluster, ["account_id", "aws_region"],
        "How many Lambda environments the account may run at once in the region, from the Lambda API.";
    RequestsInfo: Info "breakeven_requests_info" [], Cluster, ["origin", "choice"],
        "Which metrics count the requests of the cluster's workloads: a preset, own queries (own) or none, and why: configured, first_with_data or none_has_data.";
    BillUsd: Counter "breakeven_bill_usd_total" ["usd"], Cluster, ["account_id", "aws_region", "usage_type"],
        "What AWS billed for Lambda on settled days since the bill was first read = sum of UnblendedCost, from Cost Explorer. What a Savings Plan covers stands there with nothing.";
    BillAmortizedUsd: Counter "breakeven_bill_amortized_usd_total" ["usd"], Cluster, ["account_id", "aws_region", "usage_type"],
        "The same with the price of Savings Plans spread over what they cover = sum of AmortizedCost, from Cost Explorer.";
    BillToModel: Gauge "breakeven_bill_to_model_ratio" ["ratio"], Cluster, ["account_id", "aws_region", "usage_type"],
        "Billed / modelled dollars over the last 7 days that are settled and were seen whole = sum of AmortizedCost / sum of the model's cost of the same usage. 1 where the model is right.";
    BillUsageToModel: Gauge "breakeven_bill_usage_to_model_ratio" ["ratio"], Cluster, ["account_id", "aws_region", "usage_type"],
        "Billed / modelled usage (requests, GB-s) over the same days: what is off besides the price.";
    BillPriceToList: Gauge "breakeven_bill_price_to_list_ratio" ["ratio"], Cluster, ["account_id", "aws_region", "usage_type"],
        "What is paid of the list price over the last 7 settled days, seen or not = sum of AmortizedCost / (billed usage x list price of the first tier).";
    BillCompared: Gauge "breakeven_bill_compared_seconds" ["seconds"], Cluster, ["account_id", "aws_region"],
        "The time that the ratios to the model are made of, at most 7 days = days that are settled and were at least 99 % seen x 86,400.";
    BillObserved: Gauge "breakeven_bill_day_observed_ratio" ["ratio"], Cluster, ["account_id", "aws_region"],
        "The part of the last settled day that was seen = sum of the time seen of each function / (functions x 24 h).";
    BillPlanCoverage: Gauge "breakeven_bill_savings_plan_coverage_ratio" ["ratio"], Cluster, ["account_id", "aws_region"],
        "The part of duration that a Savings Plan covers = 1 - UnblendedCost / cost without a plan, over the last 7 settled days. Absent where the bill shows none.";
    BillSettledUntil: Gauge "breakeven_bill_settled_timestamp_seconds" ["seconds"], Cluster, [],
        "The end of the last settled day of the bill, in seconds since 1970.";

    Observed: Counter "breakeven_observed_seconds_total" ["seconds"], Sources, ["source"],
        "Time over which the cost of the cluster was added up. Cost / this time is the mean rate of spending.";
    Unobserved: Counter "breakeven_unobserved_seconds_total" ["seconds"], Sources, ["source"],
        "Time that passed unseen: a gap between observations longer than the configured maximum, charged to nobody.";
    SourceUp: Gauge "breakeven_source_up" [], Sources, ["source", "account_id", "aws_region"],
        "1 where the last attempt to read the source succeeded, 0 where it failed. Absent before the first has ended.";
    SourceLastSuccess: Gauge "breakeven_source_last_success_timestamp_seconds" ["seconds"], Sources, ["source", "account_id", "aws_region"],
        "When the source was last read with success, in seconds since 1970.";
    SourceDuration: Gauge "breakeven_source_duration_seconds" ["seconds"], Sources, ["source", "account_id", "aws_region"],
        "How long the last attempt to read the source took.";
    SourceErrors: Counter "breakeven_source_errors_total" [], Sources, ["source", "account_id", "aws_region", "reason"],
        "Failed attempts to read the source, by reason.";
    SourceDiscardedRecords: Counter "breakeven_source_left_out_total" [], Sources, ["source", "account_id", "aws_region", "reason"],
        "Facts that the source received and left out, by reason: what cannot be used is never dropped in silence.";
    DataAge: Gauge "breakeven_data_age_seconds" ["seconds"], Sources, ["source", "account_id", "aws_region"],
        "Age of what the source last said, when the report was made = report time - last success.";

    ReportTimestamp: Gauge "breakeven_report_timestamp_seconds" ["seconds"], Own, [],
        "When the report was made that these numbers come from, in seconds since 1970.";
    AwsApiRequests: Counter "breakeven_aws_api_requests_total" [], Own, ["api"],
        "Requests that breakeven itself sent to AWS, by API.";
    AwsApiCost: Counter "breakeven_aws_api_cost_usd_total" ["usd"], Own, ["api"],
        "What these requests cost = requests, or metrics asked for, x list price of the API.";
    AwsApiBudget: Gauge "breakeven_aws_api_budget_usd_per_month" ["usd_per_month"], Own, ["api"],
        "What asking this API may cost in a month of 730 hours, by the configuration.";
    AwsApiExpected: Gauge "breakeven_aws_api_expected_usd_per_month" ["usd_per_month"], Own, ["api"],
        "What asking this API will cost in a month of 730 hours, by the plan that is followed now = sum over the functions of metrics per reading x month / interval x list price.";
    AwsApiLongestInterval: Gauge "breakeven_aws_api_longest_interval_seconds" ["seconds"], Own, ["api"],
        "The longest time between two readings of the same function. Above aws.metrics_longest_interval_seconds the budget is not enough.";
    Series: Gauge "breakeven_series" [], Own, ["family"],
        "Series in this exposition, by family.";
    SeriesDropped: Counter "breakeven_series_dropped_total" [], Own, ["family", "reason"],
        "Series left out of an exposition: beyond the limit on series, those of the least cost first (limit), or given twice (duplicate).";
    BuildInfo: Info "breakeven_build_info" [], Own, ["version", "revision", "rustversion"],
        "The program: its version, the revision it was built from, and the compiler.";
    ConfigReloaded: Gauge "breakeven_config_last_reload_successful" [], Own, [],
        "1 where the configuration was read with success the last time, 0 where it was refused and the one before stays.";
    ConfigReloadedAt: Gauge "breakeven_config_last_reload_success_timestamp_seconds" ["seconds"], Own, [],
        "When the configuration was last read with success, in seconds since 1970.";
    ConfigWarnings: Gauge "breakeven_config_warnings" [], Own, [],
        "Warnings about the configuration in use, which the log and breakeven check name.";
    StateSavedAt: Gauge "breakeven_state_last_save_timestamp_seconds" ["seconds"], Own, [],
        "When what outlives a restart was last written, in seconds since 1970. Absent where nothing is kept.";
    StateSize: Gauge "breakeven_state_size_bytes" ["bytes"], Own, [],
        "How much was written.";
    StateFailures: Counter "breakeven_state_failures_total" [], Own, ["reason"],
        "What outlives a restart could not be written (save), or what was kept not be read (load) or not be used and was set aside: damaged, other_version, foreign.";
    ClockCorrections: Counter "breakeven_clock_corrections_total" [], Own, [],
        "How often timestamps were ahead of the clock and were set to it, because the clock had been ahead.";

    HttpRequests: Counter "breakeven_http_requests_total" [], Own, ["handler", "code"],
        "HTTP requests by handler (metrics, page, cost_model, explain, healthy, ready, reload or other) and status code.";
    ProcessCpu: Counter "process_cpu_seconds_total" ["seconds"], Own, [],
        "Processor time that the process used, user and system.";
    ProcessMaxFds: Gauge "process_max_fds" [], Own, [],
        "The most file descriptors that the process may have open.";
    ProcessOpenFds: Gauge "process_open_fds" [], Own, [],
        "File descriptors that the process has open.";
    ProcessResidentMemory: Gauge "process_resident_memory_bytes" ["bytes"], Own, [],
        "Memory of the process that is resident.";
    ProcessStartTime: Gauge "process_start_time_seconds" ["seconds"], Own, [],
        "When the process started, in seconds since 1970.";
    ProcessThreads: Gauge "process_threads" [], Own, [],
        "Threads of the process.";
    ProcessVirtualMemory: Gauge "process_virtual_memory_bytes" ["bytes"], Own, [],
        "Address space of the process.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_ends_as_its_type_and_unit_demand() {
        for metric in Metric::ALL {
            let description = metric.description();
            let (name, family) = (description.name, description.family());
            assert_eq!(
                name.ends_with("_total"),
                description.kind == Kind::Counter,
                "{name}"
            );
            assert_eq!(
                name.ends_with("_info"),
                description.kind == Kind::Info,
                "{name}"
            );
            if let Some(unit) = description.unit {
                assert!(
                    family.ends_with(&format!("_{unit}")),
                    "{name} is not in {unit}"
                );
                assert_ne!(description.kind, Kind::Info, "{name}: a fact has no unit");
            }
            for unit in ["usd", "seconds", "bytes", "ratio", "per_month", "per_hour"] {
                if family.ends_with(&format!("_{unit}")) {
                    let known = description.unit.is_some_and(|known| known.ends_with(unit));
                    assert!(known, "{name} does not say its unit {unit}");
                }
            }
        }
    }

    #[test]
    fn no_series_of_one_family_can_be_taken_for_one_of_another() {
        let mut taken = BTreeSet::new();
        for metric in Metric::ALL {
            let description = metric.description();
            let family = description.family();
            let names = match description.kind {
                Kind::Counter => vec![
                    family.to_owned(),
                    format!("{family}_total"),
                    format!("{family}_created"),
                ],
                Kind::Gauge => vec![family.to_owned()],
                Kind::Info => vec![family.to_owned(), format!("{family}_info")],
            };
            for name in names {
                assert!(taken.insert(name.clone()), "{name} has two meanings");
            }
        }
    }

    #[test]
    fn names_labels_and_help_are_well_formed() {
        for metric in Metric::ALL {
            let description = metric.description();
            let labels: Vec<_> = description
                .scope
                .labels()
                .iter()
                .chain(description.labels)
                .collect();
            let distinct: BTreeSet<_> = labels.iter().collect();
            assert_eq!(
                labels.len(),
                distinct.len(),
                "{} has a label twice",
                description.name
            );
            for name in labels.into_iter().chain([&description.name]) {
                let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(name.chars().all(fine), "{name}");
            }
            assert!(description.help.ends_with('.'), "{}", description.name);
        }
    }
}

//! What the settings mean: each part of the program gets its own, checked, in its own units.
//!
//! What enters: the settings as they stand in the file. What leaves: a [`Config`] of typed values, or all errors.

mod accounts;
mod functions;
mod load_balancers;
mod model;
mod prices;
mod sources;
mod usage;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::file::{self, RawConfig};
use crate::engine::Limits;
use crate::exposition::is_label_name;
use crate::schema::{ConfigError, ConfigPath, Validator};
use crate::sources::aws::load_balancers::Settings as EdgeSettings;
use crate::sources::aws::{self, cloudwatch, cost_explorer, lambda};
use crate::sources::price_list;
use crate::sources::usage::{CadvisorSettings, KubeletSettings};
use crate::sources::{Schedule, kubernetes, prometheus, scrape};
use breakeven_model::ModelParameters;
use breakeven_model::pricing::PriceBook;
use breakeven_model::uncertainty::Range;
use breakeven_model::units::{HOURS_PER_MONTH, Hours, QuantityError, Ratio, Seconds};

/// The settings of every part of the program.
#[derive(Clone, Debug)]
pub struct Config {
    /// Labels that every series carries besides its own.
    pub external_labels: Vec<(String, String)>,
    /// The most series that are shown.
    pub max_series: usize,
    /// From one report to the next.
    pub interval: Duration,
    /// Where what outlives a restart is kept, if anywhere. With it, the interval is that of writing too.
    pub state_directory: Option<PathBuf>,
    /// The model.
    pub model: ModelParameters,
    /// How old observations may be.
    pub limits: Limits,
    /// Known prices.
    pub prices: PriceBook,
    /// How the AWS Price List is read, where it is.
    pub price_list: Option<(price_list::PriceListConfig, Schedule)>,
    /// When spot prices are read, where they are.
    pub spot: Option<Schedule>,
    /// How Azure's retail prices are read, where they are.
    pub azure_retail: Option<(AzureRetail, Schedule)>,
    /// The cluster, where one is watched.
    pub kubernetes: Option<Kubernetes>,
    /// AWS Lambda, where it is read.
    pub aws: Option<Aws>,
    /// Which Prometheus counts requests, if any.
    pub requests: Option<Requests>,
    /// How pods are scraped for theirs, if they are.
    pub scrape: Option<(scrape::Settings, Schedule)>,
    /// What AWS counts before the cluster, if that is read.
    pub edge: Option<(EdgeSettings, Schedule)>,
    /// Values that are used, but are probably not meant.
    pub warnings: Vec<String>,
}

/// The cluster.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    /// Where its address and credentials come from.
    pub access: kubernetes::Access,
    /// How it is watched.
    pub watch: kubernetes::Settings,
    /// Where what pods use is read.
    pub usage: UsageSource,
    /// When it is asked.
    pub usage_schedule: Schedule,
    /// When the API server is asked for its version.
    pub version: Schedule,
}

/// Where what pods use is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageSource {
    /// metrics.k8s.io.
    MetricsApi,
    /// The kubelets.
    Kubelet(KubeletSettings),
    /// cAdvisor in the Prometheus of [`Requests`].
    Cadvisor(CadvisorSettings),
}

/// AWS Lambda.
#[derive(Clone, Debug)]
pub struct Aws {
    /// Where and as whom AWS is asked.
    pub session: aws::AwsConfig,
    /// Which accounts and regions are read.
    pub accounts: aws::Accounts,
    /// Which functions are read.
    pub functions: lambda::LambdaConfig,
    /// When they are listed.
    pub functions_schedule: Schedule,
    /// How their metrics are read.
    pub metrics: cloudwatch::CloudWatchConfig,
    /// What that may cost, and how often each function is read.
    pub metrics_terms: cloudwatch::ScheduleLimits,
    /// When it is looked which functions are due.
    pub metrics_schedule: Schedule,
    /// How the bill is read, and when, where it is.
    pub bill: Option<(cost_explorer::CostExplorerConfig, Schedule)>,
}

/// Azure's retail prices.
#[derive(Clone, Debug)]
pub struct AzureRetail {
    /// The address of the API.
    pub base_url: String,
    /// How it is read.
    pub list: price_list::PriceListConfig,
}

/// Where requests are counted.
#[derive(Clone, Debug)]
pub struct Requests {
    /// How.
    pub prometheus: prometheus::Settings,
    /// When it is asked.
    pub schedule: Schedule,
}

/// Checks what the settings mean.
///
/// # Errors
/// Everything that cannot be meant, each with its place and value.
pub fn resolve(raw: &RawConfig) -> Result<Config, Vec<ConfigError>> {
    let mut check = Validator::default();
    let top = ConfigPath::top();
    let model = check.model(raw, &top.key("model"));
    let window = duration(model.decision_window);
    let state_directory = raw.state.directory.as_ref().map(PathBuf::from);
    let at_state = top.key("state").key("interval_seconds");
    let saving = check.interval(raw.state.interval_seconds, &at_state);
    let saving = state_directory.as_ref().map_or(Duration::ZERO, |_| saving);
    let at_model = top.key("model");
    let mut config = Config {
        external_labels: check.labels(raw, &top.key("external_labels")),
        max_series: raw.max_series as usize,
        interval: check
            .interval(
                raw.model.interval_seconds,
                &at_model.key("interval_seconds"),
            )
            .max(saving),
        state_directory,
        limits: Limits {
            longest_gap: check.interval(
                raw.model.longest_gap_seconds,
                &at_model.key("longest_gap_seconds"),
            ),
            usage_age: check.interval(
                raw.kubernetes.usage_max_age_seconds,
                &top.key("kubernetes").key("usage_max_age_seconds"),
            ),
        },
        prices: check.prices(
            &raw.prices,
            Hours::from_hours(raw.model.hours_per_month).unwrap_or(HOURS_PER_MONTH),
            &top.key("prices"),
        ),
        price_list: check.price_list(raw, &top.key("prices").key("price_list")),
        spot: check.spot(raw, &top.key("prices").key("spot")),
        azure_retail: check.azure_retail(raw, &top.key("prices").key("azure_retail")),
        kubernetes: check.kubernetes(raw, &top.key("kubernetes")),
        aws: check.aws(raw, window, &top.key("aws")),
        scrape: check.scrape(raw, &top.key("requests").key("scrape")),
        edge: check.edge(raw, window, &top.key("requests").key("edge")),
        requests: check.requests(
            &raw.requests,
            window,
            &top.key("requests").key("prometheus"),
        ),
        model,
        warnings: Vec::new(),
    };
    check.longer(
        (
            raw.model.longest_gap_seconds,
            &at_model.key("longest_gap_seconds"),
        ),
        (
            raw.kubernetes.publish_interval_seconds,
            "kubernetes.publish_interval_seconds",
        ),
    );
    check.longer(
        (
            raw.kubernetes.usage_max_age_seconds,
            &top.key("kubernetes").key("usage_max_age_seconds"),
        ),
        (
            raw.kubernetes.usage_interval_seconds,
            "kubernetes.usage_interval_seconds",
        ),
    );
    if check.errors.is_empty() {
        config.warnings = check.warnings.iter().map(ConfigError::to_string).collect();
        Ok(config)
    } else {
        Err(check.errors)
    }
}

impl Validator {
    /// A duration that must be longer than another one.
    fn longer(&mut self, (long, place): (f64, &ConfigPath), (short, other): (f64, &str)) {
        if long <= short {
            self.refuse(
                place,
                format!("{long} is not longer than {other}, which is {short}"),
            );
        }
    }

    /// A ratio that is known within limits, which are in order.
    pub(super) fn range(
        &mut self,
        raw: file::Range,
        limits: &RangeInclusive<f64>,
        place: &ConfigPath,
    ) -> Range<Ratio> {
        self.range_of(raw, limits, Ratio::from_factor, place)
    }

    /// A quantity that is known within limits, which are in order.
    pub(super) fn range_of<T: Copy + Default>(
        &mut self,
        raw: file::Range,
        limits: &RangeInclusive<f64>,
        make: fn(f64) -> Result<T, QuantityError>,
        place: &ConfigPath,
    ) -> Range<T> {
        let mut one = |value, place: &ConfigPath| {
            let value = self.within(value, limits, place);
            self.quantity(make(value), place)
        };
        if raw.low.to_bits() == raw.high.to_bits() {
            return Range::exactly(one(raw.point, place));
        }
        let range = Range {
            low: one(raw.low, &place.key("low")),
            point: one(raw.point, &place.key("point")),
            high: one(raw.high, &place.key("high")),
        };
        if !(raw.low <= raw.point && raw.point <= raw.high) {
            let order = format!("{} {} {}", raw.low, raw.point, raw.high);
            self.refuse(
                place,
                format!("{order} are not in order: low is the least, high the most"),
            );
        }
        range
    }

    fn labels(&mut self, raw: &RawConfig, place: &ConfigPath) -> Vec<(String, String)> {
        self.label_names(raw.external_labels.keys(), place);
        let at_tags = ConfigPath::top().key("aws").key("tag_labels");
        self.label_names(raw.aws.tag_labels.keys(), &at_tags);
        for (label, tag) in &raw.aws.tag_labels {
            if tag.is_empty() {
                self.refuse(&at_tags.key(label), "is empty: the key of a tag is missing");
            }
        }
        raw.external_labels.clone().into_iter().collect()
    }

    fn label_names<'n>(&mut self, names: impl Iterator<Item = &'n String>, place: &ConfigPath) {
        for name in names.filter(|name| !is_label_name(name)) {
            let rule = "letters, digits and underscores, beginning with a letter";
            self.refuse(
                &place.key(name),
                format!("is not the name of a label: {rule}"),
            );
        }
    }
}

fn duration(time: Seconds) -> Duration {
    Duration::from_secs_f64(time.seconds())
}

//! The settings of the sources.

use std::path::PathBuf;
use std::time::Duration;

use super::{Aws, Kubernetes, Requests};
use crate::config::file::{self, RawConfig};
use crate::schema::{ConfigPath, Validator};
use crate::sources::aws::{self, cloudwatch, cost_explorer, lambda};
use crate::sources::{Schedule, kubernetes, prometheus, scrape};
use breakeven_model::month;
use breakeven_model::units::Usd;

/// How many queries a poll of Prometheus may take, at most, in ordinary use: three for the steps, three for those of the weeks
/// before, three for the present, and one for each preset while none is chosen.
const QUERIES_OF_A_POLL: u32 = 9 + prometheus::Preset::ALL.len() as u32;

/// How often it is looked whether the bill is to be read anew.
const BILL_INTERVAL: Duration = Duration::from_secs(3_600);

/// How often the API server is asked for its version: an upgrade takes longer.
const VERSION_INTERVAL: Duration = Duration::from_secs(600);

/// How often within the shortest interval it is looked which functions are due, so that their intervals are kept well.
const LOOKS_PER_INTERVAL: u32 = 4;

impl Validator {
    pub(super) fn schedule(
        &mut self,
        interval: f64,
        timeout: f64,
        place: &ConfigPath,
        key: &str,
    ) -> Schedule {
        let interval = self.interval(interval, &place.key(key));
        let timeout = self.interval(timeout, &place.key("timeout_seconds"));
        // While a source fails it is asked at least as often as it would be, and every five minutes.
        let longest_pause = interval.clamp(Duration::from_secs(5), Duration::from_secs(300));
        Schedule {
            interval,
            timeout,
            longest_pause,
        }
    }

    pub(super) fn kubernetes(&mut self, raw: &RawConfig, place: &ConfigPath) -> Option<Kubernetes> {
        let whole = raw;
        let raw = &raw.kubernetes;
        let schedule = self.schedule(
            raw.usage_interval_seconds,
            raw.timeout_seconds,
            place,
            "usage_interval_seconds",
        );
        let (usage, usage_schedule) = self.usage(whole, schedule, place);
        let publish_interval = self.interval(
            raw.publish_interval_seconds,
            &place.key("publish_interval_seconds"),
        );
        let access = match (&raw.kubeconfig, &raw.context) {
            (None, None) => kubernetes::Access::Inferred,
            (path, context) => kubernetes::Access::Kubeconfig {
                path: path.as_ref().map(PathBuf::from),
                context: context.clone(),
            },
        };
        let watch = kubernetes::Settings {
            publish_interval,
            request_timeout: schedule.timeout,
            team_label: raw.team_label.clone(),
            scraped: self.scraped_pods(&whole.requests.scrape),
            ..kubernetes::Settings::default()
        };
        raw.enabled.then_some(Kubernetes {
            access,
            watch,
            usage,
            usage_schedule,
            version: Schedule {
                interval: VERSION_INTERVAL,
                ..schedule
            },
        })
    }

    /// The pods that are scraped without asking for it; none where none are scraped at all.
    fn scraped_pods(&mut self, raw: &file::Scrape) -> Vec<kubernetes::ScrapeSelector> {
        let place = ConfigPath::top().key("requests").key("scrape").key("pods");
        let mut selectors = Vec::new();
        for (index, pods) in raw.pods.iter().enumerate() {
            let place = place.item(index);
            if pods.labels.is_empty() {
                let problem = "is empty, which would be every pod: give a label that they have";
                self.refuse(&place.key("labels"), problem);
            }
            let port = u16::try_from(pods.port).unwrap_or_default();
            if port == 0 {
                let at_port = place.key("port");
                if pods.port == 0 {
                    self.refuse(
                        &at_port,
                        "is missing: the port of their metrics, 1 to 65535",
                    );
                } else {
                    self.refuse(&at_port, format!("{} is no port: 1 to 65535", pods.port));
                }
            }
            if !pods.path.starts_with('/') {
                let problem = format!("{:?} is no path: it begins with /", pods.path);
                self.refuse(&place.key("path"), problem);
            }
            selectors.push(kubernetes::ScrapeSelector {
                namespace: pods.namespace.clone(),
                labels: pods.labels.clone(),
                port,
                path: pods.path.clone(),
            });
        }
        selectors.retain(|_| raw.enabled);
        selectors
    }

    pub(super) fn aws(
        &mut self,
        raw: &RawConfig,
        window: Duration,
        place: &ConfigPath,
    ) -> Option<Aws> {
        let kept_in = raw.state.directory.as_deref();
        let raw = &raw.aws;
        let functions_schedule = self.schedule(
            raw.functions_interval_seconds,
            raw.timeout_seconds,
            place,
            "functions_interval_seconds",
        );
        let metrics_schedule = self.schedule(
            raw.metrics_interval_seconds,
            raw.timeout_seconds,
            place,
            "metrics_interval_seconds",
        );
        let shortest = metrics_schedule.interval;
        let metrics_schedule = Schedule {
            interval: shortest / LOOKS_PER_INTERVAL,
            ..metrics_schedule
        };
        let longest = place.key("metrics_longest_interval_seconds");
        let limit = cloudwatch::ScheduleLimits::LIMIT.as_secs_f64();
        let longest = self.within(
            raw.metrics_longest_interval_seconds,
            &(shortest.as_secs_f64()..=limit.max(shortest.as_secs_f64())),
            &longest,
        );
        let budget = place.key("budget_usd_per_month");
        let usd = self.within(raw.budget_usd_per_month, &(0.01..=1e6), &budget);
        let budget = self.quantity(Usd::from_usd(usd), &budget);
        let delay = place.key("metrics_delay_seconds");
        let delay = self.within(raw.metrics_delay_seconds, &(60.0..=10_800.0), &delay);
        let settle = place.key("metrics_settle_seconds");
        let settle = self.within(raw.metrics_settle_seconds, &(900.0..=10_800.0), &settle);
        let mut patterns = |names: &[String], key: &'static str| {
            let place = place.key(key);
            let pattern = |name: &String| self.pattern(name, &place);
            names.iter().filter_map(pattern).collect()
        };
        let functions = lambda::LambdaConfig {
            include: patterns(&raw.include, "include"),
            exclude: patterns(&raw.exclude, "exclude"),
            tag_labels: raw.tag_labels.clone(),
        };
        let accounts = self.accounts(raw, place);
        let bill = self.bill(&raw.bill, kept_in, &place.key("bill"));
        raw.enabled.then(|| Aws {
            accounts,
            session: aws::AwsConfig {
                region: raw.region.clone(),
                profile: raw.profile.clone(),
                ..aws::AwsConfig::default()
            },
            functions,
            functions_schedule,
            metrics: cloudwatch::CloudWatchConfig {
                delay: Duration::from_secs_f64(delay),
                settle: Duration::from_secs_f64(settle),
                backfill: window,
                insights: raw.lambda_insights == file::LambdaInsights::Auto,
                ..cloudwatch::CloudWatchConfig::default()
            },
            metrics_terms: cloudwatch::ScheduleLimits {
                budget,
                shortest,
                longest: Duration::from_secs_f64(longest),
            },
            metrics_schedule,
            bill,
        })
    }

    fn bill(
        &mut self,
        raw: &file::Bill,
        kept_in: Option<&str>,
        place: &ConfigPath,
    ) -> Option<(cost_explorer::CostExplorerConfig, Schedule)> {
        let schedule = self.schedule(
            raw.refresh_seconds,
            raw.timeout_seconds,
            place,
            "refresh_seconds",
        );
        if raw.calls_per_day == 0 {
            self.refuse(
                &place.key("calls_per_day"),
                "0 lets the bill never be read; `enabled: false` says so",
            );
        }
        let directory = match raw.cache_directory.as_deref().or(kept_in) {
            Some(directory) if !directory.is_empty() => PathBuf::from(directory),
            _ if raw.enabled => {
                self.refuse(
                    &place.key("cache_directory"),
                    "is missing, and state.directory too: without them a restart forgets how many paid calls were made",
                );
                return None;
            }
            _ => return None,
        };
        let settings = cost_explorer::CostExplorerConfig {
            calls_per_day: raw.calls_per_day,
            refresh: schedule.interval,
            cache_directory: directory,
            list_wait: cost_explorer::LIST_WAIT,
        };
        let schedule = Schedule {
            interval: schedule.interval.min(BILL_INTERVAL),
            ..schedule
        };
        raw.enabled.then_some((settings, schedule))
    }

    pub(super) fn requests(
        &mut self,
        raw: &file::Requests,
        window: Duration,
        place: &ConfigPath,
    ) -> Option<Requests> {
        let raw = raw.prometheus.as_ref()?;
        let schedule = self.schedule(
            raw.interval_seconds,
            raw.timeout_seconds,
            place,
            "interval_seconds",
        );
        let at_step = place.key("step_seconds");
        let step = self.within(raw.step_seconds, &(30.0..=3_600.0), &at_step);
        if step.fract() != 0.0 {
            self.refuse(&at_step, format!("{step} is not a whole number of seconds"));
        }
        let delay = self.within(
            raw.delay_seconds,
            &(0.0..=3_600.0),
            &place.key("delay_seconds"),
        );
        let history = raw.history_days;
        if i64::from(history) > month::DAYS {
            let problem = format!(
                "{history} is more than the {} days that are kept",
                month::DAYS
            );
            self.refuse(&place.key("history_days"), problem);
        }
        // Each query has the whole of the time; those for the steps come in as many parts as their points need.
        let query_timeout = schedule.timeout;
        let schedule = Schedule {
            timeout: query_timeout * QUERIES_OF_A_POLL,
            ..schedule
        };
        let queries = self.queries(raw, place)?;
        let prometheus = prometheus::Settings {
            step: Duration::from_secs_f64(step),
            delay: Duration::from_secs_f64(delay),
            backfill: window,
            history: Duration::from_secs(24 * 3_600 * u64::from(history)),
            credentials: self.credentials(raw, place),
            ca_file: raw.ca_file.as_ref().map(PathBuf::from),
            headers: raw.headers.clone().into_iter().collect(),
            timeout: query_timeout,
            ..prometheus::Settings::new(&raw.url, queries)
        };
        if raw.url.is_empty() {
            self.refuse(
                &place.key("url"),
                "is missing: the address of the API up to /api/v1",
            );
        } else if let Err(error) = prometheus::RequestsSource::new(&prometheus) {
            self.refuse(&place_of(&error, place), error.to_string());
        }
        Some(Requests {
            prometheus,
            schedule,
        })
    }

    /// Where there are pods to scrape.
    pub(super) fn scrape(
        &mut self,
        raw: &RawConfig,
        place: &ConfigPath,
    ) -> Option<(scrape::Settings, Schedule)> {
        let scrape = &raw.requests.scrape;
        let schedule = self.schedule(
            scrape.interval_seconds,
            scrape.timeout_seconds,
            place,
            "interval_seconds",
        );
        let metrics = match (&scrape.requests_metric, &scrape.latency_metric) {
            (None, None) => scrape::Metrics::known(),
            (Some(requests), latency) => {
                let histogram = latency.as_deref().unwrap_or_default();
                vec![scrape::Metrics::new(requests, histogram)]
            }
            (None, Some(_)) => {
                self.refuse(&place.key("latency_metric"), "needs a requests_metric");
                Vec::new()
            }
        };
        let settings = scrape::Settings {
            metrics,
            timeout: schedule.timeout,
            ..scrape::Settings::default()
        };
        // All pods together have as long as it takes until they are scraped again.
        let schedule = Schedule {
            timeout: schedule.interval.max(schedule.timeout * 2),
            ..schedule
        };
        (scrape.enabled && raw.kubernetes.enabled).then_some((settings, schedule))
    }

    fn credentials(
        &mut self,
        raw: &file::Prometheus,
        place: &ConfigPath,
    ) -> Option<prometheus::Credentials> {
        if let (Some(_), Some(_)) = (&raw.bearer_token_file, &raw.basic_auth) {
            self.refuse(
                place,
                "has a bearer_token_file and a basic_auth: which of them is meant?",
            );
        }
        if let Some(basic) = &raw.basic_auth {
            let place = place.key("basic_auth");
            if basic.username.is_empty() || basic.username.contains(':') {
                // With a colon it may hold the password, so it is not shown.
                let problem = "the value is empty or has a colon, expected the name of a user";
                self.refuse(&place.key("username"), problem);
            }
            if basic.password_file.is_empty() {
                self.refuse(&place.key("password_file"), "is missing");
            }
            return Some(prometheus::Credentials::Basic {
                username: basic.username.clone(),
                password_file: PathBuf::from(&basic.password_file),
            });
        }
        let token_file = raw.bearer_token_file.as_ref().map(PathBuf::from)?;
        Some(prometheus::Credentials::Bearer { token_file })
    }

    fn queries(
        &mut self,
        raw: &file::Prometheus,
        place: &ConfigPath,
    ) -> Option<prometheus::Queries> {
        match (raw.preset, &raw.queries) {
            (None | Some(file::PresetSetting::Auto), None) => Some(prometheus::Queries::Auto),
            (Some(file::PresetSetting::Preset(preset)), None) => {
                Some(prometheus::Queries::Preset(preset))
            }
            (None, Some(own)) => Some(prometheus::Queries::Own {
                requests: own.requests.clone(),
                latency: self.latency(own, &place.key("queries")),
            }),
            (Some(_), Some(_)) => {
                self.refuse(place, "has a preset and queries: which of them is meant?");
                None
            }
        }
    }

    fn latency(
        &mut self,
        raw: &file::Queries,
        place: &ConfigPath,
    ) -> Option<prometheus::LatencyQueries> {
        match (&raw.latency_sum, &raw.latency_count) {
            (Some(sum), Some(count)) => Some(prometheus::LatencyQueries {
                sum: sum.clone(),
                count: count.clone(),
                unit: raw.latency_unit,
            }),
            (None, None) => None,
            _ => {
                self.refuse(
                    place,
                    "needs latency_sum and latency_count together, or neither",
                );
                None
            }
        }
    }
}

/// Where the setting stands that the source of requests refuses.
fn place_of(error: &prometheus::PrometheusConfigError, place: &ConfigPath) -> ConfigPath {
    let queries = place.key("queries");
    match error {
        prometheus::PrometheusConfigError::Query(query) => {
            queries.key(&query.field.replace('.', "_"))
        }
        prometheus::PrometheusConfigError::Address(address) if address.field == "base_url" => {
            place.key("url")
        }
        prometheus::PrometheusConfigError::Address(address) => place.key(address.field),
    }
}

//! What the settings mean: each part of the program gets its own, checked, in its own units.

use std::path::PathBuf;
use std::time::Duration;

use super::raw::{self, RawConfig};
use super::setting::{ConfigError, Place};
use crate::exposition::is_label_name;
use crate::model::{KubernetesEquivalent, LambdaEquivalent, Settings, SharingPolicy};
use crate::observation::{Architecture, CapacityType};
use crate::pipeline::Limits;
use crate::sources::prices::{NodeSelector, PriceBook, PriceRule};
use crate::sources::{Schedule, aws, cloudwatch, kubernetes, lambda, requests};
use crate::tariff::ec2;
use crate::units::{Cores, Hours, NotAQuantity, Ratio, Seconds, UsdPerHour};

/// How many times a configured price may be above or below the list price before it is taken for a mistake.
const MISTAKEN: f64 = 100.0;

/// The least and the longest duration that an interval may have.
const INTERVAL: std::ops::RangeInclusive<f64> = 0.1..=86_400.0;

/// The settings of every part of the program.
#[derive(Clone, Debug)]
pub struct Config {
    /// Labels that every series carries besides its own.
    pub external_labels: Vec<(String, String)>,
    /// The most series that are shown.
    pub max_series: usize,
    /// From one report to the next.
    pub interval: Duration,
    /// The model.
    pub model: Settings,
    /// How old observations may be.
    pub limits: Limits,
    /// Known prices.
    pub prices: PriceBook,
    /// The cluster, where one is watched.
    pub kubernetes: Option<Kubernetes>,
    /// AWS Lambda, where it is read.
    pub aws: Option<Aws>,
    /// Where requests are counted, if anywhere.
    pub requests: Option<Requests>,
}

/// The cluster.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    /// Where its address and credentials come from.
    pub access: kubernetes::Access,
    /// How it is watched.
    pub watch: kubernetes::Settings,
    /// When metrics.k8s.io is asked.
    pub usage: Schedule,
}

/// AWS Lambda.
#[derive(Clone, Debug)]
pub struct Aws {
    /// Where and as whom AWS is asked.
    pub session: aws::Settings,
    /// Which functions are read.
    pub functions: lambda::Settings,
    /// When they are listed.
    pub functions_schedule: Schedule,
    /// How their metrics are read.
    pub metrics: cloudwatch::Settings,
    /// When they are.
    pub metrics_schedule: Schedule,
}

/// Where requests are counted.
#[derive(Clone, Debug)]
pub struct Requests {
    /// How.
    pub prometheus: requests::Settings,
    /// When it is asked.
    pub schedule: Schedule,
}

/// Checks what the settings mean.
///
/// # Errors
/// Everything that cannot be meant, each with its place and value.
pub fn resolve(raw: &RawConfig) -> Result<Config, Vec<ConfigError>> {
    let mut check = Check::default();
    let top = Place::top();
    let model = check.model(&raw.model, &raw.prices, &top.key("model"));
    let window = duration(model.decision_window);
    let at_model = top.key("model");
    let config = Config {
        external_labels: check.labels(raw, &top.key("external_labels")),
        max_series: raw.max_series as usize,
        interval: check.interval(
            raw.model.interval_seconds,
            &at_model.key("interval_seconds"),
        ),
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
        prices: check.prices(&raw.prices, &top.key("prices")),
        kubernetes: check.kubernetes(&raw.kubernetes, &top.key("kubernetes")),
        aws: check.aws(&raw.aws, window, &top.key("aws")),
        requests: check.requests(
            &raw.requests,
            window,
            &top.key("requests").key("prometheus"),
        ),
        model,
    };
    if check.errors.is_empty() {
        Ok(config)
    } else {
        Err(check.errors)
    }
}

/// The errors found so far. Each check gives something to go on with, so that all are found.
#[derive(Default)]
struct Check {
    errors: Vec<ConfigError>,
}

impl Check {
    fn refuse(&mut self, place: &Place, what: impl Into<String>) {
        self.errors.push(ConfigError::new(place, what));
    }

    fn quantity<T: Default>(&mut self, read: Result<T, NotAQuantity>, place: &Place) -> T {
        read.unwrap_or_else(|error| {
            self.refuse(place, error.to_string());
            T::default()
        })
    }

    /// A number within limits; the least of them where it is not.
    fn within(&mut self, value: f64, limits: &std::ops::RangeInclusive<f64>, place: &Place) -> f64 {
        if limits.contains(&value) {
            return value;
        }
        let (least, most) = (limits.start(), limits.end());
        self.refuse(place, format!("{value} is not between {least} and {most}"));
        *least
    }

    fn interval(&mut self, seconds: f64, place: &Place) -> Duration {
        Duration::from_secs_f64(self.within(seconds, &INTERVAL, place))
    }

    fn ratio(
        &mut self,
        value: f64,
        limits: &std::ops::RangeInclusive<f64>,
        place: &Place,
    ) -> Ratio {
        let value = self.within(value, limits, place);
        self.quantity(Ratio::from_factor(value), place)
    }

    fn count(&mut self, value: u32, place: &Place) -> u32 {
        if value == 0 {
            self.refuse(place, "0 is not a count: it must be at least 1");
        }
        value.max(1)
    }

    fn schedule(&mut self, interval: f64, timeout: f64, place: &Place, key: &str) -> Schedule {
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

    fn labels(&mut self, raw: &RawConfig, place: &Place) -> Vec<(String, String)> {
        for name in raw.external_labels.keys() {
            if !is_label_name(name) {
                let rule = "letters, digits and underscores, beginning with a letter";
                self.refuse(
                    &place.key(name),
                    format!("is not the name of a label: {rule}"),
                );
            }
        }
        raw.external_labels.clone().into_iter().collect()
    }

    fn model(&mut self, raw: &raw::Model, prices: &raw::Prices, place: &Place) -> Settings {
        let window = &place.key("decision_window_seconds");
        let hours = &place.key("hours_per_month");
        let window_seconds = self.within(
            raw.decision_window_seconds,
            &(3_600.0..=2_678_400.0),
            window,
        );
        let hours_per_month = self.within(raw.hours_per_month, &(1.0..=744.0), hours);
        let hours_per_month = self.quantity(Hours::from_hours(hours_per_month), hours);
        let ratio_place = place.key("cpu_to_memory_price_ratio");
        Settings {
            decision_window: self.quantity(Seconds::from_seconds(window_seconds), window),
            hours_per_month,
            cpu_to_memory_ratio: self.ratio(
                raw.cpu_to_memory_price_ratio,
                &(0.1..=1_000.0),
                &ratio_place,
            ),
            shared_namespaces: raw.shared_namespaces.iter().cloned().collect(),
            sharing: match raw.sharing {
                raw::Sharing::Proportional => SharingPolicy::Proportional,
                raw::Sharing::Even => SharingPolicy::Even,
                raw::Sharing::None => SharingPolicy::None,
            },
            fixed: self.fixed(prices, hours_per_month),
            verdict_margin: self.ratio(
                raw.verdict_margin_ratio,
                &(0.0..=1.0),
                &place.key("verdict_margin_ratio"),
            ),
            lambda_equivalent: self
                .lambda_equivalent(&raw.lambda_equivalent, &place.key("lambda_equivalent")),
            kubernetes_equivalent: self.kubernetes_equivalent(
                &raw.kubernetes_equivalent,
                &place.key("kubernetes_equivalent"),
            ),
        }
    }

    fn lambda_equivalent(
        &mut self,
        raw: &raw::LambdaEquivalent,
        place: &Place,
    ) -> LambdaEquivalent {
        let at = |key| place.key(key);
        LambdaEquivalent {
            architecture: match raw.architecture {
                raw::Architecture::X86 => Architecture::X86_64,
                raw::Architecture::Arm64 => Architecture::Arm64,
            },
            max_slowdown: self.ratio(
                raw.max_slowdown_ratio,
                &(1.0..=1e3),
                &at("max_slowdown_ratio"),
            ),
            memory_headroom: self.ratio(
                raw.memory_headroom_ratio,
                &(1.0..=10.0),
                &at("memory_headroom_ratio"),
            ),
            concurrency_limit: self.count(raw.concurrency_limit, &at("concurrency_limit")),
        }
    }

    fn kubernetes_equivalent(
        &mut self,
        raw: &raw::KubernetesEquivalent,
        place: &Place,
    ) -> KubernetesEquivalent {
        let at = |key| place.key(key);
        let cores = self.within(raw.pod_cpu_cores, &(0.01..=192.0), &at("pod_cpu_cores"));
        let share = 0.01..=1.0;
        KubernetesEquivalent {
            pod_cpu: self.quantity(Cores::from_cores(cores), &at("pod_cpu_cores")),
            pod_concurrency: self.count(raw.pod_concurrency, &at("pod_concurrency")),
            target_utilization: self.ratio(
                raw.target_utilization_ratio,
                &share,
                &at("target_utilization_ratio"),
            ),
            min_replicas: self.count(raw.min_replicas, &at("min_replicas")),
            packing_efficiency: self.ratio(
                raw.packing_efficiency_ratio,
                &share,
                &at("packing_efficiency_ratio"),
            ),
            cpu_share: self.ratio(raw.cpu_share_ratio, &share, &at("cpu_share_ratio")),
        }
    }

    /// All fixed costs together.
    fn fixed(&mut self, raw: &raw::Prices, month: Hours) -> UsdPerHour {
        let place = Place::top().key("prices").key("fixed");
        let mut sum = UsdPerHour::ZERO;
        for (at, cost) in raw.fixed.iter().enumerate() {
            let place = place.item(at);
            if cost.name.is_empty() {
                self.refuse(&place.key("name"), "is missing: say what this cost is");
            }
            sum += match (cost.usd_per_hour, cost.usd_per_month) {
                (Some(hourly), None) => {
                    self.quantity(UsdPerHour::from_hourly(hourly), &place.key("usd_per_hour"))
                }
                (None, Some(monthly)) => self.quantity(
                    UsdPerHour::from_hourly(monthly / month.hours().max(1.0)),
                    &place.key("usd_per_month"),
                ),
                _ => {
                    self.refuse(
                        &place,
                        "needs one of usd_per_hour and usd_per_month, and not both",
                    );
                    UsdPerHour::ZERO
                }
            };
        }
        sum
    }

    fn prices(&mut self, raw: &raw::Prices, place: &Place) -> PriceBook {
        let rules = raw.nodes.iter().enumerate().map(|(at, rule)| {
            let place = place.key("nodes").item(at);
            let selector = NodeSelector {
                node: rule.selector.node.clone(),
                instance_type: rule.selector.instance_type.clone(),
                capacity_type: rule.selector.capacity_type.map(|kind| match kind {
                    raw::CapacityType::OnDemand => CapacityType::OnDemand,
                    raw::CapacityType::Spot => CapacityType::Spot,
                    raw::CapacityType::Fargate => CapacityType::Fargate,
                }),
                region: rule.selector.region.clone(),
                zone: rule.selector.zone.clone(),
                labels: rule.selector.labels.clone(),
            };
            let at_price = place.key("usd_per_hour");
            let Some(hourly) = rule.usd_per_hour else {
                self.refuse(
                    &at_price,
                    "is missing: say what one of these nodes costs each hour",
                );
                return PriceRule {
                    selector,
                    price: UsdPerHour::ZERO,
                    place: "".into(),
                };
            };
            let price = self.quantity(UsdPerHour::from_hourly(hourly), &at_price);
            self.plausible(&selector, hourly, &at_price);
            PriceRule {
                selector,
                price,
                place: place.to_string().into(),
            }
        });
        PriceBook {
            rules: rules.collect(),
        }
    }

    /// Refuses a price that is so far from the list price that its unit must be another one.
    fn plausible(&mut self, selector: &NodeSelector, hourly: f64, place: &Place) {
        let list = selector.instance_type.as_deref().and_then(ec2::on_demand);
        let Some(list) = list.map(UsdPerHour::hourly).filter(|_| hourly > 0.0) else {
            return;
        };
        let times = hourly / list;
        let mistake = if times >= MISTAKEN {
            "; it looks like a price per month (730 times) or in cents or thousandths"
        } else if times <= 1.0 / MISTAKEN {
            "; it looks like a price per second or minute, or in thousands"
        } else {
            return;
        };
        let instance_type = selector.instance_type.as_deref().unwrap_or_default();
        let what = format!(
            "{hourly} USD per hour is {times:.3} times the list price of {instance_type} ({list})"
        );
        self.refuse(place, format!("{what}{mistake}"));
    }

    fn kubernetes(&mut self, raw: &raw::Kubernetes, place: &Place) -> Option<Kubernetes> {
        let usage = self.schedule(
            raw.usage_interval_seconds,
            raw.timeout_seconds,
            place,
            "usage_interval_seconds",
        );
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
            request_timeout: usage.timeout,
            team_label: raw.team_label.clone(),
            ..kubernetes::Settings::default()
        };
        raw.enabled.then_some(Kubernetes {
            access,
            watch,
            usage,
        })
    }

    fn aws(&mut self, raw: &raw::Aws, window: Duration, place: &Place) -> Option<Aws> {
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
        let delay = place.key("metrics_delay_seconds");
        let delay = self.within(raw.metrics_delay_seconds, &(60.0..=10_800.0), &delay);
        let functions = lambda::Settings {
            include: raw.include.clone(),
            exclude: raw.exclude.clone(),
        };
        if let Err(error) =
            lambda::LambdaSource::new(&functions, aws::Aws::new(aws::Settings::default()))
        {
            self.refuse(&place.key(error.list), error.to_string());
        }
        raw.enabled.then(|| Aws {
            session: aws::Settings {
                region: raw.region.clone(),
                profile: raw.profile.clone(),
                ..aws::Settings::default()
            },
            functions,
            functions_schedule,
            metrics: cloudwatch::Settings {
                delay: Duration::from_secs_f64(delay),
                backfill: window,
                ..cloudwatch::Settings::default()
            },
            metrics_schedule,
        })
    }

    fn requests(
        &mut self,
        raw: &raw::Requests,
        window: Duration,
        place: &Place,
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
        let queries = self.queries(raw, place)?;
        let prometheus = requests::Settings {
            step: Duration::from_secs_f64(step),
            delay: Duration::from_secs_f64(delay),
            backfill: window,
            bearer_token_file: raw.bearer_token_file.as_ref().map(PathBuf::from),
            headers: raw.headers.clone().into_iter().collect(),
            timeout: schedule.timeout,
            ..requests::Settings::new(&raw.url, queries)
        };
        if raw.url.is_empty() {
            self.refuse(
                &place.key("url"),
                "is missing: the address of the API up to /api/v1",
            );
        } else if let Err(error) = requests::RequestsSource::new(&prometheus) {
            self.refuse(&place_of(&error, place), error.to_string());
        }
        Some(Requests {
            prometheus,
            schedule,
        })
    }

    fn queries(&mut self, raw: &raw::Prometheus, place: &Place) -> Option<requests::Queries> {
        match (raw.preset, &raw.queries) {
            (Some(raw::Preset::Istio), None) => Some(requests::Queries::Istio),
            (None, Some(own)) => Some(requests::Queries::Own {
                requests: own.requests.clone(),
                latency: self.latency(own, &place.key("queries")),
            }),
            (Some(_), Some(_)) => {
                self.refuse(place, "has a preset and queries: which of them is meant?");
                None
            }
            (None, None) => {
                self.refuse(place, "needs a preset (istio) or queries of your own");
                None
            }
        }
    }

    fn latency(&mut self, raw: &raw::Queries, place: &Place) -> Option<requests::LatencyQueries> {
        match (&raw.latency_sum, &raw.latency_count) {
            (Some(sum), Some(count)) => Some(requests::LatencyQueries {
                sum: sum.clone(),
                count: count.clone(),
                unit: match raw.latency_unit {
                    raw::LatencyUnit::Seconds => requests::LatencyUnit::Seconds,
                    raw::LatencyUnit::Milliseconds => requests::LatencyUnit::Milliseconds,
                },
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
fn place_of(error: &requests::BadSettings, place: &Place) -> Place {
    let queries = place.key("queries");
    match error {
        requests::BadSettings::Query(query) => queries.key(&query.field.replace('.', "_")),
        requests::BadSettings::Address(address) if address.field == "base_url" => place.key("url"),
        requests::BadSettings::Address(address) => place.key(address.field),
    }
}

fn duration(time: Seconds) -> Duration {
    Duration::from_secs_f64(time.seconds())
}

//! Time series: a metric with one set of dimensions, and what flows into it.

use super::load_balancer_metrics::LoadBalancerMetric;
use super::metrics::{Metric, Publisher};
use super::statistics::{Part, Spread};
use crate::aws::load_balancers::edges;
use crate::aws::scope::AccountRegion;
use crate::world::{Function, Workload};

/// The dimensions of a metric, in the order of ListMetrics.
pub(super) type Dimensions = Vec<(String, String)>;

/// One metric with one set of dimensions: a time series.
#[derive(Clone)]
pub(super) enum Series<'w> {
    /// Of functions.
    Functions {
        metric: Metric,
        /// Whose values flow into it.
        publishers: Vec<Publisher<'w>>,
        /// Whether one function is asked for by name.
        of_one: bool,
    },
    /// Of what stands before a workload.
    Edge {
        metric: LoadBalancerMetric,
        workload: &'w Workload,
    },
}

/// A metric that exists.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    pub(super) dimensions: Dimensions,
}

impl<'w> Series<'w> {
    /// The series of a metric with exactly these dimensions, in any order; `None` if nothing publishes it.
    ///
    /// In `AWS/Lambda` functions publish under four sets: `FunctionName`; `FunctionName` with `Resource`,
    /// which is the name again for all of the function, or `name:qualifier` for what has provisioned
    /// concurrency; and none, the sum over the region. In `LambdaInsights` under `function_name`.
    pub(super) fn find(
        place: AccountRegion<'w>,
        namespace: &str,
        name: &str,
        dimensions: &[(String, String)],
    ) -> Option<Self> {
        match Metric::parse(namespace, name) {
            Some(metric) => Self::of_functions(place, metric, dimensions),
            None => Self::of_edge(place, namespace, name, dimensions),
        }
    }

    fn of_edge(
        place: AccountRegion<'w>,
        namespace: &str,
        name: &str,
        dimensions: &[(String, String)],
    ) -> Option<Self> {
        let mut metrics = LoadBalancerMetric::ALL.into_iter();
        let metric = metrics.find(|one| one.namespace() == namespace && one.name() == name)?;
        let are_these = |set: &Dimensions| {
            set.len() == dimensions.len() && set.iter().all(|one| dimensions.contains(one))
        };
        let mut edges = edges(place);
        let (workload, _) =
            edges.find(|(_, edge)| metric.dimensions(place.world, edge).iter().any(are_these))?;
        Some(Self::Edge { metric, workload })
    }

    fn of_functions(
        place: AccountRegion<'w>,
        metric: Metric,
        dimensions: &[(String, String)],
    ) -> Option<Self> {
        let value_of = |wanted: &str| {
            dimensions
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
        };
        let function = |dimension: &str| place.function(value_of(dimension)?);
        let whole = |function: &'w Function| Publisher {
            function,
            qualified: None,
        };
        let publishers: Vec<Publisher<'w>> = match dimensions.len() {
            0 => place.functions().map(whole).collect(),
            1 if metric.is_insight() => function("function_name").map(whole).into_iter().collect(),
            1 => function("FunctionName").map(whole).into_iter().collect(),
            2 => {
                let (function, resource) = (function("FunctionName")?, value_of("Resource")?);
                match resource.split_once(':') {
                    None if resource == function.spec.name => vec![whole(function)],
                    Some((name, qualifier)) if name == function.spec.name => {
                        let mut all = function.spec.provisioned.iter();
                        let qualified = Some(all.find(|one| one.qualifier == qualifier)?);
                        vec![Publisher {
                            function,
                            qualified,
                        }]
                    }
                    _ => return None,
                }
            }
            _ => return None,
        };
        let published = |publisher: &Publisher<'_>| {
            let regional = dimensions.is_empty() && !metric.is_regional();
            metric.is_published_by(*publisher) && !regional
        };
        let publishers: Vec<_> = publishers.into_iter().filter(published).collect();
        (!publishers.is_empty()).then_some(Self::Functions {
            metric,
            publishers,
            of_one: !dimensions.is_empty(),
        })
    }

    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::Functions { metric, .. } => metric.unit(),
            Self::Edge { metric, .. } => metric.unit(),
        }
    }

    /// The function whose values these are; `None` for the sum over the region, and for what is of no function.
    pub(super) fn function(&self) -> Option<&'w Function> {
        match self {
            Self::Functions {
                publishers,
                of_one: true,
                ..
            } => match publishers[..] {
                [only] => Some(only.function),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is published of a minute at `now`, in seconds since 1970.
    pub(super) fn parts(&self, minute: i64, now: i64) -> Vec<Part> {
        match self {
            Self::Functions {
                metric, publishers, ..
            } => {
                // The region's concurrency is one number, the sum over its functions.
                let together = (*metric == Metric::ConcurrentExecutions && publishers.len() > 1)
                    .then(|| sum_of_peaks(publishers, minute, now))
                    .flatten();
                let parts = publishers.iter();
                let parts = parts.filter_map(|publisher| metric.part(*publisher, minute, now));
                match together {
                    Some(together) => vec![together],
                    None => parts.collect(),
                }
            }
            Self::Edge { metric, workload } => {
                metric.part(workload, minute, now).into_iter().collect()
            }
        }
    }
}

/// Every metric that exists, with its dimensions.
pub(super) fn all(place: AccountRegion<'_>) -> Vec<Listed> {
    let of_functions = of_functions(place).into_iter();
    let of_functions = of_functions.map(|(metric, dimensions)| Listed {
        namespace: metric.namespace(),
        name: metric.name(),
        dimensions,
    });
    let of_edges = edges(place).flat_map(|(_, edge)| {
        LoadBalancerMetric::ALL.into_iter().flat_map(move |metric| {
            let sets = metric.dimensions(place.world, edge).into_iter();
            sets.map(move |dimensions| Listed {
                namespace: metric.namespace(),
                name: metric.name(),
                dimensions,
            })
        })
    });
    of_functions.chain(of_edges).collect()
}

fn of_functions(place: AccountRegion<'_>) -> Vec<(Metric, Dimensions)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all = Vec::new();
    for function in place.functions() {
        let name = function.spec.name.as_str();
        let whole = Publisher {
            function,
            qualified: None,
        };
        let published = |metric: &Metric| metric.is_published_by(whole);
        for metric in Metric::ALL.into_iter().filter(published) {
            if metric.is_insight() {
                all.push((metric, vec![pair("function_name", name)]));
            } else {
                all.push((metric, vec![pair("FunctionName", name)]));
                let resource = pair("Resource", name);
                all.push((metric, vec![pair("FunctionName", name), resource]));
            }
        }
        for provisioned in &function.spec.provisioned {
            let publisher = Publisher {
                function,
                qualified: Some(provisioned),
            };
            let resource = format!("{name}:{}", provisioned.qualifier);
            for metric in Metric::ALL {
                if metric.is_published_by(publisher) {
                    let resource = pair("Resource", &resource);
                    all.push((metric, vec![pair("FunctionName", name), resource]));
                }
            }
        }
    }
    if !all.is_empty() {
        let regional = Metric::ALL
            .into_iter()
            .filter(|metric| metric.is_regional());
        all.extend(regional.map(|metric| (metric, Vec::new())));
    }
    all
}

fn sum_of_peaks(publishers: &[Publisher<'_>], minute: i64, now: i64) -> Option<Part> {
    let active = publishers.iter().filter_map(|publisher| {
        let published = publisher.function.published(minute, now);
        let peak = publisher.function.concurrency_peak(minute)?;
        (published > 0).then_some((published, peak))
    });
    let (samples, peak) = active.fold((0, 0), |sum, (n, peak)| (sum.0 + n, sum.1 + peak));
    (samples > 0).then_some(Part {
        samples: samples as f64,
        spread: Spread::Ramp { peak: peak as f64 },
    })
}

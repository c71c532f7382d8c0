//! The metrics that the functions of the world publish in the namespace `AWS/Lambda`.

use super::statistics::{Part, Spread};
use crate::cloud::aws::place::Place;
use crate::cloud::world::Function;

pub(super) const NAMESPACE: &str = "AWS/Lambda";

/// A metric of AWS Lambda.
///
/// | metric | values of one minute |
/// |---|---|
/// | `Invocations` | a 1 for each invocation |
/// | `Duration` | milliseconds of each invocation |
/// | `Errors` | a 1 for each failed invocation, a 0 for the others |
/// | `Throttles` | a 1 for each refused invocation, a 0 for the others |
/// | `ConcurrentExecutions` | as many as invocations, from 1 to the minute's peak |
///
/// A minute without invocations has no value of any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    Invocations,
    Duration,
    Errors,
    Throttles,
    ConcurrentExecutions,
}

/// The dimensions of a metric, in the order of ListMetrics.
pub(super) type Dimensions = Vec<(String, String)>;

/// One metric with one set of dimensions: a time series.
#[derive(Clone)]
pub(super) struct Series<'w> {
    pub(super) metric: Metric,
    /// The functions whose values flow into it.
    functions: Vec<&'w Function>,
    /// Whether they are asked for by name.
    of_one: bool,
}

impl Metric {
    pub(super) const ALL: [Self; 5] = [
        Self::Invocations,
        Self::Duration,
        Self::Errors,
        Self::Throttles,
        Self::ConcurrentExecutions,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Invocations => "Invocations",
            Self::Duration => "Duration",
            Self::Errors => "Errors",
            Self::Throttles => "Throttles",
            Self::ConcurrentExecutions => "ConcurrentExecutions",
        }
    }

    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Duration => "Milliseconds",
            _ => "Count",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// What one function has published at `now` of a minute; `None` where it is nothing.
    ///
    /// Of the errors and throttles of a minute as large a part is shown as of its invocations, rounded
    /// down.
    fn part(self, function: &Function, minute: i64, now: i64) -> Option<Part> {
        let published = function.published(minute, now);
        if published == 0 {
            return None;
        }
        let all = function.invocations(minute);
        let shown =
            |whole: u64| (u128::from(whole) * u128::from(published) / u128::from(all)) as f64;
        let invocations = published as f64;
        let part = |samples, spread| Some(Part { samples, spread });
        match self {
            Self::Invocations => part(invocations, Spread::Constant(1.0)),
            Self::Duration => part(
                invocations,
                Spread::Duration {
                    mean: function.spec.duration_ms,
                },
            ),
            Self::Errors => part(
                invocations,
                Spread::Flags {
                    ones: shown(function.errors(minute)),
                },
            ),
            Self::Throttles => {
                let throttles = shown(function.throttles(minute));
                part(invocations + throttles, Spread::Flags { ones: throttles })
            }
            Self::ConcurrentExecutions => function
                .concurrency_peak(minute)
                .and_then(|peak| part(invocations, Spread::Ramp { peak: peak as f64 })),
        }
    }
}

impl<'w> Series<'w> {
    /// The series of a metric with exactly these dimensions, in any order; `None` if nothing publishes it.
    ///
    /// Functions publish under three sets: `FunctionName`; `FunctionName` with `Resource` (the name
    /// again, for the unpublished version); and none, the sum over the region.
    pub(super) fn find(
        place: Place<'w>,
        namespace: &str,
        name: &str,
        dimensions: &[(String, String)],
    ) -> Option<Self> {
        if namespace != NAMESPACE {
            return None;
        }
        let metric = Metric::parse(name)?;
        let value_of = |wanted: &str| {
            dimensions
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
        };
        let functions: Vec<&Function> = match (dimensions.len(), value_of("FunctionName")) {
            (0, _) => place.functions().collect(),
            (1, Some(name)) => place.function(name).into_iter().collect(),
            (2, Some(name)) if value_of("Resource") == Some(name) => {
                place.function(name).into_iter().collect()
            }
            _ => return None,
        };
        if functions.is_empty() {
            None
        } else {
            Some(Self {
                metric,
                functions,
                of_one: !dimensions.is_empty(),
            })
        }
    }

    /// The function whose values these are; `None` for the sum over the region.
    pub(super) fn function(&self) -> Option<&'w Function> {
        match self.functions[..] {
            [only] if self.of_one => Some(only),
            _ => None,
        }
    }

    /// What is published of a minute at `now`, in seconds since 1970.
    pub(super) fn parts(&self, minute: i64, now: i64) -> impl Iterator<Item = Part> {
        let metric = self.metric;
        let parts = self
            .functions
            .iter()
            .filter_map(move |function| metric.part(function, minute, now));
        // The region's concurrency is one number, the sum over its functions.
        let together = (metric == Metric::ConcurrentExecutions && self.functions.len() > 1)
            .then(|| sum_of_peaks(self.functions.as_slice(), minute, now))
            .flatten();
        let single = together.is_none();
        together.into_iter().chain(parts.filter(move |_| single))
    }
}

/// Every metric that exists, with its dimensions.
pub(super) fn all(place: Place<'_>) -> Vec<(Metric, Dimensions)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all = Vec::new();
    for function in place.functions() {
        let name = function.spec.name.as_str();
        for metric in Metric::ALL {
            all.push((metric, vec![pair("FunctionName", name)]));
            all.push((
                metric,
                vec![pair("FunctionName", name), pair("Resource", name)],
            ));
        }
    }
    if !all.is_empty() {
        all.extend(Metric::ALL.map(|metric| (metric, Vec::new())));
    }
    all
}

fn sum_of_peaks(functions: &[&Function], minute: i64, now: i64) -> Option<Part> {
    let active = functions.iter().filter_map(|function| {
        let published = function.published(minute, now);
        let peak = function.concurrency_peak(minute)?;
        (published > 0).then_some((published, peak))
    });
    let (samples, peak) = active.fold((0, 0), |sum, (n, peak)| (sum.0 + n, sum.1 + peak));
    (samples > 0).then_some(Part {
        samples: samples as f64,
        spread: Spread::Ramp { peak: peak as f64 },
    })
}

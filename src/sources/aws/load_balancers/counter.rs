//! What counts requests before a cluster, and under which names CloudWatch has the counts.

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};

use super::PERIOD;
use breakeven_model::units::{QuantityError, Seconds};

/// Something of AWS that counts requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// A target group, at one of the Application Load Balancers that send to it.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
    TargetGroup {
        /// As it stands in the ARN: `targetgroup/name/0123456789abcdef`.
        target_group: String,
        /// Likewise: `app/name/0123456789abcdef`.
        load_balancer: String,
    },
    /// An HTTP API of API Gateway, or a stage of one.
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html>
    HttpApi {
        /// Its id.
        id: String,
        /// The stage; all of them together without one.
        stage: Option<String>,
    },
    /// A REST API of API Gateway, or a stage of one.
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html>
    RestApi {
        /// Its name.
        name: String,
        /// The stage; all of them together without one.
        stage: Option<String>,
    },
}

/// What is read of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    /// How many requests there were.
    Requests,
    /// The sum of the times until what is behind it began to answer.
    Latency,
    /// How many of these times were measured.
    Measured,
}

impl Series {
    /// In the order in which they are asked for: the statistics of one metric side by side.
    pub(super) const ALL: [Self; 3] = [Self::Requests, Self::Latency, Self::Measured];
}

impl Counter {
    const fn namespace(&self) -> &'static str {
        match self {
            Self::TargetGroup { .. } => "AWS/ApplicationELB",
            Self::HttpApi { .. } | Self::RestApi { .. } => "AWS/ApiGateway",
        }
    }

    /// The metric and the statistic of it. API Gateway's `Count` is to be read as a sample count.
    const fn metric(&self, series: Series) -> (&'static str, &'static str) {
        match (self, series) {
            (Self::TargetGroup { .. }, Series::Requests) => ("RequestCount", "Sum"),
            (Self::TargetGroup { .. }, Series::Latency) => ("TargetResponseTime", "Sum"),
            (Self::TargetGroup { .. }, Series::Measured) => ("TargetResponseTime", "SampleCount"),
            (_, Series::Requests) => ("Count", "SampleCount"),
            (_, Series::Latency) => ("IntegrationLatency", "Sum"),
            (_, Series::Measured) => ("IntegrationLatency", "SampleCount"),
        }
    }

    /// Its dimensions: each set of them is another count of the same requests.
    fn dimensions(&self) -> Vec<(&'static str, &str)> {
        let (first, stage) = match self {
            Self::TargetGroup {
                target_group,
                load_balancer,
            } => {
                return vec![
                    ("TargetGroup", target_group),
                    ("LoadBalancer", load_balancer),
                ];
            }
            Self::HttpApi { id, stage } => (("ApiId", &**id), stage),
            Self::RestApi { name, stage } => (("ApiName", &**name), stage),
        };
        let stage = stage.as_deref().map(|stage| ("Stage", stage));
        std::iter::once(first).chain(stage).collect()
    }

    /// A sum of latencies, in the unit that CloudWatch has it in: load balancers measure seconds, API Gateway milliseconds.
    pub(super) const fn latency(&self, sum: f64) -> Result<Seconds, QuantityError> {
        match self {
            Self::TargetGroup { .. } => Seconds::from_seconds(sum),
            Self::HttpApi { .. } | Self::RestApi { .. } => Seconds::from_millis(sum),
        }
    }

    /// How it is called where something about it is told.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::TargetGroup { target_group, .. } => target_group,
            Self::HttpApi { id, .. } => id,
            Self::RestApi { name, .. } => name,
        }
    }
}

/// The queries of a call, all of one counter side by side. The id of the n-th is `q` and n.
pub(super) fn queries<'a>(counters: impl IntoIterator<Item = &'a Counter>) -> Vec<MetricDataQuery> {
    let each = counters.into_iter();
    let each = each.flat_map(|counter| Series::ALL.map(|series| (counter, series)));
    each.enumerate()
        .map(|(index, (counter, series))| query(index, counter, series))
        .collect()
}

fn query(index: usize, counter: &Counter, series: Series) -> MetricDataQuery {
    let (name, statistic) = counter.metric(series);
    let dimensions = counter.dimensions().into_iter();
    let dimensions =
        dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
    let metric = Metric::builder()
        .namespace(counter.namespace())
        .metric_name(name)
        .set_dimensions(Some(dimensions.collect()))
        .build();
    let statistic = MetricStat::builder()
        .metric(metric)
        .period(i32::try_from(PERIOD.as_secs()).unwrap_or(i32::MAX))
        .stat(statistic)
        .build();
    MetricDataQuery::builder()
        .id(format!("q{index}"))
        .metric_stat(statistic)
        .return_data(true)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_is_asked_for_under_the_names_of_its_service() {
        let counters = [
            Counter::TargetGroup {
                target_group: "targetgroup/web/1".into(),
                load_balancer: "app/shop/2".into(),
            },
            Counter::HttpApi {
                id: "a1b2".into(),
                stage: None,
            },
            Counter::RestApi {
                name: "orders".into(),
                stage: Some("live".into()),
            },
        ];
        let asked = queries(&counters).into_iter().map(|query| {
            let statistic = query.metric_stat().unwrap();
            let metric = statistic.metric().unwrap();
            let dimensions = metric.dimensions().iter();
            let dimensions = dimensions.map(|one| one.value().unwrap());
            format!(
                "{} {} {} {} {}",
                query.id().unwrap(),
                metric.namespace().unwrap(),
                dimensions.collect::<Vec<_>>().join(" "),
                metric.metric_name().unwrap(),
                statistic.stat().unwrap()
            )
        });
        assert_eq!(
            asked.collect::<Vec<_>>(),
            [
                "q0 AWS/ApplicationELB targetgroup/web/1 app/shop/2 RequestCount Sum",
                "q1 AWS/ApplicationELB targetgroup/web/1 app/shop/2 TargetResponseTime Sum",
                "q2 AWS/ApplicationELB targetgroup/web/1 app/shop/2 TargetResponseTime SampleCount",
                "q3 AWS/ApiGateway a1b2 Count SampleCount",
                "q4 AWS/ApiGateway a1b2 IntegrationLatency Sum",
                "q5 AWS/ApiGateway a1b2 IntegrationLatency SampleCount",
                "q6 AWS/ApiGateway orders live Count SampleCount",
                "q7 AWS/ApiGateway orders live IntegrationLatency Sum",
                "q8 AWS/ApiGateway orders live IntegrationLatency SampleCount",
            ]
        );
    }

    #[test]
    fn load_balancers_measure_seconds_and_api_gateway_milliseconds() {
        let group = Counter::TargetGroup {
            target_group: "t".into(),
            load_balancer: "l".into(),
        };
        let api = Counter::HttpApi {
            id: "a".into(),
            stage: None,
        };
        assert_eq!(group.latency(0.25).unwrap().seconds(), 0.25);
        assert_eq!(api.latency(250.0).unwrap().seconds(), 0.25);
    }
}

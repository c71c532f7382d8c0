//! What breakeven itself spends on AWS APIs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use breakeven_model::units::{Requests, Usd, UsdPerRequest};

/// CloudWatch's price of one metric requested with GetMetricData: 0.01 USD for 1,000, never in the free tier. That holds in
/// all regions but sa-east-1 (0.014) and GovCloud (0.013), which are counted too cheap. <https://aws.amazon.com/cloudwatch/pricing/>
pub(in crate::sources) const PER_METRIC_REQUESTED: UsdPerRequest =
    match UsdPerRequest::from_each(0.000_01) {
        Ok(price) => price,
        Err(_) => UsdPerRequest::ZERO,
    };

/// Cost Explorer's price of a request, and of each page of an answer.
/// <https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/>
const PER_PAID_REQUEST: UsdPerRequest = match UsdPerRequest::from_each(0.01) {
    Ok(price) => price,
    Err(_) => UsdPerRequest::ZERO,
};

/// What a request is charged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sources) enum Price {
    /// Nothing.
    Free,
    /// Each of so many metrics that it asks for.
    EachMetric(u64),
    /// Itself.
    EachRequest,
}

/// Requests to one AWS API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiSpend {
    /// Requests sent, each retry and each page counted.
    pub requests: u64,
    /// Metrics asked for, where the API is paid by metric. Each query counts as one metric: whether five
    /// statistics of one metric are billed as one or as five is told differently, and this is the dearer reading.
    pub metrics: u64,
    /// Those of the requests that are paid themselves.
    pub paid_requests: u64,
}

impl ApiSpend {
    /// What they cost, in USD at the list price.
    ///
    /// Formula: metrics · 0.01 / 1,000 + paid requests · 0.01.
    ///
    /// ```
    /// use breakeven::sources::aws::ApiSpend;
    ///
    /// let spend = ApiSpend { requests: 2, metrics: 1_000, paid_requests: 2 };
    /// assert!((spend.cost().usd() - 0.03).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn cost(self) -> Usd {
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact up to 2^53 metrics, which are 90 billion USD"
        )]
        let count = |things: u64| Requests::from_requests(things as f64).unwrap_or_default();
        count(self.metrics) * PER_METRIC_REQUESTED + count(self.paid_requests) * PER_PAID_REQUEST
    }
}

/// The count of all requests to AWS, by API; clones share it.
#[derive(Clone, Debug, Default)]
pub struct AwsSpend(Arc<Mutex<BTreeMap<&'static str, ApiSpend>>>);

impl AwsSpend {
    /// What was spent so far, by API, such as `GetMetricData`.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<&'static str, ApiSpend> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts one request.
    pub(super) fn count(&self, api: &'static str, price: Price) {
        let mut spend = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spend = spend.entry(api).or_default();
        spend.requests += 1;
        match price {
            Price::Free => {}
            Price::EachMetric(metrics) => spend.metrics += metrics,
            Price::EachRequest => spend.paid_requests += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_apis_apart() {
        let spend = AwsSpend::default();
        spend.clone().count("GetMetricData", Price::EachMetric(500));
        spend.count("GetMetricData", Price::EachMetric(100));
        spend.count("ListFunctions", Price::Free);
        spend.count("GetCostAndUsage", Price::EachRequest);
        let snapshot = spend.snapshot();
        assert_eq!(
            snapshot["GetMetricData"],
            ApiSpend {
                requests: 2,
                metrics: 600,
                paid_requests: 0
            }
        );
        assert!((snapshot["GetMetricData"].cost().usd() - 0.006).abs() < 1e-12);
        assert!(snapshot["ListFunctions"].cost().is_zero());
        assert!((snapshot["GetCostAndUsage"].cost().usd() - 0.01).abs() < 1e-12);
    }
}

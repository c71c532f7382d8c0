//! What GetProducts is asked: a service, and filters that leave the products that are meant.
//!
//! <https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_Filter.html>.

use serde_json::{Value, json};

/// How a field of a product is held against a value.
#[derive(Clone, Copy)]
enum Match {
    Is,
    Contains,
}

/// Which of the three regions that serve the Price List is asked about a region: the nearest.
pub(super) fn api_region(region: &str) -> &'static str {
    match region.split('-').next().unwrap_or_default() {
        "eu" | "me" | "il" | "af" => "eu-central-1",
        "ap" => "ap-south-1",
        _ => "us-east-1",
    }
}

/// One product: Linux without software, on shared hardware, on demand.
pub(super) fn machine(region: &str, instance_type: &str) -> Value {
    query(
        "AmazonEC2",
        &[
            (Match::Is, "regionCode", region),
            (Match::Is, "instanceType", instance_type),
            (Match::Is, "operatingSystem", "Linux"),
            (Match::Is, "preInstalledSw", "NA"),
            (Match::Is, "tenancy", "Shared"),
            (Match::Is, "capacitystatus", "Used"),
            (Match::Is, "marketoption", "OnDemand"),
        ],
    )
}

/// What pods of EKS are charged by. Usage types begin with letters of the region, which no rule gives, so they are not
/// named whole.
pub(super) fn fargate(region: &str) -> Value {
    usage("AmazonEKS", region, "Fargate")
}

/// What the storage of Fargate costs, which stands with ECS and is the same for both.
pub(super) fn fargate_storage(region: &str) -> Value {
    usage("AmazonECS", region, "Fargate-EphemeralStorage")
}

fn usage(service: &str, region: &str, part: &str) -> Value {
    query(
        service,
        &[
            (Match::Is, "regionCode", region),
            (Match::Is, "locationType", "AWS Region"),
            (Match::Contains, "usagetype", part),
        ],
    )
}

/// A kind of disk: its size, its operations and its throughput. Local zones have prices of their own.
pub(super) fn disk(region: &str, disk: &str) -> Value {
    query(
        "AmazonEC2",
        &[
            (Match::Is, "regionCode", region),
            (Match::Is, "locationType", "AWS Region"),
            (Match::Is, "volumeApiName", disk),
        ],
    )
}

fn query(service: &str, filters: &[(Match, &str, &str)]) -> Value {
    let filters = filters.iter().map(|(kind, field, value)| {
        let kind = match kind {
            Match::Is => "TERM_MATCH",
            Match::Contains => "CONTAINS",
        };
        json!({"Type": kind, "Field": field, "Value": value})
    });
    json!({
        "ServiceCode": service,
        "FormatVersion": "aws_v1",
        "Filters": filters.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_asked_for_at_the_nearest_endpoint() {
        for (region, endpoint) in [
            ("us-west-2", "us-east-1"),
            ("sa-east-1", "us-east-1"),
            ("eu-north-1", "eu-central-1"),
            ("me-south-1", "eu-central-1"),
            ("ap-northeast-1", "ap-south-1"),
        ] {
            assert_eq!(api_region(region), endpoint);
        }
    }
}

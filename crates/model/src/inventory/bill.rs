//! What AWS bills for Lambda, day by day.

use std::sync::Arc;

use jiff::civil::Date;

use super::Architecture;
use crate::units::{BilledUnits, Usd};

/// The region whose usage types have no prefix.
const UNNAMED_REGION: &str = "us-east-1";

/// What usage types of other regions begin with.
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html> has the regions; the codes are those of
/// Cost and Usage Reports. Ireland has an old one and a new one.
const REGION_CODES: [(&str, &str); 38] = [
    ("AFS1", "af-south-1"),
    ("APE1", "ap-east-1"),
    ("APE2", "ap-east-2"),
    ("APN1", "ap-northeast-1"),
    ("APN2", "ap-northeast-2"),
    ("APN3", "ap-northeast-3"),
    ("APS1", "ap-southeast-1"),
    ("APS2", "ap-southeast-2"),
    ("APS3", "ap-south-1"),
    ("APS4", "ap-southeast-3"),
    ("APS5", "ap-south-2"),
    ("APS6", "ap-southeast-4"),
    ("APS7", "ap-southeast-5"),
    ("APS9", "ap-southeast-7"),
    ("CAN1", "ca-central-1"),
    ("CAN2", "ca-west-1"),
    ("CNN1", "cn-north-1"),
    ("CNW1", "cn-northwest-1"),
    ("EU", "eu-west-1"),
    ("EUC1", "eu-central-1"),
    ("EUC2", "eu-central-2"),
    ("EUN1", "eu-north-1"),
    ("EUS1", "eu-south-1"),
    ("EUS2", "eu-south-2"),
    ("EUW1", "eu-west-1"),
    ("EUW2", "eu-west-2"),
    ("EUW3", "eu-west-3"),
    ("ILC1", "il-central-1"),
    ("MEC1", "me-central-1"),
    ("MES1", "me-south-1"),
    ("MXC1", "mx-central-1"),
    ("SAE1", "sa-east-1"),
    ("UGE1", "us-gov-east-1"),
    ("UGW1", "us-gov-west-1"),
    ("USE1", "us-east-1"),
    ("USE2", "us-east-2"),
    ("USW1", "us-west-1"),
    ("USW2", "us-west-2"),
];

/// The bill of Lambda as far as it is settled: what will not change any more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bill {
    /// The last settled days, oldest first.
    pub days: Vec<BilledDay>,
    /// What the settled days before them add up to, as far back as the bill was read.
    pub before: Vec<Charge>,
}

/// A settled day, in UTC. One on which nothing was used has no charges.
#[derive(Clone, Debug, PartialEq)]
pub struct BilledDay {
    /// Which day.
    pub day: Date,
    /// What was charged for it.
    pub charges: Vec<Charge>,
}

/// What one account is charged for one usage type.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// The account.
    pub account_id: Arc<str>,
    /// What was used.
    pub usage_type: UsageType,
    /// How much of it.
    pub usage: BilledUnits,
    /// What stands on the invoice: nothing for what a Savings Plan covers.
    pub unblended: Usd,
    /// The same with the part of the plan's price that covers it.
    pub amortized: Usd,
}

/// A usage type, such as `EUW1-Lambda-GB-Second-ARM`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageType {
    /// As the bill has it.
    pub name: Arc<str>,
    /// The region; absent where its code is not known.
    pub region: Option<Arc<str>>,
    /// What is used, and on which processor; absent where that is nothing that the model has.
    pub of: Option<(UsageKind, Architecture)>,
}

/// What Lambda charges for, as its bill has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsageKind {
    /// Requests.
    Requests,
    /// Memory over billed time outside provisioned concurrency, INIT with it.
    Duration,
    /// The memory of environments that are kept ready.
    ProvisionedConcurrency,
    /// Memory over billed time in them.
    ProvisionedDuration,
    /// `/tmp` above what is free.
    EphemeralStorage,
}

impl UsageKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Requests,
        Self::Duration,
        Self::ProvisionedConcurrency,
        Self::ProvisionedDuration,
        Self::EphemeralStorage,
    ];

    /// As it stands in a usage type.
    const fn name(self) -> &'static str {
        match self {
            Self::Requests => "Request",
            Self::Duration => "Lambda-GB-Second",
            Self::ProvisionedConcurrency => "Lambda-Provisioned-Concurrency",
            Self::ProvisionedDuration => "Lambda-Provisioned-GB-Second",
            Self::EphemeralStorage => "Lambda-Storage-GB-Second",
        }
    }

    /// Whether Savings Plans cover it.
    #[must_use]
    pub const fn is_compute(self) -> bool {
        matches!(
            self,
            Self::Duration | Self::ProvisionedConcurrency | Self::ProvisionedDuration
        )
    }
}

impl UsageType {
    /// Takes a usage type apart.
    ///
    /// ```
    /// use breakeven_model::inventory::{Architecture, UsageKind, UsageType};
    ///
    /// let there = UsageType::parse("EUW1-Lambda-GB-Second-ARM");
    /// assert_eq!(there.region.as_deref(), Some("eu-west-1"));
    /// assert_eq!(there.of, Some((UsageKind::Duration, Architecture::Arm64)));
    /// let here = UsageType::parse("Request");
    /// assert_eq!(here.region.as_deref(), Some("us-east-1"));
    /// assert_eq!(here.of, Some((UsageKind::Requests, Architecture::X86_64)));
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let coded = name.split_once('-').and_then(|(code, rest)| {
            let known = REGION_CODES.iter().find(|(known, _)| *known == code)?;
            Some((known.1, rest))
        });
        let is_here = name.starts_with("Lambda-") || name.starts_with("Request");
        let placed = coded.or(is_here.then_some((UNNAMED_REGION, name)));
        Self {
            name: name.into(),
            region: placed.map(|(region, _)| region.into()),
            of: placed.and_then(|(_, rest)| kind(rest)),
        }
    }
}

fn kind(name: &str) -> Option<(UsageKind, Architecture)> {
    let (name, architecture) = match name.strip_suffix("-ARM") {
        Some(name) => (name, Architecture::Arm64),
        None => (name, Architecture::X86_64),
    };
    let kind = UsageKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)?;
    Some((kind, architecture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_types_are_taken_apart_into_region_kind_and_processor() {
        let (x86, arm) = (Architecture::X86_64, Architecture::Arm64);
        for (name, region, of) in [
            (
                "Request",
                Some("us-east-1"),
                Some((UsageKind::Requests, x86)),
            ),
            (
                "Request-ARM",
                Some("us-east-1"),
                Some((UsageKind::Requests, arm)),
            ),
            (
                "USE1-Request",
                Some("us-east-1"),
                Some((UsageKind::Requests, x86)),
            ),
            (
                "EU-Request",
                Some("eu-west-1"),
                Some((UsageKind::Requests, x86)),
            ),
            (
                "APS3-Lambda-GB-Second",
                Some("ap-south-1"),
                Some((UsageKind::Duration, x86)),
            ),
            (
                "Lambda-Provisioned-Concurrency-ARM",
                Some("us-east-1"),
                Some((UsageKind::ProvisionedConcurrency, arm)),
            ),
            (
                "USW2-Lambda-Provisioned-GB-Second",
                Some("us-west-2"),
                Some((UsageKind::ProvisionedDuration, x86)),
            ),
            (
                "CAN1-Lambda-Storage-GB-Second",
                Some("ca-central-1"),
                Some((UsageKind::EphemeralStorage, x86)),
            ),
            ("Lambda-Edge-Request", Some("us-east-1"), None),
            (
                "EUC1-Lambda-SnapStart-Restored-GB",
                Some("eu-central-1"),
                None,
            ),
            ("MOON1-Lambda-GB-Second", None, None),
            ("DataTransfer-Out-Bytes", None, None),
            ("", None, None),
        ] {
            let found = UsageType::parse(name);
            assert_eq!(&*found.name, name);
            assert_eq!(found.region.as_deref(), region, "{name}");
            assert_eq!(found.of, of, "{name}");
        }
    }

    #[test]
    fn the_codes_of_regions_are_sorted_and_each_means_one() {
        assert!(REGION_CODES.is_sorted_by(|one, other| one.0 < other.0));
    }
}

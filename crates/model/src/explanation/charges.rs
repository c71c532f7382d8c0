//! What a month on Lambda costs, part by part.

use super::number::{count, factor, millis, per_million, percent, plain, price, usd};
use super::{Line, month_and_request};
use crate::cold_starts::Method;
use crate::lambda::{Component, PriceOrigin, PricingTerms};
use crate::pricing::list_prices::lambda as tariff;
use crate::report::MonthlyCost;
use crate::uncertainty::Range;
use crate::units::{MemoryMib, Ratio, Requests, Seconds, Usd, UsdPerGibSecond};

/// A month on Lambda.
pub(super) struct Month<'a> {
    pub(super) terms: &'a PricingTerms,
    pub(super) region: &'a str,
    pub(super) memory: MemoryMib,
    pub(super) requests: Requests,
    /// The mean time of each.
    pub(super) duration: Seconds,
    /// The share of them that meet a cold start, and how that came to be known.
    pub(super) cold: Option<(Ratio, Method)>,
    /// How long idle environments are kept, and how long a cold start initialises, with where that is known from.
    pub(super) keep_alive: Range<Seconds>,
    pub(super) init: (Range<Seconds>, &'static str),
    pub(super) parts: &'a [(Component, Usd)],
}

impl Month<'_> {
    /// Prices, cold starts, each part, and all of it.
    pub(super) fn lines(&self, cost: &MonthlyCost) -> Vec<Line> {
        let mut lines = vec![self.prices()];
        if !self.terms.discount.is_zero() {
            let from = "prices.lambda.duration_discount_ratio, on duration and INIT";
            lines.push(Line::new("discount", from, factor(self.terms.discount)));
        }
        if let Some((share, method)) = self.cold {
            let Range { low, point, high } = self.keep_alive;
            let how = match method {
                Method::Measured => "counted by Lambda Insights".to_owned(),
                Method::ConcurrencyColdStarts => format!(
                    "from the peaks of concurrency, idle environments kept for {} s ({} to {})",
                    point.seconds(),
                    low.seconds(),
                    high.seconds()
                ),
                Method::ClosedForm => format!(
                    "as rate and duration let expect, idle environments kept for {} s ({} to {})",
                    point.seconds(),
                    low.seconds(),
                    high.seconds()
                ),
            };
            let result = format!("{} a month", count(self.requests * share));
            lines.push(Line::new("cold starts", how, result));
            let (Range { low, point, high }, by) = self.init;
            let from = if low == high {
                by.to_owned()
            } else {
                format!("{by}, between {} and {}", millis(low), millis(high))
            };
            lines.push(Line::new("INIT", from, millis(point)));
        }
        let part =
            |(part, cost): &(Component, Usd)| Line::new(part.as_str(), self.sum(*part), usd(*cost));
        lines.extend(self.parts.iter().map(part));
        let missing = self.terms.missing.iter();
        lines.extend(missing.map(|one| Line::new(one.part(), one.reason(), "not priced")));
        let mut parts = self.parts.iter();
        if parts.any(|(part, _)| *part == Component::Provisioned) {
            lines.push(self.provisioned_break_even());
        }
        lines.extend(month_and_request(cost, "all of these parts"));
        lines
    }

    fn prices(&self) -> Line {
        let prices = &self.terms.prices;
        Line::new(
            "prices",
            match self.terms.origin {
                PriceOrigin::List => {
                    format!(
                        "list of {} in {}, first tier",
                        tariff::LISTED_AT,
                        self.region
                    )
                }
                PriceOrigin::Bill => {
                    format!("as billed in {} on the last settled days", self.region)
                }
            },
            format!(
                "{}, {}",
                price(
                    prices.duration.first().secondly() * 1e6,
                    "for a million GB-s"
                ),
                per_million(prices.request)
            ),
        )
    }

    /// The utilization above which provisioned concurrency costs less than the same work on demand.
    fn provisioned_break_even(&self) -> Line {
        let prices = &self.terms.prices;
        let million = |price: UsdPerGibSecond| plain(price.secondly() * 1e6);
        let discount = self.terms.discount;
        let (factor, discounted) = if discount.is_zero() {
            (String::new(), "on demand")
        } else {
            (
                format!(" x (1 - {})", factor(discount)),
                "on demand x (1 - discount)",
            )
        };
        let from = format!(
            "{} / ({}{factor} - {}), prices of a million GB-s in {}: provisioned / ({discounted} - inside)",
            million(prices.provisioned),
            million(prices.duration.beyond(self.terms.used_before).first()),
            million(prices.provisioned_duration),
            self.region,
        );
        let result = match self.terms.provisioned_break_even() {
            Some(ratio) if ratio < Ratio::ONE => format!("{} of it in use", percent(ratio)),
            Some(ratio) => format!("never ({})", percent(ratio)),
            None => "never".to_owned(),
        };
        Line::new("provisioned pays above", from, result)
    }

    /// The formula of a part, with the numbers put in.
    fn sum(&self, part: Component) -> String {
        let requests = count(self.requests);
        let memory = format!("{}/1024", self.memory.mib());
        match part {
            Component::Requests => format!("{requests} x price of a request"),
            Component::Duration => format!(
                "{requests} x {memory} x ({} + 0.5 ms) x price, by tiers",
                millis(self.duration)
            ),
            Component::Init => format!(
                "cold starts x {memory} x {} x price, by tiers",
                millis(self.init.0.point)
            ),
            Component::Ephemeral => format!("{requests} x GiB above 0.5 x duration x price"),
            Component::HttpEndpoint => "as configured, by requests or hours".to_owned(),
            Component::Logs => format!("{requests} x GiB of each x price, by tiers"),
            Component::Provisioned => {
                format!("environments kept ready x {memory} x time x price, and what they serve")
            }
            Component::SnapStart => {
                format!("one version x {memory} x time x price, and {memory} x restores x price")
            }
            Component::Instances | Component::Streaming => "as configured".to_owned(),
        }
    }
}

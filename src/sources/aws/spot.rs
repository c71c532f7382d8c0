//! What spare capacity costs now, zone by zone, from the spot price history of EC2.
//!
//! What enters: the instance types of spot nodes. What leaves: an observation with their prices.
//!
//! One DescribeSpotPriceHistory for each region with spot nodes, for the types of these nodes, from now on: which gives
//! the price that holds. The calls are free. Prices move slowly, so an hour between questions is enough.

mod convert;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::sources::aws::{Aws, Listing, RestCall, Service};
use crate::sources::price_queries::PriceQuerySubscriber;
use crate::sources::{DiscardCounts, Poll, Source, SourceError};
use breakeven_model::inventory::{Observation, SpotPrice};
use breakeven_model::pricing::PriceQueries;
use breakeven_model::units::Seconds;

const EC2: Service = Service {
    id: "EC2",
    host: "ec2",
};
const API: &str = "DescribeSpotPriceHistory";
const ACTION: &str = "ec2:DescribeSpotPriceHistory";

/// How many types one question names; AWS allows 200 values of a filter.
const TYPES_AT_ONCE: usize = 100;

/// The most pages of one answer: at 1,000 prices a page, far above what a hundred types in six zones have.
const MAX_PAGES: usize = 100;

/// The types of a region that were asked for, and when.
#[derive(Debug)]
struct RequestedTypes {
    types: BTreeSet<Arc<str>>,
    at: Timestamp,
}

/// Reads spot prices when it is polled.
#[derive(Debug)]
pub struct SpotPriceSource {
    refresh: Duration,
    aws: Aws,
    price_queries: PriceQuerySubscriber,
    calls: BTreeMap<Arc<str>, RestCall>,
    asked: BTreeMap<Arc<str>, RequestedTypes>,
    discarded: DiscardCounts,
}

impl SpotPriceSource {
    /// Asks nothing yet. An answer holds for `refresh`; `wishes` says which types there are.
    #[must_use]
    pub fn new(refresh: Duration, aws: Aws, price_queries: PriceQuerySubscriber) -> Self {
        Self {
            refresh,
            aws,
            price_queries,
            calls: BTreeMap::new(),
            asked: BTreeMap::new(),
            discarded: DiscardCounts::default(),
        }
    }

    /// What was left out: `price_not_understood`.
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    fn is_due(&self, region: &Arc<str>, types: &BTreeSet<Arc<str>>, now: Timestamp) -> bool {
        let longest = Seconds::from(self.refresh);
        self.asked.get(region).is_none_or(|asked| {
            !types.is_subset(&asked.types) || Seconds::between(asked.at, now) >= longest
        })
    }

    /// The prices that hold in a region.
    async fn region(
        &mut self,
        region: &Arc<str>,
        types: &BTreeSet<Arc<str>>,
        now: Timestamp,
    ) -> Result<Vec<SpotPrice>, SourceError> {
        let call = match self.calls.entry(Arc::clone(region)) {
            Entry::Occupied(call) => call.into_mut(),
            Entry::Vacant(call) => {
                let aws = self.aws.in_region(region);
                call.insert(RestCall::new(aws.session().await?, EC2, API, ACTION))
            }
        };
        let types: Vec<&str> = types.iter().map(|one| &**one).collect();
        let mut entries = Vec::new();
        for types in types.chunks(TYPES_AT_ONCE) {
            let mut token: Option<String> = None;
            let mut listing = Listing::new(call);
            for page in 0.. {
                let form = convert::form(types, now, token.as_deref());
                let answer = listing.form(form).await?;
                let answer =
                    convert::page(&answer).map_err(|problem| call.not_understood(&problem))?;
                entries.extend(answer.entries);
                match answer.next_token {
                    None => break,
                    Some(_) if page == MAX_PAGES => {
                        return Err(call.not_understood("the pages have no end"));
                    }
                    next => token = next,
                }
            }
        }
        let (prices, unexpected) = convert::present(entries, now);
        self.discarded.add("price_not_understood", unexpected);
        Ok(prices)
    }
}

impl Poll for SpotPriceSource {
    fn source(&self) -> Source {
        Source::Spot
    }

    /// As for the price list: a poll that learns something succeeds, and one that fails has learned nothing.
    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let wanted = self.price_queries.wanted().await?;
        let mut learned = Vec::new();
        let mut failed = None;
        for (region, types) in &wanted.spot {
            if !self.is_due(region, types, now) {
                continue;
            }
            match self.region(region, types, now).await {
                Ok(prices) => {
                    learned.extend(prices);
                    let types = types.clone();
                    let asked = RequestedTypes { types, at: now };
                    self.asked.insert(Arc::clone(region), asked);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if learned.is_empty() => Err(error),
            _ if learned.is_empty() => Ok(Vec::new()),
            _ => Ok(vec![Observation::SpotPrices(learned)]),
        }
    }

    async fn wait_for_change(&mut self) {
        let asked = &self.asked;
        let is_news = |wanted: &PriceQueries| {
            wanted.spot.iter().any(|(region, types)| {
                asked
                    .get(region)
                    .is_none_or(|asked| !types.is_subset(&asked.types))
            })
        };
        self.price_queries.news(is_news).await;
    }
}

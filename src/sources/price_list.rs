//! What machines cost by the price lists of their clouds.
//!
//! What enters: the products whose price is needed. What leaves: an observation with their list prices.
//!
//! A list is asked about each instance type in each region that a node is of, and about no others. An answer holds for
//! [`PriceListConfig::refresh`], also one that the list has no such type, and is kept on disk where a directory is given, so
//! that neither a restart nor a node that comes back costs a second question. What could not be asked anew is used on,
//! and its age is shown.

mod cache;
pub(super) mod response;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use self::cache::Cache;
pub use self::response::PriceList;
use self::response::{Answer, PriceListError};
use crate::disk::Disk;
use crate::sources::price_queries::PriceQuerySubscriber;
use crate::sources::{DiscardCounts, Poll, Source, SourceError};
use breakeven_model::inventory::{ListPrice, Observation, PriceKey};
use breakeven_model::pricing::is_better;
use breakeven_model::pricing::{PriceQueries, PriceQuery};
use breakeven_model::units::Seconds;

/// How far ahead of the clock a timestamp may be.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// How a list is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceListConfig {
    /// How long an answer holds.
    pub refresh: Duration,
    /// Where answers are kept over a restart.
    pub cache_directory: Option<PathBuf>,
}

/// What was answered, and what is known by it and the answers before.
#[derive(Clone, Debug, PartialEq)]
struct Answered {
    at: Timestamp,
    prices: Vec<ListPrice>,
}

/// Reads a price list when it is polled.
#[derive(Debug)]
pub struct ListSource<L> {
    list: L,
    refresh: Duration,
    price_queries: PriceQuerySubscriber,
    cache: Option<Cache>,
    is_restored: bool,
    known: BTreeMap<PriceQuery, Answered>,
    discarded: DiscardCounts,
}

impl<L: PriceList> ListSource<L> {
    /// Asks nothing yet. `wishes` says what there is.
    #[must_use]
    pub fn new(settings: &PriceListConfig, list: L, price_queries: PriceQuerySubscriber) -> Self {
        let cache = settings.cache_directory.as_deref();
        Self {
            list,
            refresh: settings.refresh,
            price_queries,
            cache: cache.map(|directory| Cache::in_directory(directory, L::FILE, L::PROVIDER)),
            is_restored: false,
            known: BTreeMap::new(),
            discarded: DiscardCounts::default(),
        }
    }

    /// Runs its file operations; absent if no answers are cached in a file.
    #[must_use]
    pub fn disk(&self) -> Option<&Disk> {
        self.cache.as_ref().map(Cache::disk)
    }

    /// What was left out or is lacking: `price_not_understood`, `price_not_in_usd`, `cache_not_read`, `cache_not_written`,
    /// `clock_ahead`, where an answer was kept at a time that has not come.
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    /// What the last run of the program knew.
    async fn restore(&mut self, now: Timestamp) -> Vec<ListPrice> {
        let Some(cache) = &self.cache else {
            return Vec::new();
        };
        self.known = cache.read().await.unwrap_or_else(|problem| {
            self.discarded.add("cache_not_read", 1);
            warn!(problem, "kept prices not read");
            BTreeMap::new()
        });
        let ahead = set_to_now(&mut self.known, now);
        if ahead > 0 {
            self.discarded.add("clock_ahead", ahead);
            warn!(
                answers = ahead,
                "kept prices are ahead of the clock; they are taken as read now"
            );
        }
        let known = self.known.values();
        known.flat_map(|answered| answered.prices.clone()).collect()
    }

    async fn keep(&self) {
        if let Some(cache) = &self.cache
            && let Err(problem) = cache.write(&self.known).await
        {
            self.discarded.add("cache_not_written", 1);
            warn!(problem, "prices not kept");
        }
    }

    /// What is wanted and not known, or known for too long.
    fn due(&self, wanted: &PriceQueries, now: Timestamp) -> BTreeSet<PriceQuery> {
        let longest = Seconds::from(self.refresh);
        let is_due = |question: &&PriceQuery| {
            self.known
                .get(*question)
                .is_none_or(|known| Seconds::between(known.at, now) >= longest)
        };
        wanted
            .of_list(L::PROVIDER)
            .filter(is_due)
            .cloned()
            .collect()
    }

    /// Asks, and says what came of it and what did not. What is known changes only with the end of the poll: one that is given
    /// up before has told nobody.
    async fn ask(
        &mut self,
        due: BTreeSet<PriceQuery>,
        now: Timestamp,
    ) -> Result<(BTreeMap<PriceQuery, Answered>, Option<SourceError>), SourceError> {
        self.list.prepare(&due).await?;
        let list = &self.list;
        let ask = async |question: PriceQuery| {
            let answer = list.ask(&question, now).await;
            (question, answer)
        };
        let mut waiting = due.into_iter();
        let mut under_way = FuturesUnordered::new();
        let (mut learned, mut failed) = (BTreeMap::new(), None);
        loop {
            // What is wrong with one is in all likelihood wrong with all: then only what is under way is waited for.
            while failed.is_none() && under_way.len() < L::AT_ONCE {
                let Some(question) = waiting.next() else {
                    break;
                };
                under_way.push(ask(question));
            }
            match under_way.next().await {
                None => break,
                Some((_, Err(error))) => failed = Some(error),
                Some((question, Ok(answer))) => {
                    let before = self.known.get(&question);
                    let answered = answered(&question, answer, before, now, &self.discarded);
                    learned.insert(question, answered);
                }
            }
        }
        Ok((learned, failed))
    }
}

/// Sets answers that are ahead of the clock to now: the clock was ahead. Without this they would not be asked for again until it
/// has come to where it was. Returns how many there are.
fn set_to_now(known: &mut BTreeMap<PriceQuery, Answered>, now: Timestamp) -> u64 {
    let mut count = 0;
    for answered in known.values_mut() {
        if answered.at.duration_since(now) <= CLOCK_TOLERANCE {
            continue;
        }
        count += 1;
        answered.at = now;
        for price in &mut answered.prices {
            price.at = price.at.min(now);
        }
    }
    count
}

/// What is known by an answer and the one before: what it has no price of any more keeps the one it had.
fn answered(
    question: &PriceQuery,
    answer: Answer,
    before: Option<&Answered>,
    at: Timestamp,
    discarded: &DiscardCounts,
) -> Answered {
    for PriceListError { reason, text } in answer.problems {
        discarded.add(reason, 1);
        warn!(region = %question.region, workload = ?question.product, problem = text, "price left out");
    }
    let before = before.map_or(&[][..], |before| &before.prices);
    let prices = answer.prices.into_iter().map(|(product, price)| {
        let offer = PriceKey {
            provider: question.provider,
            region: Arc::clone(&question.region),
            product,
        };
        let before = before.iter().find(|one| one.offer == offer);
        let price = ListPrice { offer, price, at };
        match before {
            Some(before) if !is_better(&price, Some(before)) => before.clone(),
            _ => price,
        }
    });
    Answered {
        at,
        prices: prices.collect(),
    }
}

impl<L: PriceList> Poll for ListSource<L> {
    fn source(&self) -> Source {
        L::SOURCE
    }

    /// A poll that learns something succeeds, and is followed by another at once as long as something is wanted that
    /// is not known; so one that fails has learned nothing.
    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        if !self.is_restored {
            self.is_restored = true;
            let kept = self.restore(now).await;
            if !kept.is_empty() {
                return Ok(vec![Observation::ListPrices(kept)]);
            }
        }
        let wanted = self.price_queries.wanted().await?;
        let due = self.due(&wanted, now);
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let (learned, failed) = self.ask(due, now).await?;
        if let Some(error) = failed.filter(|_| learned.is_empty()) {
            return Err(error);
        }
        let prices = learned
            .values()
            .flat_map(|answered| answered.prices.clone());
        let prices = prices.collect();
        self.known.extend(learned);
        self.keep().await;
        Ok(vec![Observation::ListPrices(prices)])
    }

    async fn wait_for_change(&mut self) {
        let known = &self.known;
        let is_news = |wanted: &PriceQueries| {
            wanted
                .of_list(L::PROVIDER)
                .any(|question| !known.contains_key(question))
        };
        self.price_queries.news(is_news).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::inventory::{CapacityType, Provider, Sku};
    use breakeven_model::pricing::QueriedProduct;
    use breakeven_model::units::UsdPerHour;

    #[test]
    fn answers_ahead_of_the_clock_are_taken_as_of_now() {
        let question = |name: &str| PriceQuery {
            provider: Provider::Aws,
            region: "us-east-1".into(),
            product: QueriedProduct::Machine(name.into()),
        };
        let time = |second| Timestamp::from_second(second).unwrap();
        let answered = |at| Answered {
            at: time(at),
            prices: Vec::new(),
        };
        let mut known = BTreeMap::from([
            (question("past"), answered(100)),
            (question("near"), answered(1_030)),
            (question("ahead"), answered(90_000)),
        ]);
        assert_eq!(set_to_now(&mut known, time(1_000)), 1);
        let at = |name| known[&question(name)].at;
        assert_eq!(
            [at("past"), at("near"), at("ahead")],
            [100, 1_030, 1_000].map(time)
        );
    }

    #[test]
    fn a_price_that_an_answer_no_longer_has_is_kept_with_its_age_until_a_better_one_comes() {
        let question = PriceQuery {
            provider: Provider::Azure,
            region: "westeurope".into(),
            product: QueriedProduct::Machine("Standard_D2s_v5".into()),
        };
        let discard_counts = DiscardCounts::default();
        let mut known: Option<Answered> = None;
        let time = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
        // On each day what is said on demand and of spare capacity, and what is known then, since which day.
        for (day, said, expected) in [
            (0, [None, Some(0.02)], [(None, 0), (Some(0.02), 0)]),
            (1, [Some(0.1), None], [(Some(0.1), 1), (Some(0.02), 0)]),
            (2, [None, None], [(Some(0.1), 1), (Some(0.02), 0)]),
            (
                3,
                [Some(0.2), Some(0.03)],
                [(Some(0.2), 3), (Some(0.03), 3)],
            ),
        ] {
            let mut answer = Answer::default();
            for (capacity_type, price) in [CapacityType::OnDemand, CapacityType::Spot]
                .into_iter()
                .zip(said)
            {
                let product = Sku::Machine {
                    instance_type: "Standard_D2s_v5".into(),
                    capacity_type,
                };
                let price = price.map(|hourly| UsdPerHour::from_hourly(hourly).unwrap());
                answer.add(product, Ok(price));
            }
            let now = answered(
                &question,
                answer,
                known.as_ref(),
                time(day),
                &discard_counts,
            );
            let found: Vec<_> = now
                .prices
                .iter()
                .map(|one| (one.price.map(UsdPerHour::hourly), one.at))
                .collect();
            assert_eq!(found, expected.map(|(price, since)| (price, time(since))));
            assert_eq!(
                now.at,
                time(day),
                "it is not asked again before a day has passed"
            );
            known = Some(now);
        }
    }
}

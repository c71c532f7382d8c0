//! What instance types cost on demand, from the AWS Price List.
//!
//! One GetProducts for each type in each region that a node is of, filtered to the one product that is meant: the offer
//! file of a region has 435 MB. The calls are free. An answer holds for [`Settings::refresh`], also one that the list has no
//! such type, and is kept on disk where a directory is given, so that neither a restart nor a node that comes
//! back costs a second question. What could not be asked anew is used on, and its age is shown.

mod cache;
mod convert;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use tracing::warn;

use self::cache::Cache;
use self::convert::Products;
use super::wanted::{Listener, Wanted};
use crate::observation::{ListPrice, Observation};
use crate::sources::aws::{Aws, RestCall, Service};
use crate::sources::{Poll, Source, SourceError, Tally};
use crate::units::Seconds;

const PRICING: Service = Service {
    id: "Pricing",
    host: "api.pricing",
};
const API: &str = "GetProducts";
const ACTION: &str = "pricing:GetProducts";
const TARGET: &str = "AWSPriceListService.GetProducts";

/// How many types are asked for at the same time.
const AT_ONCE: usize = 4;

/// How the list is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an answer holds.
    pub refresh: Duration,
    /// Where answers are kept over a restart.
    pub cache_directory: Option<PathBuf>,
}

/// An instance type in a region.
type Key = (Arc<str>, Arc<str>);

/// Reads the price list when it is polled.
#[derive(Debug)]
pub struct PriceListSource {
    settings: Settings,
    aws: Aws,
    wishes: Listener,
    calls: BTreeMap<&'static str, RestCall>,
    cache: Option<Cache>,
    is_restored: bool,
    known: BTreeMap<Key, ListPrice>,
    left_out: Tally,
}

impl PriceListSource {
    /// Asks nothing yet. `wishes` says which types there are.
    #[must_use]
    pub fn new(settings: Settings, aws: Aws, wishes: Listener) -> Self {
        Self {
            cache: settings.cache_directory.as_deref().map(Cache::in_directory),
            settings,
            aws,
            wishes,
            calls: BTreeMap::new(),
            is_restored: false,
            known: BTreeMap::new(),
            left_out: Tally::default(),
        }
    }

    /// What was left out or is lacking: `price_not_understood`, `cache_not_read`, `cache_not_written`.
    #[must_use]
    pub fn left_out(&self) -> Tally {
        self.left_out.clone()
    }

    /// What the last run of the program knew.
    async fn restore(&mut self) -> Vec<ListPrice> {
        let Some(cache) = &self.cache else {
            return Vec::new();
        };
        let kept = cache.read().await.unwrap_or_else(|problem| {
            self.left_out.add("cache_not_read", 1);
            warn!(problem, "kept prices not read");
            Vec::new()
        });
        for price in &kept {
            self.known.insert(key(price), price.clone());
        }
        kept
    }

    async fn keep(&self) {
        if let Some(cache) = &self.cache
            && let Err(problem) = cache.write(self.known.values()).await
        {
            self.left_out.add("cache_not_written", 1);
            warn!(problem, "prices not kept");
        }
    }

    /// What is wanted and not known, or known for too long.
    fn due(&self, wanted: &Wanted, now: Timestamp) -> BTreeSet<Key> {
        let longest = Seconds::from(self.settings.refresh);
        let is_due = |key: &&Key| {
            self.known
                .get(*key)
                .is_none_or(|known| Seconds::between(known.at, now) >= longest)
        };
        wanted.list.iter().filter(is_due).cloned().collect()
    }

    /// Asks for types, and says what came of it and what did not.
    async fn ask(
        &mut self,
        due: BTreeSet<Key>,
        now: Timestamp,
    ) -> Result<(Vec<ListPrice>, Option<SourceError>), SourceError> {
        for (region, _) in &due {
            let home = convert::api_region(region);
            if let Entry::Vacant(call) = self.calls.entry(home) {
                let aws = self.aws.in_region(home);
                call.insert(RestCall::new(aws.session().await?, PRICING, API, ACTION));
            }
        }
        let mut waiting = due.into_iter();
        let mut under_way = FuturesUnordered::new();
        let (mut learned, mut failed) = (Vec::new(), None);
        loop {
            // What is wrong with one is in all likelihood wrong with all: then only what is under way is waited for.
            while failed.is_none() && under_way.len() < AT_ONCE {
                let Some((region, instance_type)) = waiting.next() else {
                    break;
                };
                if let Some(call) = self.calls.get(convert::api_region(&region)) {
                    under_way.push(products(call, region, instance_type));
                }
            }
            let Some((region, instance_type, answer)) = under_way.next().await else {
                break;
            };
            let price = match answer {
                Ok(products) => convert::price(&products, &instance_type),
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            let price = price.unwrap_or_else(|problem| {
                self.left_out.add("price_not_understood", 1);
                warn!(%region, %instance_type, problem, "price not understood");
                None
            });
            learned.push(ListPrice {
                region,
                instance_type,
                price,
                at: now,
            });
        }
        Ok((learned, failed))
    }
}

async fn products(
    call: &RestCall,
    region: Arc<str>,
    instance_type: Arc<str>,
) -> (Arc<str>, Arc<str>, Result<Products, SourceError>) {
    let question = convert::question(&region, &instance_type);
    let answer = call.json(TARGET, &question).await;
    (region, instance_type, answer)
}

fn key(price: &ListPrice) -> Key {
    (Arc::clone(&price.region), Arc::clone(&price.instance_type))
}

impl Poll for PriceListSource {
    fn source(&self) -> Source {
        Source::PriceList
    }

    /// A poll that learns something succeeds, and is followed by another at once as long as something is wanted that
    /// is not known; so one that fails has learned nothing.
    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        if !self.is_restored {
            self.is_restored = true;
            let kept = self.restore().await;
            if !kept.is_empty() {
                return Ok(vec![Observation::ListPrices(kept)]);
            }
        }
        let wanted = self.wishes.wanted().await?;
        let due = self.due(&wanted, now);
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let (learned, failed) = self.ask(due, now).await?;
        if let Some(error) = failed.filter(|_| learned.is_empty()) {
            return Err(error);
        }
        for price in &learned {
            self.known.insert(key(price), price.clone());
        }
        self.keep().await;
        Ok(vec![Observation::ListPrices(learned)])
    }

    async fn awaited(&mut self) {
        let known = &self.known;
        let is_news = |wanted: &Wanted| wanted.list.iter().any(|key| !known.contains_key(key));
        self.wishes.news(is_news).await;
    }
}

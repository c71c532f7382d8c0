//! The AWS Price List.
//!
//! One GetProducts for each instance type in each region, filtered to the one product that is meant: the offer file of a
//! region has 435 MB. One or two for Fargate, and one for each kind of disk, in regions whose prices are not carried. The calls
//! are free.

mod convert;
mod query;
mod usage;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use self::convert::Products;
use crate::sources::aws::{Aws, Listing, RestCall, Service};
use crate::sources::price_list::response::{Answer, PriceList};
use crate::sources::{Source, SourceError};
use breakeven_model::inventory::{CapacityType, Provider, Sku};
use breakeven_model::pricing::{PriceQuery, QueriedProduct};

const PRICING: Service = Service {
    id: "Pricing",
    host: "api.pricing",
};
const API: &str = "GetProducts";
const ACTION: &str = "pricing:GetProducts";
const TARGET: &str = "AWSPriceListService.GetProducts";

/// The most pages of one answer, of a hundred products each. The filters leave some ten.
const MAX_PAGES: usize = 5;

/// The AWS Price List.
#[derive(Debug)]
pub struct AwsPriceList {
    aws: Aws,
    /// By the region that serves it.
    calls: BTreeMap<&'static str, RestCall>,
}

impl AwsPriceList {
    /// Asked as the program itself.
    #[must_use]
    pub fn new(aws: Aws) -> Self {
        Self {
            aws,
            calls: BTreeMap::new(),
        }
    }
}

impl PriceList for AwsPriceList {
    const SOURCE: Source = Source::PriceList;
    const PROVIDER: Provider = Provider::Aws;
    const FILE: &'static str = "price-list.json";
    const AT_ONCE: usize = 4;

    async fn prepare(&mut self, questions: &BTreeSet<PriceQuery>) -> Result<(), SourceError> {
        for question in questions {
            let home = query::api_region(&question.region);
            if let Entry::Vacant(call) = self.calls.entry(home) {
                let aws = self.aws.in_region(home);
                call.insert(RestCall::new(aws.session().await?, PRICING, API, ACTION));
            }
        }
        Ok(())
    }

    async fn ask(&self, question: &PriceQuery, _: Timestamp) -> Result<Answer, SourceError> {
        let region = &*question.region;
        let Some(call) = self.calls.get(query::api_region(region)) else {
            return Ok(Answer::default());
        };
        Ok(match &question.product {
            QueriedProduct::Machine(instance_type) => {
                let products = products(call, query::machine(region, instance_type)).await?;
                let product = Sku::Machine {
                    instance_type: instance_type.clone(),
                    capacity_type: CapacityType::OnDemand,
                };
                Answer::one(product, convert::machine(&products, instance_type))
            }
            QueriedProduct::Fargate => {
                let mut listed = products(call, query::fargate(region)).await?;
                if !usage::has_storage(&listed) {
                    listed.extend(products(call, query::fargate_storage(region)).await?);
                }
                usage::answer(&listed, usage::fargate())
            }
            QueriedProduct::Disk(disk) => {
                let listed = products(call, query::disk(region, disk)).await?;
                usage::answer(&listed, usage::disk(disk))
            }
        })
    }
}

/// The products that a question leaves, each a JSON document.
async fn products(call: &RestCall, mut input: Value) -> Result<Vec<String>, SourceError> {
    let mut all = Vec::new();
    let mut listing = Listing::new(call);
    for _ in 0..MAX_PAGES {
        let page: Products = listing.json(TARGET, &input).await?;
        all.extend(page.price_list);
        match page.next_token.filter(|token| !token.is_empty()) {
            None => return Ok(all),
            Some(token) => input["NextToken"] = token.into(),
        }
    }
    Err(call.not_understood("the pages have no end"))
}

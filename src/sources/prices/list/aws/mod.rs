//! The AWS Price List.
//!
//! One GetProducts for each type in each region, filtered to the one product that is meant: the offer file of a region
//! has 435 MB. The calls are free.

mod convert;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::convert::Products;
use super::answer::{Answer, PriceList};
use crate::observation::{CapacityType, Product, Provider};
use crate::sources::aws::{Aws, RestCall, Service};
use crate::sources::prices::wanted::{Question, Subject};
use crate::sources::{Source, SourceError};

const PRICING: Service = Service {
    id: "Pricing",
    host: "api.pricing",
};
const API: &str = "GetProducts";
const ACTION: &str = "pricing:GetProducts";
const TARGET: &str = "AWSPriceListService.GetProducts";

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

    async fn prepare(&mut self, questions: &BTreeSet<Question>) -> Result<(), SourceError> {
        for question in questions {
            let home = convert::api_region(&question.region);
            if let Entry::Vacant(call) = self.calls.entry(home) {
                let aws = self.aws.in_region(home);
                call.insert(RestCall::new(aws.session().await?, PRICING, API, ACTION));
            }
        }
        Ok(())
    }

    async fn ask(&self, question: &Question, _: Timestamp) -> Result<Answer, SourceError> {
        let Some(call) = self.calls.get(convert::api_region(&question.region)) else {
            return Ok(Answer::default());
        };
        let Subject::Machine(instance_type) = &question.subject;
        let input = convert::question(&question.region, instance_type);
        let products: Products = call.json(TARGET, &input).await?;
        let product = Product::Machine {
            instance_type: instance_type.clone(),
            capacity_type: CapacityType::OnDemand,
        };
        let price = convert::price(&products, instance_type);
        Ok(Answer::one(product, price))
    }
}

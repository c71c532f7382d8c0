//! What a price list is asked, and what it says.

use std::collections::BTreeSet;
use std::fmt::Debug;

use jiff::Timestamp;

use crate::sources::{Source, SourceError};
use breakeven_model::inventory::{Provider, Sku};
use breakeven_model::pricing::PriceQuery;
use breakeven_model::units::UsdPerHour;

/// The price list of a cloud.
pub trait PriceList: Debug + Send + Sync {
    /// As which source it stands on the board.
    const SOURCE: Source;
    /// Whose list it is.
    const PROVIDER: Provider;
    /// The name of the file that its answers are kept in.
    const FILE: &'static str;
    /// How many questions are asked at the same time.
    const AT_ONCE: usize;

    /// Gets ready for questions.
    fn prepare(
        &mut self,
        questions: &BTreeSet<PriceQuery>,
    ) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Asks one.
    fn ask(
        &self,
        question: &PriceQuery,
        now: Timestamp,
    ) -> impl Future<Output = Result<Answer, SourceError>> + Send;
}

/// What a list says to a question.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    /// The prices; absent for what the list does not have, or has no certain price of.
    pub(in crate::sources) prices: Vec<(Sku, Option<UsdPerHour>)>,
    /// Prices that were left out.
    pub(in crate::sources) problems: Vec<PriceListError>,
}

/// Why a price was left out.
#[derive(Debug, PartialEq)]
pub(in crate::sources) struct PriceListError {
    /// As it is counted.
    pub(in crate::sources) reason: &'static str,
    /// In words.
    pub(in crate::sources) text: String,
}

impl PriceListError {
    pub(in crate::sources) fn not_understood(text: impl Into<String>) -> Self {
        Self {
            reason: "price_not_understood",
            text: text.into(),
        }
    }

    /// Two prices, of which either may be meant.
    pub(in crate::sources) fn two(one: UsdPerHour, other: UsdPerHour) -> Self {
        let (one, other) = (one.hourly(), other.hourly());
        Self::not_understood(format!("two prices, {one} and {other}"))
    }

    /// A price for something else than an hour.
    pub(in crate::sources) fn another_unit(unit: &str) -> Self {
        Self::not_understood(format!("a price for each {unit:?} and not each hour"))
    }

    /// A price that is in other currencies alone, such as `CNY`.
    pub(in crate::sources) fn not_in_usd(currencies: &str) -> Self {
        Self {
            reason: "price_not_in_usd",
            text: format!("a price in {currencies} and not in USD"),
        }
    }
}

impl Answer {
    /// An answer to what has one price, or none.
    pub(in crate::sources) fn one(
        product: Sku,
        price: Result<Option<UsdPerHour>, PriceListError>,
    ) -> Self {
        let mut answer = Self::default();
        answer.add(product, price);
        answer
    }

    pub(in crate::sources) fn add(
        &mut self,
        product: Sku,
        price: Result<Option<UsdPerHour>, PriceListError>,
    ) {
        let price = price.unwrap_or_else(|problem| {
            self.problems.push(problem);
            None
        });
        self.prices.push((product, price));
    }
}

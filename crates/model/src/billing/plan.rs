//! Whether a Savings Plan covers Lambda, read from its bill.

use crate::units::{Ratio, Usd};

/// What a Compute Savings Plan leaves of the price of duration: 17 % less where all is paid upfront, 12 % less where nothing is.
/// <https://aws.amazon.com/savingsplans/compute-pricing/>
const USUAL: [Ratio; 2] = [factor(0.83), factor(0.88)];

/// By how much a price may differ from one that it is taken for.
const SLACK: Ratio = factor(0.005);

/// A Savings Plan as the bill shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SavingsPlan {
    /// What is paid, the plan's price with it, of what the same would cost without a plan.
    pub price: Ratio,
    /// The part of duration that it covers; absent where the bill shows the lower price alone.
    pub coverage: Option<Ratio>,
    /// What it takes off the price of what it covers; absent where the coverage is.
    pub discount: Option<Ratio>,
}

/// What was charged for what Savings Plans cover, and what it costs by the list.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Compute {
    pub(super) unblended: Usd,
    pub(super) amortized: Usd,
    pub(super) list: Usd,
}

impl SavingsPlan {
    /// What the bill says of a plan; absent where it says nothing of one. `base` is what is paid of the list price of what no plan covers,
    /// such as requests.
    ///
    /// Formula: coverage = 1 - unblended / (list · base), as what is covered stands on the invoice with nothing; price = amortized /
    /// (list · base); discount = (1 - price) / coverage. Where both amounts are the same, no plan is known to cover
    /// anything; then a price of 0.83 to 0.88, where requests have no discount, is taken for that of a plan whose price the bill
    /// has spread already.
    #[must_use]
    pub(super) fn detect(compute: Compute, base: Option<Ratio>) -> Option<Self> {
        let list = compute.list * base.unwrap_or(Ratio::ONE);
        let price = compute.amortized.over(list)?;
        let coverage = compute.unblended.over(list)?.complement();
        let is_spread = compute.amortized.less(compute.unblended).over(list)? > SLACK;
        if is_spread {
            return Some(Self {
                price,
                coverage: Some(coverage),
                discount: coverage.inverse().map(|each| price.complement() * each),
            });
        }
        let has_no_other_discount = base.is_none_or(|base| base.complement() <= SLACK);
        let [least, most] = USUAL;
        let is_usual = price + SLACK >= least && price <= most + SLACK;
        (has_no_other_discount && is_usual).then_some(Self {
            price,
            coverage: None,
            discount: None,
        })
    }
}

const fn factor(value: f64) -> Ratio {
    match Ratio::from_factor(value) {
        Ok(ratio) => ratio,
        Err(_) => Ratio::ONE,
    }
}

//! Prices that change with the amount that is bought.

use smallvec::SmallVec;

use crate::units::{Metered, Ratio, Requests, Usd};

/// A price that changes in steps: the first so many at one price, the next so many at another, the rest at a last.
///
/// Tariffs are built from each other: what others used already is skipped ([`beyond`](Self::beyond)), an allowance
/// put in front ([`after_free`](Self::after_free)), a discount applied ([`discounted`](Self::discounted)), a price of
/// GiB-seconds turned into one of requests ([`by_request`](Self::by_request)), and two prices of the same thing
/// added ([`plus`](Self::plus)).
///
/// ```
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::pricing::list_prices::lambda;
/// use breakeven_model::units::GibSeconds;
///
/// // A month of 540,000 GB-s, of which 400,000 are free.
/// let tiers = lambda::duration(Architecture::X86_64)
///     .after_free(GibSeconds::from_gib_seconds(400_000.0)?);
/// let month = tiers.total(GibSeconds::from_gib_seconds(540_000.0)?);
/// assert!((month.usd() - 140_000.0 * 0.000_016_666_7).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tiers<Q: Metered> {
    /// How much is sold at each price but the last. The tariffs of AWS have up to three steps, and a free one before them.
    steps: SmallVec<[(Q, Q::Price); 4]>,
    last: Q::Price,
}

impl<Q: Metered> Tiers<Q> {
    /// The first so many at the first price, the next so many at the next, and all above at the last.
    pub fn new(steps: impl IntoIterator<Item = (Q, Q::Price)>, last: Q::Price) -> Self {
        let steps = steps.into_iter().filter(|(width, _)| *width > Q::default());
        Self {
            steps: steps.collect(),
            last,
        }
    }

    /// One price for any amount.
    #[must_use]
    pub const fn flat(price: Q::Price) -> Self {
        Self {
            steps: SmallVec::new_const(),
            last: price,
        }
    }

    /// Nothing to pay for any amount.
    #[must_use]
    pub fn free() -> Self {
        Self::flat(Q::Price::default())
    }

    /// What `amount` costs, bought from nothing, in USD.
    ///
    /// Formula: `T(a) = Σ over tiers of price · (part of a in the tier)`.
    #[must_use]
    pub fn total(&self, amount: Q) -> Usd {
        let mut left = amount;
        let mut cost = Usd::ZERO;
        for (width, price) in &self.steps {
            let part = if left < *width { left } else { *width };
            cost += part * *price;
            left = left.less(part);
        }
        cost + left * self.last
    }

    /// What `amount` costs that is bought after `used`, in USD.
    ///
    /// Formula: `T(used + a) - T(used)`, as [`beyond`](Self::beyond) gives it.
    #[must_use]
    pub fn after(&self, used: Q, amount: Q) -> Usd {
        let (mut used, mut left) = (used, amount);
        let mut cost = Usd::ZERO;
        for (width, price) in &self.steps {
            let room = width.less(used);
            used = used.less(*width);
            let part = if left < room { left } else { room };
            cost += part * *price;
            left = left.less(part);
        }
        cost + left * self.last
    }

    /// The tariff for what comes after `used`: `T'(a) = T(used + a) - T(used)`.
    ///
    /// ```
    /// use breakeven_model::pricing::list_prices::Tiers;
    /// use breakeven_model::units::{Requests, UsdPerRequest};
    ///
    /// let million = Requests::from_requests(1e6)?;
    /// let tiers = Tiers::new(
    ///     [(million, UsdPerRequest::from_per_million(3.0)?)],
    ///     UsdPerRequest::from_per_million(1.0)?,
    /// );
    /// // Half of the first million is gone: half at 3, half at 1.
    /// let rest = tiers.beyond(Requests::from_requests(5e5)?);
    /// assert!((rest.total(million).usd() - 2.0).abs() < 1e-12);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn beyond(&self, used: Q) -> Self {
        let mut used = used;
        let rest = self.steps.iter().map(|(width, price)| {
            let left = width.less(used);
            used = used.less(*width);
            (left, *price)
        });
        Self::new(rest, self.last)
    }

    /// The tariff with an allowance in front: `T'(a) = T(max(0, a - allowance))`.
    #[must_use]
    pub fn after_free(&self, allowance: Q) -> Self {
        let free = (allowance, Q::Price::default());
        Self::new(
            std::iter::once(free).chain(self.steps.iter().copied()),
            self.last,
        )
    }

    /// The tariff with every price reduced: `T'(a) = (1 - discount) · T(a)`.
    #[must_use]
    pub fn discounted(&self, discount: Ratio) -> Self {
        self.scaled(discount.complement())
    }

    /// The tariff with every price multiplied: `T'(a) = share · T(a)`.
    #[must_use]
    pub fn scaled(&self, share: Ratio) -> Self {
        let steps = self.steps.iter();
        Self {
            steps: steps
                .map(|(width, price)| (*width, *price * share))
                .collect(),
            last: self.last * share,
        }
    }

    /// The tariff of requests of which each takes `each`: `T'(R) = T(each · R)`.
    ///
    /// ```
    /// use breakeven_model::inventory::Architecture;
    /// use breakeven_model::pricing::list_prices::lambda;
    /// use breakeven_model::units::{GibSeconds, Requests};
    ///
    /// // 200 ms on 256 MB are 0.05 GB-s.
    /// let requests = lambda::duration(Architecture::X86_64)
    ///     .by_request(GibSeconds::from_gib_seconds(0.05)?);
    /// let month = requests.total(Requests::from_requests(5e6)?);
    /// assert!((month.usd() - 4.166_675).abs() < 1e-9);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn by_request(&self, each: Q) -> Tiers<Requests> {
        let price = |price: Q::Price| (each * price).per(Requests::ONE).unwrap_or_default();
        let mut steps: SmallVec<[_; 4]> = SmallVec::new();
        for (width, step) in &self.steps {
            // No traffic reaches the end of the step.
            let Some(requests) = width.over(each) else {
                return Tiers::new(steps, price(*step));
            };
            steps.push((Requests::ONE * requests, price(*step)));
        }
        Tiers::new(steps, price(self.last))
    }

    /// Both tariffs together: `T'(a) = T(a) + U(a)`.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let (mut one, mut two) = (self.walk(), other.walk());
        let mut steps: SmallVec<[_; 4]> = SmallVec::new();
        while let Some(width) = one.until_next(&two) {
            steps.push((width, one.price() + two.price()));
            one.advance(width);
            two.advance(width);
        }
        Self::new(steps, self.last + other.last)
    }

    fn walk(&self) -> TierSteps<'_, Q> {
        TierSteps {
            steps: &self.steps,
            last: self.last,
            gone: Q::default(),
        }
    }

    /// The price of the first unit.
    #[must_use]
    pub fn first(&self) -> Q::Price {
        self.steps.first().map_or(self.last, |step| step.1)
    }

    /// All tiers but the last: how much is sold, and at which price.
    #[must_use]
    pub fn steps(&self) -> &[(Q, Q::Price)] {
        &self.steps
    }

    /// The price above all steps.
    #[must_use]
    pub const fn last(&self) -> Q::Price {
        self.last
    }
}

/// A walk along the steps of a tariff.
struct TierSteps<'a, Q: Metered> {
    /// The step that it is in, and those after it.
    steps: &'a [(Q, Q::Price)],
    last: Q::Price,
    /// How much of the step it is in lies behind.
    gone: Q,
}

impl<Q: Metered> TierSteps<'_, Q> {
    /// The price where it is.
    fn price(&self) -> Q::Price {
        self.steps.first().map_or(self.last, |step| step.1)
    }

    /// How much is left of its step; absent in the last.
    fn left(&self) -> Option<Q> {
        self.steps.first().map(|step| step.0.less(self.gone))
    }

    /// How far it is to the next step of either; absent where both are in their last.
    fn until_next(&self, other: &Self) -> Option<Q> {
        match (self.left(), other.left()) {
            (Some(one), Some(two)) => Some(if one < two { one } else { two }),
            (one, two) => one.or(two),
        }
    }

    /// Goes on, at most to the next step.
    fn advance(&mut self, by: Q) {
        if self.left().is_some_and(|left| left <= by) {
            self.steps = &self.steps[1..];
            self.gone = Q::default();
        } else {
            self.gone = self.gone + by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::UsdPerRequest;
    use proptest::prelude::*;

    fn requests(value: f64) -> Requests {
        Requests::from_requests(value).unwrap()
    }

    fn price(value: f64) -> UsdPerRequest {
        UsdPerRequest::from_each(value).unwrap()
    }

    /// Any tariff, also one whose prices rise.
    fn tariff() -> impl Strategy<Value = Tiers<Requests>> {
        let steps = proptest::collection::vec((1_u16..200, 0.0..1.0), 0..5);
        (steps, 1e-3..1.0).prop_map(|(steps, last)| {
            let steps = steps
                .into_iter()
                .map(|(width, cost)| (requests(f64::from(width)), price(cost)));
            Tiers::new(steps, price(last))
        })
    }

    /// The price of the one after so many: the tariff by its definition.
    fn price_after(tiers: &Tiers<Requests>, so_many: u32) -> f64 {
        let mut end = 0.0;
        for (width, price) in tiers.steps() {
            end += width.requests();
            if f64::from(so_many) < end {
                return price.each();
            }
        }
        tiers.last().each()
    }

    /// One after the other, from `first` to before `end`.
    fn one_by_one(tiers: &Tiers<Requests>, first: u32, end: u32) -> f64 {
        (first..end)
            .map(|so_many| price_after(tiers, so_many))
            .sum()
    }

    fn near(fast: Usd, slow: f64) -> bool {
        (fast.usd() - slow).abs() <= 1e-9 * slow.max(1.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_total_equals_the_sum_of_one_after_the_other(tiers in tariff(), amount in 0_u32..1_500) {
            let total = tiers.total(requests(f64::from(amount)));
            prop_assert!(near(total, one_by_one(&tiers, 0, amount)), "{total:?}");
        }

        #[test]
        fn what_comes_after_others_costs_what_it_does_in_the_sum(
            tiers in tariff(), used in 0_u32..900, amount in 0_u32..900,
        ) {
            let rest = tiers.beyond(requests(f64::from(used)));
            let total = rest.total(requests(f64::from(amount)));
            prop_assert!(near(total, one_by_one(&tiers, used, used + amount)), "{total:?}");
            let at_once = tiers.after(requests(f64::from(used)), requests(f64::from(amount)));
            prop_assert!(near(at_once, total.usd()), "{at_once:?} {total:?}");
        }

        #[test]
        fn an_allowance_is_taken_off_the_beginning(
            tiers in tariff(), free in 0_u32..900, amount in 0_u32..1_500,
        ) {
            let total = tiers.after_free(requests(f64::from(free))).total(requests(f64::from(amount)));
            prop_assert!(near(total, one_by_one(&tiers, 0, amount.saturating_sub(free))), "{total:?}");
        }

        #[test]
        fn tariffs_add_and_scale_as_their_totals_do(
            (one, two) in (tariff(), tariff()), amount in 0.0..2e3, share in 0.0..1.0,
        ) {
            let (amount, share) = (requests(amount), Ratio::from_factor(share).unwrap());
            let both = one.plus(&two).total(amount);
            prop_assert!(near(both, (one.total(amount) + two.total(amount)).usd()), "{both:?}");
            let reduced = one.discounted(share).total(amount);
            prop_assert!(near(reduced, one.total(amount).usd() * (1.0 - share.get())), "{reduced:?}");
        }

        #[test]
        fn a_tariff_by_request_costs_what_the_requests_take(
            tiers in tariff(), each in 0.0..5.0, amount in 0.0..1e3,
        ) {
            let by_request = tiers.by_request(requests(each)).total(requests(amount));
            prop_assert!(near(by_request, tiers.total(requests(each * amount)).usd()), "{by_request:?}");
        }

        #[test]
        fn more_never_costs_less(tiers in tariff(), amount in 0.0..2e3, more in 0.0..1e3) {
            prop_assert!(tiers.total(requests(amount)) <= tiers.total(requests(amount + more)));
        }
    }

    #[test]
    fn a_step_without_width_is_no_step() {
        let tiers = Tiers::new([(Requests::ZERO, price(9.0))], price(1.0));
        assert_eq!(tiers, Tiers::flat(price(1.0)));
    }
}

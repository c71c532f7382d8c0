//! Prices that fall as more is bought.

use crate::units::{GibSeconds, Usd, UsdPerGibSecond};

/// A price per GiB-second that falls in steps: the first so many at one price, the next at another.
///
/// Each tier is its price and the amount at which it ends; the last has no end.
#[derive(Clone, Debug, PartialEq)]
pub struct Tiers {
    bounded: Vec<(GibSeconds, UsdPerGibSecond)>,
    last: UsdPerGibSecond,
}

/// Tiers whose ends do not grow.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("tier {position} ends at {end} GB-s, which is not above the end of the tier before it")]
pub struct NotATariff {
    /// Which tier, from 1.
    pub position: usize,
    /// Where it ends.
    pub end: f64,
}

impl Tiers {
    /// Tiers from the ends of all but the last, and the price of the last.
    ///
    /// # Errors
    /// When an end is not above the one before it.
    pub fn new(
        bounded: Vec<(GibSeconds, UsdPerGibSecond)>,
        last: UsdPerGibSecond,
    ) -> Result<Self, NotATariff> {
        let mut before = GibSeconds::ZERO;
        for (position, (end, _)) in bounded.iter().enumerate() {
            if *end <= before {
                return Err(NotATariff {
                    position: position + 1,
                    end: end.gib_seconds(),
                });
            }
            before = *end;
        }
        Ok(Self { bounded, last })
    }

    /// One price for any amount.
    #[must_use]
    pub const fn flat(price: UsdPerGibSecond) -> Self {
        Self {
            bounded: Vec::new(),
            last: price,
        }
    }

    /// What `amount` costs, bought from nothing, in USD.
    ///
    /// Formula: `T(g) = Σ over tiers of price · (part of g in the tier)`.
    #[must_use]
    pub fn total(&self, amount: GibSeconds) -> Usd {
        let mut cost = Usd::ZERO;
        let mut start = GibSeconds::ZERO;
        for (end, price) in &self.bounded {
            cost += amount.min(*end).less(start) * *price;
            start = *end;
        }
        cost + amount.less(start) * self.last
    }

    /// What `amount` costs in USD on top of what was bought already.
    ///
    /// Formula: `T(before + amount) - T(before)`, taken tier by tier so that nothing is lost to
    /// rounding when `before` is large.
    ///
    /// ```
    /// use breakeven::tariff::lambda;
    /// use breakeven::observation::Architecture;
    /// use breakeven::units::GibSeconds;
    ///
    /// let tiers = lambda::duration(Architecture::X86_64);
    /// let amount = GibSeconds::from_gib_seconds(250_000.0)?;
    /// assert!((tiers.on_top_of(GibSeconds::ZERO, amount).usd() - 4.166_675).abs() < 1e-9);
    /// # Ok::<(), breakeven::units::NotAQuantity>(())
    /// ```
    #[must_use]
    pub fn on_top_of(&self, before: GibSeconds, amount: GibSeconds) -> Usd {
        let reached = before + amount;
        let mut cost = Usd::ZERO;
        let mut start = GibSeconds::ZERO;
        let mut left = amount;
        for (end, price) in &self.bounded {
            let part = reached.min(*end).less(before.max(start)).min(left);
            cost += part * *price;
            left = left.less(part);
            start = *end;
        }
        cost + left * self.last
    }

    /// The ends of all tiers but the last, each with the price up to it.
    #[must_use]
    pub fn bounded(&self) -> &[(GibSeconds, UsdPerGibSecond)] {
        &self.bounded
    }

    /// The price above all ends.
    #[must_use]
    pub const fn last(&self) -> UsdPerGibSecond {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gib_seconds(value: f64) -> GibSeconds {
        GibSeconds::from_gib_seconds(value).unwrap()
    }

    fn price(value: f64) -> UsdPerGibSecond {
        UsdPerGibSecond::from_secondly(value).unwrap()
    }

    fn tariff() -> impl Strategy<Value = Tiers> {
        (
            proptest::collection::vec((1.0..1e3, 1e-3..1.0), 0..5),
            1e-3..1.0,
        )
            .prop_map(|(steps, last)| {
                let mut end = 0.0;
                let bounded = steps.into_iter().map(|(step, cost)| {
                    end += step;
                    (gib_seconds(end), price(cost))
                });
                Tiers::new(bounded.collect(), price(last)).unwrap()
            })
    }

    /// The same integral, taken in small steps.
    fn slowly(tiers: &Tiers, amount: f64) -> f64 {
        let mut bounds: Vec<f64> = tiers
            .bounded()
            .iter()
            .map(|tier| tier.0.gib_seconds())
            .collect();
        bounds.push(f64::INFINITY);
        let prices = tiers
            .bounded()
            .iter()
            .map(|tier| tier.1)
            .chain([tiers.last()])
            .map(|p| p.secondly());
        let mut start = 0.0;
        let mut cost = 0.0;
        for (end, price) in bounds.into_iter().zip(prices) {
            if amount > start {
                cost += (amount.min(end) - start) * price;
            }
            start = end;
        }
        cost
    }

    proptest! {
        #[test]
        fn the_integral_equals_a_plain_sum(tiers in tariff(), amount in 0.0..5e3) {
            let (fast, slow) = (tiers.total(gib_seconds(amount)).usd(), slowly(&tiers, amount));
            prop_assert!((fast - slow).abs() <= 1e-9 * slow.max(1.0), "{} {}", fast, slow);
        }

        #[test]
        fn buying_in_two_parts_costs_the_same(tiers in tariff(), a in 0.0..3e3, b in 0.0..3e3) {
            let (a, b) = (gib_seconds(a), gib_seconds(b));
            let parts = tiers.total(a) + tiers.on_top_of(a, b);
            let whole = tiers.total(a + b);
            prop_assert!((parts.usd() - whole.usd()).abs() <= 1e-9 * whole.usd().max(1.0));
        }
    }

    #[test]
    fn tiers_that_do_not_grow_are_refused() {
        let error = Tiers::new(
            vec![
                (gib_seconds(5.0), price(0.2)),
                (gib_seconds(5.0), price(0.1)),
            ],
            price(0.05),
        )
        .unwrap_err();
        let text = "tier 2 ends at 5 GB-s, which is not above the end of the tier before it";
        assert_eq!(error.to_string(), text);
    }
}

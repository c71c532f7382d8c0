//! Counting numbers that are revised, without ever counting back.

use serde::{Deserialize, Serialize};

use super::minutes::FunctionTotals;
use breakeven_model::units::{Requests, Seconds};

/// What some known minutes of a function add up to, or what became more of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Increase {
    pub(super) sums: FunctionTotals,
    /// The part of their duration that what is kept ready can have worked.
    pub(super) provisioned: Seconds,
    pub(super) cold_starts: Requests,
    /// How long the minutes are.
    pub(super) time: Seconds,
}

/// What was counted and then turned out to be less. What becomes more makes up for it first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Overcount(Increase);

impl Overcount {
    /// Notes what was counted of minutes that are not known any more.
    pub(super) fn add(&mut self, counted: FunctionTotals, time: Seconds) {
        self.0.sums += counted;
        self.0.time += time;
    }

    /// What is to be counted now that some minutes add up to `after` instead of `before`.
    pub(super) fn growth(&mut self, before: &Increase, after: &Increase) -> Increase {
        let overcount = &mut self.0;
        macro_rules! each {
            ($($part:tt).+) => {{
                let (was, is, overcount) = (before.$($part).+, after.$($part).+, &mut overcount.$($part).+);
                *overcount += was.less(is);
                let grown = is.less(was);
                let due = grown.less(*overcount);
                *overcount = overcount.less(grown);
                due
            }};
        }
        Increase {
            sums: FunctionTotals {
                invocations: each!(sums.invocations),
                duration: each!(sums.duration),
                served: each!(sums.served),
                errors: each!(sums.errors),
                throttles: each!(sums.throttles),
            },
            provisioned: each!(provisioned),
            cold_starts: each!(cold_starts),
            time: each!(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(invocations: f64) -> Increase {
        let invocations = Requests::from_requests(invocations).unwrap();
        Increase {
            sums: FunctionTotals {
                invocations,
                ..FunctionTotals::default()
            },
            ..Increase::default()
        }
    }

    #[test]
    fn what_shrank_is_made_up_for_before_anything_is_counted() {
        let mut overcount = Overcount::default();
        let mut grown = |before, after| {
            let growth = overcount.growth(&counting(before), &counting(after));
            growth.sums.invocations.requests()
        };
        assert_eq!(grown(0.0, 10.0), 10.0);
        assert_eq!(grown(10.0, 4.0), 0.0, "it stays");
        assert_eq!(grown(4.0, 7.0), 0.0, "3 of 6 are made up for");
        assert_eq!(grown(7.0, 12.0), 2.0);
        assert_eq!(grown(12.0, 13.0), 1.0);
    }
}

//! Minutes that come late, again, out of order and in any grouping.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::ledger::function::{FunctionAccount, Totals};
use breakeven_model::inventory::{
    Architecture, FunctionBatch, FunctionMinute, ProvisionedConcurrency,
};
use breakeven_model::lambda::Component;
use breakeven_model::units::MemoryMib;

/// Minutes of a history.
const LENGTH: i64 = 60;

/// The minute in which counting begins.
const BEGIN: i64 = 12;

fn function() -> Arc<Function> {
    let id = FunctionId {
        account_id: "123456789012".into(),
        region: "us-east-1".into(),
        name: "resize".into(),
    };
    Arc::new(Function {
        timeout: seconds(30.0),
        ..Function::plain(
            id,
            MemoryMib::from_mib(1_024).unwrap(),
            Architecture::X86_64,
        )
    })
}

/// What happened in a minute: invocations, eighths of a second, errors, throttles, environments at once.
type Facts = [u32; 5];

fn minute(number: i64, [invocations, eighths, errors, throttles, peak]: Facts) -> FunctionMinute {
    let requests = |count| Requests::from_requests(f64::from(count)).unwrap();
    FunctionMinute {
        minute: START / 60 + number,
        invocations: requests(invocations),
        duration: seconds(f64::from(eighths) / 8.0),
        errors: requests(errors),
        throttles: requests(throttles),
        concurrency_peak: Some(peak),
    }
}

/// The account of what was told, one window after the other, and that its totals never fell.
struct Recorded(FunctionAccount, Arc<Function>);

impl Default for Recorded {
    fn default() -> Self {
        Self(FunctionAccount::default(), function())
    }
}

impl Recorded {
    fn record(&mut self, from: i64, to: i64, facts: impl Fn(i64) -> Facts) {
        let minutes = (from..to).map(|number| minute(number, facts(number)));
        let batch = FunctionBatch {
            id: function().id.clone(),
            window: step(from * 60, to * 60),
            minutes: minutes.filter(|one| !one.invocations.is_zero()).collect(),
        };
        let before = self.0.totals().clone();
        self.0.run(
            Some(&self.1),
            &batch,
            at(BEGIN * 60),
            &mut Days::default(),
            &settings(),
        );
        let after = self.0.totals();
        let fell = before
            .cost
            .iter()
            .any(|(part, cost)| after.cost[part] < *cost)
            || after.gib_seconds < before.gib_seconds
            || numbers(after)
                .iter()
                .zip(numbers(&before))
                .any(|(now, then)| *now < then);
        assert!(!fell, "{before:?} {after:?}");
    }
}

fn numbers(totals: &Totals) -> [f64; 5] {
    [
        totals.invocations,
        totals.served,
        totals.errors,
        totals.throttles,
        totals.cold_starts,
    ]
    .map(Requests::requests)
}

fn facts() -> impl Strategy<Value = Facts> {
    let ran = (1..50_u32, 0..4_000_u32, 0..5_u32, 0..5_u32, 0..6_u32);
    prop_oneof![
        1 => Just([0; 5]),
        2 => ran.prop_map(|(invocations, eighths, errors, throttles, peak)| [invocations, eighths, errors, throttles, peak]),
    ]
}

/// A window, and for each of its minutes how much of the truth is told: in sixteenths, and more than the truth where that
/// may be.
fn telling(most: u32) -> impl Strategy<Value = (i64, i64, Vec<u32>)> {
    let length = usize::try_from(LENGTH).unwrap();
    (
        0..LENGTH,
        1..LENGTH,
        proptest::collection::vec(0..=most, length),
    )
        .prop_map(|(from, long, parts)| (from, (from + long).min(LENGTH), parts))
}

/// Windows that cover the whole history, in any order.
fn covering() -> impl Strategy<Value = Vec<(i64, i64)>> {
    proptest::collection::vec((0..LENGTH, any::<Index>()), 0..8).prop_map(|cuts| {
        let mut borders: Vec<i64> = cuts.iter().map(|cut| cut.0).chain([0, LENGTH]).collect();
        borders.sort_unstable();
        borders.dedup();
        let mut windows: Vec<(i64, i64)> =
            borders.windows(2).map(|pair| (pair[0], pair[1])).collect();
        for (_, place) in &cuts {
            let window = windows.remove(place.index(windows.len()));
            windows.push(window);
        }
        windows
    })
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap()
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * right.max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn totals_are_what_the_settled_minutes_add_up_to_and_never_fall(
        truth in proptest::collection::vec(facts(), index(LENGTH)),
        early in proptest::collection::vec(telling(16), 0..10),
        last in covering(),
    ) {
        let mut recorded = Recorded::default();
        for (from, to, parts) in &early {
            recorded.record(*from, *to, |number| truth[index(number)].map(|fact| fact * parts[index(number)] / 16));
        }
        for (from, to) in last {
            recorded.record(from, to, |number| truth[index(number)]);
        }
        let counted = truth[index(BEGIN)..].iter().filter(|one| one[0] > 0);
        let sum = |part: fn(&Facts) -> u32| counted.clone().map(|one| f64::from(part(one))).sum::<f64>();
        let totals = recorded.0.totals();
        prop_assert_eq!(totals.invocations.requests(), sum(|one| one[0]));
        prop_assert_eq!(totals.errors.requests(), sum(|one| one[2]));
        prop_assert_eq!(totals.throttles.requests(), sum(|one| one[3]));
        let seconds = sum(|one| one[1]) / 8.0;
        if let Some(cost) = totals.cost.get(&Component::Duration) {
            let expected = (seconds + sum(|one| one[0]) * 0.000_5) * 0.000_016_666_7;
            prop_assert!(close(cost.usd(), expected), "{} {expected}", cost.usd());
        }
        // Whatever came before, the window is that of minutes that were told once.
        let mut once = Recorded::default();
        once.record(0, LENGTH, |number| truth[index(number)]);
        prop_assert_eq!(recorded.0.window(), once.0.window());
        // What was served and the cold starts may have been taken for more, before all was known.
        let pairs = numbers(totals).into_iter().zip(numbers(once.0.totals()));
        for (counted, settled) in pairs {
            prop_assert!(counted >= settled, "{counted} {settled}");
        }
    }

    #[test]
    fn what_was_counted_too_much_is_made_up_for_by_what_follows(
        truth in proptest::collection::vec(facts(), index(LENGTH)),
        early in proptest::collection::vec(telling(48), 1..10),
        last in covering(),
    ) {
        // A long day after it, busy and with many cold starts, in which there is enough of everything.
        let long = |recorded: &mut Recorded| {
            recorded.record(LENGTH, LENGTH + 1_000, |number| {
                let burst = u32::from(number % 20 == 0);
                [400, 40_000, 50, 50, 1 + 60 * burst]
            });
        };
        let mut recorded = Recorded::default();
        for (from, to, parts) in &early {
            recorded.record(*from, *to, |number| truth[index(number)].map(|fact| fact * parts[index(number)] / 16));
        }
        for (from, to) in last {
            recorded.record(from, to, |number| truth[index(number)]);
        }
        long(&mut recorded);
        let mut once = Recorded::default();
        once.record(0, LENGTH, |number| truth[index(number)]);
        long(&mut once);
        prop_assert_eq!(recorded.0.window(), once.0.window());
        let (counted, settled) = (recorded.0.totals(), once.0.totals());
        prop_assert_eq!(numbers(counted), numbers(settled));
        prop_assert!(close(counted.gib_seconds.gib_seconds(), settled.gib_seconds.gib_seconds()));
        for (part, cost) in &settled.cost {
            prop_assert!(close(counted.cost[part].usd(), cost.usd()), "{part:?}");
        }
    }

    #[test]
    fn what_is_kept_ready_has_served_what_it_can_of_each_minute_in_however_many_parts_it_becomes_known(
        truth in proptest::collection::vec(facts(), index(LENGTH)),
        early in proptest::collection::vec(telling(16), 0..10),
        last in covering(),
    ) {
        let live = ProvisionedConcurrency { qualifier: "live".into(), concurrency: 4 };
        let ready = Function { provisioned: Some(vec![live]), ..(*function()).clone() };
        let mut recorded = Recorded(FunctionAccount::default(), Arc::new(ready));
        let mut known = vec![0; index(LENGTH)];
        for (from, to, parts) in &early {
            for number in index(*from)..index(*to) {
                known[number] = parts[number].max(known[number]);
            }
            recorded.record(*from, *to, |number| truth[index(number)].map(|fact| fact * known[index(number)] / 16));
        }
        for (from, to) in last {
            recorded.record(from, to, |number| truth[index(number)]);
        }
        let counted = &truth[index(BEGIN)..];
        let served: f64 = counted.iter().map(|one| (f64::from(one[1]) / 8.0).min(4.0 * 60.0)).sum();
        let invocations: f64 = counted.iter().map(|one| f64::from(one[0])).sum();
        let kept = 4.0 * 60.0 * f64::from(u32::try_from(LENGTH - BEGIN).unwrap());
        let least = kept * 0.000_004_166_7 + served * 0.000_009_722_2;
        let rounding = invocations * 0.000_5 * 0.000_009_722_2;
        let cost = recorded.0.totals().cost[&Component::Provisioned].usd();
        prop_assert!(least * (1.0 - 1e-9) <= cost && cost <= (least + rounding) * (1.0 + 1e-9), "{cost} {least} {rounding}");
    }
}

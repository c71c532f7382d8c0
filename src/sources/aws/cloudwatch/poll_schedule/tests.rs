//! The plan against what it promises: within the budget, within the limits, and as good as any other.

use proptest::prelude::*;

use super::*;

const READING: MetricPoll = MetricPoll {
    all_every: 4,
    statistics: 3.0,
    metrics: 2.0,
};

fn id(index: usize) -> FunctionId {
    FunctionId {
        account_id: "1".into(),
        region: "r".into(),
        name: format!("f{index}").into(),
    }
}

fn usd(amount: f64) -> Usd {
    Usd::from_usd(amount).unwrap()
}

fn poll_priority(monthly: f64) -> Option<PollPriority> {
    Some(PollPriority {
        monthly: usd(monthly),
        margin: None,
    })
}

fn terms(budget: f64) -> ScheduleLimits {
    ScheduleLimits {
        budget: usd(budget),
        ..ScheduleLimits::default()
    }
}

fn plan(poll_priorities: &[Option<PollPriority>], terms: ScheduleLimits) -> Plan {
    let ids: Vec<FunctionId> = (0..poll_priorities.len()).map(id).collect();
    let functions = ids.iter().zip(poll_priorities.iter().copied());
    Plan::new(functions, &[READING], terms, Forecast::default())
}

fn seconds(plan: &Plan, index: usize) -> f64 {
    plan.interval(&id(index)).unwrap().as_secs_f64()
}

fn all_seconds(plan: &Plan) -> Vec<f64> {
    (0..plan.functions())
        .map(|one| seconds(plan, one))
        .collect()
}

#[test]
fn a_budget_that_is_enough_for_all_reads_all_at_the_shortest_interval() {
    // 730 h of 60 readings of 3 metrics: 1.314 USD each, and 90 % of the budget is planned.
    let plan = plan(
        &[poll_priority(5.0), poll_priority(0.0)],
        terms(2.0 * 1.314 / 0.9 + 0.01),
    );
    assert_eq!(all_seconds(&plan), [60.0, 60.0]);
    assert!((plan.expected().cost().usd() - 2.628).abs() < 1e-9);
    assert!((plan.expected().cheaper_cost().usd() - 1.752).abs() < 1e-9);
    assert!(!plan.is_over_budget());
}

#[test]
fn four_times_the_dollars_are_read_twice_as_often() {
    let plan = plan(
        &[
            poll_priority(400.0),
            poll_priority(100.0),
            poll_priority(25.0),
        ],
        terms(1.0),
    );
    let intervals = all_seconds(&plan);
    assert!(
        (intervals[1] / intervals[0] - 2.0).abs() < 1e-6,
        "{intervals:?}"
    );
    assert!(
        (intervals[2] / intervals[1] - 2.0).abs() < 1e-6,
        "{intervals:?}"
    );
    assert!((plan.expected().cost().usd() - 0.9).abs() < 1e-6);
}

#[test]
fn what_idle_functions_do_not_need_goes_to_the_others() {
    let plan = plan(
        &[poll_priority(10.0), poll_priority(0.0), poll_priority(0.0)],
        terms(1.0),
    );
    let intervals = all_seconds(&plan);
    assert_eq!(intervals[1..], [3_600.0, 3_600.0]);
    // 0.9 USD, less two times 730 readings of 3 metrics, are 28,540 readings of the first.
    let readings = 0.9 / 3e-5 - 2.0 * 730.0;
    assert!(
        (intervals[0] - 730.0 * 3_600.0 / readings).abs() < 0.01,
        "{intervals:?}"
    );
}

#[test]
fn a_dollar_near_the_crossing_counts_up_to_four_times() {
    for (margin, expected) in [(0.0, 40.0), (0.125, 25.0), (0.25, 10.0), (0.9, 10.0)] {
        let poll_priority = PollPriority {
            monthly: usd(10.0),
            margin: Some(Ratio::from_factor(margin).unwrap()),
        };
        assert!((poll_priority.weight() - expected).abs() < 1e-9, "{margin}");
    }
}

#[test]
fn a_new_function_is_read_as_often_as_the_one_with_the_most_at_stake() {
    let all_known = plan(
        &[poll_priority(100.0), None, poll_priority(1.0)],
        terms(1.0),
    );
    assert_eq!(seconds(&all_known, 0), seconds(&all_known, 1));
    assert!(seconds(&all_known, 1) < seconds(&all_known, 2));
    let intervals = all_seconds(&plan(&[None, None], terms(1.0)));
    assert_eq!(intervals[0], intervals[1]);
}

#[test]
fn a_budget_that_is_not_enough_for_the_longest_interval_stretches_it() {
    // An hour takes 730 readings of 3 metrics for 1,000 functions, which are 21.90 USD.
    let mut poll_priorities = vec![poll_priority(0.0); 1_000];
    poll_priorities[..100].fill(poll_priority(100.0));
    let slow = plan(&poll_priorities, terms(10.0));
    assert!(slow.is_over_budget());
    // Half of the 9 USD that are planned are enough for reading everybody at this one.
    let longest = 3_600.0 * 21.9 / 4.5;
    assert!((slow.longest().as_secs_f64() - longest).abs() < 1.0);
    assert!((seconds(&slow, 999) - longest).abs() < 1.0);
    // The 900 that are idle take nine tenths of that, and the others share the rest.
    let readings = (9.0 - 0.9 * 4.5) / 3e-5 / 100.0;
    assert!((seconds(&slow, 0) - 730.0 * 3_600.0 / readings).abs() < 1.0);
    // However small it is, nobody waits for longer than the limit.
    let slower = plan(&poll_priorities, terms(0.01));
    assert_eq!(slower.longest(), ScheduleLimits::LIMIT);
    assert_eq!(seconds(&slower, 999), ScheduleLimits::LIMIT.as_secs_f64());
    assert!(slower.expected().cost() > usd(0.01));
}

#[test]
fn all_is_read_each_time_where_the_budget_is_enough_for_it() {
    let whole = MetricPoll {
        all_every: 1,
        statistics: 6.0,
        metrics: 5.0,
    };
    // Each minute of a month with 6 metrics: 2.628 USD.
    for (budget, expected) in [(2.628 / 0.9 + 0.01, 1), (2.628 / 0.9 - 0.01, 4)] {
        let ids = [id(0)];
        let functions = ids.iter().map(|id| (id, poll_priority(5.0)));
        let terms = terms(budget);
        let plan = Plan::new(functions, &[whole, READING], terms, Forecast::default());
        assert_eq!(plan.all_every(), expected, "{budget}");
        assert_eq!(seconds(&plan, 0), 60.0);
    }
}

#[test]
fn nobody_to_read_costs_nothing() {
    let plan = plan(&[], terms(10.0));
    assert!(plan.expected().cost().is_zero());
    assert_eq!(plan.functions(), 0);
    assert!(!plan.is_over_budget());
}

#[test]
fn the_ladder_holds_every_function_once_and_all_that_is_spent() {
    let poll_priorities: Vec<_> = (0..200)
        .map(|index| poll_priority(1.5_f64.powi(index % 20)))
        .collect();
    let plan = plan(&poll_priorities, terms(5.0));
    let steps = [60, 300, 900, 3_600].map(Duration::from_secs);
    let intervals = plan.intervals(&steps);
    assert_eq!(
        intervals
            .iter()
            .map(|interval_step| interval_step.functions)
            .sum::<usize>(),
        200
    );
    let sum: f64 = intervals
        .iter()
        .map(|interval_step| interval_step.expected.cost().usd())
        .sum();
    assert!((sum - plan.expected().cost().usd()).abs() < 1e-6);
    assert!(intervals.is_sorted_by_key(|interval_step| interval_step.up_to));
    assert!(intervals.len() > 1, "{intervals:?}");
}

/// Stakes over many orders of magnitude, some idle, some new.
fn estates() -> impl Strategy<Value = Vec<Option<PollPriority>>> {
    let dollars = prop_oneof![
        1 => Just(0.0),
        6 => (-4.0..4.0_f64).prop_map(|exponent| 10_f64.powf(exponent)),
    ];
    let margin = proptest::option::of((0.0..1.0).prop_map(|one| Ratio::from_factor(one).unwrap()));
    let known = (dollars, margin).prop_map(|(dollars, margin)| PollPriority {
        monthly: usd(dollars),
        margin,
    });
    prop::collection::vec(proptest::option::weighted(0.9, known), 1..60)
}

/// `Σ w · T`: what the plan makes small. A new function has the largest weight.
fn staleness(poll_priorities: &[Option<PollPriority>], intervals: &[f64]) -> f64 {
    let known = poll_priorities
        .iter()
        .flatten()
        .map(|poll_priority| poll_priority.weight());
    let heaviest = known.fold(0.0, f64::max);
    let weights = poll_priorities
        .iter()
        .map(|one| one.map_or(heaviest, PollPriority::weight));
    weights
        .zip(intervals)
        .map(|(weight, interval)| weight * interval)
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_plan_keeps_to_budget_and_limits(poll_priorities in estates(), budget in 0.02..40.0_f64) {
        let plan = plan(&poll_priorities, terms(budget));
        let longest = plan.longest().as_secs_f64();
        for interval in all_seconds(&plan) {
            prop_assert!((60.0..=longest + 1e-6).contains(&interval));
        }
        prop_assert!(longest <= ScheduleLimits::LIMIT.as_secs_f64());
        if plan.longest() < ScheduleLimits::LIMIT {
            prop_assert!(plan.expected().cost().usd() <= budget * PLANNED_SHARE * (1.0 + 1e-6));
        }
        // All of it is used, unless all are read at the shortest interval already.
        let all_at_the_shortest = all_seconds(&plan).iter().all(|one| *one < 60.0 + 1e-6);
        if !all_at_the_shortest && plan.longest() < ScheduleLimits::LIMIT {
            let all_at_the_longest = all_seconds(&plan).iter().all(|one| *one > longest - 1e-3);
            let used = plan.expected().cost().usd() / (budget * PLANNED_SHARE);
            prop_assert!(all_at_the_longest || used > 1.0 - 1e-6, "{used}");
        }
    }

    #[test]
    fn more_at_stake_is_never_read_less_often(poll_priorities in estates(), budget in 0.02..40.0_f64) {
        let plan = plan(&poll_priorities, terms(budget));
        let known = |index: usize| Some((poll_priorities[index]?.weight(), seconds(&plan, index)));
        for (one, other) in (0..poll_priorities.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
            if let (Some(one), Some(other)) = (known(one), known(other))
                && one.0 > other.0
            {
                prop_assert!(one.1 <= other.1, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn no_shift_of_readings_from_one_function_to_another_is_better(
        poll_priorities in estates(),
        budget in 0.5..40.0_f64,
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        share in 0.01..0.9_f64,
    ) {
        let plan = plan(&poll_priorities, terms(budget));
        let longest = plan.longest().as_secs_f64();
        let planned = all_seconds(&plan);
        let (from, to) = (from.index(planned.len()), to.index(planned.len()));
        // The same number of readings in sum, differently given out, as far as the limits allow.
        let (less, more) = (planned[from].recip(), planned[to].recip());
        let moved = share * (less - longest.recip()).min(60_f64.recip() - more).max(0.0);
        let mut other = planned.clone();
        other[from] = (less - moved).recip();
        if from != to {
            other[to] = (more + moved).recip();
        }
        let (here, there) = (staleness(&poll_priorities, &planned), staleness(&poll_priorities, &other));
        prop_assert!(here <= there * (1.0 + 1e-6), "{here} {there}");
    }

    #[test]
    fn a_larger_budget_lengthens_no_interval(poll_priorities in estates(), budget in 0.02..20.0_f64) {
        let (less, more) = (plan(&poll_priorities, terms(budget)), plan(&poll_priorities, terms(budget * 1.7)));
        for (less, more) in all_seconds(&less).into_iter().zip(all_seconds(&more)) {
            prop_assert!(more <= less * (1.0 + 1e-6));
        }
    }
}

//! What is said of the numbers that an engine comes to.

use super::*;
use breakeven_model::Ineligibility;
use breakeven_model::alternatives::ProjectionInputs;
use breakeven_model::explanation::{Explanation, Input, Inputs, explain};
use breakeven_model::inputs::Evidence;
use breakeven_model::inventory::ProvisionedConcurrency;
use breakeven_model::regression::Scatter;

/// The explanation of the only subject, ten seconds after the report was made.
pub(super) fn explained(report: &Report) -> Explanation {
    let seconds_ago = |seconds: i64| Input {
        last_success: Some(report.at - jiff::SignedDuration::from_secs(seconds)),
        is_failing: seconds > 100,
    };
    let inputs = Inputs {
        now: report.at + jiff::SignedDuration::from_secs(10),
        sources: BTreeMap::from([
            ("kubernetes", seconds_ago(0)),
            ("usage", seconds_ago(110)),
            ("requests", seconds_ago(24)),
            ("lambda", seconds_ago(50)),
            ("cloudwatch", seconds_ago(20)),
        ]),
    };
    explain(report, only(report), &inputs)
}

/// Where an explanation has a line from, and what it says.
pub(super) fn line<'a>(
    explanation: &'a Explanation,
    title: &str,
    name: &str,
) -> (&'a str, &'a str) {
    let section = explanation.sections.iter().find(|one| one.title == title);
    let line = section.and_then(|one| one.lines.iter().find(|line| line.name == name));
    line.map_or_else(
        || panic!("no {name:?} under {title:?} in {explanation}"),
        |line| (&*line.from, &*line.result),
    )
}

/// A day in which web served so many times the requests of [`a_day_of_traffic`].
fn busy(times: f64) -> Report {
    let mut engine = engine();
    run_for(&mut engine, 0, 3_600);
    let Observation::Traffic(mut traffic) = a_day_of_traffic(3_600) else {
        unreachable!()
    };
    for step in &mut traffic.steps {
        let times = breakeven_model::test_util::ratio(times);
        step.requests = step.requests * times;
        step.latency = step
            .latency
            .map(|(sum, count)| (sum * times, count * times));
    }
    engine.observe(Observation::Traffic(traffic));
    engine.report(at(3_600))
}

/// What an explanation says of a name.
fn result(explanation: &Explanation, title: &str, name: &str) -> String {
    line(explanation, title, name).1.to_owned()
}

#[test]
fn every_number_of_a_workload_is_explained_with_what_it_is_made_of() {
    let mut engine = engine();
    run_for(&mut engine, 0, 3_600);
    engine.observe(a_day_of_traffic(3_600));
    let report = engine.report(at(3_600));
    let explanation = explained(&report);
    let is = |title, name| result(&explanation, title, name);
    assert_eq!(explanation.title, "shop/Deployment/web");
    assert_eq!(is("What was seen", "cost"), "$0.1000 in 1.00 h");
    assert_eq!(is("What was seen", "requests"), "86,400");
    assert_eq!(is("What was seen", "latency (w)"), "100.0 ms");
    assert!(
        is("Prices of its nodes", "n").starts_with("$0.1000 an hour"),
        "{explanation}"
    );
    assert_eq!(is("Cost in the cluster", "loaded a month"), "$73.00");
    assert_eq!(
        is("Cost in the cluster", "one request"),
        "$27.78 for a million"
    );
    assert_eq!(is("The same on Lambda", "processor time (s)"), "100.0 ms");
    assert_eq!(is("The same on Lambda", "memory (M)"), "1229 MiB, arm64");
    assert_eq!(is("The same on Lambda", "duration d(M)"), "143.9 ms");
    assert_eq!(is("Verdict", "verdict"), "lambda");
    let text = explanation.to_string();
    assert!(
        text.contains("its band lies below that of Kubernetes"),
        "{text}"
    );
}

#[test]
fn a_function_is_explained_on_both_platforms() {
    let mut engine = engine();
    engine.observe(cluster(0, vec![]));
    engine.observe(listed(vec![resize()]));
    engine.observe(a_day_of_minutes(0));
    let report = engine.report(at(0));
    let explanation = explained(&report);
    let is = |title, name| result(&explanation, title, name);
    assert_eq!(explanation.title, "123456789012/us-east-1/resize");
    assert_eq!(is("What was seen", "invocations"), "86,400");
    assert_eq!(is("Cost on Lambda", "requests of a month"), "2,628,000");
    assert_eq!(is("Cost on Lambda", "a month"), "$22.45");
    assert_eq!(
        is("The same in the cluster", "pods (n), mean"),
        "2.00, at most 2.00"
    );
    assert_eq!(is("The same in the cluster", "a month"), "$24.33");
    assert!(
        explanation
            .to_string()
            .contains("the bands overlap; knowing the placement better"),
        "{explanation}"
    );
    assert_eq!(is(TURNING, "cost on Kubernetes"), "below $22.43");
}

#[test]
fn each_input_is_shown_with_its_source_and_age() {
    let explanation = explained(&busy(1.0));
    let from = |name| line(&explanation, "What was seen", name).0.to_owned();
    assert_eq!(
        line(&explanation, "Report", "made"),
        ("at 2027-01-15 01:00:00 UTC", "10 s ago")
    );
    assert!(from("cost").ends_with("; source kubernetes, 10 s old"));
    assert_eq!(
        from("processors used"),
        "source usage, 2 min old, failing since; over 1.00 h"
    );
    assert_eq!(from("requests"), "source requests, 34 s old; over 24.00 h");
    assert_eq!(
        line(&explanation, "Prices of its nodes", "n"),
        (
            "config: prices.nodes[0]; / (2.00 cores x 10.10 + 8.00 GiB)",
            "$0.1000 an hour, $0.03582 a core, $0.003546 a GiB"
        )
    );
}

const TURNING: &str = "What would change the verdict";

#[test]
fn what_would_turn_a_verdict_is_said() {
    let lambda = explained(&busy(1.0));
    let is = |name| line(&lambda, TURNING, name);
    let traffic = "29,039,454 requests a month";
    assert_eq!(
        is("traffic"),
        ("now 2,628,000; above it Kubernetes costs less", traffic)
    );
    assert_eq!(
        is("utilisation"),
        ("now 7.1 %; above it Kubernetes costs less", "78.8 %")
    );
    // 73.00 and at most 8.16 USD.
    assert_eq!(is("cost on Kubernetes").1, "88.8 % less");

    let kubernetes = explained(&busy(40.0));
    let is = |name| line(&kubernetes, TURNING, name);
    assert!(
        is("traffic").0.ends_with("below it Lambda costs less"),
        "{kubernetes}"
    );
    assert!(is("cost on Lambda").1.ends_with("% less"), "{kubernetes}");
}

#[test]
fn the_end_of_a_parameter_that_would_decide_is_named() {
    // 73.00 USD where it runs; on Lambda as much, but for the speed of its cores and what it computes without requests.
    let explanation = explained(&busy(15.0));
    let is = |name| line(&explanation, TURNING, name).1;
    assert_eq!(result(&explanation, "Verdict", "verdict"), "inconclusive");
    assert_eq!(is("core speed, q = 0.8000"), "lambda");
    // Of what it computes too little is known for the other end to decide.
    assert!(
        !explanation.to_string().contains("q = 1.25"),
        "{explanation}"
    );
    assert_eq!(is("cost on Lambda"), "below $73.00");
    // Its memory never changed: knowing it decides nothing.
    assert!(!explanation.to_string().contains("working set, W"));
}

#[test]
fn a_verdict_that_has_not_held_for_long_is_said_to_be_on_its_way() {
    let mut report = busy(1.0);
    report.workloads[0].assessment.verdict = Verdict::Kubernetes;
    let explanation = explained(&report);
    assert_eq!(
        line(&explanation, TURNING, "time"),
        (
            "what the bands say now; it stands once it has held for 24 h",
            "lambda"
        )
    );
}

#[test]
fn nodes_of_the_same_price_have_a_line_together() {
    let mut report = busy(1.0);
    for name in ["o", "p"] {
        let mut more = report.nodes[0].clone();
        more.node = machine(name);
        report.nodes.push(more);
        report.workloads[0].nodes.push(name.into());
    }
    let explanation = explained(&report);
    let prices = result(&explanation, "Prices of its nodes", "n and 2 more");
    assert!(prices.starts_with("$0.1000 an hour"), "{explanation}");
}

#[test]
fn a_price_that_was_fetched_has_an_age() {
    let mut report = busy(1.0);
    let price = report.nodes[0].price.as_mut().unwrap();
    price.provenance.fetched_at = Some(at(0));
    let explanation = explained(&report);
    let from = line(&explanation, "Prices of its nodes", "n").0;
    assert!(from.contains("prices.nodes[0], 60 min old;"), "{from}");
}

#[test]
fn processor_time_that_is_unknown_is_named_as_what_is_missing() {
    let mut report = busy(1.0);
    let missing = "processor time per request is unknown: CPU usage and requests have not been observed at the same time";
    assert!(!explained(&report).to_string().contains(missing));
    let web = &mut report.workloads[0];
    web.assessment.verdict = Verdict::InsufficientData;
    let Evidence::Workload(evidence) = &mut web.assessment.evidence else {
        panic!("it is a workload")
    };
    evidence.window.traffic.as_mut().unwrap().paired = Scatter::default();
    evidence.window.recent = None;
    let explanation = explained(&report);
    let (from, _) = line(&explanation, "Verdict", "verdict");
    assert!(from.starts_with(missing), "{from}");
}

#[test]
fn processor_time_of_rare_requests_is_said_to_be_of_the_last_days() {
    let mut report = busy(1.0);
    let Evidence::Workload(evidence) = &mut report.workloads[0].assessment.evidence else {
        panic!("it is a workload")
    };
    let traffic = evidence.window.traffic.as_mut().unwrap();
    traffic.is_paired_by_month = true;
    let explanation = explained(&report);
    let (from, _) = line(&explanation, "The same on Lambda", "processor time (s)");
    assert!(
        from.starts_with("mean usage x time counted / requests of the last 28 days = ")
            && from.ends_with("an upper bound, as requests are too rare for a slope"),
        "{from}"
    );
}

#[test]
fn what_would_block_only_at_an_upper_bound_is_shown_as_that() {
    let mut report = busy(1.0);
    let lambda = &mut report.workloads[0].assessment.alternatives[0];
    let Some(ProjectionInputs::Lambda(inputs)) = &mut lambda.inputs else {
        panic!("it has no inputs of Lambda")
    };
    inputs.possible_blockers = vec![Ineligibility::Latency];
    let explanation = explained(&report);
    let (from, what) = line(&explanation, "Verdict", "may not be able to move");
    assert_eq!(what, "latency");
    assert!(from.ends_with("it blocks nothing"), "{from}");
}

/// The explanation of a function that has five environments kept ready.
fn provisioned_concurrency(settings: ModelParameters, minutes: Observation) -> Explanation {
    let mut engine = Engine::new(at(0), settings, PriceBook::default(), limits());
    let function = Function {
        provisioned: Some(vec![ProvisionedConcurrency {
            qualifier: "live".into(),
            concurrency: 5,
        }]),
        ..resize()
    };
    engine.observe(listed(vec![function]));
    engine.observe(minutes);
    explained(&engine.report(at(0)))
}

#[test]
fn a_discount_is_in_the_break_even_of_provisioned_concurrency() {
    let mut settings = settings();
    let shown = |settings: &ModelParameters| {
        let explanation = provisioned_concurrency(settings.clone(), a_day_of_minutes(0));
        let (from, result) = line(&explanation, "Cost on Lambda", "provisioned pays above");
        let advice = explanation.to_string().contains("provisioned never pays");
        (from.to_owned(), result.to_owned(), advice)
    };
    let (from, result, is_advised) = shown(&settings);
    assert_eq!(
        from,
        "4.17 / (16.67 - 9.72), prices of a million GB-s in us-east-1: provisioned / (on demand - inside)"
    );
    assert_eq!((&*result, is_advised), ("60.0 % of it in use", false));
    // 4.1667 / (16.6667 x 0.8 - 9.7222) is 115.4 %.
    settings.lambda.discount = breakeven_model::test_util::ratio(0.2);
    let (from, result, is_advised) = shown(&settings);
    assert_eq!(
        from,
        "4.17 / (16.67 x (1 - 0.2000) - 9.72), prices of a million GB-s in us-east-1: provisioned / \
         (on demand x (1 - discount) - inside)"
    );
    assert_eq!((&*result, is_advised), ("never (115.4 %)", true));
}

#[test]
fn a_rare_function_is_told_which_window_it_needs() {
    let few = |window: f64| {
        let settings = ModelParameters {
            decision_window: seconds(window * 86_400.0),
            ..settings()
        };
        let Observation::FunctionMinutes(mut minutes) = a_day_of_minutes(0) else {
            unreachable!()
        };
        for (at, minute) in (0..).zip(&mut minutes.functions[0].minutes) {
            if at % 60 != 0 {
                minute.invocations = Requests::ZERO;
                minute.duration = Seconds::ZERO;
            } else {
                minute.invocations = Requests::ONE;
            }
        }
        let explanation = provisioned_concurrency(settings, Observation::FunctionMinutes(minutes));
        let (from, verdict) = line(&explanation, "Verdict", "verdict");
        assert_eq!(verdict, "insufficient_data");
        from.to_owned()
    };
    assert_eq!(
        few(1.0),
        "fewer than 100 invocations in the decision window of 24 h; rare invocations need more than 3 days: \
         set model.decision_window_seconds to 345600 (4 days)"
    );
    assert!(few(4.0).ends_with("it comes with time"));
}

//! What holds for every exposition.

use proptest::prelude::*;

use super::reports::{bare, everything, nothing, workload};
use super::*;
use crate::exposition::encode::abnf;
use breakeven_model::WorkloadRef;

#[test]
fn openmetrics_reads_back_as_the_specification_has_it() {
    let exposition = text_of(&rendered(&everything(), usize::MAX), OPENMETRICS);
    let families = abnf::read(&exposition).unwrap();
    let family = |name: &str| families.iter().find(|family| family.name == name).unwrap();

    let cost = family("breakeven_workload_cost_usd");
    assert_eq!(
        (cost.kind.as_deref(), cost.unit.as_deref()),
        (Some("counter"), Some("usd"))
    );
    assert!(
        cost.samples
            .iter()
            .all(|sample| sample.0 == "breakeven_workload_cost_usd_total")
    );

    let facts = family("breakeven_workload");
    assert_eq!(
        (facts.kind.as_deref(), facts.unit.as_deref()),
        (Some("info"), None)
    );
    assert_eq!(facts.samples.len(), 3);

    let price = family("breakeven_node_price_usd_per_hour");
    assert_eq!(price.unit.as_deref(), Some("usd_per_hour"));
}

#[test]
fn both_formats_say_the_same() {
    let rendered = rendered(&everything(), usize::MAX);
    let samples = |format| {
        let text = text_of(&rendered, format);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(samples(Format::Text), samples(OPENMETRICS));
}

#[test]
fn the_compressed_bytes_inflate_to_the_plain_ones() {
    let rendered = rendered(&everything(), usize::MAX);
    for format in [Format::Text, OPENMETRICS] {
        assert_eq!(inflated(&rendered, format), text_of(&rendered, format));
    }
}

#[test]
fn the_order_of_the_report_does_not_show() {
    let report = everything();
    let mut turned = report.clone();
    turned.workloads.reverse();
    turned.nodes.reverse();
    assert_eq!(text(&report), text(&turned));
}

#[test]
fn a_report_of_nothing_is_still_an_exposition() {
    let exposition = text_of(&rendered(&nothing(), usize::MAX), OPENMETRICS);
    let names: Vec<String> = abnf::read(&exposition)
        .unwrap()
        .into_iter()
        .map(|family| family.name)
        .collect();
    assert_eq!(
        names,
        [
            "breakeven_report_timestamp_seconds",
            "breakeven_series",
            "breakeven_build"
        ]
    );
}

/// Text as hostile as a label's value can be.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(
            prop_oneof![
                Just('"'),
                Just('\\'),
                Just('\n'),
                Just('\r'),
                Just('}'),
                Just(','),
                any::<char>()
            ],
            1..12
        )
        .prop_map(|chars| chars.into_iter().collect()),
        "\\PC{1,12}",
    ]
}

proptest! {
    #[test]
    fn any_name_is_read_back_as_it_was(namespace in hostile(), name in hostile(), team in hostile()) {
        let mut workload_report = bare(WorkloadRef::Kubernetes(workload(&namespace, "Deployment", &name)));
        workload_report.facts.team = Some(team.as_str().into());
        let report = Report { workloads: vec![workload_report], ..nothing() };
        let exposition = text_of(&rendered(&report, usize::MAX), OPENMETRICS);
        let families = abnf::read(&exposition).map_err(TestCaseError::fail)?;
        let facts = families.iter().find(|family| family.name == "breakeven_workload").unwrap();
        let expected = [
            ("home", "kubernetes"),
            ("namespace", namespace.as_str()),
            ("workload_kind", "Deployment"),
            ("workload", name.as_str()),
            ("team", team.as_str()),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        prop_assert_eq!(&facts.samples[0].1, &expected);
    }

    #[test]
    fn no_series_is_there_twice_whatever_the_report_says(picks in proptest::collection::vec(0_usize..3, 0..8)) {
        let all = everything();
        let mut report = all.clone();
        for pick in picks {
            let mut again = all.workloads[pick].clone();
            again.cost_total.extend(again.cost_total.clone());
            report.workloads.push(again);
            report.nodes.extend(all.nodes.clone());
            report.accounts.extend(all.accounts.clone());
        }
        let exposition = text_of(&rendered(&report, usize::MAX), OPENMETRICS);
        prop_assert!(abnf::read(&exposition).is_ok(), "{:?}", abnf::read(&exposition));
    }
}

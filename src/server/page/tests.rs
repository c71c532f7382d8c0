use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::exposition::tests::reports::{
    at, bare, checkout, everything, nothing, postgres, usd, workload,
};
use crate::exposition::{Inputs, SelfMetricValues, render};
use breakeven_clock::Clock;
use breakeven_model::inventory::{Reason, Source};
use breakeven_model::{Verdict, WorkloadRef};

fn settings() -> ServerConfig {
    ServerConfig {
        clock: Clock::accelerated(at(), 1e-9),
        ..ServerConfig::default()
    }
}

fn page_of(report: Report, sources: BTreeMap<SourceId, SourceStatus>) -> String {
    let rendered = render(&Inputs {
        report: &report,
        sources: &sources,
        own: &SelfMetricValues::new(Build::THIS),
        external_labels: &[],
        settings: crate::exposition::RenderConfig::default(),
    });
    let published = ReportSnapshot {
        report: Arc::new(report),
        sources,
        rendered,
    };
    super::report(&settings(), &published)
}

/// The text of the page between its tags, each piece once.
fn texts(page: &str) -> Vec<&str> {
    let body = page.split_once("<body>").unwrap().1;
    let pieces = body.split('<').filter_map(|piece| piece.split_once('>'));
    pieces
        .map(|(_, text)| text.trim())
        .filter(|text| !text.is_empty())
        .collect()
}

/// The texts of the row that begins with this name.
fn row<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let rows = page
        .split("<tr>")
        .filter_map(|row| row.split("</tr>").next());
    let texts = rows.map(|row| {
        let pieces = row.split('<').filter_map(|piece| piece.split_once('>'));
        let texts = pieces.map(|(_, text)| text.trim());
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>()
    });
    let mut named = texts.filter(|texts| texts.first() == Some(&name));
    named.next().unwrap()
}

#[test]
fn a_workload_is_shown_with_both_platforms_and_what_follows() {
    let page = page_of(everything(), BTreeMap::new());
    assert_eq!(
        row(&page, "checkout"),
        [
            "checkout",
            "shop · Deployment",
            "Kubernetes",
            "$60.74",
            "$12.15",
            "$1.03",
            "+$55.50",
            "40 % / 387 %",
            "Lambda"
        ]
    );
    assert_eq!(
        row(&page, "thumbnails"),
        [
            "thumbnails",
            "123456789012 · eu-west-1",
            "Lambda",
            "$5.17",
            "$1.80",
            "$1.03",
            "−$4.00",
            "– / –",
            "Lambda"
        ]
    );
}

#[test]
fn what_is_not_known_is_a_dash() {
    let page = page_of(everything(), BTreeMap::new());
    let dash = "–";
    assert_eq!(
        row(&page, "postgres"),
        [
            "postgres",
            "shop · StatefulSet",
            "Kubernetes",
            dash,
            dash,
            dash,
            dash,
            "– / –",
            "too little seen yet",
            "cannot move: stateful, memory"
        ]
    );
}

#[test]
fn the_dearest_come_first_and_the_rest_is_counted() {
    let mut report = nothing();
    for index in 0..30 {
        let mut workload_report = checkout();
        workload_report.workload =
            WorkloadRef::Kubernetes(workload("shop", "Deployment", &format!("w{index:02}")));
        for (_, cost) in &mut workload_report.assessment.current {
            cost.monthly =
                breakeven_model::uncertainty::CostEstimate::exactly(usd(f64::from(index)));
        }
        report.workloads.push(workload_report);
    }
    let page = page_of(report, BTreeMap::new());
    let first = page.find(">w29</a>").unwrap();
    let next = page.find(">w28</a>").unwrap();
    assert!(first < next && !page.contains(">w04</a>"));
    assert!(
        texts(&page)
            .iter()
            .any(|text| text.starts_with("5 more cost less"))
    );
}

#[test]
fn a_platform_is_not_said_to_cost_less_because_the_other_one_is_blocked() {
    let mut stuck = checkout();
    stuck.assessment.verdict = Verdict::Kubernetes;
    stuck.assessment.alternatives[0].blockers = postgres().assessment.blockers().to_vec();
    stuck.workload = WorkloadRef::Kubernetes(workload("shop", "Deployment", "stuck"));
    let mut report = everything();
    report.workloads.push(stuck);
    let page = page_of(report, BTreeMap::new());
    let row = row(&page, "stuck");
    // Its cost on Lambda stands beside it, and is lower.
    assert_eq!(row[4..6], ["$12.15", "$1.03"]);
    assert_eq!(row[row.len() - 2..], ["cannot move", "stateful, memory"]);
}

#[test]
fn the_tiles_sum_up_and_only_those_count_that_can_move() {
    let mut stuck = checkout();
    stuck.assessment.alternatives[0].blockers = postgres().assessment.blockers().to_vec();
    stuck.workload = WorkloadRef::Kubernetes(workload("shop", "Deployment", "stuck"));
    let mut report = everything();
    report.workloads.push(stuck);
    let page = page_of(report, BTreeMap::new());
    let texts = texts(&page);
    for (number, label) in [
        ("$1,806.50", "the cluster costs each month"),
        ("40 %", "of what is paid for the workloads that could move"),
        ("46 %", "of use is where Lambda would cost the same"),
        ("$55.50", "the one workload"),
        ("1", "of 2 nodes have no known price; 3 pods"),
    ] {
        let found = texts
            .windows(2)
            .any(|pair| pair[0] == number && pair[1].contains(label));
        assert!(found, "{number} {label}: {texts:?}");
    }
}

#[test]
fn each_name_leads_to_its_explanation_and_the_columns_to_the_model() {
    let page = page_of(everything(), BTreeMap::new());
    for link in [
        "<a href=\"./api/v1/explain/shop/Deployment/checkout\">checkout</a>",
        "<a href=\"./api/v1/explain/123456789012/eu-west-1/thumbnails\">thumbnails</a>",
        "<a href=\"./docs/cost-model\">How each column is computed</a>",
    ] {
        assert!(page.contains(link), "{link}: {page}");
    }
}

#[test]
fn a_source_is_shown_with_its_age_and_what_to_do() {
    let works = SourceStatus {
        up: Some(true),
        last_success: at().checked_sub(jiff::SignedDuration::from_secs(12)).ok(),
        last_duration: Some(std::time::Duration::from_millis(250)),
        ..SourceStatus::default()
    };
    let fails = SourceStatus {
        up: Some(false),
        errors: [(Reason::Forbidden, 1)].into(),
        last_error: Some("listing was refused; grant lambda:ListFunctions".into()),
        ..SourceStatus::default()
    };
    let sources = [
        (Source::Kubernetes.into(), works),
        (Source::Lambda.into(), fails),
        (Source::Requests.into(), SourceStatus::default()),
    ];
    let page = page_of(nothing(), sources.into());
    assert_eq!(
        row(&page, "kubernetes"),
        ["kubernetes", "up", "12 s ago", "0.25 s", "–"]
    );
    let error = "listing was refused; grant lambda:ListFunctions";
    assert_eq!(row(&page, "lambda"), ["lambda", "failing", "–", "–", error]);
    assert_eq!(
        row(&page, "requests"),
        ["requests", "not tried yet", "–", "–", "–"]
    );
}

#[test]
fn names_and_errors_never_become_markup() {
    let hostile = "\"><script>alert(1)</script>'&";
    let mut workload_report = bare(WorkloadRef::Kubernetes(workload(hostile, hostile, hostile)));
    workload_report.assessment.verdict = Verdict::Unpriced;
    let report = Report {
        workloads: vec![workload_report],
        ..nothing()
    };
    let status = SourceStatus {
        last_error: Some(hostile.into()),
        ..SourceStatus::default()
    };
    let sources = BTreeMap::from([(Source::Kubernetes.into(), status)]);
    let waiting = NotReady {
        sources: sources.clone(),
        rendered: None,
    };
    let telemetry_path = format!("/{hostile}");
    let settings = ServerConfig {
        telemetry_path,
        ..settings()
    };
    for page in [
        page_of(report, sources),
        super::waiting(&settings, &waiting),
    ] {
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains(hostile));
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;"));
    }
}

#[test]
fn before_the_first_report_the_page_says_so() {
    let page = super::waiting(&settings(), &NotReady::default());
    let texts = texts(&page);
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("There is no report yet")),
        "{texts:?}"
    );
    assert!(!page.contains("report of"));
}

#[test]
fn the_page_fetches_nothing_from_elsewhere() {
    let page = page_of(everything(), BTreeMap::new());
    for sign in ["http:", "https:", "//", "<script", "@import", "url("] {
        assert!(!page.contains(sign), "{sign}");
    }
}
